"""Removal of text that an engine invented: phrases it learnt from subtitles, and loops."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from config import ROOT
from datamodels import Segment
from transcription.plan import Speech
from transcription.words import Token, keep_tokens, normalised, tokens_of
from utils import load_yaml

SILENCE_INVENTIONS = ROOT / "resources" / "silence_inventions.yaml"

_MOSTLY = 0.5
_LOW_CONFIDENCE = 0.5
_OFTEN = 3
"""A phrase like «Спасибо за просмотр» is taken for an invention when it is said this many times in a row, or more."""

_LONGEST_LOOP_WORDS = 10
_LOOP_WORDS = 12
_LOOP_REPEATS = 4
"""A loop repeats itself at least four times and for at least twelve words: people who say «да, да, да» stop earlier."""


@dataclass(frozen=True)
class Inventions:
    """Phrases that engines invent. ``never_said`` are in subtitles only; people say ``sometimes_said``, too."""

    never_said: tuple[re.Pattern[str], ...]
    sometimes_said: tuple[re.Pattern[str], ...]


def load_inventions(path: Path = SILENCE_INVENTIONS) -> Inventions:
    data = load_yaml(path.read_text(encoding="utf-8"))
    return Inventions(_patterns(data["never_said"]), _patterns(data["sometimes_said"]))


def _patterns(phrases: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    """Return patterns for a whole normalised segment with a blank before it.

    ``*`` in a phrase matches any words, such as names, or none.
    """
    return tuple(
        re.compile("".join(r"(?: \S+)*" if word == "*" else f" {word}" for word in _words_and_stars(phrase)))
        for phrase in phrases
    )


def _words_and_stars(phrase: str) -> list[str]:
    return " * ".join(normalised(piece) for piece in phrase.split("*")).split()


def _is_one_of(text: str, patterns: Sequence[re.Pattern[str]]) -> bool:
    return any(pattern.fullmatch(f" {text}") for pattern in patterns)


def without_inventions(segments: Sequence[Segment], speech: Speech, inventions: Inventions) -> tuple[Segment, ...]:
    """Remove invented segments.

    A phrase that is ``never_said`` is always removed. One that is ``sometimes_said`` is removed when it lies mostly
    outside ``speech``, when the engine was unsure, or when it is repeated three times or more in a row.
    """
    texts = [normalised(segment.text) for segment in segments]
    times = [count for _, run in groupby(texts) for count in [len(list(run))] for _ in range(count)]

    def invented(segment: Segment, text: str, running: int) -> bool:
        if _is_one_of(text, inventions.never_said):
            return True
        if not _is_one_of(text, inventions.sometimes_said):
            return False
        unsure = segment.confidence is not None and segment.confidence < _LOW_CONFIDENCE
        spoken_s = speech.seconds(segment.start, segment.end)
        return unsure or running >= _OFTEN or spoken_s <= _MOSTLY * (segment.end - segment.start)

    return tuple(item[0] for item in zip(segments, texts, times, strict=True) if not invented(*item))


def without_loops(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Cut each loop that a decoder ran into, of repeated words or repeated segments, down to one turn."""
    once: list[Segment] = []
    for position in _once([normalised(segment.text) for segment in segments], longest=1):
        segment = segments[position]
        tokens = tokens_of(segment)
        kept: list[Token] = [tokens[number] for number in _once([token.normalised for token in tokens])]
        once.append(keep_tokens(segment, tokens, kept) if kept else segment)
    return tuple(once)


def _once(items: Sequence[str], longest: int = _LONGEST_LOOP_WORDS) -> list[int]:
    """Return the positions to keep, so that one turn is left of each loop whose turn has up to ``longest`` items."""
    kept: list[int] = []
    at = 0
    while at < len(items):
        length, turns = _loop_at(items, at, longest)
        kept.extend(range(at, at + length))
        at += length * turns
    return kept


def _loop_at(items: Sequence[str], at: int, longest: int) -> tuple[int, int]:
    """Return how many items a turn of the loop at ``at`` has, and how many turns there are; (1, 1) when none begins."""
    for length in range(1, longest + 1):
        turn = items[at : at + length]
        turns = 1
        while items[at + turns * length : at + (turns + 1) * length] == turn:
            turns += 1
        words = turns * sum(len(item.split()) for item in turn)
        if turns >= _LOOP_REPEATS and words >= _LOOP_WORDS:
            return length, turns
    return 1, 1
