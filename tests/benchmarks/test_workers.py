"""How long workers need for 30 recordings, one worker and three, with an endpoint that answers after two seconds.

The bot takes no jobs itself; workers, database and S3 server are processes of their own on this machine, whose cores
they share: with four jobs at once in each, two cores bound the three as well as the one. Run with
``scripts/benchmark -k workers``.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import steps
from bot import Bot
from embedded.s3 import S3Endpoint
from openai_answers import SAMPLE_RATE, Heard, Samples, heard_sentence
from openai_faults import TRANSCRIPTIONS
from openai_server import OpenAIServer
from product import Product, bucket_settings
from telegram_server import TelegramServer
from telegram_user import ScriptedUser
from workers import Workers, of_bot

pytestmark = pytest.mark.timeout(3600)

MANY = 30
PEOPLE = 3
ANSWER_S = 2.0
RATIO_BAR = 0.5
LIMIT_S = 600.0
_HOLD = "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour' WHERE status = 'todo'"
_RELEASE = "UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'"
_LEFT = "SELECT count(*) FROM recordings WHERE stage <> 'done'"
_STORED = "SELECT count(*) FROM recordings"


def hear(samples: Samples, _language: str | None) -> list[Heard]:
    """Answer late, as a hosted model does."""
    time.sleep(ANSWER_S)
    return [heard_sentence(0.0, len(samples) / SAMPLE_RATE, "Завтрак хороший.")]


class Site:
    """A bot that takes no jobs, its people, and what they stand on."""

    def __init__(self, bot: Bot, people: list[ScriptedUser], endpoint: OpenAIServer, folder: Path) -> None:
        self.bot = bot
        self.people = people
        self.endpoint = endpoint
        self.folder = folder
        self.database = psycopg.connect(bot.product.settings["DATABASE_URL"], autocommit=True)

    def count(self, query: str) -> int:
        row = self.database.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    async def until(self, query: str, count: int) -> None:
        async with asyncio.timeout(LIMIT_S):
            while await asyncio.to_thread(self.count, query) != count:  # noqa: ASYNC110  # it happens in other processes
                await asyncio.sleep(0.05)

    async def done_in_s(self, workers: int, concurrency: int) -> tuple[float, list[int]]:
        """Return the seconds in which so many workers finish new recordings, and how many jobs each has done."""
        stored = self.count(_STORED)
        paths = [await steps.recording(self.folder / f"{uuid4()}.ogg", 3.0) for _ in range(MANY)]
        for place, path in enumerate(paths):
            await self.people[place % PEOPLE].send_file(path, kind="audio", file_name=path.name)
        await self.until(_STORED, stored + MANY)
        self.database.execute(_HOLD)
        machines = Workers(self.folder / uuid4().hex, of_bot(self.bot.product.settings))
        try:
            made = await machines.start(workers, WORKER_CONCURRENCY=str(concurrency))
            began = time.monotonic()
            self.database.execute(_RELEASE)
            await self.until(_LEFT, 0)
            seconds = time.monotonic() - began
            for worker in made:
                assert await worker.stop() == 0
            return seconds, [worker.did() for worker in made]
        finally:
            await machines.end()


@pytest.fixture
async def site(postgres_dsn: str, s3_endpoint: S3Endpoint, tmp_path: Path) -> AsyncIterator[Site]:
    name = f"workers_{uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    team = range(1001, 1001 + PEOPLE)
    async with TelegramServer() as telegram, OpenAIServer(transcriber=hear) as endpoint:
        product = Product(tmp_path / "state", bucket_settings(s3_endpoint, f"workers-{uuid4().hex}"))
        product.use(endpoint)
        product.settings |= {"OWNER_TELEGRAM_ID": "1000", "TEAM_TELEGRAM_IDS": ",".join(map(str, team))}
        product.settings |= {"DATABASE_URL": make_conninfo(postgres_dsn, dbname=name), "BOT_TAKES_JOBS": "false"}
        bot = Bot(product, telegram)
        await bot.start()
        try:
            people = [telegram.world.user(f"Анна {each}", id=each) for each in team]
            made = Site(bot, people, endpoint, tmp_path)
            yield made
            made.database.close()
        finally:
            await bot.kill()


async def test_three_workers_need_at_most_half_the_time_of_one(site: Site) -> None:
    print(f"\n{MANY} recordings of {PEOPLE} people, the endpoint answers after {ANSWER_S:.0f} s")
    print("| jobs at once | one worker, s | three workers, s | share (bar 0.5) | jobs done by each |")
    print("| --- | --- | --- | --- | --- |")
    shares = {}
    for concurrency in (1, 4):
        one_s, _ = await site.done_in_s(1, concurrency)
        three_s, done = await site.done_in_s(3, concurrency)
        shares[concurrency] = three_s / one_s
        print(f"| {concurrency} | {one_s:.1f} | {three_s:.1f} | {shares[concurrency]:.2f} | {done} |")
    paid = Counter(each.sha256 for each in site.endpoint.requests if each.path.endswith(TRANSCRIPTIONS))
    assert len(paid) == 4 * MANY
    assert max(paid.values()) == 1
    assert shares[1] <= RATIO_BAR, shares
