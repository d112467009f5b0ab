"""What the bot's parts see of a messenger, in memory: for tests of what is decided above it, by the hundred.

What Telegram's client itself does is tested against the loopback server, and that both do the same by
``tests/e2e/test_messenger_conformance.py``.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from datamodels_telegram import ChatId, Doing, IncomingMessage, MessageId, Screen, Shown
from messenger import AlreadySent, FileGone, Messenger, MessengerError, OnMessage, OnPress, OnReturn, is_silent

FIRST_MESSAGE = 1000
NAME = "Double"
"""What its errors call it."""


class TelegramDouble(Messenger):
    """Chats that people look at: ``chats`` are the messages of the bot that are there, in their order."""

    def __init__(self) -> None:
        self.username = "double_bot"
        self.chats: dict[ChatId, dict[MessageId, Screen]] = {}
        self.answers: dict[int, list[str]] = {}
        """Texts by query id; a query that is answered twice has two."""
        self.answered = asyncio.Event()
        self.deletions: list[list[MessageId]] = []
        self.written: dict[tuple[ChatId, MessageId], IncomingMessage] = {}
        """What can be fetched."""
        self.unseen: list[IncomingMessage] = []
        """What was written while nobody listened."""
        self.content: dict[MessageId, bytes] = {}
        """Files that can be downloaded, by message."""
        self.commands: list[tuple[str, str]] = []
        self.listeners: tuple[OnMessage, OnPress] | None = None
        """Who is told what people write and press, while it is started."""
        self.on_return: OnReturn | None = None
        self.failures: dict[str, list[MessengerError]] = {}
        """By method: what its next calls raise."""
        self.doing: list[tuple[ChatId, Doing]] = []
        """What people were shown that the bot does."""
        self.silent: set[MessageId] = set()
        """Messages that came without a sound."""
        self._ids = count(FIRST_MESSAGE)
        self._sent: dict[int, MessageId] = {}

    def shown(self, chat: ChatId) -> list[str]:
        """The texts that the person sees."""
        return [screen.text for screen in self.chats.get(chat, {}).values()]

    def tell(self, line: str) -> None:
        """Take note of what a person does, for doubles that tell stories."""

    async def start(self, on_message: OnMessage, on_press: OnPress, on_return: OnReturn | None = None) -> None:
        self._fail("start")
        self.listeners, self.on_return = (on_message, on_press), on_return

    async def stop(self) -> None:
        self.listeners = None

    async def check(self) -> None:
        self._fail("check")

    async def set_commands(self, commands: Sequence[tuple[str, str]]) -> None:
        self._fail("set_commands")
        self.commands = list(commands)

    async def send(
        self,
        chat: ChatId,
        screen: Screen,
        *,
        random_id: int | None = None,
        may_differ: bool = False,  # noqa: ARG002  # by its id alone it is found here
    ) -> MessageId:
        self._fail("send")
        if random_id in self._sent:
            if self._sent[random_id] not in self.chats[chat]:
                raise AlreadySent(messenger=NAME, call="send", reason="the message is gone")
            return self._sent[random_id]
        message = MessageId(next(self._ids))
        self.chats.setdefault(chat, {})[message] = screen
        if is_silent():
            self.silent.add(message)
        if random_id is not None:
            self._sent[random_id] = message
        return message

    async def send_file(
        self,
        chat: ChatId,
        content: bytes | Path,  # noqa: ARG002  # nobody looks into files here
        file_name: str,
        screen: Screen | None = None,
        *,
        random_id: int | None = None,
        shown: Shown | None = None,  # noqa: ARG002
    ) -> MessageId:
        return await self.send(chat, screen or Screen(text=file_name), random_id=random_id)

    async def edit(
        self,
        chat: ChatId,
        message: MessageId,
        screen: Screen,
        *,
        may_wait: bool = False,  # noqa: ARG002  # nothing limits the rate here
    ) -> bool:
        self._fail("edit")
        if message not in self.chats.get(chat, {}):
            return False
        self.chats[chat][message] = screen
        return True

    async def show_doing(self, chat: ChatId, doing: Doing) -> None:
        self.doing.append((chat, doing))

    async def delete(self, chat: ChatId, messages: Sequence[MessageId]) -> None:
        self._fail("delete")
        self.deletions.append(list(messages))
        for message in messages:
            self.chats.get(chat, {}).pop(message, None)

    async def answer(self, query_id: int, text: str = "") -> bool:
        self._fail("answer")
        first = query_id not in self.answers
        self.answers.setdefault(query_id, []).append(text)
        self.answered.set()
        return first

    async def fetch(self, chat: ChatId, message: MessageId) -> IncomingMessage | None:
        self._fail("fetch")
        return self.written.get((chat, message))

    async def missed(self, after: MessageId) -> list[IncomingMessage]:
        self._fail("missed")
        return [message for message in self.unseen if message.message_id > after]

    async def download(
        self,
        chat: ChatId,  # noqa: ARG002  # messages have ids of their own here
        message: MessageId,
        path: Path,
        size: int,
        on_bytes: Callable[[int], None],
    ) -> None:
        self._fail("download")
        if message not in self.content:
            raise FileGone(messenger=NAME, call="download", file_name=path.name, reason="the message is gone")
        await asyncio.to_thread(_go_on, path, self.content[message])
        on_bytes(size)

    def _fail(self, method: str) -> None:
        if self.failures.get(method):
            raise self.failures[method].pop(0)


def _go_on(path: Path, content: bytes) -> None:
    """Write what ``path`` lacks of ``content``."""
    with path.open("ab") as file:
        file.write(content[file.tell() :])
