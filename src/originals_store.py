"""Rows of ``recordings`` whose work waits until the bot's process has fetched the original again."""

from datamodels import RecordingId
from db import Connection

_SELECT_AWAITED = "SELECT id FROM recordings WHERE error_code = 'original_awaited'"
_EXISTS = "SELECT FROM recordings WHERE id = %(id)s"
_LOCK_AWAITED = """
    SELECT FROM recordings WHERE id = %(id)s AND error_code = 'original_awaited' FOR NO KEY UPDATE
"""


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
