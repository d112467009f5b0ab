"""What a person has, put together into one file: a REFI-QDA project, or an archive of everything."""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from psycopg.rows import DictRow

import chat_history
import metadata_store
import recordings_store
import reports_store
import texts.metadata
import texts.takeout
import transcripts_store
import users_store
from datamodels import Recording, RecordingMetadata, ReportId, ReportRun, RunStatus, Transcript, UserId
from datamodels_chats import Turn
from db import Connection, Database
from errors import NotFound, OriginalGone
from metadata.parsing import metadata_lines
from prompt_pack.models import ReportPack
from recordings.lookup import is_ready
from reports.across.subjects import subjects_of
from reports.documents import document_of, document_of_research
from reports.formats import ReportDocument, to_json, to_markdown
from reports.takeout.refi_qda import Case, Project, codings_of
from reports.takeout.store import list_items
from reports.titles import report_title
from reports.word import OWN_TEMPLATE, to_docx
from system.local_time import local
from text_cleaning import cut, safe_file_name
from transcript_formats import TRANSCRIPT_FORMATS
from utils import disk_full_mapped

OnDone = Callable[[int, int], Awaitable[None]]
"""Hears how many of the recordings are in the file, and how many there are."""
TAKEOUTS = ("zip", "qdpx")
"""What can be taken along, by the extension of its file."""
_AT_ONCE = 50
_LONGEST_STEM = 80
_TRANSCRIPTS = ("txt", "docx", "json")
"""The forms of a transcript that the archive has; every other can be made from them."""


async def _no_matter(done: int, total: int) -> None:
    """Nobody wants to know how far it is."""


class Originals(Protocol):
    """Fetches the files that people sent."""

    async def get(self, recording: Recording, path: Path) -> None: ...


@dataclass(frozen=True)
class _Owned:
    """A recording that has a transcript, with all that belongs to it."""

    recording: Recording
    metadata: RecordingMetadata
    transcript: Transcript
    runs: Sequence[ReportRun]
    items: Mapping[ReportId, Mapping[str, Any]]
    """By report: the items of the latest finished run, by pass."""


class Contents(NamedTuple):
    """What a person has: recordings that have a transcript, and whether there is anything besides."""

    transcripts: int
    has_more: bool


class Takeout:
    """Writes what a person has into files; nobody gets what is another's.

    ``template`` is what reports look like as Word files; ``now`` returns the time.
    """

    def __init__(
        self,
        database: Database,
        pack: ReportPack,
        template: Path = OWN_TEMPLATE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._pack = pack
        self._template = template
        self._now = now

    async def contents(self, owner: UserId) -> Contents:
        """Tell what there is to take along."""
        async with self._database.transaction() as connection:
            transcripts = await transcripts_store.count_transcripts(connection, owner)
            asked = (await chat_history.figures(connection, owner, None)).questions
            research = _research_among(await reports_store.list_named(connection, owner))
        return Contents(transcripts, has_more=bool(asked or research))

    async def write(
        self,
        owner: UserId,
        extension: str,
        path: Path,
        originals: Originals | None = None,
        on_done: OnDone = _no_matter,
    ) -> int:
        """Write the file at ``path``; with ``originals`` the archive has the sound, too.

        Returns:
            How many quotes of reports are not in their transcripts any more, and so in no coding.

        Raises:
            NotFound: there is nothing of this extension.
            DiskFull: no space left.
            DatabaseUnavailable, ObjectStoreUnavailable, MessengerUnavailable: not possible now.
        """
        if extension not in TAKEOUTS:
            raise NotFound(what=f"takeout as {extension}")
        with disk_full_mapped(path):
            if extension == "qdpx":
                return await self._qdpx(owner, path, on_done)
            return await self._archive(owner, path, originals, on_done)

    async def _qdpx(self, owner: UserId, path: Path, on_done: OnDone) -> int:
        async with self._database.transaction() as connection:
            person = await users_store.find_name(connection, owner)
        project = await asyncio.to_thread(Project, path, person, self._now())
        try:
            async for owned in self._owned(owner, on_done):
                await asyncio.to_thread(self._add_case, project, owned)
            await asyncio.to_thread(project.finish)
        finally:
            await asyncio.to_thread(project.close)
        return project.lost

    def _add_case(self, project: Project, owned: _Owned) -> None:
        project.add(self._case(owned))

    def _case(self, owned: _Owned) -> Case:
        recording, metadata = owned.recording, owned.metadata
        stem = Path(recording.file_name).stem
        known: dict[str, str | date | None] = {
            texts.metadata.DATE: metadata.recorded_on,
            texts.metadata.PLACE: metadata.place,
            texts.metadata.CITY: metadata.city,
            texts.metadata.BUILDING: texts.metadata.BUILDINGS[metadata.building] if metadata.building else None,
            texts.metadata.EMPLOYEE: metadata.employee,
            texts.metadata.CLIENT: metadata.client,
            texts.metadata.ZONE: ", ".join(metadata.zones) or None,
        }
        quotes = [
            quote
            for subject in subjects_of(self._pack)
            for quote in codings_of(owned.items.get(subject.report_id, {}).get(subject.pass_id, ()), subject)
        ]
        return Case(
            id=recording.id,
            name=texts.takeout.FOLDER.format(number=recording.number, stem=stem),
            came=recording.created_at,
            text=TRANSCRIPT_FORMATS["txt"].write(owned.transcript, recording.file_name).decode(),
            facts={name: value for name, value in known.items() if value is not None},
            quotes=quotes,
        )

    async def _archive(self, owner: UserId, path: Path, originals: Originals | None, on_done: OnDone) -> int:
        with await asyncio.to_thread(zipfile.ZipFile, path, "w", zipfile.ZIP_DEFLATED) as archive:
            async for owned in self._owned(owner, on_done):
                await asyncio.to_thread(self._add, archive, owned)
                if originals is not None:
                    await _add_sound(archive, owned.recording, originals, path.with_name(f"{path.name}.sound"))
            async for run, question in self._research(owner):
                await asyncio.to_thread(self._add_research, archive, run, question)
            if said := await self._chats(owner):
                await asyncio.to_thread(archive.writestr, texts.takeout.CHATS, said)
        return 0

    def _add(self, archive: zipfile.ZipFile, owned: _Owned) -> None:
        recording, folder = owned.recording, _folder(owned.recording)
        lines = metadata_lines(owned.metadata)
        archive.writestr(f"{folder}/{texts.takeout.ABOUT}", "\n".join([recording.file_name, *lines]) + "\n")
        for extension in _TRANSCRIPTS:
            content = TRANSCRIPT_FORMATS[extension].write(owned.transcript, recording.file_name)
            archive.writestr(f"{folder}/{texts.takeout.TRANSCRIPT}.{extension}", content)
        for run in owned.runs:
            document = document_of(run, recording, owned.metadata, self._pack)
            self._add_report(archive, f"{folder}/{_report_name(run, document.title)}", run, document)

    def _add_research(self, archive: zipfile.ZipFile, run: ReportRun, question: str) -> None:
        document = document_of_research(run, self._pack.label_of(run.report_id), [question])
        name = _report_name(run, report_title(document.title, None, None, cut(question, _LONGEST_STEM)))
        self._add_report(archive, f"{texts.takeout.RESEARCH}/{name}", run, document)

    def _add_report(self, archive: zipfile.ZipFile, path: str, run: ReportRun, document: ReportDocument) -> None:
        archive.writestr(f"{path}.md", to_markdown(document).encode(errors="replace"))
        archive.writestr(f"{path}.docx", to_docx(document, self._template))
        archive.writestr(f"{path}.json", to_json(run, document.title).encode(errors="replace"))

    async def _owned(self, owner: UserId, on_done: OnDone) -> AsyncIterator[_Owned]:
        """Yield the recordings that have a transcript, the newest first; each is read by itself.

        What comes meanwhile is left out, and what is deleted meanwhile, too: pages would shift, and have one twice.
        """
        async with self._database.transaction() as connection:
            count = await recordings_store.count_recordings(connection, owner, None)
            recordings = await recordings_store.list_recordings(connection, owner, None, count, 0)
        for done, recording in enumerate(recordings):
            await on_done(done, count)
            async with self._database.transaction() as connection:
                owned = await _load(connection, recording)
            if owned is not None:
                yield owned
        await on_done(count, count)

    async def _research(self, owner: UserId) -> AsyncIterator[tuple[ReportRun, str]]:
        """Yield the research in the person's archive of reports, each with its question."""
        async with self._database.transaction() as connection:
            rows = _research_among(await reports_store.list_named(connection, owner))
        for row in rows:
            async with self._database.transaction() as connection:
                run = await reports_store.find_by_number(connection, owner, row["number"])
            if run is not None:
                yield run, row["recording_file_name"] or ""

    async def _chats(self, owner: UserId) -> str:
        blocks: list[str] = []
        async with self._database.transaction() as connection:
            chats = await chat_history.list_chats(connection, owner, await chat_history.count_chats(connection, owner))
        for chat in sorted(chats, key=lambda each: each.number):
            blocks.append(texts.takeout.CHAT.format(number=chat.number, title=chat.title or "").rstrip(" ."))
            after = 0
            while turns := await self._turns(owner, chat.number, after):
                for turn in turns:
                    blocks.append(texts.takeout.ASKED.format(time=local(turn.asked_at), question=turn.question))
                    blocks.append(turn.answer or texts.takeout.NO_ANSWER)
                after = turns[-1].question_id
        return "\n\n".join(blocks) + "\n" if blocks else ""

    async def _turns(self, owner: UserId, number: int, after: int) -> Sequence[Turn]:
        async with self._database.transaction() as connection:
            with suppress(NotFound):
                return await chat_history.list_turns(connection, owner, number, after=after, limit=_AT_ONCE)
        return ()


async def _load(connection: Connection, recording: Recording) -> _Owned | None:
    transcript = await transcripts_store.load_transcript(connection, recording.id)
    if transcript is None:
        return None
    runs = [run for run in await reports_store.list_runs(connection, recording.id) if run.status is RunStatus.DONE]
    return _Owned(
        recording=recording,
        metadata=await metadata_store.load_metadata(connection, recording.id),
        transcript=transcript,
        runs=runs,
        items=await list_items(connection, recording.id),
    )


def _research_among(rows: Sequence[DictRow]) -> list[DictRow]:
    """Return the rows of finished research, of those that ``reports_store.list_named`` loads."""
    return [row for row in rows if row["number"] is not None and row["recording_number"] is None]


def _report_name(run: ReportRun, title: str) -> str:
    return safe_file_name(title if run.number is None else f"№{run.number} {title}")


async def _add_sound(archive: zipfile.ZipFile, recording: Recording, originals: Originals, path: Path) -> None:
    kind = texts.takeout.SENT_TRANSCRIPT if is_ready(recording) else texts.takeout.SOUND
    name = f"{_folder(recording)}/{kind}.{recording.extension}"
    try:
        with suppress(OriginalGone):
            await originals.get(recording, path)
            await asyncio.to_thread(archive.write, path, name, zipfile.ZIP_STORED)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _folder(recording: Recording) -> str:
    stem = cut(Path(recording.file_name).stem, _LONGEST_STEM)
    return safe_file_name(texts.takeout.FOLDER.format(number=recording.number, stem=stem))
