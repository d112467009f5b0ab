"""What comes back from ``/audio/transcriptions``: servers differ in what they leave out, our transcript does not."""

import math
import re
from collections.abc import Sequence
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from config import ROOT
from datamodels import PartTranscript, Segment, Word
from utils import load_yaml

UNDETERMINED = ""
"""The language of a part when nobody told it."""

INVENTED_AFTER_S = 1.0
"""Text this far behind the end of the part was not said in it; what is nearer has only its times wrong."""

SHORTEST_S = 0.02
"""A segment that was pushed back into the part keeps so much, so that its start is before its end."""

PAUSE_S = 0.8
"""Between words of one segment there is less."""

_RUSSIAN = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяabcdefghijklmnopqrstuvwxyz")
_RUSSIAN_ONLY = frozenset("ыэё")
"""Of the languages that need no other letters Bulgarian has none of these."""
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")


Storable = Annotated[str, AfterValidator(lambda text: text.replace("\x00", ""))]
"""PostgreSQL keeps any text but one with a NUL."""


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class AnswerWord(_Lenient):
    start: float
    end: float
    text: Storable = Field(validation_alias=AliasChoices("word", "text"))
    probability: float | None = None


class AnswerSegment(_Lenient):
    start: float
    end: float
    text: Storable
    avg_logprob: float | None = None
    words: list[AnswerWord] | None = None


class Transcription(_Lenient):
    """``json``, ``verbose_json`` or ``diarized_json``, of OpenAI or of a server like it."""

    text: Storable = ""
    language: str | None = None
    segments: list[AnswerSegment] | None = None
    words: list[AnswerWord] | None = None

    @property
    def has_times(self) -> bool:
        """Whether it tells when something was said; one without text has nothing to tell."""
        return bool(self.segments or self.words) or not self.text.strip()

    def part(self, length_s: float, language: str | None) -> PartTranscript:
        """The transcript of a part of ``length_s`` for which ``language`` was asked."""
        return PartTranscript(
            language=language or language_code(self.language) or _language_by_letters(self.text),
            segments=tuple(self._segments(length_s)),
        )

    def _segments(self, length_s: float) -> list[Segment]:
        if self.segments:
            found = _with_words(self.segments, self.words or [])
        elif self.words:
            found = _from_words(self.words)
        else:
            found = _spread(self.text, length_s)
        fitted = [_fitted(segment, length_s) for segment in found if segment.start < length_s + INVENTED_AFTER_S]
        return sorted((segment for segment in fitted if segment.text), key=lambda segment: segment.start)


def language_code(name: str | None) -> str | None:
    """``ru`` for ``ru``, ``ru-RU`` and ``russian``; None for what is no language."""
    plain = (name or "").strip().lower()
    if code := _language_names().get(plain):
        return code
    head = re.split(r"[-_]", plain)[0]
    return head if re.fullmatch(r"[a-z]{2,3}", head) else None


def _language_by_letters(text: str) -> str:
    """Russian for a text in Russian letters: most other languages in Cyrillic have letters of their own."""
    letters = {letter for letter in text.lower() if letter.isalpha()}
    return "ru" if letters & _RUSSIAN_ONLY and not letters - _RUSSIAN else UNDETERMINED


@cache
def _language_names() -> dict[str, str]:
    names: dict[str, str] = load_yaml((ROOT / "resources" / "languages.yaml").read_text(encoding="utf-8"))
    return names


def _with_words(segments: Sequence[AnswerSegment], words: Sequence[AnswerWord]) -> list[AnswerSegment]:
    """The segments, each with its words: OpenAI lists all words once beside the segments, others inside them."""
    if not words or any(segment.words for segment in segments):
        return list(segments)
    owned: list[list[AnswerWord]] = [[] for _ in segments]
    for word in words:
        middle = (word.start + word.end) / 2
        distances = [max(segment.start - middle, middle - segment.end, 0.0) for segment in segments]
        owned[distances.index(min(distances))].append(word)
    return [segment.model_copy(update={"words": own}) for segment, own in zip(segments, owned, strict=True)]


def _from_words(words: Sequence[AnswerWord]) -> list[AnswerSegment]:
    groups: list[list[AnswerWord]] = []
    for word in sorted(words, key=lambda word: word.start):
        if groups and word.start - groups[-1][-1].end < PAUSE_S:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [
        AnswerSegment(
            start=group[0].start,
            end=group[-1].end,
            text=" ".join(word.text.strip() for word in group),
            words=group,
        )
        for group in groups
    ]


def _spread(text: str, length_s: float) -> list[AnswerSegment]:
    """Sentences of a text without times, each with a share of the part by its length."""
    sentences = [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]
    characters = sum(map(len, sentences))
    segments: list[AnswerSegment] = []
    said = 0
    for sentence in sentences:
        start = length_s * said / characters
        said += len(sentence)
        segments.append(AnswerSegment(start=start, end=length_s * said / characters, text=sentence))
    return segments


def _fitted(segment: AnswerSegment, length_s: float) -> Segment:
    start, end = _inside(segment.start, segment.end, length_s)
    words = None
    if segment.words:
        fitted = [(_inside(word.start, word.end, length_s), word) for word in segment.words if word.text.strip()]
        fitted.sort(key=lambda pair: pair[0])
        words = tuple(
            Word(start=first, end=last, text=word.text.strip(), probability=word.probability)
            for (first, last), word in fitted
        )
    confidence = None if segment.avg_logprob is None else min(1.0, math.exp(segment.avg_logprob))
    return Segment(start=start, end=end, text=segment.text.strip(), confidence=confidence, words=words or None)


def _inside(start: float, end: float, length_s: float) -> tuple[float, float]:
    """The nearest times within the part; a start before its end wherever the part is that long."""
    first = min(max(start, 0.0), max(length_s - SHORTEST_S, 0.0))
    return first, min(max(end, first + SHORTEST_S), length_s)
