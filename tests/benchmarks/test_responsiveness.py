"""How long a button takes while six people's one-hour recordings are being processed, and how late the event loop is.

The bot is the real process over the loopback Telegram server. Once with an endpoint that transcribes, until all six
recordings are done; once with the local engine, which takes all cores, for some minutes. What people see meanwhile is
measured, too: how soon a recording is noticed, and how long a progress card stands still. Beside it sleeps an idle
process: how late that wakes up the machine stood still, and is no lag of the bot. Run with
``scripts/benchmark -k responsiveness``.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from bot import Bot
from openai_server import OpenAIServer
from product import Product
from promises import progress_cards
from six_hours import PEOPLE, six_hours
from telegram_events import Happening
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

pytestmark = [pytest.mark.weights, pytest.mark.timeout(3600)]

ANSWER_BAR_S = 0.3
LAG_BAR_S = 0.1
FIRST_REACTION_BAR_S = 2.0
STANDSTILL_BAR_S = 15.0
WINDOW_S = 300.0
"""How long the local engine is watched at its work."""
PRESS_PAUSE_S = 1.5
"""Telegram wants no more than a message a second in a chat, and what a press changes is one."""
LAG_WINDOW_S = 10.0
"""Of ``metrics_lag``: it logs the worst of each."""
FINISHED = "✔ Готово:"
CLOCK = "Прошло "


@dataclass(frozen=True)
class Lag:
    """The worst of a window; ``stall_s`` is how late the idle process was in it, 0 when it was on time."""

    worst_s: float
    stall_s: float


@dataclass(frozen=True)
class Watched:
    engine: str
    answers_s: list[float]
    lags: list[Lag]
    reactions_s: list[float]
    standstills_s: list[float]
    """Of progress cards with a clock, between two changes."""
    done: int
    seconds: float

    @property
    def p95_s(self) -> float:
        return statistics.quantiles(self.answers_s, n=20)[-1]

    @property
    def own_lag_s(self) -> float:
        """The worst, less what the machine stood still in its window."""
        return max(lag.worst_s - lag.stall_s for lag in self.lags)


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return six_hours(tmp_path_factory.mktemp("hours"))


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


async def watch(bot: Bot, hours: list[Path], engine: str, *, until_done: bool) -> Watched:
    stalls = hours[0].with_name(f"stalls {engine}")
    await bot.start()
    try:
        with idle_process(stalls):
            answers, reactions, done, seconds = await pressed_while_working(bot.telegram, hours, until_done=until_done)
        standstills = list(standstills_of_cards(bot.telegram))
    finally:
        await bot.stop()
    # The first report is of the time in which the process started.
    lags = list(lags_of(bot, stalls))[1:]
    return Watched(engine, answers, lags, reactions, standstills, done, seconds)


@contextmanager
def idle_process(stalls: Path) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("idle_process.py")), str(stalls)])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def lags_of(bot: Bot, stalls: Path) -> Iterator[Lag]:
    stalled = [(float(at), float(late)) for at, late in map(str.split, stalls.read_text().splitlines())]
    for line in bot.log():
        if line["event"] == "event_loop_lag":
            worst_s, end = line["worst_ms"] / 1000, datetime.fromisoformat(line["timestamp"]).timestamp()
            begin = end - LAG_WINDOW_S - worst_s
            yield Lag(worst_s, max((late for at, late in stalled if begin <= at <= end + late), default=0.0))


async def pressed_while_working(
    telegram: TelegramServer, hours: list[Path], *, until_done: bool
) -> tuple[list[float], list[float], int, float]:
    """Answer times, first reactions, recordings that were done, seconds in all."""
    senders = [telegram.world.user(f"Отправитель {number}", id=1001 + number) for number in range(PEOPLE)]
    presser = telegram.world.user("Нажимающая", id=1000)
    await presser.send("/start")
    await presser.sees("Главное меню")
    started = time.monotonic()
    reactions = await asyncio.gather(*(send(sender, hour) for sender, hour in zip(senders, hours, strict=True)))
    answers: list[float] = []
    while True:
        for button in ("Хранилище", "Назад"):
            answers.append((await presser.press(button)).seconds)
            await asyncio.sleep(PRESS_PAUSE_S)
        done = sum(any(FINISHED in message.text for message in sender.chat.from_bot) for sender in senders)
        seconds = time.monotonic() - started
        if done == PEOPLE or (not until_done and seconds > WINDOW_S):
            return answers, reactions, done, seconds


def standstills_of_cards(telegram: TelegramServer) -> Iterator[float]:
    """Return how long cards with a clock did not change. One that waits for its turn has none."""
    now = time.monotonic()
    for chat in telegram.world.chats.values():
        for card in progress_cards(chat):
            looks = chat.events(Happening.SENT, Happening.EDITED, Happening.DELETED, message=card)
            ends = [*(look.at for look in looks[1:]), now]
            for look, end in zip(looks, ends, strict=True):
                if look.kind is not Happening.DELETED and CLOCK in look.text:
                    yield end - look.at


async def send(sender: ScriptedUser, hour: Path) -> float:
    """Send a recording; returns how long the first reaction took."""
    started = time.monotonic()
    await sender.send_file(hour, kind="document", file_name=hour.name)
    await sender.sees(hour.name)
    return time.monotonic() - started


async def test_responsiveness(telegram: TelegramServer, hours: list[Path], tmp_path: Path) -> None:
    settings = {"OWNER_TELEGRAM_ID": "1000", "TEAM_TELEGRAM_IDS": ",".join(str(1001 + n) for n in range(PEOPLE))}
    async with OpenAIServer() as endpoint:
        remote = Product(tmp_path / "remote", dict(settings))
        remote.use(endpoint)
        with_endpoint = await watch(Bot(remote, telegram), hours, "endpoint", until_done=True)
    async with TelegramServer() as another:
        local = Product(tmp_path / "local", {**settings, "LLM_ENGINE": "none"})
        with_local = await watch(Bot(local, another), hours, "local Whisper", until_done=False)
    print_table(with_endpoint, with_local)
    for run in (with_endpoint, with_local):
        assert run.p95_s <= ANSWER_BAR_S
        assert run.own_lag_s <= LAG_BAR_S
        assert max(run.reactions_s) <= FIRST_REACTION_BAR_S
        assert max(run.standstills_s) <= STANDSTILL_BAR_S


def print_table(*runs: Watched) -> None:
    names = ["", *(run.engine for run in runs), "bar"]
    table = Table(*names)
    for name, bar, cells in (
        ("presses", "", [str(len(run.answers_s)) for run in runs]),
        ("answer p50, ms", "", [milliseconds(statistics.median(run.answers_s)) for run in runs]),
        ("answer p95, ms", milliseconds(ANSWER_BAR_S), [milliseconds(run.p95_s) for run in runs]),
        ("answer worst, ms", "", [milliseconds(max(run.answers_s)) for run in runs]),
        ("event loop lag, ms", "", [milliseconds(max(lag.worst_s for lag in run.lags)) for run in runs]),
        ("… less the machine's, ms", milliseconds(LAG_BAR_S), [milliseconds(run.own_lag_s) for run in runs]),
        ("the machine stood still", "", [stood_still(run) for run in runs]),
        ("first reaction, s", str(FIRST_REACTION_BAR_S), [f"{max(run.reactions_s):.2f}" for run in runs]),
        ("standstill of a card, s", str(STANDSTILL_BAR_S), [stood_longest(run) for run in runs]),
        ("done", "", [f"{run.done} of {PEOPLE} in {run.seconds:.0f} s" for run in runs]),
    ):
        table.add_row(name, *cells, bar)
    Console(width=120).print(table)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def stood_longest(run: Watched) -> str:
    return f"{max(run.standstills_s):.1f} of {len(run.standstills_s)}" if run.standstills_s else "no card with a clock"


def stood_still(run: Watched) -> str:
    stalls = [lag.stall_s for lag in run.lags if lag.stall_s]
    return f"in {len(stalls)} of {len(run.lags)} windows, ≤ {milliseconds(max(stalls, default=0.0))} ms"
