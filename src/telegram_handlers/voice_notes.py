"""Short voice notes that stand for typed text: asked about, listened to, and passed on as what was said."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Never

import texts.voice_notes
from access import Permission
from datamodels_telegram import FilePurpose, IncomingMessage
from dialogs import get_user_lock
from errors import OutdatedButton
from followers import Loop
from markups.callback_data import Action, Press
from message_tracker import REMOVABLE, MessageTracker
from recordings.changes import RecordingChanges
from recordings.consents import Consents
from recordings.preferences import Preferences
from recordings.sent_files import SentFiles
from recordings.spoken import SpokenWords
from telegram_handlers.context import Context, Routes
from telegram_handlers.effects import notice_once

_PAUSE_S = 0.3
"""Seconds between two looks for what was recognised: a person waits, and a look is one search in a small index."""
_AT_ONCE = 20


@dataclass(frozen=True)
class VoiceNoteHandlers:
    """Takes voice notes in as text. ``wake`` makes the followers look at the database at once.

    With ``consents`` whoever asks by voice is told once what becomes of the sound.
    """

    messages: MessageTracker
    files: SentFiles
    changes: RecordingChanges
    preferences: Preferences
    wake: Callable[[], None]
    consents: Consents | None = None

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.VOICE_IS: (Permission.RECORD, self._decide),
                Action.VOICE_RECORDING: (Permission.RECORD, self._make_recording),
                Action.VOICE_QUESTION: (Permission.RECORD, self._make_question),
            },
            spoken=self._spoken,
        )

    async def _spoken(self, context: Context, message: IncomingMessage) -> None:
        """Take in a voice note that is a question, or answers the step ``message.answers``."""
        told = None if self.consents is None else notice_once(context, self.consents)
        await self.files.take_in(context.user.id, message, purpose=FilePurpose.WORDS, with_file=told)
        self.wake()

    async def _decide(self, context: Context, press: Press) -> None:
        """Note what a voice note is, and that others like it are the same."""
        if press.word not in {FilePurpose.RECORDING, FilePurpose.WORDS}:
            raise OutdatedButton(data=press.action)
        purpose = FilePurpose(press.word)
        if not await self.files.decide(context.user.id, press.number, purpose):
            await context.answer(texts.voice_notes.DECIDED)
            return
        await self.preferences.set(context.user.id, voice_notes=purpose)
        await context.answer(texts.voice_notes.CHOSEN[purpose])
        self.wake()

    async def _make_recording(self, context: Context, press: Press) -> None:
        """Take a voice note in as a recording, although it was heard as text."""
        made = await self.files.make_recording(context.user.id, press.number)
        await context.answer(texts.voice_notes.MADE_RECORDING if made else texts.voice_notes.DECIDED)
        self.wake()

    async def _make_question(self, context: Context, press: Press) -> None:
        """Hear a voice note as a question, although it came in as a recording, which goes with all that it asks."""
        async with get_user_lock(context.user.id):
            made, gone = await self.changes.make_question(context.user.id, press.number)
            if gone is not None:
                await self.messages.remove(context.chat, REMOVABLE, gone)
        await context.answer(texts.voice_notes.MADE_QUESTION if made else texts.voice_notes.NO_QUESTION)
        self.wake()


class HeardWords:
    """Passes on what was recognised, as updates: ``put`` stores one, and it is handled like typed text."""

    def __init__(self, spoken: SpokenWords, put: Callable[[IncomingMessage], Awaitable[None]]) -> None:
        self._spoken = spoken
        self._put = put

    async def run(self) -> Never:
        """Pass on until cancelled."""
        await Loop("words", _PAUSE_S).run(self.step)

    async def step(self) -> None:
        """Pass on what was recognised by now."""
        for each in await self._spoken.heard(_AT_ONCE):
            # Noted after it is stored: a crash between the two stores it again, and it is known then.
            await self._put(each.message)
            await self._spoken.note_passed(each)
