"""Threads that compute leave the processor to the event loop."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from system.priority import at_own_priority, yield_processor


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_a_thread_that_yields_the_processor_has_a_lower_priority_and_leaves_that_of_others() -> None:
    with ThreadPoolExecutor(1, initializer=yield_processor) as yielding, ThreadPoolExecutor(1) as other:
        # sched(7): each step of niceness is a factor of 1.25, so ten of them are a ninth of the processor.
        assert yielding.submit(priority).result() == max(10, priority())
        assert other.submit(priority).result() == priority()


def test_what_has_the_interpreter_for_long_does_not_yield_the_processor() -> None:
    async def priorities() -> tuple[int, int]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1, initializer=yield_processor))
        return await asyncio.to_thread(priority), await at_own_priority(priority)

    assert asyncio.run(priorities()) == (max(10, priority()), priority())
