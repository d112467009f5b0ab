"""Signals: what runs is parked within twenty seconds, nothing is left running, and the next start goes on."""

import asyncio
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import texts.cli
from bot import Bot
from interrupted_bot import LIMIT_S, Interruptible, until
from interrupted_people import LENGTH_S
from leftovers import processes_of
from openai_faults import CHAT, TRANSCRIPTIONS, Fault, Kind
from product import Product
from steps import gets_all_reports
from tcp_proxy import TcpProxy
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

OWNER = 1000
SLOW_S = 3.0
AT_ONCE_S = 8.0
"""Far below what the first signal takes when something does not let go, far above what a busy machine needs."""


async def test_signals_park_what_runs_and_the_next_start_goes_on(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], spoken: Callable[[str, float], Path]
) -> None:
    bot = await interruptible()
    anna = newcomer()
    bot.tap.answer(1)
    await anna.send_file(spoken("Беседа.ogg", LENGTH_S), kind="audio")
    await anna.press("Интервью", timeout=LIMIT_S)
    await until(lambda: bot.tap.hanging > 0, "a part that hangs")
    assert await bot.bot.stop(signal.SIGTERM) == 0

    bot.tap.answer(None)
    await bot.bot.start()
    await anna.press("Подтвердить", timeout=LIMIT_S)
    await anna.press("Все отчёты сразу")
    bot.tap.answer(1)
    await anna.press("Отель")
    await until(lambda: bot.tap.hanging > 0, "a pass that hangs")
    assert await bot.bot.stop(signal.SIGINT) == 0

    bot.tap.answer(None)
    await bot.bot.start()
    await gets_all_reports(anna)
    assert await bot.bot.stop() == 0

    assert bot.asked_again() == 0
    assert all(said.rstrip().endswith(texts.cli.BOT_STOPPED) for said in bot.bot.said)
    assert bot.bot.log("error", "critical") == []


async def test_an_answer_on_its_way_is_stored_before_the_end(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], spoken: Callable[[str, float], Path]
) -> None:
    bot = await interruptible()
    anna = newcomer()

    async def stopped_while_asked(path: str) -> None:
        before = len(bot.asked())
        await until(lambda: len(bot.endpoint.requests) > before and len(bot.asked()) == before, path)
        assert await bot.bot.stop(signal.SIGTERM) == 0
        bot.tap.clear()
        await bot.bot.start()

    bot.tap.add(Fault(Kind.SLOW, TRANSCRIPTIONS, times=100, seconds=SLOW_S))
    await anna.send_file(spoken("Беседа.ogg", LENGTH_S), kind="audio")
    await stopped_while_asked(TRANSCRIPTIONS)
    await anna.press("Интервью", timeout=LIMIT_S)
    await anna.press("Подтвердить", timeout=LIMIT_S)
    await anna.sees("Какой отчёт подготовить", timeout=LIMIT_S)

    bot.tap.add(Fault(Kind.SLOW, CHAT, times=100, seconds=SLOW_S))
    await anna.send("Что гости говорят о завтраке?")
    await stopped_while_asked(CHAT)
    await anna.sees("❓ Что гости говорят о завтраке?", timeout=LIMIT_S)

    assert bot.asked_again() == 0
    assert bot.bot.log("error", "critical") == []


async def test_what_does_not_let_go_is_left_after_the_limit_and_at_once_after_a_second_signal(
    interruptible: Interruptible,
    newcomer: Callable[[], ScriptedUser],
    spoken: Callable[[str, float], Path],
    objects_way: TcpProxy,
    bucket: dict[str, str],
) -> None:
    bot = await interruptible(**bucket)
    anna, boris = newcomer(), newcomer()
    objects_way.stop_up()
    await anna.send_file(spoken("Беседа.ogg", 20), kind="audio")
    await asyncio.wait_for(objects_way.held_up.wait(), LIMIT_S)
    assert await bot.bot.stop(signal.SIGTERM) == 0

    objects_way.clear()
    await bot.bot.start()
    await anna.sees("· №1", timeout=LIMIT_S)
    objects_way.stop_up()
    await boris.send_file(spoken("Другая.ogg", 20), kind="audio")
    await asyncio.wait_for(objects_way.held_up.wait(), LIMIT_S)
    assert bot.bot.process is not None
    bot.bot.process.send_signal(signal.SIGTERM)
    await until(lambda: stopping(bot.bot) == 2, "the signal is heard")
    async with asyncio.timeout(AT_ONCE_S):
        assert await bot.bot.stop(signal.SIGTERM) == 0

    objects_way.clear()
    await bot.bot.start()
    for person in (anna, boris):
        await person.press("Интервью", timeout=LIMIT_S)
        await person.sees("Номер файла", timeout=LIMIT_S)


def stopping(bot: Bot) -> int:
    """How many signals to stop the log tells of."""
    return sum(line["event"] == "stopping" for line in bot.log())


async def test_a_signal_while_the_bot_starts_ends_it(interruptible: Interruptible, telegram: TelegramServer) -> None:
    bot = (await interruptible()).bot
    await bot.kill()
    bot.product.warm = False  # the import is a long part of a start
    telegram.network.degrade(delay_seconds=0, loss=1)
    made = len(telegram.calls)

    for number in (signal.SIGTERM, signal.SIGINT):
        before = bot.starts
        starting = asyncio.create_task(bot.start())
        await until(lambda before=before: bot.starts > before and bool(said(bot)), "the bot says that it starts")  # type: ignore[misc]
        assert await bot.stop(number) == 0
        with pytest.raises(AssertionError, match="ended while it started"):
            await starting

    assert len(telegram.calls) == made


def said(bot: Bot) -> str:
    return (bot.product.state / f"bot-{bot.starts}.err").read_text(encoding="utf-8")


@pytest.fixture
def state() -> Iterator[Path]:
    """For engines of the bot's own.

    Not under pytest's own directory, which other sessions close to all users but root when they start.
    """
    with tempfile.TemporaryDirectory(prefix="voxpersona-test-") as directory:
        yield Path(directory)
        for process in processes_of(Path(directory)):  # what a bot left that did not come to its end
            process.kill()


async def test_embedded_engines_end_with_the_bot(state: Path, telegram: TelegramServer) -> None:
    product = Product(state, {"OWNER_TELEGRAM_ID": str(OWNER), "LLM_ENGINE": "none"})
    bot = Bot(product, telegram)
    owner = telegram.world.user("Анна", id=OWNER)
    await bot.start()
    await owner.send("/start")
    await owner.sees("Главное меню")
    assert {process.name() for process in processes_of(state)} == {"postgres"}

    # As when the system kills it for its memory.
    (server,) = (
        each for each in processes_of(state) if each.name() == "postgres" and str(state) in " ".join(each.cmdline())
    )
    server.kill()
    await owner.sees("база данных) остановился и запущен снова", timeout=LIMIT_S)
    await owner.send("/status")
    await owner.sees("Сейчас в работе: 0", timeout=LIMIT_S)
    assert {process.name() for process in processes_of(state)} == {"postgres"}

    # As left by a crash: the next start takes the engines over and ends them with itself.
    await bot.restart()
    await owner.send("/help")
    await owner.sees("Как получить отчёт")
    assert await bot.stop(signal.SIGTERM) == 0

    assert processes_of(state) == []
