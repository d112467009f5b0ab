"""Keeps chunks and their vectors up to date: looks for sources that have changed, and for chunks without a vector.

What is to be done is in the rows, so that a start after a kill needs no repair, and nothing is embedded twice. The
latest change comes first: what a person has just sent does not wait for years of recordings.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from hashlib import sha256
from itertools import accumulate, chain

import structlog

import transcripts_store
from datamodels_search import Corpus
from db import Connection, Database
from embeddings.port import Embeddings
from followers import Loop, delay_s, ended_well
from knowledge import chunks_store, sources_store, vectors_store
from knowledge.chunker import report_pieces, text_pieces, transcript_pieces
from knowledge.context import Contexts
from knowledge.knowledge_index import EngineOf
from knowledge.lemmas import lemmas
from knowledge.lines import chunk_vector, lines_of
from knowledge.values import (
    ChangedSource,
    ChunkId,
    EmbeddedChunk,
    Facts,
    ModelId,
    NewChunk,
    Piece,
    SourceId,
    WantedVector,
)
from knowledge.vectors_store import StoredModel
from prompt_pack.models import ReportPack

log = structlog.get_logger(__name__)

_RULES = 2
"""Counts the changes of how chunks are made: with another number, all are made anew."""
_SOURCES_AT_ONCE = 10
_VECTORS_AT_ONCE = 8
"""How many chunks are embedded at once: two to three seconds of one core, during which a new recording waits."""
_ROWS_AT_ONCE = 5000
_VECTORS_PAUSE_S = 5.0
"""Seconds between two looks for chunks without a vector, besides those after chunks were made."""


def rules_of(pack: ReportPack) -> str:
    """Return the name of the rules by which chunks are made with this pack."""
    return sha256(f"{_RULES}\n{Contexts(pack).labels()}".encode()).hexdigest()


class Indexer:
    """Makes chunks and vectors.

    ``embeddings`` returns the engine in use, None when embeddings are off, and ``engine_of`` the one of a former model,
    which goes on while the vectors by the new one are made. Embedding holds what ``processor`` returns.
    """

    def __init__(
        self,
        database: Database,
        pack: ReportPack,
        embeddings: Callable[[], Awaitable[Embeddings | None]],
        engine_of: EngineOf,
        processor: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
    ) -> None:
        self._database = database
        self._contexts = Contexts(pack)
        self._rules = rules_of(pack)
        self._embeddings = embeddings
        self._engine_of = engine_of
        self._processor = processor
        self._rules_are_noted = False
        self._wanted: StoredModel | None = None
        self._aside: dict[SourceId, tuple[int, float]] = {}
        self._vectors = Loop("vectors", _VECTORS_PAUSE_S)

    async def run(self) -> None:
        """Work until cancelled; what is interrupted is done again at the next start."""
        async with asyncio.TaskGroup() as group:
            group.create_task(Loop("chunks").run(self.chunk))
            group.create_task(self._vectors.run(self.embed))

    async def chunk(self) -> None:
        """Cut into chunks all sources that have changed."""
        await self._note_rules()
        while await self._chunk_some():
            pass

    async def embed(self) -> None:
        """Make all vectors that are wanted."""
        while await self._embed_some():
            pass

    async def _note_rules(self) -> None:
        while not self._rules_are_noted:
            async with self._database.transaction() as connection:
                noted = await sources_store.note_other_rules(connection, self._rules, _ROWS_AT_ONCE)
            self._rules_are_noted = noted < _ROWS_AT_ONCE

    async def _chunk_some(self) -> bool:
        """Cut the sources that changed last; tell whether there were any."""
        now = asyncio.get_running_loop().time()
        aside = [source for source, (_, until) in self._aside.items() if now < until]
        async with self._database.transaction() as connection:
            changed = await sources_store.list_changed(connection, aside, _SOURCES_AT_ONCE)
        for source in changed:
            if await ended_well(self._chunk(source), loop="chunks", source=str(source.id)):
                self._aside.pop(source.id, None)
            else:
                tries = self._aside.get(source.id, (0, 0.0))[0]
                self._aside[source.id] = tries + 1, asyncio.get_running_loop().time() + delay_s(tries)
        return bool(changed)

    async def _chunk(self, source: ChangedSource) -> None:
        async with self._database.transaction() as connection:
            facts, pieces = await self._load(connection, source)
        chunks = await asyncio.to_thread(self._chunks, facts, pieces)
        async with self._database.transaction() as connection:
            if not await sources_store.lock_unchanged(connection, source):
                return
            await chunks_store.replace_chunks(connection, source.id, chunks)
            await vectors_store.want_vectors_of(connection, source.id)
            await sources_store.mark_chunked(connection, source.id, facts, self._rules)
        self._vectors.wake()
        log.info("source_chunked", source=source.id, corpus=source.corpus, chunks=len(chunks))

    async def _load(self, connection: Connection, source: ChangedSource) -> tuple[Facts, list[Piece]]:
        """Load what the source is about, and cut it. A source that has lost its text has no pieces."""
        if source.corpus is Corpus.DOCUMENT:
            document = await sources_store.find_document(connection, source)
            name, text = document or ("", "")
            return Facts(document_name=name), await asyncio.to_thread(text_pieces, text)
        facts = await sources_store.load_facts(connection, source)
        if source.corpus is Corpus.REPORT:
            text = await sources_store.find_report_text(connection, source) or ""
            return facts, await asyncio.to_thread(report_pieces, text)
        if source.recording_id is None:
            return facts, []
        transcript = await transcripts_store.load_transcript(connection, source.recording_id)
        return facts, [] if transcript is None else await asyncio.to_thread(transcript_pieces, transcript)

    def _chunks(self, facts: Facts, pieces: list[Piece]) -> list[NewChunk]:
        return [self._chunk_of(piece, self._contexts.line(facts, piece.section)) for piece in pieces]

    def _chunk_of(self, piece: Piece, context: str) -> NewChunk:
        content = "\0".join((context, piece.text, *piece.roles))
        return NewChunk(
            text=piece.text,
            context=context,
            start=piece.start,
            end=piece.end,
            roles=piece.roles,
            lemmas=lemmas(f"{context}\n{piece.text}"),
            content_hash=sha256(content.encode()).hexdigest(),
        )

    async def _embed_some(self) -> bool:
        """Embed the chunks that are wanted most; tell whether there were any."""
        engine = await self._embeddings()
        if engine is None:
            return False
        current = await self._want(engine)
        engines = {current: engine}
        async with self._database.transaction() as connection:
            models = await vectors_store.list_models(connection)
        for former in models:
            if former.complete and (old := await self._engine_of(former.name)) is not None:
                engines.setdefault(former.id, old)
        async with self._database.transaction() as connection:
            wanted = await vectors_store.list_wanted(connection, list(engines), _VECTORS_AT_ONCE)
        if not wanted:
            return await self._complete(current)
        for model, used in engines.items():
            of_model = [each for each in wanted if each.model == model]
            if of_model:
                async with self._processor():
                    embedded = await _embedded(used, of_model)
                async with self._database.transaction() as connection:
                    await vectors_store.store_vectors(connection, model, embedded)
        return True

    async def _want(self, engine: Embeddings) -> ModelId:
        """Note, once in a run, that every chunk needs a vector by the engine's model; return its id."""
        if self._wanted is not None and self._wanted.name == engine.model:
            return self._wanted.id
        async with self._database.transaction() as connection:
            size = await vectors_store.find_size(connection, engine.model)
        if size and not engine.size:
            await engine.check()  # an endpoint tells its size with its first answer
        async with self._database.transaction() as connection:
            if size and size != engine.size:
                log.warning("model_of_another_size", model=engine.model, size=engine.size, former=size)
                await vectors_store.disown_model(connection, engine.model)
            model = await vectors_store.want_model(connection, engine.model)
        last = None if model.complete else ChunkId(0)
        while last is not None:
            async with self._database.transaction() as connection:
                last = await vectors_store.want_vectors(connection, model.id, last, _ROWS_AT_ONCE)
        self._wanted = model
        return model.id

    async def _complete(self, model: ModelId) -> bool:
        """Note that every chunk has a vector by this model, and drop those by others; tell whether there is more."""
        async with self._database.transaction() as connection:
            await vectors_store.mark_complete(connection, model)
            others = [each.id for each in await vectors_store.list_models(connection) if each.id != model]
            for other in others:
                await vectors_store.drop_vectors(connection, other, _ROWS_AT_ONCE)
        return bool(others)


async def _embedded(engine: Embeddings, wanted: Sequence[WantedVector]) -> list[EmbeddedChunk]:
    """Embed the lines of the chunks and, each once, their contexts."""
    lines = [lines_of(each.text) for each in wanted]
    contexts = list(dict.fromkeys(each.context for each in wanted))
    vectors = await engine.embed_passages([*contexts, *chain.from_iterable(lines)])
    of_context = dict(zip(contexts, vectors, strict=False))
    ends = list(accumulate(map(len, lines), initial=len(contexts)))
    embedded = []
    for each, its_lines, begin, end in zip(wanted, lines, ends, ends[1:], strict=False):
        vector = chunk_vector(its_lines, vectors[begin:end], of_context[each.context])
        embedded.append(EmbeddedChunk(each.chunk, vector, vectors[begin:end]))
    return embedded
