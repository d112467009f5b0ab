"""Locks that processes share, each on a connection of its own: the server frees it when the process dies.

A process that hangs, or that is cut off, does not die. So every lock connection shows life every five seconds; others
can see when it last did, and take the lock from one that is silent. Whoever holds a lock learns that it was lost.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from system.ending import end_tasks

_LIFE_SIGN_S = 5.0
_LOCK = "SELECT pg_advisory_lock(hashtextextended(%(name)s, 0))"
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%(name)s, 0))"
_SELECT_HOLDER = """
    SELECT pid, state_change FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND datname = current_database()
        AND (classid::bigint << 32 | objid::bigint) = hashtextextended(%(name)s, 0)
"""
_END_HOLDER = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %(pid)s AND state_change = %(shown_at)s
"""

_Connection = psycopg.AsyncConnection[tuple[Any, ...]]
NewConnection = Callable[[], AbstractAsyncContextManager[_Connection]]
"""Opens a connection that commits each statement; foreign errors that leave the block are mapped."""


class Holder(NamedTuple):
    """Who holds a lock: a process of the server, and when the holder showed life, by the server's clock."""

    pid: int
    shown_at: datetime


class HeldLock:
    """A lock that is held, for as long as its connection lasts."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._look = asyncio.Event()
        self.lost = asyncio.Event()

    def look(self) -> None:
        """Find out now whether the lock is lost, and not only with the next sign of life."""
        self._look.set()

    async def show_life(self) -> None:
        """Show life until the lock is lost."""
        with suppress(psycopg.Error):
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LIFE_SIGN_S):
                        await self._look.wait()
                self._look.clear()
                await self._connection.execute("SELECT")
        self.lost.set()


class DatabaseLocks:
    """The locks of a database."""

    def __init__(self, new_connection: NewConnection) -> None:
        self._new_connection = new_connection
        self._held: dict[int, HeldLock] = {}  # by the server's process
        self.waited_for: set[str] = set()
        """The names of the locks that somebody in this process waits for now."""

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[HeldLock]:
        """Wait for the lock ``name`` and hold it during the block, or until it is lost.

        Raises:
            DatabaseUnavailable, OutOfResources: no connection.
        """
        async with self._new_connection() as connection:
            self.waited_for.add(name)
            try:
                await connection.execute(_LOCK, {"name": name})
            finally:
                self.waited_for.discard(name)
            async with self._shown(connection) as held:
                yield held

    @asynccontextmanager
    async def tried(self, name: str) -> AsyncIterator[bool]:
        """Yield True and hold the lock ``name`` during the block; yield False at once when the lock is held elsewhere.

        Raises:
            DatabaseUnavailable, OutOfResources: no connection.
        """
        async with self._new_connection() as connection:
            row = await (await connection.execute(_TRY_LOCK, {"name": name})).fetchone()
            async with self._shown(connection):
                yield row == (True,)

    @asynccontextmanager
    async def _shown(self, connection: _Connection) -> AsyncIterator[HeldLock]:
        held, pid = HeldLock(connection), connection.info.backend_pid
        self._held[pid] = held
        signs = asyncio.create_task(held.show_life())
        try:
            yield held
        finally:
            del self._held[pid]
            await end_tasks([signs])

    def look(self) -> None:
        """Find out now which of this process's locks are lost."""
        for held in self._held.values():
            held.look()

    async def other_holder(self, name: str) -> Holder | None:
        """Return who holds the lock ``name``; None when nobody does, or this process."""
        async with self._new_connection() as connection:
            row = await (await connection.execute(_SELECT_HOLDER, {"name": name})).fetchone()
        return None if row is None or row[0] in self._held else Holder(*row)

    async def end(self, holder: Holder) -> bool:
        """Free the lock of a holder by ending its connection; False when it has shown life or ended meanwhile."""
        async with self._new_connection() as connection:
            return await (await connection.execute(_END_HOLDER, holder._asdict())).fetchone() is not None
