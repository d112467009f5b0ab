"""Full-text search over ``transcript_segments``, by the Russian configuration of PostgreSQL; «е» stands for «ё»."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from datamodels import RecordingId, ScenarioId, UserId, Value

# As the index transcript_segments_words has it, or the index is not used.
_VECTOR = "to_tsvector('russian', translate(segments.text, 'ёЁ', 'еЕ'))"

_SELECT_LEXEMES = """
    SELECT tsvector_to_array(to_tsvector('russian', translate(%(text)s, 'ёЁ', 'еЕ'))) AS lexemes
"""
# A word weighs the more, the fewer of the utterances that were found have it.
_SELECT_HITS = f"""
    WITH hits AS MATERIALIZED (
        SELECT
            segments.recording_id, segments.position,
            ARRAY(
                SELECT unnest(tsvector_to_array({_VECTOR})) INTERSECT SELECT unnest(%(lexemes)s::text[])
            ) AS lexemes
        FROM transcript_segments AS segments JOIN recordings ON recordings.id = segments.recording_id
        WHERE recordings.owner_id = %(owner_id)s AND {_VECTOR} @@ %(query)s::tsquery
    ), weights AS MATERIALIZED (
        SELECT lexeme, ln(1 + (SELECT count(*) FROM hits)::double precision / count(*)) AS weight
        FROM hits, unnest(lexemes) AS lexeme GROUP BY lexeme
    )
    SELECT recording_id, position, weighed.weights
    FROM hits CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(lexeme, weight) AS weights, sum(weight) AS score
        FROM weights WHERE lexeme = ANY(hits.lexemes)
    ) AS weighed
    ORDER BY weighed.score DESC, recording_id, position
    LIMIT %(limit)s
"""
_SELECT_AROUND = """
    SELECT segments.recording_id, segments.position, start_s AS start, end_s AS end, speaker, role, text
    FROM transcript_segments AS segments
    WHERE (segments.recording_id, segments.position) IN (
        SELECT wanted.recording_id, wanted.position + shift
        FROM unnest(%(recordings)s::uuid[], %(positions)s::integer[]) AS wanted (recording_id, position),
            generate_series(-%(reach)s::integer, %(reach)s::integer) AS shift
    )
    ORDER BY segments.recording_id, segments.position
"""
_SELECT_RECORDINGS = """
    SELECT recordings.id, number, scenario, recorded_on, created_at
    FROM recordings LEFT JOIN recording_metadata ON recording_id = recordings.id
    WHERE owner_id = %(owner_id)s AND recordings.id = ANY(%(ids)s)
"""
_SELECT_HAS_TRANSCRIPTS = """
    SELECT EXISTS (
        SELECT FROM transcripts JOIN recordings ON recordings.id = recording_id WHERE owner_id = %(owner_id)s
    ) AS any
"""


class Hit(Value):
    """An utterance that has some of the words. ``weights`` by lexeme tell how much each counts."""

    recording_id: RecordingId
    position: int
    weights: Mapping[str, float]


class FoundSegment(Value):
    """A segment near a hit, in seconds from the recording's start."""

    recording_id: RecordingId
    position: int
    start: float
    end: float
    speaker: str | None
    role: str | None
    text: str


class FoundRecording(Value):
    """What is said of a recording beside a quote. ``recorded_on`` is None while nobody has said it."""

    id: RecordingId
    number: int
    scenario: ScenarioId
    recorded_on: date | None
    created_at: datetime


async def lexemes_of(connection: AsyncConnection[DictRow], text: str) -> list[str]:
    """The stems of the words of ``text`` by which it can be searched; «и», «что», «как» and the like are left out."""
    row = await (await connection.execute(_SELECT_LEXEMES, {"text": text})).fetchone()
    return list(row["lexemes"]) if row else []


async def find_hits(
    connection: AsyncConnection[DictRow], owner: UserId, lexemes: Sequence[str], limit: int
) -> list[Hit]:
    """Load the owner's utterances that have any of the stems, those with the rarest and the most first."""
    parameters = {"owner_id": owner, "lexemes": list(lexemes), "query": _any_of(lexemes), "limit": limit}
    return [Hit.model_validate(row) async for row in await connection.execute(_SELECT_HITS, parameters)]


async def segments_around(connection: AsyncConnection[DictRow], hits: Sequence[Hit], reach: int) -> list[FoundSegment]:
    """Load the hits and ``reach`` segments on either side of each, in the order of their recordings."""
    parameters = {
        "recordings": [hit.recording_id for hit in hits],
        "positions": [hit.position for hit in hits],
        "reach": reach,
    }
    return [FoundSegment.model_validate(row) async for row in await connection.execute(_SELECT_AROUND, parameters)]


async def recordings_of(
    connection: AsyncConnection[DictRow], owner: UserId, ids: Sequence[RecordingId]
) -> dict[RecordingId, FoundRecording]:
    """Load what is said of these recordings of the owner, by id."""
    cursor = await connection.execute(_SELECT_RECORDINGS, {"owner_id": owner, "ids": list(ids)})
    return {row["id"]: FoundRecording.model_validate(row) async for row in cursor}


async def has_transcripts(connection: AsyncConnection[DictRow], owner: UserId) -> bool:
    """Tell whether the owner has anything that can be searched."""
    row = await (await connection.execute(_SELECT_HAS_TRANSCRIPTS, {"owner_id": owner})).fetchone()
    return row is not None and bool(row["any"])


def _any_of(lexemes: Sequence[str]) -> str:
    """A tsquery in which each stem stands quoted, so that none of its signs is read as an operator."""
    quoted = (lexeme.replace("\\", "\\\\").replace("'", "''") for lexeme in lexemes)
    return " | ".join(f"'{lexeme}'" for lexeme in quoted)
