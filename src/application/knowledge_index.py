"""The index that questions are asked of, and the engines that make vectors for it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from application.endpoints import Endpoint, embeddings_endpoint
from application.engines import EnginePool, make_embeddings
from config import Settings, VectorIndexKind
from db import Database
from embeddings.port import Embeddings
from errors import BadSettings
from knowledge.index_cache import IndexCache
from knowledge.knowledge_index import KnowledgeIndex
from knowledge.memory_index import MemoryIndex
from knowledge.pgvector_index import PgvectorIndex
from knowledge.reranking import EndpointReranker, Reranker
from knowledge.vector_index import VectorIndex
from knowledge.vectors_store import StoredModel

log = structlog.get_logger(__name__)

_FOLDER = "rag"


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


class IndexWithEngines(KnowledgeIndex):
    """The index of an application, with the engines that make vectors for it, and the one that orders what is found."""

    def __init__(
        self,
        database: Database,
        embeddings: EmbeddingsByModel,
        new_index: Callable[[StoredModel], VectorIndex],
        reranker: Reranker | None,
    ) -> None:
        super().__init__(database, embeddings.of, new_index)
        self.embeddings = embeddings
        self.reranker = reranker

    async def close(self) -> None:
        """Close the reranker, and the former engines of embeddings."""
        await self.embeddings.close()
        if self.reranker is not None:
            await self.reranker.close()


def reranker_endpoint(settings: Settings) -> Endpoint | None:
    """Return the endpoint that reranks; None without one. Its model may be "": some servers have only one.

    Raises:
        BadSettings: the address is missing beside a key or a model.
    """
    base_url, key = settings.reranker_base_url, settings.reranker_api_key
    if base_url is None and key is None and settings.reranker_model is None:
        return None
    if base_url is None:
        raise BadSettings(names="RERANKER_BASE_URL")
    return Endpoint(base_url, key.get_secret_value() if key else "", settings.reranker_model or "")


def make_reranker(settings: Settings) -> EndpointReranker | None:
    """Make the reranker of the settings; None without one.

    Raises:
        BadSettings: as ``reranker_endpoint``.
    """
    endpoint = reranker_endpoint(settings)
    if endpoint is None:
        return None
    return EndpointReranker(endpoint.base_url, endpoint.api_key, endpoint.model, endpoint.provider)


def make_index(settings: Settings, database: Database, engines: EnginePool) -> IndexWithEngines:
    """Return the index of the settings. It is empty until it follows the database.

    Raises:
        BadSettings: the reranker's address is wrong or missing.
    """

    def new_index(model: StoredModel) -> VectorIndex:
        if settings.vector_index is VectorIndexKind.PGVECTOR:
            return PgvectorIndex(database, model.id)
        return MemoryIndex(model.id, IndexCache(settings.persistent_dir / _FOLDER, model.name))

    return IndexWithEngines(database, EmbeddingsByModel(settings, engines), new_index, make_reranker(settings))
