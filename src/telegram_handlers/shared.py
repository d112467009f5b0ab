"""Functions that several modules of handlers need."""

from datamodels_telegram import MessageKind, Screen
from message_tracker import MessageTracker
from telegram_handlers.context import Context


async def show(messages: MessageTracker, context: Context, kind: MessageKind, screen: Screen) -> None:
    """Replace the pressed message with a screen, or send the screen when the update is a message."""
    if context.pressed is None:
        await messages.send(context.chat, kind, screen)
    else:
        await messages.replace(context.chat, context.pressed, kind, screen)
