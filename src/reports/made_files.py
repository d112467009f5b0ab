"""Transcripts and reports as files in any form, made when somebody asks for them, and reports as documents."""

import asyncio
from pathlib import Path
from typing import NamedTuple

import metadata_store
import recordings_store
import reports_store
import transcripts_store
from datamodels import Recording, RecordingId, ReportRun, ReportRunId, Transcript, UserId
from db import Database
from errors import NotFound
from prompt_pack.models import ReportPack
from reports.documents import document_of, document_of_research
from reports.formats import ReportDocument, to_json, to_markdown
from reports.pdf import to_pdf
from reports.research.store import find_order
from reports.titles import report_title
from reports.word import template_in, to_docx
from transcript_formats import TRANSCRIPT_FORMATS


class MadeReport(NamedTuple):
    """A report with what it says; ``recording`` is None for a research."""

    run: ReportRun
    recording: Recording | None
    document: ReportDocument
    title: str


class MadeFiles:
    """Makes files for their owners. ``persistent_dir`` may have a template of reports, see ``reports.word``."""

    def __init__(self, database: Database, pack: ReportPack, persistent_dir: Path) -> None:
        self._database = database
        self._pack = pack
        self._persistent_dir = persistent_dir

    async def transcript(self, owner: UserId, recording_id: RecordingId, extension: str) -> tuple[bytes, Recording]:
        """Return the transcript of a recording as a file.

        Raises:
            NotFound: the owner has no such recording, it has no transcript, or there is no such form.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_recording(connection, owner, recording_id)
            transcript = await transcripts_store.load_transcript(connection, recording_id)
        if transcript is None:
            raise NotFound(what=f"transcript of {recording_id}")
        return await asyncio.to_thread(_transcript_file, transcript, recording.file_name, extension), recording

    async def report(self, owner: UserId, run_id: ReportRunId, extension: str) -> tuple[bytes, MadeReport]:
        """Return a report as a file.

        Raises:
            NotFound: the owner has no such report, or there is no such form.
        """
        made = await self.document(owner, run_id)
        return await asyncio.to_thread(_report_file, made, extension, self._persistent_dir), made

    async def document(self, owner: UserId, run_id: ReportRunId) -> MadeReport:
        """Return a report as a document.

        Raises:
            NotFound: the owner has no such report.
        """
        async with self._database.transaction() as connection:
            run = await reports_store.get_run(connection, run_id)
            if run.owner_id != owner:
                raise NotFound(what=f"report {run_id} of {owner}")
            label = self._pack.label_of(run.report_id)
            if run.recording_id is None:
                order = await find_order(connection, run_id)
                question = order.question if order else ""
                document = document_of_research(run, label, [question])
                return MadeReport(run, None, document, report_title(label, None, None, question))
            recording = await recordings_store.get_recording(connection, owner, run.recording_id)
            metadata = await metadata_store.load_metadata(connection, recording.id)
        title = report_title(label, metadata.place, metadata.recorded_on, Path(recording.file_name).stem)
        return MadeReport(run, recording, document_of(run, recording, metadata, self._pack), title)


def _transcript_file(transcript: Transcript, title: str, extension: str) -> bytes:
    if extension not in TRANSCRIPT_FORMATS:
        raise NotFound(what=f"transcript as {extension}")
    return TRANSCRIPT_FORMATS[extension].write(transcript, title)


def _report_file(made: MadeReport, extension: str, persistent_dir: Path) -> bytes:
    document = made.document
    forms = {
        "md": lambda: to_markdown(document).encode(errors="replace"),
        "docx": lambda: to_docx(document, template_in(persistent_dir)),
        "pdf": lambda: to_pdf(document),
        "json": lambda: to_json(made.run, document.title).encode(errors="replace"),
    }
    if extension not in forms:
        raise NotFound(what=f"report as {extension}")
    return forms[extension]()
