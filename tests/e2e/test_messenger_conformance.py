"""What a caller may rely on, whichever messenger it is: Telegram's client over real MTProto, or the tests' double."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from datamodels_telegram import (
    AttachedFile,
    Button,
    ButtonPress,
    ChatId,
    FileKind,
    IncomingMessage,
    MessageId,
    Screen,
    TelegramPerson,
)
from messenger import AlreadySent, FileGone, Messenger
from telegram_double import TelegramDouble
from telegram_events import Message
from telegram_in_process import loopback_server, new_client, nothing_reachable
from telegram_user import ScriptedUser

ANNA = 1001
NOWHERE = MessageId(99_999)
BUTTON = ((Button(text="Да", data="yes"),),)
MEBIBYTE = 1024 * 1024
CONTENT = bytes(number * number // 251 % 251 for number in range(2 * MEBIBYTE + 70_001))
"""Of a recording: it comes in more than one piece, and no two of its megabytes are the same."""


class Talk(ABC):
    """A started messenger, and Anna in her chat with the bot."""

    def __init__(self, messenger: Messenger) -> None:
        self.messenger = messenger
        self.chat = ChatId(ANNA)
        self.came: list[IncomingMessage] = []
        self.pressed: list[ButtonPress] = []
        self.answered: list[bool] = []

    async def on_message(self, message: IncomingMessage) -> None:
        self.came.append(message)
        await self.messenger.send(message.chat_id, Screen(text="получено"))

    async def on_press(self, press: ButtonPress) -> None:
        self.pressed.append(press)
        self.answered.append(await self.messenger.answer(press.query_id, "нажато"))

    @property
    @abstractmethod
    def sees(self) -> list[str]:
        """The bot's messages."""

    @abstractmethod
    async def writes(self, text: str) -> MessageId:
        """Write to the bot and wait until it has heard."""

    @abstractmethod
    async def sends(self, recording: Path) -> MessageId:
        """Send the bot a file and wait until it has heard."""

    @abstractmethod
    async def presses(self, message: MessageId, button: Button) -> str:
        """Press a button; returns what is shown over it."""


class TalkInMemory(Talk):
    def __init__(self, double: TelegramDouble) -> None:
        super().__init__(double)
        self._double = double
        self._person = TelegramPerson(id=ANNA, name="Анна")
        self._ids = count(1)

    @property
    def sees(self) -> list[str]:
        return self._double.shown(self.chat)

    async def writes(self, text: str) -> MessageId:
        return await self._comes(
            IncomingMessage(chat_id=self.chat, message_id=MessageId(next(self._ids)), person=self._person, text=text)
        )

    async def sends(self, recording: Path) -> MessageId:
        message = MessageId(next(self._ids))
        content = self._double.content[message] = await asyncio.to_thread(recording.read_bytes)
        file = AttachedFile(kind=FileKind.DOCUMENT, file_name=recording.name, size_bytes=len(content))
        return await self._comes(IncomingMessage(chat_id=self.chat, message_id=message, person=self._person, file=file))

    async def _comes(self, message: IncomingMessage) -> MessageId:
        assert self._double.listeners is not None
        self._double.written[self.chat, message.message_id] = message
        self._double.unseen.append(message)
        await self._double.listeners[0](message)
        return message.message_id

    async def presses(self, message: MessageId, button: Button) -> str:
        assert self._double.listeners is not None
        press = ButtonPress(
            query_id=next(self._ids), chat_id=self.chat, message_id=message, person=self._person, data=button.data
        )
        await self._double.listeners[1](press)
        return self._double.answers[press.query_id][0]


class TalkAtTelegram(Talk):
    def __init__(self, messenger: Messenger, anna: ScriptedUser) -> None:
        super().__init__(messenger)
        self._anna = anna

    @property
    def sees(self) -> list[str]:
        return [message.text for message in self._anna.chat.from_bot]

    async def writes(self, text: str) -> MessageId:
        return await self._comes(self._anna.send(text))

    async def sends(self, recording: Path) -> MessageId:
        return await self._comes(self._anna.send_file(recording))

    async def _comes(self, sending: Awaitable[Message]) -> MessageId:
        replies = len(self.sees)
        sent = await sending
        await self._anna.chat.until(lambda: len(self.sees) > replies, 10, "the reply")
        return MessageId(sent.id)

    async def presses(self, message: MessageId, button: Button) -> str:
        return (await self._anna.press_data(message, button.data.encode())).text


@asynccontextmanager
async def double(_: Path) -> AsyncIterator[Talk]:
    yield TalkInMemory(TelegramDouble())


@asynccontextmanager
async def telegram(folder: Path) -> AsyncIterator[Talk]:
    async with loopback_server() as server:
        anna = server.world.user("Анна", id=ANNA)
        yield TalkAtTelegram(new_client(server, folder), anna)


Make = Callable[[Path], AbstractAsyncContextManager[Talk]]


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    with nothing_reachable():
        yield


@pytest.fixture(params=[double, telegram], ids=lambda make: make.__name__)
async def talk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Talk]:
    make: Make = request.param
    async with make(tmp_path) as talk:
        await talk.messenger.start(talk.on_message, talk.on_press)
        try:
            yield talk
        finally:
            await talk.messenger.stop()


async def test_a_started_bot_knows_its_name_and_takes_commands(talk: Talk) -> None:
    assert talk.messenger.username
    await talk.messenger.set_commands([("start", "Меню")])
    await talk.messenger.check()


async def test_the_same_sent_twice_is_there_twice(talk: Talk) -> None:
    first = await talk.messenger.send(talk.chat, Screen(text="Отчёт"))
    second = await talk.messenger.send(talk.chat, Screen(text="Отчёт"))
    assert first != second
    assert talk.sees == ["Отчёт", "Отчёт"]


async def test_with_the_same_random_id_it_is_the_same_message(talk: Talk) -> None:
    first = await talk.messenger.send(talk.chat, Screen(text="Отчёт"), random_id=77)
    await talk.messenger.send(talk.chat, Screen(text="Меню"), random_id=-77)
    assert await talk.messenger.send(talk.chat, Screen(text="Отчёт"), random_id=77) == first
    assert talk.sees == ["Отчёт", "Меню"]


async def test_with_the_same_random_id_it_is_the_same_file(talk: Talk) -> None:
    caption = Screen(text="Готово")
    first = await talk.messenger.send_file(talk.chat, b"# report", "Отчёт.md", caption, random_id=78)
    assert await talk.messenger.send_file(talk.chat, b"# report", "Отчёт.md", caption, random_id=78) == first
    assert talk.sees == ["Готово"]


async def test_what_was_delivered_and_deleted_does_not_come_back(talk: Talk) -> None:
    sent = await talk.messenger.send(talk.chat, Screen(text="Отчёт"), random_id=79)
    await talk.messenger.delete(talk.chat, [sent])
    with pytest.raises(AlreadySent):
        await talk.messenger.send(talk.chat, Screen(text="Отчёт"), random_id=79)
    assert talk.sees == []


async def test_an_edited_message_shows_the_new_text(talk: Talk) -> None:
    sent = await talk.messenger.send(talk.chat, Screen(text="раз", keyboard=BUTTON))
    assert await talk.messenger.edit(talk.chat, sent, Screen(text="два"))
    # What it shows already is no error.
    assert await talk.messenger.edit(talk.chat, sent, Screen(text="два"))
    assert talk.sees == ["два"]


async def test_that_a_message_is_gone_is_no_error(talk: Talk) -> None:
    kept = await talk.messenger.send(talk.chat, Screen(text="меню"))
    gone = await talk.messenger.send(talk.chat, Screen(text="вопрос"))
    await talk.messenger.delete(talk.chat, [gone, NOWHERE])
    await talk.messenger.delete(talk.chat, [gone])
    assert not await talk.messenger.edit(talk.chat, gone, Screen(text="ответ"))
    assert talk.sees == ["меню"]
    assert await talk.messenger.edit(talk.chat, kept, Screen(text="меню, страница 2"))


async def test_a_press_is_told_and_answered_once(talk: Talk) -> None:
    sent = await talk.messenger.send(talk.chat, Screen(text="меню", keyboard=BUTTON))
    assert await talk.presses(sent, BUTTON[0][0]) == "нажато"
    [press] = talk.pressed
    assert (press.chat_id, press.message_id, press.person.id, press.data) == (ANNA, sent, ANNA, "yes")
    for again in ("нажато", "поздно", ""):
        assert not await talk.messenger.answer(press.query_id, again)
    assert talk.answered == [True]


async def test_what_a_person_wrote_can_be_fetched_again(talk: Talk) -> None:
    first, second = await talk.writes("раз"), await talk.writes("два")
    assert [message.text for message in talk.came] == ["раз", "два"]
    assert await talk.messenger.fetch(talk.chat, second) == talk.came[1]
    assert await talk.messenger.fetch(ChatId(5), second) is None
    assert await talk.messenger.fetch(talk.chat, NOWHERE) is None
    assert [message.text for message in await talk.messenger.missed(first)] == ["два"]


class Download:
    """A recording that Anna sent, and where it is to be written."""

    def __init__(self, talk: Talk, message: MessageId, path: Path) -> None:
        self.path = path
        self.told: list[int] = []
        self._talk = talk
        self._message = message

    async def run(self) -> bytes:
        """Fetch it; return what is there then."""
        await self._talk.messenger.download(self._talk.chat, self._message, self.path, len(CONTENT), self.told.append)
        return self.path.read_bytes()


@pytest.fixture
async def recording(talk: Talk, tmp_path: Path) -> Download:
    sent = tmp_path / "Беседа.ogg"
    sent.write_bytes(CONTENT)
    message = await talk.sends(sent)
    [heard] = talk.came
    assert heard.file is not None
    assert (heard.message_id, heard.file.file_name, heard.file.size_bytes) == (message, sent.name, len(CONTENT))
    return Download(talk, message, tmp_path / "7.part")


async def test_a_file_is_downloaded_whole_and_how_far_it_is_is_told(recording: Download) -> None:
    assert await recording.run() == CONTENT
    assert recording.told[-1] == len(CONTENT)
    assert recording.told == sorted(recording.told)


async def test_a_download_goes_on_from_what_an_earlier_try_left(recording: Download) -> None:
    # By another first byte one sees that what was there is kept and does not come again.
    kept = b"\xff" + CONTENT[1:MEBIBYTE]
    recording.path.write_bytes(kept + CONTENT[MEBIBYTE : MEBIBYTE + MEBIBYTE // 2])
    assert await recording.run() == kept + CONTENT[MEBIBYTE:]
    assert recording.told[0] >= MEBIBYTE
    assert recording.told[-1] == len(CONTENT)


async def test_a_file_that_is_there_already_stays_as_it_is(recording: Download) -> None:
    recording.path.write_bytes(CONTENT)
    assert await recording.run() == CONTENT
    assert set(recording.told) <= {len(CONTENT)}


async def test_a_file_that_is_gone_says_so(talk: Talk, tmp_path: Path) -> None:
    with pytest.raises(FileGone, match="has the file no more: the message is gone"):
        await talk.messenger.download(talk.chat, NOWHERE, tmp_path / "7.part", 10, lambda _: None)
