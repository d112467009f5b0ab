"""The schema's migrations, under a lock that PostgreSQL frees when the connection ends."""

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration

import texts.errors
from errors import DatabaseMisconfigured
from errors_of_operation import MigrationFailed
from random_ids import new_id

_ENCODING = "SHOW server_encoding"
_MIGRATION_SESSION = """
SET lock_timeout = '120s';
SET client_connection_check_interval = '1s';
"""
"""Ends the wait for a migration that hangs, and makes the server free the lock of a killed process within a second."""
_MAPPED_ELSEWHERE = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
)
_MIGRATION_TABLE = "_yoyo_migration"
_MIGRATION_LOCK = 0x766F7870
"""Key of the advisory lock under which the schema is changed: "voxp" in ASCII."""


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no type information
    """Uses an advisory lock, which ends with the connection; yoyo's own lock, a row, outlives a killed process."""

    @contextmanager
    def lock(self, timeout: float = 0) -> Iterator[None]:  # noqa: ARG002  # lock_timeout of the session counts
        self.execute(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
        try:
            yield
        finally:
            self.execute(f"SELECT pg_advisory_unlock({_MIGRATION_LOCK})")

    def applied_but_not_in(self, known: Iterable[Migration]) -> list[str]:
        """Return the names of the migrations that the database has seen and that are not among ``known``."""
        self.ensure_internal_schema_updated()
        seen = {name for (name,) in self.execute(f"SELECT migration_id FROM {self.migration_table_quoted}").fetchall()}  # noqa: S608
        return sorted(seen - {migration.id for migration in known})

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, Any]:
        """Return the row that yoyo stores about a migration.

        yoyo itself would look up the user's name and the full host name, which may fail in a container.
        """
        return {
            "id": str(new_id()),
            "migration_id": migration and migration.id,
            "migration_hash": migration and migration.hash,
            "username": str(os.getuid()),
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


@contextmanager
def _named(migration: Migration) -> Iterator[None]:
    """Let an error that trying again does not mend name the file; those of a connection, space and rights stay."""
    try:
        yield
    except _MAPPED_ELSEWHERE:
        raise
    except Exception as exc:
        # What PostgreSQL quotes may be of people's rows: the class of the error tells enough, the server's log all.
        error = type(exc).__name__
        if isinstance(exc, psycopg.Error) and exc.sqlstate:
            error = f"{error}, {exc.sqlstate}"
        raise MigrationFailed(name=str(migration.id), error=error) from exc


def apply(connection: Mapping[str, Any], scripts: Path, *, refuse_newer: bool) -> list[str]:
    """Apply those numbered files of ``scripts`` that the database has not seen, one transaction each. Blocking.

    ``connection`` has the connection's parameters by their names in libpq. Returns the names of the files that were
    applied. The driver's errors are not mapped.

    Raises:
        DatabaseMisconfigured: the encoding does not hold every text, or the database is newer and is refused.
        MigrationFailed: the database refuses what a file asks for; the files before it are applied, of it nothing is.
    """
    parameters = dict(connection)
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
    with _Backend(uri, _MIGRATION_TABLE) as backend:
        backend.execute(_MIGRATION_SESSION)
        [(encoding,)] = backend.execute(_ENCODING).fetchall()
        # With SQL_ASCII, which does not say what bytes mean, the driver returns bytes.
        name = encoding.decode() if isinstance(encoding, bytes) else encoding
        if name != "UTF8":
            why = texts.errors.DATABASE_ENCODING.format(encoding=name)
            raise DatabaseMisconfigured(reason=f"encoding {name}", why=why)
        applied = []
        with backend.lock():
            if refuse_newer and (unknown := backend.applied_but_not_in(migrations)):
                why = texts.errors.DATABASE_FROM_FUTURE.format(migrations=", ".join(unknown))
                raise DatabaseMisconfigured(reason=f"unknown migrations {unknown}", why=why)
            for migration in backend.to_apply(migrations):
                # Not backend.apply_migrations: it notes a file in a second transaction and passes over broken files.
                with _named(migration), backend.transaction():
                    migration.process_steps(backend, "apply")
                    backend.mark_one(migration)
                applied.append(str(migration.id))
        return applied
