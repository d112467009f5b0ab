"""The knowledge base of a bot: its indexer, and its index, which follows what that makes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from application.endpoints import embeddings_endpoint
from application.parts import Application
from config import VectorIndexKind
from knowledge.indexer import Indexer
from knowledge.pgvector_index import make_ready

_PATIENCE_S = 15.0
"""How long the indexer waits while recordings hold all processors: what was said is to be found within a minute."""


class Knowledge:
    """The indexer of a bot, and the index of a bot or worker. Both work until they are cancelled."""

    def __init__(self, application: Application) -> None:
        settings, database, embeddings = application.settings, application.database, application.index.embeddings
        self.index = application.index
        self._database = database
        self._in_database = settings.vector_index is VectorIndexKind.PGVECTOR
        self._answers = settings.bot_takes_jobs
        self._processors = application.processors
        processor = self._spared if embeddings_endpoint(settings) is None else nullcontext
        self._indexer = Indexer(database, application.pack, embeddings.current, embeddings.of, processor)

    async def check(self) -> None:
        """Raise ``BadSettings`` when the index is to be in the database and the server cannot have it."""
        if self._in_database:
            async with self._database.transaction() as connection:
                await make_ready(connection)

    async def run(self) -> None:
        """Index until cancelled, and follow, unless workers answer all questions: then the bot holds no vectors."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._indexer.run())
            if self._answers:
                group.create_task(self.index.run())

    async def follow(self) -> None:
        """Follow until cancelled what the bot indexes."""
        await self.index.run()

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
