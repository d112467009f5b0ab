"""Finds passages of recordings for a question: the port, and an adapter that searches the person's own transcripts."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import texts.chats
import transcripts_store
from chats.excerpts import speakers_of
from datamodels import RecordingId, UserId
from datamodels_chats import Passage, PassageLine, Source
from datamodels_search import EVERYWHERE, ChatFilters, Condition, Corpus, Facets, Narrowing
from db import Database
from prompt_pack.models import ReportPack
from system.local_time import local
from texts.transcript import speaker_label
from transcripts_store import FoundRecording, FoundSegment, Hit

MOST_PASSAGES = 8
_MOST_HITS = 60
"""The most segments with words of the question that are looked at: more than enough for ``MOST_PASSAGES``."""
_REACH = 4
"""The most segments that a passage has on either side of a hit, so that an answer is read with its question."""
_PASSAGE_CHARACTERS = 700
_WEAKEST_SHARE = 0.35
"""Passages below this share of the best passage's score are left out: only common words of the question are in them."""

_Place = tuple[RecordingId, int]


@dataclass(frozen=True)
class Found:
    """The passages that match best, the best first, numbered from 1, and what the search was narrowed to."""

    passages: Sequence[Passage]
    narrowing: Narrowing


class Retrieval(Protocol):
    """Finds passages that may answer a question, in what the person may see."""

    async def find(
        self,
        owner: UserId,
        question: str,
        before: Sequence[str] = (),
        filters: ChatFilters = EVERYWHERE,
        without: Collection[Condition] = (),
    ) -> Found:
        """Find passages within the ``filters`` of the chat and what the question names; none when nothing matches.

        ``before`` are the chat's earlier questions, the latest first. The conditions ``without``
        which the search is to be are set neither by the question nor by the filters.

        Raises:
            DatabaseUnavailable: the search was not possible.
        """
        ...

    async def is_empty(self, owner: UserId) -> bool:
        """Tell whether there is nothing to search yet."""
        ...

    async def facets(self, owner: UserId) -> Facets:
        """Return what of metadata there is most of in what the person may find."""
        ...


@dataclass(frozen=True)
class _Window:
    """Neighbouring segments around a hit; ``score`` is the sum of the weights of the words that were found."""

    segments: tuple[FoundSegment, ...]
    score: float

    @property
    def places(self) -> frozenset[_Place]:
        return frozenset((segment.recording_id, segment.position) for segment in self.segments)


class TranscriptSearch:
    """``Retrieval`` over the person's own transcripts, by the words of the question in any of their forms."""

    def __init__(self, database: Database, pack: ReportPack) -> None:
        self._database = database
        self._pack = pack

    async def find(
        self,
        owner: UserId,
        question: str,
        before: Sequence[str] = (),  # noqa: ARG002
        filters: ChatFilters = EVERYWHERE,
        without: Collection[Condition] = (),
    ) -> Found:
        """See ``Retrieval.find``; of the filters, what the question names is none here."""
        narrowing = Narrowing(chat=filters).without(without)
        if narrowing.chat.corpora and Corpus.TRANSCRIPT not in narrowing.chat.corpora:
            return Found([], narrowing)
        async with self._database.transaction() as connection:
            wanted = await transcripts_store.lexemes_of(connection, question)
            framing = set(await transcripts_store.lexemes_of(connection, texts.chats.FRAMING_WORDS))
            # «Что сказал клиент?» has nothing but framing words; then the search is for those words.
            lexemes = [lexeme for lexeme in wanted if lexeme not in framing] or wanted
            if not lexemes:
                return Found([], narrowing)
            hits = await transcripts_store.find_hits(connection, owner, lexemes, _MOST_HITS)
            segments = await transcripts_store.segments_around(connection, hits, _REACH)
            ids = sorted({hit.recording_id for hit in hits})
            recordings = await transcripts_store.recordings_of(connection, owner, ids)
        scenario = narrowing.chat.scenario
        fitting = [hit for hit in hits if scenario is None or recordings[hit.recording_id].scenario == scenario]
        windows = await asyncio.to_thread(_best_windows, fitting, segments)
        passages = [
            self._passage(number, window, recordings[window.segments[0].recording_id])
            for number, window in enumerate(windows, 1)
        ]
        return Found(passages, narrowing)

    async def is_empty(self, owner: UserId) -> bool:
        async with self._database.transaction() as connection:
            return not await transcripts_store.has_transcripts(connection, owner)

    async def facets(self, owner: UserId) -> Facets:  # noqa: ARG002
        """Return nothing: metadata are not searched here."""
        return Facets()

    def _passage(self, number: int, window: _Window, recording: FoundRecording) -> Passage:
        lines = tuple(
            PassageLine(start=segment.start, speaker=_speaker(segment), text=" ".join(segment.text.split()))
            for segment in window.segments
        )
        source = Source(
            start=window.segments[0].start,
            end=window.segments[-1].end,
            number=number,
            recording_id=recording.id,
            recording_number=recording.number,
            label=self._label(recording),
            day=_day(recording),
            speakers=speakers_of(lines),
        )
        return Passage(source=source, lines=lines)

    def _label(self, recording: FoundRecording) -> str:
        scenario = self._pack.find_scenario(recording.scenario)
        return texts.chats.RECORDING if scenario is None else scenario.label


def _best_windows(hits: Sequence[Hit], segments: Sequence[FoundSegment]) -> list[_Window]:
    """Return the best windows around hits, the best first; no two of them share a segment."""
    there = {(segment.recording_id, segment.position): segment for segment in segments}
    weights = {(hit.recording_id, hit.position): hit.weights for hit in hits}
    windows = [_window((hit.recording_id, hit.position), there, weights) for hit in hits]
    best: list[_Window] = []
    taken: set[_Place] = set()
    # Sorting keeps the order of the hits where scores are equal.
    for window in sorted(windows, key=lambda each: -each.score):
        if len(best) == MOST_PASSAGES or (best and window.score < _WEAKEST_SHARE * best[0].score):
            break
        if not window.places & taken:
            best.append(window)
            taken |= window.places
    return best


def _window(
    place: _Place, there: Mapping[_Place, FoundSegment], weights: Mapping[_Place, Mapping[str, float]]
) -> _Window:
    """Return the hit with its neighbours: one after it, one before it and so on, while there is room."""
    recording, position = place
    first = last = position
    room = _PASSAGE_CHARACTERS - len(there[place].text)
    for distance in range(1, _REACH + 1):
        for neighbour in (position + distance, position - distance):
            found = there.get((recording, neighbour))
            is_next = neighbour in {first - 1, last + 1}
            if found is None or not is_next or len(found.text) > room:
                continue
            room -= len(found.text)
            first, last = min(first, neighbour), max(last, neighbour)
    places = [(recording, each) for each in range(first, last + 1)]
    matched: dict[str, float] = {}
    for each in places:
        if each in weights:
            matched |= weights[each]
    return _Window(tuple(there[each] for each in places), sum(matched.values()))


def _speaker(segment: FoundSegment) -> str:
    return speaker_label(segment.role, segment.speaker, segment.name) or ""


def _day(recording: FoundRecording) -> date:
    """Return the day on which the recording was made, else the day on which it came."""
    return recording.recorded_on or local(recording.created_at).date()
