"""What Telegram knows: the bot's account, people, their chats, messages and what happened to them."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from telegram_chats import Chat
from telegram_events import Event, Happening, Message
from telegram_files import StoredFile
from telegram_tl import RpcFault
from telegram_user import ScriptedUser


@dataclass
class Query:
    """A pressed button that waits for its answer."""

    chat: Chat
    message: Message
    pressed_at: float
    answer: asyncio.Future[Event]


@dataclass(frozen=True)
class Change:
    """An entry of the account's update log; ``ids`` are several for a deletion."""

    pts: int
    kind: Happening
    ids: tuple[int, ...]


class World:
    """One bot account and everyone it talks to. Message ids are one sequence over all chats, as in Telegram."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bot_id = 7000000001
        self.bot_name = "VoxPersona"
        self.bot_username = "voxpersona_loopback_bot"
        self.chats: dict[int, Chat] = {}
        self.messages: dict[int, Message] = {}
        self.files: dict[int, StoredFile] = {}
        self.commands: dict[tuple[str, str], list[tuple[str, str]]] = {}
        """(scope, language) to (command, description)."""
        self.callback_lifetime_seconds = 15.0
        self.log: list[Change] = []
        self.random_ids: dict[int, int] = {}
        self.deliver: Callable[[Change], None] = lambda _: None
        self.deliver_query: Callable[[int, Query, bytes], None] = lambda *_: None
        self._queries: dict[int, Query] = {}
        self._ids = count(1)

    @property
    def pts(self) -> int:
        return 1 + sum(len(change.ids) for change in self.log)

    def user(self, name: str, id: int, *, username: str = "") -> ScriptedUser:  # noqa: A002
        """Let a person in who has opened a chat with the bot."""
        user = ScriptedUser(self, name, id, username)
        self.chats[id] = user.chat = Chat(user)
        return user

    def start_ids_at(self, first: int) -> None:
        """Let there have been messages before, none of which is left."""
        self._ids = count(first)

    def command_menu(self, scope: str = "BotCommandScopeDefault", language: str = "") -> list[tuple[str, str]]:
        return self.commands.get((scope, language), [])

    def add_file(self, file: StoredFile) -> StoredFile:
        self.files[file.id] = file
        return file

    def post(self, chat: Chat, *, from_bot: bool, **content: Any) -> Message:
        """Add a message; the bot is told of those it did not send itself."""
        message = Message(next(self._ids), chat, from_bot, int(time.time()), **content)
        self.messages[message.id] = message
        chat.messages.append(message)
        message.changed_at.append(chat.record(Happening.SENT if from_bot else Happening.RECEIVED, message).at)
        change = self._log(Happening.SENT, message.id)
        if not from_bot:
            self.deliver(change)
        return message

    def edit(self, message: Message, **content: Any) -> Change:
        for name, value in content.items():
            setattr(message, name, value)
        message.edit_date = int(time.time())
        message.changed_at.append(message.chat.record(Happening.EDITED, message).at)
        return self._log(Happening.EDITED, message.id)

    def delete(self, ids: list[int]) -> int:
        """Delete messages for everyone; returns how many were there."""
        found = [self.messages[one] for one in ids if one in self.messages and not self.messages[one].deleted]
        for message in found:
            message.deleted = True
            message.chat.record(Happening.DELETED, message)
        if found:
            self._log(Happening.DELETED, *(message.id for message in found))
        return len(found)

    def press(
        self, user: ScriptedUser, message: Message, data: bytes, label: str
    ) -> tuple[Event, asyncio.Future[Event]]:
        """Press a button; the future brings what the bot answers."""
        query_id = secrets.randbits(62)
        pressed = user.chat.record(Happening.PRESSED, message, label)
        query = Query(user.chat, message, pressed.at, asyncio.get_running_loop().create_future())
        self._queries[query_id] = query
        self.deliver_query(query_id, query, data)
        return pressed, query.answer

    def answer(self, query_id: int, text: str, *, alert: bool) -> None:
        """Answer a pressed button. Raises QUERY_ID_INVALID for a second or late answer."""
        query = self._queries.pop(query_id, None)
        if query is None or time.monotonic() - query.pressed_at > self.callback_lifetime_seconds:
            raise RpcFault(400, "QUERY_ID_INVALID")
        event = query.chat.record(Happening.ANSWERED, query.message, text, alert=alert)
        if not query.answer.done():
            query.answer.set_result(event)

    def chat_of(self, user_id: int) -> Chat:
        """Find a chat that the bot may write to. Raises PEER_ID_INVALID and USER_IS_BLOCKED."""
        if user_id not in self.chats:
            raise RpcFault(400, "PEER_ID_INVALID")
        chat = self.chats[user_id]
        if chat.user.blocked:
            raise RpcFault(403, "USER_IS_BLOCKED")
        return chat

    def _log(self, kind: Happening, *ids: int) -> Change:
        change = Change(self.pts + len(ids), kind, ids)
        self.log.append(change)
        return change
