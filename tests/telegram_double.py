"""What the bot's parts see of Telegram, in memory: for tests of what is decided above the client, by the hundred.

What the client itself does is tested against the loopback server.
"""

import asyncio
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from datamodels_telegram import ChatId, IncomingMessage, MessageId, Screen
from errors import TelegramError
from telegram_client.client import TelegramClient
from telegram_client.errors import RANDOM_ID_DUPLICATE

FIRST_MESSAGE = 1000


class TelegramDouble(TelegramClient):
    """Chats that people look at: ``chats`` are the messages of the bot that are there, in their order."""

    def __init__(self) -> None:
        self.chats: dict[ChatId, dict[MessageId, Screen]] = {}
        self.answers: dict[int, list[str]] = {}
        """Texts by query id; a query that is answered twice has two."""
        self.answered = asyncio.Event()
        self.deletions: list[list[MessageId]] = []
        self.written: dict[tuple[ChatId, MessageId], IncomingMessage] = {}
        """What can be fetched."""
        self.unseen: list[IncomingMessage] = []
        """What was written while nobody listened."""
        self.failures: dict[str, list[TelegramError]] = {}
        """By method: what its next calls raise."""
        self._ids = count(FIRST_MESSAGE)
        self._sent: dict[int, MessageId] = {}

    def shown(self, chat: ChatId) -> list[str]:
        """The texts that the person sees."""
        return [screen.text for screen in self.chats.get(chat, {}).values()]

    async def send(self, chat: ChatId, screen: Screen, *, random_id: int | None = None) -> MessageId:
        self._fail("send")
        if random_id in self._sent:
            if self._sent[random_id] not in self.chats[chat]:
                raise TelegramError(call="messages.sendMessage", reason=RANDOM_ID_DUPLICATE)
            return self._sent[random_id]
        message = MessageId(next(self._ids))
        self.chats.setdefault(chat, {})[message] = screen
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
    ) -> MessageId:
        return await self.send(chat, screen or Screen(text=file_name), random_id=random_id)

    async def edit(self, chat: ChatId, message: MessageId, screen: Screen) -> bool:
        self._fail("edit")
        if message not in self.chats.get(chat, {}):
            return False
        self.chats[chat][message] = screen
        return True

    async def delete(self, chat: ChatId, messages: Sequence[MessageId]) -> None:
        self._fail("delete")
        self.deletions.append(list(messages))
        for message in messages:
            self.chats.get(chat, {}).pop(message, None)

    async def answer(self, query_id: int, text: str = "", *, alert: bool = False) -> bool:  # noqa: ARG002
        self._fail("answer")
        self.answers.setdefault(query_id, []).append(text)
        self.answered.set()
        return True

    async def fetch(self, chat: ChatId, message: MessageId) -> IncomingMessage | None:
        self._fail("fetch")
        return self.written.get((chat, message))

    async def missed(self, after: MessageId) -> list[IncomingMessage]:
        self._fail("missed")
        return [message for message in self.unseen if message.message_id > after]

    def _fail(self, method: str) -> None:
        if self.failures.get(method):
            raise self.failures[method].pop(0)
