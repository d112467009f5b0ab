"""What people and faults meet in: the bot, a second worker, and everything they stand on, each on a way of its own."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

import psycopg
from minio import Minio
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bot import Bot
from chaos.postgres import Postgres
from config import ROOT
from embedded.s3 import EmbeddedS3
from openai_answers import SAMPLE_RATE, Heard, Messages, Samples, Schema, chat_answer, heard_sentence
from openai_server import OpenAIServer
from power import fill, reason_against_small_disks, small_disk
from product import Product, bucket_settings
from s3_server import client_of, weed
from tcp_proxy import TcpProxy
from telegram_server import TelegramServer
from telegram_user import ScriptedUser
from workers import of_bot

FIRST_PERSON = 1001
NAMES = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Инна", "Кирилл")
DATABASE, BUCKET = "chaos", "chaos"
DISK_SIZE = "1G"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
"""Of Debian's package libfaketime: the clock of a process is what a file says."""
LONGEST_ANSWER_S = 4.0
"""Of speech recognition and model."""
RESTART_S = 1.0
"""After which whoever runs the bot starts it again when it did not start."""
WORDS = ("завтрак", "бассейн", "тишина", "уборка", "парковка", "номер", "ужин", "сауна", "холл", "персонал")


@dataclass
class Upkeep:
    """Whoever runs a process: starts it again when it ended, as a service manager does."""

    deaths: list[str] = field(default_factory=list)
    """What those said that ended without being told to."""
    failed_starts: int = 0


@dataclass(frozen=True)
class End:
    """When the bot or the worker was told to end and had ended, in seconds of ``time.monotonic``.

    One that ends in an orderly way has the time to store what was answered, if the database is there.
    """

    told: float
    ended: float
    orderly: bool = False


class Town:
    """One installation. ``state`` is a disk of its own when such can be made here."""

    def __init__(self, folder: Path, product: Product, telegram: TelegramServer, endpoint: OpenAIServer) -> None:
        self.folder = folder
        self.state = Path(product.settings["PERSISTENT_DIR"])
        self.bot = Bot(product, telegram)
        self.telegram = telegram
        self.endpoint = endpoint
        self.postgres = Postgres(folder)
        self.database_way: TcpProxy
        self.objects_way: TcpProxy
        self.objects: Minio
        self.upkeep = Upkeep()
        self.has_disk = False
        self.ends: list[End] = []
        self.people: list[ScriptedUser] = []
        self._worker: subprocess.Popen[bytes] | None = None
        self._clock = folder / "clock"
        self._wanted = asyncio.Event()
        self._wanted.set()

    @property
    def clock_steps(self) -> bool:
        return FAKETIME is not None

    def set_clock(self, offset_s: float) -> None:
        """Let the clock of bot and worker differ by so much from that of everybody else."""
        part = self._clock.with_suffix(".part")
        part.write_text(f"{offset_s:+.1f}")
        part.rename(self._clock)

    async def start_bot(self) -> None:
        """Start the bot, again and again until it works."""
        while True:
            try:
                await self.bot.start()
            except (AssertionError, TimeoutError):
                self.upkeep.failed_starts += 1
                await self.bot.kill()
                await asyncio.sleep(RESTART_S)
            else:
                return

    async def end_bot(self, how: signal.Signals) -> None:
        """End the bot by a signal; it stays down until ``start_bot``."""
        self._wanted.clear()
        told = monotonic()
        orderly = False
        if how is not signal.SIGKILL:
            with suppress(TimeoutError, AssertionError):
                orderly = await self.bot.stop(how) == 0
        await self.bot.kill()
        self.ends.append(End(told, monotonic(), orderly))

    async def keep_bot(self) -> None:
        """Until cancelled, start the bot again when it ends by itself, which it should not."""
        while True:
            await self._wanted.wait()
            process = self.bot.process
            if process is not None and process.returncode is not None:
                self.ends.append(End(monotonic(), monotonic()))
                await self.bot.kill()
                self.upkeep.deaths.append(self.bot.said[-1][-2000:])
                await self.start_bot()
            if self._worker is not None and self._worker.poll() is not None:
                self.upkeep.failed_starts += 1
                self.start_worker()
            await asyncio.sleep(RESTART_S / 2)

    async def bring_bot_back(self) -> None:
        await self.start_bot()
        self._wanted.set()

    def start_worker(self) -> None:
        """Start the second worker; it is up a few seconds later."""
        settings = {"PERSISTENT_DIR": str(self.state), "MODEL_HUB": "off", **of_bot(self.bot.product.settings)}
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        with (self.folder / "worker.err").open("ab") as said:
            self._worker = subprocess.Popen(
                [sys.executable, str(ROOT / "src" / "main.py"), "worker"],
                env={**kept, **settings},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                cwd=self.state,
            )

    def kill_worker(self) -> None:
        if self._worker is not None:
            told = monotonic()
            self._worker.kill()
            self._worker.wait()
            self.ends.append(End(told, monotonic()))
            self._worker = None

    def fill_disk(self) -> None:
        """Leave no byte free on the disk of the installation."""
        fill(self.state / "filler")

    def empty_disk(self) -> None:
        (self.state / "filler").unlink(missing_ok=True)

    def dsn(self) -> str:
        """How to ask the database behind the bot's back."""
        return make_conninfo(self.postgres.dsn, dbname=DATABASE)

    def object_bytes(self, key: str) -> bytes:
        """Read an object behind the bot's back."""
        response = self.objects.get_object(BUCKET, key)
        try:
            return response.read()
        finally:
            response.close()
            response.release_conn()

    def join(self, number: int) -> ScriptedUser:
        name = NAMES[number % len(NAMES)] + ("" if number < len(NAMES) else f" {number // len(NAMES) + 1}")
        user = self.telegram.world.user(name, id=FIRST_PERSON + number)
        self.people.append(user)
        return user


def slowly(messages: Messages, schema: Schema | None) -> str | object:
    """Answer after a while, so that something is on its way whenever something goes wrong."""
    text = "".join(message["content"] for message in messages)
    sleep(LONGEST_ANSWER_S * sha256(text.encode()).digest()[0] / 256)
    return chat_answer(messages, schema)


def unlike_any(samples: Samples, _language: str | None) -> Sequence[Heard]:
    """Hear other words in every sound, so that no two recordings ask a model the same."""
    digest = sha256((samples * 32767).astype("<i2").tobytes()).hexdigest()
    sleep(LONGEST_ANSWER_S * int(digest[-2:], 16) / 256)
    words = [WORDS[int(digit, 16) % len(WORDS)] for digit in digest[:6]]
    return [
        heard_sentence(0.0, len(samples) / SAMPLE_RATE, f"О главном: {', '.join(words)}, и ещё {int(digest[:8], 16)}.")
    ]


@asynccontextmanager
async def town(folder: Path, people: int) -> AsyncIterator[Town]:
    """Build the installation under ``folder`` and start it."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramServer())
        endpoint = await stack.enter_async_context(OpenAIServer(transcriber=unlike_any, chat=slowly))
        state = folder / "state"
        mounted = not reason_against_small_disks()
        if mounted:
            stack.enter_context(small_disk(state, DISK_SIZE))
        state.mkdir(exist_ok=True)
        stack.callback(_keep_logs, state)
        product = Product(folder / "product", {"PERSISTENT_DIR": str(state)})
        (state / "models").symlink_to(product.state / "models")
        product.use(endpoint)
        ids = ",".join(str(FIRST_PERSON + number) for number in range(people))
        product.settings |= {"OWNER_TELEGRAM_ID": "1000", "TEAM_TELEGRAM_IDS": ids, "SPOOL_KEEP_S": "60"}
        product.settings["CHAT_HOURLY_LIMIT"] = "10000"
        made = Town(folder, product, telegram, endpoint)
        made.has_disk = mounted
        made.set_clock(0)
        if made.clock_steps:
            product.settings |= {
                "LD_PRELOAD": str(FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        await asyncio.to_thread(made.postgres.start)
        stack.push_async_callback(asyncio.to_thread, made.postgres.kill)
        with psycopg.connect(made.postgres.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        made.database_way = await stack.enter_async_context(TcpProxy("127.0.0.1", made.postgres.port))
        address: dict[str, str | int] = {"host": "127.0.0.1", "port": made.database_way.port, "dbname": DATABASE}
        product.settings["DATABASE_URL"] = make_conninfo(made.postgres.dsn, **address)
        await _with_objects(made, stack)
        stack.push_async_callback(made.bot.kill)
        await made.start_bot()
        made.start_worker()
        stack.callback(made.kill_worker)
        yield made


async def _with_objects(made: Town, stack: AsyncExitStack) -> None:
    server = EmbeddedS3(made.folder, weed())
    endpoint = server.endpoint(await server.acquire())
    stack.push_async_callback(server.release)
    made.objects = client_of(endpoint)
    host, _, port = endpoint.endpoint.partition(":")
    made.objects_way = await stack.enter_async_context(TcpProxy(host, int(port)))
    reached = replace(endpoint, endpoint=f"127.0.0.1:{made.objects_way.port}")
    made.bot.product.settings |= bucket_settings(reached, BUCKET)


def _keep_logs(state: Path) -> None:
    shutil.copytree(state / "logs", state.with_name("bot-logs"), dirs_exist_ok=True)
