"""A bot for all tests that leave it alive, and one of its own for each that does not."""

import os
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

import promises
import steps
from bot import Bot
from database_copies import copied_database_at_once
from embedded.s3 import S3Endpoint
from interrupted_bot import InterruptedBot, Interruptible
from openai_server import OpenAIServer
from product import MODELS, Product, bucket_settings
from recording_files import speech
from tcp_proxy import TcpProxy
from telegram_server import TelegramServer
from telegram_user import ScriptedUser
from weights.installer import ensure_weights

OWNER = 1000
TEAM = range(1001, 1400)
"""Telegram ids of the people who may work with the bot."""

PEOPLE_AHEAD = 2

NAMES = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Инна", "Кирилл")

NewBot = Callable[..., Awaitable[Bot]]
"""Makes and starts a bot of the test's own; keywords are further settings."""


class People:
    """Gives each test people whom no other test has met."""

    def __init__(self) -> None:
        self._ids = iter(TEAM)
        self._names = count()

    def join(self, telegram: TelegramServer) -> ScriptedUser:
        return telegram.world.user(NAMES[next(self._names) % len(NAMES)], id=next(self._ids))


@pytest.fixture(scope="session")
def people() -> People:
    return People()


@pytest.fixture(scope="session")
async def voices() -> None:
    """Have the weights that tell voices apart, without which speech is not as well as it should be."""
    await ensure_weights("voice-encoder", MODELS)


@pytest.fixture(scope="session")
async def endpoint() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


class Ground:
    """What bots stand on: each gets a database of its own."""

    def __init__(self, postgres_dsn: str, migrated: str, endpoint: OpenAIServer) -> None:
        self._dsn = postgres_dsn
        self._migrated = migrated
        self._endpoint = endpoint

    def product(self, state: Path, settings: dict[str, str]) -> Product:
        product = Product(state)
        product.use(self._endpoint)
        product.settings["DATABASE_URL"] = copied_database_at_once(self._dsn, self._migrated, "bot")
        team = ",".join(map(str, TEAM))
        product.settings |= {"OWNER_TELEGRAM_ID": str(OWNER), "TEAM_TELEGRAM_IDS": team, **settings}
        return product


@pytest.fixture(scope="session")
def ground(postgres_dsn: str, migrated: str, endpoint: OpenAIServer) -> Ground:
    return Ground(postgres_dsn, migrated, endpoint)


@pytest.fixture(scope="session")
async def shared_telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        yield server


@pytest.fixture(scope="session")
async def shared_bot(
    shared_telegram: TelegramServer, ground: Ground, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bot]:
    product = ground.product(tmp_path_factory.mktemp("bot"), {})
    product.warm = False  # one that starts as everywhere
    bot = Bot(product, shared_telegram)
    await bot.start()
    try:
        yield bot
        await promises.all_cards_end(shared_telegram)
        promises.cards_change_at_most_once_a_second(shared_telegram)
        promises.nothing_is_logged_as_an_error(bot)
        if "PYTEST_XDIST_WORKER" not in os.environ:
            # Beside other tests a time tells what they leave to the bot.
            promises.presses_are_answered_within_a_second(shared_telegram)
            promises.recordings_are_noticed_within_two_seconds(shared_telegram)
    finally:
        await bot.kill()


@pytest.hookimpl(tryfirst=True)  # before those that the command line does not choose are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that the shared bot serves: how soon it answers in all of them is checked when it ends."""
    for item in items:
        if isinstance(item, pytest.Function) and "shared_bot" in item.fixturenames:
            item.add_marker(pytest.mark.timed)


@pytest.fixture
def anna(shared_telegram: TelegramServer, shared_bot: Bot, people: People) -> ScriptedUser:
    """A person of the team who has not written to the bot yet."""
    return people.join(shared_telegram)


@pytest.fixture
def crowd(anna: ScriptedUser, shared_telegram: TelegramServer, people: People) -> list[ScriptedUser]:
    """Ten people who have not written to the bot yet."""
    return [anna, *(people.join(shared_telegram) for _ in range(9))]


@pytest.fixture
async def alone(anna: ScriptedUser, shared_telegram: TelegramServer) -> ScriptedUser:
    """A new person while nobody else has work under way, so that faults meet whom they are meant for."""
    await promises.all_cards_end(shared_telegram)
    return anna


class Heard:
    """People whose recording «Беседа.ogg» is transcribed already, or soon will be: not every test has to wait."""

    def __init__(self, join: Callable[[], ScriptedUser], folder: Path) -> None:
        self._join = join
        self._folder = folder
        self._ahead: dict[str, deque[ScriptedUser]] = defaultdict(deque)

    async def undescribed(self) -> ScriptedUser:
        """A person who is asked what kind of recording it is."""
        return await self._next("")

    async def described(self) -> ScriptedUser:
        """A person who is asked to confirm what the caption of an interview says."""
        return await self._next(steps.INTERVIEW_CAPTION)

    async def _next(self, caption: str) -> ScriptedUser:
        ahead = self._ahead[caption]
        while len(ahead) <= PEOPLE_AHEAD:
            user = self._join()
            path = await steps.recording(self._folder / str(user.id) / "Беседа.ogg")
            await user.send_file(path, kind="audio", caption=caption)
            ahead.append(user)
        user = ahead.popleft()
        await steps.gets_transcript(user, "Беседа.ogg")
        await user.sees(steps.CONFIRMATION if caption else steps.WHICH_SCENARIO, timeout=steps.LONG_S)
        return user


@pytest.fixture(scope="session")
def heard(
    shared_telegram: TelegramServer, shared_bot: Bot, people: People, tmp_path_factory: pytest.TempPathFactory
) -> Heard:
    return Heard(lambda: people.join(shared_telegram), tmp_path_factory.mktemp("heard"))


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    """A Telegram of the test's own, for faults that others should not meet."""
    async with TelegramServer() as server:
        yield server


@pytest.fixture
async def new_bot(telegram: TelegramServer, ground: Ground, tmp_path: Path) -> AsyncIterator[NewBot]:
    async with AsyncExitStack() as stack:

        async def make(**settings: str) -> Bot:
            bot = Bot(ground.product(tmp_path, settings), telegram)
            stack.push_async_callback(bot.kill)
            await bot.start()
            return bot

        yield make


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a recording of real speech with this name, 20 seconds unless told; no two tests get the same bytes."""
    folder = tmp_path / "recordings"
    folder.mkdir()

    def make(name: str, seconds: float = 20) -> Path:
        return speech(folder / name, seconds, "-metadata", f"comment={uuid4()}")

    return make


@pytest.fixture
def newcomer(telegram: TelegramServer, people: People) -> Callable[[], ScriptedUser]:
    """Brings people of the team to ``telegram``."""
    return lambda: people.join(telegram)


@pytest.fixture
async def interruptible(new_bot: NewBot) -> AsyncIterator[Interruptible]:
    """Makes a bot of the test's own, over an endpoint of its own, that can be held at any step."""
    async with AsyncExitStack() as stack:

        async def make(**settings: str) -> InterruptedBot:
            endpoint = await stack.enter_async_context(OpenAIServer())
            # A model that is known to tell no times, so that the parts are short.
            bot = await new_bot(OPENAI_BASE_URL=endpoint.base_url, ASR_MODEL="gpt-4o-transcribe", **settings)
            dsn = bot.product.settings["DATABASE_URL"]
            return InterruptedBot(bot, endpoint, stack.enter_context(psycopg.connect(dsn, autocommit=True)))

        yield make


@pytest.fixture
async def objects_way(s3_endpoint: S3Endpoint) -> AsyncIterator[TcpProxy]:
    host, _, port = s3_endpoint.endpoint.partition(":")
    async with TcpProxy(host, int(port)) as proxy:
        yield proxy


@pytest.fixture
def bucket(s3_endpoint: S3Endpoint, objects_way: TcpProxy) -> dict[str, str]:
    """Settings of a bucket of the test's own, which is reached by ``objects_way``."""
    return bucket_settings(replace(s3_endpoint, endpoint=f"127.0.0.1:{objects_way.port}"), f"bot-{uuid4().hex}")
