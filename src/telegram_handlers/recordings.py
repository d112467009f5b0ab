"""Recordings: files that people send, their scenarios, lists, cards, originals and transcripts, deletion."""

from collections.abc import Callable
from dataclasses import dataclass

import texts.cards
import texts.telegram_recordings
from access import Permission, may
from constants import NO_SCENARIO
from datamodels import Recording, RunStatus, ScenarioId, Visibility
from datamodels_telegram import FileReference, FileSource, IncomingMessage, MessageKind, OutgoingMessage
from dialogs import get_user_lock
from errors import OutdatedButton, UnknownChoice
from markups.callback_data import Action, Press
from markups.metadata import FORM_KINDS
from markups.recordings import (
    RECORDINGS_ON_PAGE,
    delete_question,
    deleted,
    kind_question,
    not_ready,
    played_caption,
    recording_card,
    recordings_page,
    scenario_chosen,
    transcript_caption,
)
from message_tracker import MessageTracker
from prompt_pack.models import ReportPack, Scenario
from recordings.cancellations import Cancellations
from recordings.changes import RecordingChanges
from recordings.consents import Consents
from recordings.descriptions import Descriptions
from recordings.intake import Intake
from recordings.lookup import Recordings, is_transcribed
from recordings.preferences import Preferences
from recordings.purposes import may_be_question
from recordings.sent_files import SentFiles
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.effects import SentOnce, followed_anew, notice_once
from telegram_handlers.shared import show
from transcript_formats import FIRST_FORMAT, TRANSCRIPT_FORMATS


@dataclass(frozen=True)
class RecordingWork:
    """The parts that the handlers use. ``wake`` makes the followers look at the database at once."""

    pack: ReportPack
    files: SentFiles
    recordings: Recordings
    descriptions: Descriptions
    intake: Intake
    changes: RecordingChanges
    cancellations: Cancellations
    preferences: Preferences
    wake: Callable[[], None]
    consents: Consents | None = None
    """None where nothing is said about people's data."""


class RecordingHandlers:
    """Takes files in, and shows recordings."""

    def __init__(self, messages: MessageTracker, work: RecordingWork) -> None:
        self._messages = messages
        self._work = work

    def routes(self) -> Routes:
        looking: dict[Action, PressHandler] = {
            Action.MODE_INTERVIEW: self._list,
            Action.MODE_DESIGN: self._list,
            Action.MODE_MEETING: self._list,
            Action.MODE_NONE: self._list,
            Action.MODE_ALL: self._list,
            Action.RECORDING: self._card,
            Action.RECORDING_PLAY: self._play,
            Action.RECORDING_TRANSCRIPT: self._transcript,
            Action.TRANSCRIPT_FILE: self._transcript_file,
        }
        working: dict[Action, PressHandler] = {
            Action.RECORDING_DELETE: self._ask_to_delete,
            Action.RECORDING_DELETE_CONFIRM: self._delete,
            Action.RECORDING_AGAIN: self._again,
            Action.RECORDING_VISIBILITY: self._visibility,
            Action.SCENARIO: self._scenario,
            Action.RECORDING_KIND: self._kind,
            Action.SCENARIO_INCOMING: self._incoming_scenario,
            Action.CANCEL_INCOMING: self._cancel_incoming,
            Action.CANCEL_CARD: self._cancel_card,
        }
        return Routes(
            presses={
                **{action: (Permission.LOOK, handler) for action, handler in looking.items()},
                **{action: (Permission.RECORD, handler) for action, handler in working.items()},
                Action.DOCUMENT_INCOMING: (Permission.CURATE, self._incoming_document),
            },
            files=(Permission.RECORD, self._file),
        )

    async def _file(self, context: Context, message: IncomingMessage) -> None:
        """Store that a file came, or why it is refused; its card and its download follow from what is stored."""
        documents = may(context.user.role, Permission.CURATE)
        owner, purpose = context.user.id, None
        if message.file is not None and may_be_question(message.file, message.text, message.origin):
            purpose = (await self._work.preferences.of(owner)).voice_notes
        consents = self._work.consents
        told = None if consents is None else notice_once(context, consents)
        await self._work.files.take_in(owner, message, documents=documents, purpose=purpose, with_file=told)
        self._work.wake()

    async def _list(self, context: Context, press: Press) -> None:
        """Show the person's recordings of a kind, of none, or all."""
        scenario, kind = self._listed(press.action)
        page = await self._work.recordings.page(context.user.id, scenario, press.number, RECORDINGS_ON_PAGE)
        may_record, shown = may(context.user.role, Permission.RECORD), (page.page, page.total, page.recordings)
        screen = recordings_page(press.action, kind, *shown, page.places, may_record=may_record)
        await show(self._messages, context, MessageKind.MENU, screen)

    def _listed(self, mode: Action) -> tuple[ScenarioId | None, str]:
        """Return the scenario whose recordings a list shows, None for all, and how the list is called."""
        if mode is Action.MODE_ALL:
            return None, texts.telegram_recordings.LIST_ALL
        if mode is Action.MODE_NONE:
            return ScenarioId(NO_SCENARIO), texts.telegram_recordings.LIST_NO_KIND
        scenario = next((each for each in self._work.pack.scenarios if each.callback == mode), None)
        if scenario is None:
            raise OutdatedButton(data=mode)
        return scenario.id, scenario.label

    async def _kind(self, context: Context, press: Press) -> None:
        """Ask for the right kind of a recording, or correct it; the card shows it then."""
        owner = context.user.id
        if not press.words:
            recording = await self._work.recordings.find(owner, press.number)
            screen = kind_question(recording, self._work.pack.scenarios)
            await show(self._messages, context, MessageKind.MENU, screen, recording.id)
            return
        async with get_user_lock(owner):
            try:
                recording = await self._work.descriptions.correct_scenario(owner, press.number, press.word)
            except UnknownChoice as exc:
                raise OutdatedButton(data=press.action) from exc
            await self._messages.remove(context.chat, FORM_KINDS, recording.id)
            await self._show_card(context, press.number)
        self._work.wake()

    async def _card(self, context: Context, press: Press) -> None:
        await self._show_card(context, press.number)

    async def _show_card(self, context: Context, number: int) -> None:
        card = await self._work.recordings.card(context.user.id, number)
        scenario = self._scenario_named(card.recording.request.scenario)
        screen = recording_card(
            card.recording,
            card.progress,
            card.metadata,
            scenario,
            card.origin,
            kind_is_asked=card.kind_is_asked,
            little_left=card.little_left,
        )
        await show(self._messages, context, MessageKind.MENU, screen, card.recording.id)

    async def _visibility(self, context: Context, press: Press) -> None:
        """Set who finds a recording when asking; the button names it, so that a second tap changes nothing back."""
        if press.word not in set(Visibility):
            raise OutdatedButton(data=press.action)
        await self._work.changes.show_to(context.user.id, press.number, Visibility(press.word))
        await context.answer(texts.telegram_recordings.VISIBILITY_SET[press.word].format(number=press.number))
        await self._show_card(context, press.number)

    async def _play(self, context: Context, press: Press) -> None:
        """Send the original file of a recording back."""

        def original(recording: Recording) -> OutgoingMessage:
            file = FileReference(source=FileSource.RECORDING, subject=recording.id, extension=recording.extension)
            return OutgoingMessage(kind=MessageKind.RESULT, screen=played_caption(recording), file=file)

        sent = SentOnce(context, press, original, texts.telegram_recordings.SENDING)
        await self._work.recordings.find(context.user.id, press.number, sent)
        await context.answer(sent.told)
        self._work.wake()

    async def _transcript(self, context: Context, press: Press) -> None:
        await self._send_transcript(context, press, FIRST_FORMAT.extension)

    async def _transcript_file(self, context: Context, press: Press) -> None:
        if press.word not in TRANSCRIPT_FORMATS:
            raise OutdatedButton(data=press.action)
        await self._send_transcript(context, press, press.word)

    async def _send_transcript(self, context: Context, press: Press, extension: str) -> None:
        def transcript(recording: Recording) -> OutgoingMessage:
            caption = transcript_caption(recording.number, recording.file_name)
            file = FileReference(source=FileSource.TRANSCRIPT, subject=recording.id, extension=extension)
            return OutgoingMessage(kind=MessageKind.RESULT, screen=caption, file=file)

        sent = SentOnce(context, press, transcript, texts.telegram_recordings.SENDING)
        recording = await self._work.recordings.find_transcript(context.user.id, press.number, sent)
        if is_transcribed(recording):
            await context.answer(sent.told)
            self._work.wake()
        else:
            await show(self._messages, context, MessageKind.MENU, not_ready(recording), recording.id)

    async def _ask_to_delete(self, context: Context, press: Press) -> None:
        card = await self._work.recordings.card(context.user.id, press.number)
        screen = delete_question(card.recording, card.progress.runs.get(RunStatus.DONE, 0))
        await show(self._messages, context, MessageKind.CONFIRMATION, screen)

    async def _delete(self, context: Context, press: Press) -> None:
        async with get_user_lock(context.user.id):
            owner = context.user.id
            done = await self._work.changes.last_deletion(owner, context.update)
            subject = None
            if done is None:
                subject = (await self._work.recordings.find(owner, press.number)).id
                done = await self._work.changes.delete(owner, subject, context.update)
            await show(self._messages, context, MessageKind.MENU, deleted(done.number, done.file_name), subject)
        self._work.wake()

    async def _again(self, context: Context, press: Press) -> None:
        """Process a recording again from its beginning, unless it is being worked on."""
        owner, followed = context.user.id, followed_anew(context)
        async with get_user_lock(owner):
            recording, begun = await self._work.intake.process_stopped_again(owner, press.number, followed)
            if not begun:
                await context.answer(texts.telegram_recordings.AGAIN_RUNNING)
                return
            await context.answer(texts.telegram_recordings.AGAIN_STARTED.format(number=recording.number))
        self._work.wake()

    async def _scenario(self, context: Context, press: Press) -> None:
        """Store the scenario that was chosen for a recording; the recording's wizard goes on."""
        async with get_user_lock(context.user.id):
            try:
                recording = await self._work.descriptions.say_scenario(context.user.id, press.number, press.word)
            except UnknownChoice as exc:
                raise OutdatedButton(data=press.action) from exc
            screen = scenario_chosen(recording.number, self._scenario_named(recording.request.scenario))
            # The question is not a menu: the choice replaces it and stays.
            if context.pressed is None or not await self._messages.edit(context.chat, context.pressed, screen):
                await self._messages.send(context.chat, MessageKind.INFO_MESSAGE, screen)
        self._work.wake()

    async def _incoming_scenario(self, context: Context, press: Press) -> None:
        """Store the scenario that was chosen for a file that may not be a recording yet; its card shows the choice."""
        async with get_user_lock(context.user.id):
            try:
                said = await self._work.descriptions.say_scenario_of_file(context.user.id, press.number, press.word)
            except UnknownChoice as exc:
                raise OutdatedButton(data=press.action) from exc
            scenario = self._scenario_named(said)
            label = texts.telegram_recordings.NO_SCENARIO if scenario is None else scenario.label
            await context.answer(texts.telegram_recordings.INCOMING_SCENARIO_CHOSEN.format(scenario=label))
        self._work.wake()

    async def _incoming_document(self, context: Context, press: Press) -> None:
        """Note that a sent text is a document to ask about; its card goes on from there."""
        async with get_user_lock(context.user.id):
            is_document = await self._work.descriptions.say_document(context.user.id, press.number)
            await context.answer(texts.cards.DOCUMENT_CHOSEN if is_document else texts.cards.NO_DOCUMENT)
        self._work.wake()

    def _scenario_named(self, scenario_id: ScenarioId) -> Scenario | None:
        return next((each for each in self._work.pack.scenarios if each.id == scenario_id), None)

    async def _cancel_incoming(self, context: Context, press: Press) -> None:
        cancelled = await self._work.cancellations.cancel_file(context.user.id, press.number)
        await self._tell_cancelled(context, cancelled=cancelled)

    async def _cancel_card(self, context: Context, press: Press) -> None:
        cancelled = await self._work.cancellations.cancel_card(context.user.id, press.number)
        await self._tell_cancelled(context, cancelled=cancelled)

    async def _tell_cancelled(self, context: Context, *, cancelled: bool) -> None:
        await context.answer(
            texts.telegram_recordings.CANCELLING if cancelled else texts.telegram_recordings.TOO_LATE_TO_CANCEL
        )
        self._work.wake()
