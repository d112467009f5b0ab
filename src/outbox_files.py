"""The files of the outbox, made when they are sent: transcripts and reports in every form, and the originals."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import recordings_store
import recordings_store_transcripts
import reports_store
from datamodels import Recording, RecordingId, RecordingMetadata, ReportRun, ReportRunId, Transcript, UserId
from datamodels_telegram import FileReference, FileSource
from db import Database
from errors import NotFound
from markups_cards import report_labels
from markups_results import report_file_name, transcript_file_name
from metadata import metadata_lines
from minio_manager import ObjectStore
from prompt_pack_models import ReportPack
from report_formats import to_docx as report_to_docx
from report_formats import to_json as report_to_json
from report_formats import to_markdown as report_to_markdown
from transcript_formats import to_docx, to_json, to_srt, to_txt, to_vtt
from utils import disk_full_mapped, safe_file_name


class OutboxFiles:
    """Makes files. ``spool`` takes originals on their way."""

    def __init__(self, database: Database, objects: ObjectStore, pack: ReportPack, spool: Path) -> None:
        self._database = database
        self._objects = objects
        self._labels = report_labels(pack)
        self._folder = spool / "outgoing"

    async def clear(self) -> None:
        """Remove what a killed process has left; nothing may be in the making."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    @asynccontextmanager
    async def made(self, owner: UserId, file: FileReference) -> AsyncIterator[tuple[bytes | Path, str]]:
        """Give a file's content and name during the block.

        Raises:
            NotFound: the owner has no such recording or report, or it has no such form.
            ObjectStoreUnavailable, DatabaseUnavailable, DiskFull: it could not be made now.
        """
        if file.source is FileSource.RECORDING:
            recording = await self._recording(owner, RecordingId(file.subject))
            path = self._folder / uuid4().hex
            try:
                with disk_full_mapped(path):
                    await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
                await self._objects.get_file(recording.object_key, path)
                yield path, safe_file_name(recording.file_name)
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)
        elif file.source is FileSource.TRANSCRIPT:
            yield await self._transcript(owner, RecordingId(file.subject), file.extension)
        else:
            yield await self._report(owner, ReportRunId(file.subject), file.extension)

    async def _recording(self, owner: UserId, recording_id: RecordingId) -> Recording:
        async with self._database.transaction() as connection:
            return await recordings_store.get_recording(connection, owner, recording_id)

    async def _transcript(self, owner: UserId, recording_id: RecordingId, extension: str) -> tuple[bytes, str]:
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_recording(connection, owner, recording_id)
            transcript = await recordings_store_transcripts.load_transcript(connection, recording_id)
        if transcript is None:
            raise NotFound(what=f"transcript of {recording_id}")
        content = await asyncio.to_thread(_transcript_file, transcript, recording.file_name, extension)
        return content, transcript_file_name(recording, extension)

    async def _report(self, owner: UserId, run_id: ReportRunId, extension: str) -> tuple[bytes, str]:
        async with self._database.transaction() as connection:
            run = await reports_store.get_run(connection, run_id)
            recording = await recordings_store.get_recording(connection, owner, run.recording_id)
            metadata = await recordings_store.load_metadata(connection, recording.id) or RecordingMetadata()
        label = self._labels.get(run.report_id, run.report_id)
        about = [recording.file_name, *metadata_lines(metadata)]
        content = await asyncio.to_thread(_report_file, run, label, about, extension)
        return content, report_file_name(recording, label, extension)


def _transcript_file(transcript: Transcript, title: str, extension: str) -> bytes:
    forms = {
        "txt": lambda: to_txt(transcript, title),
        "docx": lambda: to_docx(transcript, title),
        "srt": lambda: to_srt(transcript),
        "vtt": lambda: to_vtt(transcript),
        "json": lambda: to_json(transcript),
    }
    if extension not in forms:
        raise NotFound(what=f"transcript as {extension}")
    return forms[extension]()


def _report_file(run: ReportRun, label: str, about: list[str], extension: str) -> bytes:
    text = run.text or ""
    notes = [*run.warnings, *([run.indices_error] if run.indices_error else [])]
    forms = {
        "md": lambda: report_to_markdown(label, about, text, run.indices, notes).encode(errors="replace"),
        "docx": lambda: report_to_docx(label, about, text, run.indices, notes),
        "json": lambda: report_to_json(run, label).encode(errors="replace"),
    }
    if extension not in forms:
        raise NotFound(what=f"report as {extension}")
    return forms[extension]()
