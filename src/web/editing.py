"""What is shown of a transcript that is being corrected: a stretch of it, its speakers, what was found."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from datamodels import Segment
from markups.editing import label_of
from recordings.transcript_pages import SEGMENTS_ON_PAGE
from system.local_time import local
from texts.web_editing import CHANGES, LAST_EDIT, LAST_EDIT_BY
from transcription.editing.changes import found, mark_of, seconds_of, speakers_of
from transcription.editing.values import Found, LastEdit, OpenTranscript, Search, Speaker

MOST_OFFERED = 20
"""Speakers that can be chosen for an utterance, besides its own."""
MOST_FOUND = 50


class Utterance(NamedTuple):
    """A segment with its position; ``mark`` is that of its text."""

    position: int
    segment: Segment
    mark: str


class Stretch(NamedTuple):
    """Some utterances of a transcript, with those who speak in it, the most first, and their labels by id.

    ``counts`` has how many utterances of the transcript are a speaker's, as they stand here one below the other.
    """

    opened: OpenTranscript
    first: int
    total: int
    utterances: list[Utterance]
    speakers: list[Speaker]
    labels: dict[str, str]
    counts: Counter[str | None]

    @property
    def offered(self) -> list[tuple[str, str]]:
        """Ids and labels of the speakers that can be chosen everywhere."""
        return [(each.id, self.labels[each.id]) for each in self.speakers[:MOST_OFFERED]]


class Places(NamedTuple):
    """Where words were found: all counted, and the first ``MOST_FOUND`` segments with pieces: text, is it a hit."""

    places: int
    hits: int
    shown: list[tuple[Found, list[tuple[str, bool]]]]


async def stretch(opened: OpenTranscript, first: int | None, at_s: float | None = None) -> Stretch:
    """Return the stretch from position ``first`` on, else the one in which ``at_s`` seconds are, else the first."""
    return await asyncio.to_thread(_stretch, opened, first, at_s)


def _stretch(opened: OpenTranscript, first: int | None, at_s: float | None) -> Stretch:
    segments = opened.transcript.segments
    if first is None:
        place = 0 if at_s is None else max(0, sum(each.start <= at_s for each in segments) - 1)
        first = place - place % SEGMENTS_ON_PAGE
    first = max(0, min(first, len(segments) - 1))
    shown = islice(enumerate(segments), first, first + SEGMENTS_ON_PAGE)
    speakers = sorted(speakers_of(opened.transcript), key=lambda each: -each.seconds)
    return Stretch(
        opened,
        first,
        len(segments),
        [Utterance(position, each, mark_of(each.text)) for position, each in shown],
        speakers,
        {each.id: label_of(each) for each in speakers},
        Counter(each.speaker for each in segments),
    )


def turn_at(opened: OpenTranscript, typed: str) -> int | None:
    """Return the position of what is said at a time as people read it (12:34, 1:02:03); None for other text."""
    moment = seconds_of(typed)
    if moment is None:
        return None
    return max(0, sum(int(each.start) <= moment for each in opened.transcript.segments) - 1)


def in_words(last: LastEdit) -> str:
    """Say which edit an undoing would take back: «слова реплики 12, 30.11.2026 14:05»."""
    what = CHANGES[last.change].format(place="" if last.position is None else last.position + 1).strip()
    told = LAST_EDIT.format(what=what, moment=f"{local(last.made_at):%d.%m.%Y %H:%M}")
    return told if last.author is None else LAST_EDIT_BY.format(told=told, author=last.author)


async def places_of(opened: OpenTranscript, search: Search) -> Places:
    """Find words in a transcript."""
    hits: Sequence[Found] = await asyncio.to_thread(found, opened.transcript, search)
    shown = [(each, _pieces(each)) for each in hits[:MOST_FOUND]]
    return Places(sum(len(each.places) for each in hits), len(hits), shown)


def _pieces(hit: Found) -> list[tuple[str, bool]]:
    pieces, done = [], 0
    for start, end in hit.places:
        pieces += [(hit.text[done:start], False), (hit.text[start:end], True)]
        done = end
    return [*pieces, (hit.text[done:], False)]
