"""A bot whose parts fail: the owner is told of it and of its end. How soon each failure shows: ``test_health_rows``."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import httpx2
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import texts.cli
import texts.health
from bot import Bot
from chaos.postgres import Postgres
from embedded.ports import free_ports
from interrupted_bot import LIMIT_S, Interruptible, until
from openai_faults import TRANSCRIPTIONS, Fault, Kind
from openai_server import OpenAIServer
from power import reason_against_small_disks, small_disk
from tcp_proxy import TcpProxy
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

OWNER = 1000
SHOWN_S = 15.0
"""The bar for each failure and for its end."""
TOLD_S = 20.0
"""A trouble that lasts so long has been told, or would have been if Telegram were there."""
POLL_S = 0.3
MANY = 10_000

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("voices")]


class Site(NamedTuple):
    """The HTTP of a bot."""

    port: int
    client: httpx2.AsyncClient

    async def ready(self) -> tuple[int, dict[str, Any]]:
        answer = await self.client.get(f"http://127.0.0.1:{self.port}/health/ready")
        return answer.status_code, answer.json()

    async def shows(self, part: str, state: str, why: str | None, *, status: int = 200) -> None:
        """Wait until health and metrics tell this, and say how long that took."""
        began = monotonic()
        seen: object = None
        line = f'voxpersona_part_state{{part="{part}",state="{state}"}} 1.0'
        while monotonic() - began < SHOWN_S:
            code, told = await self.ready()
            seen = code, told["parts"][part]
            metrics = (await self.client.get(f"http://127.0.0.1:{self.port}/metrics")).text.splitlines()
            found = told["parts"][part]
            if (code, found["state"], found["why"]) == (status, state, why) and line in metrics:
                print(f"{part} {state} {why}: {monotonic() - began:.1f} s")
                return
            await asyncio.sleep(POLL_S)
        raise AssertionError(f"{part} {state} {why} not within {SHOWN_S} s, but {seen}")

    async def is_green(self) -> None:
        """Wait until every part is well."""
        began = monotonic()
        while monotonic() - began < SHOWN_S:
            code, told = await self.ready()
            if code == 200 and all(part["state"] == "ok" for part in told["parts"].values()):
                return
            await asyncio.sleep(POLL_S)
        raise AssertionError(f"{told}")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with httpx2.AsyncClient(trust_env=False, timeout=2.0) as client:
        yield Site(free_ports(1)[0], client)


@pytest.fixture
async def owner(telegram: TelegramServer) -> ScriptedUser:
    return telegram.world.user("Ольга", id=OWNER)


async def greets(owner: ScriptedUser) -> None:
    """Have the bot know the owner, to whom it cannot write before."""
    await owner.send("/start")
    await owner.sees("Главное меню", timeout=LIMIT_S)


async def is_told(owner: ScriptedUser, text: str) -> None:
    await owner.sees(text, timeout=LIMIT_S)


# --- database ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def postgres(engines_dir: Path) -> AsyncIterator[Postgres]:
    server = Postgres(engines_dir / f"health-{monotonic()}")
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.kill)


async def test_a_database_that_goes_away(
    postgres: Postgres, interruptible: Interruptible, site: Site, owner: ScriptedUser
) -> None:
    async with TcpProxy("127.0.0.1", postgres.port) as way:
        bot = (await interruptible(DATABASE_URL=postgres.dsn, HTTP_PORT=str(site.port))).bot
        bot.product.settings["DATABASE_URL"] = make_conninfo(postgres.dsn, host="127.0.0.1", port=way.port)
        await bot.restart()
        await greets(owner)
        await site.is_green()

        await asyncio.to_thread(postgres.kill)
        await site.shows("database", "down", "fails", status=503)
        await site.shows("jobs", "down", "database_away", status=503)
        await is_told(owner, "База данных не отвечает")
        await asyncio.to_thread(postgres.start)
        await site.shows("database", "ok", None, status=200)
        await site.is_green()
        await is_told(owner, "База данных снова отвечает")
        # procrastinate says so itself when it cannot listen any more.
        errors = bot.log("error", "critical")
        assert [line for line in errors if not line["logger"].startswith("procrastinate")] == []


async def test_a_worker_that_gives_no_sign_of_life(interruptible: Interruptible, site: Site) -> None:
    bot = await interruptible(HTTP_PORT=str(site.port))
    await site.is_green()
    with psycopg.connect(bot.bot.product.settings["DATABASE_URL"]) as connection:
        connection.execute("LOCK TABLE procrastinate_workers IN EXCLUSIVE MODE")
        await site.shows("jobs", "down", "no_heartbeat", status=503)
        connection.rollback()
        await site.shows("jobs", "ok", None)


# --- endpoint ---------------------------------------------------------------------------------------------------------


async def test_an_endpoint_that_refuses_the_key(interruptible: Interruptible, site: Site, owner: ScriptedUser) -> None:
    bot = await interruptible(HTTP_PORT=str(site.port))
    endpoint: OpenAIServer = bot.endpoint
    await greets(owner)
    await site.is_green()

    endpoint.api_key = "sk-another"
    for part in ("llm", "asr"):
        await site.shows(part, "down", "key_refused")
    await is_told(owner, "языковой модели не принимает ключ")
    await is_told(owner, "распознавания речи не принимает ключ")
    endpoint.api_key = "sk-loopback"
    for part in ("llm", "asr"):
        await site.shows(part, "ok", None)
    await is_told(owner, "Языковая модель снова работает")


async def test_a_call_of_a_person_that_is_refused_shows_at_once(
    interruptible: Interruptible, site: Site, owner: ScriptedUser, spoken: Callable[[str], Path]
) -> None:
    bot = await interruptible(HTTP_PORT=str(site.port))
    await greets(owner)
    await site.is_green()
    refused = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    bot.tap.add(Fault(Kind.STATUS, path=TRANSCRIPTIONS, times=MANY, status=429, body=refused))
    await owner.send_file(spoken("Беседа.ogg"), kind="audio")
    await until(lambda: any(each.status == 429 for each in bot.endpoint.requests), "the endpoint refuses")
    await site.shows("asr", "down", "no_funds")
    await is_told(owner, "распознавания речи кончились деньги")
    await is_told(owner, "Что-то не доделано")


# --- objects, telegram, disk ------------------------------------------------------------------------------------------


async def test_an_object_store_that_is_cut_off(
    interruptible: Interruptible, site: Site, owner: ScriptedUser, objects_way: TcpProxy, bucket: dict[str, str]
) -> None:
    await interruptible(HTTP_PORT=str(site.port), **bucket)
    await greets(owner)
    await site.is_green()
    await objects_way.go_away()
    await site.shows("objects", "down", "unavailable", status=503)
    await is_told(owner, "Хранилище записей не отвечает")
    objects_way.come_back()
    await site.shows("objects", "ok", None)
    await is_told(owner, "Хранилище записей снова работает")


async def test_telegram_that_is_silent(
    interruptible: Interruptible, site: Site, owner: ScriptedUser, telegram: TelegramServer
) -> None:
    await interruptible(HTTP_PORT=str(site.port))
    await greets(owner)
    await site.is_green()
    telegram.network.degrade(delay_seconds=0, loss=1)
    await site.shows("telegram", "down", "no_answer", status=503)
    await asyncio.sleep(TOLD_S)
    telegram.network.restore()
    await site.shows("telegram", "ok", None)
    await is_told(owner, "Telegram снова отвечает")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if reason := reason_against_small_disks():
        pytest.skip(reason)
    folder = tmp_path / "disk"
    with small_disk(folder, "400M"):
        yield folder


async def test_a_disk_that_gets_full(disk: Path, interruptible: Interruptible, site: Site, owner: ScriptedUser) -> None:
    bot = (await interruptible(HTTP_PORT=str(site.port))).bot
    await bot.kill()
    (disk / "models").symlink_to(bot.product.state / "models")
    bot.product.state = disk
    await bot.start()
    await greets(owner)
    await site.is_green()
    (disk / "ballast").write_bytes(bytes(200 * 1024 * 1024))
    await site.shows("disk", "down", "full", status=503)
    await is_told(owner, "На диске сервера нет места")
    (disk / "ballast").unlink()
    await site.shows("disk", "ok", None)
    await is_told(owner, "Места на диске снова достаточно")


# --- start and stop ---------------------------------------------------------------------------------------------------


async def test_a_signal_stops_the_bot_once_with_somebody_connected(interruptible: Interruptible, site: Site) -> None:
    bot = (await interruptible(HTTP_PORT=str(site.port))).bot
    await site.is_green()
    for number in (signal.SIGTERM, signal.SIGINT):
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        assert await bot.stop(number) == 0
        writer.close()
        with pytest.raises(httpx2.ConnectError):
            await site.ready()
        assert bot.said[-1].rstrip().endswith(texts.cli.BOT_STOPPED)
        await bot.start()
        await site.is_green()
    assert sum(line["event"] == "stopping" for line in bot.log()) == 2
    assert bot.log("error", "critical") == []


async def test_a_bot_that_parks_its_work_is_not_ready_any_more(
    interruptible: Interruptible, site: Site, owner: ScriptedUser, spoken: Callable[[str], Path]
) -> None:
    bot = await interruptible(HTTP_PORT=str(site.port))
    await site.is_green()
    bot.tap.add(Fault(Kind.SLOW, TRANSCRIPTIONS, times=MANY, seconds=4))
    await owner.send_file(spoken("Беседа.ogg"), kind="audio")
    await until(lambda: any(TRANSCRIPTIONS in each.path for each in bot.endpoint.requests), "it is heard")
    assert bot.bot.process is not None
    bot.bot.process.send_signal(signal.SIGTERM)
    began = monotonic()
    code, told = await site.ready()
    while told["status"] != "stopping" and monotonic() - began < 3:
        code, told = await site.ready()
    assert (code, told["status"]) == (503, "stopping")
    assert (await site.client.get(f"http://127.0.0.1:{site.port}/health/live")).status_code == 200
    await bot.bot.process.wait()
    assert sum(line["event"] == "stopping" for line in bot.bot.log()) == 1


async def test_of_two_bots_whose_ports_nobody_has_set_both_run_and_a_port_that_was_set_is_insisted_on(
    interruptible: Interruptible, ground: Any, telegram: TelegramServer, tmp_path: Path, site: Site
) -> None:
    bot = (await interruptible()).bot
    async with TelegramServer() as elsewhere:
        second = Bot(ground.product(tmp_path / "second", {}), elsewhere)
        try:
            await second.start()
            not_served = [line for each in (bot, second) for line in each.log() if line["event"] == "http_not_served"]
            assert {line["level"] for line in not_served} == {"warning"}
        finally:
            await second.kill()
    await bot.kill()
    bot.product.settings["HTTP_PORT"] = str(site.port)
    await bot.start()
    third = Bot(ground.product(tmp_path / "third", {"HTTP_PORT": str(site.port)}), telegram)
    with pytest.raises(AssertionError, match=rf"HTTP_PORT \(порт {site.port} занят"):
        await third.start()
    assert third.process is not None
    assert third.process.returncode == 2


async def test_a_bot_that_starts_without_telegram_does_its_work_and_goes_on_when_telegram_is_back(
    interruptible: Interruptible,
    site: Site,
    telegram: TelegramServer,
    owner: ScriptedUser,
    spoken: Callable[[str], Path],
) -> None:
    bot = await interruptible(HTTP_PORT=str(site.port))
    bot.tap.answer(0)
    await owner.send_file(spoken("Беседа.ogg"), kind="audio")
    await until(lambda: bot.tap.hanging > 0, "a part that hangs")
    await bot.bot.kill()

    def says_so() -> bool:
        said = (bot.bot.product.state / f"bot-{bot.bot.starts}.err").read_text(encoding="utf-8")
        return texts.cli.BOT_OUT_OF_REACH in said

    telegram.network.degrade(delay_seconds=0, loss=1)
    bot.tap.answer(None)
    starting = asyncio.create_task(bot.bot.start())
    await until(lambda: bot.bot.starts == 2 and says_so(), "the bot says that Telegram does not answer")
    await site.shows("telegram", "down", "no_answer", status=503)
    await site.shows("database", "ok", None, status=503)
    await site.shows("jobs", "ok", None, status=503)
    await until(lambda: bot.value("SELECT count(*) FROM recordings WHERE stage = 'done'") == 1, "it is transcribed")
    assert await bot.bot.stop(signal.SIGTERM) == 0
    with pytest.raises(AssertionError, match="ended while it started"):
        await starting
    assert bot.bot.said[-1].rstrip().endswith(texts.cli.BOT_STOPPED)

    starting = asyncio.create_task(bot.bot.start())
    await until(lambda: bot.bot.starts == 3 and says_so(), "the bot says so again")
    telegram.network.restore()
    await starting
    await owner.press("Интервью", timeout=LIMIT_S)
    await site.shows("telegram", "ok", None)
