"""The vector index in use: it follows the vectors in the database, and changes to another model without a gap."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Never

import numpy as np
import structlog

from db import Database
from embeddings.port import Embeddings, Float32Array
from followers import Loop
from knowledge import vectors_store
from knowledge.values import Allowed, ChunkId, Neighbour
from knowledge.vector_index import Entries, VectorIndex
from knowledge.vectors_store import MadeVector, StoredModel

EngineOf = Callable[[str], Awaitable[Embeddings | None]]
"""Returns the engine with the model of this name; None when it cannot be had any more."""

log = structlog.get_logger(__name__)

_ROWS_AT_ONCE = 1000
_KEPT_EVERY_S = 60.0


class _Followed:
    """An index with the version of the last vector that it has, and with the point from which it has no removals."""

    def __init__(self, model: StoredModel, index: VectorIndex, version: int, since: str) -> None:
        self.model = model
        self.index = index
        self.version = version
        self._since = since
        self._removed: frozenset[ChunkId] = frozenset()
        self._size = 0

    async def follow(self, database: Database) -> None:
        """Take over what has changed in the database."""
        while True:
            async with database.transaction() as connection:
                made = await vectors_store.list_made(connection, self.model.id, self.version, _ROWS_AT_ONCE)
                removed, self._since = await vectors_store.list_removed(connection, self._since)
            if made:
                await self.index.add(await asyncio.to_thread(self._entries, made), made[-1].version)
                self.version = made[-1].version
            if new := frozenset(removed) - self._removed:
                await self.index.remove(new)
            self._removed = frozenset(removed)
            if len(made) < _ROWS_AT_ONCE:
                return

    def _entries(self, made: Sequence[MadeVector]) -> Entries:
        self._size = self._size or len(made[0].vector)
        fitting = [each for each in made if len(each.vector) == self._size]
        if len(fitting) < len(made):
            log.warning("vectors_of_another_size", model=self.model.name, count=len(made) - len(fitting))
        vectors = np.frombuffer(b"".join(each.vector for each in fitting), dtype=vectors_store.STORED_TYPE)
        return Entries(
            chunks=np.array([each.chunk_id for each in fitting], dtype=np.int64),
            sources=np.array([each.source_id for each in fitting], dtype=np.int64),
            vectors=vectors.reshape(len(fitting), -1).astype(np.float16),
        )


@dataclass(frozen=True)
class Look:
    """A question with its unit vector (size,), and the index by the same model, which has vectors up to ``version``."""

    model: StoredModel
    vector: Float32Array
    version: int
    index: VectorIndex

    async def nearest(self, allowed: Allowed, k: int) -> Sequence[Neighbour]:
        """Return the ``k`` chunks of allowed sources nearest to the question, the nearest first."""
        return await self.index.search(self.vector, allowed, k)


class KnowledgeIndex:
    """Finds the chunks nearest to a question.

    ``engine_of`` makes the vector of the question by the model of the index. While the vectors by a new model are made,
    the index of the former one answers, as long as its engine can be had.
    """

    def __init__(
        self, database: Database, engine_of: EngineOf, new_index: Callable[[StoredModel], VectorIndex]
    ) -> None:
        self._database = database
        self._engine_of = engine_of
        self._new_index = new_index
        self._followed: dict[int, _Followed] = {}
        self._in_use: _Followed | None = None
        self._kept_at = 0.0
        self.followed_at: datetime | None = None
        """When the index last had all that was in the database."""
        self._loop = Loop("knowledge_index")

    @property
    def model(self) -> str | None:
        """The name of the model that questions are embedded by; None while there is no index."""
        return None if self._in_use is None else self._in_use.model.name

    async def run(self) -> Never:
        """Follow the database until cancelled; then write down what a start would have to load again."""
        try:
            await self._loop.run(self.follow)
        finally:
            for each in self._followed.values():
                await each.index.keep()

    async def look(self, question: str) -> Look | None:
        """Embed a question; None while there is no index, and when embeddings are off.

        Raises:
            ProviderError, EngineFailed: the question could not be embedded.
        """
        used = self._in_use
        engine = None if used is None else await self._engine_of(used.model.name)
        if used is None or engine is None:
            return None
        [vector] = await engine.embed_questions([question])
        return Look(used.model, vector, used.version, used.index)

    async def nearest(self, question: str, allowed: Allowed, k: int) -> Sequence[Neighbour]:
        """Return the ``k`` chunks of allowed sources nearest to the question; [] when there is no ``look``.

        Raises:
            ProviderError, EngineFailed: the question could not be embedded.
            DatabaseUnavailable: the index is in the database.
        """
        look = await self.look(question)
        return [] if look is None else await look.nearest(allowed, k)

    async def follow(self) -> None:
        """Take over what has changed in the database, and choose the index that answers."""
        async with self._database.transaction() as connection:
            models = await vectors_store.list_models(connection)
        wanted = await self._wanted(models)
        for model in wanted:
            if model.id not in self._followed:
                self._followed[model.id] = await self._begun(model)
            self._followed[model.id].model = model
            await self._followed[model.id].follow(self._database)
        # Only now: the index that answers from here on has everything.
        self._in_use = self._followed[wanted[0].id] if wanted else None
        for gone in set(self._followed) - {model.id for model in wanted}:
            await self._followed.pop(gone).index.drop()
        self.followed_at = datetime.now(UTC)
        now = asyncio.get_running_loop().time()
        if now - self._kept_at >= _KEPT_EVERY_S:
            self._kept_at = now
            for each in self._followed.values():
                await each.index.keep()

    async def _wanted(self, models: Sequence[StoredModel]) -> list[StoredModel]:
        """Return the model that answers now and, if that is another one, the model that will."""
        if not models or models[0].complete:
            return list(models[:1])
        for former in models[1:]:
            if former.complete and await self._engine_of(former.name) is not None:
                return [former, models[0]]
        return [models[0]]

    async def _begun(self, model: StoredModel) -> _Followed:
        index = self._new_index(model)
        async with self._database.transaction() as connection:
            since = await vectors_store.removals_from_now(connection)
            version = await index.begin(connection)
        return _Followed(model, index, version, since)
