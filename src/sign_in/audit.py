"""The record of who changed what about people: rows are only added, and each has the hash of the row before.

A row is written in the transaction of the change that it tells. ``begin`` lets one such transaction after another
happen, so that what it reads about people holds until its end, and two changes of one person have an order.

Old rows may be cut off: first a row is added that has the number and hash of the last of them. So the chain tells what
is missing at its beginning, and nothing else can be.
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
_WANTED = """
    (%(person)s::uuid IS NULL OR %(person)s IN (actor, subject))
    AND (%(actions)s::text[] IS NULL OR action = ANY(%(actions)s))
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
"""
_SELECT_PAGE = f"""
    SELECT
        number, at, action, details,
        actor, actors.name AS actor_name, subject, subjects.name AS subject_name
    FROM audit_log
    LEFT JOIN users AS actors ON actors.id = actor
    LEFT JOIN users AS subjects ON subjects.id = subject
    WHERE {_WANTED}
    ORDER BY number DESC LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608 - put together from constants, as the next one
_COUNT = f"SELECT count(*) AS count FROM audit_log WHERE {_WANTED}"  # noqa: S608
_SELECT_TO_CUT = """
    SELECT number, hash FROM audit_log
    WHERE at < %(before)s AND number < (SELECT max(number) FROM audit_log)
    ORDER BY number DESC LIMIT 1
"""
# Rows that tell of cuts alone are not worth another such row.
_SELECT_IS_WORTH_IT = (
    "SELECT EXISTS (SELECT FROM audit_log WHERE number <= %(number)s AND action <> 'cut') AS is_worth_it"
)
_CUT = "DELETE FROM audit_log WHERE number <= %(number)s"
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
    ERASURE_ORDERED = "erasure_ordered"  # id of the heir, if there is one
    ERASED = "erased"  # nothing of the person is left
    CUT = "cut"  # up_to, the number of the last row that was cut off, and its hash in hexadecimal digits


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


class AuditFilter(NamedTuple):
    """Which rows are shown: of changes that a person made or met, of some actions, not older; None shows all."""

    person: UUID | None = None
    actions: list[str] | None = None
    since: datetime | None = None


class Verdict(NamedTuple):
    """What ``verify`` found: ``broken`` is the number of the first row that is not as it was written, None without one.

    ``rows`` counts those that are right; ``head`` is the hash of the last of them. Rows that were cut off from the end
    are missed by whoever knows an earlier ``head``. ``cut`` is the number of the last row that was cut off because it
    was old, 0 when none was.
    """

    rows: int
    broken: int | None
    head: str
    cut: int = 0


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

    async def page(self, page: int, size: int, wanted: AuditFilter = AuditFilter()) -> AuditPage:  # noqa: B008
        """Load one page of ``size`` rows; the last one when there are fewer."""
        async with self._database.transaction() as connection:
            counted = await (await connection.execute(_COUNT, wanted._asdict())).fetchone()
            total = int(counted["count"]) if counted else 0
            page = max(1, min(page, -(-total // size)))
            parameters = {**wanted._asdict(), "limit": size, "offset": (page - 1) * size}
            cursor = await connection.execute(_SELECT_PAGE, parameters)
            return AuditPage([AuditEntry.model_validate(row) async for row in cursor], page, total)

    async def verify(self) -> Verdict:
        """Compute every hash anew. Rows before the first one have to be those that a later row tells as cut off."""
        rows, cut, previous, told, is_told = 0, 0, _FIRST, {}, True
        async for row in self._rows():
            if rows == 0 and row["number"] > 1:
                cut, previous, is_told = row["number"] - 1, bytes(row["previous"]), False
                told = {"up_to": cut, "hash": previous.hex()}
            digest = _hash_of(previous, row, row["details"])
            number = cut + rows + 1
            if (row["number"], bytes(row["previous"]), bytes(row["hash"])) != (number, previous, digest):
                return Verdict(rows, number, previous.hex(), cut)
            is_told = is_told or (row["action"] == AuditAction.CUT and row["details"] == told)
            rows, previous = rows + 1, digest
        return Verdict(rows, None, previous.hex(), cut) if is_told else Verdict(0, cut + 1, _FIRST.hex(), cut)

    async def cut(self, before: datetime) -> int:
        """Cut off the rows that are older than ``before``, after a row that proves them; return how many there were.

        The last row stays, whatever its age.
        """
        async with self._database.transaction() as connection:
            await begin(connection)
            last = await (await connection.execute(_SELECT_TO_CUT, {"before": before})).fetchone()
            if last is None:
                return 0
            parameters = {"number": last["number"]}
            row = await (await connection.execute(_SELECT_IS_WORTH_IT, parameters)).fetchone()
            if not (row and row["is_worth_it"]):
                return 0
            await note(connection, AuditAction.CUT, None, up_to=last["number"], hash=bytes(last["hash"]).hex())
            return (await connection.execute(_CUT, parameters)).rowcount

    async def export(self) -> bytes:
        """Return the whole record as CSV, the latest row first."""
        async with self._database.transaction() as connection:
            parameters = {**AuditFilter()._asdict(), "limit": None, "offset": 0}
            cursor = await connection.execute(_SELECT_PAGE, parameters)
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
