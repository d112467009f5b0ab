"""Updates of a person are handled one after another, in their order; people do not wait for one another.

Only ratings go beside the others.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from datamodels_telegram import SeenUpdate
from followers import delay_s, ended_well
from markups.callback_data import Action
from system.ending import end_tasks

Item = TypeVar("Item")

_MOST_FAILURES = 5


def queue_of(seen: SeenUpdate) -> tuple[int, bool]:
    """Return the key of the queue that an update waits in: a person has one queue for ratings, one for all else.

    No other update depends on a rating, so none waits behind one that Telegram or the database holds up.
    """
    return seen.person.id, (seen.data or "").startswith(f"{Action.RATE_ANSWER}||")


class PersonWorkers(Generic[Item]):
    """A queue and a task for each key, such as a person, with items to work on.

    An item for which ``work`` raises is worked on again after a pause, before the items behind it. After five failures
    it is left for the next start, and the items behind it have their turn.
    """

    def __init__(self, work: Callable[[Item], Awaitable[None]]) -> None:
        self._work = work
        self._queues: dict[Hashable, deque[Item]] = {}
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._stopped = False

    def put(self, key: Hashable, item: Item) -> None:
        """Queue an item behind the earlier ones of its key; after ``stop`` it is dropped."""
        if self._stopped:
            return
        if key in self._queues:
            self._queues[key].append(item)
            return
        self._queues[key] = deque([item])
        self._tasks[key] = asyncio.create_task(self._run(key))

    async def stop(self, grace_s: float) -> None:
        """Wait for items in work, cancel those that take longer than ``grace_s`` seconds, and drop the waiting ones."""
        self._stopped = True
        tasks = list(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace_s)
        await end_tasks(late)

    async def _run(self, key: Hashable) -> None:
        queue = self._queues[key]
        try:
            while queue and not self._stopped:
                item = queue.popleft()
                for failures in range(_MOST_FAILURES):
                    if await ended_well(self._work(item), worker="updates") or self._stopped:
                        break
                    await asyncio.sleep(delay_s(failures))
        finally:
            del self._queues[key], self._tasks[key]
