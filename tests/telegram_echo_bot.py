"""A bot for the tests of the loopback server, within what kurigram and pyrogram 2.0.106 have in common.

Usage: telegram_echo_bot.py DIRECTORY, with the account in the environment.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from pyrogram import Client, filters
from pyrogram.handlers import CallbackQueryHandler, MessageHandler
from pyrogram.raw import functions
from pyrogram.types import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup

WHAT_WAS_MISSED: dict[str, Any] = {"skip_updates": False} if hasattr(Client, "recover_gaps") else {}
"""kurigram can ask for what came while it was down, pyrogram 2.0.106 cannot."""


async def on_message(client: Any, message: Any) -> None:
    if message.text == "keyboard":
        await message.reply_text(
            "choose",
            reply_markup=InlineKeyboardMarkup(
                [
                    [InlineKeyboardButton("Да", callback_data="yes"), InlineKeyboardButton("Нет", callback_data="no")],
                    [InlineKeyboardButton("Сайт", url="https://example.org")],
                ]
            ),
        )
    elif message.text == "edit":
        sent = await client.send_message(message.chat.id, "**one**")
        await client.edit_message_text(message.chat.id, sent.id, "two")
    elif message.text == "delete":
        sent = await client.send_message(message.chat.id, "soon gone")
        await client.delete_messages(message.chat.id, sent.id)
    elif message.text and message.text.startswith("raise "):
        await _tell_the_error(client, message)
    elif message.text == "unknown":
        try:
            await client.session.invoke(functions.account.UpdateProfile(), retries=1)
        except Exception as error:  # noqa: BLE001 - the name is what the test asks for
            await client.send_message(message.chat.id, f"error {_name(error)}")
    elif message.text:
        await client.send_message(message.chat.id, f"echo {message.text}")
    else:
        await _return_the_file(client, message)


def _name(error: Exception) -> str:
    return str(getattr(error, "ID", None) or type(error).__name__)


async def _tell_the_error(client: Any, message: Any) -> None:
    try:
        await client.send_message(message.chat.id, "x" * int(message.text.split()[1]))
    except Exception as error:  # noqa: BLE001 - the name is what the test asks for
        await client.send_message(message.chat.id, f"error {_name(error)}")


async def _return_the_file(client: Any, message: Any) -> None:
    media = _media(message)
    if media.file_size > 2 * 2**30:
        await client.send_message(message.chat.id, f"too large: {media.file_size}")
        return
    target = Path(sys.argv[1]) / f"download-{message.id}"
    problem = await _download(client, message, target)
    if problem:
        await client.send_message(message.chat.id, problem)
        problem = await _download(client, await client.get_messages(message.chat.id, message.id), target)
    if problem:
        await client.send_message(message.chat.id, f"given up: {problem}")
        return
    name = getattr(media, "file_name", None) or "nameless"
    await client.send_document(message.chat.id, str(target), file_name=f"returned {name}", caption=message.caption)


def _media(message: Any) -> Any:
    return message.voice or message.audio or message.document or message.video or message.video_note


async def _download(client: Any, message: Any, target: Path) -> str:
    """Say what went wrong."""
    expected = _media(message).file_size
    size = 0
    try:
        with target.open("wb") as file:
            async for chunk in client.stream_media(message):
                size += file.write(chunk)
    except Exception as error:  # noqa: BLE001 - the name is what the test asks for
        return f"error {_name(error)}"
    return f"short: {size} of {expected}" if size != expected else ""


async def on_callback(client: Any, query: Any) -> None:
    await query.answer(f"you chose {query.data}", show_alert=query.data == "no")
    if query.message is not None and query.message.id:
        await client.edit_message_text(query.message.chat.id, query.message.id, f"chosen: {query.data}")


async def main() -> None:
    environment = os.environ
    client = Client(
        "echo",
        api_id=int(environment["TELEGRAM_API_ID"]),
        api_hash=environment["TELEGRAM_API_HASH"],
        bot_token=environment["TELEGRAM_BOT_TOKEN"],
        workdir=sys.argv[1],
        **WHAT_WAS_MISSED,
    )
    client.add_handler(MessageHandler(on_message, filters.incoming))
    client.add_handler(CallbackQueryHandler(on_callback))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await client.start()
    await client.set_bot_commands([BotCommand("start", "Начать"), BotCommand("help", "Помощь")])
    await stop.wait()
    await client.stop()


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(main())
