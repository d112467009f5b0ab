"""What an operator looks at: the parts, the queue, the disk, what is spent, and what is running."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from db import Database
from health import store
from health.board import Board, Part, PartState
from health.spending import Spent, spent_since
from health.store import QueueSizes
from system.local_time import beginning_of, today

_SPENDING_LASTS_S = 60.0
"""What is spent is summed up over tables that have no index for it."""


class Disk(NamedTuple):
    """The disk of what has to last, in bytes."""

    free: int
    total: int


class OperationState(NamedTuple):
    """How everything is; ``spent`` is of the month that began on ``month``."""

    parts: Mapping[Part, PartState]
    queue: QueueSizes
    disk: Disk
    spent: Sequence[Spent]
    month: datetime
    version: str
    commit: str | None


class Operation:
    """Tells how an installation is, whose state is in ``folder``; ``commit`` is None when it is not known."""

    def __init__(self, database: Database, board: Board, folder: Path, version: str, commit: str | None) -> None:
        self._database = database
        self._board = board
        self._folder = folder
        self._version = version
        self._commit = commit
        self._spent: tuple[float, datetime, Sequence[Spent]] | None = None

    async def state(self) -> OperationState:
        """Look at everything.

        Raises:
            DatabaseUnavailable: not possible now.
        """
        disk = await asyncio.to_thread(shutil.disk_usage, self._folder)
        async with self._database.transaction() as connection:
            queue = await store.queue_sizes(connection)
        month, spent = await self._month()
        parts = self._board.parts()
        return OperationState(parts, queue, Disk(disk.free, disk.total), spent, month, self._version, self._commit)

    async def _month(self) -> tuple[datetime, Sequence[Spent]]:
        month = beginning_of(today().replace(day=1))
        if self._spent is None or self._spent[1] != month or monotonic() - self._spent[0] > _SPENDING_LASTS_S:
            async with self._database.transaction() as connection:
                self._spent = monotonic(), month, await spent_since(connection, month)
        return month, self._spent[2]
