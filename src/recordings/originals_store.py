"""Rows of ``recordings``, by their originals: where these are, and which a worker waits for."""

from psycopg.rows import DictRow

from datamodels import RecordingId
from db import Connection

_SELECT_STORED = """
    SELECT id, owner_id, object_key, size_bytes, created_at FROM recordings
    WHERE %(after)s::uuid IS NULL OR id > %(after)s ORDER BY id LIMIT %(limit)s
"""
_SELECT_AWAITED = "SELECT id FROM recordings WHERE error_code = 'original_awaited'"
_EXISTS = "SELECT FROM recordings WHERE id = %(id)s"
_LOCK_AWAITED = """
    SELECT FROM recordings WHERE id = %(id)s AND error_code = 'original_awaited' FOR NO KEY UPDATE
"""


async def list_stored(connection: Connection, after: RecordingId | None, limit: int) -> list[DictRow]:
    """Load id, owner, object key, size and time of storing of at most ``limit`` recordings, in the order of their ids.

    Their ids are greater than ``after``; None begins with the first recording.
    """
    return await (await connection.execute(_SELECT_STORED, {"after": after, "limit": limit})).fetchall()


async def list_awaited(connection: Connection) -> list[RecordingId]:
    """Load the recordings whose original a worker waits for."""
    return [RecordingId(row["id"]) async for row in await connection.execute(_SELECT_AWAITED)]


async def lock_awaited(connection: Connection, recording_id: RecordingId) -> bool:
    """Keep others from changing the recording until the transaction ends; False when no worker waits for its original.

    A worker that tries again, a cancellation or a deletion ends the wait.
    """
    return await (await connection.execute(_LOCK_AWAITED, {"id": recording_id})).fetchone() is not None


async def exists(connection: Connection, recording_id: RecordingId) -> bool:
    """Tell whether the recording is there; False when it was deleted."""
    return await (await connection.execute(_EXISTS, {"id": recording_id})).fetchone() is not None
