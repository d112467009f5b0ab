"""A system clock that is wrong or set while the bot runs, and one that stood still: the bot hears and answers."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyrogram import Client
from pyrogram.session import Session

import telegram_sessions
from chaos.town import FAKETIME
from datamodels_telegram import ButtonPress, IncomingMessage
from interrupted_bot import LIMIT_S, Interruptible
from telegram_in_process import loopback_server, new_client, nothing_reachable
from telegram_user import ScriptedUser

TELEGRAMS_TIME = pytest.mark.skipif(
    not hasattr(Client, "server_time"),
    reason="pyrogram 2.0.106 takes ids from the machine's clock and never connects while it is wrong",
)


def faked(clock: Path) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def set_clock(clock: Path, offset_s: int) -> None:
    part = clock.with_suffix(".part")
    part.write_text(f"{offset_s:+d}.0")
    part.rename(clock)


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
@pytest.mark.parametrize(
    "offsets_s",
    [
        (0, 600, 0),
        (0, -600, 0),
        *(pytest.param(offsets_s, marks=TELEGRAMS_TIME) for offsets_s in ((600, 0), (-600, 0), (10800,))),
    ],
)
async def test_a_clock_that_is_set_makes_the_bot_neither_deaf_nor_mute(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], tmp_path: Path, offsets_s: tuple[int, ...]
) -> None:
    clock, anna = tmp_path / "clock", newcomer()
    set_clock(clock, offsets_s[0])
    bot = await interruptible(**faked(clock))
    for offset_s in offsets_s:
        set_clock(clock, offset_s)
        for command, answer in (("/help", "❓ Помощь"), ("/status", "Сейчас в работе: 0")):
            sent = await anna.send(command)
            await anna.sees(answer, after=sent, timeout=LIMIT_S)
    assert bot.bot.log("critical") == []


@TELEGRAMS_TIME
async def test_a_machine_whose_clocks_stood_still_hears_again_and_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a virtual machine that was put to sleep from outside."""
    monkeypatch.setattr(Session, "MAX_CONSECUTIVE_IGNORED", 3)
    heard: list[str] = []

    async def on_message(message: IncomingMessage) -> None:
        heard.append(message.text)

    async def on_press(_: ButtonPress) -> None: ...

    with nothing_reachable():
        async with loopback_server() as server:
            anna, client = server.world.user("Анна", id=1001), new_client(server, tmp_path)
            await client.start(on_message, on_press)
            try:
                await anna.send("до")
                monkeypatch.setattr(telegram_sessions, "time", SimpleNamespace(time=lambda: time.time() + 600))
                await anna.send("во время")
                async with asyncio.timeout(LIMIT_S):
                    while "во время" not in heard:  # noqa: ASYNC110 - the library hears
                        await asyncio.sleep(0.1)
                await anna.send("после")
                async with asyncio.timeout(LIMIT_S):
                    while "после" not in heard:  # noqa: ASYNC110 - the library hears
                        await asyncio.sleep(0.1)
            finally:
                await client.stop()
    assert heard[0] == "до"
