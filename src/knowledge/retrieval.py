"""``Retrieval`` over the knowledge index: transcripts, reports and documents, by meaning, words and metadata.

What the person may see and what the question names is decided before anything is ranked. A question that no passage
says enough of has no answer.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from chats.search import Found, Retrieval
from datamodels import RecordingId, UserId
from datamodels_chats import Passage
from datamodels_search import EVERYWHERE, ChatFilters, Condition, Facets, Narrowing
from db import Database
from errors import EngineFailed, ProviderError
from knowledge import search_store, vectors_store
from knowledge.knowledge_index import KnowledgeIndex, Look
from knowledge.named import Known, named_in
from knowledge.passages import passages_of
from knowledge.question_words import Word, synonyms_of, with_subject, words_of
from knowledge.ranking import Scored, Weights, answering, looked_at_closely, ranked
from knowledge.reranking import MOST_TEXTS, Reranker
from knowledge.roles import asked_roles, is_said_by, role_of
from knowledge.search_store import Archive, Candidate, Common
from knowledge.values import ChunkId, SourceId
from prompt_pack.models import ReportPack
from transcripts_store import FoundSegment

log = structlog.get_logger(__name__)

MOST_NEAR = 60
"""Chunks that are looked at because they are near to the question, and as many because they have its rare words."""
MOST_CLOSE = 12
"""The best of these chunks, which are looked at line by line."""
RARE = 0.05
"""The greatest share of chunks that a rare word is in."""
MOST_WITH_SYNONYM = 200
"""The most chunks that have a synonym by which chunks are found: there are many synonyms, and each tells less."""


@dataclass(frozen=True)
class Asked:
    """A question as it is searched: with the subject of its chat, what narrows the search, and its other words."""

    text: str
    narrowing: Narrowing
    words: tuple[Word, ...]

    @property
    def lemmas(self) -> frozenset[str]:
        return frozenset().union(*self.words)

    @property
    def synonyms(self) -> frozenset[str]:
        return frozenset().union(*map(synonyms_of, self.words)) - self.lemmas


@dataclass(frozen=True)
class Candidates:
    """The chunks that may answer the question ``text`` with these words, the best first.

    ``roles`` and ``loose`` are as in ``Narrowing``.
    """

    words: tuple[Word, ...]
    weights: Weights
    chunks: Sequence[Scored]
    text: str = ""
    roles: tuple[str, ...] = ()
    loose: bool = False


class KnowledgeRetrieval:
    """Finds passages by the index; ``otherwise`` finds them while it is not there, and in what it does not have yet.

    A ``reranker`` decides on the order of the best.
    """

    def __init__(
        self,
        database: Database,
        pack: ReportPack,
        index: KnowledgeIndex,
        otherwise: Retrieval,
        reranker: Reranker | None = None,
    ) -> None:
        self._database = database
        self._pack = pack
        self._index = index
        self._otherwise = otherwise
        self._reranker = reranker
        self._roles = frozenset(role.label for scenario in pack.scenarios for role in scenario.roles)

    async def find(
        self,
        owner: UserId,
        question: str,
        before: Sequence[str] = (),
        filters: ChatFilters = EVERYWHERE,
        without: Collection[Condition] = (),
    ) -> Found:
        async with self._database.transaction() as connection:
            archive = await search_store.load_archive(connection, owner)
        asked = await asyncio.to_thread(asked_in, question, before, archive.known, self._roles)
        narrowing = asked.narrowing.model_copy(update={"chat": filters}).without(without)
        asked = replace(asked, narrowing=narrowing)
        if not asked.words and narrowing.named.is_nothing:
            # «Что в Казани?» without the condition is a question about a word.
            asked = replace(asked, words=await asyncio.to_thread(words_of, asked.text, frozenset()))
        look = await self._look(asked.text)
        if look is None:
            return await self._otherwise.find(owner, question, before, filters, without)
        candidates = await self.candidates(owner, asked, archive, look)
        narrowing = narrowing.model_copy(update={"loose": candidates.loose, "roles": candidates.roles})
        passages = await self.shown(answering(await self.closest(candidates, look), look.model.name))
        if not passages and (pending := await self._pending(owner, question, look, narrowing)):
            return Found(pending, Narrowing(chat=narrowing.chat))
        return Found(passages, narrowed_by_roles(narrowing, passages))

    async def is_empty(self, owner: UserId) -> bool:
        async with self._database.transaction() as connection:
            archive = await search_store.load_archive(connection, owner)
        return not archive.sources and await self._otherwise.is_empty(owner)

    async def facets(self, owner: UserId) -> Facets:
        async with self._database.transaction() as connection:
            return await search_store.load_facets(connection, owner)

    async def candidates(self, owner: UserId, asked: Asked, archive: Archive, look: Look) -> Candidates:
        """Return the chunks near to the question or with its rare words, of sources that fit it, the best first."""
        named = asked.narrowing.named
        if not asked.words and named.is_nothing:
            return Candidates(asked.words, Weights(0, {}), [])
        sources: Sequence[SourceId] = archive.sources
        loose = False
        if not (named.is_nothing and asked.narrowing.chat.is_nothing):
            async with self._database.transaction() as connection:
                sources, loose = await search_store.fitting_sources(connection, owner, asked.narrowing)
        near = {each.chunk: each.score for each in await look.nearest(sources, MOST_NEAR)}
        async with self._database.transaction() as connection:
            common = await search_store.load_common(connection)
            words, synonyms = asked.lemmas, asked.synonyms
            rare = [each for each in words if common.shares.get(each, 0.0) <= RARE]
            rare += [each for each in synonyms if common.shares.get(each, 0.0) * common.chunks <= MOST_WITH_SYNONYM]
            having = await search_store.chunks_with(connection, rare)
            weights, most_words = await asyncio.to_thread(_weights, asked, common, having, frozenset(sources))
            candidates = await search_store.load_candidates(connection, owner, {*near, *most_words}, words | synonyms)
        turns = [turn for each in candidates for turn in each.text.splitlines()]
        # Where nobody's role is known, nothing can be narrowed by it.
        roles = asked.narrowing.roles if any(role_of(turn, self._roles) for turn in turns) else ()
        farthest = min(near.values(), default=0.0)
        scored = [
            _scored(asked.words, weights, each, near.get(each.id, farthest))
            for each in candidates
            if not roles or any(self._is_said_by(turn, roles) for turn in each.text.splitlines())
        ]
        return Candidates(asked.words, weights, ranked(scored), asked.text, roles, loose)

    async def closest(self, candidates: Candidates, look: Look) -> list[Scored]:
        """Look line by line at the best of the chunks; return these, the best first."""
        reranked = await self._reranked(candidates)
        best = (candidates.chunks if reranked is None else reranked)[:MOST_CLOSE]
        said_by = partial(self._is_said_by, roles=candidates.roles)
        async with self._database.transaction() as connection:
            ids = [each.chunk.id for each in best]
            lines = await vectors_store.load_lines(connection, look.model.id, ids, len(look.vector))
        closer = [
            looked_at_closely(
                each, look.vector, lines.get(each.chunk.id), candidates.words, candidates.weights, said_by
            )
            for each in best
        ]
        return closer if reranked is not None else ranked(closer)

    async def _reranked(self, candidates: Candidates) -> list[Scored] | None:
        """Return the best chunks in the reranker's order; None without one, and when it does not answer."""
        some = candidates.chunks[:MOST_TEXTS]
        if self._reranker is None or not some:
            return None
        texts = [f"{each.chunk.context}\n{each.chunk.text}" for each in some]
        order = await self._reranker.order(candidates.text, texts)
        return None if order is None else [some[place] for place in order]

    def _is_said_by(self, line: str, roles: Sequence[str]) -> bool:
        return is_said_by(line, roles, self._roles)

    async def shown(self, found: Sequence[Scored]) -> list[Passage]:
        """Return the passages of chunks, the best first."""
        segments: defaultdict[RecordingId, list[FoundSegment]] = defaultdict(list)
        of_recordings = [each.chunk for each in found if each.chunk.start is not None]
        if of_recordings:
            async with self._database.transaction() as connection:
                for segment in await search_store.load_segments(connection, of_recordings):
                    segments[segment.recording_id].append(segment)
        return await asyncio.to_thread(passages_of, found, segments, self._pack)

    async def _look(self, text: str) -> Look | None:
        """Return the question in the index; None while that is built, and when the question cannot be embedded."""
        try:
            look = await self._index.look(text)
        except (ProviderError, EngineFailed) as exc:
            log.warning("question_not_embedded", error=exc.code)
            return None
        return look if look is not None and look.model.complete else None

    async def _pending(self, owner: UserId, question: str, look: Look, narrowing: Narrowing) -> Sequence[Passage]:
        """Return what words find in the person's recordings that are not in the index yet."""
        async with self._database.transaction() as connection:
            pending = await search_store.pending_recordings(connection, owner, look.model.id, look.version)
        if not pending:
            return []
        found = await self._otherwise.find(owner, question, filters=narrowing.chat)
        fresh = [each for each in found.passages if each.source.recording_id in pending]
        return [
            each.model_copy(update={"source": each.source.model_copy(update={"number": number})})
            for number, each in enumerate(fresh, 1)
        ]


def narrowed_by_roles(narrowing: Narrowing, passages: Sequence[Passage]) -> Narrowing:
    """Return the narrowing as it holds for the passages: nobody with a role, or also people without one, may speak."""
    spoken = [each.source.speakers for each in passages if each.source.section is None]
    having = [not set(narrowing.roles).isdisjoint(speakers) for speakers in spoken]
    if not narrowing.roles or all(having):
        return narrowing
    return narrowing.model_copy(update={"roleless": True} if any(having) else {"roles": ()})


def asked_in(question: str, before: Sequence[str], known: Known, roles: Collection[str]) -> Asked:
    """Read a question; ``before`` are the earlier ones of its chat, the latest first. Blocking.

    ``roles`` are the labels of all roles.
    """
    text = with_subject(question, before, known)
    named, used = named_in(text, known)
    return Asked(text, Narrowing(named=named, roles=asked_roles(text, roles)), words_of(text, used))


def _scored(words: Sequence[Word], weights: Weights, chunk: Candidate, cosine: float) -> Scored:
    coverage = weights.coverage(words, chunk.lemmas)
    return Scored(chunk, cosine, coverage, weights.coverage(words, chunk.lemmas, by_synonym=0.0))


def _weights(
    asked: Asked, common: Common, having: Sequence[tuple[str, ChunkId, SourceId]], allowed: Collection[SourceId]
) -> tuple[Weights, list[ChunkId]]:
    """Return what the words count, and the allowed chunks that have the most of the rare ones."""
    counts: defaultdict[str, float] = defaultdict(float)
    for lemma in asked.lemmas | asked.synonyms:
        counts[lemma] = common.shares.get(lemma, 0.0) * common.chunks
    of_chunk: defaultdict[ChunkId, set[str]] = defaultdict(set)
    found: defaultdict[str, int] = defaultdict(int)
    for lemma, chunk, source in having:
        found[lemma] += 1
        if source in allowed:
            of_chunk[chunk].add(lemma)
    weights = Weights(common.chunks, {**counts, **found})
    most = sorted(of_chunk, key=lambda chunk: (-weights.coverage(asked.words, of_chunk[chunk]), chunk))
    return weights, most[:MOST_NEAR]
