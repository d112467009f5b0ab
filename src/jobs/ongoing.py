"""Work that outlives its worker when the worker loses the database: what was paid for is not thrown away."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from system.ending import end_tasks
from system.shortages import shortages_mapped


class OngoingWork:
    """The work of this process: at most one piece of work at a time for each subject.

    Jobs wait for the work. It goes on when a job that waits for it is cancelled.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._joined: Counter[str] = Counter()

    async def join(self, subject: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work on a subject, after that of an earlier job if it still goes on. Raises what either raises.

        When the machine has run out of something, that is ``OutOfResources``, whatever the work made of it.

        The work goes on when a job that waits here is cancelled. ``work`` is done even after an earlier job's work,
        which may have left the next step to the waiting job. So ``work`` has to find out what is done already.
        """
        while (task := self._tasks.get(subject)) is not None:
            await self._wait(subject, task)
            await asyncio.sleep(0)  # work that has just ended is forgotten in the loop's next round
        task = self._tasks[subject] = asyncio.ensure_future(_run(work))
        task.add_done_callback(lambda done: self._forget(subject, done))
        await self._wait(subject, task)

    async def _wait(self, subject: str, task: asyncio.Task[None]) -> None:
        self._joined[subject] += 1
        try:
            await asyncio.shield(task)
        finally:
            self._joined[subject] -= 1
            self._joined += Counter()  # forgets those that nobody waits for

    async def end_unjoined(self, subjects: Iterable[str]) -> None:
        """Cancel the work on those of these subjects for which no job waits, and wait until it has ended."""
        await asyncio.gather(*(self.end(subject) for subject in subjects if not self._joined[subject]))

    async def end(self, subject: str) -> None:
        """Cancel the work on a subject, and wait until it has ended."""
        if (task := self._tasks.get(subject)) is not None:
            await end_tasks([task])

    async def stop(self) -> None:
        """Cancel all work, and wait until it has ended."""
        await end_tasks(self._tasks.values())

    def _forget(self, subject: str, done: asyncio.Task[None]) -> None:
        del self._tasks[subject]
        if not done.cancelled():
            done.exception()  # perhaps no job waits for this error: the next job does the step again


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    with shortages_mapped():
        await work()
