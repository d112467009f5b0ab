"""What is said and answered in chats while the database is away."""

import asyncio
import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from datamodels_telegram import ChatId, IncomingMessage, MessageId, Screen
from errors import OutOfResources
from machine import Machine
from markups.menus import state_screen
from messenger import MessengerError, Sender
from system.shortages import shortages_mapped
from utils import disk_full_mapped, write_all, write_atomically

log = structlog.get_logger(__name__)

_RESERVED_BYTES = 16 * 1024
"""Space that the file has from the start, for about 500 messages: people are told most often when a disk is full."""
_STATUS = re.compile(r"/status(?:@\w+)?\s*", re.ASCII | re.IGNORECASE)


class WithoutDatabase:
    """Tells people that what they sent is saved, and answers the owner's ``/status``.

    Each chat gets one message that all is saved; it is removed when the answer is there. The ids of these messages are
    lines of JSON at ``path``, so that the next process removes those that a dead process has left. A damaged line costs
    its own message alone. They are written over empty lines, so that they need no space when the disk is full.
    """

    def __init__(self, messenger: Sender, machine: Machine, owner: int | None, path: Path) -> None:
        self._messenger = messenger
        self._machine = machine
        self._owner = owner
        self._path = path
        self._notes: dict[ChatId, MessageId] = {}
        self._keeping = asyncio.Lock()
        self._others_left = False
        """Whether the file names messages that this process could not remove: the next one tries."""
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
                async with self._keeping:
                    await self._write(partial(_add, self._path, _line(chat, self._notes[chat])))

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
            self._others_left |= exc.retryable
        async with self._keeping:
            if not self._notes and not self._others_left:
                await self._write(partial(_reserve, self._path))

    async def take_back_old(self) -> None:
        """Remove the messages that an earlier process has left; reserve space for those of this one."""
        lines: list[bytes] = []
        try:
            lines = (await asyncio.to_thread(self._path.read_bytes)).splitlines()
        except FileNotFoundError:
            pass
        except OSError as exc:
            log.warning("saved_notes_not_read", reason=str(exc))
            self._others_left = True
            return
        self._notes = {chat: message for line in filter(None, lines) for chat, message in _noted(line).items()}
        for chat in list(self._notes):
            await self.take_back(chat)
        if not self._others_left:
            async with self._keeping:
                await self._write(partial(_reserve, self._path))

    async def _write(self, act: Callable[[], None]) -> None:
        try:
            with shortages_mapped():
                await asyncio.to_thread(act)
        except (OSError, OutOfResources) as exc:
            log.warning("saved_notes_not_kept", reason=str(exc))


def _reserve(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, b"\n" * _RESERVED_BYTES, 0o600)


def _add(path: Path, line: bytes) -> None:
    """Write a line behind the others, durably, over empty lines as long as there are some."""
    with disk_full_mapped(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            written = os.read(descriptor, os.fstat(descriptor).st_size).rstrip(b"\n")
            os.lseek(descriptor, len(written), os.SEEK_SET)
            write_all(descriptor, line)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def _line(chat: ChatId, message: MessageId) -> bytes:
    # What a crash cut off before ends at the first line break.
    return f"\n{json.dumps({chat: message})}\n".encode()


def _noted(line: bytes) -> dict[ChatId, MessageId]:
    """Return the messages that a line names; {} when it is damaged."""
    try:
        return {ChatId(int(chat)): MessageId(int(message)) for chat, message in json.loads(line).items()}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        log.warning("saved_note_damaged", bytes=len(line))
        return {}
