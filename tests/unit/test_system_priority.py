"""Threads that compute leave the processor to the event loop."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from system.priority import yield_processor


def test_a_thread_that_yields_the_processor_has_a_lower_priority_and_leaves_that_of_others() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    with ThreadPoolExecutor(1, initializer=yield_processor) as yielding, ThreadPoolExecutor(1) as other:
        # sched(7): each step of niceness is a factor of 1.25, so ten of them are a ninth of the processor.
        assert yielding.submit(priority).result() == max(10, priority())
        assert other.submit(priority).result() == priority()
