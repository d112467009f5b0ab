"""Rows of ``recordings``: the recordings themselves, and the progress of the work on each.

A recording whose work was cancelled stays cancelled until somebody asks for the work again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from datamodels import (
    BuildingType,
    NewRecording,
    ProcessingRequest,
    Recording,
    RecordingId,
    RecordingProgress,
    ScenarioId,
    Stage,
    UserId,
    Visibility,
)
from db import Connection
from errors import Cancelled, NotFound

_COLUMNS = """
    id, owner_id, number, sha256, size_bytes, file_name, extension, object_key, container, codec, duration_s, caption,
    scenario, building, language_requested, speakers_requested, stage, error_code, error_text, retry_at, warnings,
    stage_seconds, visibility, created_at
"""

# An owner's row is locked before the look for the same bytes, so that of two identical uploads one is stored. The lock
# does not hold up rows of other tables that refer to the owner.
_LOCK_OWNER = "SELECT 1 FROM users WHERE id = %(owner_id)s FOR NO KEY UPDATE"
_TAKE_NUMBER = """
    UPDATE users SET last_recording_number = last_recording_number + 1 WHERE id = %(owner_id)s
    RETURNING last_recording_number
"""
_INSERT = f"""
    INSERT INTO recordings (
        id, owner_id, number, sha256, size_bytes, file_name, extension, object_key, container, codec, duration_s,
        caption, scenario, building, language_requested, speakers_requested, stage, visibility
    ) VALUES (
        %(id)s, %(owner_id)s, %(number)s, %(sha256)s, %(size_bytes)s, %(file_name)s, %(extension)s, %(object_key)s,
        %(container)s, %(codec)s, %(duration_s)s, %(caption)s, %(scenario)s, %(building)s, %(language)s, %(speakers)s,
        %(stage)s, %(visibility)s
    )
    RETURNING {_COLUMNS}
"""
# There are several where one was handed over by somebody else: the first is the owner's own.
_SELECT_BY_SHA256 = f"""
    SELECT {_COLUMNS} FROM recordings WHERE owner_id = %(owner_id)s AND sha256 = %(sha256)s ORDER BY number LIMIT 1
"""
_SELECT_OWNED = f"SELECT {_COLUMNS} FROM recordings WHERE owner_id = %(owner_id)s AND id = %(id)s"
_SELECT = f"SELECT {_COLUMNS} FROM recordings WHERE id = %(id)s"
_LOCK_OWNED = f"{_SELECT_OWNED} FOR NO KEY UPDATE"
_SELECT_BY_NUMBER = f"SELECT {_COLUMNS} FROM recordings WHERE owner_id = %(owner_id)s AND number = %(number)s"
_SELECT_PAGE = f"""
    SELECT {_COLUMNS} FROM recordings
    WHERE owner_id = %(owner_id)s AND (%(scenario)s::text IS NULL OR scenario = %(scenario)s)
    ORDER BY number DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_COUNT = """
    SELECT count(*) AS recordings FROM recordings
    WHERE owner_id = %(owner_id)s AND (%(scenario)s::text IS NULL OR scenario = %(scenario)s)
"""
_UPDATE_REQUEST = f"""
    UPDATE recordings SET
        caption = %(caption)s, scenario = %(scenario)s, building = %(building)s, language_requested = %(language)s,
        speakers_requested = %(speakers)s, stage = CASE WHEN %(restart)s THEN %(first)s ELSE stage END,
        warnings = CASE WHEN %(restart)s THEN '[]' ELSE warnings END,
        error_code = NULL, error_text = NULL, retry_at = NULL, stage_at = now(), updated_at = now()
    WHERE id = %(id)s
    RETURNING {_COLUMNS}
"""
_SET_VISIBILITY = "UPDATE recordings SET visibility = %(visibility)s, updated_at = now() WHERE id = %(id)s"
_DELETE = "DELETE FROM recordings WHERE id = %(id)s"
_SELECT_UNFINISHED = "SELECT id FROM recordings WHERE id = ANY(%(ids)s) AND stage <> %(last)s"
_SELECT_PROGRESS = """
    SELECT
        recordings.id AS recording_id, stage, error_code, error_text,
        parts.done AS parts_done, parts.total AS parts_total, parts.heard AS parts_heard,
        runs.counts AS runs, runs.passes_done, runs.passes_total
    FROM recordings
    CROSS JOIN LATERAL (
        SELECT
            count(result) AS done, count(*) AS total,
            coalesce(sum(heard) FILTER (WHERE result IS NULL), 0) AS heard
        FROM recording_parts WHERE recording_id = recordings.id AND planned
    ) AS parts
    CROSS JOIN LATERAL (
        SELECT
            coalesce(jsonb_object_agg(status, runs) FILTER (WHERE status IS NOT NULL), '{}') AS counts,
            coalesce(sum(passes_done), 0)::integer AS passes_done,
            coalesce(sum(passes_total), 0)::integer AS passes_total
        FROM (
            SELECT status, count(*) AS runs, sum(passes_done) AS passes_done, sum(passes_total) AS passes_total
            FROM report_runs WHERE recording_id = recordings.id GROUP BY status
        ) AS by_status
    ) AS runs
    WHERE recordings.id = ANY(%(ids)s)
    ORDER BY array_position(%(ids)s, recordings.id)
"""


async def insert_recording(connection: Connection, new: NewRecording, number: int | None = None) -> Recording:
    """Add a recording under the ``number`` that was reserved for it, or the next one, which no other ever had.

    When the owner has a recording of the same bytes already, that one is returned, with its own id.

    Raises:
        NotFound: there is no such owner.
    """
    existing = await find_for_insert(connection, new.owner_id, new.sha256)
    if existing is not None:
        return existing
    if number is None:
        taken = await (await connection.execute(_TAKE_NUMBER, {"owner_id": new.owner_id})).fetchone()
        if taken is None:
            raise NotFound(what=f"user {new.owner_id}")
        number = taken["last_recording_number"]
    parameters = {
        **new.model_dump(exclude={"request"}),
        **new.request.model_dump(),
        "number": number,
        "stage": Stage.STORED,
    }
    return await _one(connection, _INSERT, parameters)


async def find_by_sha256(connection: Connection, owner_id: UserId, sha256: str) -> Recording | None:
    """Find the owner's recording of these bytes."""
    cursor = await connection.execute(_SELECT_BY_SHA256, {"owner_id": owner_id, "sha256": sha256})
    row = await cursor.fetchone()
    return None if row is None else _recording(row)


async def find_for_insert(connection: Connection, owner_id: UserId, sha256: str) -> Recording | None:
    """Find as ``find_by_sha256`` does; nobody else can store a recording of this owner before the transaction ends."""
    await connection.execute(_LOCK_OWNER, {"owner_id": owner_id})
    return await find_by_sha256(connection, owner_id, sha256)


async def find_by_number(connection: Connection, owner_id: UserId, number: int) -> Recording | None:
    """Find the owner's recording by the number that people see."""
    cursor = await connection.execute(_SELECT_BY_NUMBER, {"owner_id": owner_id, "number": number})
    row = await cursor.fetchone()
    return None if row is None else _recording(row)


async def get_by_number(connection: Connection, owner_id: UserId, number: int) -> Recording:
    """Load the owner's recording by the number that people see.

    Raises:
        NotFound: the owner has none of that number.
    """
    recording = await find_by_number(connection, owner_id, number)
    if recording is None:
        raise NotFound(what=f"recording {number}")
    return recording


async def list_recordings(
    connection: Connection, owner_id: UserId, scenario: ScenarioId | None, limit: int, offset: int
) -> list[Recording]:
    """Load a page of the owner's recordings, newest first; those of all scenarios when ``scenario`` is None."""
    parameters = {"owner_id": owner_id, "scenario": scenario, "limit": limit, "offset": offset}
    return [_recording(row) async for row in await connection.execute(_SELECT_PAGE, parameters)]


async def count_recordings(connection: Connection, owner_id: UserId, scenario: ScenarioId | None) -> int:
    """Count the owner's recordings; those of all scenarios when ``scenario`` is None."""
    row = await (await connection.execute(_COUNT, {"owner_id": owner_id, "scenario": scenario})).fetchone()
    return row["recordings"] if row else 0


async def get_recording(connection: Connection, owner_id: UserId, recording_id: RecordingId) -> Recording:
    """Load a recording for its owner.

    Raises:
        NotFound: there is none, or it is someone else's.
    """
    return await _one(connection, _SELECT_OWNED, {"owner_id": owner_id, "id": recording_id})


async def lock_recording(connection: Connection, owner_id: UserId, recording_id: RecordingId) -> Recording:
    """Load a recording for its owner; nobody else can change it, jobs included, before the transaction ends.

    Raises:
        NotFound: there is none, or it is someone else's.
    """
    return await _one(connection, _LOCK_OWNED, {"owner_id": owner_id, "id": recording_id})


async def get_recording_for_job(connection: Connection, recording_id: RecordingId) -> Recording:
    """Load a recording, whoever owns it: for work that runs without its person, such as a job.

    Raises:
        NotFound: it was deleted.
    """
    return await _one(connection, _SELECT, {"id": recording_id})


async def update_request(
    connection: Connection, recording_id: RecordingId, request: ProcessingRequest, *, restart: bool
) -> Recording:
    """Replace the request, and clear an earlier failure.

    With ``restart`` the work begins again from the stored file, else it goes on where it was.

    Raises:
        NotFound: the recording was deleted.
    """
    parameters = {"id": recording_id, **request.model_dump(), "restart": restart, "first": Stage.STORED}
    return await _one(connection, _UPDATE_REQUEST, parameters)


async def set_visibility(connection: Connection, recording_id: RecordingId, visibility: Visibility) -> None:
    """Set who finds the recording when asking."""
    await connection.execute(_SET_VISIBILITY, {"id": recording_id, "visibility": visibility})


async def delete_recording(connection: Connection, recording_id: RecordingId) -> None:
    """Delete the recording with its parts, transcript, metadata and report runs; the caller removes the objects."""
    await connection.execute(_DELETE, {"id": recording_id})


async def load_progress(connection: Connection, recording_ids: Sequence[RecordingId]) -> list[RecordingProgress]:
    """Load the progress of each recording, in the order of ``recording_ids``; deleted recordings are left out."""
    cursor = await connection.execute(_SELECT_PROGRESS, {"ids": list(recording_ids)})
    return [RecordingProgress.model_validate(row) async for row in cursor]


async def unfinished_among(connection: Connection, recording_ids: Sequence[RecordingId]) -> set[RecordingId]:
    """Return which of ``recording_ids`` exist and are not done yet."""
    parameters = {"ids": list(recording_ids), "last": Stage.DONE}
    return {RecordingId(row["id"]) async for row in await connection.execute(_SELECT_UNFINISHED, parameters)}


async def _one(connection: Connection, query: LiteralString, parameters: dict[str, Any]) -> Recording:
    row = await (await connection.execute(query, parameters)).fetchone()
    if row is None:
        raise NotFound(what=f"recording {parameters['id']}")
    return _recording(row)


def _recording(row: DictRow) -> Recording:
    request = {
        "scenario": row.pop("scenario"),
        "building": row.pop("building"),
        "language": row.pop("language_requested"),
        "speakers": row.pop("speakers_requested"),
        "caption": row.pop("caption"),
    }
    return Recording.model_validate({**row, "request": request})


_CHOOSE_SCENARIO = """
    UPDATE recordings SET
        scenario = %(scenario)s, building = %(building)s, stage = %(stage)s,
        warnings = CASE WHEN stage = %(stage)s THEN warnings ELSE '[]' END,
        error_code = NULL, error_text = NULL, retry_at = NULL, stage_at = now(), updated_at = now()
    WHERE id = %(id)s
"""
_SET_STAGE = """
    UPDATE recordings SET
        stage = %(stage)s, stage_seconds = stage_seconds || %(seconds)s, error_code = NULL, error_text = NULL,
        retry_at = NULL, stage_at = now(), updated_at = now()
    WHERE id = %(id)s AND error_code IS DISTINCT FROM %(cancelled)s AND stage = %(before)s
        AND scenario = %(scenario)s
        AND language_requested IS NOT DISTINCT FROM %(language)s
        AND speakers_requested IS NOT DISTINCT FROM %(speakers)s
    RETURNING id
"""
_LOCK_AT_STAGE = "SELECT FROM recordings WHERE id = %(id)s AND stage = %(stage)s FOR NO KEY UPDATE"
_BEGIN_TRY = """
    UPDATE recordings SET
        error_code = NULL, error_text = NULL, retry_at = NULL, stage_at = now(), updated_at = now()
    WHERE id = %(id)s AND retry_at IS NOT NULL
"""
_GO_ON = """
    UPDATE recordings SET
        error_code = NULL, error_text = NULL, retry_at = NULL, stage_at = now(), updated_at = now()
    WHERE id = %(id)s
"""
_RECORD_FAILURE = """
    UPDATE recordings SET
        error_code = %(error_code)s, error_text = %(error_text)s, retry_at = %(retry_at)s, updated_at = now(),
        dismissed_at = NULL
    WHERE id = %(id)s AND error_code IS DISTINCT FROM %(cancelled)s AND stage <> %(last)s
"""
_CANCEL = """
    UPDATE recordings SET
        error_code = %(error_code)s, error_text = %(error_text)s, retry_at = NULL, updated_at = now()
    WHERE id = %(id)s AND stage <> %(last)s AND (error_code IS NULL OR retry_at IS NOT NULL)
    RETURNING id
"""
# A step that runs again says the same again.
_ADD_WARNINGS = """
    UPDATE recordings SET
        warnings = warnings || (
            SELECT coalesce(jsonb_agg(warning ORDER BY position), '[]')
            FROM unnest(%(warnings)s::text[]) WITH ORDINALITY AS new (warning, position)
            WHERE NOT recordings.warnings ? warning
        ),
        updated_at = now()
    WHERE id = %(id)s
"""


async def choose_scenario(
    connection: Connection,
    recording_id: RecordingId,
    scenario: ScenarioId,
    building: BuildingType | None,
    stage: Stage,
) -> Recording:
    """Note the scenario, the building type, and ``stage`` as the last stage that is done; clear an earlier failure.

    Warnings are cleared when the stage changes: they are about steps that will be done again.

    Raises:
        NotFound: the recording was deleted.
    """
    parameters = {"id": recording_id, "scenario": scenario, "building": building, "stage": stage}
    await connection.execute(_CHOOSE_SCENARIO, parameters)
    return await get_recording_for_job(connection, recording_id)


async def set_stage(connection: Connection, worked_on: Recording, stage: Stage, seconds: float) -> bool:
    """Note that ``stage`` is done and took ``seconds``; clear an earlier failure.

    Returns False, noting nothing, when the recording was cancelled or deleted, or when its stage, scenario, requested
    language or requested number of speakers is not that of ``worked_on`` any more.
    """
    parameters = {
        "cancelled": Cancelled.code,
        **worked_on.request.model_dump(),
        "id": worked_on.id,
        "before": worked_on.stage,
        "stage": stage,
        "seconds": Jsonb({stage: seconds}),
    }
    return await (await connection.execute(_SET_STAGE, parameters)).fetchone() is not None


async def lock_at_stage(connection: Connection, recording_id: RecordingId, stage: Stage) -> bool:
    """Keep a recording at ``stage`` until the transaction ends; False when it is at another one, or deleted."""
    cursor = await connection.execute(_LOCK_AT_STAGE, {"id": recording_id, "stage": stage})
    return await cursor.fetchone() is not None


async def go_on(connection: Connection, recording_id: RecordingId) -> None:
    """Note that work is asked for: clear a failure or cancellation, and start the time of the stage anew."""
    await connection.execute(_GO_ON, {"id": recording_id})


async def begin_try(connection: Connection, recording_id: RecordingId) -> Recording:
    """Load a recording to work on it; clear a failure that was to be tried again.

    Raises:
        NotFound: it was deleted.
    """
    await connection.execute(_BEGIN_TRY, {"id": recording_id})
    return await get_recording_for_job(connection, recording_id)


async def record_failure(
    connection: Connection,
    recording_id: RecordingId,
    error_code: str,
    error_text: str,
    retry_at: datetime | None = None,
) -> None:
    """Note why work stopped. It is tried again at ``retry_at``; when that is None, only after somebody asks for it.

    The stage stays: work goes on from there. A cancelled recording stays cancelled, and one that is done is done.
    """
    failure = {"error_code": error_code, "error_text": error_text, "retry_at": retry_at}
    parameters = {"id": recording_id, **failure, "cancelled": Cancelled.code, "last": Stage.DONE}
    await connection.execute(_RECORD_FAILURE, parameters)


async def cancel(connection: Connection, recording_id: RecordingId) -> bool:
    """Note that a person stopped the work; False when no work is left to stop, for whatever reason."""
    cancelled = Cancelled()
    parameters = {
        "id": recording_id,
        "error_code": cancelled.code,
        "error_text": cancelled.user_text,
        "last": Stage.DONE,
    }
    return await (await connection.execute(_CANCEL, parameters)).fetchone() is not None


async def add_warnings(connection: Connection, recording_id: RecordingId, warnings: Sequence[str]) -> None:
    """Add the warnings that the recording does not have yet."""
    await connection.execute(_ADD_WARNINGS, {"id": recording_id, "warnings": list(dict.fromkeys(warnings))})
