"""Rows of ``recording_parts``, ``transcripts`` and ``transcript_segments``, and the full-text search over segments.

The search uses the Russian configuration of PostgreSQL; «е» stands for «ё».
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from datamodels import (
    PartPlan,
    PartTranscript,
    RecordingId,
    ScenarioId,
    Segment,
    StoredPart,
    Transcript,
    UserId,
    Value,
    Word,
)
from db import Connection

_PLAN_PART = """
    INSERT INTO recording_parts (recording_id, input_hash, position, start_s, end_s)
    VALUES (%(recording_id)s, %(input_hash)s, %(position)s, %(start)s, %(end)s)
    ON CONFLICT (recording_id, input_hash) DO UPDATE SET position = EXCLUDED.position, planned = true, heard = NULL
"""
_DROP_UNPLANNED = """
    DELETE FROM recording_parts
    WHERE recording_id = %(recording_id)s AND NOT input_hash = ANY(%(input_hashes)s) AND result IS NULL
"""
_KEEP_UNPLANNED_RESULTS = """
    UPDATE recording_parts SET planned = false
    WHERE recording_id = %(recording_id)s AND NOT input_hash = ANY(%(input_hashes)s) AND planned
"""
_SELECT_PARTS = """
    SELECT input_hash, position, start_s, end_s, result, error_code, engine_s
    FROM recording_parts
    WHERE recording_id = %(recording_id)s AND input_hash = ANY(%(input_hashes)s)
    ORDER BY position
"""
_STORE_PART_RESULT = """
    UPDATE recording_parts SET
        result = %(result)s, engine_s = %(engine_s)s, error_code = NULL, tries = tries + 1, finished_at = now()
    WHERE recording_id = %(recording_id)s AND input_hash = %(input_hash)s
"""
_STORE_PART_HEARD = "UPDATE recording_parts SET heard = %s WHERE recording_id = %s AND input_hash = %s"
_STORE_PART_FAILURE = """
    UPDATE recording_parts SET error_code = %(error_code)s, tries = tries + 1, heard = NULL
    WHERE recording_id = %(recording_id)s AND input_hash = %(input_hash)s AND result IS NULL
"""
_DELETE_SEGMENTS = "DELETE FROM transcript_segments WHERE recording_id = %(recording_id)s"
_PUT_TRANSCRIPT = """
    INSERT INTO transcripts (recording_id, language, engine, model, duration_s, speakers, missing, names, content_hash)
    VALUES (
        %(recording_id)s, %(language)s, %(engine)s, %(model)s, %(duration_s)s, %(speakers)s, %(missing)s, %(names)s,
        %(content_hash)s
    )
    ON CONFLICT (recording_id) DO UPDATE SET
        language = EXCLUDED.language, engine = EXCLUDED.engine, model = EXCLUDED.model,
        duration_s = EXCLUDED.duration_s, speakers = EXCLUDED.speakers, missing = EXCLUDED.missing,
        names = EXCLUDED.names, content_hash = EXCLUDED.content_hash, created_at = now(),
        version = transcripts.version + 1
"""
_COPY_SEGMENTS = """
    COPY transcript_segments (recording_id, position, start_s, end_s, speaker, role, confidence, language, text, words)
    FROM STDIN
"""
_SELECT_TRANSCRIPT = """
    SELECT language, engine, model, duration_s, speakers, missing, names
    FROM transcripts WHERE recording_id = %(recording_id)s
"""
_SUM_ENGINE_SECONDS = """
    SELECT coalesce(sum(engine_s), 0) AS seconds FROM recording_parts WHERE recording_id = %(recording_id)s AND planned
"""
_SELECT_ENGINE = "SELECT engine, model FROM transcripts WHERE recording_id = %(recording_id)s"
_SELECT_HAS_FAILED_PARTS = """
    SELECT EXISTS (
        SELECT FROM recording_parts
        WHERE recording_id = %(recording_id)s AND planned AND result IS NULL AND error_code IS NOT NULL
    ) AS failed
"""
_SELECT_SEGMENTS = """
    SELECT start_s, end_s, speaker, role, confidence, language, text, CASE WHEN %(words)s THEN words END AS words
    FROM transcript_segments
    WHERE recording_id = %(recording_id)s
        AND (%(positions)s::integer[] IS NULL OR position = ANY(%(positions)s::integer[]))
    ORDER BY position
"""

_BATCH_ROWS, _BATCH_WITHOUT_WORDS = 100, 2000


async def plan_parts(connection: Connection, recording_id: RecordingId, parts: Mapping[str, PartPlan]) -> None:
    """Make ``parts``, by input hash, the plan of the recording.

    Parts that are stored already keep their results. Parts of other plans are deleted unless they have a result.
    """
    async with connection.cursor() as cursor:
        await cursor.executemany(
            _PLAN_PART,
            [
                {
                    "recording_id": recording_id,
                    "input_hash": input_hash,
                    "position": part.position,
                    "start": part.start,
                    "end": part.end,
                }
                for input_hash, part in parts.items()
            ],
        )
    other = {"recording_id": recording_id, "input_hashes": list(parts)}
    await connection.execute(_DROP_UNPLANNED, other)
    await connection.execute(_KEEP_UNPLANNED_RESULTS, other)


async def get_parts(connection: Connection, recording_id: RecordingId, input_hashes: Sequence[str]) -> list[StoredPart]:
    """Load the parts with these input hashes that are stored, in order of position."""
    cursor = await connection.execute(_SELECT_PARTS, {"recording_id": recording_id, "input_hashes": list(input_hashes)})
    rows = await cursor.fetchall()
    # Hours of words: built in a thread, so that the event loop stays free for others.
    return await asyncio.to_thread(lambda: [StoredPart.model_validate(row) for row in rows])


async def store_part_result(
    connection: Connection,
    recording_id: RecordingId,
    input_hash: str,
    result: PartTranscript,
    engine_s: float,
) -> None:
    """Store what the engine heard in a planned part, and the seconds that it took."""
    await connection.execute(
        _STORE_PART_RESULT,
        {
            "recording_id": recording_id,
            "input_hash": input_hash,
            # Without what is at its default: the version before does not know every field.
            "result": Jsonb(result.model_dump(mode="json", exclude_defaults=True)),
            "engine_s": engine_s,
        },
    )


async def store_part_heard(connection: Connection, recording_id: RecordingId, input_hash: str, heard: float) -> None:
    """Note how much of a planned part has been heard, 0 to 1."""
    await connection.execute(_STORE_PART_HEARD, (heard, recording_id, input_hash))


async def store_part_failure(connection: Connection, recording_id: RecordingId, input_hash: str, code: str) -> None:
    """Note why a part has no result; a result that another worker stored meanwhile stays."""
    parameters = {"recording_id": recording_id, "input_hash": input_hash, "error_code": code}
    await connection.execute(_STORE_PART_FAILURE, parameters)


async def save_transcript(
    connection: Connection, recording_id: RecordingId, transcript: Transcript, content_hash: str
) -> None:
    """Replace the recording's transcript; its version grows."""
    await connection.execute(_DELETE_SEGMENTS, {"recording_id": recording_id})
    await connection.execute(
        _PUT_TRANSCRIPT,
        {
            "recording_id": recording_id,
            **transcript.model_dump(exclude={"segments", "missing", "names"}),
            "missing": Jsonb([interval.model_dump(mode="json") for interval in transcript.missing]),
            "names": Jsonb(dict(transcript.names)),
            "content_hash": content_hash,
        },
    )
    await insert_segments(connection, recording_id, 0, transcript.segments)


async def insert_segments(
    connection: Connection, recording_id: RecordingId, first: int, segments: Sequence[Segment]
) -> None:
    """Store segments from position ``first`` on, where there are none."""
    async with connection.cursor() as cursor, cursor.copy(_COPY_SEGMENTS) as copy:
        for position, each in enumerate(segments, first):
            fields = (each.start, each.end, each.speaker, each.role, each.confidence, each.language, each.text)
            await copy.write_row((recording_id, position, *fields, packed_words(each)))


async def engine_seconds(connection: Connection, recording_id: RecordingId) -> float:
    """Add up the seconds that the engine took for the parts of the current plan."""
    row = await (await connection.execute(_SUM_ENGINE_SECONDS, {"recording_id": recording_id})).fetchone()
    return float(row["seconds"]) if row else 0.0


async def find_engine(connection: Connection, recording_id: RecordingId) -> tuple[str, str] | None:
    """Load name and model of the engine that made the transcript; None while there is no transcript."""
    row = await (await connection.execute(_SELECT_ENGINE, {"recording_id": recording_id})).fetchone()
    return None if row is None else (row["engine"], row["model"])


async def has_failed_parts(connection: Connection, recording_id: RecordingId) -> bool:
    """Tell whether the engine failed for a part of the recording's plan, and the part has no result since."""
    row = await (await connection.execute(_SELECT_HAS_FAILED_PARTS, {"recording_id": recording_id})).fetchone()
    return row is not None and bool(row["failed"])


async def load_transcript(
    connection: Connection, recording_id: RecordingId, *, words: bool = True
) -> Transcript | None:
    """Load the transcript, without ``words`` in a fifth of the time; None while there is none."""
    parameters = {"recording_id": recording_id}
    head = await (await connection.execute(_SELECT_TRANSCRIPT, parameters)).fetchone()
    if head is None:
        return None
    segments = await load_segments(connection, recording_id, words=words)
    return Transcript.model_validate({**head, "segments": tuple(segments)})


async def load_segments(
    connection: Connection, recording_id: RecordingId, positions: Sequence[int] | None = None, *, words: bool = True
) -> list[Segment]:
    """Load the segments at ``positions`` that there are, all with None, in their order."""
    wanted = None if positions is None else list(positions)
    parameters = {"recording_id": recording_id, "positions": wanted, "words": words}
    cursor = await connection.execute(_SELECT_SEGMENTS, parameters)
    batch = _BATCH_ROWS if words else _BATCH_WITHOUT_WORDS
    segments: list[Segment] = []
    # Eight hours have 70,000 words: a batch at a time and in a thread, so that the event loop stays free for others.
    while rows := await cursor.fetchmany(batch):
        segments += await asyncio.to_thread(_segments, rows)
    return segments


def packed_words(segment: Segment) -> Jsonb | None:
    """Return a segment's words as they are stored."""
    if segment.words is None:
        return None
    return Jsonb([[word.start, word.end, word.text, word.probability] for word in segment.words])


def _segments(rows: list[DictRow]) -> list[Segment]:
    return [_segment(row) for row in rows]


def _segment(row: DictRow) -> Segment:
    words: list[list[Any]] | None = row["words"]
    return Segment(
        start=row["start_s"],
        end=row["end_s"],
        speaker=row["speaker"],
        role=row["role"],
        confidence=row["confidence"],
        language=row["language"],
        text=row["text"],
        words=None if words is None else tuple(_word(*word) for word in words),
    )


def _word(start: float, end: float, text: str, probability: float | None) -> Word:
    return Word(start=start, end=end, text=text, probability=probability)


# As the index transcript_segments_words has it, else the index is not used.
_VECTOR = "to_tsvector('russian', translate(segments.text, 'ёЁ', 'еЕ'))"

_SELECT_LEXEMES = """
    SELECT tsvector_to_array(to_tsvector('russian', translate(%(text)s, 'ёЁ', 'еЕ'))) AS lexemes
"""
# A stem weighs the more, the fewer of the found segments have it.
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
    SELECT
        segments.recording_id, segments.position, start_s AS start, end_s AS end, speaker, role, text,
        names ->> speaker AS name
    FROM transcript_segments AS segments JOIN transcripts USING (recording_id)
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
_COUNT_TRANSCRIPTS = """
    SELECT count(*) AS transcripts
    FROM transcripts JOIN recordings ON recordings.id = recording_id WHERE owner_id = %(owner_id)s
"""


class Hit(Value):
    """A segment with some of the stems that were searched. ``weights`` has these stems, and how much each counts."""

    recording_id: RecordingId
    position: int
    weights: Mapping[str, float]


class FoundSegment(Value):
    """A hit or a segment near one. ``start`` and ``end`` are seconds from the recording's start."""

    recording_id: RecordingId
    position: int
    start: float
    end: float
    speaker: str | None
    role: str | None
    text: str
    name: str | None = None


class FoundRecording(Value):
    """What is shown of a recording beside a quote from it. ``recorded_on`` is None while the day is unknown."""

    id: RecordingId
    number: int
    scenario: ScenarioId
    recorded_on: date | None
    created_at: datetime


async def lexemes_of(connection: Connection, text: str) -> list[str]:
    """Return the stems by which ``text`` can be searched; «и», «что», «как» and the like have none."""
    row = await (await connection.execute(_SELECT_LEXEMES, {"text": text})).fetchone()
    return list(row["lexemes"]) if row else []


async def find_hits(connection: Connection, owner: UserId, lexemes: Sequence[str], limit: int) -> list[Hit]:
    """Load at most ``limit`` of the owner's segments that contain any of the stems, the best first.

    A segment is the better, the more of the stems it contains and the rarer they are.
    """
    parameters = {"owner_id": owner, "lexemes": list(lexemes), "query": _any_of(lexemes), "limit": limit}
    return [Hit.model_validate(row) async for row in await connection.execute(_SELECT_HITS, parameters)]


async def segments_around(connection: Connection, hits: Sequence[Hit], reach: int) -> list[FoundSegment]:
    """Load the hits and ``reach`` segments on either side of each, ordered by recording and position."""
    parameters = {
        "recordings": [hit.recording_id for hit in hits],
        "positions": [hit.position for hit in hits],
        "reach": reach,
    }
    return [FoundSegment.model_validate(row) async for row in await connection.execute(_SELECT_AROUND, parameters)]


async def recordings_of(
    connection: Connection, owner: UserId, ids: Sequence[RecordingId]
) -> dict[RecordingId, FoundRecording]:
    """Load those of the recordings ``ids`` that are the owner's, by id, with what is shown beside a quote."""
    cursor = await connection.execute(_SELECT_RECORDINGS, {"owner_id": owner, "ids": list(ids)})
    return {row["id"]: FoundRecording.model_validate(row) async for row in cursor}


async def count_transcripts(connection: Connection, owner: UserId) -> int:
    """Count the owner's recordings that have a transcript."""
    row = await (await connection.execute(_COUNT_TRANSCRIPTS, {"owner_id": owner})).fetchone()
    return row["transcripts"] if row else 0


async def has_transcripts(connection: Connection, owner: UserId) -> bool:
    """Tell whether the owner has a transcript to search."""
    row = await (await connection.execute(_SELECT_HAS_TRANSCRIPTS, {"owner_id": owner})).fetchone()
    return row is not None and bool(row["any"])


def _any_of(lexemes: Sequence[str]) -> str:
    """Return a tsquery in which each stem is quoted, so that none of its characters is an operator."""
    quoted = (lexeme.replace("\\", "\\\\").replace("'", "''") for lexeme in lexemes)
    return " | ".join(f"'{lexeme}'" for lexeme in quoted)
