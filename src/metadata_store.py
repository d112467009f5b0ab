"""Rows of ``recording_metadata`` and the names that they refer to: employees, clients, places, cities, zones."""

from collections.abc import Sequence
from datetime import date

from datamodels import Recording, RecordingId, RecordingMetadata, Value
from db import Connection

# DO NOTHING, in one order of tables and names: a name that exists is not locked, and two transactions do not deadlock.
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
# So nobody deletes a name between the statement that finds it and the one that refers to it.
_LOCK_NAMES = "SELECT pg_advisory_xact_lock_shared(hashtextextended('names', 0))"
_LOCK_NAMES_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('names', 0))"
_DELETE_UNUSED_NAMES = tuple(
    f"DELETE FROM {table} WHERE NOT EXISTS (SELECT FROM {user} WHERE {user}.{column} = {table}.id)"
    for table, user, column in (
        ("employees", "recording_metadata", "employee_id"),
        ("clients", "recording_metadata", "client_id"),
        ("places", "recording_metadata", "place_id"),
        ("cities", "recording_metadata", "city_id"),
        ("zones", "recording_zones", "zone_id"),
    )
)
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
_SELECT_PEOPLE = "SELECT name FROM employees UNION SELECT name FROM clients"
_ADD_METADATA = """
    INSERT INTO recording_metadata (recording_id) SELECT id FROM recordings WHERE id = %(recording_id)s
    ON CONFLICT (recording_id) DO NOTHING
"""
_CONFIRM_METADATA = """
    UPDATE recording_metadata SET confirmed_at = now(), offered = '{}', offered_by = NULL, proposed = '{}'
    WHERE recording_id = %(recording_id)s
"""
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
        recording_id, audio_number, recorded_on, employees.name AS employee, clients.name AS client,
        places.name AS place, recording_metadata.building, cities.name AS city,
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
    WHERE recording_id = ANY(%(recording_ids)s)
"""

_SELECT_LAST_OF_DAY = """
    SELECT id, number FROM recordings JOIN recording_metadata ON recording_id = id
    WHERE owner_id = %(owner_id)s AND scenario = %(scenario)s AND id <> %(id)s
        AND recorded_on = %(day)s AND confirmed_at IS NOT NULL
    ORDER BY number DESC LIMIT 1
"""
_SELECT_NUMBERS = """
    SELECT audio_number FROM recordings JOIN recording_metadata ON recording_id = id
    WHERE owner_id = %(owner_id)s AND scenario = %(scenario)s AND id <> %(id)s
        AND recorded_on = %(day)s AND audio_number IS NOT NULL
"""
_SELECT_OFFERED = (
    "SELECT offered AS fields, offered_by AS by, proposed FROM recording_metadata WHERE recording_id = %(recording_id)s"
)
_SET_OFFERED = """
    UPDATE recording_metadata SET offered = %(fields)s, offered_by = %(by)s, proposed = %(proposed)s
    WHERE recording_id = %(recording_id)s
"""


class Offered(Value):
    """The fields that were filled without anybody.

    ``by`` is the number of the recording that some are from, if any; the model ``proposed`` others from what was said.
    """

    fields: tuple[str, ...] = ()
    by: int | None = None
    proposed: tuple[str, ...] = ()


async def save_metadata(connection: Connection, recording_id: RecordingId, metadata: RecordingMetadata) -> None:
    """Replace the recording's metadata; a zone named twice is kept once."""
    parameters = {
        "recording_id": recording_id,
        **metadata.model_dump(exclude={"zones"}),
        "zones": list(dict.fromkeys(metadata.zones)),
    }
    for statement in (
        _LOCK_NAMES,
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


async def delete_unused_names(connection: Connection) -> None:
    """Delete the names that no recording has. Call this first in a transaction, else transactions may deadlock."""
    for statement in (_LOCK_NAMES_ALONE, *_DELETE_UNUSED_NAMES):
        await connection.execute(statement)


async def list_people(connection: Connection) -> list[str]:
    """Load the names of all employees and clients."""
    return [row["name"] async for row in await connection.execute(_SELECT_PEOPLE)]


async def load_metadata(connection: Connection, recording_id: RecordingId) -> RecordingMetadata:
    """Load the recording's metadata; return empty metadata while none are stored."""
    return (await load_metadata_of_all(connection, [recording_id]))[recording_id]


async def load_metadata_of_all(
    connection: Connection, recording_ids: Sequence[RecordingId]
) -> dict[RecordingId, RecordingMetadata]:
    """Load the metadata of each recording, as ``load_metadata`` does."""
    found = dict.fromkeys(recording_ids, RecordingMetadata())
    async for row in await connection.execute(_SELECT_METADATA, {"recording_ids": list(recording_ids)}):
        recording_id = row.pop("recording_id")
        found[recording_id] = RecordingMetadata.model_validate(row)
    return found


async def last_of_day(connection: Connection, recording: Recording, day: date) -> tuple[int, RecordingMetadata] | None:
    """Load number and metadata of the owner's latest other recording of the day and scenario that was confirmed."""
    parameters = {
        "owner_id": recording.owner_id,
        "scenario": recording.request.scenario,
        "id": recording.id,
        "day": day,
    }
    row = await (await connection.execute(_SELECT_LAST_OF_DAY, parameters)).fetchone()
    return None if row is None else (row["number"], await load_metadata(connection, row["id"]))


async def numbers_of_day(connection: Connection, recording: Recording, day: date) -> set[int]:
    """Load the file numbers that the owner's other recordings of the day and scenario have."""
    parameters = {
        "owner_id": recording.owner_id,
        "scenario": recording.request.scenario,
        "id": recording.id,
        "day": day,
    }
    return {row["audio_number"] async for row in await connection.execute(_SELECT_NUMBERS, parameters)}


async def load_offered(connection: Connection, recording_id: RecordingId) -> Offered:
    """Load which fields were filled without anybody and have not been looked at yet."""
    row = await (await connection.execute(_SELECT_OFFERED, {"recording_id": recording_id})).fetchone()
    if row is None:
        return Offered()
    return Offered(fields=tuple(row["fields"]), by=row["by"], proposed=tuple(row["proposed"]))


async def set_offered(connection: Connection, recording_id: RecordingId, offered: Offered) -> None:
    """Store what ``load_offered`` loads, for a recording that has metadata."""
    parameters = {"recording_id": recording_id, "fields": list(offered.fields), "by": offered.by}
    parameters["proposed"] = list(offered.proposed)
    await connection.execute(_SET_OFFERED, parameters)


async def lock_metadata(connection: Connection, recording_id: RecordingId) -> RecordingMetadata:
    """Load as ``load_metadata`` does; only the caller can change these metadata before the transaction ends."""
    for statement in (_ADD_METADATA, _LOCK_METADATA):
        await connection.execute(statement, {"recording_id": recording_id})
    return await load_metadata(connection, recording_id)


async def set_proposed(connection: Connection, recording_id: RecordingId, *, proposed: bool) -> None:
    """Note that the proposal of metadata has ended, with or without a result; with False, that it is still to come."""
    for statement in (_ADD_METADATA, _SET_PROPOSED):
        await connection.execute(statement, {"recording_id": recording_id, "proposed": proposed})


async def confirm_metadata(connection: Connection, recording_id: RecordingId) -> None:
    """Note that a person has confirmed the metadata as they are."""
    for statement in (_ADD_METADATA, _CONFIRM_METADATA):
        await connection.execute(statement, {"recording_id": recording_id})
