"""At the start the messenger is tried until it answers; what trying again does not help is raised."""

import asyncio

import pytest

from application.connecting import connected
from datamodels_telegram import ButtonPress, IncomingMessage
from messenger import MessengerRefusedSecrets, MessengerUnavailable
from telegram_double import TelegramDouble

COMMANDS = [("start", "Меню")]
AWAY = MessengerUnavailable(reason="no answer")
REFUSED = MessengerRefusedSecrets(reason="ACCESS_TOKEN_INVALID")


async def never(_: float) -> None:
    await asyncio.Event().wait()


async def on_message(_: IncomingMessage) -> None:
    raise AssertionError


async def on_press(_: ButtonPress) -> None:
    raise AssertionError


async def test_it_is_connected_when_the_block_begins() -> None:
    telegram = TelegramDouble()
    async with connected(telegram, on_message, on_press, COMMANDS) as connecting:
        assert connecting.is_done
        assert telegram.listeners == (on_message, on_press)
        assert telegram.commands == COMMANDS


async def test_each_further_try_waits_longer_up_to_a_minute() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    telegram = TelegramDouble()
    telegram.failures = {"start": [AWAY] * 8, "set_commands": [AWAY]}
    async with connected(telegram, on_message, on_press, COMMANDS, patience_s=0.0, sleep=sleep) as connecting:
        await connecting.done()
        assert telegram.commands == COMMANDS
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_refused_secrets_are_raised_before_the_block() -> None:
    telegram = TelegramDouble()
    telegram.failures["start"] = [REFUSED]
    with pytest.raises(MessengerRefusedSecrets):
        async with connected(telegram, on_message, on_press, COMMANDS):
            pytest.fail("it is not connected")


async def test_secrets_that_are_refused_after_silence_are_raised_to_whoever_waits() -> None:
    answers = asyncio.Event()

    async def sleep(_: float) -> None:
        await answers.wait()

    telegram = TelegramDouble()
    telegram.failures["start"] = [AWAY, REFUSED]
    async with connected(telegram, on_message, on_press, COMMANDS, patience_s=0.0, sleep=sleep) as connecting:
        assert not connecting.is_done
        answers.set()
        with pytest.raises(MessengerRefusedSecrets):
            await connecting.done()
    assert telegram.commands == []


async def test_the_end_of_the_block_ends_the_trying() -> None:
    telegram = TelegramDouble()
    telegram.failures["start"] = [AWAY]
    trying = connected(telegram, on_message, on_press, COMMANDS, patience_s=0.0, sleep=never)
    async with asyncio.timeout(20), trying as connecting:
        before = connecting.is_done
    assert (before, connecting.is_done) == (False, True)
    assert telegram.listeners is None
