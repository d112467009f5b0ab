"""What several modules of handlers need."""

import dialogs
import outbox_store
from datamodels_telegram import MessageKind, OutgoingMessage, Screen
from db import Connection
from markups.callback_data import Press
from message_tracker import MessageTracker
from random_ids import new_name
from telegram_handlers.context import Context


async def first_tap(connection: Connection, context: Context, press: Press) -> bool:
    """Note a press of what sends something each time; False when the same button was pressed just before."""
    return await dialogs.first_tap(connection, context.user.id, context.pressed, press.model_dump_json())


async def put_message(connection: Connection, context: Context, message: OutgoingMessage) -> None:
    """Have a message sent that takes its time, such as one with a file; it survives a restart."""
    key = f"press:{context.chat}:{new_name()}"
    await outbox_store.put(connection, key, context.user.id, context.chat, message)


async def show(messages: MessageTracker, context: Context, kind: MessageKind, screen: Screen) -> None:
    """Show a screen in the place of the pressed message, or as a new one when a message is answered."""
    if context.pressed is None:
        await messages.send(context.chat, kind, screen)
    else:
        await messages.replace(context.chat, context.pressed, kind, screen)
