"""A bot that is killed again and again, whatever it is doing, while three people work with it."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from interrupted_bot import InterruptedBot, Interruptible, until
from interrupted_people import LENGTH_S, Person, assert_outcome, outcome, times_sent
from telegram_user import ScriptedUser

pytestmark = pytest.mark.timeout(900)

KILLS = 8
MOST_EVENTS = 45
"""What happens between a start and the next kill: calls of Telegram, questions to engines."""
SEED = 3


def events(bot: InterruptedBot) -> int:
    return len(bot.bot.telegram.calls) + len(bot.endpoint.requests)


async def test_killed_at_random_everybody_gets_everything_once(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], spoken: Callable[[str, float], Path]
) -> None:
    bot = await interruptible()
    *disturbed, gleb = (Person(newcomer(), spoken(f"{each}.ogg", LENGTH_S), bot) for each in range(4))
    await gleb.gets_all()
    expected = outcome(gleb.user)

    chance = random.Random(SEED)  # noqa: S311 - the same kills in every run
    working = [asyncio.create_task(person.insists()) for person in disturbed]
    for _ in range(KILLS):
        count = events(bot) + chance.randint(1, MOST_EVENTS)
        await until(lambda count=count: events(bot) >= count or all(task.done() for task in working), "events")  # type: ignore[misc]
        await bot.bot.restart()
    await asyncio.gather(*working)

    for person in disturbed:
        assert_outcome(person.user, expected)
        assert times_sent(person.user, "Расшифровка 1") == 1
