"""The loopback Telegram server holds a real client library to what Telegram does."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from telegram_events import Happening
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

BOT = Path(__file__).parents[1] / "telegram_echo_bot.py"


@asynccontextmanager
async def echo_bot(server: TelegramServer, directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(BOT), str(directory), env={**os.environ, **server.environment()}
    )
    try:
        await server.bot_is_ready()
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


@pytest.fixture
def anna(server: TelegramServer) -> ScriptedUser:
    return server.world.user("Анна", id=1001)


async def test_a_bot_answers_a_message(server: TelegramServer, anna: ScriptedUser, tmp_path: Path) -> None:
    async with echo_bot(server, tmp_path):
        await anna.send("привет")
        await anna.sees("echo привет")


async def test_what_the_bot_edits_and_deletes_changes_what_the_person_sees(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with echo_bot(server, tmp_path):
        await anna.send("edit")
        edited = await anna.sees("two")
        assert [message.text for message in anna.chat.from_bot] == ["two"]
        assert len(anna.chat.events(Happening.SENT, Happening.EDITED, message=edited)) == 2
        await anna.send("delete")
        gone = (await anna.chat.until(lambda: anna.chat.events(Happening.DELETED), 10, "a deletion"))[0]
        assert gone.text == "soon gone"
        assert "soon gone" not in anna.chat.storyboard()
        assert "soon gone" in anna.chat.storyboard(whole=True)


async def test_a_pressed_button_is_answered(server: TelegramServer, anna: ScriptedUser, tmp_path: Path) -> None:
    async with echo_bot(server, tmp_path):
        await anna.send("keyboard")
        answer = await anna.press("Да")
        assert (answer.text, answer.alert) == ("you chose yes", False)
        message = await anna.sees("chosen: yes")
        assert not message.buttons
        assert (await anna.press_data(message.id, b"no")).alert
