"""What several modules of handlers need."""

from datetime import timedelta

import recording_wizard_store
import recordings_store
import user_states
from datamodels import Recording, RecordingId, UserId
from datamodels_telegram import MessageId, MessageKind, RecordingWizard, Screen, WizardStep
from db import Connection
from errors import NotFound
from markups.callback_data import Press
from message_tracker import MessageTracker
from telegram_handlers.context import Context
from user_states import Dialog, State

_DOUBLE_TAP = timedelta(seconds=10)


class Tapped(State):
    """The button that a person pressed last."""

    KEY = "tapped"
    message_id: MessageId | None
    press: Press


async def own_recording(connection: Connection, owner: UserId, number: int) -> Recording:
    """Load a recording by the number on a button, for the person who pressed it.

    Raises:
        NotFound: this person has none of that number, whoever else may have.
    """
    recording = await recordings_store.find_by_number(connection, owner, number)
    if recording is None:
        raise NotFound(what=f"recording {number}")
    return recording


async def first_tap(connection: Connection, context: Context, press: Press) -> bool:
    """Note a press of what sends something each time; False when the same button was pressed just before."""
    tapped = Tapped(message_id=context.pressed, press=press)
    before = await user_states.get(connection, context.user.id, Tapped)
    await user_states.put(connection, context.user.id, tapped, ttl=_DOUBLE_TAP)
    return before != tapped


async def find_wizard(connection: Connection, owner: UserId, recording_id: RecordingId) -> RecordingWizard | None:
    """Load the wizard about a recording; None when it came another way than by Telegram."""
    try:
        return await recording_wizard_store.get(connection, owner, recording_id)
    except NotFound:
        return None


async def leave_dialog(connection: Connection, owner: UserId, recording_id: RecordingId) -> None:
    """End the dialog about a recording, if the person is in one."""
    dialog = await user_states.get(connection, owner, Dialog)
    if dialog is not None and dialog.recording_id == recording_id:
        await user_states.drop(connection, owner, Dialog)


async def go_on_to_reports(connection: Connection, owner: UserId, recording_id: RecordingId) -> None:
    """End the questions about a recording, if they are being asked: its reports can be ordered then."""
    wizard = await find_wizard(connection, owner, recording_id)
    if wizard is not None and wizard.step is WizardStep.CONFIRMATION:
        await recording_wizard_store.move(connection, wizard, WizardStep.REPORTS)


async def show(messages: MessageTracker, context: Context, kind: MessageKind, screen: Screen) -> None:
    """Show a screen in the place of the pressed message, or as a new one when a message is answered."""
    if context.pressed is None:
        await messages.send(context.chat, kind, screen)
    else:
        await messages.replace(context.chat, context.pressed, kind, screen)
