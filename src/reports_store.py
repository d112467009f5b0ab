"""Rows of ``report_runs`` and ``report_passes``: the work on reports, their deletion, and their indices over time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from datamodels import (
    Completion,
    IndexPoint,
    NewReportRun,
    RecordingId,
    ReportOutcome,
    ReportRun,
    ReportRunId,
    RunStatus,
    StoredPass,
    Usage,
    UserId,
)
from db import Connection
from errors import Cancelled, NotFound
from random_ids import new_id
from system.local_time import local

_COLUMNS = """
    id, recording_id, owner_id, number, scenario, report_id, building, input_hash, prompt_hash, model, status,
    passes_done, passes_total, text, indices, indices_error, warnings, prompt_tokens, completion_tokens, cost_usd,
    duration_s, error_code, error_text, created_at, finished_at,
    coalesce(transcript_hash <> (
        SELECT content_hash FROM transcripts WHERE transcripts.recording_id = report_runs.recording_id
    ), false) AS is_outdated
"""

# clock_timestamp gives reports that are ordered in one transaction different times, by which archives sort them.
_QUEUE_RUN = """
    INSERT INTO report_runs (
        id, recording_id, owner_id, scenario, report_id, building, input_hash, prompt_hash, model, status,
        passes_total, created_at
    ) VALUES (
        %(id)s, %(recording_id)s, %(owner_id)s, %(scenario)s, %(report_id)s, %(building)s, %(input_hash)s,
        %(prompt_hash)s, %(model)s, %(status)s, %(passes_total)s, clock_timestamp()
    )
    ON CONFLICT (recording_id, report_id, input_hash) DO UPDATE SET
        status = excluded.status, error_code = NULL, error_text = NULL, retry_at = NULL, finished_at = NULL
    WHERE report_runs.status IN ('failed', 'cancelled') OR report_runs.retry_at IS NOT NULL
"""
_SELECT_SAME_RUN = f"""
    SELECT {_COLUMNS} FROM report_runs
    WHERE recording_id = %(recording_id)s AND report_id = %(report_id)s AND input_hash = %(input_hash)s
"""
_RENEW_RUN = """
    UPDATE report_runs SET
        building = %(building)s, input_hash = %(input_hash)s, prompt_hash = %(prompt_hash)s, model = %(model)s,
        passes_total = %(passes_total)s
    WHERE id = %(id)s
"""
_SELECT_RUN = f"SELECT {_COLUMNS} FROM report_runs WHERE id = %(id)s"
_SELECT_BY_NUMBER = f"SELECT {_COLUMNS} FROM report_runs WHERE owner_id = %(owner_id)s AND number = %(number)s"
_SELECT_RUNS = f"""
    SELECT {_COLUMNS} FROM report_runs WHERE recording_id = %(recording_id)s ORDER BY created_at, id
"""
_SELECT_NAMED = """
    SELECT
        report_runs.id, report_runs.number, report_runs.scenario, report_id, report_runs.created_at,
        recordings.number AS recording_number, coalesce(file_name, question) AS recording_file_name,
        places.name AS place, recorded_on
    FROM report_runs
    LEFT JOIN recordings ON recordings.id = recording_id
    LEFT JOIN recording_metadata ON recording_metadata.recording_id = report_runs.recording_id
    LEFT JOIN places ON places.id = place_id
    LEFT JOIN research_runs ON run_id = report_runs.id
    WHERE report_runs.owner_id = %(owner_id)s
"""
_SELECT_UNNUMBERED_BEFORE = """
    SELECT earlier.id FROM report_runs AS earlier JOIN report_runs AS run USING (recording_id)
    WHERE run.id = %(id)s AND earlier.created_at < run.created_at
        AND earlier.number IS NULL AND earlier.status IN ('queued', 'running', 'done')
    ORDER BY earlier.created_at
"""
_START_RUN = """
    UPDATE report_runs SET
        status = %(status)s, passes_done = 0, error_code = NULL, error_text = NULL, retry_at = NULL,
        finished_at = NULL, transcript_hash = %(transcript_hash)s
    WHERE id = %(id)s AND status <> 'cancelled'
    RETURNING id
"""
_SET_PASSES_DONE = "UPDATE report_runs SET passes_done = %(passes_done)s WHERE id = %(id)s"
_FINISH_RUN = """
    UPDATE report_runs SET
        status = %(status)s, passes_done = passes_total, number = %(number)s, text = %(text)s, items = %(items)s,
        indices = %(indices)s, indices_error = %(indices_error)s, warnings = %(warnings)s,
        prompt_tokens = %(prompt_tokens)s, completion_tokens = %(completion_tokens)s, cost_usd = %(cost_usd)s,
        duration_s = %(duration_s)s,
        error_code = NULL, error_text = NULL, retry_at = NULL, finished_at = now()
    WHERE id = %(id)s AND status <> 'cancelled'
    RETURNING id
"""
_FAIL_RUN = """
    UPDATE report_runs SET
        status = %(status)s, error_code = %(error_code)s, error_text = %(error_text)s, retry_at = NULL,
        finished_at = now(), dismissed_at = NULL
    WHERE id = %(id)s AND status IN ('queued', 'running')
"""
_POSTPONE_RUN = """
    UPDATE report_runs SET
        status = %(status)s, error_code = %(error_code)s, error_text = %(error_text)s, retry_at = %(retry_at)s
    WHERE id = %(id)s AND status IN ('queued', 'running')
"""
# Recordings are locked before runs, as by an order: else order and cancellation could wait for each other.
_LOCK_RECORDINGS_OF = """
    SELECT FROM recordings WHERE id IN (SELECT recording_id FROM report_runs WHERE id = ANY(%(ids)s))
    ORDER BY id FOR NO KEY UPDATE
"""
_CANCEL_RUNS = """
    UPDATE report_runs SET
        status = %(status)s, error_code = %(error_code)s, error_text = %(error_text)s, retry_at = NULL,
        finished_at = now()
    WHERE id = ANY(%(ids)s) AND status IN ('queued', 'running')
    RETURNING id
"""
_SELECT_OF_OTHERS = "SELECT FROM report_runs WHERE id = ANY(%(ids)s) AND owner_id <> %(owner_id)s LIMIT 1"
_STEP_ASIDE = "UPDATE report_runs SET input_hash = input_hash || ':' || id WHERE id = %(id)s"
_SELECT_UNFINISHED = """
    SELECT id FROM report_runs WHERE recording_id = %(recording_id)s AND status IN ('queued', 'running')
"""
_SELECT_PASS = """
    SELECT input_hash, pass_name, model, output, prompt_tokens, completion_tokens, duration_s
    FROM report_passes WHERE recording_id = %(recording_id)s AND input_hash = %(input_hash)s
"""
# The first answer stays: a report may have been built on it already.
_STORE_PASS = """
    INSERT INTO report_passes (
        recording_id, input_hash, pass_name, model, output, prompt_tokens, completion_tokens, duration_s
    ) VALUES (
        %(recording_id)s, %(input_hash)s, %(pass_name)s, %(model)s, %(output)s, %(prompt_tokens)s,
        %(completion_tokens)s, %(duration_s)s
    )
    ON CONFLICT (recording_id, input_hash) DO NOTHING
"""


async def queue_run(connection: Connection, new: NewReportRun) -> ReportRun:
    """Add a report run, or return the one of the same recording, report and input hash.

    A run that failed, waits to be tried again or was cancelled is queued again.
    """
    parameters = {**new.model_dump(), "id": new_id(), "status": RunStatus.QUEUED}
    await connection.execute(_QUEUE_RUN, parameters)
    return await _one(connection, _SELECT_SAME_RUN, parameters)


async def find_same(connection: Connection, new: NewReportRun) -> ReportRun | None:
    """Find the run of the same recording, report and input hash."""
    row = await (await connection.execute(_SELECT_SAME_RUN, new.model_dump())).fetchone()
    return None if row is None else _run(row)


async def renew_run(connection: Connection, run_id: ReportRunId, new: NewReportRun) -> ReportRun:
    """Give a run other inputs: building type, hashes, model and number of passes; return it as it is then."""
    await connection.execute(_RENEW_RUN, {**new.model_dump(), "id": run_id})
    return await get_run(connection, run_id)


async def get_run(connection: Connection, run_id: ReportRunId) -> ReportRun:
    """Load a report run.

    Raises:
        NotFound: it was deleted.
    """
    return await _one(connection, _SELECT_RUN, {"id": run_id})


async def find_by_number(connection: Connection, owner_id: UserId, number: int) -> ReportRun | None:
    """Find the owner's report by its permanent number."""
    cursor = await connection.execute(_SELECT_BY_NUMBER, {"owner_id": owner_id, "number": number})
    row = await cursor.fetchone()
    return None if row is None else _run(row)


async def list_runs(connection: Connection, recording_id: RecordingId) -> list[ReportRun]:
    """Load the recording's report runs, oldest first."""
    cursor = await connection.execute(_SELECT_RUNS, {"recording_id": recording_id})
    return [_run(row) async for row in cursor]


async def list_named(connection: Connection, owner_id: UserId) -> list[DictRow]:
    """Load rows about the owner's report runs: id, number, scenario, report id, time.

    Of the recording they have its number, file name, place and day. A research has no recording's number, and its
    question in the place of the file name. Runs that are not done are there, too; their number is None.
    """
    return await (await connection.execute(_SELECT_NAMED, {"owner_id": owner_id})).fetchall()


async def list_unnumbered_before(connection: Connection, run_id: ReportRunId) -> list[ReportRunId]:
    """Load the runs of the same recording that were ordered before this one and have no number yet, oldest first.

    Runs that failed or were cancelled are not among them.
    """
    return [row["id"] async for row in await connection.execute(_SELECT_UNNUMBERED_BEFORE, {"id": run_id})]


async def start_run(connection: Connection, run_id: ReportRunId, transcript_hash: str | None = None) -> bool:
    """Note that work on the run begins with its first pass, on which transcript, and clear an earlier failure.

    Returns False when the run was cancelled or deleted.
    """
    cursor = await connection.execute(
        _START_RUN, {"id": run_id, "status": RunStatus.RUNNING, "transcript_hash": transcript_hash}
    )
    return await cursor.fetchone() is not None


async def set_passes_done(connection: Connection, run_id: ReportRunId, passes_done: int) -> None:
    """Note how many passes of the run are done."""
    await connection.execute(_SET_PASSES_DONE, {"id": run_id, "passes_done": passes_done})


async def finish_run(connection: Connection, run_id: ReportRunId, outcome: ReportOutcome) -> bool:
    """Store the outcome of the run; return False, storing nothing, when it was cancelled or deleted meanwhile."""
    indices = None if outcome.indices is None else Jsonb([index.model_dump() for index in outcome.indices])
    row = outcome.model_dump(exclude={"usage"})
    cursor = await connection.execute(
        _FINISH_RUN,
        {
            "id": run_id,
            "status": RunStatus.DONE,
            **row,
            **outcome.usage.model_dump(),
            "indices": indices,
            "items": Jsonb(row["items"]),
            "warnings": Jsonb(list(outcome.warnings)),
        },
    )
    return await cursor.fetchone() is not None


async def fail_run(connection: Connection, run_id: ReportRunId, error_code: str, error_text: str) -> None:
    """Note why the run failed for good; a cancelled run stays cancelled."""
    await connection.execute(
        _FAIL_RUN, {"id": run_id, "status": RunStatus.FAILED, "error_code": error_code, "error_text": error_text}
    )


async def postpone_run(
    connection: Connection, run_id: ReportRunId, error_code: str, error_text: str, retry_at: datetime
) -> None:
    """Note why the run failed and when it will be tried again; a cancelled run stays cancelled."""
    parameters = {
        "id": run_id,
        "status": RunStatus.QUEUED,
        "error_code": error_code,
        "error_text": error_text,
        "retry_at": retry_at,
    }
    await connection.execute(_POSTPONE_RUN, parameters)


async def cancel_runs(connection: Connection, run_ids: Sequence[ReportRunId]) -> list[ReportRunId]:
    """Note that a person stopped these runs, and return their ids; runs that have ended stay as they are."""
    cancelled = Cancelled()
    parameters = {
        "ids": list(run_ids),
        "status": RunStatus.CANCELLED,
        "error_code": cancelled.code,
        "error_text": cancelled.user_text,
    }
    await connection.execute(_LOCK_RECORDINGS_OF, parameters)
    return [row["id"] async for row in await connection.execute(_CANCEL_RUNS, parameters)]


async def are_of_others(connection: Connection, owner_id: UserId, run_ids: Sequence[ReportRunId]) -> bool:
    """Tell whether any of these runs is someone else's; one that was deleted is nobody's."""
    parameters = {"ids": list(run_ids), "owner_id": owner_id}
    return await (await connection.execute(_SELECT_OF_OTHERS, parameters)).fetchone() is not None


async def list_unfinished(connection: Connection, recording_id: RecordingId) -> list[ReportRunId]:
    """Load the recording's runs that wait or are worked on."""
    cursor = await connection.execute(_SELECT_UNFINISHED, {"recording_id": recording_id})
    return [row["id"] async for row in cursor]


async def find_pass(connection: Connection, recording_id: RecordingId, input_hash: str) -> StoredPass | None:
    """Find the model answer that is stored under ``input_hash`` for the recording."""
    cursor = await connection.execute(_SELECT_PASS, {"recording_id": recording_id, "input_hash": input_hash})
    row = await cursor.fetchone()
    return None if row is None else StoredPass.model_validate(_with_usage(row))


def pass_of(input_hash: str, pass_name: str, completion: Completion) -> StoredPass:
    """Return a completion as it is stored."""
    return StoredPass(
        input_hash=input_hash,
        pass_name=pass_name,
        model=completion.model,
        output=completion.model_dump_json(),
        usage=completion.usage,
        duration_s=completion.duration_s,
    )


async def store_pass(connection: Connection, recording_id: RecordingId, answer: StoredPass) -> bool:
    """Store a model answer; False when one with the same ``input_hash`` is stored for the recording already."""
    parameters = {"recording_id": recording_id, **answer.model_dump(exclude={"usage"}), **answer.usage.model_dump()}
    return (await connection.execute(_STORE_PASS, parameters)).rowcount > 0


async def _one(connection: Connection, query: LiteralString, parameters: dict[str, Any]) -> ReportRun:
    row = await (await connection.execute(query, parameters)).fetchone()
    if row is None:
        raise NotFound(what=f"report run {parameters['id']}")
    return _run(row)


def _run(row: DictRow) -> ReportRun:
    return ReportRun.model_validate(_with_usage(row))


def _with_usage(row: DictRow) -> DictRow:
    usage = Usage(prompt_tokens=row.pop("prompt_tokens"), completion_tokens=row.pop("completion_tokens"))
    return {**row, "usage": usage}


_DELETE_RUN = "DELETE FROM report_runs WHERE id = %(id)s AND owner_id = %(owner_id)s"
_SELECT_TEXT = "SELECT text FROM report_runs WHERE id = %(id)s AND owner_id = %(owner_id)s"
_SELECT_POINTS = """
    SELECT
        report_runs.number, report_id, indices, employees.name AS employee, places.name AS place,
        recorded_on, report_runs.created_at
    FROM report_runs
    LEFT JOIN recording_metadata ON recording_metadata.recording_id = report_runs.recording_id
    LEFT JOIN employees ON employees.id = employee_id
    LEFT JOIN places ON places.id = place_id
    WHERE owner_id = %(owner_id)s AND report_runs.number IS NOT NULL AND indices IS NOT NULL
"""


async def delete_run(connection: Connection, owner_id: UserId, run_id: ReportRunId) -> None:
    """Remove the owner's report run; no error when there is none."""
    await connection.execute(_DELETE_RUN, {"id": run_id, "owner_id": owner_id})


async def step_aside(connection: Connection, run_id: ReportRunId) -> None:
    """Let another run have the inputs of this run, which ended without a report."""
    await connection.execute(_STEP_ASIDE, {"id": run_id})


async def find_text(connection: Connection, owner_id: UserId, run_id: ReportRunId) -> str | None:
    """Load the text of the owner's report; None when there is no such report or it was never finished."""
    row = await (await connection.execute(_SELECT_TEXT, {"id": run_id, "owner_id": owner_id})).fetchone()
    return None if row is None else row["text"]


async def index_points(connection: Connection, owner_id: UserId) -> list[IndexPoint]:
    """Load the indices of the owner's reports that have any, in the order of their days.

    The day is that of the recording, or of the order when the recording's day is unknown.
    """
    cursor = await connection.execute(_SELECT_POINTS, {"owner_id": owner_id})
    # The day is that of this machine's time zone: nobody may live in that of the database server.
    points = [
        IndexPoint.model_validate({**row, "day": recorded_on or local(created_at).date()})
        async for row in cursor
        for recorded_on, created_at in [(row.pop("recorded_on"), row.pop("created_at"))]
    ]
    return sorted(points, key=lambda point: (point.day, point.number))


_SELECT_UNFILED = """
    SELECT
        report_runs.id, report_runs.owner_id, report_runs.number, report_runs.scenario, report_id,
        report_runs.created_at, recordings.number AS recording_number,
        coalesce(file_name, question) AS recording_file_name,
        places.name AS place, recorded_on
    FROM report_runs
    LEFT JOIN recordings ON recordings.id = recording_id
    LEFT JOIN recording_metadata ON recording_metadata.recording_id = report_runs.recording_id
    LEFT JOIN places ON places.id = place_id
    LEFT JOIN research_runs ON run_id = report_runs.id
    WHERE report_runs.status = 'done' AND report_runs.number IS NULL ORDER BY finished_at
"""
_SET_NUMBER = "UPDATE report_runs SET number = %(number)s WHERE id = %(id)s AND status = 'done' RETURNING id"


async def list_unfiled(connection: Connection) -> list[DictRow]:
    """Load rows about all finished reports in no archive yet: what ``list_named`` loads, and ``owner_id``."""
    return await (await connection.execute(_SELECT_UNFILED)).fetchall()


async def set_number(connection: Connection, run_id: ReportRunId, number: int) -> bool:
    """Note the number that a finished report has in its owner's archive; False when the report was deleted."""
    return await (await connection.execute(_SET_NUMBER, {"id": run_id, "number": number})).fetchone() is not None
