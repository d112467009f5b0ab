"""What the queue has of people who are not of the team any more."""

from uuid import UUID

from datamodels import RecordingId, ReportRunId, UserId, Value
from db import Connection

_SELECT_RECORDINGS = """
    SELECT recordings.id FROM recordings JOIN procrastinate_jobs AS jobs ON jobs.lock = 'subject:' || recordings.id
    WHERE owner_id = %(owner)s AND jobs.status IN ('todo', 'doing')
"""
_SELECT_RUNS = "SELECT id FROM report_runs WHERE owner_id = %(owner)s AND status IN ('queued', 'running')"
_SELECT_HAS_LEFT = """
    SELECT EXISTS (
        SELECT FROM users WHERE left_at IS NOT NULL AND id IN (
            SELECT owner_id FROM recordings WHERE id = %(subject)s
            UNION ALL SELECT owner_id FROM report_runs WHERE id = %(subject)s
            UNION ALL SELECT owner_id FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
                WHERE chat_answers.id = %(subject)s
        )
    ) AS has_left
"""


class Unfinished(Value):
    """Work of a person that goes on."""

    recordings: tuple[RecordingId, ...]
    runs: tuple[ReportRunId, ...]


async def unfinished_of(connection: Connection, owner: UserId) -> Unfinished:
    """Load the recordings and report runs of a person that are worked on or wait for it."""
    recordings = await (await connection.execute(_SELECT_RECORDINGS, {"owner": owner})).fetchall()
    runs = await (await connection.execute(_SELECT_RUNS, {"owner": owner})).fetchall()
    return Unfinished(recordings=tuple({row["id"]: None for row in recordings}), runs=tuple(row["id"] for row in runs))


async def has_left(connection: Connection, subject: UUID) -> bool:
    """Tell whether a recording, report run or answer is of a person who is not of the team any more."""
    row = await (await connection.execute(_SELECT_HAS_LEFT, {"subject": subject})).fetchone()
    return bool(row and row["has_left"])
