"""What is said and answered in chats while the database is away."""

import asyncio
import json
import re
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from datamodels_telegram import ChatId, IncomingMessage, MessageId, Screen
from errors import DiskFull
from machine import Machine
from markups.menus import state_screen
from messenger import MessengerError, Sender
from utils import write_atomically

log = structlog.get_logger(__name__)

_STATUS = re.compile(r"/status(?:@\w+)?\s*", re.ASCII | re.IGNORECASE)


class WithoutDatabase:
    """Tells people that what they sent is saved, and answers the owner's ``/status``.

    Each chat gets one message that all is saved; it is removed when the answer is there. The ids of these messages are
    kept at ``path``, so that the next process removes those that a dead process has left.
    """

    def __init__(self, messenger: Sender, machine: Machine, owner: int | None, path: Path) -> None:
        self._messenger = messenger
        self._machine = machine
        self._owner = owner
        self._path = path
        self._notes: dict[ChatId, MessageId] = {}
        self._keeping = asyncio.Lock()
        self._telling: WeakValueDictionary[ChatId, asyncio.Lock] = WeakValueDictionary()

    async def answers(self, message: IncomingMessage) -> bool:
        """Answer the owner's ``/status`` while the database is away; return whether ``message`` was that.

        A message that is answered here is neither queued nor stored.
        """
        asked = message.file is None and _STATUS.fullmatch(message.text) is not None
        if not asked or message.person.id != self._owner or self._machine.has_database:
            return False
        try:
            await self._messenger.send(message.chat_id, state_screen(await self._machine.state()))
        except MessengerError as exc:
            log.warning("person_not_told", error=exc.code, reason=str(exc))
        return True

    async def tell(self, chat: ChatId, text: str) -> None:
        """Send ``text``, which says that what was sent is saved, unless the chat was told already."""
        async with self._telling.setdefault(chat, asyncio.Lock()):
            if chat in self._notes:
                return
            try:
                self._notes[chat] = await self._messenger.send(chat, Screen(text=text))
            except MessengerError as exc:
                log.warning("person_not_told", error=exc.code, reason=str(exc))
            else:
                await self._keep()

    async def take_back(self, chat: ChatId) -> None:
        """Remove from ``chat`` the message that ``tell`` sent, if there is one."""
        async with self._telling.setdefault(chat, asyncio.Lock()):
            message = self._notes.pop(chat, None)
        if message is None:
            return
        try:
            await self._messenger.delete(chat, [message])
        except MessengerError as exc:
            log.warning("message_not_deleted", error=exc.code, reason=str(exc))
        await self._keep()

    async def take_back_old(self) -> None:
        """Remove the messages that an earlier process has left."""
        try:
            left = json.loads(await asyncio.to_thread(self._path.read_bytes))
            self._notes = {ChatId(int(chat)): MessageId(int(message)) for chat, message in left.items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            log.warning("saved_notes_damaged")
        for chat in list(self._notes):
            await self.take_back(chat)

    async def _keep(self) -> None:
        async with self._keeping:
            try:
                if self._notes:
                    await asyncio.to_thread(write_atomically, self._path, json.dumps(self._notes), 0o600)
                else:
                    await asyncio.to_thread(self._path.unlink, missing_ok=True)
            except (OSError, DiskFull) as exc:
                log.warning("saved_notes_not_kept", reason=str(exc))
