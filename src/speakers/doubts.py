"""What people are told of a diarization: an unsure number of speakers, and where several speak at once."""

from collections.abc import Sequence

import texts.transcript
from datamodels import Interval
from speakers.diarization import Diarization
from utils import clock

_LONG_S = 1.5
"""Shorter overlaps are a nod or an impatient beginning, and every talk has them."""
_MOST_NAMED = 5


def speaker_warnings(found: Diarization) -> tuple[str, ...]:
    """Return a sentence when the number of speakers is unsure, and one with the first long overlaps."""
    sentences: list[str] = []
    if not found.sure:
        voices = len({turn.speaker for turn in found.turns})
        sentences.append(texts.transcript.SPEAKERS_UNSURE.format(count=voices))
    if overlaps := [turn for turn in found.second if turn.end - turn.start >= _LONG_S]:
        sentences.append(texts.transcript.OVERLAPS.format(intervals=_named(overlaps)))
    return tuple(sentences)


def _named(places: Sequence[Interval]) -> str:
    named = ", ".join(
        texts.transcript.INTERVAL.format(start=clock(place.start), end=clock(place.end))
        for place in places[:_MOST_NAMED]
    )
    more = len(places) - _MOST_NAMED
    return named + (texts.transcript.MORE.format(count=more) if more > 0 else "")
