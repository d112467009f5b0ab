"""«Мои настройки»: the time zone, sound, the language of recordings, and what short voice notes are."""

from collections.abc import Callable
from dataclasses import dataclass

import texts.voice_notes
from access import Permission, may
from datamodels_telegram import FilePurpose, IncomingMessage, MessageKind, OutgoingMessage
from dialogs import Dialogs, SettingsDialog, Step, get_user_lock
from errors import BadText, OutdatedButton
from markups.callback_data import Action, Press
from markups.settings import (
    DEFAULT,
    language_name,
    language_question,
    quiet_question,
    recording_language_question,
    settings_screen,
    understood,
    voice_question,
    zone_question,
)
from message_tracker import MessageTracker
from recordings.intake import Intake
from recordings.lookup import Recordings, is_ready
from recordings.preferences import Preferences, Quiet
from recordings.time_zones import zone_said
from system.local_time import in_zone
from telegram_handlers.context import Context, Routes
from telegram_handlers.effects import followed_anew
from telegram_handlers.shared import show
from texts.transcript import LANGUAGES

_ASK, _SOUND = "ask", "sound"


@dataclass(frozen=True)
class SettingsHandlers:
    """Shows and changes a person's settings, and the language of one recording; ``wake`` makes the followers look."""

    messages: MessageTracker
    preferences: Preferences
    recordings: Recordings
    intake: Intake
    dialogs: Dialogs
    wake: Callable[[], None]

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.MY_SETTINGS: (Permission.LOOK, self._settings),
                Action.MY_ZONE: (Permission.LOOK, self._zone),
                Action.MY_QUIET: (Permission.LOOK, self._quiet),
                Action.MY_LANGUAGE: (Permission.RECORD, self._language),
                Action.MY_VOICE_NOTES: (Permission.RECORD, self._voice_notes),
                Action.RECORDING_LANGUAGE: (Permission.RECORD, self._recording_language),
            },
            answers={Step.SETTINGS_ASK_ZONE: (Permission.LOOK, self._zone_typed)},
            again={Step.SETTINGS_ASK_ZONE: self._zone_again},
        )

    async def _settings(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._show(context)

    async def _show(self, context: Context, note: str = "") -> None:
        owner = context.user.id
        await self.dialogs.end(owner, SettingsDialog)
        settings, zone = await self.preferences.of(owner), await self.preferences.zone_of(owner)
        with in_zone(zone):
            may_record = may(context.user.role, Permission.RECORD)
            screen = settings_screen(settings, context.user, may_record=may_record, note=note)
        await show(self.messages, context, MessageKind.MENU, screen)

    async def _zone(self, context: Context, press: Press) -> None:
        if not press.words:
            async with get_user_lock(context.user.id):
                await self.dialogs.begin(context.user.id, SettingsDialog(step=Step.SETTINGS_ASK_ZONE))
                await show(self.messages, context, MessageKind.INPUT_REQUEST, zone_question())
            return
        if press.word not in {DEFAULT, *texts.voice_notes.ZONES}:
            raise OutdatedButton(data=press.action)
        zone = None if press.word == DEFAULT else texts.voice_notes.ZONES[press.word][0]
        await self.preferences.set(context.user.id, time_zone=zone)
        await self._show(context)

    async def _zone_again(self, context: Context) -> OutgoingMessage:  # noqa: ARG002  # it asks everybody the same
        return OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=zone_question())

    async def _zone_typed(self, context: Context, message: IncomingMessage) -> None:
        owner = context.user.id
        try:
            zone = zone_said(message.text)
        except BadText as exc:
            await show(self.messages, context, MessageKind.INPUT_REQUEST, zone_question(exc.user_text))
            return
        await self.preferences.set(owner, time_zone=zone)
        await self._show(context, understood(message.text, zone))

    async def _language(self, context: Context, press: Press) -> None:
        if not press.words:
            await show(self.messages, context, MessageKind.MENU, language_question())
            return
        await self.preferences.set(context.user.id, language=_language_of(press))
        await self._show(context)

    async def _voice_notes(self, context: Context, press: Press) -> None:
        if not press.words:
            await show(self.messages, context, MessageKind.MENU, voice_question())
            return
        if press.word not in texts.voice_notes.VOICE_BUTTONS:
            raise OutdatedButton(data=press.action)
        chosen = None if press.word == _ASK else FilePurpose(press.word)
        await self.preferences.set(context.user.id, voice_notes=chosen)
        await self._show(context)

    async def _quiet(self, context: Context, press: Press) -> None:
        if not press.words:
            await show(self.messages, context, MessageKind.MENU, quiet_question())
            return
        if press.word not in texts.voice_notes.QUIET_BUTTONS:
            raise OutdatedButton(data=press.action)
        await self.preferences.set(context.user.id, quiet=None if press.word == _SOUND else Quiet(press.word))
        await self._show(context)

    async def _recording_language(self, context: Context, press: Press) -> None:
        """Ask for the language of a recording; once it is chosen, have the recording recognised in it."""
        owner = context.user.id
        recording = await self.recordings.find(owner, press.number)
        if is_ready(recording):
            await context.answer(texts.voice_notes.LANGUAGE_READY)
            return
        if not press.words:
            await show(self.messages, context, MessageKind.MENU, recording_language_question(recording), recording.id)
            return
        language = _language_of(press)
        async with get_user_lock(owner):
            if not await self.intake.process_in_language(owner, press.number, language, followed_anew(context)):
                await context.answer(texts.voice_notes.LANGUAGE_SAME)
                return
        await context.answer(texts.voice_notes.LANGUAGE_SET.format(language=language_name(language)))
        self.wake()


def _language_of(press: Press) -> str | None:
    """Return the language that a button names; None is one that is detected.

    Raises:
        OutdatedButton: the button names no language of today.
    """
    if press.word not in {DEFAULT, *LANGUAGES}:
        raise OutdatedButton(data=press.action)
    return None if press.word == DEFAULT else press.word
