"""What the database knows for counting across interviews. Whoever asks sees the team's recordings and their own.

A recording is counted by the latest finished report that fits and has its items. When several people have sent the
same file, it counts once. A report that was written before its recording was said to be of another scenario does not
count.
"""

from collections.abc import Sequence

from psycopg.rows import DictRow

from datamodels import RecordingId, ReportRunId, UserId
from db import Connection
from reports.across.values import Subject

# DISTINCT ON takes the first row of each file: one with items, then the latest report.
_SELECT_INTERVIEWS = """
    SELECT interviews.*, users.name AS owner_name, employees.name AS employee, places.name AS place,
        places.building AS place_building
    FROM (
        SELECT DISTINCT ON (sha256)
            report_runs.id AS run_id, recordings.id AS recording_id, recordings.owner_id AS owner, recordings.number,
            recorded_on, recordings.created_at AS came, report_runs.building,
            coalesce(items ? %(pass_id)s, false) AS has_items,
            place_id, employee_id
        FROM report_runs
        JOIN recordings ON recordings.id = report_runs.recording_id
        LEFT JOIN recording_metadata ON recording_metadata.recording_id = recordings.id
        WHERE report_runs.status = 'done' AND report_id = %(report_id)s AND report_runs.scenario = recordings.scenario
            AND (
                recordings.visibility = 'team' OR recordings.owner_id = %(asker)s
                OR recordings.id IN (SELECT recording_id FROM recording_shares WHERE person_id = %(asker)s)
            )
        ORDER BY sha256, has_items DESC, finished_at DESC, report_runs.id
    ) AS interviews
    JOIN users ON users.id = interviews.owner
    LEFT JOIN employees ON employees.id = employee_id
    LEFT JOIN places ON places.id = place_id
"""
# Text, not JSON: what it says is read in a thread and not in the event loop.
_SELECT_MENTIONS = """
    SELECT id, (
        SELECT jsonb_agg(jsonb_build_array(item ->> %(name)s, item ->> %(label)s, item ->> %(category)s))
        FROM jsonb_array_elements(items -> %(pass_id)s) AS item
    )::text AS mentions
    FROM report_runs WHERE id = ANY(%(runs)s)
"""
_SELECT_QUOTES = """
    SELECT report_runs.id AS run_id, item ->> %(name)s AS name, (item -> %(quotes)s)::text AS quotes
    FROM unnest(%(runs)s::uuid[], %(names)s::text[]) AS wanted (run_id, name)
    JOIN report_runs ON report_runs.id = wanted.run_id
    CROSS JOIN LATERAL jsonb_array_elements(items -> %(pass_id)s) WITH ORDINALITY AS listed (item, position)
    WHERE item ->> %(name)s = wanted.name
    ORDER BY report_runs.id, position
"""
_SELECT_SEEN = """
    SELECT recordings.owner_id AS owner, users.name AS owner_name, number
    FROM recordings JOIN users ON users.id = recordings.owner_id
    WHERE recordings.id = %(id)s
        AND (
            visibility = 'team' OR owner_id = %(asker)s
            OR recordings.id IN (SELECT recording_id FROM recording_shares WHERE person_id = %(asker)s)
        )
"""
_SELECT_AROUND = """
    WITH said AS (
        SELECT max(position) AS position FROM transcript_segments
        WHERE recording_id = %(id)s AND floor(start_s) <= %(second)s
    )
    SELECT start_s AS start, end_s AS end, speaker, role, segments.text FROM transcript_segments AS segments, said
    WHERE recording_id = %(id)s AND segments.position BETWEEN said.position - %(before)s AND said.position + %(after)s
    ORDER BY segments.position
"""


async def list_interviews(connection: Connection, asker: UserId, subject: Subject) -> list[DictRow]:
    """Load a row per interview: the fields of ``Interview``, and ``recorded_on`` in the place of ``day``."""
    parameters = {**subject.model_dump(include={"report_id", "pass_id"}), "asker": asker}
    return await (await connection.execute(_SELECT_INTERVIEWS, parameters)).fetchall()


async def list_mentions(
    connection: Connection, subject: Subject, runs: Sequence[ReportRunId]
) -> list[tuple[ReportRunId, str]]:
    """Load what reports name, as JSON: a list of [name, label, category label], or ``null``."""
    parameters = {**subject.model_dump(include={"name", "label", "category", "pass_id"}), "runs": list(runs)}
    cursor = await connection.execute(_SELECT_MENTIONS, parameters)
    return [(row["id"], row["mentions"] or "null") for row in await cursor.fetchall()]


async def list_quotes(
    connection: Connection, subject: Subject, named: Sequence[tuple[ReportRunId, str]]
) -> list[DictRow]:
    """Load the quotes, as JSON, of items by report and name; several items of a name have a row each."""
    parameters = {
        **subject.model_dump(include={"pass_id", "name", "quotes"}),
        "runs": [run for run, _ in named],
        "names": [name for _, name in named],
    }
    return await (await connection.execute(_SELECT_QUOTES, parameters)).fetchall()


async def find_seen(connection: Connection, asker: UserId, recording: RecordingId) -> DictRow | None:
    """Load number and owner of a recording; None when it is gone, or somebody else's private one."""
    return await (await connection.execute(_SELECT_SEEN, {"id": recording, "asker": asker})).fetchone()


async def list_around(
    connection: Connection, recording: RecordingId, second: int, before: int, after: int
) -> list[DictRow]:
    """Load the segment that is said at ``second`` with its neighbours, in order."""
    parameters = {"id": recording, "second": second, "before": before, "after": after}
    return await (await connection.execute(_SELECT_AROUND, parameters)).fetchall()
