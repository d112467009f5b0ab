"""Stretches of transcripts, for people who read on a screen: eight hours are never loaded at once."""

from collections.abc import Mapping
from typing import Any

from psycopg.rows import DictRow

from datamodels import MissingInterval, RecordingId, Segment, Value, Word
from db import Connection

_SELECT_HEAD = """
    SELECT language, engine, model, duration_s, speakers, missing, names,
        (SELECT count(*) FROM transcript_segments WHERE recording_id = %(recording_id)s) AS total
    FROM transcripts WHERE recording_id = %(recording_id)s
"""
_SELECT_AT = """
    SELECT coalesce(max(position), 0) AS position FROM transcript_segments
    WHERE recording_id = %(recording_id)s AND start_s <= %(seconds)s
"""
_SELECT_SEGMENTS = """
    SELECT start_s, end_s, speaker, role, confidence, language, text, words
    FROM transcript_segments
    WHERE recording_id = %(recording_id)s AND position >= %(first)s AND position < %(first)s + %(count)s
    ORDER BY position
"""


class TranscriptHead(Value):
    """What is known of a transcript but its words; ``names`` are by S1, S2, …, ``total`` counts its segments."""

    language: str
    engine: str
    model: str
    duration_s: float
    speakers: int
    missing: tuple[MissingInterval, ...]
    names: Mapping[str, str]
    total: int


async def find_head(connection: Connection, recording_id: RecordingId) -> TranscriptHead | None:
    """Load the head of a transcript; None while there is none."""
    row = await (await connection.execute(_SELECT_HEAD, {"recording_id": recording_id})).fetchone()
    return None if row is None else TranscriptHead.model_validate(row)


async def position_at(connection: Connection, recording_id: RecordingId, seconds: float) -> int:
    """Return the place of the segment that is said at a time, from 0."""
    parameters = {"recording_id": recording_id, "seconds": seconds}
    row = await (await connection.execute(_SELECT_AT, parameters)).fetchone()
    return row["position"] if row else 0


async def segments(connection: Connection, recording_id: RecordingId, first: int, count: int) -> list[Segment]:
    """Load ``count`` segments from the place ``first`` on."""
    parameters = {"recording_id": recording_id, "first": first, "count": count}
    return [_segment(row) async for row in await connection.execute(_SELECT_SEGMENTS, parameters)]


def _segment(row: DictRow) -> Segment:
    words: list[list[Any]] | None = row["words"]
    named = {name: row[name] for name in ("speaker", "role", "confidence", "language", "text")}
    told = None if words is None else tuple(map(_word, words))
    return Segment(start=row["start_s"], end=row["end_s"], words=told, **named)


def _word(packed: list[Any]) -> Word:
    start, end, text, probability = packed
    return Word(start=start, end=end, text=text, probability=probability)
