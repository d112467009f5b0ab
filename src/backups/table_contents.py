"""What tables hold, for a comparison: of each the number of its rows, and a number that any change of them changes."""

from collections.abc import Collection
from typing import NamedTuple

import psycopg

from config import ROOT
from errors import DatabaseUnavailable

_QUERIES = ROOT / "resources/backup/tables.sql"
_MIGRATIONS = "SELECT migration_id FROM _yoyo_migration ORDER BY migration_id"
_OBJECT_KEYS = "SELECT object_key FROM recordings WHERE object_key = ANY(%s)"
_PLACE = "SELECT system_identifier::text, current_database() FROM pg_control_system()"
_SESSION = "SET timezone TO 'UTC'; SET DateStyle TO 'ISO'; SET default_transaction_read_only TO on"


class TableContent(NamedTuple):
    """``content`` is a sum of hashes of the rows, in whatever order these are."""

    rows: int
    content: str


def table_contents(dsn: str) -> dict[str, TableContent]:
    """Return what every table of ours holds, by schema and name. Blocking; nothing is changed.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    try:
        with psycopg.connect(dsn) as connection:
            connection.execute(_SESSION)
            queries = connection.execute(_QUERIES.read_bytes()).fetchall()
            found = [connection.execute(str(query).encode()).fetchone() for (query,) in queries]
    except psycopg.Error as exc:
        raise DatabaseUnavailable(reason=type(exc).__name__) from exc
    return {row["table"]: TableContent(row["rows"], row["content"]) for (row,) in filter(None, found)}


def place_of(dsn: str) -> tuple[str, str]:
    """Return what tells a database from all others: the server's own number, and the database's name. Blocking.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    try:
        with psycopg.connect(dsn) as connection:
            row = connection.execute(_PLACE).fetchone()
    except psycopg.Error as exc:
        raise DatabaseUnavailable(reason=type(exc).__name__) from exc
    assert row is not None  # noqa: S101  # the query always has one
    return str(row[0]), str(row[1])


def migrations_of(dsn: str) -> list[str]:
    """Return the names of the migrations that the database has seen. Blocking.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    try:
        with psycopg.connect(dsn) as connection:
            return [name for (name,) in connection.execute(_MIGRATIONS).fetchall()]
    except psycopg.Error as exc:
        raise DatabaseUnavailable(reason=type(exc).__name__) from exc


def object_keys_among(dsn: str, keys: Collection[str]) -> set[str]:
    """Return which of ``keys`` recordings name. Blocking.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    try:
        with psycopg.connect(dsn) as connection:
            return {key for (key,) in connection.execute(_OBJECT_KEYS, [list(keys)]).fetchall()}
    except psycopg.Error as exc:
        raise DatabaseUnavailable(reason=type(exc).__name__) from exc
