"""The step of a report beside a cancellation, and beside changes of what it is written from."""

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

import cards_store
import dead_letters_store
import metadata_store
import reports_store
import transcripts_store
from datamodels import (
    BuildingType,
    NewReportFile,
    Recording,
    RecordingMetadata,
    ReportRun,
    ReportRunId,
    RunStatus,
    Segment,
    Transcript,
    UserId,
)
from datamodels_telegram import ChatId
from db import Database
from default_pack import PACK
from errors import Cancelled, DiskFull
from errors_of_operation import LimitReached
from jobs.context import Engines, JobContext
from jobs.reports import ReportSteps
from language_model.port import LanguageModel
from limits import store
from limits.values import Resource, this_month
from md_storage import ReportFiles
from object_store import ObjectStore
from openai_answers import SENTENCES, chat_answer
from prompt_pack.models import ReportType
from recordings.originals import Originals
from recordings_factory import add_recording
from reports.across.old_reports import OldReports
from reports.across.service import AcrossInterviews
from reports.across.values import Wanted
from reports.archive import ReportArchive
from reports.evidence import Quote
from reports.orders import ReportOrders
from scripted_model import Call, ScriptedModel


def answer(call: Call) -> str:
    return str(chat_answer([message.model_dump() for message in call.messages], None))


class OneModel:
    """Engines of which only the language model is there."""

    asked: ClassVar[list[str]] = []
    """All that any of them was asked."""

    async def language_model(self) -> LanguageModel:
        def asked(call: Call) -> str | dict[str, Any]:
            OneModel.asked += [message.content for message in call.messages]
            return answer(call) if call.schema is None else {"items": []}

        return ScriptedModel(asked)


class SlowFiles(ReportFiles):
    """Report files that let the test act while a report is being saved."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def save(self, owner: UserId, entry: NewReportFile, text: str, before: Sequence[ReportRunId] = ()) -> int:
        self.begun.set()
        await self.may_end.wait()
        return await super().save(owner, entry, text, before)


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


def orders(database: Database) -> ReportOrders:
    async def enqueue(*_: object) -> None:
        return None

    async def stop(*_: object) -> bool:
        return False

    return ReportOrders(database, PACK, OneModel().language_model, enqueue, stop)


@pytest.fixture
async def run(shared_database: Database, recording: Recording) -> ReportRunId:
    [run] = await orders(shared_database).order_chosen(
        recording.owner_id, recording.id, [PACK.report("report_int_methodology")], None
    )
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


async def test_whichever_is_written_first_reports_are_numbered_in_the_order_of_the_buttons(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, recording: Recording
) -> None:
    async with shared_database.transaction() as connection:
        people = {"employee": "Крылова Ольга", "client": "Соколова Елена"}
        known = RecordingMetadata(place="Заря", recorded_on=date(2026, 11, 3), **people)
        await metadata_store.save_metadata(connection, recording.id, known)
    reports = [PACK.report(each) for each in ("report_int_methodology", "report_int_links", "report_int_employee")]
    first, second, third = await orders(shared_database).order_chosen(recording.owner_id, recording.id, reports, None)
    files.may_end.set()
    await cancel(shared_database, second)
    for each in (third, first):
        await steps.write(each)
    assert [(each.number, each.title) for each in await files.list(recording.owner_id)] == [
        (1, "Оценка методологии интервью — Заря, 03.11.2026"),
        (2, "Анализ работы сотрудника — Заря, 03.11.2026"),
    ]
    assert any("Заря" in each for each in OneModel.asked)
    assert not any(name in each for name in people.values() for each in OneModel.asked)


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


async def test_an_order_that_does_not_fit_is_none_and_one_that_does_counts_what_was_paid(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, recording: Recording
) -> None:
    owner, reports = recording.owner_id, [PACK.report("report_int_methodology"), PACK.report("report_int_links")]

    async def used() -> tuple[int, int]:
        async with shared_database.transaction() as connection:
            amounts = await store.used(connection, owner, this_month())
            return int(amounts.get(Resource.TOKENS, 0)), len(await reports_store.list_runs(connection, recording.id))

    async with shared_database.transaction() as connection:
        await store.set_for_person(connection, owner, Resource.TOKENS, Decimal(4000), own=True)
    with pytest.raises(LimitReached):
        await orders(shared_database).order_chosen(owner, recording.id, reports, None)
    assert await used() == (0, 0)
    async with shared_database.transaction() as connection:
        await store.set_for_person(connection, owner, Resource.TOKENS, Decimal(100_000), own=True)
    first, second = await orders(shared_database).order_chosen(owner, recording.id, reports, None)
    reserved = (await used())[0]
    await orders(shared_database).order_chosen(owner, recording.id, reports, None)
    assert reserved > 4000
    assert (await used())[0] == reserved, "the same order takes nothing more"
    files.may_end.set()
    await steps.write(first)
    await cancel(shared_database, second)
    paid = (await get_run(shared_database, first)).usage
    assert await used() == (paid.prompt_tokens + paid.completion_tokens, 2)
    [again] = await orders(shared_database).order_chosen(owner, recording.id, reports[:1], None)
    await steps.write(again)
    assert again == first
    assert await used() == (paid.prompt_tokens + paid.completion_tokens, 2)


class NamesQuiet(OneModel):
    """Engines whose language model finds one factor in every recording."""

    async def language_model(self) -> LanguageModel:
        item = {"factor": "des_noise", "quotes": [{"text": SENTENCES[0]}], "importance": "важный", "summary": "Тихо"}
        return ScriptedModel(lambda call: answer(call) if call.schema is None else {"items": [item]})


async def test_what_a_report_lists_is_kept_and_counted_also_when_only_its_text_tells(
    shared_database: Database, files: SlowFiles, recording: Recording
) -> None:
    nothing, engines = cast("ObjectStore", None), cast("Engines", NamesQuiet())
    context = JobContext(shared_database, nothing, cast("Originals", None), PACK, engines, Path(), Path())
    steps = ReportSteps(context, files, ReportArchive(shared_database, files, PACK))
    files.may_end.set()
    owner, report = recording.owner_id, PACK.report("report_int_general")
    [run] = await orders(shared_database).order_chosen(owner, recording.id, [report], BuildingType.HOTEL)
    await steps.write(run)
    async with shared_database.transaction() as connection:
        await connection.execute("UPDATE recordings SET visibility = 'private' WHERE id = %s", [recording.id])
        # Others' interviews are not what this is about.
        await connection.execute("UPDATE recordings SET visibility = 'private' WHERE owner_id <> %s", [owner])
    across = AcrossInterviews(shared_database, PACK, date.today)
    kept = await across.count(owner, Wanted())
    assert [(factor.label, factor.count) for factor in kept.counted.factors] == [("Звукоизоляция номера", 1)]
    said = await across.quotes(kept.subject, [(each, kept.counted.interviews) for each in kept.counted.factors])
    assert [quote for each in said.values() for quote in each[0].quotes] == [
        Quote(SENTENCES[0].rstrip("."), "Клиент", 0.0)
    ]

    async with shared_database.transaction() as connection:
        await connection.execute("UPDATE report_runs SET items = NULL WHERE id = %s", [run])
    assert (await across.count(owner, Wanted())).counted.without_data == 1
    await OldReports(shared_database, PACK).read()
    read = await across.count(owner, Wanted())
    assert read == kept
    assert await across.quotes(read.subject, [(each, read.counted.interviews) for each in read.counted.factors]) == said


async def test_a_report_that_was_cancelled_before_is_not_begun(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, run: ReportRunId
) -> None:
    await cancel(shared_database, run)
    await steps.write(run)
    assert not files.begun.is_set()
    assert (await get_run(shared_database, run)).status is RunStatus.CANCELLED


# --- what an order was made from changes while it waits ---------------------------------------------------------------

GENERAL, METHODOLOGY = PACK.report("report_int_general"), PACK.report("report_int_methodology")
HOTEL = RecordingMetadata(place="Заря", building=BuildingType.HOTEL)
RESTAURANT = RecordingMetadata(place="Заря", building=BuildingType.RESTAURANT)
CHAT = ChatId(8_100_000_001)


async def say(database: Database, recording: Recording, metadata: RecordingMetadata) -> None:
    async with database.transaction() as connection:
        await metadata_store.save_metadata(connection, recording.id, metadata)


async def order(
    database: Database, recording: Recording, report: ReportType = METHODOLOGY, building: BuildingType | None = None
) -> ReportRunId:
    """Order a report as the bot does, with a card that will deliver it."""
    [run] = await orders(database).order_chosen(recording.owner_id, recording.id, [report], building)
    async with database.transaction() as connection:
        undelivered = await cards_store.undelivered(connection)
        if run not in [each for card in undelivered for each in card.run_ids]:
            await cards_store.add_reports_card(connection, recording.owner_id, CHAT, recording.id, [run])
    return run


async def runs_of(database: Database, recording: Recording) -> list[ReportRun]:
    async with database.transaction() as connection:
        return await reports_store.list_runs(connection, recording.id)


async def deliveries(database: Database, recording: Recording) -> list[ReportRunId]:
    """The reports that cards will deliver, each as often as it will come."""
    async with database.transaction() as connection:
        cards = [card for card in await cards_store.undelivered(connection) if card.owner_id == recording.owner_id]
    return [run for card in cards for run in card.run_ids if run not in card.delivered]


@pytest.mark.parametrize("change", ["metadata", "transcript", "model"])
async def test_what_changed_while_a_report_waited_is_in_the_report(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, recording: Recording, change: str
) -> None:
    files.may_end.set()
    run = await order(shared_database, recording)
    if change == "metadata":
        await say(shared_database, recording, HOTEL)
    elif change == "transcript":
        async with shared_database.transaction() as connection:
            segments = (Segment(start=0, end=7, text="Завтрак был вкусный.", speaker="S1", role="Клиент"),)
            other = Transcript(language="ru", engine="e", model="m", duration_s=8, speakers=1, segments=segments)
            await transcripts_store.save_transcript(connection, recording.id, other, "other")
    else:
        async with shared_database.transaction() as connection:
            await connection.execute("UPDATE report_runs SET model = 'old', input_hash = 'old' WHERE id = %s", [run])
    await steps.write(run)
    written = await get_run(shared_database, run)
    assert (written.status, written.error_code) == (RunStatus.DONE, None)
    assert written.model == "scripted-1"
    assert await order(shared_database, recording) == run, "the same order again is the same report"


async def test_a_report_that_waited_is_written_for_the_corrected_building_type(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, recording: Recording
) -> None:
    files.may_end.set()
    await say(shared_database, recording, HOTEL)
    run = await order(shared_database, recording, GENERAL, BuildingType.HOTEL)
    await say(shared_database, recording, RESTAURANT)
    await steps.write(run)
    written = await get_run(shared_database, run)
    assert (written.status, written.building) == (RunStatus.DONE, BuildingType.RESTAURANT)


async def test_a_building_type_that_was_ordered_outright_stays_when_nothing_has_changed(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, recording: Recording
) -> None:
    files.may_end.set()
    await say(shared_database, recording, RESTAURANT)
    run = await order(shared_database, recording, GENERAL, BuildingType.HOTEL)
    await steps.write(run)
    assert (await get_run(shared_database, run)).building is BuildingType.HOTEL


@pytest.mark.parametrize("ended", [None, RunStatus.DONE])
async def test_of_two_orders_that_came_to_the_same_one_report_is_written_and_brought_once(
    shared_database: Database,
    steps: ReportSteps,
    files: SlowFiles,
    recording: Recording,
    ended: RunStatus | None,
) -> None:
    files.may_end.set()
    first = await order(shared_database, recording)
    await say(shared_database, recording, HOTEL)
    second = await order(shared_database, recording)
    assert first != second
    if ended is RunStatus.DONE:
        await steps.write(second)
    await steps.write(first)
    await steps.write(second)
    assert [(run.id, run.status) for run in await runs_of(shared_database, recording)] == [(second, RunStatus.DONE)]
    assert await deliveries(shared_database, recording) == [second]
    async with shared_database.transaction() as connection:
        mine = [each for each in await cards_store.open_cards(connection) if each.card.owner_id == recording.owner_id]
    assert [[run.id for run in each.runs] for each in mine] == [[second], [second]]


@pytest.mark.parametrize("ended", [RunStatus.FAILED, RunStatus.CANCELLED])
async def test_a_report_that_waited_takes_the_place_of_one_that_was_not_written(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, recording: Recording, ended: RunStatus
) -> None:
    files.may_end.set()
    first = await order(shared_database, recording)
    await say(shared_database, recording, HOTEL)
    second = await order(shared_database, recording)
    async with shared_database.transaction() as connection:
        await connection.execute("UPDATE report_runs SET status = %s WHERE id = %s", [ended, second])
    await steps.write(first)
    runs = {run.id: run.status for run in await runs_of(shared_database, recording)}
    assert runs == {first: RunStatus.DONE, second: ended}, "its card has to tell how it ended"
    assert await deliveries(shared_database, recording) == [first, second]


async def test_a_dead_letter_of_an_outdated_report_can_be_tried_again(
    shared_database: Database, steps: ReportSteps, files: SlowFiles, recording: Recording
) -> None:
    files.may_end.set()
    run = await order(shared_database, recording)
    await say(shared_database, recording, HOTEL)
    async with shared_database.transaction() as connection:
        await reports_store.fail_run(connection, run, "report_outdated", "Расшифровка изменилась.")
        assert await dead_letters_store.queue_run_again(connection, run) is not None
    await steps.write(run)
    assert (await get_run(shared_database, run)).status is RunStatus.DONE


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


@pytest.mark.parametrize("failure", [DiskFull(path="reports"), PermissionError("reports")])
async def test_a_report_that_cannot_be_filed_holds_up_no_other(
    failure: Exception,
    shared_database: Database,
    archive: ReportArchive,
    recording: Recording,
    written_elsewhere: ReportRunId,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shared_database.transaction() as connection:
        [first, *_] = await reports_store.list_unfiled(connection)
    save, tried = ReportFiles.save, 0

    async def fails_first(
        each: ReportFiles, owner: UserId, entry: NewReportFile, text: str, before: Sequence[ReportRunId] = ()
    ) -> int:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise failure
        return await save(each, owner, entry, text, before)

    async def twice(_: object) -> list[dict[str, object]]:
        return [dict(first), dict(first)]

    monkeypatch.setattr(ReportFiles, "save", fails_first)
    monkeypatch.setattr(reports_store, "list_unfiled", twice)
    with pytest.raises(type(failure)):
        await archive.file_finished()
    assert tried == 2
    assert (await get_run(shared_database, written_elsewhere)).number == 1
    assert len(await archive.list(recording.owner_id)) == 1
