"""Ends tasks: a cancellation can get lost, and whoever waits for the task would then wait for ever."""

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_S = 30.0
"""Seconds after which a task is cancelled again. An orderly end takes less: a worker waits ten seconds for answers that
cost money, work five for its results to be stored, and a second cancellation would break this off."""


async def end_tasks(tasks: Iterable["asyncio.Task[Any]"], again_s: float = _AGAIN_S) -> None:
    """Cancel tasks, and wait until all have ended; what still runs ``again_s`` seconds later is cancelled again.

    One cancellation is not enough: ``asyncio.wait_for`` of Python 3.11, which libraries use, drops it when what it
    waits for comes in the same round of the event loop, and an error in the task's cleaning up takes its place. What
    the tasks raised is left to whoever looks at them.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=again_s)


def looked_at(task: "asyncio.Task[Any]") -> None:
    """Look at how a task has ended, as a callback of it: asyncio logs failures that nobody looked at."""
    if not task.cancelled():
        task.exception()
