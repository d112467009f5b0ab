"""A recording's metadata: questions, the confirmation card, changes to single fields.

What a person said, the metadata and the dialog change in one transaction; what is shown follows from the dialog. So a
press or a message that is handled twice changes nothing and shows the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

import metadata_store
import recordings_store
import texts.telegram_metadata
import user_states
from access import Permission
from constants import NO_SCENARIO
from datamodels import BuildingType, Recording, RecordingMetadata, Stage, UserId
from datamodels_telegram import IncomingMessage, MessageKind, Screen, WizardStep
from db import Connection, Database
from errors import OutdatedButton
from markups.callback_data import Action, Press
from markups.menus import main_menu
from markups.metadata import confirmation, edit_action, edit_menu, edit_question, question
from markups.recordings import not_ready, which_scenario
from markups.reports import reports_menu
from message_tracker import MessageTracker
from metadata.fields import Field, missing, parse
from metadata.parsing import BadField
from prompt_pack.models import ReportPack
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.shared import find_wizard, go_on_to_reports, leave_dialog, own_recording, show
from user_states import Dialog, OpenDialog, Step, get_user_lock

_DIALOG_LASTS = timedelta(hours=24)
_TRIES_BEFORE_HINT = 3

_ASKED: dict[Step, Field] = {Step(f"ask_{field}"): field for field in Field}
_EDITED: dict[Step, Field] = {Step(f"edit_{field}"): field for field in Field}


@dataclass(frozen=True)
class _Turn:
    """What a dialog has come to, to be shown."""

    dialog: Dialog
    recording: Recording
    metadata: RecordingMetadata
    reason: str | None = None
    """Why the last answer did not do."""
    buttons_only: bool = False

    @property
    def kind(self) -> MessageKind:
        return MessageKind.CONFIRMATION if self.dialog.step is Step.CONFIRM_DATA else MessageKind.INPUT_REQUEST

    @property
    def screen(self) -> Screen:
        number, step = self.recording.number, self.dialog.step
        hint = self.dialog.tries >= _TRIES_BEFORE_HINT
        if step in _ASKED:
            return question(number, _ASKED[step], self.reason, hint=hint)
        if step in _EDITED:
            return edit_question(number, _EDITED[step], self.metadata, self.reason, hint=hint)
        scenario = self.recording.request.scenario
        return confirmation(number, self.recording.file_name, scenario, self.metadata, buttons_only=self.buttons_only)


class MetadataHandlers:
    """Asks for metadata and has them confirmed.

    ``wake_wizards`` is called when the questions about another recording may come; ``today`` tells the person's
    day, since no recording is of a later one.
    """

    def __init__(
        self,
        database: Database,
        messages: MessageTracker,
        pack: ReportPack,
        wake_wizards: Callable[[], None],
        today: Callable[[], date],
    ) -> None:
        self._database = database
        self._messages = messages
        self._wake_wizards = wake_wizards
        self._pack = pack
        self._today = today

    def routes(self) -> Routes:
        presses: dict[Action, PressHandler] = {
            Action.RECORDING_METADATA: self._open,
            Action.BACK_TO_CONFIRM: self._back_to_confirm,
            Action.EDIT_DATA: self._choose_field,
            Action.SKIP_FIELD: self._skip_field,
            Action.SKIP_ALL_FIELDS: self._skip_all,
            Action.SET_BUILDING: self._set_building,
            Action.CONFIRM_DATA: self._confirm,
            Action.CANCEL_DIALOG: self._cancel_press,
            **{edit_action(field): partial(self._edit, field) for field in Field},
        }
        return Routes(
            presses={action: (Permission.RECORD, handler) for action, handler in presses.items()},
            commands={"cancel": (Permission.LOOK, self._cancel_command)},
            answers=dict.fromkeys(Dialog.STEPS, (Permission.RECORD, self._typed)),
        )

    async def _open(self, context: Context, press: Press) -> None:
        """Show a recording's metadata from its card, to be confirmed or changed."""
        async with self._database.transaction() as connection:
            recording = await own_recording(connection, context.user.id, press.number)
            metadata = await _metadata(connection, recording)
        if recording.request.scenario == NO_SCENARIO:
            screen = which_scenario(recording, self._pack.scenarios, for_reports=True)
        elif recording.stage is not Stage.DONE:
            screen = not_ready(recording)
        else:
            screen = confirmation(recording.number, recording.file_name, recording.request.scenario, metadata)
        await show(self._messages, context, MessageKind.CONFIRMATION, screen)

    async def _choose_field(self, context: Context, press: Press) -> None:
        async with self._database.transaction() as connection:
            recording = await _described(connection, context.user.id, press.number)
        screen = edit_menu(recording.number, recording.request.scenario)
        await show(self._messages, context, MessageKind.CONFIRMATION, screen)

    async def _back_to_confirm(self, context: Context, press: Press) -> None:
        async def back(connection: Connection, turn: _Turn) -> _Turn:  # noqa: ARG001
            return replace(turn, dialog=_at(turn.dialog, Step.CONFIRM_DATA))

        await self._turn(context, press.number, back)

    async def _edit(self, field: Field, context: Context, press: Press) -> None:
        async def ask(connection: Connection, turn: _Turn) -> _Turn:  # noqa: ARG001
            return replace(turn, dialog=_at(turn.dialog, Step(edit_action(field))))

        await self._turn(context, press.number, ask)

    async def _skip_field(self, context: Context, press: Press) -> None:
        async def skip(connection: Connection, turn: _Turn) -> _Turn:  # noqa: ARG001
            if _ASKED.get(turn.dialog.step) != press.word:
                return turn
            return _next(turn, skip=(press.word,))

        await self._turn(context, press.number, skip)

    async def _skip_all(self, context: Context, press: Press) -> None:
        async def skip(connection: Connection, turn: _Turn) -> _Turn:  # noqa: ARG001
            if turn.dialog.step not in _ASKED:
                return turn
            return _next(turn, skip=tuple(Field))

        await self._turn(context, press.number, skip)

    async def _set_building(self, context: Context, press: Press) -> None:
        if press.word not in set(BuildingType):
            raise OutdatedButton(data=press.action)
        building = BuildingType(press.word)

        async def put(connection: Connection, turn: _Turn) -> _Turn:
            if turn.dialog.step not in {Step.ASK_BUILDING_TYPE, Step.EDIT_BUILDING_TYPE}:
                return turn
            return await _saved(connection, turn, turn.metadata.model_copy(update={"building": building}))

        await self._turn(context, press.number, put)

    async def _typed(self, context: Context, message: IncomingMessage) -> None:
        """Take what was typed for the answer that the dialog waits for."""
        async with get_user_lock(context.user.id):
            async with self._database.transaction() as connection:
                dialog = await user_states.get(connection, context.user.id, Dialog)
                if dialog is None:
                    raise OutdatedButton(data="dialog")
                recording = await recordings_store.get_recording(connection, context.user.id, dialog.recording_id)
                turn = _Turn(dialog, recording, await _metadata(connection, recording))
                if message.message_id > dialog.answered:
                    turn = await self._taken(connection, turn, message)
                    answered = turn.dialog.model_copy(update={"answered": message.message_id})
                    await user_states.put(connection, context.user.id, answered, ttl=_DIALOG_LASTS)
            await self._messages.send(context.chat, turn.kind, turn.screen)
            if turn.kind is MessageKind.CONFIRMATION:
                # The last question has its answer.
                await self._messages.remove(context.chat, [MessageKind.INPUT_REQUEST])

    async def _taken(self, connection: Connection, turn: _Turn, message: IncomingMessage) -> _Turn:
        dialog = turn.dialog
        field = _ASKED.get(dialog.step) or _EDITED.get(dialog.step)
        if field is None:
            return replace(turn, buttons_only=True)
        try:
            # Its dictionary of word forms is loaded with the first zone.
            metadata = await asyncio.to_thread(parse, field, message.text, turn.metadata, self._today())
        except BadField as exc:
            tried = dialog.model_copy(update={"tries": dialog.tries + 1})
            return replace(turn, dialog=tried, reason=str(exc))
        return await _saved(connection, turn, metadata)

    async def _confirm(self, context: Context, press: Press) -> None:
        """Take the metadata as they are; the reports come next."""
        async with get_user_lock(context.user.id):
            async with self._database.transaction() as connection:
                recording = await _described(connection, context.user.id, press.number)
                await metadata_store.confirm_metadata(connection, recording.id)
                await leave_dialog(connection, context.user.id, recording.id)
                await go_on_to_reports(connection, context.user.id, recording.id)
            note = texts.telegram_metadata.CONFIRMED.format(number=recording.number)
            reports = self._pack.reports(recording.request.scenario)
            screen = reports_menu(recording.number, recording.file_name, reports, note)
            await show(self._messages, context, MessageKind.MENU, screen)
        self._wake_wizards()

    async def _cancel_press(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._cancel(context)

    async def _cancel_command(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002
        await self._cancel(context)

    async def _cancel(self, context: Context) -> None:
        async with get_user_lock(context.user.id):
            async with self._database.transaction() as connection:
                hint = await self._cancelled(connection, context.user.id)
            await show(self._messages, context, MessageKind.MENU, main_menu(hint))
        self._wake_wizards()

    async def _cancelled(self, connection: Connection, owner: UserId) -> str:
        """End whatever dialog the person is in; returns what to say about it."""
        if await user_states.get(connection, owner, OpenDialog) is None:
            return texts.telegram_metadata.NOTHING_TO_CANCEL
        dialog = await user_states.get(connection, owner, Dialog)
        await user_states.drop(connection, owner, OpenDialog)
        if dialog is None:
            return texts.telegram_metadata.CANCELLED_OTHER
        await go_on_to_reports(connection, owner, dialog.recording_id)
        return texts.telegram_metadata.CANCELLED

    async def _turn(
        self, context: Context, number: int, change: Callable[[Connection, _Turn], Awaitable[_Turn]]
    ) -> None:
        """Change the dialog about a recording, which a press begins anew when it has expired, and show it."""
        async with get_user_lock(context.user.id):
            async with self._database.transaction() as connection:
                recording = await _described(connection, context.user.id, number)
                dialog = await user_states.get(connection, context.user.id, Dialog)
                other = await self._unfinished_other(connection, context.user.id, dialog, recording)
                if other is None:
                    turn = _begun(dialog, recording, await _metadata(connection, recording))
                    turn = await change(connection, turn)
                    await user_states.put(connection, context.user.id, turn.dialog, ttl=_DIALOG_LASTS)
            if other is None:
                await show(self._messages, context, turn.kind, turn.screen)
            else:
                await context.answer(texts.telegram_metadata.FINISH_FIRST.format(number=other.number))

    async def _unfinished_other(
        self, connection: Connection, owner: UserId, dialog: Dialog | None, recording: Recording
    ) -> Recording | None:
        """The recording whose questions a dialog about this one would cut off."""
        if dialog is None or dialog.recording_id == recording.id:
            return None
        wizard = await find_wizard(connection, owner, dialog.recording_id)
        if wizard is None or wizard.step is not WizardStep.CONFIRMATION:
            return None
        return await recordings_store.get_recording(connection, owner, dialog.recording_id)


async def _described(connection: Connection, owner: UserId, number: int) -> Recording:
    """Load a recording that has metadata to speak of.

    Raises:
        NotFound: this person has none of that number.
        OutdatedButton: its person wants the transcript only.
    """
    recording = await own_recording(connection, owner, number)
    if recording.request.scenario == NO_SCENARIO:
        raise OutdatedButton(data="metadata")
    return recording


async def _metadata(connection: Connection, recording: Recording) -> RecordingMetadata:
    return await metadata_store.load_metadata(connection, recording.id) or RecordingMetadata()


async def _saved(connection: Connection, turn: _Turn, metadata: RecordingMetadata) -> _Turn:
    await metadata_store.save_metadata(connection, turn.recording.id, metadata)
    turn = replace(turn, metadata=metadata)
    if turn.dialog.step in _EDITED:
        return replace(turn, dialog=_at(turn.dialog, Step.CONFIRM_DATA))
    return _next(turn)


def _begun(dialog: Dialog | None, recording: Recording, metadata: RecordingMetadata) -> _Turn:
    if dialog is None or dialog.recording_id != recording.id:
        dialog = Dialog(step=Step.CONFIRM_DATA, recording_id=recording.id)
        return _next(_Turn(dialog, recording, metadata))
    return _Turn(dialog, recording, metadata)


def _next(turn: _Turn, skip: Sequence[str] = ()) -> _Turn:
    """Go on to the next field that is missing and may be asked for, else to the confirmation."""
    skipped = tuple(dict.fromkeys([*turn.dialog.skipped, *skip]))
    fields = missing(turn.recording.request.scenario, turn.metadata)
    step = next((Step(f"ask_{field}") for field in fields if field not in skipped), Step.CONFIRM_DATA)
    return replace(turn, dialog=_at(turn.dialog.model_copy(update={"skipped": skipped}), step))


def _at(dialog: Dialog, step: Step) -> Dialog:
    return dialog.model_copy(update={"step": step, "tries": 0})
