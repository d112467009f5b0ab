"""The state of the machine: which of its parts are away, and what waits for them."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

import outbox_store
from database.watch import Absence
from datamodels_chats import StorageState
from db import Database
from errors import DatabaseUnavailable
from outbox_store import Backlog
from updates_journal import UpdatesJournal


class MachineState(NamedTuple):
    """The state of the machine: ``database`` is None unless it is away, ``outbox`` is None when it cannot be read."""

    database: Absence | None
    engines_down: Mapping[str, datetime]
    """Names of embedded engines that died, and since when."""
    journaled: int
    """How many updates wait for the database."""
    outbox: Backlog | None
    conversations: StorageState
    """Where answers and ratings go, and how many wait for the database."""


class Machine:
    """Asks the parts of the machine. ``engines_down`` returns which embedded engines died, and since when."""

    def __init__(
        self,
        database: Database,
        journal: UpdatesJournal,
        engines_down: Callable[[], Mapping[str, datetime]],
        conversations: Callable[[], StorageState],
    ) -> None:
        self._database = database.patient(0)
        self._journal = journal
        self._engines_down = engines_down
        self._conversations = conversations

    @property
    def has_database(self) -> bool:
        """Whether the database is there, as far as that is known."""
        return self._database.absence is None

    async def state(self) -> MachineState:
        """Return the state of every part; this works while the database or an engine is away."""
        entries = await asyncio.to_thread(self._journal.entries)
        try:
            async with self._database.transaction() as connection:
                backlog = await outbox_store.backlog(connection)
        except DatabaseUnavailable:
            backlog = None
        return MachineState(self._database.absence, self._engines_down(), len(entries), backlog, self._conversations())
