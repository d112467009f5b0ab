"""A database that goes away, in each way in which one can, while ten people talk and three recordings are heard."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic, time

import pytest
from psycopg.conninfo import make_conninfo

from bot import Bot
from chaos.postgres import Postgres
from interrupted_bot import LIMIT_S, Interruptible, until
from interrupted_people import LENGTH_S
from openai_faults import CHAT, TRANSCRIPTIONS, Fault, Kind
from promises import Kind as Promised
from promises import Promise, Sign, account, errors_shown, has_ended
from tcp_proxy import TcpProxy
from telegram_user import ScriptedUser
from texts.telegram import SAVED

AWAY_S = float(os.environ.get("DATABASE_AWAY_S", "8"))
"""The bar is an absence of 60 s."""
NOTICED_S = 2.0
BACK_S = 5.0
SLOW_S = 4.0

pytestmark = pytest.mark.timeout(300 + 2 * AWAY_S)


@dataclass
class Server:
    """A PostgreSQL of the test's own, and the way to it."""

    postgres: Postgres
    way: TcpProxy

    async def leaves(self, how: str) -> None:
        if how == "killed":
            await asyncio.to_thread(self.postgres.kill)
        elif how == "stopped":
            await asyncio.to_thread(self.postgres.freeze)
        else:
            self.way.stop_up()

    async def returns(self, how: str) -> None:
        if how == "killed":
            await asyncio.to_thread(self.postgres.start)
        elif how == "stopped":
            await asyncio.to_thread(self.postgres.thaw)
        else:
            self.way.clear()


@pytest.fixture
async def server(engines_dir: Path) -> AsyncIterator[Server]:
    postgres = Postgres(engines_dir / f"away-{monotonic()}")
    await asyncio.to_thread(postgres.start)
    try:
        async with TcpProxy("127.0.0.1", postgres.port) as way:
            yield Server(postgres, way)
    finally:
        await asyncio.to_thread(postgres.kill)


async def says(user: ScriptedUser, kind: Promised, text: str, end: Sign) -> Promise:
    promise = Promise(kind, user, text, monotonic(), end, (end,))
    await user.send(text)
    return promise


async def sends(user: ScriptedUser, path: Path) -> Promise:
    ends = (Sign(f"Готово: {path.name}"), Sign(rf"^📄 Расшифровка · №1 · {path.name}"))
    promise = Promise(Promised.RECORDING, user, path.name, monotonic(), Sign(f"Получаю: {path.name}"), ends)
    await user.send_file(path, kind="audio")
    return promise


async def begins_to_rename(user: ScriptedUser) -> None:
    """Come to where the bot asks for a title."""
    await user.send("Что говорят о завтраке?")
    await user.sees("❓ Что говорят", timeout=LIMIT_S)
    await user.send("/chats")
    await user.press("▶ №1", timeout=LIMIT_S)
    await user.press("✏️ Переименовать", timeout=LIMIT_S)
    await user.sees("Введите новое название", timeout=LIMIT_S)


def logged(bot: Bot, event: str) -> float:
    """When the bot last logged this, in seconds of ``time.time``; 0 when never."""
    times = [line["timestamp"] for line in bot.log() if line["event"] == event]
    return datetime.fromisoformat(times[-1]).timestamp() if times else 0.0


@pytest.mark.parametrize("how", ["killed", "silent", "stopped"])
async def test_nobody_sees_an_error_and_nothing_is_lost_or_paid_twice(
    how: str,
    server: Server,
    interruptible: Interruptible,
    newcomer: Callable[[], ScriptedUser],
    spoken: Callable[[str, float], Path],
) -> None:
    bot = await interruptible(DATABASE_URL=server.postgres.dsn)
    way = {"host": "127.0.0.1", "port": str(server.way.port)}
    bot.bot.product.settings["DATABASE_URL"] = make_conninfo(server.postgres.dsn, **way)
    await bot.bot.restart()
    talking = [newcomer() for _ in range(10)]
    recording = [newcomer() for _ in range(3)]
    await asyncio.gather(*(begins_to_rename(user) for user in talking[:5]))
    before = len(bot.endpoint.requests)
    bot.tap.add(*(Fault(Kind.SLOW, path=path, seconds=SLOW_S) for path in (CHAT, TRANSCRIPTIONS) for _ in range(4)))
    promises = [await sends(user, spoken(f"{user.id}.ogg", LENGTH_S)) for user in recording]
    await until(lambda: len(bot.endpoint.requests) >= before + 3, "three recordings are heard")

    gone = time()
    await server.leaves(how)
    promises += [
        await says(user, Promised.TITLE, f"Завтраки {number}", Sign(f"теперь называется «Завтраки {number}»"))
        for number, user in enumerate(talking[:5])
    ]
    promises += [
        await says(user, Promised.QUESTION, f"Завтрак {number}?", Sign(rf"❓ Завтрак {number}\?"))
        for number, user in enumerate(talking[5:])
    ]
    for user in talking:
        await user.sees(SAVED, timeout=LIMIT_S)
    await asyncio.sleep(max(0.0, gone + AWAY_S - time()))
    await server.returns(how)
    back = time()

    for promise in promises:
        await promise.person.chat.until(lambda promise=promise: has_ended(promise), LIMIT_S, promise.name)  # type: ignore[misc]
    print(
        f"{how}: noticed after {logged(bot.bot, 'database_away') - gone:.1f} s, known to be back after "
        f"{logged(bot.bot, 'database_back') - back:.1f} s"
    )
    assert logged(bot.bot, "database_away") - gone <= NOTICED_S
    assert logged(bot.bot, "database_back") - back <= BACK_S
    assert all(not line.lost and not line.doubled for line in account(promises).values())
    assert not [text for user in [*talking, *recording] for text in errors_shown(user)]
    assert not any(message.contains(SAVED) for user in talking for message in user.chat.from_bot)
    assert bot.asked_again(people=3) == 0
