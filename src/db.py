"""PostgreSQL: the connection pool and transactions."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, Self, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

import texts.errors
from config import ROOT
from database import migrations
from database.errors import errors_mapped
from database.locks import DatabaseLocks
from database.watch import (
    CONNECT_TIMEOUT_S,
    Absence,
    AbsenceKind,
    DatabaseWatch,
    connected,
    connection_parameters,
    hang_up,
)
from errors import DatabaseFull, DatabaseMisconfigured, DatabaseUnavailable
from system.ending import end_tasks
from system.shortages import shortages_mapped

Connection = psycopg.AsyncConnection[DictRow]
"""A connection whose rows are dictionaries. Every query of ours runs on such a connection."""

Result = TypeVar("Result")

SQL_SCRIPTS = ROOT / "sql_scripts"

_RECONNECT_TIMEOUT_S = 2
CHECKOUT_TIMEOUT_S = 15.0
"""The longest wait, in seconds, for a connection while all connections of the pool are in use."""
_SESSION = """
SET statement_timeout = '60s';
SET lock_timeout = '30s';
SET idle_in_transaction_session_timeout = '120s';
SET jit = off;
"""
_FULL_S = 15.0
"""Seconds without a failed writing after which there is space again: all that waits for space pauses for less."""
_HANG_UP_PAUSE_S = 0.1
_PERSISTENCE_PAUSE_S = 0.2
_PERSISTENCE_GRACE_S = 5.0


class Database:
    """A pool of connections to a database whose schema is up to date.

    When the database goes away, calls in progress fail at once. When it answers again, the functions in ``on_back`` are
    called.
    """

    unavailable: type[DatabaseUnavailable] = DatabaseUnavailable
    place: str | Path = texts.errors.DATABASE_SERVER

    def __init__(self, conninfo: str, pool: AsyncConnectionPool[Connection]) -> None:
        self._conninfo = conninfo
        self.pool = pool
        self.on_back: list[Callable[[], None]] = []
        self.locks = DatabaseLocks(self._own_connection)
        self._in_use: set[Connection] = set()
        self._waiting: set[asyncio.Timeout] = set()
        self._watch = DatabaseWatch(conninfo, self._hang_up, self._call_back)
        self._there = asyncio.Event()
        self._there.set()
        # Shared with the copies that ``patient`` makes.
        self._absences, self._full_at = [0], [-math.inf]
        self.patience_s = 0.0  # see ``patient``
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        max_size: int = 10,
        checkout_timeout_s: float = CHECKOUT_TIMEOUT_S,
        unavailable: type[DatabaseUnavailable] = DatabaseUnavailable,
        place: str | Path = texts.errors.DATABASE_SERVER,
    ) -> Self:
        """Bring the schema up to date, then connect. A caller waits for a connection at most ``checkout_timeout_s``.

        ``place`` tells the operator where the database keeps its data; it is named when the disk there is full.

        Raises:
            BadSettings: ``dsn`` is no connection string.
            DatabaseUnavailable: no answer, or access refused. Later calls raise ``unavailable`` instead.
            DatabaseMisconfigured: the server's rights or its encoding do not allow our work.
            DatabaseFull: the server has no space left for the new schema.
        """
        await asyncio.to_thread(migrate, dsn, place=place)
        conninfo = make_conninfo(**{**connection_parameters(dsn), "connect_timeout": _RECONNECT_TIMEOUT_S})
        database: Self
        pool = AsyncConnectionPool(
            conninfo,
            connection_class=Connection,
            kwargs={"row_factory": dict_row},
            min_size=1,
            max_size=max_size,
            timeout=checkout_timeout_s,
            # After that time the pool gives up, and the next caller that needs a connection makes it try again at once.
            reconnect_timeout=_RECONNECT_TIMEOUT_S,
            reconnect_failed=lambda _: database._watch.doubt(),
            configure=_configure,
            # A server that was restarted costs a reconnection, not an error.
            check=lambda connection: database._check(connection),  # noqa: PLW0108  # there is no database yet
            open=False,
        )
        database = cls(conninfo, pool)
        database.unavailable, database.place = unavailable, place
        try:
            with errors_mapped(place):
                await pool.open(wait=True, timeout=CONNECT_TIMEOUT_S)
        except BaseException:
            await pool.close()
            raise
        database._watching = asyncio.create_task(database._watch.run())
        return database

    async def close(self) -> None:
        """End all connections."""
        if self._watching is not None:
            await end_tasks([self._watching])
        await self.pool.close()

    @contextmanager
    def _errors_mapped(self) -> Iterator[None]:
        try:
            with errors_mapped(self.place, self.unavailable):
                yield
        except DatabaseFull:
            self._full_at[0] = monotonic()
            raise

    @property
    def absence(self) -> Absence | None:
        """Since when and how the database is away; None while it is there."""
        return self._watch.absence

    @property
    def absences(self) -> int:
        """How many times the database went away so far."""
        return self._absences[0]

    @property
    def is_full(self) -> bool:
        """Whether the server had no space left at the last writing, some seconds ago at most."""
        return monotonic() - self._full_at[0] < _FULL_S

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection whose work is committed when the block ends and undone when it raises.

        Raises:
            DatabaseUnavailable: no connection, or it broke, or the server gave up the transaction; nothing was done
                unless the connection broke while committing. While the database is known to be away, this is raised at
                once, or after the wait that ``patient`` asked for.
            DatabaseMisconfigured: we may not write.
            DatabaseFull: the server has no space left; nothing was done.
        """
        with self._errors_mapped():
            connection = await self._checked_out()
            try:
                with self._used(connection):
                    async with connection.transaction():
                        yield connection
            except psycopg.errors.ReadOnlySqlTransaction:
                # A session keeps the rights with which it began: a new one may write once these were corrected.
                await connection.close()
                raise
            finally:
                await self.pool.putconn(connection)

    def patient(self, longest_s: float = math.inf) -> Self:
        """Return this database for callers that wait up to ``longest_s`` seconds for it instead of failing at once.

        Only the beginning of a transaction is waited for; one that breaks off later fails as usual.
        """
        patient = copy(self)
        patient.patience_s = longest_s
        return patient

    async def there(self) -> None:
        """Wait while the database is known to be away.

        Raises:
            DatabaseUnavailable: still away when the patience of this ``Database`` was over.
            DatabaseFull: it lets nobody in for want of space.
        """
        try:
            async with asyncio.timeout(None if self.patience_s == math.inf else self.patience_s):
                await self._there.wait()
        except TimeoutError as exc:
            if self.absence is not None and self.absence.kind is AbsenceKind.FULL:
                raise DatabaseFull(path=self.place, reason=self._watch.gone) from exc
            raise self.unavailable(reason=self._watch.gone) from exc

    async def persist(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do ``work`` in a transaction, and do it again whenever that ends in ``DatabaseUnavailable``.

        Use this to store what must not be lost, like an answer that was paid for. ``work`` must be repeatable: it is
        done again, too, when only the reply to a commit was lost. When the caller is cancelled, ``work`` gets up to
        five more seconds.

        Raises:
            DatabaseUnavailable: still not stored when the patience of this ``Database`` was over; a server without
                space counts as absent.
        """
        storing = asyncio.ensure_future(self._persisted(work))
        try:
            return await asyncio.shield(storing)
        finally:
            if not storing.done():  # The result may have been paid for: even a process that stops has time to store it.
                await asyncio.wait([storing], timeout=_PERSISTENCE_GRACE_S)
                storing.cancel()

    async def outlast(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do ``work``, which has transactions of its own, and do it again whenever the database goes away meanwhile.

        ``work`` must be repeatable, as in ``persist``; when the caller is cancelled, it is cancelled, too.

        Raises:
            DatabaseUnavailable: still not done when the patience of this ``Database`` was over; at once when the
                database answers but does not let us work.
        """
        deadline = math.inf
        while True:
            try:
                return await work()
            except (DatabaseFull, DatabaseMisconfigured):
                raise
            except DatabaseUnavailable:
                deadline = min(deadline, monotonic() + self.patience_s)
                if monotonic() >= deadline:
                    raise
            await asyncio.sleep(_PERSISTENCE_PAUSE_S)
            await self.there()

    async def _persisted(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        deadline = monotonic() + self.patience_s
        while True:
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except DatabaseUnavailable:
                if monotonic() >= deadline:
                    raise
                await asyncio.sleep(_PERSISTENCE_PAUSE_S)
                await self.there()

    async def _checked_out(self) -> Connection:
        deadline = monotonic() + self.patience_s
        while True:
            try:
                return await self._got()
            except (DatabaseUnavailable, psycopg.OperationalError):
                if monotonic() >= deadline:
                    raise
            await asyncio.sleep(_PERSISTENCE_PAUSE_S)
            await self.there()

    async def _got(self) -> Connection:
        if self._watch.gone is not None:
            raise self.unavailable(reason=self._watch.gone)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # coroutines run in one
        cancellations = task.cancelling()
        try:
            async with asyncio.timeout(None) as limit:
                self._waiting.add(limit)
                try:
                    connection = await self.pool.getconn()
                finally:
                    self._waiting.discard(limit)
        except TimeoutError as exc:
            raise self.unavailable(reason=self._watch.gone) from exc
        if task.cancelling() > cancellations:
            # It came at the moment at which the pool had a connection: Python 3.11's ``wait_for`` loses it then.
            await self.pool.putconn(connection)
            raise asyncio.CancelledError
        return connection

    async def _check(self, connection: Connection) -> None:
        with self._used(connection):
            await AsyncConnectionPool.check_connection(connection)

    @contextmanager
    def _used(self, connection: Connection) -> Iterator[None]:
        """Hang up a connection when the database goes away during the block; at once when it is away already."""
        self._in_use.add(connection)
        if self._watch.gone is not None:
            hang_up(connection)
        try:
            yield
        finally:
            self._in_use.discard(connection)

    def _hang_up(self, _: str) -> None:
        """End all waits for the database, which is away: hang up connections in use, fail waits for a connection."""
        self._there.clear()
        self._absences[0] += 1
        for connection in self._in_use:
            hang_up(connection)
        # A moment later, when no connection runs a query any more: to cancel a query, the driver would ask the server.
        asyncio.get_running_loop().call_later(_HANG_UP_PAUSE_S, self._end_waits)

    def _end_waits(self) -> None:
        if self._watch.gone is not None:
            for limit in list(self._waiting):
                limit.reschedule(0)

    def _call_back(self) -> None:
        self._there.set()
        self.locks.look()
        for call in self.on_back:
            call()

    @asynccontextmanager
    async def _own_connection(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        if self._watch.gone is not None:
            raise self.unavailable(reason=self._watch.gone)
        with self._errors_mapped(), shortages_mapped():
            connection = await connected(self._conninfo)
        try:
            with self._errors_mapped():
                yield connection
        finally:
            await connection.close()

    async def check(self) -> None:
        """Raise ``DatabaseUnavailable`` unless the database answers a query."""
        async with self.transaction() as connection:
            await connection.execute("SELECT 1")


async def now_of(connection: Connection) -> datetime:
    """Return the time by the database's clock, which writes the times of rows: ours may be another one."""
    row = await (await connection.execute("SELECT now() AS now")).fetchone()
    assert row is not None  # noqa: S101  # a query without a table has one row
    moment: datetime = row["now"]
    return moment


async def _configure(connection: Connection) -> None:
    await connection.execute(_SESSION)
    await connection.commit()


def migrate(
    dsn: str,
    scripts: Path = SQL_SCRIPTS,
    *,
    place: str | Path = texts.errors.DATABASE_SERVER,
    refuse_newer: bool = False,
) -> list[str]:
    """Apply those numbered files of ``scripts`` that the database has not seen, one transaction each. Blocking.

    Returns the names of the files that were applied. With ``refuse_newer`` a database of a newer version is refused;
    else it is used, since an update can be taken back by one version.

    Processes that start together take turns. When a process is killed, each file is either applied and noted as
    applied, or neither.

    Raises:
        BadSettings: ``dsn`` is no connection string.
        DatabaseUnavailable: no answer, or another process has been migrating for two minutes.
        DatabaseMisconfigured: we may not change the schema, the encoding does not hold every text, or it is refused.
        DatabaseFull: the server has no space left.
    """
    with errors_mapped(place):
        return migrations.apply(connection_parameters(dsn), scripts, refuse_newer=refuse_newer)
