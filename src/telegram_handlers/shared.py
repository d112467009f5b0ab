"""Functions that several modules of handlers need."""

from datamodels import RecordingId, UserId
from datamodels_telegram import IncomingMessage, MessageKind, Screen
from dialogs import Dialog, Dialogs, OpenDialog
from message_tracker import MessageTracker
from telegram_handlers.context import Context


async def show(
    messages: MessageTracker,
    context: Context,
    kind: MessageKind,
    screen: Screen,
    subject: RecordingId | None = None,
) -> None:
    """Replace the pressed message with a screen, or send the screen when the update is a message.

    A screen about the recording ``subject`` leaves questions about other recordings where they are.
    """
    if context.pressed is None:
        await messages.send(context.chat, kind, screen, subject=subject)
    else:
        await messages.replace(context.chat, context.pressed, kind, screen, subject)


async def awaited(
    dialogs: Dialogs, messages: MessageTracker, owner: UserId, message: IncomingMessage
) -> OpenDialog | None:
    """Return the dialog that a typed message replies to: its question was in the chat when the message was written.

    A dialog whose question is gone ends. One about a recording does not: its question may be on its way, and text that
    comes before it is no reply.
    """
    dialog = await dialogs.find(owner, OpenDialog)
    about = None if dialog is None else await dialogs.find(owner, Dialog)
    if about is not None:
        asked = await messages.question(message.chat_id, about.recording_id)
        was_asked = asked is not None and asked < message.message_id
        # A message that is handled again after a crash is older than the question that followed it.
        return about if was_asked or message.message_id <= about.answered else None
    if dialog is not None and await messages.question(message.chat_id) is None:
        await dialogs.end(owner, OpenDialog)
        return None
    return dialog
