"""Sends what is in the outbox: each message once, those of a chat in their order, chats beside each other."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

import outbox_store
from datamodels_telegram import ChatId, MessageId, MessageKind, OutboxItem, OutgoingMessage, Screen
from db import Database
from errors import ChatClosed, DiskFull, TelegramRefusedSecrets, UnexpectedFailure, VoxPersonaError
from loops import Errands, Loop, delay_s
from markups_text import LONGEST_REASON, escaped
from message_tracker import MessageTracker
from outbox_files import OutboxFiles
from telegram_client_errors import was_delivered

log = structlog.get_logger(__name__)


class Outbox:
    """Sends; ``now`` tells the time."""

    def __init__(
        self,
        database: Database,
        messages: MessageTracker,
        files: OutboxFiles,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._messages = messages
        self._files = files
        self._now = now
        self._loop = Loop("outbox")

    def wake(self) -> None:
        """Have a look at once: a message was put in."""
        self._loop.wake()

    async def run(self) -> None:
        """Send until cancelled; what was on its way then is sent again at the next start, and Telegram knows it."""
        await self._files.clear()
        async with asyncio.TaskGroup() as group:
            errands: Errands[ChatId] = Errands("outbox", group, self._loop.wake)
            await self._loop.run(lambda: self._look(errands))

    async def _look(self, errands: Errands[ChatId]) -> None:
        busy = errands.busy
        async with self._database.transaction() as connection:
            items = await outbox_store.list_next(connection)
        for item in items:
            if item.chat_id not in busy:
                errands.start(item.chat_id, self._send(item))

    async def _send(self, item: OutboxItem) -> None:
        try:
            message_id = await self._delivered(item)
        except VoxPersonaError as exc:
            if exc.retryable or isinstance(exc, DiskFull | TelegramRefusedSecrets):
                await self._try_later(item, exc)
            else:
                await self._give_up(item, exc)
        except Exception as exc:
            await self._try_later(item, UnexpectedFailure(reason=type(exc).__name__))
            raise
        else:
            async with self._database.transaction() as connection:
                await outbox_store.note_sent(connection, item.id, message_id)

    async def _delivered(self, item: OutboxItem) -> MessageId:
        sent = await self._sent(item)
        if item.message.replaces is not None:
            # Before the end is noted: after a crash the same is sent and removed again, which changes nothing.
            await self._messages.remove_message(item.chat_id, item.message.replaces)
        return sent

    async def _sent(self, item: OutboxItem) -> MessageId:
        message = item.message
        if message.file is None:
            return await self._messages.send(item.chat_id, message.kind, message.screen, random_id=item.random_id)
        async with self._files.made(item.owner_id, message.file) as (content, name):
            return await self._messages.send_file(
                item.chat_id, message.kind, content, name, message.screen, random_id=item.random_id
            )

    async def _try_later(self, item: OutboxItem, reason: VoxPersonaError) -> None:
        log.warning("outbox_tried_later", item=item.id, tries=item.tries, error=reason.code, reason=str(reason))
        not_before = self._now() + timedelta(seconds=delay_s(item.tries))
        async with self._database.transaction() as connection:
            await outbox_store.try_later(connection, item.id, reason.code, not_before)

    async def _give_up(self, item: OutboxItem, reason: VoxPersonaError) -> None:
        """Note that it cannot be sent. A person who waits for a file is told why it does not come."""
        log.warning("outbox_given_up", item=item.id, error=reason.code, reason=str(reason))
        async with self._database.transaction() as connection:
            await outbox_store.give_up(connection, item.id, reason.code)
            if item.message.file is not None and not isinstance(reason, ChatClosed) and not was_delivered(reason):
                screen = Screen(text=escaped(reason.user_text, LONGEST_REASON))
                told = OutgoingMessage(kind=MessageKind.INFO_MESSAGE, screen=screen)
                await outbox_store.put(connection, f"given_up:{item.id}", item.owner_id, item.chat_id, told)
