"""Recordings: files that people send, what they are, lists, cards, originals and transcripts, deletion."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import cards_store
import incoming_store
import metadata_store
import recording_wizard_store
import recordings_store
import texts.telegram_recordings
import user_states
from access import Permission
from constants import NO_SCENARIO
from datamodels import Recording, RecordingMetadata, RunStatus, ScenarioId, Stage, UserId
from datamodels_telegram import (
    CardKind,
    FileReference,
    FileSource,
    IncomingMessage,
    MessageKind,
    OutgoingMessage,
    Screen,
    WizardStep,
)
from db import Connection, Database
from downloads import refusal
from errors import OutdatedButton
from jobs.queue import Jobs
from markups.callback_data import Action, Press
from markups.recordings import (
    RECORDINGS_ON_PAGE,
    TRANSCRIPT_EXTENSIONS,
    delete_question,
    deleted,
    has_stopped,
    not_ready,
    played_caption,
    recording_card,
    recordings_page,
    scenario_chosen,
    transcript_caption,
)
from message_tracker import MessageTracker
from metadata.fields import scenario_of_caption
from prompt_pack.models import ReportPack, Scenario
from recordings.changes import RecordingChanges
from recordings.intake import Intake, IntakeLimits
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.shared import find_wizard, first_tap, leave_dialog, own_recording, put_message, show
from user_states import Mode, get_user_lock

_ASKED_OR_OVER = frozenset([WizardStep.SCENARIO, WizardStep.REPORTS, WizardStep.CLOSED])


@dataclass(frozen=True)
class RecordingWork:
    """What is done to recordings. ``wake`` has the loops look at once; ``today`` tells the person's day."""

    pack: ReportPack
    limits: IntakeLimits
    intake: Intake
    changes: RecordingChanges
    jobs: Jobs
    wake: Callable[[], None]
    today: Callable[[], date]


class RecordingHandlers:
    """Takes files in, and shows what was made of them."""

    def __init__(self, database: Database, messages: MessageTracker, work: RecordingWork) -> None:
        self._database = database
        self._messages = messages
        self._work = work

    def routes(self) -> Routes:
        looking: dict[Action, PressHandler] = {
            Action.MODE_INTERVIEW: self._list,
            Action.MODE_DESIGN: self._list,
            Action.RECORDING: self._card,
            Action.RECORDING_PLAY: self._play,
            Action.RECORDING_TRANSCRIPT: self._transcript,
            Action.TRANSCRIPT_FILE: self._transcript_file,
        }
        working: dict[Action, PressHandler] = {
            Action.RECORDING_DELETE: self._ask_to_delete,
            Action.RECORDING_DELETE_CONFIRM: self._delete,
            Action.RECORDING_AGAIN: self._again,
            Action.SCENARIO: self._scenario,
            Action.SCENARIO_INCOMING: self._incoming_scenario,
            Action.CANCEL_INCOMING: self._cancel_incoming,
            Action.CANCEL_CARD: self._cancel_card,
        }
        return Routes(
            presses={
                **{action: (Permission.LOOK, handler) for action, handler in looking.items()},
                **{action: (Permission.RECORD, handler) for action, handler in working.items()},
            },
            files=(Permission.RECORD, self._file),
        )

    async def _file(self, context: Context, message: IncomingMessage) -> None:
        """Take a file in, or refuse it at once; its card, which says so, and its download follow from the rows."""
        if message.file is None:
            raise ValueError("the message has no file")
        problem = refusal(message.file, self._work.limits)
        async with self._database.transaction() as connection:
            scenario = await self._scenario_of(connection, context.user.id, message.text)
            incoming = await incoming_store.add(connection, context.user.id, message, scenario)
            await cards_store.add_incoming_card(connection, incoming)
            if problem is not None:
                await incoming_store.finish_refused(connection, incoming.id, problem.code, problem.user_text)
        self._work.wake()

    async def _scenario_of(self, connection: Connection, owner: UserId, caption: str) -> ScenarioId | None:
        known = [scenario.id for scenario in self._work.pack.scenarios]
        written = scenario_of_caption(caption, known, self._work.today())
        if written is not None:
            return written
        mode = await user_states.get(connection, owner, Mode)
        return mode.scenario if mode is not None and mode.scenario in known else None

    async def _list(self, context: Context, press: Press) -> None:
        """Show the person's recordings of a scenario, which the next ones will be of too."""
        scenario = next((each for each in self._work.pack.scenarios if each.callback == press.action), None)
        if scenario is None:
            raise OutdatedButton(data=press.action)
        owner = context.user.id
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, Mode(scenario=scenario.id))
            total = await recordings_store.count_recordings(connection, owner, scenario.id)
            last = max(1, -(-total // RECORDINGS_ON_PAGE))
            page = min(press.number, last)
            skipped = (page - 1) * RECORDINGS_ON_PAGE
            rows = await recordings_store.list_recordings(connection, owner, scenario.id, RECORDINGS_ON_PAGE, skipped)
            places = {row.id: (await _metadata(connection, row)).place for row in rows}
        named = {recording_id: place for recording_id, place in places.items() if place is not None}
        await show(self._messages, context, MessageKind.MENU, recordings_page(scenario, page, total, rows, named))

    async def _card(self, context: Context, press: Press) -> None:
        async with self._database.transaction() as connection:
            recording = await own_recording(connection, context.user.id, press.number)
            [progress] = await recordings_store.load_progress(connection, [recording.id])
            metadata = await _metadata(connection, recording)
        scenario = self._scenario_named(recording.request.scenario)
        screen = recording_card(recording, progress, metadata, scenario)
        await show(self._messages, context, MessageKind.MENU, screen)

    async def _play(self, context: Context, press: Press) -> None:
        """Send the original back."""
        async with self._database.transaction() as connection:
            recording = await own_recording(connection, context.user.id, press.number)
            file = FileReference(source=FileSource.RECORDING, subject=recording.id, extension=recording.extension)
            await self._put_file(connection, context, press, played_caption(recording), file)
        await context.answer(texts.telegram_recordings.SENDING)
        self._work.wake()

    async def _transcript(self, context: Context, press: Press) -> None:
        await self._send_transcript(context, press, "txt")

    async def _transcript_file(self, context: Context, press: Press) -> None:
        if press.word not in TRANSCRIPT_EXTENSIONS:
            raise OutdatedButton(data=press.action)
        await self._send_transcript(context, press, press.word)

    async def _send_transcript(self, context: Context, press: Press, extension: str) -> None:
        async with self._database.transaction() as connection:
            recording = await own_recording(connection, context.user.id, press.number)
            ready = recording.stage is Stage.DONE
            if ready:
                caption = transcript_caption(recording.number, recording.file_name)
                file = FileReference(source=FileSource.TRANSCRIPT, subject=recording.id, extension=extension)
                await self._put_file(connection, context, press, caption, file)
        if ready:
            await context.answer(texts.telegram_recordings.SENDING)
            self._work.wake()
        else:
            await show(self._messages, context, MessageKind.MENU, not_ready(recording))

    async def _put_file(
        self, connection: Connection, context: Context, press: Press, caption: Screen, file: FileReference
    ) -> None:
        if await first_tap(connection, context, press):
            message = OutgoingMessage(kind=MessageKind.RESULT, screen=caption, file=file)
            await put_message(connection, context, message)

    async def _ask_to_delete(self, context: Context, press: Press) -> None:
        async with self._database.transaction() as connection:
            recording = await own_recording(connection, context.user.id, press.number)
            [progress] = await recordings_store.load_progress(connection, [recording.id])
        screen = delete_question(recording, progress.runs.get(RunStatus.DONE, 0))
        await show(self._messages, context, MessageKind.CONFIRMATION, screen)

    async def _delete(self, context: Context, press: Press) -> None:
        async with get_user_lock(context.user.id):
            async with self._database.transaction() as connection:
                recording = await own_recording(connection, context.user.id, press.number)
                await leave_dialog(connection, context.user.id, recording.id)
            await self._work.changes.delete(context.user.id, recording.id)
            await show(self._messages, context, MessageKind.MENU, deleted(recording))
        self._work.wake()

    async def _again(self, context: Context, press: Press) -> None:
        """Process a recording from its beginning, with another round of its wizard and a card of its own."""
        owner, chat = context.user.id, context.chat

        async def follow(connection: Connection, recording: Recording, known: bool) -> None:  # noqa: ARG001
            await leave_dialog(connection, owner, recording.id)
            await recording_wizard_store.restart(connection, owner, chat, recording.id)
            await cards_store.add_recording_card(connection, owner, chat, recording.id)

        async with get_user_lock(owner):
            async with self._database.transaction() as connection:
                recording = await own_recording(connection, owner, press.number)
            at_work = recording.stage is not Stage.DONE and not has_stopped(recording)
            if at_work:
                await context.answer(texts.telegram_recordings.AGAIN_RUNNING)
                return
            await self._work.intake.process_again(owner, recording.id, follow)
            await context.answer(texts.telegram_recordings.AGAIN_STARTED.format(number=recording.number))
        self._work.wake()

    async def _scenario(self, context: Context, press: Press) -> None:
        """Take what a person says that a recording is; its wizard goes on."""
        scenario = self._chosen(press)
        async with get_user_lock(context.user.id):
            async with self._database.transaction() as connection:
                recording = await own_recording(connection, context.user.id, press.number)
                recording = await self._choose(connection, recording, scenario)
            named = self._scenario_named(recording.request.scenario)
            screen = scenario_chosen(recording.number, named)
            # The question is no menu: what was chosen stays in its place.
            if context.pressed is None or not await self._messages.edit(context.chat, context.pressed, screen):
                await self._messages.send(context.chat, MessageKind.INFO_MESSAGE, screen)
        self._work.wake()

    async def _incoming_scenario(self, context: Context, press: Press) -> None:
        """The same for a file that may be no recording yet; its card shows what was said."""
        scenario, owner = self._chosen(press), context.user.id
        async with get_user_lock(owner):
            async with self._database.transaction() as connection:
                incoming = await incoming_store.get(connection, owner, press.number)
                if incoming.scenario is None:
                    incoming = await incoming_store.set_scenario(connection, owner, incoming.id, scenario)
                    if incoming.recording_id is not None:
                        recording = await recordings_store.get_recording(connection, owner, incoming.recording_id)
                        await self._choose(connection, recording, scenario)
            named = self._scenario_named(incoming.scenario or scenario)
            label = texts.telegram_recordings.NO_SCENARIO if named is None else named.label
            await context.answer(texts.telegram_recordings.INCOMING_SCENARIO_CHOSEN.format(scenario=label))
        self._work.wake()

    def _chosen(self, press: Press) -> ScenarioId:
        if press.word != NO_SCENARIO and self._scenario_named(ScenarioId(press.word)) is None:
            raise OutdatedButton(data=press.action)
        return ScenarioId(press.word)

    def _scenario_named(self, scenario_id: ScenarioId) -> Scenario | None:
        return next((each for each in self._work.pack.scenarios if each.id == scenario_id), None)

    async def _choose(self, connection: Connection, recording: Recording, scenario: ScenarioId) -> Recording:
        """Say what a recording is, unless that has been said: then it stays."""
        owner = recording.owner_id
        wizard = await find_wizard(connection, owner, recording.id)
        asked = wizard is not None and wizard.step is WizardStep.SCENARIO
        if recording.request.scenario != NO_SCENARIO and not asked:
            return recording
        if recording.request.scenario != scenario:
            recording = await self._work.changes.choose_scenario(connection, owner, recording.id, scenario)
        if wizard is not None and wizard.step in _ASKED_OR_OVER:
            step = WizardStep.CLOSED if scenario == NO_SCENARIO else WizardStep.PROPOSAL
            await recording_wizard_store.move(connection, wizard, step)
        return recording

    async def _cancel_incoming(self, context: Context, press: Press) -> None:
        owner = context.user.id
        async with self._database.transaction() as connection:
            cancelled = await incoming_store.cancel(connection, owner, press.number)
            incoming = await incoming_store.get(connection, owner, press.number)
        if not cancelled and incoming.recording_id is not None:
            cancelled = await self._work.jobs.cancel_recording(incoming.recording_id)
        await context.answer(
            texts.telegram_recordings.CANCELLING if cancelled else texts.telegram_recordings.TOO_LATE_TO_CANCEL
        )
        self._work.wake()

    async def _cancel_card(self, context: Context, press: Press) -> None:
        async with self._database.transaction() as connection:
            card = await cards_store.get(connection, context.user.id, press.number)
        if card.kind is CardKind.REPORTS:
            cancelled = await self._work.jobs.cancel_reports(card.run_ids)
        elif card.recording_id is not None:
            cancelled = await self._work.jobs.cancel_recording(card.recording_id)
        else:
            cancelled = False
        await context.answer(
            texts.telegram_recordings.CANCELLING if cancelled else texts.telegram_recordings.TOO_LATE_TO_CANCEL
        )
        self._work.wake()


async def _metadata(connection: Connection, recording: Recording) -> RecordingMetadata:
    return await metadata_store.load_metadata(connection, recording.id) or RecordingMetadata()
