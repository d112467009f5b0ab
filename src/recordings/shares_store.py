"""Rows of ``recording_shares``: with whom owners share recordings that the team does not find."""

from datamodels import RecordingId, UserId
from db import Connection

_SELECT = "SELECT person_id FROM recording_shares WHERE recording_id = %(recording)s"
_INSERT = """
    INSERT INTO recording_shares (recording_id, person_id) VALUES (%(recording)s, %(person)s) ON CONFLICT DO NOTHING
"""
_DELETE = "DELETE FROM recording_shares WHERE recording_id = %(recording)s AND person_id = %(person)s"
_DELETE_ALL = "DELETE FROM recording_shares WHERE recording_id = %(recording)s"
_SELECT_IS_FOUND = """
    SELECT visibility = 'team' OR owner_id = %(asker)s OR id IN (
        SELECT recording_id FROM recording_shares WHERE person_id = %(asker)s
    ) AS is_found
    FROM recordings WHERE id = %(recording)s
"""


async def people_of(connection: Connection, recording: RecordingId) -> set[UserId]:
    """Load with whom a recording is shared."""
    return {row["person_id"] async for row in await connection.execute(_SELECT, {"recording": recording})}


async def put(connection: Connection, recording: RecordingId, person: UserId, *, wanted: bool) -> None:
    """Share a recording with a person, or take that back."""
    await connection.execute(_INSERT if wanted else _DELETE, {"recording": recording, "person": person})


async def end_all(connection: Connection, recording: RecordingId) -> None:
    """Take back everything that a recording is shared by."""
    await connection.execute(_DELETE_ALL, {"recording": recording})


async def is_found_by(connection: Connection, recording: RecordingId, asker: UserId) -> bool:
    """Tell whether a person finds a recording when asking: it is theirs, the team's, or shared with them."""
    row = await (await connection.execute(_SELECT_IS_FOUND, {"recording": recording, "asker": asker})).fetchone()
    return bool(row and row["is_found"])
