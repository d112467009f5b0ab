"""PostgreSQL: the connection pool, transactions, and the schema's migrations."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration

from config import ROOT
from errors import BadSettings, DatabaseUnavailable, DiskFull
from random_ids import new_id

Connection = psycopg.AsyncConnection[DictRow]
"""A connection whose rows are dictionaries: what every query of ours runs on."""

SQL_SCRIPTS = ROOT / "sql_scripts"

_CONNECT_TIMEOUT_S = 10
CHECKOUT_TIMEOUT_S = 15.0
"""A restarting server is back within this time; people should not wait longer to hear that it is gone."""
_MIGRATION_LOCK = 0x766F7870
"""Key of the advisory lock under which the schema is changed; "voxp"."""
_MIGRATION_SESSION = """
SET lock_timeout = '120s';
SET client_connection_check_interval = '1s';
"""
"""The wait for a migration that hangs has an end, and the lock of a killed process is free at once."""
_LOCK = "SELECT pg_advisory_lock(hashtextextended(%(name)s, 0))"
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%(name)s, 0))"
_MIGRATION_TABLE = "_yoyo_migration"


@contextmanager
def _errors_mapped() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.DiskFull as exc:
        raise DiskFull(path="PostgreSQL") from exc
    except psycopg.OperationalError as exc:
        raise DatabaseUnavailable(reason=f"{type(exc).__name__}: {exc}") from exc


class Database:
    """A pool of connections to a database whose schema is up to date."""

    def __init__(self, conninfo: str, pool: AsyncConnectionPool[Connection]) -> None:
        self._conninfo = conninfo
        self.pool = pool

    @classmethod
    async def open(cls, dsn: str, *, max_size: int = 10, checkout_timeout_s: float = CHECKOUT_TIMEOUT_S) -> Self:
        """Bring the schema up to date, then connect. A caller waits ``checkout_timeout_s`` for a connection at most.

        Raises:
            BadSettings: ``dsn`` is no connection string.
            DatabaseUnavailable: no answer, or access refused.
        """
        await asyncio.to_thread(migrate, dsn)
        conninfo = make_conninfo(**_conninfo(dsn))
        pool = AsyncConnectionPool(
            conninfo,
            connection_class=Connection,
            kwargs={"row_factory": dict_row},
            min_size=1,
            max_size=max_size,
            timeout=checkout_timeout_s,
            # A server that was restarted costs a reconnection, not an error.
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        database = cls(conninfo, pool)
        try:
            with _errors_mapped():
                await pool.open(wait=True, timeout=_CONNECT_TIMEOUT_S)
        except BaseException:
            await pool.close()
            raise
        return database

    async def close(self) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection whose work is committed when the block ends and undone when it raises.

        Raises:
            DatabaseUnavailable: no connection, or it broke, or the server gave up the transaction; nothing was done
                unless the connection broke while committing.
            DiskFull: the server has no space left; nothing was done.
        """
        with _errors_mapped():
            async with self.pool.connection() as connection, connection.transaction():
                yield connection

    @asynccontextmanager
    async def advisory_lock(self, name: str) -> AsyncIterator[None]:
        """Wait for the lock ``name`` and hold it during the block.

        The lock is on a connection of its own, for work that takes hours: the server frees it when the process dies.

        Raises:
            DatabaseUnavailable: no connection.
        """
        async with self._own_connection() as connection:
            with _errors_mapped():
                await connection.execute(_LOCK, {"name": name})
            yield

    @asynccontextmanager
    async def try_advisory_lock(self, name: str) -> AsyncIterator[bool]:
        """Hold the lock ``name`` during the block; yield False at once, holding nothing, when another has it.

        Raises:
            DatabaseUnavailable: no connection.
        """
        async with self._own_connection() as connection:
            with _errors_mapped():
                row = await (await connection.execute(_TRY_LOCK, {"name": name})).fetchone()
            yield row == (True,)

    @asynccontextmanager
    async def _own_connection(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        with _errors_mapped():
            connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        try:
            yield connection
        finally:
            await connection.close()

    async def check(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            DatabaseUnavailable: it did not answer.
        """
        async with self.transaction() as connection:
            await connection.execute("SELECT 1")


def _conninfo(dsn: str) -> dict[str, Any]:
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(dsn))
    except psycopg.ProgrammingError:
        # The message repeats the connection string, with the password.
        raise BadSettings(names="DATABASE_URL") from None
    return {"connect_timeout": _CONNECT_TIMEOUT_S, **parameters}


class _MigrationBackend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no type information
    """yoyo's own lock is a row, which outlives a killed process; an advisory lock ends with its connection."""

    @contextmanager
    def lock(self, timeout: float = 0) -> Iterator[None]:  # noqa: ARG002  # lock_timeout of the session counts
        self.execute(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
        try:
            yield
        finally:
            self.execute(f"SELECT pg_advisory_unlock({_MIGRATION_LOCK})")

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, Any]:
        """Return who migrated, without yoyo's look-ups: a container's user may have no name, and DNS may not answer."""
        return {
            "id": str(new_id()),
            "migration_id": migration and migration.id,
            "migration_hash": migration and migration.hash,
            "username": str(os.getuid()),
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


def migrate(dsn: str, scripts: Path = SQL_SCRIPTS) -> None:
    """Apply those numbered files of ``scripts`` that the database has not seen, one transaction each. Blocking.

    Processes that start together take turns. One killed at any moment leaves a file applied and noted, or neither.

    Raises:
        BadSettings: ``dsn`` is no connection string.
        DatabaseUnavailable: no answer, or another process has been migrating for minutes.
    """
    parameters = _conninfo(dsn)
    uri = DatabaseURI(
        scheme="postgresql+psycopg",
        username=parameters.pop("user", None),
        password=parameters.pop("password", None),
        hostname=parameters.pop("host", None),
        port=parameters.pop("port", None),
        database=parameters.pop("dbname", None),
        args=parameters,
    )
    migrations = read_migrations(str(scripts))
    with _errors_mapped(), _MigrationBackend(uri, _MIGRATION_TABLE) as backend:
        backend.execute(_MIGRATION_SESSION)
        with backend.lock():
            for migration in backend.to_apply(migrations):
                # Not backend.apply_migrations: it notes a file in a second transaction and passes over broken files.
                with backend.transaction():
                    migration.process_steps(backend, "apply")
                    backend.mark_one(migration)
