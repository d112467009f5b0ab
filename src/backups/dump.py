"""What psql sends for a set: lines that count, an empty line, the dump of the database, and a line that ends it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import texts.backups
from backups.manifest import Sample, TableFacts
from backups.space import require_space
from errors_of_operation import BackupFailed
from utils import opened_atomically

COMPLETE: Final = b"THE DUMP IS COMPLETE\n"
_READ_BYTES = 1024 * 1024
_LONGEST_LINE = 1024 * 1024


class Counted(NamedTuple):
    """What is in the dump."""

    place: tuple[str, str]
    """The server's own number, and the database's name."""
    tables: dict[str, TableFacts]
    migrations: tuple[str, ...]
    sample: Sample | None
    objects: frozenset[str]
    """The keys that recordings name."""


def receive(stream: BinaryIO, target: Path) -> Counted:
    """Write the dump to ``target`` and return what was counted in the same moment of the database. Blocking.

    Raises:
        BackupFailed: the stream ended before its last line, so that the dump is not whole.
        DiskFull: not enough space is left; nothing of the dump stays.
    """
    rows = list(_rows(stream))
    with opened_atomically(target, 0o600) as file:
        held = b""
        while block := stream.read(_READ_BYTES):
            require_space(target.parent, len(block))
            held += block
            file.write(held[: -len(COMPLETE)])
            held = held[-len(COMPLETE) :]
        if held != COMPLETE:
            raise BackupFailed(reason=texts.backups.DUMP_BROKEN)
    return Counted(
        place=next(((row["server"], row["database"]) for row in rows if "server" in row), ("", "")),
        tables={row["table"]: TableFacts(rows=row["rows"], content=row["content"]) for row in rows if "table" in row},
        migrations=tuple(row["migration"] for row in rows if "migration" in row),
        sample=next((Sample.model_validate(row) for row in rows if "owner" in row), None),
        objects=frozenset(row["object"] for row in rows if "object" in row),
    )


def _rows(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    while True:
        line = stream.readline(_LONGEST_LINE)
        if line == b"\n":
            return
        try:
            row = json.loads(line)
        except ValueError as exc:
            raise BackupFailed(reason=texts.backups.DUMP_BROKEN) from exc
        yield row
