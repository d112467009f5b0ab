"""Rows of ``chunk_sources``: which sources have changed, what they are about, and who may find them.

Triggers of the database note every change of a source in the transaction that changes it.
"""

from collections.abc import Collection, Sequence

from datamodels import UserId
from db import Connection
from knowledge.values import ChangedSource, Facts, Filters, SourceId

EVERYTHING = Filters()

_SELECT_CHANGED = """
    SELECT id, corpus, recording_id, run_id, document_id, changes FROM chunk_sources
    WHERE changed_at IS NOT NULL AND NOT id = ANY(%(without)s)
    ORDER BY changed_at DESC LIMIT %(limit)s
"""
_LOCK_UNCHANGED = "SELECT FROM chunk_sources WHERE id = %(id)s AND changes = %(changes)s FOR UPDATE"
_MARK_CHUNKED = """
    UPDATE chunk_sources SET
        changed_at = NULL, rules = %(rules)s, scenario = %(scenario)s, report = %(report)s, day = %(day)s,
        place = %(place)s, city = %(city)s, employee = %(employee)s, client = %(client)s, building = %(building)s
    WHERE id = %(id)s
"""
_NOTE_OTHER_RULES = """
    UPDATE chunk_sources SET changes = changes + 1, changed_at = now()
    WHERE id IN (
        SELECT id FROM chunk_sources WHERE rules <> %(rules)s AND changed_at IS NULL LIMIT %(limit)s FOR UPDATE
    )
"""
_SELECT_FACTS = """
    SELECT
        recordings.number, audio_number, recordings.scenario, report_id AS report, recorded_on, recordings.created_at,
        places.name AS place, cities.name AS city, employees.name AS employee, clients.name AS client,
        coalesce(recording_metadata.building, recordings.building) AS building
    FROM chunk_sources
    JOIN recordings ON recordings.id = chunk_sources.recording_id
    LEFT JOIN report_runs ON report_runs.id = run_id
    LEFT JOIN recording_metadata ON recording_metadata.recording_id = recordings.id
    LEFT JOIN employees ON employees.id = employee_id
    LEFT JOIN clients ON clients.id = client_id
    LEFT JOIN places ON places.id = place_id
    LEFT JOIN cities ON cities.id = city_id
    WHERE chunk_sources.id = %(id)s
"""
_SELECT_REPORT = "SELECT text FROM report_runs WHERE id = %(id)s AND status = 'done'"
_SELECT_DOCUMENT = "SELECT name, text FROM documents WHERE id = %(id)s"
# Who sees a recording is asked from the recording itself, so that a change of it counts at once.
_SELECT_ALLOWED = """
    SELECT array_agg(chunk_sources.id) AS ids FROM chunk_sources
    LEFT JOIN recordings ON recordings.id = chunk_sources.recording_id
    LEFT JOIN documents ON documents.id = document_id
    WHERE (
        recordings.visibility = 'team' OR recordings.owner_id = %(asker)s
        OR documents.visibility = 'team' OR documents.owner_id = %(asker)s
    )
        AND (%(corpus)s::text IS NULL OR corpus = %(corpus)s)
        AND (%(scenario)s::text IS NULL OR chunk_sources.scenario = %(scenario)s)
        AND (%(report)s::text IS NULL OR report = %(report)s)
        AND (%(first_day)s::date IS NULL OR day >= %(first_day)s)
        AND (%(last_day)s::date IS NULL OR day <= %(last_day)s)
        AND (%(place)s::text IS NULL OR place = %(place)s)
        AND (%(city)s::text IS NULL OR city = %(city)s)
        AND (%(employee)s::text IS NULL OR employee = %(employee)s)
        AND (%(client)s::text IS NULL OR client = %(client)s)
        AND (%(building)s::text IS NULL OR chunk_sources.building = %(building)s)
"""


async def list_changed(connection: Connection, without: Collection[SourceId], limit: int) -> list[ChangedSource]:
    """Load up to ``limit`` changed sources, the one that changed last first, none of ``without``."""
    cursor = await connection.execute(_SELECT_CHANGED, {"without": list(without), "limit": limit})
    return [ChangedSource.model_validate(row) async for row in cursor]


async def lock_unchanged(connection: Connection, source: ChangedSource) -> bool:
    """Keep the source as it is until the transaction ends; False when it has changed again, or is gone."""
    cursor = await connection.execute(_LOCK_UNCHANGED, {"id": source.id, "changes": source.changes})
    return await cursor.fetchone() is not None


async def mark_chunked(connection: Connection, source: SourceId, facts: Facts, rules: str) -> None:
    """Note that the chunks of a source are those of its last change, made by ``rules``, and what it is about."""
    parameters = facts.model_dump(exclude={"number", "audio_number", "document_name"})
    await connection.execute(_MARK_CHUNKED, {"id": source, "rules": rules, **parameters})


async def note_other_rules(connection: Connection, rules: str, limit: int) -> int:
    """Note up to ``limit`` sources whose chunks were made by other rules as changed; return how many."""
    return (await connection.execute(_NOTE_OTHER_RULES, {"rules": rules, "limit": limit})).rowcount


async def load_facts(connection: Connection, source: ChangedSource) -> Facts:
    """Load what a recording's source is about; empty facts when it is gone.

    The day is that of the recording; when that is unknown, the day on which it came.
    """
    row = await (await connection.execute(_SELECT_FACTS, {"id": source.id})).fetchone()
    if row is None:
        return Facts()
    day, came = row.pop("recorded_on"), row.pop("created_at")
    return Facts.model_validate({**row, "day": day or came.astimezone().date()})


async def find_report_text(connection: Connection, source: ChangedSource) -> str | None:
    """Load the text of the source's report; None when it is gone or written anew."""
    row = await (await connection.execute(_SELECT_REPORT, {"id": source.run_id})).fetchone()
    return None if row is None else row["text"]


async def find_document(connection: Connection, source: ChangedSource) -> tuple[str, str] | None:
    """Load the name and the text of the source's document; None when it is gone."""
    row = await (await connection.execute(_SELECT_DOCUMENT, {"id": source.document_id})).fetchone()
    return None if row is None else (row["name"], row["text"])


async def allowed_sources(connection: Connection, asker: UserId, filters: Filters = EVERYTHING) -> Sequence[SourceId]:
    """Return the sources that ``asker`` may find: the team's and the asker's own private ones, narrowed by filters."""
    parameters = {"asker": asker, **filters.model_dump()}
    row = await (await connection.execute(_SELECT_ALLOWED, parameters)).fetchone()
    return (row and row["ids"]) or []
