"""Finds objects that no recording names, and recordings whose object is missing."""

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from psycopg.rows import DictRow

import recordings_store
from datamodels import RecordingId, UserId
from db import Database
from errors import NotFound
from object_store import ObjectStore, key_for_transcript
from recordings import originals_store

log = structlog.get_logger(__name__)

_ROWS_AT_ONCE = 1000
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NEVER = datetime.min.replace(tzinfo=UTC)
_OURS = re.compile(rf"recordings/{_UUID}/{_UUID}/(?:original\.[a-z0-9]+|transcript\.json)")


@dataclass
class CheckedObjects:
    """The outcome of a check.

    ``objects`` counts the objects under our own keys; ``size_bytes`` is the sum over all originals, by their rows.
    ``orphans`` are keys of objects that no recording names, ``newest_orphan`` is when the newest of them was stored.
    ``lost`` are the keys of originals that the store does not have. ``deleted`` tells whether the orphans were deleted.
    """

    objects: int = 0
    size_bytes: int = 0
    orphans: list[str] = field(default_factory=list)
    newest_orphan: datetime = _NEVER
    lost: list[str] = field(default_factory=list)
    deleted: bool = False


async def check_objects(
    database: Database, objects: ObjectStore, before: datetime, *, delete: int | None = None
) -> CheckedObjects:
    """Compare the store with the rows; remove the orphans when there are exactly ``delete`` of them.

    Only objects under our own keys count, as another program may use the same bucket. One that was stored at ``before``
    or later is no orphan: a new recording's object is there earlier than its row.

    An orphan may belong to a recording that the database does not know, because it was restored from an older backup
    or belongs to another store. So a person has to have seen how many orphans there are, and nothing is removed while
    no object has a recording, or while an orphan is newer than the newest recording.

    Raises:
        ObjectStoreUnavailable, DatabaseUnavailable: the check could not be finished; orphans may have been removed.
    """
    # Keys first: the rows, read afterwards, then also have the recordings that are stored meanwhile.
    left = {key async for key in objects.list_keys() if _OURS.fullmatch(key)}
    checked = CheckedObjects(objects=len(left))
    newest_row = _NEVER
    async for row in _stored(database):
        newest_row = max(newest_row, row["created_at"])
        checked.size_bytes += row["size_bytes"]
        key = row["object_key"]
        if key not in left and not await objects.exists(key) and await _is_there(database, row):
            checked.lost.append(key)
        left -= {key, key_for_transcript(UserId(row["owner_id"]), RecordingId(row["id"]))}
    is_ours = len(left) < checked.objects
    for key in sorted(left):
        stored_at = await _stored_at(objects, key)
        if stored_at is not None and stored_at < before:
            checked.orphans.append(key)
            checked.newest_orphan = max(checked.newest_orphan, stored_at)
    if checked.orphans and delete == len(checked.orphans) and is_ours and checked.newest_orphan <= newest_row:
        for key in checked.orphans:
            await objects.delete(key)
            log.info("orphan_deleted", key=key)
        checked.deleted = True
    found = {"objects": checked.objects, "orphans": len(checked.orphans), "lost": len(checked.lost)}
    level = logging.WARNING if checked.orphans or checked.lost else logging.INFO
    log.log(level, "objects_checked", **found)
    return checked


async def _stored(database: Database) -> AsyncIterator[DictRow]:
    after: RecordingId | None = None
    while True:
        async with database.transaction() as connection:
            rows = await originals_store.list_stored(connection, after, _ROWS_AT_ONCE)
        for row in rows:
            yield row
        if len(rows) < _ROWS_AT_ONCE:
            return
        after = RecordingId(rows[-1]["id"])


async def _is_there(database: Database, row: DictRow) -> bool:
    """Tell whether a recording still exists. A deletion removes its object first and its row last."""
    try:
        async with database.transaction() as connection:
            await recordings_store.get_recording_for_job(connection, RecordingId(row["id"]))
    except NotFound:
        return False
    return True


async def _stored_at(objects: ObjectStore, key: str) -> datetime | None:
    try:
        return (await objects.info(key)).stored_at
    except NotFound:
        return None
