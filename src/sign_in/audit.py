"""The record of who changed what about people: rows are only added, and each has the hash of the row before.

A row is written in the transaction of the change that it tells. ``begin`` lets one such transaction after another
happen, so that what it reads about people holds until its end, and two changes of one person have an order.
"""

import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from datamodels import UserId, Value
from db import Connection, Database

_FIRST = bytes(32)
"""What the first row has in the place of the hash of the row before."""

_LOCK = "LOCK TABLE audit_log IN EXCLUSIVE MODE"
_SELECT_LAST = "SELECT number, hash FROM audit_log ORDER BY number DESC LIMIT 1"
_INSERT = """
    INSERT INTO audit_log (number, at, actor, action, subject, details, previous, hash)
    VALUES (%(number)s, %(at)s, %(actor)s, %(action)s, %(subject)s, %(details)s, %(previous)s, %(hash)s)
"""
_SELECT_ROWS = """
    SELECT number, at, actor, action, subject, details, previous, hash FROM audit_log
    WHERE number > %(after)s ORDER BY number LIMIT 1000
"""
_SELECT_PAGE = """
    SELECT
        number, at, action, details,
        actor, actors.name AS actor_name, subject, subjects.name AS subject_name
    FROM audit_log
    LEFT JOIN users AS actors ON actors.id = actor
    LEFT JOIN users AS subjects ON subjects.id = subject
    WHERE number > %(after)s
    ORDER BY number DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_COUNT = "SELECT count(*) AS count FROM audit_log"
_COLUMNS = ("number", "at", "actor", "actor_name", "action", "subject", "subject_name", "details")


class AuditAction(StrEnum):
    INVITED = "invited"  # number of the invitation, its role and uses
    REVOKED = "revoked"  # number of the invitation
    CAME_IN = "came_in"  # number of the invitation, role
    ROLE_CHANGED = "role_changed"  # before, after
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    LIMIT_CHANGED = "limit_changed"  # resource, before, after: amounts in its unit, "" without a limit
    ROLE_LIMIT_CHANGED = "role_limit_changed"  # role, and the same
    LEFT = "left"  # the settings name the person no more
    CAME_BACK = "came_back"  # the settings name the person again


class AuditEntry(Value):
    """A row with the names that its people have today; ``actor`` is None for what the settings did.

    Names are None for those who are gone.
    """

    number: int
    at: datetime
    actor: UUID | None
    actor_name: str | None
    action: str
    subject: UUID | None
    subject_name: str | None
    details: Mapping[str, str | int]


class AuditPage(NamedTuple):
    """A page of the record, the latest first. ``page`` counts from 1."""

    entries: Sequence[AuditEntry]
    page: int
    total: int


class Verdict(NamedTuple):
    """What ``verify`` found: ``broken`` is the number of the first row that is not as it was written, None without one.

    ``rows`` counts those that are right; ``head`` is the hash of the last of them. Rows that were cut off from the end
    are missed by whoever knows an earlier ``head``.
    """

    rows: int
    broken: int | None
    head: str


async def begin(connection: Connection) -> None:
    """Wait for other changes of people, and keep further ones out until the transaction ends."""
    await connection.execute(_LOCK)


async def note(
    connection: Connection,
    action: AuditAction,
    actor: UserId | None,
    subject: UserId | None = None,
    **details: str | int,
) -> None:
    """Add a row, in a transaction that has begun with ``begin``. ``details`` hold no names and nobody's words."""
    last = await (await connection.execute(_SELECT_LAST)).fetchone()
    number, previous = (1, _FIRST) if last is None else (last["number"] + 1, bytes(last["hash"]))
    row = {"number": number, "at": datetime.now(UTC), "actor": actor, "action": action.value, "subject": subject}
    digest = _hash_of(previous, row, details)
    await connection.execute(_INSERT, {**row, "details": Jsonb(details), "previous": previous, "hash": digest})


class AuditLog:
    """Reads the record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, page: int, size: int) -> AuditPage:
        """Load one page of ``size`` rows; the last one when there are fewer."""
        async with self._database.transaction() as connection:
            counted = await (await connection.execute(_COUNT)).fetchone()
            total = int(counted["count"]) if counted else 0
            page = max(1, min(page, -(-total // size)))
            parameters = {"after": 0, "limit": size, "offset": (page - 1) * size}
            cursor = await connection.execute(_SELECT_PAGE, parameters)
            return AuditPage([AuditEntry.model_validate(row) async for row in cursor], page, total)

    async def verify(self) -> Verdict:
        """Compute every hash anew."""
        rows, previous = 0, _FIRST
        async for row in self._rows():
            digest = _hash_of(previous, row, row["details"])
            if (row["number"], bytes(row["previous"]), bytes(row["hash"])) != (rows + 1, previous, digest):
                return Verdict(rows, rows + 1, previous.hex())
            rows, previous = rows + 1, digest
        return Verdict(rows, None, previous.hex())

    async def export(self) -> bytes:
        """Return the whole record as CSV, the latest row first."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(_SELECT_PAGE, {"after": 0, "limit": None, "offset": 0})
            entries = [AuditEntry.model_validate(row) async for row in cursor]
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(_COLUMNS)
        for entry in entries:
            values = entry.model_dump(mode="json")
            details = json.dumps(values["details"], ensure_ascii=False, sort_keys=True)
            writer.writerow([_cell(values[name]) for name in _COLUMNS[:-1]] + [details])
        return text.getvalue().encode("utf-8-sig")

    async def _rows(self) -> AsyncIterator[Mapping[str, Any]]:
        after: object = 0
        while True:
            async with self._database.transaction() as connection:
                rows = await (await connection.execute(_SELECT_ROWS, {"after": after})).fetchall()
            for row in rows:
                yield row
            if not rows:
                return
            after = rows[-1]["number"]


def _cell(value: object) -> str:
    """Return a value as a cell: a name that begins as a formula does stays text for a spreadsheet."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _hash_of(previous: bytes, row: Mapping[str, object], details: object) -> bytes:
    at, actor, subject = row["at"], row["actor"], row["subject"]
    assert isinstance(at, datetime)  # noqa: S101  # the column is one
    told = [
        row["number"],
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        actor and str(actor),
        row["action"],
        subject and str(subject),
        details,
    ]
    written = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(previous + written.encode()).digest()
