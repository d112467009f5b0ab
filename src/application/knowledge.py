"""The knowledge base of a bot: its indexer, its index, and the engines that make vectors for both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace

import structlog

from application.engines import EnginePool, embeddings_endpoint, make_embeddings
from application.parts import Application
from config import Settings, VectorIndexKind
from embeddings.port import Embeddings
from errors import BadSettings
from knowledge.index_cache import IndexCache
from knowledge.indexer import Indexer
from knowledge.knowledge_index import KnowledgeIndex
from knowledge.memory_index import MemoryIndex
from knowledge.pgvector_index import PgvectorIndex, make_ready
from knowledge.vector_index import VectorIndex
from knowledge.vectors_store import StoredModel

log = structlog.get_logger(__name__)

_FOLDER = "rag"
_PATIENCE_S = 15.0
"""How long the indexer waits while recordings hold all processors: what was said is to be found within a minute."""


class EmbeddingsByModel:
    """The engines of embeddings: the one in use, and those whose models chunks have vectors of from before.

    A former engine can be had when it ran on this machine and its package is the same, or when it was another model of
    the endpoint in use.
    """

    def __init__(self, settings: Settings, engines: EnginePool) -> None:
        self._endpoint = embeddings_endpoint(settings)
        self._engines = engines
        self._former: dict[str, Embeddings | None] = {}
        self._making = asyncio.Lock()
        self._is_missing = False

    async def current(self) -> Embeddings | None:
        """Return the engine in use; None while embeddings are off or not installed."""
        try:
            return await self._engines.embeddings()
        except BadSettings as exc:
            if not self._is_missing:
                self._is_missing = True
                log.warning("no_embeddings", reason=str(exc))
            return None

    async def of(self, model: str) -> Embeddings | None:
        """Return the engine with this model; None when it cannot be had, and while embeddings are off."""
        current = await self.current()
        if current is None or current.model == model:
            return current
        async with self._making:
            if model not in self._former:
                self._former[model] = await self._made(model)
            return self._former[model]

    async def close(self) -> None:
        """Close the former engines."""
        for engine in filter(None, self._former.values()):
            await engine.close()

    async def _made(self, model: str) -> Embeddings | None:
        name, _, place = model.rpartition("@")
        endpoint = self._endpoint
        at_endpoint = replace(endpoint, model=name) if endpoint is not None and endpoint.provider == place else None
        try:
            engine = await asyncio.to_thread(make_embeddings, at_endpoint)
        except BadSettings:
            return None
        if engine.model == model:
            return engine
        await engine.close()
        return None


class Knowledge:
    """The indexer of a bot, and the index of a bot or worker. Both work until they are cancelled."""

    def __init__(self, application: Application) -> None:
        settings, engines, database = application.settings, application.engines, application.database
        self._embeddings = EmbeddingsByModel(settings, engines)
        self._folder = settings.persistent_dir / _FOLDER
        self.index = KnowledgeIndex(database, self._embeddings.of, self._new_index)
        self._database = database
        self._in_database = settings.vector_index is VectorIndexKind.PGVECTOR
        self._answers = settings.bot_takes_jobs
        self._processors = application.processors
        processor = self._spared if embeddings_endpoint(settings) is None else nullcontext
        self._indexer = Indexer(database, application.pack, self._embeddings.current, self._embeddings.of, processor)

    async def check(self) -> None:
        """Raise ``BadSettings`` when the index is to be in the database and the server cannot have it."""
        if self._in_database:
            async with self._database.transaction() as connection:
                await make_ready(connection)

    async def run(self) -> None:
        """Index until cancelled, and follow, unless workers answer all questions: then the bot holds no vectors."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._indexer.run())
                if self._answers:
                    group.create_task(self.index.run())
        finally:
            await self._embeddings.close()

    async def follow(self) -> None:
        """Follow until cancelled what the bot indexes."""
        try:
            await self.index.run()
        finally:
            await self._embeddings.close()

    def _new_index(self, model: StoredModel) -> VectorIndex:
        if self._in_database:
            return PgvectorIndex(self._database, model.id)
        return MemoryIndex(model.id, IndexCache(self._folder, model.name))

    @asynccontextmanager
    async def _spared(self) -> AsyncIterator[None]:
        """Hold a processor, or none when recordings hold them all for too long."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._processors.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            self._processors.release()
