"""The archive set in a real database, indexed with the engine of the product, and asked as the bot asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import metadata_store
import recordings_store
import transcripts_store
from archive_set import ArchiveSet, Writing, load_archive_set
from chats.search import TranscriptSearch
from datamodels import Transcript, UserId, Visibility
from datamodels_chats import Passage
from db import Database
from default_pack import PACK
from embeddings.port import Embeddings
from knowledge import search_store
from knowledge.documents import Documents
from knowledge.knowledge_index import Look
from knowledge.ranking import Scored
from knowledge.retrieval import Asked, KnowledgeRetrieval, asked_in
from knowledge.search_store import Archive
from knowledge_world import KnowledgeWorld
from recordings_factory import add_user, new_recording
from retrieval_scores import Span

ROLES = frozenset(role.label for scenario in PACK.scenarios for role in scenario.roles)
_REPORT = (
    "INSERT INTO report_runs (id, recording_id, owner_id, scenario, report_id, input_hash, prompt_hash, model, status, "
    "passes_total, text) SELECT %s, id, owner_id, scenario, %s, '', '', '', 'done', 1, %s FROM recordings WHERE id = %s"
)


def _markdown(writing: Writing) -> str:
    return "\n".join(f"## {section.title}\n{section.text}" for section in writing.sections)


@dataclass(frozen=True)
class ArchiveWorld:
    """``names`` has the sources of the set by the ids of their recordings and documents."""

    set: ArchiveSet
    knowledge: KnowledgeWorld
    asker: UserId
    names: Mapping[UUID, str]
    retrieval: KnowledgeRetrieval

    @classmethod
    async def indexed(cls, database: Database, folder: Path, engine: Embeddings) -> "ArchiveWorld":
        """Store the set, and index it."""
        archive, world = load_archive_set(), KnowledgeWorld(database, folder, engine)
        names: dict[UUID, str] = {}
        ids = {}
        async with database.transaction() as connection:
            owner, asker = await add_user(connection), await add_user(connection)
            for each in archive.recordings:
                new = new_recording(owner).model_copy(update={"visibility": Visibility.TEAM})
                recording = await recordings_store.insert_recording(connection, new)
                await connection.execute(
                    "UPDATE recordings SET scenario = %s WHERE id = %s", (each.scenario, recording.id)
                )
                transcript = Transcript(
                    language="ru",
                    engine="e",
                    model="m",
                    duration_s=each.segments[-1].end,
                    speakers=2,
                    segments=each.segments,
                )
                await transcripts_store.save_transcript(connection, recording.id, transcript, each.source)
                await metadata_store.save_metadata(connection, recording.id, each.metadata)
                names[recording.id], ids[each.number] = each.source, recording.id
            for number, report in enumerate(archive.reports):
                values = (UUID(int=number + 1), report.report_id, _markdown(report), ids[report.recording])
                await connection.execute(_REPORT, values)
        for document in archive.documents:
            file = folder / f"{document.id}.md"
            file.write_text(_markdown(document), encoding="utf-8")
            loaded = await Documents(database).load(owner, file, f"{document.file_name}.md")
            async with database.transaction() as connection:
                rows = await connection.execute("SELECT id FROM documents WHERE number = %s", (loaded.number,))
                names |= {row["id"]: document.id async for row in rows}
        await world.catch_up()
        await world.indexer.embed()  # now that all are there, the model is complete
        await world.index.follow()
        retrieval = KnowledgeRetrieval(database, PACK, world.index, TranscriptSearch(database, PACK))
        return cls(archive, world, asker, names, retrieval)

    async def asked(self, question: str, before: Sequence[str] = ()) -> tuple[Asked, Archive, Look]:
        async with self.knowledge.database.transaction() as connection:
            archive = await search_store.load_archive(connection, self.asker)
        asked = asked_in(question, before, archive.known, ROLES)
        look = await self.knowledge.index.look(asked.text)
        assert look is not None
        return asked, archive, look

    def span_of_chunk(self, scored: Scored) -> Span:
        """Where the chunk is in the set: of reports and documents the sections that it has the most of."""
        chunk = scored.chunk
        if chunk.start is not None and chunk.end is not None and chunk.recording_id is not None:
            return Span(source=self.names[chunk.recording_id], start=chunk.start, end=chunk.end)
        return self._span_of_writing(chunk.recording_id or chunk.document_id, chunk.text, chunk.report is not None)

    def span_of(self, passage: Passage) -> Span:
        """Where the passage is in the set."""
        source = passage.source
        if source.section is None and source.recording_id is not None:
            return Span(source=self.names[source.recording_id], start=source.start, end=source.end)
        text = "\n".join(line.text for line in passage.lines)
        return self._span_of_writing(source.recording_id or source.document_id, text, source.document_id is None)

    def _span_of_writing(self, key: UUID | None, text: str, is_report: bool) -> Span:
        assert key is not None
        name = self.names[key]
        writings: list[Writing] = [
            each for each in self.set.reports if is_report and f"recording-{each.recording}" == name
        ]
        writings = writings or [each for each in self.set.writings if each.id == name]
        flat = " ".join(text.split())
        for writing in writings:
            found = [
                place
                for place, section in enumerate(writing.sections)
                if " ".join(section.text.split())[:80] in flat or flat[:80] in " ".join(section.text.split())
            ]
            if found:
                return Span(source=writing.id, start=found[0], end=found[-1] + 1)
        return Span(source=name, start=0.0, end=0.5)
