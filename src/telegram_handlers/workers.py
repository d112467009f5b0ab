"""Updates of a person are handled one after another, in their order; people do not wait for one another."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class PersonWorkers(Generic[Item]):
    """A queue and a task for each person with updates to handle. ``work`` handles one item and must not raise."""

    def __init__(self, work: Callable[[Item], Awaitable[None]]) -> None:
        self._work = work
        self._queues: dict[int, deque[Item]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopped = False

    def put(self, person_id: int, item: Item) -> None:
        """Queue an item behind the person's earlier ones; after ``stop`` it is dropped."""
        if self._stopped:
            return
        if person_id in self._queues:
            self._queues[person_id].append(item)
            return
        self._queues[person_id] = deque([item])
        self._tasks[person_id] = asyncio.create_task(self._run(person_id))

    async def stop(self, grace_s: float) -> None:
        """Wait for items in work, cancel those that take longer than ``grace_s`` seconds, and drop the waiting ones."""
        self._stopped = True
        tasks = list(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, person_id: int) -> None:
        queue = self._queues[person_id]
        try:
            while queue and not self._stopped:
                await self._work(queue.popleft())
        finally:
            del self._queues[person_id], self._tasks[person_id]
