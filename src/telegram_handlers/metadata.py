"""A recording's metadata: questions, the confirmation card, changes to single fields."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import texts.telegram_metadata
from access import Permission
from chats.questions import said_to_courtesy
from constants import NO_SCENARIO
from datamodels import BuildingType, Stage, User
from datamodels_telegram import IncomingMessage, MessageId, MessageKind, Screen, TelegramPerson
from dialogs import Dialog, get_user_lock
from errors import OutdatedButton
from markups.callback_data import Action, Press
from markups.metadata import FORM_KINDS, edit_action, form_card, form_kind, form_screen
from markups.recordings import not_ready, which_scenario
from markups.reports import reports_menu
from message_tracker import MessageTracker
from metadata.fields import Field
from metadata.form import Cancelled, FormTurn, MetadataForm, Reading
from prompt_pack.models import ReportPack
from reports.estimate import Estimates
from telegram_handlers.beside import reading, with_courtesy
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
    question to the archive, ``menu`` makes a person's main menu below a hint.
    """

    def __init__(
        self,
        form: MetadataForm,
        menu: Callable[[User, str], Awaitable[Screen]],
        messages: MessageTracker,
        pack: ReportPack,
        wake_wizards: Callable[[], None],
        ask: MessageHandler,
        estimates: Estimates,
    ) -> None:
        self._form = form
        self._menu = menu
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
            Action.FILL_IN: self._fill_in,
            Action.REPLY_IS: self._settle,
            Action.SET_TODAY: self._set_today,
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
        """Show the form of a recording, opened from its card.

        While the recording has no scenario or is not processed, say so instead.
        """
        recording = await self._form.find(context.user.id, press.number)
        if recording.request.scenario == NO_SCENARIO:
            screen = which_scenario(recording, self._pack.scenarios, for_reports=True)
            await show(self._messages, context, MessageKind.MENU, screen, recording.id)
        elif recording.stage is not Stage.DONE:
            await show(self._messages, context, MessageKind.MENU, not_ready(recording), recording.id)
        else:
            await self.open(context, press.number)

    async def open(self, context: Context, number: int) -> None:
        """Show the form of a recording at its card with all fields."""
        await self._pressed(context, partial(self._form.back, context.user.id, number))

    async def _choose_field(self, context: Context, press: Press) -> None:
        to_change = partial(form_card, to_change=True)
        await self._pressed(context, partial(self._form.back, context.user.id, press.number), to_change)

    async def _back_to_confirm(self, context: Context, press: Press) -> None:
        await self.open(context, press.number)

    async def _edit(self, field: Field, context: Context, press: Press) -> None:
        await self._pressed(context, partial(self._form.edit, context.user.id, press.number, field))

    async def _fill_in(self, context: Context, press: Press) -> None:
        await self._pressed(context, partial(self._form.fill_in, context.user.id, press.number))

    async def _skip_field(self, context: Context, press: Press) -> None:
        await self._pressed(context, partial(self._form.skip, context.user.id, press.number, press.word))

    async def _set_building(self, context: Context, press: Press) -> None:
        if press.word not in set(BuildingType):
            raise OutdatedButton(data=press.action)
        building = BuildingType(press.word)
        await self._pressed(context, partial(self._form.set_building, context.user.id, press.number, building))

    async def _set_today(self, context: Context, press: Press) -> None:
        await self._pressed(context, partial(self._form.set_today, context.user.id, press.number))

    async def _settle(self, context: Context, press: Press) -> None:
        """Take doubtful text as the reply, or ask it as a question; the form is shown again with the answer."""
        if press.word not in {Reading.VALUE, Reading.QUESTION}:
            raise OutdatedButton(data=press.action)
        is_value = press.word == Reading.VALUE
        turn = await self._pressed(
            context, partial(self._form.settle, context.user.id, press.number, is_value=is_value)
        )
        if turn.question:
            person = TelegramPerson(id=context.chat, name=context.user.name)
            typed = MessageId(turn.dialog.answered)
            question = IncomingMessage(chat_id=context.chat, message_id=typed, person=person, text=turn.question)
            await self._ask(context, question)

    async def _typed(self, context: Context, message: IncomingMessage) -> None:
        """Take typed text as the reply that the form waits for, or ask it; the form is shown again with the answer."""
        async with get_user_lock(context.user.id):
            read = partial(reading, text=message.text)
            turn = await self._form.typed(context.user.id, message.message_id, message.text, read)
            if not turn.question:
                screen = form_screen(turn)
                if turn.courtesy:
                    screen = with_courtesy(screen, said_to_courtesy(message.text) or "")
                await self._show(replace(context, pressed=None), turn, screen)
        if turn.question:
            await self._ask(context, message)

    async def _confirm(self, context: Context, press: Press) -> None:
        """Confirm the metadata; the reports come next."""
        async with get_user_lock(context.user.id):
            recording = await self._form.confirm(context.user.id, press.number)
            note = texts.telegram_metadata.CONFIRMED.format(number=recording.number)
            reports = self._pack.reports(recording.request.scenario)
            expected = await expected_reports(self._estimates, context.user.id, press.number)
            screen = reports_menu(recording.number, recording.file_name, reports, note, expected)
            await show(self._messages, context, MessageKind.CHOICE, screen, recording.id)
        self._wake_wizards()

    async def _cancel_press(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._cancel(context)

    async def _cancel_command(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002
        await self._cancel(context)

    async def _cancel(self, context: Context) -> None:
        async with get_user_lock(context.user.id):
            cancelled, recording = await self._form.cancel(context.user.id)
            await show(self._messages, context, MessageKind.MENU, await self._menu(context.user, _TOLD[cancelled]))
            if recording is not None:
                await self._messages.remove(context.chat, FORM_KINDS, recording)
        self._wake_wizards()

    async def _pressed(
        self,
        context: Context,
        change: Callable[[], Awaitable[FormTurn]],
        draw: Callable[[FormTurn], Screen] = form_screen,
    ) -> FormTurn:
        """Make a change under the person's lock, show the form's screen, and return where the person is then."""
        async with get_user_lock(context.user.id):
            turn = await change()
            await self._show(context, turn, draw(turn))
            return turn

    async def _show(self, context: Context, turn: FormTurn, screen: Screen) -> None:
        kind = form_kind(turn)
        await show(self._messages, context, kind, screen, turn.recording.id)
        if kind is MessageKind.CONFIRMATION:
            # The last question has its reply, or was about a recording that was put aside.
            await self._messages.remove(context.chat, [MessageKind.INPUT_REQUEST])
