"""What people change about a recording: its scenario, and that it is gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

import cards_store
import metadata_store
import outbox_store
import recordings_store
import reports_store
from datamodels import (
    BuildingType,
    NewReportFile,
    NewReportRun,
    Recording,
    RecordingId,
    RecordingMetadata,
    ReportId,
    ReportRunId,
    ScenarioId,
    Stage,
    UserId,
)
from datamodels_telegram import (
    ChatId,
    FileReference,
    FileSource,
    MessageId,
    MessageKind,
    OutgoingMessage,
    Screen,
)
from db import Connection, Database
from default_pack import PACK
from errors import NotFound, ObjectStoreUnavailable, UnknownChoice
from md_storage import ReportFiles
from object_store import ObjectStore, key_for_transcript
from recordings.changes import RecordingChanges
from recordings_factory import add_recording, add_user
from reports.research.forgetting import ResearchForgetting

INTERVIEW, DESIGN, NONE = ScenarioId("interview"), ScenarioId("design"), ScenarioId("none")


class Work:
    """Stands for the jobs: what was enqueued, what was stopped."""

    def __init__(self) -> None:
        self.enqueued: list[RecordingId] = []
        self.stopped_: list[RecordingId] = []

    async def enqueue(self, connection: Connection, recording: RecordingId) -> None:  # noqa: ARG002
        self.enqueued.append(recording)

    @asynccontextmanager
    async def stopped(self, recording: RecordingId) -> AsyncIterator[None]:
        self.stopped_.append(recording)
        yield


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def files(tmp_path: Path) -> ReportFiles:
    return ReportFiles(tmp_path)


@pytest.fixture
def changes(shared_database: Database, objects: ObjectStore, files: ReportFiles, work: Work) -> RecordingChanges:
    pack = PACK
    forgetting = ResearchForgetting(shared_database, files, pack)
    return RecordingChanges(shared_database, objects, files, pack, work.enqueue, work.stopped, forgetting.forget)


async def recording_at(connection: Connection, stage: Stage, scenario: ScenarioId = INTERVIEW) -> Recording:
    recording = await add_recording(connection)
    request = recording.request.model_copy(update={"scenario": scenario})
    recording = await recordings_store.update_request(connection, recording.id, request, restart=False)
    await recordings_store.set_stage(connection, recording, stage, 1)
    return await recordings_store.get_recording_for_job(connection, recording.id)


@pytest.mark.parametrize(
    ("before", "after", "stage", "left"),
    [
        (INTERVIEW, INTERVIEW, Stage.DONE, Stage.DONE),
        (INTERVIEW, DESIGN, Stage.DONE, Stage.TRANSCRIBED),
        (DESIGN, INTERVIEW, Stage.SPEAKERS_KNOWN, Stage.TRANSCRIBED),
        (INTERVIEW, NONE, Stage.DONE, Stage.TRANSCRIBED),
        (NONE, DESIGN, Stage.DONE, Stage.TRANSCRIBED),
        (NONE, INTERVIEW, Stage.DONE, Stage.SPEAKERS_KNOWN),
        (NONE, INTERVIEW, Stage.TRANSCRIBED, Stage.TRANSCRIBED),
        (NONE, DESIGN, Stage.STORED, Stage.STORED),
    ],
)
async def test_only_speakers_and_roles_are_found_anew_and_only_when_they_change(
    connection: Connection,
    changes: RecordingChanges,
    work: Work,
    before: ScenarioId,
    after: ScenarioId,
    stage: Stage,
    left: Stage,
) -> None:
    recording = await recording_at(connection, stage, before)
    chosen = await changes.choose_scenario(connection, recording.owner_id, recording.id, after)
    assert (chosen.request.scenario, chosen.stage) == (after, left)
    assert work.enqueued == ([] if left is Stage.DONE else [recording.id])


async def test_a_failure_is_over_and_warnings_of_steps_done_again_go(
    connection: Connection, changes: RecordingChanges
) -> None:
    recording = await recording_at(connection, Stage.SPEAKERS_KNOWN)
    await recordings_store.add_warnings(connection, recording.id, ["Роли расставлены по правилу."])
    await recordings_store.record_failure(connection, recording.id, "provider_unavailable", "Сервис не отвечает.")
    same = await changes.choose_scenario(connection, recording.owner_id, recording.id, INTERVIEW)
    assert (same.error_code, same.error_text, len(same.warnings)) == (None, None, 1)
    other = await changes.choose_scenario(connection, recording.owner_id, recording.id, DESIGN)
    assert other.warnings == ()


async def test_the_building_type_stays_unless_another_is_given(
    connection: Connection, changes: RecordingChanges
) -> None:
    recording = await recording_at(connection, Stage.DONE)
    kept = await changes.choose_scenario(connection, recording.owner_id, recording.id, INTERVIEW)
    spa = await changes.choose_scenario(connection, recording.owner_id, recording.id, INTERVIEW, BuildingType.SPA)
    assert (kept.request.building, spa.request.building) == (BuildingType.HOTEL, BuildingType.SPA)


async def test_nobody_chooses_for_another_and_nobody_chooses_what_is_not_there(
    connection: Connection, changes: RecordingChanges
) -> None:
    recording = await recording_at(connection, Stage.DONE)
    with pytest.raises(NotFound):
        await changes.choose_scenario(connection, await add_user(connection), recording.id, DESIGN)
    with pytest.raises(UnknownChoice):
        await changes.choose_scenario(connection, recording.owner_id, recording.id, ScenarioId("podcast"))


@pytest.fixture
async def kept(shared_database: Database, objects: ObjectStore, files: ReportFiles) -> Recording:
    """A recording with its objects and a report."""
    async with shared_database.transaction() as connection:
        recording = await recording_at(connection, Stage.DONE)
        run = await reports_store.queue_run(
            connection,
            NewReportRun(
                recording_id=recording.id,
                owner_id=recording.owner_id,
                scenario=INTERVIEW,
                report_id=ReportId("report_int_links"),
                building=None,
                input_hash="input",
                prompt_hash="prompt",
                model="model",
                passes_total=1,
            ),
        )
    await objects.put_bytes(recording.object_key, b"sound")
    await objects.put_bytes(key_for_transcript(recording.owner_id, recording.id), b"{}")
    for report in (run.id, ReportRunId(uuid4())):
        entry = NewReportFile(
            id=report,
            title="Отчёт",
            recording_number=recording.number,
            recording_file_name=recording.file_name,
            report_id=ReportId("report_int_links"),
            label="2) Отчет о связках",
            created_at=datetime.now(UTC),
        )
        await files.save(recording.owner_id, entry, "Связки")
    return recording


async def is_there(database: Database, recording: Recording) -> bool:
    async with database.transaction() as connection:
        return await recordings_store.find_by_number(connection, recording.owner_id, recording.number) is not None


async def test_a_deleted_recording_leaves_nothing_but_other_reports(
    shared_database: Database,
    changes: RecordingChanges,
    work: Work,
    objects: ObjectStore,
    files: ReportFiles,
    kept: Recording,
) -> None:
    await changes.delete(kept.owner_id, kept.id)
    assert work.stopped_ == [kept.id]
    assert not await objects.exists(kept.object_key)
    assert not await objects.exists(key_for_transcript(kept.owner_id, kept.id))
    assert [report.number for report in await files.list(kept.owner_id)] == [2]
    assert not await is_there(shared_database, kept)


async def put_message(connection: Connection, owner: UserId, key: str, file: FileReference | None = None) -> None:
    message = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text=WORDS), file=file)
    await outbox_store.put(connection, key, owner, CHAT, message)


CHAT = ChatId(700177)
FILE = Jsonb({"kind": "audio", "file_name": "a.ogg", "size_bytes": 1})
WORDS = "Ругали завтрак в «Заре»."


async def test_the_words_of_a_deleted_recording_leave_with_it(
    shared_database: Database, changes: RecordingChanges, kept: Recording
) -> None:
    async with shared_database.transaction() as connection:
        other = await add_recording(connection)
        [run] = await reports_store.list_runs(connection, kept.id)
        card = await cards_store.add_reports_card(connection, kept.owner_id, CHAT, kept.id, [run.id])
        for recording, card_id in ((kept, card.id), (other, 10**6)):
            owner = recording.owner_id
            await put_message(connection, owner, f"transcript:{recording.id}:{recording.number}:0:text")
            await put_message(connection, owner, f"metadata:{recording.id}:a")
            await put_message(connection, owner, f"caption:{recording.id}:0")
            await put_message(connection, owner, f"report:{card_id}:{uuid4()}:text:0")
            file = FileReference(source=FileSource.TRANSCRIPT, subject=recording.id, extension="txt")
            await put_message(connection, owner, f"press:{recording.id}", file)
        await put_message(connection, kept.owner_id, f"answer:{uuid4()}:a")
        file = FileReference(source=FileSource.REPORT, subject=run.id, extension="docx")
        await put_message(connection, kept.owner_id, "press:report", file)
        row = await (await connection.execute("SELECT id FROM outbox WHERE key = 'press:report'")).fetchone()
        assert row is not None
        await put_message(connection, kept.owner_id, f"aside:{row['id']}")
        await connection.execute("UPDATE outbox SET sent_at = now() WHERE key LIKE 'transcript:%%'")
        for place, recording in enumerate((kept, other)):
            await connection.execute(
                """INSERT INTO incoming_files
                    (owner_id, chat_id, message_id, file, caption, state, recording_id, finished_at)
                VALUES (%s, 700177, %s, %s, %s, 'stored', %s, now())""",
                (recording.owner_id, place, FILE, WORDS, recording.id),
            )
    await changes.delete(kept.owner_id, kept.id)
    async with shared_database.transaction() as connection:
        left = {row["owner_id"]: row["n"] async for row in await connection.execute(MESSAGES_LEFT)}
        captions = [row["caption"] async for row in await connection.execute(CAPTIONS)]
        await connection.execute("DELETE FROM outbox WHERE chat_id = 700177")  # others share the database
    assert left == {kept.owner_id: 1, other.owner_id: 5}, "the answer of a chat, and all that is another's"
    assert captions == ["", WORDS]


MESSAGES_LEFT = "SELECT owner_id, count(*) AS n FROM outbox WHERE chat_id = 700177 GROUP BY owner_id"
CAPTIONS = "SELECT caption FROM incoming_files WHERE chat_id = 700177 ORDER BY message_id"


async def test_names_that_no_other_recording_has_leave_with_a_recording(
    shared_database: Database, changes: RecordingChanges, kept: Recording
) -> None:
    mine = RecordingMetadata(
        employee="Аглая Одна", client="Борис", place="Заря", city="Кологрив", zones=("бар в саду", "лобби")
    )
    others = RecordingMetadata(employee="Вера", client="Борис", place="Заря", zones=("лобби",))
    async with shared_database.transaction() as connection:
        other = await add_recording(connection)
        await metadata_store.save_metadata(connection, kept.id, mine)
        await metadata_store.save_metadata(connection, other.id, others)
    await changes.delete(kept.owner_id, kept.id)
    async with shared_database.transaction() as connection:
        assert await metadata_store.load_metadata(connection, other.id) == others
        found = {row["name"] async for row in await connection.execute(NAMES)}
    assert not found & {"Аглая Одна", "Кологрив", "бар в саду"}
    assert found >= {"Вера", "Борис", "Заря", "лобби"}


NAMES = """
    SELECT name FROM employees UNION SELECT name FROM clients UNION SELECT name FROM places
    UNION SELECT name FROM cities UNION SELECT name FROM zones
"""


async def test_a_card_of_stopped_work_outlives_its_recording_to_say_so(
    shared_database: Database, changes: RecordingChanges, kept: Recording
) -> None:
    async with shared_database.transaction() as connection:
        card = await cards_store.add_recording_card(connection, kept.owner_id, ChatId(1), kept.id)
        await cards_store.note_sent(connection, card.id, MessageId(1), "")
        await cards_store.note_shown(connection, card.id, "", final=True)
        await connection.execute("UPDATE recordings SET stage = 'speakers_known' WHERE id = %s", (kept.id,))
        await recordings_store.record_failure(connection, kept.id, "cancelled", "Обработка отменена.")
    await changes.delete(kept.owner_id, kept.id)
    async with shared_database.transaction() as connection:
        [left] = [each for each in await cards_store.open_cards(connection) if each.card.id == card.id]
    assert (left.card.recording_id, left.recording_number) == (None, None)


async def test_a_recording_whose_deletion_failed_is_still_listed_and_can_be_deleted_again(
    shared_database: Database,
    changes: RecordingChanges,
    objects: ObjectStore,
    kept: Recording,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unavailable(key: str) -> None:
        raise ObjectStoreUnavailable(reason="gone")

    with monkeypatch.context() as broken:
        broken.setattr(objects, "delete", unavailable)
        with pytest.raises(ObjectStoreUnavailable):
            await changes.delete(kept.owner_id, kept.id)
    assert await is_there(shared_database, kept)
    await changes.delete(kept.owner_id, kept.id)
    assert not await is_there(shared_database, kept)


async def test_nobody_deletes_anothers_recording(
    shared_database: Database, changes: RecordingChanges, work: Work, kept: Recording
) -> None:
    async with shared_database.transaction() as connection:
        stranger = await add_user(connection)
    with pytest.raises(NotFound):
        await changes.delete(stranger, kept.id)
    assert work.stopped_ == []
    assert await is_there(shared_database, kept)
