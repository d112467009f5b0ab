"""What a bot and a worker, which run until they are stopped, have in common and short commands do without."""

import asyncio
import gc
import sys
from concurrent.futures import ThreadPoolExecutor

from application.parts import Application
from utils import yield_processor

RETRY_DELAYS_S = (30.0, 120.0, 600.0, 1800.0, 3600.0, 3600.0)
"""Seconds before each further try of a job that failed for a passing reason: nearly three hours in all."""
_THREADS = 16
"""Threads for blocking work: files, the object store, computing. More would share the same few cores."""
SWITCH_S = 0.0005
"""Seconds after which a computing thread hands the interpreter to the event loop. To handle one press, the event loop
gives the interpreter up and takes it back a dozen times. ``scripts/benchmark -k switch_interval`` measures what that
costs with this value and with Python's 5 ms."""


async def settle_in(application: Application) -> None:
    """Load the engines' libraries, and set threads and garbage collection for a process that runs for long."""
    # Not earlier: an engine that one of these threads starts inherits the thread's low priority. The embedded
    # database, for which buttons wait, must keep its share of the processor.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "work", initializer=yield_processor))
    sys.setswitchinterval(SWITCH_S)
    await application.engines.warm_up()
    # Objects loaded by now stay, so collections need not look at them: that would stop every thread for seconds.
    # Until now, the command line has put garbage collection off.
    gc.collect()
    gc.freeze()
    gc.enable()
