"""The priority of this process's threads."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from constants import BACKGROUND_NICE

Result = TypeVar("Result")


def yield_processor() -> None:
    """Lower the priority of the calling thread, and of those it starts, below that of the event loop.

    So buttons are answered while recordings take all cores. Only Linux has a priority for each thread; on other systems
    nothing changes.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICE)


async def at_own_priority(work: Callable[[], Result]) -> Result:
    """Return what ``work`` returns, done in a thread of this process's own priority while the event loop goes on.

    For work that has the interpreter for long: a thread of low priority keeps it, and everybody waiting, for as long as
    other programs want the processor.
    """
    thread = ThreadPoolExecutor(1)
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    finally:
        thread.shutdown(wait=False)
