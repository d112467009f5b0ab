"""How soon a recording has its card and its text while 200 of another person wait, and when that one has a result.

The bot is the real process over the loopback Telegram server; the endpoint takes ``ANSWER_S`` for each recording. Run
with ``scripts/benchmark -k queue_fairness``.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from threading import Event

import pytest

import steps
from bot import Bot
from openai_answers import SAMPLE_RATE, Heard, Samples, heard_sentence
from openai_faults import TRANSCRIPTIONS
from openai_server import OpenAIServer
from product import Product
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

pytestmark = pytest.mark.timeout(3600)

MANY = 200
SAMPLES = 7
ANSWER_S = 1.0
AT_ONCE = 4
"""Recordings that a worker works on side by side; those that begin together end together."""
RATIO_BAR = 1.5
FIRST_CARD_BAR_S = 2.0
LIMIT_S = 900.0
FINISHED = "✔ Готово"


class Ears:
    """A transcriber that can be held."""

    def __init__(self) -> None:
        self.may_hear = Event()
        self.may_hear.set()

    def __call__(self, samples: Samples, _language: str | None) -> list[Heard]:
        self.may_hear.wait()
        time.sleep(ANSWER_S)
        return [heard_sentence(0.0, len(samples) / SAMPLE_RATE, "Завтрак хороший.")]


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


async def taken_s(person: ScriptedUser, path: Path) -> float:
    """Send a recording; returns the seconds until it is done."""
    began = time.monotonic()
    await person.send_file(path, kind="audio", file_name=path.name)
    await person.sees(f"{FINISHED}: {path.name}", timeout=LIMIT_S)
    return time.monotonic() - began


async def noticed_s(person: ScriptedUser, path: Path) -> float:
    """Send a recording; returns the seconds until its card is there."""
    began = time.monotonic()
    await person.send_file(path, kind="audio", file_name=path.name)
    await person.sees(path.name, timeout=LIMIT_S)
    return time.monotonic() - began


async def test_queue_fairness(telegram: TelegramServer, tmp_path: Path) -> None:
    settings = {"OWNER_TELEGRAM_ID": "1000", "TEAM_TELEGRAM_IDS": "1001,1002", "WORKER_CONCURRENCY": str(AT_ONCE)}
    files = [await steps.recording(tmp_path / f"{number}.ogg", 2.0) for number in range(MANY + 2 * SAMPLES + 1)]
    *files, noticed = files
    many, alone, beside = files[:MANY], files[MANY : MANY + SAMPLES], files[MANY + SAMPLES :]
    ears = Ears()
    async with OpenAIServer(transcriber=ears) as endpoint:
        product = Product(tmp_path / "state", settings)
        product.use(endpoint)
        bot = Bot(product, telegram)
        anna, boris = (telegram.world.user(name, id=1001 + place) for place, name in enumerate(("Анна", "Борис")))
        await bot.start()
        try:
            alone_s = median([await taken_s(boris, path) for path in alone])
            ears.may_hear.clear()
            for path in many:
                await anna.send_file(path, kind="audio", file_name=path.name)
            first_card_s = await noticed_s(boris, noticed)
            await anna.sees(f"Принято: {many[-1].name}", timeout=LIMIT_S)
            before = answered(endpoint)
            began = time.monotonic()
            ears.may_hear.set()
            first = asyncio.create_task(first_result(anna, endpoint, before))
            beside_s = median([await taken_s(boris, path) for path in beside])
            left = MANY - len(steps.live(anna, FINISHED))
            calls = await first
            await anna.chat.until(lambda: len(steps.live(anna, FINISHED)) == MANY, LIMIT_S, "all are done")
            all_s = time.monotonic() - began
        finally:
            ears.may_hear.set()
            await bot.stop()
    print(
        f"\nalone {alone_s:.2f} s, beside {MANY} of another ({left} of them left at the end) {beside_s:.2f} s: "
        f"{beside_s / alone_s:.2f} times (bar {RATIO_BAR})\n"
        f"first card beside them after {first_card_s:.2f} s (bar {FIRST_CARD_BAR_S} s)\n"
        f"calls answered until the first result of the {MANY}: {calls}; all done in {all_s:.0f} s"
    )
    assert first_card_s <= FIRST_CARD_BAR_S
    assert left > MANY / 2
    assert beside_s <= RATIO_BAR * alone_s
    assert calls <= AT_ONCE


def answered(endpoint: OpenAIServer) -> int:
    return sum(each.path.endswith(TRANSCRIPTIONS) and each.status == 200 for each in endpoint.requests)


async def first_result(person: ScriptedUser, endpoint: OpenAIServer, before: int) -> int:
    """Wait for the first result; returns how many calls of this person and others were answered by then."""
    await person.chat.until(lambda: steps.live(person, FINISHED), LIMIT_S, FINISHED)
    return answered(endpoint) - before
