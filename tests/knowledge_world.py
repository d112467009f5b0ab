"""A knowledge base for tests: a real database, an engine of embeddings, the indexer and the index that follows it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from uuid import uuid4

import metadata_store
import recordings_store
import transcripts_store
from datamodels import (
    Recording,
    RecordingId,
    RecordingMetadata,
    Segment,
    Transcript,
    UserId,
    Visibility,
)
from db import Database
from default_pack import PACK
from embeddings.port import Embeddings
from knowledge import chunks_store, search_store
from knowledge.chunks_store import FoundChunk
from knowledge.index_cache import IndexCache
from knowledge.indexer import Indexer
from knowledge.knowledge_index import KnowledgeIndex
from knowledge.memory_index import MemoryIndex
from knowledge.vectors_store import StoredModel
from recordings_factory import add_user, new_recording

METADATA = RecordingMetadata(
    audio_number=17,
    recorded_on=date(2026, 11, 3),
    employee="Иванов Иван",
    client="Петрова Анна",
    place="Заря",
    city="Казань",
)


def transcript(*said: tuple[str, str]) -> Transcript:
    """Utterances with their roles, ten seconds each."""
    segments = tuple(
        Segment(start=10.0 * at, end=10.0 * at + 9, text=text, speaker=f"S{1 + (role == 'Клиент')}", role=role)
        for at, (role, text) in enumerate(said)
    )
    return Transcript(language="ru", engine="e", model="m", duration_s=10.0 * len(said), speakers=2, segments=segments)


class KnowledgeWorld:
    """The indexer and the index, which work when the test says so."""

    def __init__(self, database: Database, folder: Path, embeddings: Embeddings | None, *former: Embeddings) -> None:
        self.database = database
        self.folder = folder
        self.embeddings = embeddings
        self.former = {each.model: each for each in former}
        self.indexer = Indexer(database, PACK, self._current, self._of)
        self.index = KnowledgeIndex(database, self._of, self._new_index)

    async def _current(self) -> Embeddings | None:
        return self.embeddings

    async def _of(self, model: str) -> Embeddings | None:
        if self.embeddings is None or model == self.embeddings.model:
            return self.embeddings
        return self.former.get(model)

    def _new_index(self, model: StoredModel) -> MemoryIndex:
        return MemoryIndex(model.id, IndexCache(self.folder, model.name))

    async def catch_up(self) -> None:
        """Do all that the followers would do."""
        await self.indexer.chunk()
        await self.indexer.embed()
        await self.index.follow()

    async def new_person(self) -> UserId:
        async with self.database.transaction() as connection:
            return await add_user(connection)

    async def has_recording(
        self,
        owner: UserId,
        *said: tuple[str, str],
        metadata: RecordingMetadata = METADATA,
        visibility: Visibility = Visibility.TEAM,
    ) -> Recording:
        """Store a recording of the owner with its transcript and metadata."""
        new = new_recording(owner).model_copy(update={"visibility": visibility})
        async with self.database.transaction() as connection:
            recording = await recordings_store.insert_recording(connection, new)
            await transcripts_store.save_transcript(connection, recording.id, transcript(*said), uuid4().hex)
            await metadata_store.save_metadata(connection, recording.id, metadata)
        return recording

    async def finds(self, asker: UserId, question: str, k: int = 3) -> list[FoundChunk]:
        """What the person finds, the nearest first."""
        async with self.database.transaction() as connection:
            archive = await search_store.load_archive(connection, asker)
        neighbours = await self.index.nearest(question, archive.sources, k)
        async with self.database.transaction() as connection:
            found = await chunks_store.load_found(connection, [each.chunk for each in neighbours])
        return [found[each.chunk] for each in neighbours if each.chunk in found]

    async def chunks_of(self, recording: RecordingId) -> list[FoundChunk]:
        """All chunks of a recording, in their order."""
        async with self.database.transaction() as connection:
            rows = await connection.execute(
                "SELECT chunks.id FROM chunk_sources JOIN chunks ON source_id = chunk_sources.id "
                "WHERE recording_id = %s",
                (recording,),
            )
            found = await chunks_store.load_found(connection, [row["id"] async for row in rows])
        return sorted(found.values(), key=lambda each: (each.corpus, each.position))


@asynccontextmanager
async def closing(*engines: Embeddings) -> AsyncIterator[Sequence[Embeddings]]:
    """Close the engines after the block."""
    try:
        yield engines
    finally:
        for each in engines:
            await each.close()
