"""How much there is: bytes of the database and of folders, rows of tables as PostgreSQL estimates them."""

import os
from contextlib import suppress
from pathlib import Path

from db import Connection

_SELECT_SIZE = "SELECT pg_database_size(current_database()) AS bytes"
# What the last ANALYZE found: to count would read every table.
_SELECT_ROWS = """
    SELECT relname AS name, reltuples::bigint AS estimated FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= 0
"""


async def database_bytes(connection: Connection) -> int:
    row = await (await connection.execute(_SELECT_SIZE)).fetchone()
    return int(row["bytes"]) if row else 0


async def table_rows(connection: Connection) -> dict[str, int]:
    """Return about how many rows each table has, by its name; a table that was never analysed is left out."""
    return {row["name"]: row["estimated"] async for row in await connection.execute(_SELECT_ROWS)}


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder; 0 when it is not there. Blocking."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(parent, name).lstat().st_size
    return size
