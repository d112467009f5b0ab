"""Rows of ``chunk_sources``: which sources have changed, and what they are about.

Triggers of the database note every change of a source in the transaction that changes it.
"""

from collections.abc import Collection

from db import Connection
from knowledge.values import ChangedSource, Facts, SourceId
from system.local_time import local

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
    return Facts.model_validate({**row, "day": day or local(came).date()})


async def find_report_text(connection: Connection, source: ChangedSource) -> str | None:
    """Load the text of the source's report; None when it is gone or written anew."""
    row = await (await connection.execute(_SELECT_REPORT, {"id": source.run_id})).fetchone()
    return None if row is None else row["text"]


async def find_document(connection: Connection, source: ChangedSource) -> tuple[str, str] | None:
    """Load the name and the text of the source's document; None when it is gone."""
    row = await (await connection.execute(_SELECT_DOCUMENT, {"id": source.document_id})).fetchone()
    return None if row is None else (row["name"], row["text"])
