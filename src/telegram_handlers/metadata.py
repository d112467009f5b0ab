"""A recording's metadata: questions, the confirmation card, changes to single fields."""

from collections.abc import Awaitable, Callable
from functools import partial

import texts.telegram_metadata
from access import Permission
from chats.questions import reads_like_question
from constants import NO_SCENARIO
from datamodels import BuildingType, Recording, Stage
from datamodels_telegram import IncomingMessage, MessageKind
from dialogs import Dialog, Step, get_user_lock
from errors import OutdatedButton
from markups.callback_data import Action, Press
from markups.menus import main_menu
from markups.metadata import confirmation, edit_action, edit_menu, form_kind, form_screen
from markups.recordings import not_ready, which_scenario
from markups.reports import reports_menu
from message_tracker import MessageTracker
from metadata.fields import Field
from metadata.form import Cancelled, FormTurn, MetadataForm
from prompt_pack.models import ReportPack
from reports.estimate import Estimates
from telegram_handlers.context import Context, MessageHandler, PressHandler, Routes
from telegram_handlers.shared import expected_reports, show

_TOLD = {
    Cancelled.NOTHING: texts.telegram_metadata.NOTHING_TO_CANCEL,
    Cancelled.FORM: texts.telegram_metadata.CANCELLED,
    Cancelled.OTHER_DIALOG: texts.telegram_metadata.CANCELLED_OTHER,
}


class MetadataHandlers:
    """Asks for metadata and has it confirmed.

    ``wake_wizards`` is called when questions about another recording may follow, ``ask`` with a message that is a
    question to the archive.
    """

    def __init__(
        self,
        form: MetadataForm,
        messages: MessageTracker,
        pack: ReportPack,
        wake_wizards: Callable[[], None],
        ask: MessageHandler,
        estimates: Estimates,
    ) -> None:
        self._form = form
        self._messages = messages
        self._wake_wizards = wake_wizards
        self._ask = ask
        self._estimates = estimates
        self._pack = pack

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
        """Show a recording's metadata, opened from its card, to be confirmed or changed.

        While the recording has no scenario or is not processed, say so instead.
        """
        recording, metadata = await self._form.find(context.user.id, press.number)
        if recording.request.scenario == NO_SCENARIO:
            screen = which_scenario(recording, self._pack.scenarios, for_reports=True)
        elif recording.stage is not Stage.DONE:
            screen = not_ready(recording)
        else:
            screen = confirmation(recording.number, recording.file_name, recording.request.scenario, metadata)
        await show(self._messages, context, MessageKind.CONFIRMATION, screen, recording.id)

    async def _choose_field(self, context: Context, press: Press) -> None:
        recording = await self._form.described(context.user.id, press.number)
        screen = edit_menu(recording.number, recording.request.scenario)
        await show(self._messages, context, MessageKind.CONFIRMATION, screen, recording.id)

    async def _back_to_confirm(self, context: Context, press: Press) -> None:
        await self._pressed(context, partial(self._form.back, context.user.id, press.number))

    async def _edit(self, field: Field, context: Context, press: Press) -> None:
        await self._pressed(context, partial(self._form.edit, context.user.id, press.number, field))

    async def _skip_field(self, context: Context, press: Press) -> None:
        await self._pressed(context, partial(self._form.skip, context.user.id, press.number, press.word))

    async def _skip_all(self, context: Context, press: Press) -> None:
        await self._pressed(context, partial(self._form.skip, context.user.id, press.number, None))

    async def _set_building(self, context: Context, press: Press) -> None:
        if press.word not in set(BuildingType):
            raise OutdatedButton(data=press.action)
        building = BuildingType(press.word)
        await self._pressed(context, partial(self._form.set_building, context.user.id, press.number, building))

    async def _typed(self, context: Context, message: IncomingMessage) -> None:
        """Take typed text as the reply that the form waits for, or ask it; the form is shown again with the answer."""
        async with get_user_lock(context.user.id):
            is_question = partial(_is_question, message.text)
            turn = await self._form.typed(context.user.id, message.message_id, message.text, is_question)
            if not turn.is_question:
                kind = form_kind(turn)
                await self._messages.send(context.chat, kind, form_screen(turn), subject=turn.recording.id)
                if kind is MessageKind.CONFIRMATION:
                    # The last question has its reply.
                    await self._messages.remove(context.chat, [MessageKind.INPUT_REQUEST])
        if turn.is_question:
            await self._ask(context, message)

    async def _confirm(self, context: Context, press: Press) -> None:
        """Confirm the metadata; the reports come next."""
        async with get_user_lock(context.user.id):
            recording = await self._form.confirm(context.user.id, press.number)
            note = texts.telegram_metadata.CONFIRMED.format(number=recording.number)
            reports = self._pack.reports(recording.request.scenario)
            expected = await expected_reports(self._estimates, context.user.id, press.number)
            screen = reports_menu(recording.number, recording.file_name, reports, note, expected)
            await show(self._messages, context, MessageKind.MENU, screen, recording.id)
        self._wake_wizards()

    async def _cancel_press(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._cancel(context)

    async def _cancel_command(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002
        await self._cancel(context)

    async def _cancel(self, context: Context) -> None:
        async with get_user_lock(context.user.id):
            cancelled = await self._form.cancel(context.user.id)
            await show(self._messages, context, MessageKind.MENU, main_menu(_TOLD[cancelled]))
        self._wake_wizards()

    async def _pressed(self, context: Context, change: Callable[[], Awaitable[FormTurn | Recording]]) -> None:
        """Make a change under the person's lock; show the form's screen, or say which recording must be done first."""
        async with get_user_lock(context.user.id):
            turn = await change()
            if isinstance(turn, FormTurn):
                await show(self._messages, context, form_kind(turn), form_screen(turn), turn.recording.id)
            else:
                await context.answer(texts.telegram_metadata.FINISH_FIRST.format(number=turn.number))


def _is_question(text: str, step: Step) -> bool:
    # A place may be called «Как дома»: where a value is asked for, only a question mark tells.
    return reads_like_question(text, marked=step is not Step.CONFIRM_DATA)
