"""Files that people send, over the real database and object store: each becomes one recording, or a sentence."""

import asyncio
import errno
import shutil
from collections import namedtuple
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import incoming_store
import metadata_store
import recording_wizard_store
import recordings_store
from constants import NO_SCENARIO
from datamodels import Recording, RecordingId, ScenarioId
from datamodels_telegram import (
    AttachedFile,
    ChatId,
    FileKind,
    FilePurpose,
    IncomingFile,
    IncomingState,
    MessageId,
    WizardStep,
)
from db import Connection, Database
from downloads import Downloads
from errors import VoxPersonaError
from errors_of_operation import HourUsedUp
from followers_world import Clock, DatabaseUntilKilled, Killer, Somebody, TelegramOfFiles, killed, look
from knowledge.documents import Documents
from messenger import FileGone, MessengerRefusedSecrets, MessengerUnavailable
from object_store import ObjectStore
from recording_files import encode, tone
from recordings.intake import Intake, IntakeLimits
from recordings.sent_files import recording_name, refusal
from recordings.spoken import SpokenWords
from recordings.spoken_questions import SpokenQuestions

LIMITS = IntakeLimits(largest_bytes=10**7, longest_s=60.0)
DESIGN = ScenarioId("design")
CAPTION = "17\n2026.11.03\nИванов Иван\nПетрова Анна\nОтель\nЗаря"
_tones = count(200)


@pytest.fixture
def telegram() -> TelegramOfFiles:
    return TelegramOfFiles()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def somebody(followed: Database) -> Somebody:
    return await Somebody.come(followed)


class Enqueued(list[RecordingId]):
    async def add(self, connection: Connection, recording: RecordingId) -> None:
        await recordings_store.go_on(connection, recording)
        self.append(recording)


@pytest.fixture
def enqueued() -> Enqueued:
    return Enqueued()


def intake_of(database: Database, objects: ObjectStore, enqueued: Enqueued) -> Intake:
    async def engine() -> tuple[str, str]:
        return "engine", "model"

    return Intake(database, objects, LIMITS, enqueued.add, engine)


@pytest.fixture
def intake(followed: Database, objects: ObjectStore, enqueued: Enqueued) -> Intake:
    return intake_of(followed, objects, enqueued)


@pytest.fixture
def downloads(followed: Database, telegram: TelegramOfFiles, intake: Intake, tmp_path: Path, clock: Clock) -> Downloads:
    return Downloads(followed, telegram, intake, tmp_path, 2, now=clock)


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    """A recording that no other test has."""
    return encode(tmp_path / "voice.ogg", tone(1.0 + next(_tones) / 1000)).read_bytes()


def spooled(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "incoming").glob("*"))


async def recordings(somebody: Somebody) -> list[Recording]:
    async with somebody.database.transaction() as connection:
        return await recordings_store.list_recordings(connection, somebody.owner, None, 10, 0)


async def wizard(somebody: Somebody, recording: Recording) -> tuple[WizardStep, int]:
    async with somebody.database.transaction() as connection:
        found = await recording_wizard_store.get(connection, somebody.owner, recording.id)
    return found.step, found.round


async def test_a_file_becomes_a_recording_with_a_job_and_a_wizard(
    downloads: Downloads,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    enqueued: Enqueued,
    sound: bytes,
    tmp_path: Path,
) -> None:
    file = await somebody.sends(telegram, sound, caption=CAPTION)
    await look(downloads)
    [recording] = await recordings(somebody)
    after = await somebody.file(file.id)
    assert (after.state, after.recording_id, after.known) == (IncomingState.STORED, recording.id, False)
    assert (recording.file_name, recording.request.caption) == ("interview_17.ogg", CAPTION)
    assert enqueued == [recording.id]
    assert await wizard(somebody, recording) == (WizardStep.TRANSCRIPT, 1)
    async with somebody.database.transaction() as connection:
        metadata = await metadata_store.load_metadata(connection, recording.id)
    assert metadata is not None
    assert (metadata.audio_number, metadata.client) == (17, "Петрова Анна")
    await look(downloads)
    assert spooled(tmp_path) == []


async def test_what_is_there_already_is_left_alone(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, enqueued: Enqueued, sound: bytes
) -> None:
    await somebody.sends(telegram, sound)
    await look(downloads)
    again = await somebody.sends(telegram, sound, "другое имя.ogg", scenario=DESIGN)
    await look(downloads)
    [recording] = await recordings(somebody)
    after = await somebody.file(again.id)
    assert (after.recording_id, after.known) == (recording.id, True)
    assert recording.request.scenario == "interview"
    assert enqueued == [recording.id]
    assert await wizard(somebody, recording) == (WizardStep.TRANSCRIPT, 1)


async def test_what_had_failed_is_worked_on_when_it_is_sent_again(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, enqueued: Enqueued, sound: bytes
) -> None:
    await somebody.sends(telegram, sound)
    await look(downloads)
    [recording] = await recordings(somebody)
    await somebody.fails(recording, MessengerUnavailable(reason="any"), None)
    again = await somebody.sends(telegram, sound)
    await look(downloads)
    after = await somebody.file(again.id)
    assert (after.recording_id, after.known) == (recording.id, False)
    assert enqueued == [recording.id, recording.id]
    assert await wizard(somebody, recording) == (WizardStep.TRANSCRIPT, 2)


async def test_what_is_no_recording_is_refused_with_a_sentence(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, tmp_path: Path
) -> None:
    file = await somebody.sends(telegram, b"%PDF-1.7 but called a song", "договор.mp3")
    await look(downloads, times=2)
    after = await somebody.file(file.id)
    assert after.state is IncomingState.REFUSED
    assert after.error_text is not None
    assert "договор.mp3" in after.error_text
    assert spooled(tmp_path) == []


async def documents(somebody: Somebody) -> list[tuple[int, str]]:
    """Numbers and names of the documents that the person has loaded."""
    page = await Documents(somebody.database).page(1, 100)
    async with somebody.database.transaction() as connection:
        rows = await connection.execute("SELECT number FROM documents WHERE owner_id = %s", (somebody.owner,))
        own = {row["number"] async for row in rows}
    return [(each.number, each.name) for each in page.documents if each.number in own]


async def became(somebody: Somebody, file: IncomingFile) -> tuple[int, bool]:
    """The number of the document that a file has become, and whether the document was there before."""
    async with somebody.database.transaction() as connection:
        query = "SELECT number, known FROM sent_documents JOIN incoming_files ON id = incoming_id WHERE id = %s"
        row = await (await connection.execute(query, (file.id,))).fetchone()
    assert row is not None
    return row["number"], row["known"]


async def test_a_document_is_loaded_once_whoever_sends_it(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, tmp_path: Path
) -> None:
    data = f"Завтрак подают с семи до одиннадцати. {somebody.owner}".encode()
    sent = await somebody.sends(telegram, data, "Стандарты.TXT", purpose=FilePurpose.DOCUMENT)
    await look(downloads, times=2)
    [(number, name)] = await documents(somebody)
    colleague = await Somebody.come(somebody.database)
    again = await colleague.sends(telegram, data, "те же стандарты.md")
    await look(downloads, times=2)
    assert (name, await documents(colleague)) == ("Стандарты.TXT", [])
    assert [await became(somebody, each) for each in (sent, again)] == [(number, False), (number, True)]
    assert await recordings(somebody) == []
    assert spooled(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [("пусто.txt", b" \n ", "нет текста"), ("битый.docx", b"PK\x03\x04 and no more", "не читается")],
    ids=["empty", "broken"],
)
async def test_a_document_that_cannot_be_read_is_refused_with_a_sentence(
    name: str, data: bytes, sentence: str, downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles
) -> None:
    file = await somebody.sends(telegram, data, name, purpose=FilePurpose.DOCUMENT)
    await look(downloads)
    after = await somebody.file(file.id)
    assert after.state is IncomingState.REFUSED
    assert sentence in (after.error_text or "")
    assert name in (after.error_text or "")
    assert await documents(somebody) == []


async def test_a_document_that_was_cancelled_while_it_was_read_is_not_loaded(
    somebody: Somebody, followed: Database, intake: Intake, tmp_path: Path
) -> None:
    class Cancelling(TelegramOfFiles):
        async def download(self, chat_id: ChatId, message_id: MessageId, *rest: Any) -> None:
            await super().download(chat_id, message_id, *rest)
            await somebody.cancels(file.id)

    telegram = Cancelling()
    file = await somebody.sends(telegram, f"Это никто не ждёт. {somebody.owner}".encode(), "поздно.md")
    await look(Downloads(followed, telegram, intake, tmp_path, 2))
    assert await documents(somebody) == []
    assert (await somebody.file(file.id)).state is IncomingState.CANCELLED


async def test_numbers_follow_the_order_of_sending(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, clock: Clock, tmp_path: Path
) -> None:
    names = ("первый.ogg", "второй.ogg")
    for name in names:
        await somebody.sends(telegram, encode(tmp_path / name, tone(1.0 + next(_tones) / 1000)).read_bytes(), name)
    telegram.failures["download"] = [MessengerUnavailable(call="getFile", reason="timeout")]
    for file_name in reversed(names):  # the first one comes in after the second one
        await look(downloads)
        assert file_name in [recording.file_name for recording in await recordings(somebody)]
        clock.passes(60)
    assert {each.number: each.file_name for each in await recordings(somebody)} == dict(enumerate(names, 1))


@pytest.mark.parametrize("known", [False, True], ids=["refused", "known"])
async def test_a_file_that_becomes_no_recording_takes_no_number(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, sound: bytes, tmp_path: Path, known: bool
) -> None:
    await somebody.sends(telegram, sound)
    await look(downloads)
    await somebody.sends(telegram, sound if known else b"%PDF-1.7 but called a song", "договор.mp3")
    await look(downloads)
    await somebody.sends(telegram, encode(tmp_path / "next.ogg", tone(1.0 + next(_tones) / 1000)).read_bytes())
    await look(downloads)
    assert [each.number for each in await recordings(somebody)] == [2, 1]


@pytest.mark.parametrize("trouble", [MessengerUnavailable(reason="timeout"), MessengerRefusedSecrets(reason="revoked")])
async def test_a_download_that_fails_is_tried_again_later_and_later(
    downloads: Downloads,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    sound: bytes,
    clock: Clock,
    trouble: VoxPersonaError,
) -> None:
    file = await somebody.sends(telegram, sound)
    telegram.failures["download"] = [trouble, trouble]  # type: ignore[list-item]  # both are Telegram's
    waits = []
    for _ in range(2):
        await look(downloads, times=2)
        waiting = await somebody.file(file.id)
        assert waiting.retry_at is not None
        assert waiting.error_code == trouble.code
        waits.append((waiting.retry_at - clock()).total_seconds())
        clock.now = waiting.retry_at
    await look(downloads)
    assert waits == [2, 4]
    assert (await somebody.file(file.id)).state is IncomingState.STORED
    assert len(telegram.begun) == 3


async def test_a_download_that_failed_while_the_clock_was_ahead_does_not_wait_for_that_time(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, sound: bytes, clock: Clock
) -> None:
    file = await somebody.sends(telegram, sound)
    telegram.failures["download"] = [MessengerUnavailable(call="getFile", reason="timeout")]
    await look(downloads)
    clock.passes(-3600)
    await look(downloads)
    assert (await somebody.file(file.id)).state is IncomingState.STORED


async def test_a_file_that_telegram_has_no_more_is_refused_by_its_name(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, sound: bytes
) -> None:
    file = await somebody.sends(telegram, sound)
    telegram.failures["download"] = [FileGone(call="getFile", file_name="5.part", reason="gone")]
    await look(downloads)
    after = await somebody.file(file.id)
    assert after.state is IncomingState.REFUSED
    assert after.error_text is not None
    assert "interview_17.ogg" in after.error_text


async def test_a_download_does_not_begin_while_the_disk_has_no_room_for_it(
    downloads: Downloads,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    sound: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = await somebody.sends(telegram, sound)
    usage = namedtuple("usage", "total used free")  # as shutil has it
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12, len(sound)))
    await look(downloads)
    after = await somebody.file(file.id)
    assert (after.error_code, after.retry_at is not None) == ("disk_full", True)
    assert telegram.begun == []


async def test_a_download_for_which_nothing_can_be_opened_is_tried_again(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, sound: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def short(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    file = await somebody.sends(telegram, sound)
    with monkeypatch.context() as patch:
        patch.setattr(telegram, "download", short)
        await look(downloads)
    after = await somebody.file(file.id)
    assert (after.state, after.error_code) == (IncomingState.WAITING, "out_of_resources")
    assert after.retry_at is not None


async def test_a_bug_ends_in_a_sentence_too_and_others_go_on(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, sound: bytes
) -> None:
    broken = await somebody.sends(telegram, sound)
    del telegram.content[broken.message_id]
    other = await somebody.sends(telegram, sound)
    await look(downloads)
    after = await somebody.file(broken.id)
    assert (after.state, after.error_code) == (IncomingState.REFUSED, "unexpected_failure")
    assert (await somebody.file(other.id)).state is IncomingState.STORED


async def test_people_take_turns(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, followed: Database, sound: bytes
) -> None:
    ten = [await somebody.sends(telegram, sound) for _ in range(10)]
    other = await (await Somebody.come(followed)).sends(telegram, sound)
    await look(downloads)
    assert sorted(telegram.begun) == [ten[0].message_id, other.message_id]


async def test_what_was_chosen_during_the_download_counts(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, sound: bytes
) -> None:
    file = await somebody.sends(telegram, sound, scenario=None)
    telegram.stops_at = 100
    running = asyncio.create_task(look(downloads))
    await telegram.stopped.wait()
    async with somebody.database.transaction() as connection:
        await incoming_store.set_scenario(connection, somebody.owner, file.id, DESIGN)
    telegram.stops_at = None
    running.cancel()
    await asyncio.wait([running])
    await look(downloads)
    assert [recording.request.scenario for recording in await recordings(somebody)] == ["design"]


async def test_what_was_chosen_in_the_last_moment_counts(
    followed: Database,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    objects: ObjectStore,
    enqueued: Enqueued,
    sound: bytes,
    tmp_path: Path,
) -> None:
    file = await somebody.sends(telegram, sound, scenario=None)

    class ChoosingIntake(Intake):
        async def accept(self, *args: object, **options: object) -> object:  # type: ignore[override]
            async with followed.transaction() as connection:
                await incoming_store.set_scenario(connection, somebody.owner, file.id, DESIGN)
            return await super().accept(*args, **options)  # type: ignore[arg-type]

    async def engine() -> tuple[str, str]:
        return "engine", "model"

    intake = ChoosingIntake(followed, objects, LIMITS, enqueued.add, engine)
    await look(Downloads(followed, telegram, intake, tmp_path, 2))
    assert [recording.request.scenario for recording in await recordings(somebody)] == ["design"]


async def test_a_file_of_which_nobody_said_what_it_is_is_stored_all_the_same(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, sound: bytes
) -> None:
    await somebody.sends(telegram, sound, scenario=None)
    await look(downloads)
    assert [recording.request.scenario for recording in await recordings(somebody)] == [NO_SCENARIO]


async def until(there: bool, path: Path) -> None:
    async with asyncio.timeout(10):
        while bool(spooled(path)) is not there:  # noqa: ASYNC110  # a folder has no event
            await asyncio.sleep(0.01)


async def test_a_cancelled_download_stops_and_leaves_nothing(
    downloads: Downloads, somebody: Somebody, telegram: TelegramOfFiles, sound: bytes, tmp_path: Path
) -> None:
    file = await somebody.sends(telegram, sound)
    telegram.stops_at = 100
    running = asyncio.create_task(downloads.run())
    await telegram.stopped.wait()
    assert spooled(tmp_path) == [f"{file.id}.part"]
    await somebody.cancels(file.id)
    downloads.wake()
    await until(False, tmp_path)
    assert (await somebody.file(file.id)).state is IncomingState.CANCELLED
    running.cancel()
    await asyncio.wait([running])
    assert await recordings(somebody) == []


async def test_what_was_cancelled_while_it_was_checked_is_not_stored(
    somebody: Somebody,
    telegram: TelegramOfFiles,
    followed: Database,
    objects: ObjectStore,
    enqueued: Enqueued,
    sound: bytes,
    tmp_path: Path,
) -> None:
    file = await somebody.sends(telegram, sound)

    class LateIntake(Intake):
        async def accept(self, *args: object, **options: object) -> object:  # type: ignore[override]
            await somebody.cancels(file.id)
            return await super().accept(*args, **options)  # type: ignore[arg-type]

    async def engine() -> tuple[str, str]:
        return "engine", "model"

    await look(Downloads(followed, telegram, LateIntake(followed, objects, LIMITS, enqueued.add, engine), tmp_path, 2))
    assert await recordings(somebody) == []
    assert (await somebody.file(file.id)).state is IncomingState.CANCELLED


async def test_a_download_goes_on_after_a_restart_where_it_was(
    downloads: Downloads,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    followed: Database,
    intake: Intake,
    sound: bytes,
    tmp_path: Path,
) -> None:
    file = await somebody.sends(telegram, sound)
    telegram.stops_at = 100
    running = asyncio.create_task(downloads.run())
    await telegram.stopped.wait()
    running.cancel()
    await asyncio.wait([running])
    telegram.stops_at = None
    await look(Downloads(followed, telegram, intake, tmp_path, 2))
    assert telegram.fetched == [100, len(sound) - 100]
    assert (await somebody.file(file.id)).state is IncomingState.STORED


async def test_what_an_earlier_process_left_of_finished_files_is_removed(downloads: Downloads, tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "77.part").write_bytes(b"half")
    running = asyncio.create_task(downloads.run())
    await until(False, tmp_path)
    running.cancel()
    await asyncio.wait([running])


async def test_killed_at_any_moment_a_file_becomes_one_recording(
    followed: Database, objects: ObjectStore, sound: bytes, tmp_path: Path
) -> None:
    for at in count(1):
        killer = Killer(at)
        telegram, somebody, enqueued = TelegramOfFiles(killer), await Somebody.come(followed), Enqueued()
        file = await somebody.sends(telegram, sound)
        mortal = DatabaseUntilKilled(followed, killer)
        was_killed = await killed(
            killer, Downloads(mortal, telegram, intake_of(mortal, objects, enqueued), tmp_path, 2)
        )
        after_restart = Downloads(followed, telegram, intake_of(followed, objects, enqueued), tmp_path, 2)
        await look(after_restart, times=2)
        [recording] = await recordings(somebody)
        after = await somebody.file(file.id)
        assert (after.state, after.recording_id, after.known) == (IncomingState.STORED, recording.id, False)
        assert await wizard(somebody, recording) == (WizardStep.TRANSCRIPT, 1)
        if not was_killed:
            assert at > 12
            break


def attached(name: str, size: int = 1000, kind: FileKind = FileKind.DOCUMENT) -> AttachedFile:
    return AttachedFile(kind=kind, file_name=name, size_bytes=size)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (attached("договор.xlsx"), "not_a_recording"),
        (attached("договор.PDF"), "document_not_allowed"),
        (attached("пусто.pdf", 0), "empty_file"),
        (attached("без расширения"), "not_a_recording"),
        (attached("пусто.ogg", 0), "empty_file"),
        (attached("фильм.MKV", LIMITS.largest_bytes + 1), "recording_too_large"),
    ],
)
def test_what_cannot_be_a_recording_is_refused_before_it_is_downloaded(file: AttachedFile, code: str) -> None:
    problem = refusal(file, LIMITS, documents=False)
    assert problem is not None
    assert problem.code == code


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (attached("Интервью.OGG"), "Интервью.OGG"),
        (attached("voice", kind=FileKind.VOICE), "voice.ogg"),
        (attached("note", kind=FileKind.VIDEO_NOTE), "note.mp4"),
        (attached("voice.oga", kind=FileKind.VOICE), "voice.oga"),
    ],
)
def test_what_may_be_a_recording_has_a_name_that_says_so(file: AttachedFile, name: str) -> None:
    assert refusal(file, LIMITS, documents=False) is None
    assert recording_name(file) == name


@pytest.mark.parametrize("kept_s", [0.0, 3600.0])
async def test_a_stored_file_stays_in_the_spool_while_the_store_may_lose_it(
    followed: Database,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    intake: Intake,
    sound: bytes,
    tmp_path: Path,
    kept_s: float,
) -> None:
    file = await somebody.sends(telegram, sound)
    downloads = Downloads(followed, telegram, intake, tmp_path, 2, kept_s=kept_s)
    await look(downloads, times=2)
    assert (await somebody.file(file.id)).state is IncomingState.STORED
    assert spooled(tmp_path) == ([f"{file.id}.part"] if kept_s else [])
    async with followed.transaction() as connection:
        earlier = "UPDATE incoming_files SET finished_at = finished_at - interval '1 hour' WHERE id = %s"
        await connection.execute(earlier, [file.id])
    await look(downloads)
    assert spooled(tmp_path) == []


async def test_a_refused_file_does_not_stay_in_the_spool(
    followed: Database, somebody: Somebody, telegram: TelegramOfFiles, intake: Intake, tmp_path: Path
) -> None:
    await somebody.sends(telegram, b"no recording")
    await look(Downloads(followed, telegram, intake, tmp_path, 2, kept_s=3600.0), times=2)
    assert spooled(tmp_path) == []


async def test_what_is_said_in_the_place_of_text_has_a_limit_an_hour_which_browsers_share(
    followed: Database, somebody: Somebody, telegram: TelegramOfFiles, intake: Intake, tmp_path: Path
) -> None:
    jobs: list[UUID] = []

    async def enqueue(connection: Connection, id_: UUID) -> None:
        jobs.append(id_)

    spoken, browser = SpokenWords(followed, enqueue, 2), SpokenQuestions(followed, enqueue, 2)
    downloads = Downloads(followed, telegram, intake, tmp_path, 1, hear=spoken.hear)
    other = await Somebody.come(followed)
    await browser.put(somebody.owner, b"one")
    files = [await somebody.sends(telegram, each, purpose=FilePurpose.WORDS) for each in (b"two", b"three")]
    files += [await other.sends(telegram, b"three", purpose=FilePurpose.WORDS)]
    for _ in files:
        await look(downloads)
    heard, refused, of_other = [
        await who.file(each.id) for who, each in zip((somebody, somebody, other), files, strict=True)
    ]
    assert (heard.state, of_other.state) == (IncomingState.HEARING, IncomingState.HEARING)
    said = "За час можно обратиться голосом не больше 2 раз. Подождите 60 мин. и повторите."
    assert (refused.state, refused.error_text) == (IncomingState.REFUSED, said)
    with pytest.raises(HourUsedUp):
        await browser.put(somebody.owner, b"four")
    assert len(jobs) == 3, "nothing that was refused costs anything"
    async with followed.transaction() as connection:
        await connection.execute("UPDATE hourly_uses SET used_at = used_at - interval '61 minutes'")
    again = await somebody.sends(telegram, b"three", purpose=FilePurpose.WORDS)
    await look(downloads)
    assert (await somebody.file(again.id)).state is IncomingState.HEARING
