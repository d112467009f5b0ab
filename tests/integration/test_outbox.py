"""What is put into the outbox comes to its chat once, in its order, with its file."""

import asyncio
import errno
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import dead_letters_store
import outbox_store
import user_states
from access import Team
from config import ROOT
from datamodels import Recording, RunStatus
from datamodels_telegram import (
    FileReference,
    FileSource,
    IncomingMessage,
    MessageId,
    MessageKind,
    OutgoingMessage,
    Screen,
    SeenUpdate,
    Sound,
    TelegramPerson,
)
from db import Database
from default_pack import PACK
from dialogs import Dialog, Dialogs, QuestionsAside, Step
from errors import DiskFull, ObjectStoreUnavailable, VoxPersonaError
from followers_world import Clock, DatabaseUntilKilled, Killer, Somebody, TelegramOfFiles, killed, look
from inbox import Inbox
from message_tracker import MessageTracker
from messenger import AlreadySent, ChatClosed, MessengerError, MessengerRefusedSecrets, MessengerUnavailable
from object_files import FolderObjectStore
from object_store import ObjectStore
from outbox import Outbox, OutboxFiles
from recordings.originals import Originals
from recordings.preferences import Preferences, Quiet
from updates_journal import UpdatesJournal
from utils import sha256_of_stream

BEGINNINGS = {"docx": b"PK", "pdf": b"%PDF-"}
"""Of files that are no text."""


@pytest.fixture
def telegram() -> TelegramOfFiles:
    return TelegramOfFiles()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def somebody(followed: Database) -> Somebody:
    return await Somebody.come(followed)


@pytest.fixture
def files(followed: Database, objects: ObjectStore, tmp_path: Path) -> OutboxFiles:
    return OutboxFiles(followed, Originals(followed, objects, tmp_path), PACK, tmp_path)


@pytest.fixture
def outbox(followed: Database, telegram: TelegramOfFiles, files: OutboxFiles, clock: Clock) -> Outbox:
    return Outbox(followed, MessageTracker(followed, telegram), files, now=clock)


def text(said: str, kind: MessageKind = MessageKind.RESULT) -> OutgoingMessage:
    return OutgoingMessage(kind=kind, screen=Screen(text=said))


def file(source: FileSource, subject: UUID, extension: str) -> OutgoingMessage:
    reference = FileReference(source=source, subject=subject, extension=extension)
    return OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text=f"Файл {extension}"), file=reference)


async def put(somebody: Somebody, *messages: OutgoingMessage) -> None:
    async with somebody.database.transaction() as connection:
        for message in messages:
            await outbox_store.put(connection, uuid4().hex, somebody.owner, somebody.chat, message)


async def left(database: Database) -> int:
    async with database.transaction() as connection:
        query = "SELECT count(*) AS left FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL"
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return int(row["left"])


async def everything_can_be_tried_now(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("UPDATE outbox SET not_before = now()")


async def test_messages_of_a_chat_come_in_their_order(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles
) -> None:
    await put(somebody, *(text(f"{number}.") for number in range(5)))
    await look(outbox, times=6)
    assert telegram.shown(somebody.chat) == ["0.", "1.", "2.", "3.", "4."]
    assert telegram.sends == 5


async def test_at_night_messages_come_without_a_sound_to_whoever_wants_that(
    followed: Database, telegram: TelegramOfFiles, files: OutboxFiles
) -> None:
    at = datetime(2026, 11, 3, 12, 30, tzinfo=UTC)  # 22:30 in Vladivostok
    preferences = Preferences(followed, lambda: at)
    outbox = Outbox(followed, MessageTracker(followed, telegram), files, is_quiet=preferences.is_quiet)
    people = [await Somebody.come(followed) for _ in range(4)]
    for each, chosen in zip(people, [None, Quiet.NIGHT, Quiet.NIGHT, Quiet.ALWAYS], strict=True):
        zone = "Europe/Berlin" if each is people[1] else "Asia/Vladivostok"
        await preferences.set(each.owner, quiet=chosen, time_zone=zone)
        await put(each, text("Готово"))
    await look(outbox, times=2)
    came = [next(iter(telegram.chats[each.chat])) in telegram.silent for each in people]
    assert came == [False, False, True, True]
    assert (await Preferences(followed).of(people[3].owner)).quiet is Quiet.ALWAYS


async def test_a_chat_does_not_wait_for_another(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database
) -> None:
    other = await Somebody.come(followed)
    await put(somebody, text("первое"), text("второе"))
    await put(other, text("другому"))
    telegram.failures["send"] = [MessengerUnavailable(reason="timeout")]
    await look(outbox, times=2)
    assert telegram.shown(other.chat) == ["другому"]
    assert telegram.shown(somebody.chat) == []


async def test_a_clock_that_was_ahead_for_a_moment_holds_nothing_up(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database, clock: Clock
) -> None:
    await put(somebody, text("первое"))
    telegram.failures["send"] = [MessengerUnavailable(reason="timeout")]
    clock.passes(3600)
    await look(outbox, times=1)
    async with followed.transaction() as connection:
        query = "SELECT extract(epoch FROM not_before - now())::float AS waits_s FROM outbox"
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    assert 0 < row["waits_s"] < 60
    await put(somebody, text("второе"))
    async with followed.transaction() as connection:
        await connection.execute("UPDATE outbox SET not_before = now() + interval '1 hour'")
    await look(outbox, times=2)
    assert telegram.shown(somebody.chat) == ["первое", "второе"]


async def test_a_running_outbox_sends_what_is_put_in(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database
) -> None:
    running = asyncio.create_task(outbox.run())
    await put(somebody, *(text(f"{number}.") for number in range(20)))
    outbox.wake()
    async with asyncio.timeout(20):
        while await left(followed):  # noqa: ASYNC110  # the database has no event of ours
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    assert telegram.sends == 20


def without_descriptors() -> MessengerUnavailable:
    """Return what an outage of Telegram looks like that a shortage of the machine made."""
    away = MessengerUnavailable(reason="timeout")
    away.__cause__ = OSError(errno.EMFILE, "Too many open files")
    return away


@pytest.mark.parametrize(
    "trouble",
    [MessengerUnavailable(reason="timeout"), MessengerRefusedSecrets(reason="revoked"), without_descriptors()],
)
async def test_what_could_not_be_sent_is_sent_later_and_what_follows_waits(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database, trouble: MessengerError
) -> None:
    await put(somebody, text("первое"), text("второе"))
    telegram.failures["send"] = [trouble]
    await look(outbox, times=3)
    assert telegram.shown(somebody.chat) == []
    await everything_can_be_tried_now(followed)
    await look(outbox, times=2)
    assert telegram.shown(somebody.chat) == ["первое", "второе"]


async def test_what_a_closed_chat_does_not_take_is_given_up(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database
) -> None:
    await put(somebody, text("первое"))
    telegram.failures["send"] = [ChatClosed(chat=somebody.chat, reason="USER_IS_BLOCKED")]
    await look(outbox, times=2)
    assert (telegram.shown(somebody.chat), await left(followed)) == ([], 0)


async def known_by_chat(somebody: Somebody, followed: Database) -> None:
    """Let the person be known by the id of the chat."""
    async with followed.transaction() as connection:
        query = "UPDATE users SET telegram_id = %s WHERE id = %s"
        await connection.execute(query, (somebody.chat, somebody.owner))


async def test_a_question_that_is_given_up_leaves_no_step_open(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database
) -> None:
    asked, other = [(await somebody.has_recording("Да.", card=True)).id for _ in range(2)]
    await known_by_chat(somebody, followed)
    dialogs = Dialogs(followed)
    await dialogs.begin(somebody.owner, Dialog(step=Step("ask_audio_number"), recording_id=asked))
    for subject in (other, asked):
        assert await dialogs.find(somebody.owner, Dialog) is not None
        screen = Screen(text="Где это было?")
        await put(somebody, OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=screen, subject=subject))
        telegram.failures["send"] = [ChatClosed(chat=somebody.chat, reason="USER_IS_BLOCKED")]
        await look(outbox)
    assert await dialogs.find(somebody.owner, Dialog) is None


@pytest.mark.parametrize("by_message", [True, False])
async def test_whoever_comes_back_gets_what_came_meanwhile_once_and_is_asked_anew(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database, tmp_path: Path, by_message: bool
) -> None:
    away, asked = await Somebody.come(followed), (await somebody.has_recording("Да.", card=True)).id
    await known_by_chat(somebody, followed)
    await Dialogs(followed).begin(somebody.owner, Dialog(step=Step("ask_audio_number"), recording_id=asked))
    question = OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=Screen(text="Где это было?"), subject=asked)
    await put(somebody, text("первое"), question, file(FileSource.TRANSCRIPT, asked, "txt"))
    await put(away, text("другому"))
    telegram.failures["send"] = [ChatClosed(chat=somebody.chat, reason="USER_IS_BLOCKED")] * 4
    await look(outbox, times=4)
    assert (telegram.chats, await left(followed)) == ({}, 0)

    team = Team(owner=somebody.chat, members=frozenset())
    inbox = Inbox(followed, team, UpdatesJournal(tmp_path / "updates.journal"))
    for _ in range(2):
        if by_message:
            person = TelegramPerson(id=somebody.chat, name="Анна")
            message = IncomingMessage(chat_id=somebody.chat, message_id=MessageId(7), person=person, text="/start")
            await inbox.begin(SeenUpdate.of(message))
        else:
            await inbox.is_back(somebody.chat)
        await look(outbox, times=4)
    assert telegram.shown(somebody.chat) == ["первое", "Файл txt"]
    assert telegram.shown(away.chat) == []
    async with followed.transaction() as connection:
        assert await user_states.get(connection, somebody.owner, QuestionsAside) is None
        count, _ = await dead_letters_store.count(connection)
    assert count == 0, "what nobody can act on is no dead letter"
    await inbox.is_back(away.chat)  # no member of the team
    assert await left(followed) == 0


async def test_a_question_that_was_answered_before_it_was_noted_leaves_the_next_step_open(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database
) -> None:
    """The answer has turned it into another message, by whose text it is not found when it is sent again."""
    subject = (await somebody.has_recording("Да.", card=True)).id
    await known_by_chat(somebody, followed)
    dialogs = Dialogs(followed)
    await dialogs.begin(somebody.owner, Dialog(step=Step("ask_audio_number"), recording_id=subject))
    question = OutgoingMessage(kind=MessageKind.CONFIRMATION, screen=Screen(text="Верно?"), subject=subject)
    await put(somebody, question)
    telegram.failures["send"] = [AlreadySent(call="sendMessage", reason="RANDOM_ID_DUPLICATE")]
    await look(outbox)
    assert await left(followed) == 0
    assert await dialogs.find(somebody.owner, Dialog) is not None


async def test_a_file_that_came_and_was_deleted_is_not_said_to_be_missing(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database
) -> None:
    recording = await somebody.has_recording("Да.")
    await put(somebody, file(FileSource.TRANSCRIPT, recording.id, "txt"))
    await look(outbox)
    telegram.chats[somebody.chat].clear()
    async with followed.transaction() as connection:
        await connection.execute("UPDATE outbox SET sent_at = NULL WHERE chat_id = %s", (somebody.chat,))
    await look(outbox, times=2)
    assert (telegram.shown(somebody.chat), await left(followed)) == ([], 0)


@pytest.mark.parametrize("extension", ["txt", "docx", "pdf", "srt", "vtt", "json"])
async def test_a_transcript_comes_as_a_file_of_any_form(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, extension: str
) -> None:
    recording = await somebody.has_recording("Нам понравилась тишина.")
    await put(somebody, file(FileSource.TRANSCRIPT, recording.id, extension))
    await look(outbox)
    [(name, content)] = telegram.files
    assert telegram.sounds == [None]
    assert name == f"Расшифровка 1 interview_17.{extension}"
    assert content.startswith(BEGINNINGS[extension]) if extension in BEGINNINGS else "тишина" in content.decode()


@pytest.mark.parametrize("extension", ["md", "docx", "pdf", "json"])
async def test_a_report_comes_as_a_file_of_any_form(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, extension: str
) -> None:
    recording = await somebody.has_recording("Да.")
    _, [run] = await somebody.orders(recording, "report_int_links")
    await somebody.report_ends(run, RunStatus.DONE, "# Связки\n\nТишина.")
    await put(somebody, file(FileSource.REPORT, run, extension))
    await look(outbox)
    [(name, content)] = telegram.files
    assert name == f"№1 Отчет о связках — interview_17.{extension}"
    assert content.startswith(BEGINNINGS[extension]) if extension in BEGINNINGS else "Связок" in content.decode()


async def test_an_original_comes_back_as_it_was_and_leaves_nothing_in_the_spool(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, objects: ObjectStore, tmp_path: Path
) -> None:
    recording = await somebody.has_recording("Да.")
    original = tmp_path / "original"
    original.write_bytes(b"sound" * 1000)
    with original.open("rb") as stream:
        sha256 = sha256_of_stream(stream)
    await objects.put_file(recording.object_key, original, sha256=sha256, file_name="original")
    await put(somebody, file(FileSource.RECORDING, recording.id, "ogg"))
    await look(outbox)
    assert telegram.files == [("interview_17.ogg", b"sound" * 1000)]
    # It is played in the chat, under a name.
    assert telegram.sounds == [Sound(title="№1 · interview_17", duration_s=recording.duration_s)]
    assert list((tmp_path / "outgoing").iterdir()) == []


async def test_a_fragment_is_cut_out_of_the_recording_to_be_listened_to(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, objects: ObjectStore, tmp_path: Path
) -> None:
    recording, stranger = await somebody.has_recording("Да."), await Somebody.come(somebody.database)
    demo = ROOT / "samples" / "demo.ogg"
    with demo.open("rb") as stream:
        sha256 = sha256_of_stream(stream)
    await objects.put_file(recording.object_key, demo, sha256=sha256, file_name="demo.ogg")
    wanted = file(FileSource.FRAGMENT, recording.id, "ogg")
    assert wanted.file is not None
    cut = wanted.model_copy(update={"file": wanted.file.model_copy(update={"start_s": 1.5, "end_s": 3.5})})
    await put(somebody, cut, wanted)
    await put(stranger, cut)
    await look(outbox)
    [(name, content)] = telegram.files
    assert (name[-4:], content[:4]) == (".ogg", b"OggS")
    assert telegram.sounds == [Sound(title="№1 · 00:01", duration_s=2.0)]
    assert list((tmp_path / "outgoing").iterdir()) == []


class AwayStore(FolderObjectStore):
    """An object store that does not answer for a while."""

    is_away = True
    failure: VoxPersonaError = ObjectStoreUnavailable(reason="away")

    async def get_file(self, key: str, path: Path) -> None:
        if self.is_away:
            raise self.failure
        await super().get_file(key, path)


@pytest.fixture
async def away(tmp_path: Path) -> AwayStore:
    return AwayStore(tmp_path / "objects")


@pytest.fixture
def over_away(followed: Database, telegram: TelegramOfFiles, away: AwayStore, tmp_path: Path, clock: Clock) -> Outbox:
    files = OutboxFiles(followed, Originals(followed, away, tmp_path), PACK, tmp_path)
    return Outbox(followed, MessageTracker(followed, telegram), files, now=clock)


async def with_original(somebody: Somebody, objects: ObjectStore) -> Recording:
    recording = await somebody.has_recording("Да.")
    await objects.put_bytes(recording.object_key, b"sound")
    return recording


async def test_a_file_that_cannot_be_made_now_holds_up_nothing_and_comes_later(
    followed: Database, somebody: Somebody, telegram: TelegramOfFiles, away: AwayStore, over_away: Outbox
) -> None:
    recording = await with_original(somebody, away)
    await put(somebody, file(FileSource.RECORDING, recording.id, "ogg"), text("Следующее"))
    await look(over_away, times=3)
    shown = telegram.shown(somebody.chat)
    assert [each.partition(".")[0] for each in shown] == ["Следующее", "⏳ Файл пока не отправить"]
    assert "Хранилище файлов не отвечает" in shown[1]

    away.is_away = False
    await everything_can_be_tried_now(followed)
    await look(over_away, times=2)
    assert [name for name, _ in telegram.files] == ["interview_17.ogg"]
    assert await left(followed) == 0


@pytest.mark.parametrize("tries_before", [0, 1000])
async def test_a_file_that_cannot_be_made_for_half_an_hour_is_given_up_and_said_to_be(
    followed: Database,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    away: AwayStore,
    over_away: Outbox,
    clock: Clock,
    tries_before: int,
) -> None:
    """However often the messenger did not answer before: that was no fault of the file's."""
    recording = await with_original(somebody, away)
    await put(somebody, file(FileSource.RECORDING, recording.id, "ogg"))
    async with followed.transaction() as connection:
        await connection.execute("UPDATE outbox SET tries = %s", [tries_before])
    for minutes in (0, 29):
        clock.passes(60 * minutes)
        await everything_can_be_tried_now(followed)
        await look(over_away, times=2)
        assert await left(followed) == 1
        assert len(telegram.shown(somebody.chat)) == 1
    clock.passes(120)
    await everything_can_be_tried_now(followed)
    await look(over_away, times=2)
    assert await left(followed) == 0
    assert len(telegram.shown(somebody.chat)) == 2
    assert telegram.files == []


async def test_a_file_that_the_disk_has_no_space_for_waits_for_space_however_long_that_takes(
    followed: Database,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    away: AwayStore,
    over_away: Outbox,
    clock: Clock,
) -> None:
    away.failure = DiskFull(path="spool")
    recording = await with_original(somebody, away)
    await put(somebody, file(FileSource.RECORDING, recording.id, "ogg"))
    for hours in (0, 1, 24):
        clock.passes(3600 * hours)
        await everything_can_be_tried_now(followed)
        await look(over_away, times=2)
    assert await left(followed) == 1
    assert len(telegram.shown(somebody.chat)) == 1
    away.is_away = False
    await everything_can_be_tried_now(followed)
    await look(over_away, times=2)
    assert [name for name, _ in telegram.files] == ["interview_17.ogg"]


async def test_a_file_that_nobody_has_any_more_is_said_to_be_lost_at_once(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles
) -> None:
    recording = await somebody.has_recording("Да.")
    await put(somebody, file(FileSource.RECORDING, recording.id, "ogg"), text("Следующее"))
    await look(outbox, times=3)
    first, notice = telegram.shown(somebody.chat)
    assert first == "Следующее"
    assert notice.startswith("❌ Не отправлено: «Файл ogg»\nИсходный")


@pytest.mark.parametrize("source", FileSource)
async def test_nobody_gets_a_file_of_another_and_is_told_that_there_is_none(
    outbox: Outbox, somebody: Somebody, telegram: TelegramOfFiles, followed: Database, source: FileSource
) -> None:
    other = await Somebody.come(followed)
    recording = await other.has_recording("Тайна.")
    _, [run] = await other.orders(recording, "report_int_links")
    subject = run if source is FileSource.REPORT else recording.id
    await put(somebody, file(source, subject, "md" if source is FileSource.REPORT else "txt"))
    await look(outbox, times=2)
    assert telegram.files == []
    [told] = telegram.shown(somebody.chat)
    assert "не нашлось" in told


async def test_an_original_that_a_killed_process_was_sending_does_not_stay(outbox: Outbox, tmp_path: Path) -> None:
    leftover = tmp_path / "outgoing" / "0123"
    leftover.parent.mkdir()
    leftover.write_bytes(b"half")
    running = asyncio.create_task(outbox.run())
    async with asyncio.timeout(20):
        while leftover.exists():  # noqa: ASYNC110  # a folder has no event
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])


async def test_killed_at_any_moment_each_message_comes_once(
    followed: Database, objects: ObjectStore, tmp_path: Path
) -> None:
    for at in count(1):
        killer = Killer(at)
        telegram, somebody = TelegramOfFiles(killer), await Somebody.come(followed)
        recording = await somebody.has_recording("Да.")
        expected = ["Что дальше?", "Файл txt", "Вопрос"]
        await put(somebody, text(expected[0]), file(FileSource.TRANSCRIPT, recording.id, "txt"))
        await put(somebody, text(expected[2], MessageKind.INPUT_REQUEST))
        mortal = DatabaseUntilKilled(followed, killer)
        dying = Outbox(
            mortal,
            MessageTracker(mortal, telegram),
            OutboxFiles(mortal, Originals(mortal, objects, tmp_path), PACK, tmp_path),
        )
        was_killed = await killed(killer, dying)
        await everything_can_be_tried_now(followed)
        files = OutboxFiles(followed, Originals(followed, objects, tmp_path), PACK, tmp_path)
        await look(Outbox(followed, MessageTracker(followed, telegram), files), times=4)
        assert telegram.shown(somebody.chat) == expected
        if not was_killed:
            assert at > 20
            break
