"""Intake: what is accepted is stored and enqueued once, together with what else its caller adds."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

import pytest

import recordings_store
import transcripts_store
from datamodels import (
    PartPlan,
    ProcessingRequest,
    Recording,
    RecordingId,
    RecordingMetadata,
    ScenarioId,
    Stage,
    UserId,
    Visibility,
)
from db import Connection, Database
from errors import NotARecording, NotFound, RecordingTooLong
from object_store import ObjectStore
from recording_files import encode, image, tone
from recordings.intake import Intake, IntakeLimits
from recordings_factory import add_user

INTERVIEW = ProcessingRequest(scenario=ScenarioId("interview"))
DESIGN = ProcessingRequest(scenario=ScenarioId("design"))
NOTHING = RecordingMetadata()


@pytest.fixture
async def owner(shared_database: Database) -> UserId:
    async with shared_database.transaction() as connection:
        return await add_user(connection)


class Enqueued(list[RecordingId]):
    async def add(self, connection: Connection, recording: RecordingId) -> None:  # noqa: ARG002
        self.append(recording)


@pytest.fixture
def enqueued() -> Enqueued:
    return Enqueued()


@pytest.fixture
def intake(shared_database: Database, objects: ObjectStore, enqueued: Enqueued) -> Intake:
    async def engine() -> tuple[str, str]:
        return "engine", "model"

    return Intake(shared_database, objects, IntakeLimits(10**7, 60.0), enqueued.add, engine)


@pytest.fixture
def spooled(tmp_path: Path) -> Path:
    """A voice note as a download leaves it: under a name of ours."""
    return encode(tmp_path / "voice.ogg", tone(2.0)).rename(tmp_path / "download-17.part")


class Told:
    """What the caller of the intake is told inside of the transaction, and renames the recording's caption to."""

    def __init__(self) -> None:
        self.known: list[bool] = []

    async def __call__(self, connection: Connection, recording: Recording, known: bool) -> None:
        self.known.append(known)
        await connection.execute("UPDATE recordings SET caption = 'рассказано' WHERE id = %s", (recording.id,))


async def stored(database: Database, owner: UserId) -> list[Recording]:
    async with database.transaction() as connection:
        return await recordings_store.list_recordings(connection, owner, None, 10, 0)


async def finish(database: Database, recording: Recording) -> None:
    async with database.transaction() as connection:
        await recordings_store.set_stage(connection, recording, Stage.DONE, 1)


async def test_a_file_is_called_as_people_call_it(
    intake: Intake, objects: ObjectStore, owner: UserId, spooled: Path
) -> None:
    name = "Интервью/17.OGG"
    accepted = await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name=name)
    recording = accepted.recording
    assert (recording.file_name, recording.extension) == ("Интервью_17.OGG", "ogg")
    assert await objects.exists(recording.object_key)
    assert not accepted.known


@pytest.mark.parametrize("visibility", list(Visibility))
async def test_a_new_recording_has_the_visibility_of_the_installation(
    visibility: Visibility, shared_database: Database, objects: ObjectStore, owner: UserId, spooled: Path
) -> None:
    async def engine() -> tuple[str, str]:
        return "engine", "model"

    intake = Intake(shared_database, objects, IntakeLimits(10**7, 60.0), Enqueued().add, engine, visibility=visibility)
    accepted = await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="Беседа.ogg")
    async with shared_database.transaction() as connection:
        query = "SELECT visibility FROM recordings WHERE id = %s"
        row = await (await connection.execute(query, (accepted.recording.id,))).fetchone()
    assert row == {"visibility": visibility}


async def test_a_name_of_five_thousand_characters_is_shortened_and_keeps_its_extension(
    intake: Intake, owner: UserId, spooled: Path
) -> None:
    accepted = await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name=f"{'я🎙' * 2500}.ogg")
    assert len(accepted.recording.file_name.encode()) <= 255
    assert accepted.recording.extension == "ogg"


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("договор.pdf", "ogg"),
        ("запись", "ogg"),
        ("Запись 12.11.2026", "ogg"),
        ("звонок.AMR", "amr"),
        ("беседа.txt", "ogg"),
    ],
)
async def test_bytes_count_and_a_name_that_tells_no_format_gets_that_of_the_container(
    intake: Intake, objects: ObjectStore, owner: UserId, spooled: Path, name: str, extension: str
) -> None:
    recording = (await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name=name)).recording
    assert (recording.file_name, recording.extension) == (name, extension)
    assert await objects.exists(recording.object_key)


@pytest.mark.parametrize(
    ("seconds", "declared_bytes", "problem"), [(61, 64_000, RecordingTooLong), (2, 0x7FFFF000, None)]
)
async def test_limits_are_judged_by_the_sound_and_not_by_the_header(
    intake: Intake, owner: UserId, tmp_path: Path, seconds: int, declared_bytes: int, problem: type[Exception] | None
) -> None:
    path = encode(tmp_path / "a.wav", tone(seconds), "-fflags", "+bitexact", "-bitexact")
    content = bytearray(path.read_bytes())
    at = content.index(b"data")
    content[at + 4 : at + 8] = declared_bytes.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(problem) if problem else nullcontext():
        accepted = await intake.accept(owner, path, INTERVIEW, NOTHING)
        assert accepted.recording.duration_s == pytest.approx(seconds)


async def test_what_its_bytes_do_not_call_sound_is_refused_whatever_its_name(
    intake: Intake, shared_database: Database, owner: UserId, tmp_path: Path
) -> None:
    with pytest.raises(NotARecording):
        await intake.accept(owner, image(tmp_path / "снимок.mp3"), INTERVIEW, NOTHING)
    assert await stored(shared_database, owner) == []


async def test_sound_under_the_name_of_a_text_is_sound_and_a_text_under_that_of_sound_is_refused(
    intake: Intake, owner: UserId, spooled: Path, tmp_path: Path
) -> None:
    recording = (await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="беседа.docx")).recording
    assert recording.container == "ogg"
    assert recording.duration_s == pytest.approx(2.0, abs=0.1)
    text = tmp_path / "беседа.ogg"
    await asyncio.to_thread(text.write_text, "[00:05] Клиент: Всё хорошо.", "utf-8")
    with pytest.raises(NotARecording):
        await intake.accept(owner, text, INTERVIEW, NOTHING)


async def test_what_the_caller_adds_is_in_the_same_transaction(
    intake: Intake, shared_database: Database, owner: UserId, spooled: Path
) -> None:
    told = Told()
    await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg", with_recording=told)
    assert [recording.request.caption for recording in await stored(shared_database, owner)] == ["рассказано"]

    async def failing(connection: Connection, recording: Recording, known: bool) -> None:
        raise NotFound(what="the message")

    other = encode(spooled.with_name("other.ogg"), tone(1.0))
    with pytest.raises(NotFound):
        await intake.accept(owner, other, INTERVIEW, NOTHING, with_recording=failing)
    assert len(await stored(shared_database, owner)) == 1
    assert told.known == [False]


async def test_what_is_done_or_running_is_left_as_it_is_unless_again(
    intake: Intake, enqueued: Enqueued, shared_database: Database, owner: UserId, spooled: Path
) -> None:
    told = Told()
    first = await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg")
    for _ in range(2):
        sent = await intake.accept(
            owner, spooled, DESIGN, NOTHING, file_name="другое.ogg", with_recording=told, again=False
        )
        assert (sent.known, sent.recording.request.scenario) == (True, "interview")
        await finish(shared_database, first.recording)
    assert (enqueued, told.known) == ([first.recording.id], [True, True])
    assert [each.stage for each in await stored(shared_database, owner)] == [Stage.DONE]


async def test_what_failed_goes_on_when_it_is_sent_again(
    intake: Intake, enqueued: Enqueued, shared_database: Database, owner: UserId, spooled: Path
) -> None:
    first = (await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg")).recording
    async with shared_database.transaction() as connection:
        await recordings_store.record_failure(connection, first.id, "provider_unavailable", "Сервис не отвечает.")
    sent = await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg", again=False)
    assert (sent.known, sent.recording.error_code) == (True, None)
    assert enqueued == [first.id, first.id]


async def test_what_is_done_but_for_parts_that_failed_begins_anew_when_it_is_sent_again(
    intake: Intake, shared_database: Database, owner: UserId, spooled: Path
) -> None:
    first = (await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg")).recording
    await finish(shared_database, first)
    whole = await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg")
    async with shared_database.transaction() as connection:
        await transcripts_store.plan_parts(connection, first.id, {"a": PartPlan(position=0, start=0.0, end=2.0)})
        await transcripts_store.store_part_failure(connection, first.id, "a", "provider_unavailable")
    with_a_hole = await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg")
    assert (whole.recording.stage, with_a_hole.recording.stage) == (Stage.DONE, Stage.STORED)


async def test_of_the_same_file_sent_ten_times_at_once_one_is_new(
    intake: Intake, enqueued: Enqueued, shared_database: Database, owner: UserId, spooled: Path
) -> None:
    told = Told()
    await asyncio.gather(
        *(
            intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg", with_recording=told, again=False)
            for _ in range(10)
        )
    )
    assert len(await stored(shared_database, owner)) == 1
    assert sorted(told.known) == [False, *[True] * 9]
    assert len(enqueued) == 1


async def test_an_object_that_was_lost_is_put_back(
    intake: Intake, objects: ObjectStore, owner: UserId, spooled: Path
) -> None:
    recording = (await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg")).recording
    await objects.delete(recording.object_key)
    await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg", again=False)
    assert await objects.exists(recording.object_key)


async def test_a_recording_is_processed_again_from_its_beginning(
    intake: Intake, enqueued: Enqueued, shared_database: Database, owner: UserId, spooled: Path
) -> None:
    told = Told()
    recording = (await intake.accept(owner, spooled, INTERVIEW, NOTHING, file_name="17.ogg")).recording
    await finish(shared_database, recording)
    again = await intake.process_again(owner, recording.id, told)
    assert (again.stage, again.request) == (Stage.STORED, INTERVIEW)
    assert enqueued == [recording.id, recording.id]
    assert told.known == [True]
    with pytest.raises(NotFound):
        await intake.process_again(UserId(recording.id), recording.id)
