"""Ready transcripts from the file to a transcript with roles, without an engine; and who says what a text is."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

import incoming_store
import recordings_store
import transcripts_store
from audio import find_ffmpeg
from constants import READY_TRANSCRIPT
from datamodels import ProcessingRequest, Recording, RecordingMetadata, Role, ScenarioId, Stage, Transcript, UserId
from datamodels_telegram import FilePurpose, IncomingFile
from db import Connection, Database
from default_pack import PACK
from downloads import Downloads
from errors import RecordingTooLong
from errors_of_operation import TranscriptBroken, TranscriptWithoutWords
from followers_world import Clock, Somebody, TelegramOfFiles, look
from handlers_world import Bot, Person
from jobs.context import Engines, JobContext
from jobs.recordings import RecordingSteps
from object_store import ObjectStore, key_for_transcript
from recordings.intake import Intake, IntakeLimits
from recordings.originals import Originals
from transcript_formats import to_vtt
from users_store import ensure_local_user

TALK = "[00:05] Сотрудник: Как прошёл завтрак?\n[00:09] Клиент: Всё было горячее и вкусное.\n"
NAMES = TALK.replace("Сотрудник", "Мария").replace("Клиент", "Пётр")
INTERVIEW, DESIGN, MEETING = ScenarioId("interview"), ScenarioId("design"), ScenarioId("meeting")


class NoEngines:
    """Whoever asks for sound here is wrong; the language model is switched off."""

    async def language_model(self) -> None:
        return None


class Desk:
    """Takes files in and works on them until they are done."""

    def __init__(self, database: Database, objects: ObjectStore, folder: Path, owner: UserId) -> None:
        self.database, self.objects, self.owner = database, objects, owner
        self.folder = folder
        originals = Originals(database, objects, folder / "spool")
        pack = PACK
        engines = cast("Engines", NoEngines())
        self.steps = RecordingSteps(
            JobContext(database, objects, originals, pack, engines, find_ffmpeg(None), folder / "spool")
        )

        async def enqueue(connection: Connection, recording: object) -> None: ...

        async def engine() -> tuple[str, str]:
            return "whisper", "base"

        self.enqueue = enqueue
        self.intake = Intake(database, objects, IntakeLimits(10**7, 3600.0), enqueue, engine)

    async def takes(self, content: str, name: str, scenario: ScenarioId) -> Recording:
        path = self.folder / "sent"
        await asyncio.to_thread(path.write_text, content, "utf-8")
        request = ProcessingRequest(scenario=scenario)
        accepted = await self.intake.accept(self.owner, path, request, RecordingMetadata(), file_name=name)
        return accepted.recording

    async def done(self, recording: Recording) -> Transcript:
        for _ in Stage:
            await self.steps.advance(recording.id, self.enqueue)
        async with self.database.transaction() as connection:
            assert (await recordings_store.get_recording(connection, self.owner, recording.id)).stage is Stage.DONE
            transcript = await transcripts_store.load_transcript(connection, recording.id)
        assert transcript is not None
        return transcript


@pytest.fixture
async def desk(shared_database: Database, objects: ObjectStore, tmp_path: Path) -> Desk:
    async with shared_database.transaction() as connection:
        owner = await ensure_local_user(connection)
    return Desk(shared_database, objects, tmp_path, owner)


def said(transcript: Transcript) -> list[tuple[str | None, str | None, float]]:
    return [(each.speaker, each.role, each.start) for each in transcript.segments]


@pytest.mark.parametrize(
    ("content", "scenario", "speakers"),
    [
        (TALK + "1", INTERVIEW, [("S1", "Сотрудник"), ("S2", "Клиент")]),
        (NAMES + "2", INTERVIEW, [("S1", "Сотрудник"), ("S2", "Клиент")]),
        (NAMES + "3", MEETING, [("S1", "Мария"), ("S2", "Пётр")]),
        (NAMES + "4", ScenarioId("none"), [("S1", "Мария"), ("S2", "Пётр")]),
        (NAMES + "5", DESIGN, [("S1", None), ("S1", None)]),
    ],
)
async def test_a_ready_transcript_is_done_without_an_engine(
    desk: Desk, content: str, scenario: ScenarioId, speakers: list[tuple[str, str | None]]
) -> None:
    recording = await desk.takes(content, "беседа.txt", scenario)
    assert (recording.container, recording.codec, recording.extension) == (READY_TRANSCRIPT, "txt", "txt")
    transcript = await desk.done(recording)
    assert [(each.speaker, each.role) for each in transcript.segments] == speakers
    assert [each.start for each in transcript.segments] == [5.0, 9.0]
    assert (transcript.engine, transcript.model) == (READY_TRANSCRIPT, "txt")
    assert await desk.objects.exists(key_for_transcript(desk.owner, recording.id))
    assert not list((desk.folder / "spool").rglob("original*"))


async def test_another_scenario_brings_the_names_of_the_file_back(desk: Desk) -> None:
    recording = await desk.takes(NAMES + "6", "беседа.txt", INTERVIEW)
    transcript = await desk.done(recording)
    assert {each.role for each in transcript.segments} == {"Сотрудник", "Клиент"}
    assert transcript.names == {"S1": "Мария", "S2": "Пётр"}, "beside their roles people keep their names"
    assert "Сотрудник — Мария" in to_vtt(transcript).decode()
    async with desk.database.transaction() as connection:
        await recordings_store.choose_scenario(connection, recording.id, MEETING, None, Stage.TRANSCRIBED)
    assert {each.role for each in (await desk.done(recording)).segments} == {"Мария", "Пётр"}


async def test_the_same_file_again_is_the_same_recording_and_not_read_anew(desk: Desk) -> None:
    first = await desk.takes(TALK + "7", "беседа.txt", INTERVIEW)
    await desk.done(first)
    again = await desk.takes(TALK + "7", "беседа.txt", INTERVIEW)
    assert (again.id, again.stage) == (first.id, Stage.DONE)


async def test_a_warning_about_times_stands_on_the_recording(desk: Desk) -> None:
    recording = await desk.takes("Клиент: Всё хорошо.\nСотрудник: Спасибо.\n8", "беседа.txt", INTERVIEW)
    await desk.done(recording)
    async with desk.database.transaction() as connection:
        stored = await recordings_store.get_recording(connection, desk.owner, recording.id)
    assert stored.warnings[0].startswith("В файле нет времени реплик")


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.json", "{}", TranscriptBroken),
        ("a.srt", "без времени", TranscriptWithoutWords),
        ("a.txt", "[5:00:00] Клиент: Поздно", RecordingTooLong),
    ],
)
async def test_what_is_no_transcript_is_not_accepted(
    desk: Desk, name: str, content: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await desk.takes(content, name, INTERVIEW)


async def sent(person: Person) -> IncomingFile:
    async with person.bot.database.transaction() as connection:
        query = "SELECT id FROM incoming_files WHERE owner_id = %s"
        [row] = await (await connection.execute(query, (person.user.id,))).fetchall()
        return await incoming_store.get(connection, person.user.id, row["id"])


@pytest.mark.parametrize(
    ("role", "name", "purpose"),
    [
        (Role.USER, "беседа.txt", FilePurpose.RECORDING),
        (Role.USER, "беседа.srt", None),
        (Role.ADMIN, "беседа.txt", None),
        (Role.ADMIN, "беседа.srt", None),
    ],
)
async def test_only_who_may_load_documents_is_asked_what_a_text_is(
    bot: Bot, role: Role, name: str, purpose: FilePurpose | None
) -> None:
    person = await Person.come(bot, role=role)
    await person.send(name)
    file = await sent(person)
    assert (file.error_code, file.purpose) == (None, purpose)


@pytest.mark.parametrize(
    ("first", "second", "purpose", "scenario"),
    [
        ("document_incoming||{id}", "scenario_incoming||{id}||meeting", FilePurpose.DOCUMENT, None),
        ("scenario_incoming||{id}||meeting", "document_incoming||{id}", FilePurpose.RECORDING, "meeting"),
    ],
)
async def test_what_was_said_first_of_a_text_stands(
    bot: Bot, first: str, second: str, purpose: FilePurpose, scenario: str | None
) -> None:
    admin = await Person.come(bot, role=Role.ADMIN)
    await admin.send("стандарты.docx")
    file = await sent(admin)
    for press in (first, second):
        await admin.press_data(press.format(id=file.id))
    after = await sent(admin)
    assert after.purpose is purpose
    assert scenario is None or after.scenario == scenario


async def test_nobody_says_what_the_file_of_another_is(bot: Bot) -> None:
    anna, boris = [await Person.come(bot, name, Role.ADMIN) for name in ("Анна", "Борис")]
    await anna.send("стандарты.docx")
    file = await sent(anna)
    with pytest.raises(Exception, match="incoming file"):
        await boris.press_data(f"document_incoming||{file.id}")
    assert (await sent(anna)).purpose is None


async def test_a_text_waits_until_somebody_has_said_what_it_is(
    followed: Database, objects: ObjectStore, tmp_path: Path
) -> None:
    telegram, somebody = TelegramOfFiles(), await Somebody.come(followed)

    async def enqueue(connection: Connection, recording: object) -> None: ...

    async def engine() -> tuple[str, str]:
        return "whisper", "base"

    intake = Intake(followed, objects, IntakeLimits(10**7, 3600.0), enqueue, engine)
    downloads = Downloads(followed, telegram, intake, tmp_path, 2, now=Clock())
    file = await somebody.sends(telegram, (TALK + "9").encode(), "беседа.txt")
    await look(downloads)
    assert (await somebody.file(file.id)).finished_at is None
    assert not list((tmp_path / "incoming").glob("*"))
    async with followed.transaction() as connection:
        await incoming_store.set_purpose(connection, somebody.owner, file.id, FilePurpose.RECORDING)
    await look(downloads)
    after = await somebody.file(file.id)
    assert after.recording_id is not None
    async with followed.transaction() as connection:
        recording = await recordings_store.get_recording(connection, somebody.owner, after.recording_id)
    assert (recording.container, recording.file_name) == (READY_TRANSCRIPT, "беседа.txt")
