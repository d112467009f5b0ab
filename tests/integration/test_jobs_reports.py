"""The step of a report beside a cancellation: file and row are there together, or neither is."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

import reports_store
import transcripts_store
from config import ROOT
from datamodels import NewReportFile, Recording, ReportRun, ReportRunId, RunStatus, Segment, Transcript, UserId
from db import Database
from errors import Cancelled, DiskFull
from jobs.context import Engines, JobContext
from jobs.reports import ReportSteps
from language_model.port import LanguageModel
from md_storage import ReportFiles
from object_store import ObjectStore
from openai_answers import SENTENCES, chat_answer
from prompt_pack.pack import load_pack
from recordings.originals import Originals
from recordings_factory import add_recording
from reports.archive import ReportArchive
from reports.orders import ReportOrders
from scripted_model import Call, ScriptedModel

PACK = load_pack(ROOT / "prompts")


def answer(call: Call) -> str:
    return str(chat_answer([message.model_dump() for message in call.messages], None))


class OneModel:
    """Engines of which only the language model is there."""

    async def language_model(self) -> LanguageModel:
        return ScriptedModel(lambda call: answer(call) if call.schema is None else {})


class SlowFiles(ReportFiles):
    """Report files that let the test act while a report is being saved."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def save(self, owner: UserId, entry: NewReportFile, text: str) -> int:
        self.begun.set()
        await self.may_end.wait()
        return await super().save(owner, entry, text)


@pytest.fixture
def files(tmp_path: Path) -> SlowFiles:
    return SlowFiles(tmp_path)


@pytest.fixture
def steps(shared_database: Database, files: SlowFiles) -> ReportSteps:
    nothing, engines = cast("ObjectStore", None), cast("Engines", OneModel())
    context = JobContext(shared_database, nothing, cast("Originals", None), PACK, engines, Path(), Path())
    return ReportSteps(context, files, ReportArchive(shared_database, files, PACK))


@pytest.fixture
async def recording(shared_database: Database) -> Recording:
    segments = tuple(
        Segment(start=8 * number, end=8 * number + 7, text=text, speaker="S1", role="Клиент")
        for number, text in enumerate(SENTENCES)
    )
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=96, speakers=1, segments=segments)
    async with shared_database.transaction() as connection:
        recording = await add_recording(connection)
        await transcripts_store.save_transcript(connection, recording.id, transcript, "hash")
    return recording


@pytest.fixture
async def run(shared_database: Database, recording: Recording) -> ReportRunId:
    async def enqueue(*_: object) -> None:
        return None

    async def stop(*_: object) -> bool:
        return False

    orders = ReportOrders(shared_database, PACK, OneModel().language_model, enqueue, stop)
    [run] = await orders.order_chosen(recording.owner_id, recording.id, [PACK.report("report_int_methodology")], None)
    return run


async def get_run(database: Database, run: ReportRunId) -> ReportRun:
    async with database.transaction() as connection:
        return await reports_store.get_run(connection, run)


async def cancel(database: Database, run: ReportRunId) -> None:
    async with database.transaction() as connection:
        assert await reports_store.cancel_runs(connection, [run]) == [run]


async def test_a_report_that_was_cancelled_while_it_was_saved_leaves_no_file(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, recording: Recording, run: ReportRunId
) -> None:
    writing = asyncio.create_task(steps.write(run))
    await files.begun.wait()
    await cancel(shared_database, run)
    files.may_end.set()
    await writing
    cancelled = await get_run(shared_database, run)
    assert (cancelled.status, cancelled.error_code, cancelled.text) == (RunStatus.CANCELLED, Cancelled().code, None)
    assert await files.list(recording.owner_id) == []


async def test_a_worker_that_stops_while_a_report_is_saved_saves_it(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, recording: Recording, run: ReportRunId
) -> None:
    writing = asyncio.create_task(steps.write(run))
    await files.begun.wait()
    writing.cancel()
    files.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert (await get_run(shared_database, run)).status is RunStatus.DONE
    assert [report.id for report in await files.list(recording.owner_id)] == [run]


async def test_a_report_that_was_cancelled_before_is_not_begun(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, run: ReportRunId
) -> None:
    await cancel(shared_database, run)
    await steps.write(run)
    assert not files.begun.is_set()
    assert (await get_run(shared_database, run)).status is RunStatus.CANCELLED


@pytest.fixture
def archive(shared_database: Database, tmp_path: Path) -> ReportArchive:
    return ReportArchive(shared_database, ReportFiles(tmp_path), PACK)


@pytest.fixture
async def written_elsewhere(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, run: ReportRunId
) -> ReportRunId:
    """A report of a worker that has no archive."""
    await ReportSteps(steps._context, files, None).write(run)
    assert not files.begun.is_set()
    done = await get_run(shared_database, run)
    assert (done.status, done.number, bool(done.text)) == (RunStatus.DONE, None, True)
    return run


async def test_a_report_that_was_written_elsewhere_is_filed_once(
    shared_database: Database, archive: ReportArchive, recording: Recording, written_elsewhere: ReportRunId
) -> None:
    await archive.file_finished()
    done = await get_run(shared_database, written_elsewhere)
    assert done.number == 1
    assert [(each.id, each.number) for each in await archive.list(recording.owner_id)] == [(written_elsewhere, 1)]
    assert (await archive.read(recording.owner_id, 1))[1] == done.text

    await archive.delete(recording.owner_id, 1)
    await archive.file_finished()
    assert list(await archive.list(recording.owner_id)) == []


async def test_a_report_that_is_deleted_while_it_is_filed_leaves_no_file(
    shared_database: Database, files: SlowFiles, recording: Recording, written_elsewhere: ReportRunId
) -> None:
    archive = ReportArchive(shared_database, files, PACK)
    filing = asyncio.create_task(archive.file_finished())
    await files.begun.wait()
    async with shared_database.transaction() as connection:
        await reports_store.delete_run(connection, recording.owner_id, written_elsewhere)
    files.may_end.set()
    await filing
    assert list(await archive.list(recording.owner_id)) == []


async def test_a_report_that_cannot_be_filed_holds_up_no_other(
    shared_database: Database,
    archive: ReportArchive,
    recording: Recording,
    written_elsewhere: ReportRunId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shared_database.transaction() as connection:
        [first, *_] = await reports_store.list_unfiled(connection)
    save, tried = ReportFiles.save, 0

    async def fails_first(each: ReportFiles, owner: UserId, entry: NewReportFile, text: str) -> int:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise DiskFull(path="reports")
        return await save(each, owner, entry, text)

    async def twice(_: object) -> list[dict[str, object]]:
        return [dict(first), dict(first)]

    monkeypatch.setattr(ReportFiles, "save", fails_first)
    monkeypatch.setattr(reports_store, "list_unfiled", twice)
    await archive.file_finished()
    assert tried == 2
    assert (await get_run(shared_database, written_elsewhere)).number == 1
    assert len(await archive.list(recording.owner_id)) == 1
