"""Reads a ready transcript out of a file: plain text, Word, subtitles, or our own JSON.

Speakers and times are those of the file. Where it has no times they are reckoned from the length of the text, and a
warning says so. No word is left out but lines above the first utterance, which a warning counts.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import texts.transcript
from constants import LARGEST_DOCUMENT_BYTES, READY_TRANSCRIPT, TRANSCRIPT_EXTENSIONS
from datamodels import MissingInterval, Segment, Transcript, Value, Word
from errors_of_operation import (
    DocumentBroken,
    TranscriptBroken,
    TranscriptWithoutWords,
)
from text_cleaning import one_line, storable
from texts.transcript import without_header
from transcription.ready.files import CONTROLS, docx_lines, plain_text, too_large
from transcription.ready.rows import CUES, Row, rows_of_cues, rows_of_lines, seconds

_CHARACTERS_A_SECOND = 14.0
"""How fast people speak Russian: measured at 13 to 16 in the interviews of the speech corpus."""
_MOST_CHARACTERS = 5_000_000
_MOST_LINES = 200_000
_MOST_SEGMENTS = 100_000
_LARGEST_JSON_BYTES = 20 * 1024 * 1024
"""Ten times what eight hours of talk have, words with their times included: a few bytes may unpack to any number."""
_LONGEST_PIECE = 600
"""Characters; longer utterances are cut between sentences, so that a quote's time is near the quote."""
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_MOSTLY = 0.7
"""The share of rows with a label from which on every label is a speaker's."""
_TIMED = 0.5
_FEWEST_LETTERS = 2
_GENERIC = re.compile(r"(?:спикер|говорящий|speaker|spk|s)[ _]*\d+", re.IGNORECASE)
_NO_SPEAKERS = frozenset(["например", "итак", "итого", "значит", "примечание"])
_SPEAKERS = frozenset(
    ["сотрудник", "клиент", "гость", "интервьюер", "респондент", "модератор", "ведущий", "ведущая", "interviewer"]
)


_MISSING = re.compile(
    re.escape(texts.transcript.MISSING)
    .replace(r"\{start\}", r"(?P<start>[\d:]+)")
    .replace(r"\{end\}", r"(?P<end>[\d:]+)")
    .replace(r"\{reason\}", "(?P<reason>.*)")
)


class Ready(Value):
    """A transcript that was read from a file, and what to tell people about it."""

    transcript: Transcript
    warnings: tuple[str, ...] = ()


@dataclass
class _Piece:
    """What one speaker says without a break. ``start`` is None until it is reckoned."""

    start: float | None
    end: float | None
    label: str | None
    text: str
    words: tuple[Word, ...] | None = None
    confidence: float | None = None
    language: str | None = None


@dataclass
class _Content:
    pieces: list[_Piece]
    missing: list[MissingInterval] = field(default_factory=list)
    language: str = ""
    duration_s: float = 0.0
    warnings: list[str] = field(default_factory=list)


def is_ready_transcript(file_name: str) -> bool:
    """Tell by its name whether a file may be a ready transcript."""
    return Path(file_name).suffix.lower().lstrip(".") in TRANSCRIPT_EXTENSIONS


def read_ready(path: Path, file_name: str, language: str | None = None) -> Ready:
    """Read the transcript in the file at ``path``, whose name for people tells its form. Blocking, up to a minute.

    Names of speakers stand in the place of roles; «Спикер 2» and the like are no names.

    Raises:
        DocumentTooLarge: it has more bytes than a document may have, packed or unpacked.
        TranscriptBroken: it cannot be read as what its name says.
        TranscriptWithoutWords: nothing is said in it.
    """
    if path.stat().st_size > LARGEST_DOCUMENT_BYTES:
        raise too_large(file_name)
    form = Path(file_name).suffix.lower().lstrip(".")
    data = path.read_bytes()
    try:
        content = _of_json(data, file_name) if form == "json" else _of_text(data, file_name, form)
    except (DocumentBroken, ValidationError, ValueError, RecursionError) as exc:
        raise TranscriptBroken(file_name=file_name, reason=type(exc).__name__) from exc
    said = "".join(piece.text for piece in content.pieces)
    if sum(map(str.isalnum, said)) < _FEWEST_LETTERS:
        raise TranscriptWithoutWords(file_name=file_name)
    _reckon_times(content)
    return Ready(transcript=_transcript(content, form, language or _language(said)), warnings=tuple(content.warnings))


def _of_text(data: bytes, name: str, form: str) -> _Content:
    text = "\n".join(docx_lines(data, name)) if form == "docx" else plain_text(data, name)
    if len(text) > _MOST_CHARACTERS or text.count("\n") > _MOST_LINES:
        raise too_large(name)
    text = storable(text.translate(CONTROLS).replace("\r\n", "\n").replace("\r", "\n"))
    if form in {"srt", "vtt"} or CUES.search(text):
        content = _united(rows_of_cues(text, "vtt" if form == "vtt" else "srt"), cues=True)
        gaps = [_missing_in(piece.text) for piece in content.pieces]
        content.pieces = [piece for piece, gap in zip(content.pieces, gaps, strict=True) if gap is None]
    else:
        lines = without_header(text.split("\n"))
        gaps = [_missing_in(line) for line in lines]
        said = [line for line, gap in zip(lines, gaps, strict=True) if gap is None]
        content = _united(rows_of_lines(said), cues=False)
    content.missing = [gap for gap in gaps if gap is not None]
    return content


def _missing_in(line: str) -> MissingInterval | None:
    found = _MISSING.fullmatch(line.strip())
    if found is None:
        return None
    return MissingInterval(start=seconds(found["start"]), end=seconds(found["end"]), reason=found["reason"])


def _united(rows: Sequence[Row], *, cues: bool) -> _Content:
    """Unite rows to pieces: a row without a time, and without a speaker where there are speakers, goes on.

    In a file with neither, every line is a piece.
    """
    timed = sum(row.start is not None for row in rows) >= _TIMED * len(rows) if rows else False
    speakers = _speakers(rows, timed=timed)
    content = _Content([])
    pieces, current, above = content.pieces, None, 0
    for row in rows:
        label = row.label if row.label in speakers else None
        text = row.text if label or not row.label else f"{row.label}: {row.text}"
        begins = (row.start is not None or label is not None) if timed or speakers else True
        if not pieces and not begins and not cues:
            above += 1
        elif begins or not pieces:
            current = label or current
            pieces.append(_Piece(row.start, row.end, current, text))
        else:
            pieces[-1].text = f"{pieces[-1].text} {text}".strip()
    if above:
        content.warnings.append(texts.transcript.LINES_ABOVE.format(count=above))
    return content


def _speakers(rows: Sequence[Row], *, timed: bool) -> frozenset[str]:
    """Return the labels that are speakers and not words before a colon."""
    labels = Counter(row.label for row in rows if row.label)
    beginnings = sum(row.start is not None for row in rows) if timed else len(rows)
    everywhere = sum(labels.values()) >= _MOSTLY * beginnings
    sure = {row.label for row in rows if row.label and row.sure}
    return frozenset(
        label
        for label, count in labels.items()
        if label.casefold() not in _NO_SPEAKERS
        and (label in sure or count > 1 or _is_known(label) or (everywhere and label[:1].isupper()))
    )


def _is_known(label: str) -> bool:
    return label.casefold() in _SPEAKERS or _GENERIC.fullmatch(label) is not None


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _JsonSegment(_Lenient):
    start: float = Field(ge=0)
    end: float = Field(ge=0)
    text: str
    speaker: str | None = None
    role: str | None = None
    confidence: float | None = None
    words: tuple[Word, ...] | None = None
    language: str | None = None


class _JsonTranscript(_Lenient):
    segments: tuple[_JsonSegment, ...]
    missing: tuple[MissingInterval, ...] = ()
    names: Any = None
    language: str = ""
    duration_s: float = Field(0.0, ge=0)


def _of_json(data: bytes, name: str) -> _Content:
    if len(data) > _LARGEST_JSON_BYTES:
        raise too_large(name)
    text = plain_text(data, name)
    values = json.loads(text, parse_float=_finite, parse_constant=_finite, object_hook=_storable)
    read = _JsonTranscript.model_validate(values)
    if len(read.segments) > _MOST_SEGMENTS:
        raise too_large(name)
    names = read.names if isinstance(read.names, dict) else {}
    pieces = [
        _Piece(
            start=one.start,
            end=max(one.start, one.end),
            label=one.role or str(names.get(one.speaker) or "") or one.speaker,
            text=one.text,
            words=one.words,
            confidence=one.confidence,
            language=one.language if one.language != read.language else None,
        )
        for one in sorted(read.segments, key=lambda each: each.start)
    ]
    return _Content(pieces, list(read.missing), read.language, read.duration_s)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


def _storable(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: storable(value) if isinstance(value, str) else value for name, value in fields.items()}


def _reckon_times(content: _Content) -> None:
    """Give every piece a start and an end; times that go back are held, so that the order of the file stays."""
    pieces = [piece for piece in content.pieces if piece.text.strip()]
    content.pieces = pieces
    unknown = sum(piece.start is None for piece in pieces)
    if unknown:
        content.warnings.append(texts.transcript.TIMES_RECKONED)
    now, back = 0.0, 0
    for number, piece in enumerate(pieces):
        length = max(1.0, len(piece.text) / _CHARACTERS_A_SECOND)
        if piece.start is None:
            piece.start = now
        back += piece.start < now and piece.end is None
        piece.start = max(piece.start, now) if piece.end is None else piece.start
        following = pieces[number + 1].start if number + 1 < len(pieces) else None
        if piece.end is None:
            piece.end = following if following is not None and following > piece.start else piece.start + length
            now = piece.start if following is not None else piece.end
        now = piece.end if unknown else max(now, piece.start)
    if back:
        content.warnings.append(texts.transcript.TIMES_BACK.format(count=back))


def _transcript(content: _Content, form: str, language: str) -> Transcript:
    ids: dict[str | None, str] = {}
    segments = []
    for piece in content.pieces:
        speaker = ids.setdefault(piece.label, f"S{len(ids) + 1}")
        name = None if piece.label is None or _GENERIC.fullmatch(piece.label) else one_line(piece.label)
        segments += [segment.model_copy(update={"speaker": speaker, "role": name}) for segment in _cut(piece)]
    ends = [segment.end for segment in segments] + [gap.end for gap in content.missing]
    return Transcript(
        language=content.language or language,
        engine=READY_TRANSCRIPT,
        model=form,
        duration_s=max([content.duration_s, *ends]),
        speakers=len(ids),
        segments=tuple(segments),
        missing=tuple(content.missing),
    )


def _cut(piece: _Piece) -> Iterator[Segment]:
    """Yield the piece, cut between sentences when it is long; a part's time is its share of the characters."""
    start, end, text = piece.start or 0.0, piece.end or 0.0, one_line(piece.text)
    whole = Segment(
        start=start, end=end, text=text, confidence=piece.confidence, language=piece.language, words=piece.words
    )
    if piece.words or len(text) <= _LONGEST_PIECE:
        yield whole
        return
    parts: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        if parts and len(parts[-1]) + len(sentence) < _LONGEST_PIECE:
            parts[-1] += f" {sentence}"
        else:
            parts.append(sentence)
    second_a_character = (end - start) / len(text)
    position = 0
    for part in parts:
        begun = start + position * second_a_character
        position += len(part) + 1
        ended = min(end, start + position * second_a_character)
        yield whole.model_copy(update={"start": begun, "end": ended, "text": part})


def _language(text: str) -> str:
    cyrillic = sum("а" <= letter <= "я" for letter in text.casefold())
    return "ru" if 2 * cyrillic >= sum(map(str.isalpha, text)) else "en"
