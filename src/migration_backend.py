"""yoyo's backend for migrations, with a lock that PostgreSQL frees when the connection ends."""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration

from random_ids import new_id

_MIGRATION_LOCK = 0x766F7870
"""Key of the advisory lock under which the schema is changed: "voxp" in ASCII."""


class MigrationBackend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no type information
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
