"""Shows in chats how far speech is, and puts what is ready into the outbox."""

import asyncio
from collections.abc import Callable
from typing import Never
from uuid import UUID

import structlog

from datamodels_telegram import FileReference, FileSource, MessageKind, OutgoingMessage, Screen
from followers import KeyedTasks, Loop
from markups.speeches import speech_caption, speech_failed, speech_progress
from message_tracker import MessageTracker
from messenger import MessengerError
from random_ids import random_id_of
from speeches.store import Undelivered
from speeches.waiting import WaitingChats

log = structlog.get_logger(__name__)


class SpeechDeliveries:
    """Follows the speeches that chats wait for: a voice message comes once for each press."""

    def __init__(self, chats: WaitingChats, messages: MessageTracker, wake_outbox: Callable[[], None]) -> None:
        self._chats = chats
        self._messages = messages
        self._wake_outbox = wake_outbox
        self._loop = Loop("speeches")
        self._shown: dict[UUID, Screen] = {}

    def wake(self) -> None:
        """Look at once."""
        self._loop.wake()

    async def run(self) -> Never:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[UUID] = KeyedTasks("speeches", group, self._loop.wake)
            await self._loop.run(lambda: self._look(tasks))

    async def _look(self, tasks: KeyedTasks[UUID]) -> None:
        """Deliver what has ended, and show how far the rest is."""
        busy = tasks.busy
        waiting = await self._chats.waiting()
        self._shown = {each.id: self._shown[each.id] for each in waiting if each.id in self._shown}
        for speech in waiting:
            # One whose progress is being shown waits: the message that shows it is removed in the end.
            if speech.id in busy:
                continue
            if speech.ended_at is not None:
                await self._deliver(speech)
            elif self._shown.get(speech.id) != speech_progress(speech):
                tasks.start(speech.id, self._show(speech))

    async def _deliver(self, speech: Undelivered) -> None:
        if speech.is_ready:
            file = FileReference(source=FileSource.SPEECH, subject=speech.id, extension="ogg")
            kind, screen = MessageKind.RESULT, speech_caption(speech)
        else:
            file, kind, screen = None, MessageKind.INFO_MESSAGE, speech_failed(speech)
        message = OutgoingMessage(kind=kind, screen=screen, file=file, replaces=speech.progress_id)
        await self._chats.deliver(speech, message)
        self._wake_outbox()

    async def _show(self, speech: Undelivered) -> None:
        screen = speech_progress(speech)
        try:
            if speech.progress_id is not None:
                await self._messages.edit(speech.chat_id, speech.progress_id, screen)
            else:
                same = random_id_of(f"speech:{speech.id}:{speech.occasion}")
                sent = await self._messages.send(speech.chat_id, MessageKind.INFO_MESSAGE, screen, random_id=same)
                await self._chats.note_progress(speech, sent)
        except MessengerError as exc:
            # The voice message, or why there is none, follows all the same.
            log.info("speech_progress_not_shown", speech=str(speech.id), error=exc.code)
        self._shown[speech.id] = screen
