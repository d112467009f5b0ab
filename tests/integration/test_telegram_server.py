"""The loopback Telegram server holds a real client library to what Telegram does."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pyrogram import Client

from telegram_events import Happening
from telegram_faults import Kind
from telegram_server import SITE, TelegramServer
from telegram_user import AlbumFile, ScriptedUser

BOT = Path(__file__).parents[1] / "telegram_echo_bot.py"
RECORDING_BYTES = 11 * 2**20 + 2**19 + 7


@asynccontextmanager
async def echo_bot(server: TelegramServer, directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    starts = server.times_called("bots.SetBotCommands")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(BOT), str(directory), env={**os.environ, **server.environment()}
    )
    try:
        await server.bot_is_ready()
        # The last thing that the bot does when it starts: nothing is on its way when a test cuts connections.
        await server.calls_come("bots.SetBotCommands", starts + 1)
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


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A file of 11.5 MiB: several chunks down, and up as a big file."""
    path = tmp_path / "long recording.ogg"
    path.write_bytes(random.Random(1).randbytes(RECORDING_BYTES))  # noqa: S311 - the same in every run
    return path


async def test_files_go_both_ways_and_arrive_whole(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path, recording: Path
) -> None:
    async with echo_bot(server, tmp_path):
        await anna.send_file(recording, kind="audio", caption="подпись", duration=60)
        returned = await anna.sees("returned long recording.ogg")
        assert returned.text == "подпись"
        assert await anna.downloads(returned) == await asyncio.to_thread(recording.read_bytes)
        assert "bot: <document returned long recording.ogg, 11.5 MiB>" in anna.chat.storyboard()


@pytest.mark.parametrize("kind", ["voice", "video_note", "video", "document"])
async def test_every_kind_of_file_arrives_as_what_it_is(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path, kind: str
) -> None:
    small = tmp_path / "small.bin"
    small.write_bytes(b"0123456789")
    async with echo_bot(server, tmp_path):
        await anna.send_file(small, kind=kind)
        name = "nameless" if kind in {"voice", "video_note"} else "small.bin"
        assert await anna.downloads(await anna.sees(f"returned {name}")) == b"0123456789"


async def test_an_album_and_a_file_that_is_too_large_arrive(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.ogg", tmp_path / "second.ogg"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    async with echo_bot(server, tmp_path):
        album = await anna.send_album(AlbumFile(first), AlbumFile(second))
        assert album[0].grouped_id == album[1].grouped_id
        await anna.sees("returned first.ogg")
        await anna.sees("returned second.ogg")
        await anna.send_file(None, kind="document", file_name="huge.wav", claimed_size=3 * 2**30)
        await anna.sees(f"too large: {3 * 2**30}")


async def test_an_expired_reference_is_replaced_by_fetching_the_message_again(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path, recording: Path
) -> None:
    server.faults.expire_file_reference(after=2)
    async with echo_bot(server, tmp_path):
        await anna.send_file(recording, kind="audio")
        # pyrogram 2.0.106 swallows the error and gives a short file.
        said = await anna.chat.until(
            lambda: next((m for m in anna.chat.from_bot if m.text.startswith(("error", "short"))), None),
            15,
            "a problem",
        )
        assert said.text in {"error FILE_REFERENCE_EXPIRED", f"short: {2 * 2**20} of {RECORDING_BYTES}"}
        assert await anna.downloads(await anna.sees("returned")) == await asyncio.to_thread(recording.read_bytes)


async def test_a_file_whose_content_is_gone_cannot_be_downloaded(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path, recording: Path
) -> None:
    async with echo_bot(server, tmp_path):
        await anna.send_file(recording, refusal="FILE_ID_INVALID", forwarded_from="Борис")
        await anna.sees("given up")


async def test_a_short_chunk_makes_a_short_file(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path, recording: Path
) -> None:
    server.faults.short_chunk(after=1)
    async with echo_bot(server, tmp_path):
        await anna.send_file(recording)
        await anna.sees(f"short: {2**20 + 2**19} of")
        assert await anna.downloads(await anna.sees("returned")) == await asyncio.to_thread(recording.read_bytes)


async def test_a_client_obeys_a_flood_wait(server: TelegramServer, anna: ScriptedUser, tmp_path: Path) -> None:
    async with echo_bot(server, tmp_path):
        server.faults.flood_wait("messages.SendMessage", 1)
        asked = await anna.send("привет")
        answered = await anna.sees("echo привет")
        assert answered.changed_at[0] - asked.changed_at[0] >= 1
        assert server.faults.met == [("messages.SendMessage", Kind.ERROR)]


async def test_a_processed_call_is_answered_over_the_next_connection_and_the_unacknowledged_update_comes_again(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with echo_bot(server, tmp_path):
        server.faults.drop_connection("messages.SendMessage", processed=True)
        await anna.send("edit")
        await anna.chat.until(lambda: len(anna.chat.events(Happening.EDITED)) == 2, 15, "two edits")
        assert [message.text for message in anna.chat.from_bot] == ["two", "two"]
        assert server.times_called("messages.SendMessage") == 2


async def test_updates_come_again_after_a_dropped_connection(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with echo_bot(server, tmp_path):
        await anna.send("привет")
        await anna.sees("echo привет")
        assert server.drop_connections(deliver_again=1) >= 1
        await anna.chat.until(lambda: len(anna.chat.from_bot) >= 2, 15, "a second answer")
        assert {message.text for message in anna.chat.from_bot} == {"echo привет"}


@pytest.mark.skipif(not hasattr(Client, "recover_gaps"), reason="pyrogram 2.0.106 does not ask for what it missed")
async def test_what_was_sent_while_the_bot_was_down_is_delivered(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with echo_bot(server, tmp_path):
        await anna.send("before")
        await anna.sees("echo before")
    await anna.send("meanwhile")
    async with echo_bot(server, tmp_path):
        await anna.sees("echo meanwhile")
        assert [message.text for message in anna.chat.from_bot].count("echo meanwhile") == 1


async def test_a_slow_network_slows_every_call_down(server: TelegramServer, anna: ScriptedUser, tmp_path: Path) -> None:
    async with echo_bot(server, tmp_path):
        server.network.degrade(delay_seconds=0.5, loss=0.0)
        asked = await anna.send("привет")
        answered = await anna.sees("echo привет")
        assert answered.changed_at[0] - asked.changed_at[0] >= 0.5


async def test_the_command_menu_is_set(server: TelegramServer, anna: ScriptedUser, tmp_path: Path) -> None:
    async with echo_bot(server, tmp_path):
        assert server.world.command_menu() == [("start", "Начать"), ("help", "Помощь")]


async def test_the_limits_of_a_text_are_those_of_telegram(
    server: TelegramServer, anna: ScriptedUser, tmp_path: Path
) -> None:
    async with echo_bot(server, tmp_path):
        await anna.send("raise 4097")
        await anna.sees("error MESSAGE_TOO_LONG")


async def test_a_call_that_the_server_does_not_know_fails_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the library alone notes unknown errors in a file where it is
    server = await TelegramServer().__aenter__()
    anna = server.world.user("Анна", id=1001)
    async with echo_bot(server, tmp_path):
        await anna.send("unknown")
        await anna.sees("error")
    with pytest.raises(AssertionError, match=r"account\.UpdateProfile"):
        await server.__aexit__(None, None, None)


def python(environment: dict[str, str], script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


async def test_the_site_changes_only_the_client_library_and_runs_the_next_one(
    server: TelegramServer, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('the next one')")
    environment = server.environment()
    environment["PYTHONPATH"] += os.pathsep + str(tmp_path)
    loaded = await asyncio.to_thread(python, environment, "import sys; print('pyrogram' in sys.modules)")
    assert loaded == "the next one\nFalse"
    keys = "import pyrogram.crypto.rsa as rsa; print(len(rsa.server_public_keys))"
    assert await asyncio.to_thread(python, environment, keys) == "the next one\n1"
    assert int(await asyncio.to_thread(python, {"PYTHONPATH": str(SITE)}, keys)) > 1
