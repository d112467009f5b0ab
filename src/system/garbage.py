"""Garbage collection of a process that people wait for.

A collection of everything stops all threads, the longer the more objects there are: 50 ms for the words of one hour of
speech, and such a process has those of several at once. Nearly all objects end without one.
"""

import asyncio
import gc
import time

_FULL_AFTER = 1000
"""Collections of the middle generation before an automatic one of everything; Python's own number is 10. It only bounds
memory, should the process never be idle."""
_PERIOD_S = 60.0
_IDLE_SHARE = 0.1
"""Of a core that an idle process uses at most."""
_LONGEST_S = 3600.0
"""Seconds after which everything is collected in a busy process, too."""


def settle() -> None:
    """Leave out of collections what is loaded by now, and make those of everything rare. Blocking for a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _FULL_AFTER)
    gc.enable()


async def collect_when_idle(period_s: float = _PERIOD_S) -> None:
    """Collect everything when the process had little to do for a period, at the latest after an hour; never ends."""
    collected = time.monotonic()
    while True:
        used = time.process_time()
        await asyncio.sleep(period_s)
        is_idle = time.process_time() - used < _IDLE_SHARE * period_s
        if is_idle or time.monotonic() - collected >= _LONGEST_S:
            gc.collect()
            collected = time.monotonic()
