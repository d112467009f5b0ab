"""Rows behind a person's archive of reports: deletion, and the indices of reports over time."""

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from datamodels import IndexPoint, ReportRunId, UserId

_DELETE_RUN = "DELETE FROM report_runs WHERE id = %(id)s AND owner_id = %(owner_id)s"
_SELECT_TEXT = "SELECT text FROM report_runs WHERE id = %(id)s AND owner_id = %(owner_id)s"
_SELECT_POINTS = """
    SELECT
        report_runs.number, report_id, indices, employees.name AS employee, places.name AS place,
        coalesce(recorded_on, report_runs.created_at::date) AS day
    FROM report_runs
    LEFT JOIN recording_metadata ON recording_metadata.recording_id = report_runs.recording_id
    LEFT JOIN employees ON employees.id = employee_id
    LEFT JOIN places ON places.id = place_id
    WHERE owner_id = %(owner_id)s AND report_runs.number IS NOT NULL AND indices IS NOT NULL
    ORDER BY day, report_runs.number
"""


async def delete_run(connection: AsyncConnection[DictRow], owner_id: UserId, run_id: ReportRunId) -> None:
    """Remove the owner's report run; no error when there is none."""
    await connection.execute(_DELETE_RUN, {"id": run_id, "owner_id": owner_id})


async def find_text(connection: AsyncConnection[DictRow], owner_id: UserId, run_id: ReportRunId) -> str | None:
    """The text of the owner's report; None when there is no such report or it was never finished."""
    row = await (await connection.execute(_SELECT_TEXT, {"id": run_id, "owner_id": owner_id})).fetchone()
    return None if row is None else row["text"]


async def index_points(connection: AsyncConnection[DictRow], owner_id: UserId) -> list[IndexPoint]:
    """The indices of all the owner's reports that have some, in the order of their recordings' days."""
    cursor = await connection.execute(_SELECT_POINTS, {"owner_id": owner_id})
    return [IndexPoint.model_validate(row) async for row in cursor]
