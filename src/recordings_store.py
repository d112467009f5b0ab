"""Rows of ``recordings``, how far the work on them is, and their metadata with the names that these refer to."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from datamodels import (
    NewRecording,
    ProcessingRequest,
    Recording,
    RecordingId,
    RecordingMetadata,
    RecordingProgress,
    ScenarioId,
    Stage,
    UserId,
)
from errors import NotFound

_COLUMNS = """
    id, owner_id, number, sha256, size_bytes, file_name, extension, object_key, container, codec, duration_s, caption,
    scenario, building, language_requested, speakers_requested, stage, error_code, error_text, retry_at, warnings,
    stage_seconds, created_at
"""

# An owner's row is locked before the look for the same bytes, so that of two identical uploads one is stored; the lock
# leaves foreign keys to the row alone.
_LOCK_OWNER = "SELECT 1 FROM users WHERE id = %(owner_id)s FOR NO KEY UPDATE"
_TAKE_NUMBER = """
    UPDATE users SET last_recording_number = last_recording_number + 1 WHERE id = %(owner_id)s
    RETURNING last_recording_number
"""
_INSERT = f"""
    INSERT INTO recordings (
        id, owner_id, number, sha256, size_bytes, file_name, extension, object_key, container, codec, duration_s,
        caption, scenario, building, language_requested, speakers_requested, stage
    ) VALUES (
        %(id)s, %(owner_id)s, %(number)s, %(sha256)s, %(size_bytes)s, %(file_name)s, %(extension)s, %(object_key)s,
        %(container)s, %(codec)s, %(duration_s)s, %(caption)s, %(scenario)s, %(building)s, %(language)s, %(speakers)s,
        %(stage)s
    )
    RETURNING {_COLUMNS}
"""
_SELECT_BY_SHA256 = f"SELECT {_COLUMNS} FROM recordings WHERE owner_id = %(owner_id)s AND sha256 = %(sha256)s"
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
_DELETE = "DELETE FROM recordings WHERE id = %(id)s"
_SELECT_PROGRESS = """
    SELECT
        recordings.id AS recording_id, stage, error_code, error_text,
        parts.done AS parts_done, parts.total AS parts_total,
        runs.counts AS runs, runs.passes_done, runs.passes_total
    FROM recordings
    CROSS JOIN LATERAL (
        SELECT count(result) AS done, count(*) AS total
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

# DO NOTHING, in one order of tables and names: recordings that share names neither wait for each other nor deadlock.
_ADD_EMPLOYEE = """
    INSERT INTO employees (id, name) SELECT gen_random_uuid(), %(employee)s WHERE %(employee)s::text IS NOT NULL
    ON CONFLICT (name) DO NOTHING
"""
_ADD_CLIENT = """
    INSERT INTO clients (id, name) SELECT gen_random_uuid(), %(client)s WHERE %(client)s::text IS NOT NULL
    ON CONFLICT (name) DO NOTHING
"""
_ADD_PLACE = """
    INSERT INTO places (id, name, building) SELECT gen_random_uuid(), %(place)s, coalesce(%(building)s, '')
    WHERE %(place)s::text IS NOT NULL
    ON CONFLICT (name, building) DO NOTHING
"""
_ADD_CITY = """
    INSERT INTO cities (id, name) SELECT gen_random_uuid(), %(city)s WHERE %(city)s::text IS NOT NULL
    ON CONFLICT (name) DO NOTHING
"""
_ADD_ZONES = """
    INSERT INTO zones (id, name) SELECT gen_random_uuid(), name FROM unnest(%(zones)s::text[]) AS name ORDER BY name
    ON CONFLICT (name) DO NOTHING
"""
_UPSERT_METADATA = """
    INSERT INTO recording_metadata (
        recording_id, audio_number, recorded_on, employee_id, client_id, place_id, city_id, building
    ) VALUES (
        %(recording_id)s, %(audio_number)s, %(recorded_on)s,
        (SELECT id FROM employees WHERE name = %(employee)s),
        (SELECT id FROM clients WHERE name = %(client)s),
        (SELECT id FROM places WHERE name = %(place)s AND building = coalesce(%(building)s, '')),
        (SELECT id FROM cities WHERE name = %(city)s),
        %(building)s
    )
    ON CONFLICT (recording_id) DO UPDATE SET
        audio_number = EXCLUDED.audio_number, recorded_on = EXCLUDED.recorded_on, employee_id = EXCLUDED.employee_id,
        client_id = EXCLUDED.client_id, place_id = EXCLUDED.place_id, city_id = EXCLUDED.city_id,
        building = EXCLUDED.building
"""
_ADD_METADATA = """
    INSERT INTO recording_metadata (recording_id) SELECT id FROM recordings WHERE id = %(recording_id)s
    ON CONFLICT (recording_id) DO NOTHING
"""
_CONFIRM_METADATA = "UPDATE recording_metadata SET confirmed_at = now() WHERE recording_id = %(recording_id)s"
_LOCK_METADATA = "SELECT 1 FROM recording_metadata WHERE recording_id = %(recording_id)s FOR UPDATE"
_SET_PROPOSED = """
    UPDATE recording_metadata SET proposed_at = CASE WHEN %(proposed)s THEN now() END
    WHERE recording_id = %(recording_id)s
"""
_DELETE_RECORDING_ZONES = "DELETE FROM recording_zones WHERE recording_id = %(recording_id)s"
_INSERT_RECORDING_ZONES = """
    INSERT INTO recording_zones (recording_id, zone_id, position)
    SELECT %(recording_id)s, zones.id, given.position
    FROM unnest(%(zones)s::text[]) WITH ORDINALITY AS given (name, position)
    JOIN zones ON zones.name = given.name
"""
_SELECT_METADATA = """
    SELECT
        audio_number, recorded_on, employees.name AS employee, clients.name AS client, places.name AS place,
        recording_metadata.building, cities.name AS city,
        ARRAY(
            SELECT zones.name FROM recording_zones JOIN zones ON zones.id = zone_id
            WHERE recording_zones.recording_id = recording_metadata.recording_id
            ORDER BY recording_zones.position
        ) AS zones
    FROM recording_metadata
    LEFT JOIN employees ON employees.id = employee_id
    LEFT JOIN clients ON clients.id = client_id
    LEFT JOIN places ON places.id = place_id
    LEFT JOIN cities ON cities.id = city_id
    WHERE recording_id = %(recording_id)s
"""


async def insert_recording(connection: AsyncConnection[DictRow], new: NewRecording) -> Recording:
    """Add a recording and give it its owner's next number, which no other recording ever had.

    Returns the recording that the owner has of the same bytes, when there is one: it is that one's id which counts.
    """
    existing = await find_for_insert(connection, new.owner_id, new.sha256)
    if existing is not None:
        return existing
    taken = await (await connection.execute(_TAKE_NUMBER, {"owner_id": new.owner_id})).fetchone()
    if taken is None:
        raise NotFound(what=f"user {new.owner_id}")
    parameters = {
        **new.model_dump(exclude={"request"}),
        **new.request.model_dump(),
        "number": taken["last_recording_number"],
        "stage": Stage.STORED,
    }
    return await _one(connection, _INSERT, parameters)


async def find_by_sha256(connection: AsyncConnection[DictRow], owner_id: UserId, sha256: str) -> Recording | None:
    """Find the owner's recording of these bytes."""
    cursor = await connection.execute(_SELECT_BY_SHA256, {"owner_id": owner_id, "sha256": sha256})
    row = await cursor.fetchone()
    return None if row is None else _recording(row)


async def find_for_insert(connection: AsyncConnection[DictRow], owner_id: UserId, sha256: str) -> Recording | None:
    """As ``find_by_sha256``; nobody stores a recording of this owner before the transaction ends."""
    await connection.execute(_LOCK_OWNER, {"owner_id": owner_id})
    return await find_by_sha256(connection, owner_id, sha256)


async def find_by_number(connection: AsyncConnection[DictRow], owner_id: UserId, number: int) -> Recording | None:
    """Find the owner's recording by the number that people see."""
    cursor = await connection.execute(_SELECT_BY_NUMBER, {"owner_id": owner_id, "number": number})
    row = await cursor.fetchone()
    return None if row is None else _recording(row)


async def list_recordings(
    connection: AsyncConnection[DictRow], owner_id: UserId, scenario: ScenarioId | None, limit: int, offset: int
) -> list[Recording]:
    """Load a page of the owner's recordings, newest first; those of all scenarios when None is given."""
    parameters = {"owner_id": owner_id, "scenario": scenario, "limit": limit, "offset": offset}
    return [_recording(row) async for row in await connection.execute(_SELECT_PAGE, parameters)]


async def count_recordings(connection: AsyncConnection[DictRow], owner_id: UserId, scenario: ScenarioId | None) -> int:
    """Count the owner's recordings; those of all scenarios when None is given."""
    row = await (await connection.execute(_COUNT, {"owner_id": owner_id, "scenario": scenario})).fetchone()
    return row["recordings"] if row else 0


async def get_recording(connection: AsyncConnection[DictRow], owner_id: UserId, recording_id: RecordingId) -> Recording:
    """Load a recording for its owner.

    Raises:
        NotFound: there is none, or it is someone else's.
    """
    return await _one(connection, _SELECT_OWNED, {"owner_id": owner_id, "id": recording_id})


async def lock_recording(
    connection: AsyncConnection[DictRow], owner_id: UserId, recording_id: RecordingId
) -> Recording:
    """Load a recording for its owner; no step moves it on before the transaction ends.

    Raises:
        NotFound: there is none, or it is someone else's.
    """
    return await _one(connection, _LOCK_OWNED, {"owner_id": owner_id, "id": recording_id})


async def get_recording_for_job(connection: AsyncConnection[DictRow], recording_id: RecordingId) -> Recording:
    """Load a recording, whoever owns it: for work that nobody asked for in person.

    Raises:
        NotFound: it was deleted.
    """
    return await _one(connection, _SELECT, {"id": recording_id})


async def update_request(
    connection: AsyncConnection[DictRow], recording_id: RecordingId, request: ProcessingRequest, *, restart: bool
) -> Recording:
    """Put another request in the place of the earlier one; an earlier failure is over with that.

    With ``restart`` the work begins again from the stored file, else it goes on where it was.

    Raises:
        NotFound: the recording was deleted.
    """
    parameters = {"id": recording_id, **request.model_dump(), "restart": restart, "first": Stage.STORED}
    return await _one(connection, _UPDATE_REQUEST, parameters)


async def delete_recording(connection: AsyncConnection[DictRow], recording_id: RecordingId) -> None:
    """Delete the recording with its parts, transcript, metadata and report runs; its object is the caller's."""
    await connection.execute(_DELETE, {"id": recording_id})


async def load_progress(
    connection: AsyncConnection[DictRow], recording_ids: Sequence[RecordingId]
) -> list[RecordingProgress]:
    """Load how far each of the recordings is, in the order asked for; a deleted one is left out."""
    cursor = await connection.execute(_SELECT_PROGRESS, {"ids": list(recording_ids)})
    return [RecordingProgress.model_validate(row) async for row in cursor]


async def save_metadata(
    connection: AsyncConnection[DictRow], recording_id: RecordingId, metadata: RecordingMetadata
) -> None:
    """Put the metadata in the place of the recording's earlier ones; a zone named twice is kept once."""
    parameters = {
        "recording_id": recording_id,
        **metadata.model_dump(exclude={"zones"}),
        "zones": list(dict.fromkeys(metadata.zones)),
    }
    for statement in (
        _ADD_EMPLOYEE,
        _ADD_CLIENT,
        _ADD_PLACE,
        _ADD_CITY,
        _ADD_ZONES,
        _UPSERT_METADATA,
        _DELETE_RECORDING_ZONES,
        _INSERT_RECORDING_ZONES,
    ):
        await connection.execute(statement, parameters)


async def load_metadata(connection: AsyncConnection[DictRow], recording_id: RecordingId) -> RecordingMetadata | None:
    """Load the metadata; None while there are none."""
    row = await (await connection.execute(_SELECT_METADATA, {"recording_id": recording_id})).fetchone()
    return None if row is None else RecordingMetadata.model_validate(row)


async def lock_metadata(connection: AsyncConnection[DictRow], recording_id: RecordingId) -> RecordingMetadata:
    """Load the metadata, empty while there are none; nobody else saves any before the transaction ends."""
    for statement in (_ADD_METADATA, _LOCK_METADATA):
        await connection.execute(statement, {"recording_id": recording_id})
    return await load_metadata(connection, recording_id) or RecordingMetadata()


async def set_proposed(connection: AsyncConnection[DictRow], recording_id: RecordingId, *, proposed: bool) -> None:
    """Note that the proposal of metadata has ended, whatever it led to, or that it is still to come."""
    for statement in (_ADD_METADATA, _SET_PROPOSED):
        await connection.execute(statement, {"recording_id": recording_id, "proposed": proposed})


async def confirm_metadata(connection: AsyncConnection[DictRow], recording_id: RecordingId) -> None:
    """Note that a person has confirmed the metadata as they are."""
    for statement in (_ADD_METADATA, _CONFIRM_METADATA):
        await connection.execute(statement, {"recording_id": recording_id})


async def _one(connection: AsyncConnection[DictRow], query: LiteralString, parameters: dict[str, Any]) -> Recording:
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
