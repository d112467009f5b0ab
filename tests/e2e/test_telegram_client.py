"""The adapter to Telegram over real MTProto: nothing sent twice, nothing lost, every byte downloaded."""

import asyncio
import logging
import random
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never

import pytest
from structlog.testing import capture_logs

import telegram_client.session
from datamodels_telegram import (
    Button,
    ButtonPress,
    ChatId,
    Doing,
    FileKind,
    IncomingMessage,
    MessageId,
    Picture,
    Screen,
    Sound,
    Voice,
)
from errors import DiskFull
from messenger import ChatClosed, FileGone, MessengerError, MessengerRefusedSecrets, MessengerUnavailable
from power import fill, reason_against_small_disks, small_disk
from telegram_client.client import TelegramClient
from telegram_events import Happening
from telegram_in_process import loopback_server, new_client, nothing_reachable
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

MEBIBYTE = 2**20
RECORDING_BYTES = 5 * MEBIBYTE + MEBIBYTE // 2 + 7


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    with nothing_reachable():
        yield


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with loopback_server() as server:
        yield server


@pytest.fixture
def anna(server: TelegramServer) -> ScriptedUser:
    return server.world.user("Анна", id=1001)


@dataclass
class Bot:
    """A started client and what it told."""

    client: TelegramClient
    messages: list[IncomingMessage] = field(default_factory=list)
    presses: list[ButtonPress] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)


@asynccontextmanager
async def started(server: TelegramServer, folder: Path) -> AsyncIterator[Bot]:
    bot = Bot(new_client(server, folder))

    async def on_message(message: IncomingMessage) -> None:
        bot.messages.append(message)
        await bot.client.send(message.chat_id, Screen(text="получено"))

    async def on_press(press: ButtonPress) -> None:
        bot.presses.append(press)
        await bot.client.answer(press.query_id, "нажато")

    async def on_return(person: int) -> None:
        bot.returned.append(person)

    await bot.client.start(on_message, on_press, on_return)
    try:
        yield bot
    finally:
        await bot.client.stop()


@pytest.fixture
async def bot(server: TelegramServer, anna: ScriptedUser, tmp_path: Path) -> AsyncIterator[Bot]:
    async with started(server, tmp_path) as bot:
        yield bot


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait five seconds for an answer that a test has lost."""
    monkeypatch.setattr(telegram_client.session, "_TIMEOUTS_S", (1.0, 2.0, 3.0))


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(3).randbytes(RECORDING_BYTES)  # noqa: S311 - any bytes do


@pytest.fixture
def recording(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "Встреча.ogg"
    path.write_bytes(content)
    return path


def chat_of(user: ScriptedUser) -> ChatId:
    return ChatId(user.id)


async def test_a_check_tells_silence_within_seconds_and_its_end(server: TelegramServer, tmp_path: Path) -> None:
    async with started(server, tmp_path) as bot:
        await bot.client.check()
        server.network.degrade(delay_seconds=0, loss=1)
        began = time.monotonic()
        with pytest.raises(MessengerUnavailable):
            await bot.client.check()
        assert time.monotonic() - began < 4.5
        server.network.restore()
        async with asyncio.timeout(30):
            while True:
                try:
                    await bot.client.check()
                except MessengerUnavailable:
                    await asyncio.sleep(0.1)
                else:
                    break


async def test_a_check_tells_that_a_call_was_refused_until_the_login_is_accepted_again(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with started(server, tmp_path) as bot:
        server.faults.error("messages.SendMessage", 401, "AUTH_KEY_UNREGISTERED")
        server.faults.error("updates.GetState", 401, "AUTH_KEY_UNREGISTERED")
        with pytest.raises(MessengerRefusedSecrets):
            await bot.client.send(ChatId(anna.id), Screen(text="Отчёт"))
        with pytest.raises(MessengerRefusedSecrets):
            await bot.client.check()
        await bot.client.check()
        await bot.client.check()


async def test_it_knows_its_own_name(server: TelegramServer, bot: Bot) -> None:
    assert (bot.client.username, bot.client.id) == (server.world.bot_username, 7000000001)


async def test_the_session_folder_is_closed_to_others(bot: Bot, tmp_path: Path) -> None:
    assert (tmp_path / "telegram").stat().st_mode & 0o777 == 0o700


async def test_a_message_comes_with_its_person(anna: ScriptedUser, bot: Bot) -> None:
    sent = await anna.send("привет <b>")
    await anna.sees("получено")
    [message] = bot.messages
    assert (message.chat_id, message.message_id, message.text) == (anna.id, sent.id, "привет <b>")
    assert (message.person.id, message.person.name) == (anna.id, "Анна")
    assert message.private
    assert message.file is None


@pytest.mark.parametrize(
    ("kind", "file_name", "expected"),
    [
        ("voice", "", r"voice_20\d\d-\d\d-\d\d_\d\d-\d\d\.ogg"),
        ("video_note", "", r"video_note_20.*\.mp4"),
        ("audio", "Встреча.mp3", r"Встреча\.mp3"),
        ("video", "Встреча.mov", r"Встреча\.mov"),
        ("document", "Встреча.wav", r"Встреча\.wav"),
    ],
)
async def test_files_of_every_kind_come_with_a_name_and_their_size(
    anna: ScriptedUser, bot: Bot, recording: Path, kind: str, file_name: str, expected: str
) -> None:
    await anna.send_file(recording, kind=kind, file_name=file_name, caption="22.11.2026", duration=12)
    await anna.sees("получено")
    [message] = bot.messages
    assert message.file is not None
    assert message.file.kind == FileKind(kind)
    assert message.file.size_bytes == RECORDING_BYTES
    assert message.file.duration_s == (None if kind == "document" else 12)
    assert message.text == "22.11.2026"
    assert re.fullmatch(expected, message.file.file_name)


async def test_a_picture_is_no_file_to_work_with(anna: ScriptedUser, bot: Bot, recording: Path) -> None:
    await anna.send_file(recording, kind="photo")
    await anna.sees("получено")
    assert bot.messages[0].file is None


async def test_markup_links_and_buttons_arrive(anna: ScriptedUser, bot: Bot) -> None:
    screen = Screen(
        text="<b>Готово</b>: a &lt;b&gt; https://example.com",
        keyboard=((Button(text="Да", data="yes"), Button(text="Нет", data="no")), (Button(text="Ещё", data="more"),)),
    )
    sent = await bot.client.send(chat_of(anna), screen)
    [message] = anna.chat.from_bot
    assert (message.id, message.text) == (sent, "Готово: a <b> https://example.com")
    assert [[button.text for button in row] for row in message.buttons] == [["Да", "Нет"], ["Ещё"]]
    assert [type(entity).__name__ for entity in message.entities] == ["MessageEntityBold"]
    answer = await anna.press("Ещё")
    assert (answer.text, answer.alert) == ("нажато", False)
    assert [(press.message_id, press.data, press.person.id) for press in bot.presses] == [(sent, "more", anna.id)]


async def test_forged_callback_data_comes_as_text(anna: ScriptedUser, bot: Bot) -> None:
    sent = await bot.client.send(chat_of(anna), Screen(text="меню"))
    await anna.press_data(sent, b"\xff\xfe")
    assert bot.presses[0].data == "��"


async def test_a_press_is_answered_once(anna: ScriptedUser, bot: Bot) -> None:
    await bot.client.send(chat_of(anna), Screen(text="меню", keyboard=((Button(text="Да", data="yes"),),)))
    await anna.press("Да")
    assert not await bot.client.answer(bot.presses[0].query_id, "поздно")


async def test_answers_do_not_wait_for_floods(server: TelegramServer, bot: Bot) -> None:
    server.faults.flood_wait("messages.SetBotCallbackAnswer", 300)
    assert not await bot.client.answer(1)


@pytest.mark.usefixtures("impatient")
async def test_a_message_whose_answer_was_lost_is_there_once_and_its_id_is_known(
    server: TelegramServer, anna: ScriptedUser, bot: Bot
) -> None:
    await bot.client.send(chat_of(anna), Screen(text="Отчёт"))
    server.faults.lose_reply("messages.SendMessage")
    sent = await bot.client.send(chat_of(anna), Screen(text=" <i>Отчёт</i> "))
    assert [message.text.strip() for message in anna.chat.from_bot] == ["Отчёт", "Отчёт"]
    assert sent == anna.chat.from_bot[1].id


@pytest.mark.usefixtures("impatient")
async def test_a_file_whose_answer_was_lost_is_there_once_and_its_id_is_known(
    server: TelegramServer, anna: ScriptedUser, bot: Bot
) -> None:
    server.faults.lose_reply("messages.SendMedia")
    sent = await bot.client.send_file(chat_of(anna), b"# report", "Отчёт.md", Screen(text="<b>Готово</b>"))
    [message] = anna.chat.from_bot
    assert (message.id, message.text) == (sent, "Готово")
    assert message.file is not None
    assert (message.file.name, message.file.kind) == ("Отчёт.md", "document")
    assert await anna.downloads(message) == b"# report"


async def test_a_sound_is_played_in_the_chat_and_another_sound_file_stays_a_file(anna: ScriptedUser, bot: Bot) -> None:
    sound = Sound(title="№1 · Встреча", duration_s=12.4)
    await bot.client.send_file(chat_of(anna), b"OggS", "Встреча.opus", shown=sound)
    await bot.client.send_file(chat_of(anna), b"OggS", "Встреча.opus")
    await bot.client.send_file(chat_of(anna), b"OggS", "Ответ.ogg", shown=Voice(duration_s=3.4))
    played, kept, voice = (message.file for message in anna.chat.from_bot)
    assert played is not None
    assert (played.kind, played.name, played.title, played.duration) == ("audio", "Встреча.opus", "№1 · Встреча", 12)
    assert kept is not None
    assert kept.kind == "document"
    assert voice is not None
    assert (voice.kind, voice.duration) == ("voice", 3)


@pytest.mark.usefixtures("impatient")
async def test_a_picture_is_looked_at_and_found_by_its_caption_when_the_answer_is_lost(
    server: TelegramServer, anna: ScriptedUser, bot: Bot
) -> None:
    server.faults.lose_reply("messages.SendMedia")
    await bot.client.show_doing(chat_of(anna), Doing.SENDING_PICTURE)
    assert len(anna.chat.events(Happening.TYPING)) == 1
    sent = await bot.client.send_file(chat_of(anna), b"\x89PNG", "График.png", Screen(text="График"), shown=Picture())
    [message] = anna.chat.from_bot
    assert message.id == sent
    assert message.file is not None
    assert message.file.kind == "photo"


async def test_a_message_of_an_earlier_process_is_found_by_its_random_id(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with started(server, tmp_path) as first:
        await first.client.send(chat_of(anna), Screen(text="Меню"))
        sent = await first.client.send(chat_of(anna), Screen(text="Отчёт"), random_id=77)
        last = await first.client.send(chat_of(anna), Screen(text="Меню"))
    (tmp_path / "telegram" / "bot_7000000001.session").unlink()
    async with started(server, tmp_path) as second:
        await second.client.missed(last)
        assert await second.client.send(chat_of(anna), Screen(text="Отчёт"), random_id=77) == sent
    assert len(anna.chat.from_bot) == 3


async def test_a_menu_of_an_earlier_process_is_found_though_its_figures_changed(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with started(server, tmp_path) as first:
        await first.client.send(chat_of(anna), Screen(text="Отчёты: 3"))
        sent = await first.client.send(chat_of(anna), Screen(text="Оценки: 3\nсредняя 4,1"), random_id=77)
        last = await first.client.send(chat_of(anna), Screen(text="Отчёты: 4"))
    async with started(server, tmp_path) as second:
        await second.client.missed(last)
        changed = Screen(text="Оценки: 12\nсредняя 4,2")
        assert await second.client.send(chat_of(anna), changed, random_id=77, may_differ=True) == sent
    assert len(anna.chat.from_bot) == 3


async def test_a_delivered_message_that_was_deleted_is_an_error_and_not_sent_again(
    anna: ScriptedUser, bot: Bot
) -> None:
    sent = await bot.client.send(chat_of(anna), Screen(text="Отчёт"), random_id=78)
    await bot.client.delete(chat_of(anna), [sent])
    with pytest.raises(MessengerError, match="RANDOM_ID_DUPLICATE"):
        await bot.client.send(chat_of(anna), Screen(text="Отчёт"), random_id=78)
    assert anna.chat.from_bot == []


async def test_floods_are_waited_out(server: TelegramServer, anna: ScriptedUser, bot: Bot) -> None:
    server.faults.flood_wait("messages.SendMessage", 3)
    asked = time.monotonic()
    await bot.client.send(chat_of(anna), Screen(text="Отчёт"))
    assert time.monotonic() - asked >= 3
    assert sum(name == "messages.SendMessage" for _, name in server.calls) == 2
    assert len(anna.chat.from_bot) == 1


@pytest.mark.usefixtures("impatient")
async def test_server_errors_and_dropped_connections_are_overcome(
    server: TelegramServer, anna: ScriptedUser, bot: Bot
) -> None:
    server.faults.error("messages.SendMessage", 500, "INTERDC_2_CALL_ERROR")
    server.faults.drop_connection("messages.SendMessage", processed=True)
    await bot.client.send(chat_of(anna), Screen(text="Отчёт"))
    assert [message.text for message in anna.chat.from_bot] == ["Отчёт"]


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_only_fails_is_unavailable(server: TelegramServer, anna: ScriptedUser, bot: Bot) -> None:
    server.faults.error("messages.SendMessage", 500, "RPC_CALL_FAIL", times=3)
    with pytest.raises(MessengerUnavailable):
        await bot.client.send(chat_of(anna), Screen(text="Отчёт"))


async def test_a_chat_that_is_closed_says_so(server: TelegramServer, anna: ScriptedUser, bot: Bot) -> None:
    anna.blocked = True
    with pytest.raises(ChatClosed, match="USER_IS_BLOCKED"):
        await bot.client.send(chat_of(anna), Screen(text="Отчёт"))
    with pytest.raises(ChatClosed, match="PEER_ID_INVALID"):
        await bot.client.send(ChatId(424242), Screen(text="Отчёт"))


async def test_it_is_told_who_is_back(server: TelegramServer, anna: ScriptedUser, bot: Bot) -> None:
    await anna.send("Здравствуйте")
    await anna.sees("получено")
    for stopped in (True, False):
        server.tell_of_start(anna, stopped=stopped)
    async with asyncio.timeout(20):
        while not bot.returned:  # noqa: ASYNC110  # it comes from another task
            await asyncio.sleep(0.01)
    assert bot.returned == [anna.id]
    await bot.client.send(chat_of(anna), Screen(text="С возвращением"))


async def test_other_refusals_are_named(server: TelegramServer, anna: ScriptedUser, bot: Bot) -> None:
    with pytest.raises(MessengerError, match="MESSAGE_TOO_LONG"):
        await bot.client.send(chat_of(anna), Screen(text="я" * 4097))
    with pytest.raises(MessengerError, match="FILE_SIZE_INVALID"):
        await bot.client.send_file(chat_of(anna), b"", "Отчёт.md")


async def test_edits_say_whether_the_message_is_there(anna: ScriptedUser, bot: Bot) -> None:
    chat = chat_of(anna)
    sent = await bot.client.send(chat, Screen(text="раз", keyboard=((Button(text="Да", data="yes"),),)))
    assert await bot.client.edit(chat, sent, Screen(text="два"))
    assert await bot.client.edit(chat, sent, Screen(text="два"))
    [message] = anna.chat.from_bot
    assert (message.text, message.buttons) == ("два", ())
    await bot.client.delete(chat, [sent])
    assert not await bot.client.edit(chat, sent, Screen(text="три"))


async def test_hundreds_of_messages_are_deleted_whether_they_are_there_or_not(
    server: TelegramServer, anna: ScriptedUser, bot: Bot
) -> None:
    sent = [await bot.client.send(chat_of(anna), Screen(text=str(number))) for number in range(3)]
    await bot.client.delete(chat_of(anna), [*sent, *map(MessageId, range(5000, 5200))])
    assert anna.chat.from_bot == []
    assert sum(name == "messages.DeleteMessages" for _, name in server.calls) == 3


async def test_large_files_arrive_whole(anna: ScriptedUser, bot: Bot, tmp_path: Path) -> None:
    large = tmp_path / "large.ogg"
    large.write_bytes(random.Random(4).randbytes(11 * MEBIBYTE))  # noqa: S311 - any bytes do
    await bot.client.send_file(chat_of(anna), large, "Встреча.ogg")
    [message] = anna.chat.from_bot
    assert message.file is not None
    assert (message.file.name, message.file.kind) == ("Встреча.ogg", "document")
    assert await anna.downloads(message) == large.read_bytes()


async def test_messages_are_fetched_by_their_ids(anna: ScriptedUser, bot: Bot) -> None:
    sent = await anna.send("привет")
    await anna.sees("получено")
    assert await bot.client.fetch(chat_of(anna), MessageId(sent.id)) == bot.messages[0]
    assert await bot.client.fetch(ChatId(5), MessageId(sent.id)) is None
    assert await bot.client.fetch(chat_of(anna), MessageId(anna.chat.from_bot[0].id)) is None
    assert await bot.client.fetch(chat_of(anna), MessageId(99999)) is None


async def test_what_came_while_the_bot_was_down_is_found(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    boris = server.world.user("Борис", id=1002)
    async with started(server, tmp_path):
        await anna.send("раньше")
        last = await anna.sees("получено")
    await anna.send("первое")
    await boris.send("второе")
    for number in range(150):
        await anna.send(str(number))
    server.world.delete([message.id for message in anna.chat.messages[3:140]])
    async with started(server, tmp_path) as bot:
        missed = await bot.client.missed(MessageId(last.id))
    texts = [message.text for message in missed]
    assert texts[:2] == ["первое", "второе"]
    assert texts[-1] == "149"
    assert [message.message_id for message in missed] == sorted(message.message_id for message in missed)


async def test_commands_are_set(server: TelegramServer, bot: Bot) -> None:
    await bot.client.set_commands([("start", "Меню"), ("help", "Помощь")])
    assert server.world.command_menu() == [("start", "Меню"), ("help", "Помощь")]


class Download:
    """A file that Anna sent, being downloaded."""

    def __init__(self, bot: Bot, anna: ScriptedUser, message: MessageId, path: Path) -> None:
        self.path = path
        self.seen: list[int] = []
        self._bot = bot
        self._chat = chat_of(anna)
        self._message = message

    @property
    def result(self) -> bytes:
        return self.path.read_bytes()

    def begin(self, content: bytes) -> None:
        """Leave what an earlier try got."""
        self.path.write_bytes(content)

    async def run(self, size: int = RECORDING_BYTES) -> None:
        await self._bot.client.download(self._chat, self._message, self.path, size, self.seen.append)


@pytest.fixture
async def download(anna: ScriptedUser, bot: Bot, recording: Path, tmp_path: Path) -> Download:
    sent = await anna.send_file(recording, kind="audio")
    return Download(bot, anna, MessageId(sent.id), tmp_path / "recording.part")


async def test_a_file_is_downloaded_whole(download: Download, content: bytes) -> None:
    await download.run()
    assert download.result == content
    assert download.seen == [*(number * MEBIBYTE for number in range(6)), RECORDING_BYTES]


@pytest.mark.parametrize("size", [1, MEBIBYTE, 3 * MEBIBYTE])
async def test_files_of_whole_megabytes_and_of_one_byte_end_where_they_end(
    anna: ScriptedUser, bot: Bot, content: bytes, tmp_path: Path, size: int
) -> None:
    await asyncio.to_thread((tmp_path / "part.ogg").write_bytes, content[:size])
    sent = await anna.send_file(tmp_path / "part.ogg", kind="audio")
    download = Download(bot, anna, MessageId(sent.id), tmp_path / "recording.part")
    await download.run(size)
    assert download.result == content[:size]


async def test_an_expired_reference_in_the_middle_is_renewed(
    server: TelegramServer, download: Download, content: bytes
) -> None:
    server.faults.expire_file_reference(after=2)
    await download.run()
    assert download.result == content


async def test_a_download_that_ends_early_without_a_word_goes_on(
    server: TelegramServer, download: Download, content: bytes
) -> None:
    server.faults.short_chunk(after=3)
    await download.run()
    assert download.result == content


async def test_floods_in_a_download_are_waited_out(server: TelegramServer, download: Download, content: bytes) -> None:
    server.faults.flood_wait("upload.GetFile", 2, after=1)
    await download.run()
    assert download.result == content


async def test_a_download_goes_on_behind_the_whole_megabytes_that_are_there(
    server: TelegramServer, download: Download, content: bytes
) -> None:
    there = 2 * MEBIBYTE
    download.begin(content[:there] + b"half of a part")
    await download.run()
    assert download.result == content
    assert download.seen[0] == there
    assert sum(name == "upload.GetFile" for _, name in server.calls) == 4


async def test_a_file_that_is_there_is_not_asked_for(
    server: TelegramServer, download: Download, content: bytes
) -> None:
    download.begin(content)
    await download.run()
    assert download.result == content
    assert not any(name == "upload.GetFile" for _, name in server.calls)


async def test_a_file_larger_than_told_is_refused(download: Download) -> None:
    with pytest.raises(MessengerError, match="more than"):
        await download.run(RECORDING_BYTES - 1)


@pytest.mark.parametrize("refusal", ["FILE_ID_INVALID", "FILE_REFERENCE_INVALID"])
async def test_a_file_that_telegram_has_no_more_is_gone(
    anna: ScriptedUser, bot: Bot, recording: Path, tmp_path: Path, refusal: str
) -> None:
    sent = await anna.send_file(recording, kind="audio", refusal=refusal)
    with pytest.raises(FileGone, match=refusal):
        await Download(bot, anna, MessageId(sent.id), tmp_path / "recording.part").run()


async def test_a_file_of_a_deleted_message_is_gone(
    server: TelegramServer, anna: ScriptedUser, download: Download
) -> None:
    server.world.delete([anna.chat.messages[-1].id])
    with pytest.raises(FileGone):
        await download.run()


async def test_other_people_s_files_are_not_to_be_had(
    server: TelegramServer, anna: ScriptedUser, bot: Bot, download: Download
) -> None:
    boris = server.world.user("Борис", id=1002)
    with pytest.raises(FileGone):
        await bot.client.download(
            chat_of(boris), MessageId(anna.chat.messages[-1].id), download.path, RECORDING_BYTES, download.seen.append
        )


async def test_a_refused_token_says_so(server: TelegramServer, tmp_path: Path) -> None:
    for token in ("7000000001:wrong", "nonsense"):
        with pytest.raises(MessengerRefusedSecrets, match="ACCESS_TOKEN_INVALID"):
            await new_client(server, tmp_path, token=token).start(unexpected, unexpected)


@pytest.mark.parametrize(("code", "error"), [(401, "SESSION_REVOKED"), (406, "AUTH_KEY_DUPLICATED")])
async def test_a_revoked_or_broken_session_gives_way_to_a_new_one(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path, code: int, error: str
) -> None:
    async with started(server, tmp_path):
        pass
    server.faults.error("updates.GetState", code, error)
    async with started(server, tmp_path) as bot:
        await bot.client.send(chat_of(anna), Screen(text="раз"))
    session = tmp_path / "telegram" / "bot_7000000001.session"
    session.write_bytes(b"no database")
    async with started(server, tmp_path) as bot:
        await bot.client.send(chat_of(anna), Screen(text="два"))
    with sqlite3.connect(session) as connection:
        connection.execute("DROP TABLE sessions")
    connection.close()
    async with started(server, tmp_path) as bot:
        await bot.client.send(chat_of(anna), Screen(text="три"))
    assert [message.text for message in anna.chat.from_bot] == ["раз", "два", "три"]


async def test_a_session_that_cannot_be_opened_now_is_kept(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with started(server, tmp_path):
        pass
    session = tmp_path / "telegram" / "bot_7000000001.session"
    kept, connect = session.read_bytes(), sqlite3.connect

    def fails(*_: object, **__: object) -> Never:
        # As without descriptors: in a folder that is not there no file can be opened.
        connect(tmp_path / "nowhere" / "session").close()
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", fails)
        with pytest.raises(MessengerUnavailable):
            await new_client(server, tmp_path).start(unexpected, unexpected)
    assert session.read_bytes() == kept
    async with started(server, tmp_path) as bot:
        await bot.client.send(chat_of(anna), Screen(text="раз"))


async def test_a_session_whose_making_was_broken_off_gives_way_to_a_new_one(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with started(server, tmp_path):
        pass
    session = tmp_path / "telegram" / "bot_7000000001.session"
    for text, table in (("раз", "version"), ("два", "sessions")):
        with closing(sqlite3.connect(session)) as connection:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
            connection.commit()
        async with started(server, tmp_path) as bot:
            await bot.client.send(chat_of(anna), Screen(text=text))
    assert [message.text for message in anna.chat.from_bot] == ["раз", "два"]


def auth_keys(session: Path) -> list[bytes]:
    with closing(sqlite3.connect(session)) as connection:
        return [key for (key,) in connection.execute("SELECT auth_key FROM sessions")]


@pytest.mark.skipif(bool(reason_against_small_disks()), reason=reason_against_small_disks())
async def test_a_full_disk_costs_no_message_and_no_session(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "telegram", "512k"):
        session, filler = tmp_path / "telegram" / "bot_7000000001.session", tmp_path / "telegram" / "filler"
        async with started(server, tmp_path) as bot:
            fill(filler)
            for number in range(3):
                await anna.send(str(number))
            boris = server.world.user("Борис", id=1002)
            await boris.send("впервые")
            await boris.sees("получено")
            await anna.chat.until(lambda: len(anna.chat.from_bot) == 3, 15.0, "three answers")
        assert [message.text for message in bot.messages] == ["0", "1", "2", "впервые"]
        login = auth_keys(session)
        assert login
        with pytest.raises(DiskFull):
            async with started(server, tmp_path):
                pass
        assert auth_keys(session) == login
        filler.unlink()
        async with started(server, tmp_path) as bot:
            await bot.client.send(chat_of(anna), Screen(text="есть место"))


async def test_a_failing_handler_does_not_stop_the_others(
    server: TelegramServer, anna: ScriptedUser, bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "pyrogram")
    server.faults.error("messages.SendMessage", 400, "MESSAGE_EMPTY")
    await anna.send("первое")
    await server.calls_come("messages.SendMessage")
    for number in range(40):
        await anna.send(str(number))
    await anna.sees("получено")


async def test_handlers_that_wait_do_not_hold_up_the_stop(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    client, handled = new_client(server, tmp_path), asyncio.Event()

    async def handle(_: object) -> None:
        handled.set()
        await asyncio.Event().wait()

    await client.start(handle, handle)
    await anna.send("привет")
    await handled.wait()
    with capture_logs() as logs:
        await client.stop()
    assert "telegram_stop_incomplete" not in [line["event"] for line in logs]


async def test_stopping_takes_seconds_though_the_network_is_gone(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with started(server, tmp_path):
        server.network.degrade(delay_seconds=0, loss=1.0)
        server.drop_connections()
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    assert anna.chat.events(Happening.SENT) == []


async def unexpected(_: object) -> None:
    raise AssertionError
