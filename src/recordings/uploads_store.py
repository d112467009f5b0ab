"""Rows of ``web_uploads``: files that come in pieces."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from datamodels import BuildingType, RecordingId, ScenarioId, UserId, Value
from db import Connection
from errors import NotFound
from random_ids import new_id

_OWN_COLUMNS = """
    uploads.id, uploads.owner_id, uploads.file_name, uploads.size_bytes, received_bytes, uploads.scenario,
    uploads.building, state, known, uploads.error_code, uploads.error_text, tries, uploads.retry_at, uploads.created_at,
    touched_at > now() - interval '30 seconds' AS coming
"""
_COLUMNS = f"{_OWN_COLUMNS}, recordings.number AS recording_number"
_FROM = "web_uploads AS uploads LEFT JOIN recordings ON recordings.id = uploads.recording_id"
_INSERT = """
    INSERT INTO web_uploads (id, owner_id, file_name, size_bytes, scenario, building, state)
    VALUES (%(id)s, %(owner_id)s, %(file_name)s, %(size_bytes)s, %(scenario)s, %(building)s, 'receiving')
"""
_SELECT = f"SELECT {_COLUMNS} FROM {_FROM} WHERE uploads.owner_id = %(owner_id)s AND uploads.id = %(id)s"
_SELECT_LATEST = f"""
    SELECT {_COLUMNS} FROM {_FROM} WHERE uploads.owner_id = %(owner_id)s
        AND (state IN ('receiving', 'whole') OR touched_at > now() - %(recent)s::interval)
    ORDER BY uploads.created_at DESC LIMIT %(limit)s
"""
# Asked every second: recordings, of which these files are none yet, are left alone.
_SELECT_WHOLE = f"""
    SELECT {_OWN_COLUMNS}, NULL::integer AS recording_number FROM web_uploads AS uploads
    WHERE state = 'whole' ORDER BY uploads.created_at LIMIT %(limit)s
"""
_COUNT_OPEN = "SELECT count(*) AS open FROM web_uploads WHERE owner_id = %(owner_id)s AND state = 'receiving'"
_SET_RECEIVED = """
    UPDATE web_uploads SET
        received_bytes = %(received)s, touched_at = now(),
        state = CASE WHEN size_bytes = %(received)s THEN 'whole' ELSE state END
    WHERE id = %(id)s AND state = 'receiving'
"""
# A file of nothing is refused when it is taken in, as any other that has no bytes.
_END_HERE = """
    UPDATE web_uploads SET size_bytes = greatest(received_bytes, 1), state = 'whole', touched_at = now()
    WHERE id = %(id)s AND state = 'receiving'
"""
_LOCK_WHOLE = "SELECT FROM web_uploads WHERE id = %(id)s AND state = 'whole' FOR UPDATE"
_FINISH_STORED = """
    UPDATE web_uploads SET
        state = 'stored', recording_id = %(recording_id)s, known = %(known)s, error_code = NULL, error_text = NULL,
        retry_at = NULL, touched_at = now()
    WHERE id = %(id)s
"""
_FINISH_REFUSED = """
    UPDATE web_uploads SET
        state = 'refused', error_code = %(error_code)s, error_text = %(error_text)s, retry_at = NULL, touched_at = now()
    WHERE id = %(id)s AND state IN ('receiving', 'whole')
"""
_TRY_LATER = """
    UPDATE web_uploads SET
        tries = tries + 1, error_code = %(error_code)s, error_text = %(error_text)s, retry_at = %(retry_at)s,
        touched_at = now()
    WHERE id = %(id)s AND state = 'whole'
"""
_DELETE = """
    DELETE FROM web_uploads WHERE owner_id = %(owner_id)s AND id = %(id)s AND state IN ('receiving', 'refused')
    RETURNING id
"""
_SELECT_OPEN_IDS = "SELECT id FROM web_uploads WHERE state IN ('receiving', 'whole')"


class UploadState(StrEnum):
    """``WHOLE`` files are on the disk, and become recordings without anybody asking."""

    RECEIVING = "receiving"
    WHOLE = "whole"
    STORED = "stored"
    REFUSED = "refused"


class Upload(Value):
    """A row of ``web_uploads``; ``known`` tells that its bytes were a recording before.

    ``received_bytes`` are on the disk for certain; ``coming`` tells that some of them came within half a minute.
    ``retry_at`` is when a whole file is tried again.
    """

    id: UUID
    owner_id: UserId
    file_name: str
    size_bytes: int
    received_bytes: int
    scenario: ScenarioId
    building: BuildingType | None
    state: UploadState
    recording_number: int | None
    known: bool
    error_code: str | None
    error_text: str | None
    tries: int
    retry_at: datetime | None
    created_at: datetime
    coming: bool


async def add(
    connection: Connection,
    owner: UserId,
    file_name: str,
    size_bytes: int,
    scenario: ScenarioId,
    building: BuildingType | None,
) -> Upload:
    """Add an upload of which nothing has come yet."""
    id_ = new_id()
    new = {"id": id_, "owner_id": owner, "file_name": file_name, "size_bytes": size_bytes}
    await connection.execute(_INSERT, {**new, "scenario": scenario, "building": building})
    return await get(connection, owner, id_)


async def get(connection: Connection, owner: UserId, id_: UUID) -> Upload:
    """Load an upload for its owner.

    Raises:
        NotFound: the owner has none of this id.
    """
    row = await (await connection.execute(_SELECT, {"owner_id": owner, "id": id_})).fetchone()
    if row is None:
        raise NotFound(what=f"upload {id_}")
    return Upload.model_validate(row)


async def latest(connection: Connection, owner: UserId, recent: timedelta, limit: int) -> list[Upload]:
    """Load the owner's open uploads and those that ended within ``recent``, the newest first."""
    parameters: dict[str, Any] = {"owner_id": owner, "recent": recent, "limit": limit}
    return [Upload.model_validate(row) async for row in await connection.execute(_SELECT_LATEST, parameters)]


async def list_whole(connection: Connection, limit: int) -> list[Upload]:
    """Load everybody's files that are whole and no recordings yet, the oldest first."""
    cursor = await connection.execute(_SELECT_WHOLE, {"limit": limit})
    return [Upload.model_validate(row) async for row in cursor]


async def count_open(connection: Connection, owner: UserId) -> int:
    """Count the owner's uploads that are not whole."""
    row = await (await connection.execute(_COUNT_OPEN, {"owner_id": owner})).fetchone()
    return row["open"] if row else 0


async def set_received(connection: Connection, id_: UUID, received: int) -> None:
    """Note how many bytes are on the disk; with the last one the file is whole."""
    await connection.execute(_SET_RECEIVED, {"id": id_, "received": received})


async def end_here(connection: Connection, id_: UUID) -> None:
    """Note that a file has no more bytes than those that are on the disk: it is whole."""
    await connection.execute(_END_HERE, {"id": id_})


async def lock_whole(connection: Connection, id_: UUID) -> bool:
    """Lock a whole file until the transaction ends; False when it is not whole, or not any more."""
    return await (await connection.execute(_LOCK_WHOLE, {"id": id_})).fetchone() is not None


async def finish_stored(connection: Connection, id_: UUID, recording_id: RecordingId, *, known: bool) -> None:
    """Note which recording a file has become."""
    await connection.execute(_FINISH_STORED, {"id": id_, "recording_id": recording_id, "known": known})


async def finish_refused(connection: Connection, id_: UUID, error_code: str, error_text: str) -> None:
    """Note why a file becomes no recording."""
    await connection.execute(_FINISH_REFUSED, {"id": id_, "error_code": error_code, "error_text": error_text})


async def try_later(connection: Connection, id_: UUID, error_code: str, error_text: str, retry_at: datetime) -> None:
    """Note why a whole file could not be taken in now, and when it is tried again."""
    failure = {"error_code": error_code, "error_text": error_text, "retry_at": retry_at}
    await connection.execute(_TRY_LATER, {"id": id_, **failure})


async def delete(connection: Connection, owner: UserId, id_: UUID) -> bool:
    """Remove an upload that is not whole; False when there is none."""
    cursor = await connection.execute(_DELETE, {"owner_id": owner, "id": id_})
    return await cursor.fetchone() is not None


async def open_ids(connection: Connection) -> frozenset[UUID]:
    """Load the ids of all uploads that have, or may get, a file in the spool."""
    return frozenset([row["id"] async for row in await connection.execute(_SELECT_OPEN_IDS)])
