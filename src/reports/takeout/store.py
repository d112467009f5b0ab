"""What reports found, for what people take along."""

from typing import Any

from datamodels import RecordingId, ReportId
from db import Connection

_SELECT_ITEMS = """
    SELECT report_id, items FROM report_runs
    WHERE recording_id = %(recording_id)s AND status = 'done' AND items IS NOT NULL
    ORDER BY finished_at
"""


async def list_items(connection: Connection, recording_id: RecordingId) -> dict[ReportId, dict[str, Any]]:
    """Load the items of the recording's finished reports, by pass; of several of a kind those of the latest."""
    cursor = await connection.execute(_SELECT_ITEMS, {"recording_id": recording_id})
    return {row["report_id"]: row["items"] async for row in cursor}
