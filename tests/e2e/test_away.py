"""What people do while the bot, its database or its object store is away is not lost, and is done once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from application.parts import open_application
from bot import Bot
from config import ROOT, Settings
from interrupted_bot import LIMIT_S, Interruptible, until
from interrupted_people import LENGTH_S, Person, times_sent
from openai_faults import CHAT, TRANSCRIPTIONS, Fault, Kind
from prompt_pack.pack import load_pack
from tcp_proxy import TcpProxy
from telegram_server import TelegramServer
from telegram_user import ScriptedUser
from texts.telegram import SAVED

AWAY_S = 15.0


def waited_for(bot: Bot) -> list[str]:
    """The errors of what a start has waited for."""
    return [line["error"] for line in bot.log("warning") if line["event"] == "start_waits"]


async def test_what_is_sent_to_a_bot_that_is_down_is_done_once_when_it_is_back(
    interruptible: Interruptible,
    telegram: TelegramServer,
    newcomer: Callable[[], ScriptedUser],
    spoken: Callable[[str, float], Path],
) -> None:
    bot = await interruptible()
    anna, boris = newcomer(), newcomer()
    await anna.send("/start")
    menu = await anna.sees("Главное меню")

    await bot.bot.kill()
    await anna.send("/help")
    await anna.send("/status")
    await anna.send_file(spoken("Беседа.ogg", 20), kind="audio")
    await boris.send("/start")
    pressing = asyncio.create_task(anna.press("Системная", message=menu))
    await bot.bot.start()
    pressing.cancel()

    await boris.sees("Здравствуйте")
    await anna.sees("Беседа.ogg", timeout=LIMIT_S)
    assert [times_sent(anna, part) for part in ("Как получить отчёт", "Сейчас ", "Получаю: ")] == [1, 1, 1]
    telegram.drop_connections(deliver_again=20)
    await boris.send("/status")
    await boris.sees("Сейчас в работе: 0", timeout=LIMIT_S)
    # A press that nobody took is no more; the person presses again.
    await anna.press("Интервью", timeout=LIMIT_S)
    await anna.sees("Номер файла", timeout=LIMIT_S)

    parts = ("Здравствуйте", "Как получить отчёт", "Расшифровка</b>", "Расшифровка 1", "номер файла")
    assert [times_sent(anna, part) for part in parts] == [1, 1, 0, 1, 1]
    assert times_sent(boris, "Здравствуйте") == 1
    assert bot.asked_again() == 0


async def test_what_another_worker_finished_while_the_bot_was_down_is_shown_and_delivered(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], spoken: Callable[[str, float], Path]
) -> None:
    bot = await interruptible()
    anna = newcomer()
    bot.tap.answer(1)
    await anna.send_file(spoken("Беседа.ogg", LENGTH_S), kind="audio")
    await anna.press("Интервью", timeout=LIMIT_S)
    await until(lambda: bot.tap.hanging > 0, "a part that hangs")
    query = "SELECT count(*) = 1 FROM recording_parts WHERE result IS NOT NULL"
    await until(lambda: bool(bot.value(query)), "the other part is stored")
    await bot.bot.kill()
    shown = len(anna.chat.history)
    bot.tap.answer(None)

    given = {name.lower(): value for name, value in bot.bot.product.settings.items()}
    settings = Settings(_env_file=None, persistent_dir=bot.bot.product.state, **given)  # type: ignore[arg-type]
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    async with open_application(settings, pack, lambda *_: None) as application:
        worker = asyncio.create_task(application.jobs.run_worker(None))
        await until(lambda: bool(bot.value("SELECT bool_and(stage = 'done') FROM recordings")), "the recording is done")
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    assert len(anna.chat.history) == shown
    await bot.bot.start()

    await anna.sees("Готово: ", timeout=LIMIT_S)
    await anna.sees("Номер файла", timeout=LIMIT_S)
    assert [times_sent(anna, part) for part in ("Получаю: ", "Готово: ", "Расшифровка 1", "номер файла")] == [
        1,
        0,
        1,
        1,
    ]
    assert bot.asked_again() == 0


@pytest.fixture
async def database_way(postgres_dsn: str) -> AsyncIterator[TcpProxy]:
    known = conninfo_to_dict(postgres_dsn)
    async with TcpProxy(str(known["host"]), int(str(known["port"]))) as proxy:
        yield proxy


async def test_the_bot_outlives_its_database_and_its_object_store(
    interruptible: Interruptible,
    newcomer: Callable[[], ScriptedUser],
    spoken: Callable[[str, float], Path],
    database_way: TcpProxy,
    objects_way: TcpProxy,
    bucket: dict[str, str],
) -> None:
    bot = await interruptible(**bucket)
    await bot.bot.kill()
    dsn = bot.bot.product.settings["DATABASE_URL"]
    bot.bot.product.settings["DATABASE_URL"] = make_conninfo(dsn, host="127.0.0.1", port=database_way.port)
    await asyncio.gather(database_way.go_away(), objects_way.go_away())
    starting = asyncio.create_task(bot.bot.start())
    both = {"database_unavailable", "object_store_unavailable"}
    await until(lambda: set(waited_for(bot.bot)) == both, "the start waits for both")
    database_way.come_back()
    objects_way.come_back()
    await starting
    anna, boris, vera = (Person(newcomer(), spoken(f"{each}.ogg", LENGTH_S), bot) for each in range(3))
    await boris.user.send("/start")
    menu = await boris.user.sees("Главное меню")
    await anna.gets_asked()
    await vera.send()
    await vera.say_what_it_is()

    await database_way.go_away()
    await anna.user.send("17")
    pressing = asyncio.create_task(boris.user.press("Системная", message=menu, timeout=LIMIT_S))
    await boris.user.sees(SAVED, timeout=LIMIT_S)
    await anna.user.sees(SAVED, timeout=LIMIT_S)
    await pressing
    database_way.come_back()

    await boris.user.sees("Распознавание речи", timeout=LIMIT_S)
    await anna.go_back_and_confirm()
    await anna.orders_all()
    assert [times_sent(person.user, SAVED) for person in (anna, boris)] == [1, 1]
    assert not any(message.contains("Сохранено") for message in (*anna.user.chat.from_bot, *boris.user.chat.from_bot))
    await vera.user.sees("Номер файла", timeout=LIMIT_S)

    await objects_way.go_away()
    await boris.send()
    await boris.user.sees("Хранилище файлов не отвечает", timeout=LIMIT_S)
    objects_way.come_back()
    await boris.says_and_gets_asked()
    await vera.gets_the_rest()

    assert bot.bot.process is not None
    assert bot.bot.process.returncode is None
    # The worker's listener and heartbeats end with the database, and begin again with it.
    ended = {f"{task} error: ConnectorException" for task in ("listener", "update_heartbeats")}
    errors = [line["event"] for line in bot.bot.log("error", "critical")]
    assert [event for event in errors if event.partition("(")[0] not in ended] == []
    assert bot.asked_again(people=3) == 0


async def test_work_outlasts_a_database_that_is_away_and_nothing_is_paid_for_twice(
    interruptible: Interruptible,
    newcomer: Callable[[], ScriptedUser],
    spoken: Callable[[str, float], Path],
    database_way: TcpProxy,
) -> None:
    bot = await interruptible()
    dsn = bot.bot.product.settings["DATABASE_URL"]
    bot.bot.product.settings["DATABASE_URL"] = make_conninfo(dsn, host="127.0.0.1", port=database_way.port)
    await bot.bot.restart()
    anna, *others = (Person(newcomer(), spoken(f"{each}.ogg", LENGTH_S), bot) for each in range(3))
    await anna.gets_asked()
    await anna.answer()
    await anna.go_back_and_confirm()
    before = len(bot.endpoint.requests)
    bot.tap.add(*(Fault(Kind.SLOW, path=path, seconds=AWAY_S / 3) for path in (CHAT, TRANSCRIPTIONS) for _ in range(4)))
    await anna.order_all()
    for person in others:
        await person.gets_asked()
    await until(lambda: len(bot.endpoint.requests) >= before + 3, "questions of both kinds are on their way")

    await database_way.go_away()
    await asyncio.sleep(AWAY_S)
    database_way.come_back()

    await anna.has_all()
    for person in others:
        await person.gets_the_rest()
    assert bot.asked_again(people=3) == 0
    assert times_sent(anna.user, "📊 Готовлю отчёты") == 1
