"""Rows of ``research_runs`` and ``research_answers``, and the transcripts that a person may have read for a research.

A research is a row of ``report_runs`` without a recording: its progress, outcome, failure and deletion are a report's.
"""

from collections.abc import Collection, Sequence
from typing import LiteralString

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from datamodels import Completion, RecordingId, ReportRun, ReportRunId, Usage, UserId, Value
from db import Connection, Database
from limits.reservations import spend
from prices import cost_usd
from reports.research.values import Interview, ResearchOrder, Scope
from reports_store import get_run, pass_of

_SELECT_PACE = """
    SELECT sum(duration_s) AS seconds, sum(prompt_tokens + completion_tokens) AS tokens
    FROM (
        SELECT model, duration_s, prompt_tokens, completion_tokens FROM report_runs
        WHERE owner_id = %(owner_id)s ORDER BY created_at DESC LIMIT 50
    ) AS latest
    WHERE model = %(model)s AND duration_s > 0
"""
# Who sees a recording is asked from the recording itself, as ``knowledge.sources_store`` does.
_VISIBLE = """
    FROM recordings
    JOIN transcripts ON transcripts.recording_id = recordings.id
    JOIN users ON users.id = recordings.owner_id
    LEFT JOIN recording_metadata ON recording_metadata.recording_id = recordings.id
    LEFT JOIN places ON places.id = place_id
    LEFT JOIN cities ON cities.id = city_id
    LEFT JOIN employees ON employees.id = employee_id
    LEFT JOIN clients ON clients.id = client_id
    WHERE recordings.stage = 'done' AND (
        recordings.visibility = 'team' OR recordings.owner_id = %(asker)s
        OR recordings.id IN (SELECT recording_id FROM recording_shares WHERE person_id = %(asker)s)
    )
"""
_DAY = "coalesce(recorded_on, recordings.created_at::date)"
_INTERVIEW = f"""
    SELECT
        recordings.id, recordings.number, CASE WHEN recordings.owner_id <> %(asker)s THEN users.name END AS whose,
        recordings.scenario, {_DAY} AS day, places.name AS place, transcripts.content_hash,
        (
            SELECT coalesce(sum(length(text)), 0) FROM transcript_segments
            WHERE transcript_segments.recording_id = recordings.id
        ) AS characters
    {_VISIBLE}
"""  # noqa: S608 - put together from constants, as the next ones
_IN_SCOPE = f"""
    AND (%(scenario)s::text IS NULL OR recordings.scenario = %(scenario)s)
    AND (%(first_day)s::date IS NULL OR {_DAY} >= %(first_day)s)
    AND (%(last_day)s::date IS NULL OR {_DAY} <= %(last_day)s)
    AND (%(place)s::text IS NULL OR lower(places.name) = lower(%(place)s))
    AND (%(city)s::text IS NULL OR lower(cities.name) = lower(%(city)s))
    AND (%(employee)s::text IS NULL OR lower(employees.name) = lower(%(employee)s))
    AND (%(building)s::text IS NULL OR coalesce(recording_metadata.building, recordings.building) = %(building)s)
    AND (NOT %(mine)s OR recordings.owner_id = %(asker)s)
    AND (cardinality(%(places)s::text[]) = 0 OR places.name = ANY(%(places)s))
    AND (
        cardinality(%(cities)s::text[]) = 0 OR cities.name = ANY(%(cities)s)
        OR city_id IS NULL AND place_id IN (
            SELECT of_city.place_id FROM recording_metadata AS of_city
            JOIN cities AS known ON known.id = of_city.city_id WHERE known.name = ANY(%(cities)s)
        )
    )
    AND (
        cardinality(%(people)s::text[]) = 0 OR employees.name = ANY(%(people)s) OR clients.name = ANY(%(people)s)
    )
    AND (
        cardinality(%(buildings)s::text[]) = 0
        OR coalesce(recording_metadata.building, recordings.building) = ANY(%(buildings)s)
    )
    AND (
        cardinality(%(numbers)s::integer[]) = 0 OR recordings.number = ANY(%(numbers)s)
        OR audio_number = ANY(%(numbers)s)
    )
    AND (cardinality(%(days)s::integer[]) = 0 OR EXISTS (
        SELECT FROM unnest(%(days)s::integer[], %(months)s::integer[], %(years)s::integer[])
            AS named (day, month, year)
        WHERE extract(day FROM {_DAY}) = coalesce(named.day, extract(day FROM {_DAY}))
            AND extract(month FROM {_DAY}) = coalesce(named.month, extract(month FROM {_DAY}))
            AND extract(year FROM {_DAY}) = coalesce(named.year, extract(year FROM {_DAY}))
    ))
"""  # noqa: S608
_LATEST_FIRST = f"ORDER BY {_DAY} DESC, recordings.created_at DESC, recordings.id"
_COUNT: LiteralString = f"SELECT count(*) AS matching {_VISIBLE} {_IN_SCOPE}"
_SELECT_LATEST: LiteralString = f"{_INTERVIEW} {_IN_SCOPE} {_LATEST_FIRST} LIMIT %(limit)s"
_SELECT_THESE: LiteralString = f"{_INTERVIEW} AND recordings.id = ANY(%(ids)s) {_LATEST_FIRST}"
_SELECT_BEGINNING = """
    SELECT left(string_agg(text, ' ' ORDER BY position), %(characters)s) AS text
    FROM transcript_segments WHERE recording_id = %(id)s
"""

# One of the same inputs that ended without a report is queued again, as a report is.
_QUEUE = """
    INSERT INTO report_runs (
        id, owner_id, scenario, report_id, input_hash, prompt_hash, model, status, passes_total, created_at
    ) VALUES (
        %(id)s, %(owner_id)s, %(scenario)s, %(report_id)s, %(input_hash)s, %(prompt_hash)s, %(model)s, 'queued',
        %(passes_total)s, clock_timestamp()
    )
    ON CONFLICT (owner_id, input_hash) WHERE recording_id IS NULL DO UPDATE SET
        status = 'queued', error_code = NULL, error_text = NULL, retry_at = NULL, finished_at = NULL
    WHERE report_runs.status IN ('failed', 'cancelled') OR report_runs.retry_at IS NOT NULL
"""
_SELECT_SAME = "SELECT id FROM report_runs WHERE owner_id = %(owner_id)s AND input_hash = %(input_hash)s"
_INSERT_ORDER = """
    INSERT INTO research_runs (run_id, question, scope, recording_ids, matching)
    VALUES (%(run_id)s, %(question)s, %(scope)s, %(recording_ids)s, %(matching)s)
    ON CONFLICT (run_id) DO NOTHING
"""
_SELECT_ORDER = """
    SELECT run_id, owner_id, question, scope, recording_ids, matching
    FROM research_runs JOIN report_runs ON report_runs.id = run_id WHERE run_id = %(run_id)s
"""
_LOCK_PERSON = "SELECT FROM users WHERE id = %(owner_id)s FOR NO KEY UPDATE"
_PUT_FINDINGS = "UPDATE research_runs SET findings = %(findings)s WHERE run_id = %(run_id)s"
_STORED = """
    SELECT run_id, owner_id, text, findings
    FROM research_runs JOIN report_runs ON report_runs.id = run_id
"""
_SELECT_OF_RECORDING = f"{_STORED} WHERE %(recording_id)s = ANY(recording_ids) ORDER BY run_id"
_SELECT_STORED = f"{_STORED} WHERE run_id = %(run_id)s"
# The order may have forgotten already what the work had read before.
_SELECT_GONE = """
    SELECT read.id::uuid AS id
    FROM research_runs, jsonb_array_elements_text(findings -> 'order' -> 'recording_ids') AS read (id)
    WHERE run_id = %(run_id)s AND NOT EXISTS (SELECT FROM recordings WHERE recordings.id = read.id::uuid)
"""
_FORGET_ORDER = """
    UPDATE research_runs SET
        findings = %(findings)s,
        recording_ids = ARRAY(SELECT id FROM unnest(recording_ids) AS id WHERE id <> ALL(%(gone)s))
    WHERE run_id = %(run_id)s
"""
_FORGET_TEXT = """
    UPDATE report_runs SET text = %(text)s, warnings = %(warnings)s WHERE id = %(run_id)s AND text IS NOT NULL
"""
_FORGET_SPEECHES = "DELETE FROM speeches WHERE run_id = %(run_id)s"
_FORGET_ANSWERS = "DELETE FROM research_answers WHERE run_id = %(run_id)s"
_SELECT_UNFINISHED = """
    SELECT id, input_hash FROM report_runs
    WHERE owner_id = %(owner_id)s AND recording_id IS NULL AND status IN ('queued', 'running')
"""
_SET_TOTAL = "UPDATE report_runs SET passes_total = %(total)s WHERE id = %(run_id)s"
# The latest of the owner's are enough, and the index on owner and time has them.
_SELECT_ANSWER = "SELECT output FROM research_answers WHERE run_id = %(run_id)s AND input_hash = %(input_hash)s"
_STORE_ANSWER = """
    INSERT INTO research_answers (
        run_id, input_hash, pass_name, model, output, prompt_tokens, completion_tokens, duration_s
    ) VALUES (
        %(run_id)s, %(input_hash)s, %(pass_name)s, %(model)s, %(output)s, %(prompt_tokens)s, %(completion_tokens)s,
        %(duration_s)s
    )
    ON CONFLICT (run_id, input_hash) DO NOTHING
"""


class NewResearch(Value):
    """A research to be queued. ``input_hash`` covers everything that could change its text."""

    id: ReportRunId
    owner_id: UserId
    scenario: str
    report_id: str
    input_hash: str
    prompt_hash: str
    model: str
    passes_total: int


class StoredResearch(Value):
    """A research with what it found, None where an earlier version did it; ``text`` is None until it is done."""

    run_id: ReportRunId
    owner_id: UserId
    text: str | None
    findings: dict[str, JsonValue] | None


async def interviews_of(connection: Connection, asker: UserId, scope: Scope, most: int) -> tuple[list[Interview], int]:
    """Load the latest ``most`` transcripts of a scope that ``asker`` may see, and count all of them."""
    named = scope.named
    parameters = {
        "asker": asker,
        "limit": most,
        **scope.model_dump(exclude={"named"}),
        "places": list(named.places),
        "cities": list(named.cities),
        "people": list(named.people),
        "buildings": [each.value for each in named.buildings],
        "numbers": list(named.numbers),
        "days": [each.day for each in named.when],
        "months": [each.month for each in named.when],
        "years": [each.year for each in named.when],
    }
    row = await (await connection.execute(_COUNT, parameters)).fetchone()
    found = [Interview.model_validate(each) async for each in await connection.execute(_SELECT_LATEST, parameters)]
    return found, row["matching"] if row else 0


async def interviews_named(connection: Connection, asker: UserId, ids: Collection[RecordingId]) -> list[Interview]:
    """Load those of the recordings ``ids`` that ``asker`` may see now, the latest first."""
    cursor = await connection.execute(_SELECT_THESE, {"asker": asker, "ids": list(ids)})
    return [Interview.model_validate(row) async for row in cursor]


async def beginning_of(connection: Connection, recording_id: RecordingId, characters: int) -> str:
    """Load the first ``characters`` of a transcript's words."""
    parameters = {"id": recording_id, "characters": characters}
    row = await (await connection.execute(_SELECT_BEGINNING, parameters)).fetchone()
    return (row and row["text"]) or ""


async def queue(
    connection: Connection, new: NewResearch, question: str, scope: Scope, ids: Sequence[RecordingId], matching: int
) -> ReportRun:
    """Add a research, or return the owner's of the same inputs; one that ended without a report is queued again."""
    await connection.execute(_QUEUE, new.model_dump())
    row = await (await connection.execute(_SELECT_SAME, new.model_dump())).fetchone()
    assert row is not None  # noqa: S101 - inserted, or there before
    parameters = {
        "run_id": row["id"],
        "question": question,
        "scope": Jsonb(scope.model_dump(mode="json")),
        "recording_ids": list(ids),
        "matching": matching,
    }
    await connection.execute(_INSERT_ORDER, parameters)
    return await get_run(connection, row["id"])


async def find_order(connection: Connection, run_id: ReportRunId) -> ResearchOrder | None:
    """Load what was ordered; None when the run is no research, or gone."""
    row = await (await connection.execute(_SELECT_ORDER, {"run_id": run_id})).fetchone()
    return None if row is None else ResearchOrder.model_validate(row)


async def has_other_unfinished(connection: Connection, owner: UserId, input_hash: str) -> bool:
    """Tell whether another research of the owner goes on; until the transaction ends nobody else adds one."""
    parameters = {"owner_id": owner}
    await connection.execute(_LOCK_PERSON, parameters)
    cursor = await connection.execute(_SELECT_UNFINISHED, parameters)
    return any([row["input_hash"] != input_hash async for row in cursor])


async def unfinished(connection: Connection, owner: UserId) -> list[ReportRunId]:
    """Load the owner's research that waits or is worked on."""
    cursor = await connection.execute(_SELECT_UNFINISHED, {"owner_id": owner})
    return [row["id"] async for row in cursor]


async def set_total(connection: Connection, run_id: ReportRunId, total: int) -> None:
    """Note of how many steps the research consists."""
    await connection.execute(_SET_TOTAL, {"run_id": run_id, "total": total})


async def seconds_a_token(connection: Connection, owner: UserId, model: str) -> float | None:
    """Return how long the model took for a token of the owner's latest reports; None without such reports."""
    row = await (await connection.execute(_SELECT_PACE, {"owner_id": owner, "model": model})).fetchone()
    return float(row["seconds"]) / float(row["tokens"]) if row and row["tokens"] else None


async def put_findings(connection: Connection, run_id: ReportRunId, findings: dict[str, JsonValue]) -> None:
    """Keep what a research found."""
    await connection.execute(_PUT_FINDINGS, {"run_id": run_id, "findings": Jsonb(findings)})


async def research_of(connection: Connection, recording_id: RecordingId) -> list[StoredResearch]:
    """Load everybody's research that was to read a recording."""
    cursor = await connection.execute(_SELECT_OF_RECORDING, {"recording_id": recording_id})
    return [StoredResearch.model_validate(row) async for row in cursor]


async def research_with_gone(
    connection: Connection, run_id: ReportRunId
) -> tuple[StoredResearch | None, frozenset[RecordingId]]:
    """Load a research, and which of its recordings were deleted."""
    row = await (await connection.execute(_SELECT_STORED, {"run_id": run_id})).fetchone()
    gone = frozenset([each["id"] async for each in await connection.execute(_SELECT_GONE, {"run_id": run_id})])
    return None if row is None else StoredResearch.model_validate(row), gone


async def forget(
    connection: Connection,
    run_id: ReportRunId,
    gone: Collection[RecordingId],
    findings: dict[str, JsonValue] | None,
    text: str,
    warnings: Sequence[str],
) -> None:
    """Put what is left of a research in its place, without the recordings ``gone`` and the model's answers.

    What was said aloud of it goes as well.
    """
    parameters = {"run_id": run_id, "gone": list(gone), "text": text, "warnings": Jsonb(list(warnings))}
    stored = None if findings is None else Jsonb(findings)
    await connection.execute(_FORGET_ORDER, {**parameters, "findings": stored})
    await connection.execute(_FORGET_TEXT, parameters)
    await connection.execute(_FORGET_ANSWERS, parameters)
    await connection.execute(_FORGET_SPEECHES, parameters)


class StoredResearchAnswers:
    """The model's answers about several recordings at once, kept with the research."""

    def __init__(self, database: Database, run_id: ReportRunId, engine: str) -> None:
        self._database = database
        self._run_id = run_id
        self._engine = engine

    async def get(self, input_hash: str) -> Completion | None:
        async with self._database.transaction() as connection:
            parameters = {"run_id": self._run_id, "input_hash": input_hash}
            row = await (await connection.execute(_SELECT_ANSWER, parameters)).fetchone()
        return None if row is None else Completion.model_validate_json(row["output"])

    async def put(self, input_hash: str, pass_name: str, completion: Completion) -> None:
        answer = pass_of(input_hash, pass_name, completion)
        parameters = {"run_id": self._run_id, **answer.model_dump(exclude={"usage"}), **answer.usage.model_dump()}

        async def store(connection: Connection) -> None:
            if (await connection.execute(_STORE_ANSWER, parameters)).rowcount:
                await self._spend(connection, answer.model, answer.usage)

        await self._database.persist(store)

    async def paid(self, model: str, usage: Usage) -> None:
        async with self._database.transaction() as connection:
            await self._spend(connection, model, usage)

    async def _spend(self, connection: Connection, model: str, usage: Usage) -> None:
        await spend(connection, self._run_id, usage, cost_usd(model, usage, engine=self._engine))
