"""Every part of the machine killed, slowed and silent: each shows within 15 s, and is well again by itself within 15 s.

Parts that do not depend on each other fail side by side, in one bot.
"""

import asyncio
import math
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2
import pytest
from psycopg.conninfo import make_conninfo

from bot import Bot
from chaos.postgres import Postgres
from embedded.ports import free_ports
from embedded.s3 import S3Endpoint
from openai_faults import MODELS, Fault, Faults, Kind
from openai_server import OpenAIServer
from power import fill, reason_against_small_disks, small_disk
from product import Product, bucket_settings
from tcp_proxy import TcpProxy
from telegram_server import TelegramServer
from workers import Worker, of_bot

SHOWN_S = 15.0
GREEN_S = 15.0
"""The bars for each failure and for its end."""
START_S = 30.0
"""In which a killed process runs again: that takes its own time, from which on its part's is measured."""
_POLL_S = 0.3
_BYTES_A_SECOND = {"objects": 250, "database": 60}
"""Of a slow way: a check of the database takes a few dozen bytes, and is in time at more than that."""
_MANY = 10_000
_DISK_BYTES = 400 * 1024 * 1024
_SPARE_BYTES = 200 * 1024 * 1024

pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("voices")]


class Sign(NamedTuple):
    """What health and metrics say of a part that was broken."""

    state: str
    why: str
    ready: bool


ROUNDS: tuple[Mapping[str, Sign], ...] = (
    {
        "objects killed": Sign("down", "unavailable", ready=False),
        "asr killed": Sign("down", "unavailable", ready=True),
        "llm killed": Sign("down", "unavailable", ready=True),
        "telegram killed": Sign("down", "no_answer", ready=False),
        "jobs killed": Sign("down", "no_heartbeat", ready=False),
        "disk killed": Sign("down", "full", ready=False),
    },
    {
        "objects slowed": Sign("degraded", "slow", ready=True),
        "asr slowed": Sign("degraded", "slow", ready=True),
        "llm slowed": Sign("degraded", "slow", ready=True),
        "telegram slowed": Sign("degraded", "slow", ready=True),
        "jobs slowed": Sign("down", "no_heartbeat", ready=False),
        "disk slowed": Sign("down", "full", ready=False),
    },
    {
        "database killed": Sign("down", "fails", ready=False),
        "objects silent": Sign("down", "unavailable", ready=False),
        "asr silent": Sign("down", "no_answer", ready=True),
        "llm silent": Sign("down", "no_answer", ready=True),
    },
    {"database slowed": Sign("degraded", "busy", ready=True)},
    {"database silent": Sign("down", "no_answer", ready=False)},
)
"""Failures that happen at the same time. No disk can be made slow here: it gets short of space instead."""
ROWS = [row for each in ROUNDS for row in each]
OR: Mapping[str, Sign] = {"database slowed": Sign("down", "no_answer", ready=False)}
"""What is seen instead when a probe of two seconds finds a slow line silent: that depends on what else is asked."""


@dataclass
class Machine:
    """A bot and its worker, each part of which is reached by a way that can be broken."""

    port: int
    bot: Bot
    worker: Worker
    postgres: Postgres
    ways: dict[str, TcpProxy]
    endpoint_faults: Faults
    telegram: TelegramServer
    disk: Path

    async def break_part(self, row: str) -> None:
        part, how = row.split()
        if how == "killed":
            await self._kill(part)
        elif how == "slowed":
            self._slow(part)
        else:
            self.ways[part].stop_up()

    async def _kill(self, part: str) -> None:
        match part:
            case "telegram":
                self.telegram.network.degrade(delay_seconds=0, loss=1)
            case "jobs":
                await self.worker.kill()
            case "disk":
                fill(self.disk / "ballast")
            case "database":
                await asyncio.to_thread(self.postgres.kill)
            case _:
                await self.ways[part].go_away()

    def _slow(self, part: str) -> None:
        match part:
            case "telegram":
                self.telegram.network.degrade(delay_seconds=2.5, loss=0)
            case "jobs":
                self._signal_worker(signal.SIGSTOP)
            case "disk":
                (self.disk / "ballast").write_bytes(bytes(_DISK_BYTES - _SPARE_BYTES))
            case "asr" | "llm":
                self.endpoint_faults.add(Fault(Kind.SLOW, path=MODELS, times=_MANY, seconds=3))
            case _:
                self.ways[part].slow_down(_BYTES_A_SECOND[part])

    def mend(self) -> None:
        """Let every part be as it was, but for what was killed and has to be started."""
        for way in self.ways.values():
            way.come_back()
            way.clear()
        self.endpoint_faults.clear()
        self.telegram.network.restore()
        (self.disk / "ballast").unlink(missing_ok=True)
        if self.worker.process is not None and self.worker.process.returncode is None:
            self._signal_worker(signal.SIGCONT)

    async def start_killed(self, broken: Mapping[str, Sign]) -> float:
        """Start what was killed, as an operator's machine does by itself; return the time at which it runs."""
        if "database killed" in broken:
            await asyncio.to_thread(self.postgres.start)
        if "jobs killed" in broken:
            await self.worker.start()
        return monotonic()

    def _signal_worker(self, number: signal.Signals) -> None:
        assert self.worker.process is not None
        self.worker.process.send_signal(number)


class Watch:
    """Reads health and metrics of the bot again and again."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"
        self._client = httpx2.AsyncClient(trust_env=False, timeout=5.0)

    async def close(self) -> None:
        await self._client.aclose()

    async def until(
        self, awaited: Mapping[str, Callable[[dict[str, Any], int, str], bool]], began: float, limit_s: float
    ) -> dict[str, float]:
        """Return after how many seconds since ``began`` each was seen; what was not within ``limit_s`` is missing."""
        seen = dict[str, float]()
        while len(seen) < len(awaited) and monotonic() - began < limit_s:
            ready = await self._client.get(f"{self._address}/health/ready")
            metrics = (await self._client.get(f"{self._address}/metrics")).text
            for row, is_there in awaited.items():
                if row not in seen and is_there(ready.json()["parts"], ready.status_code, metrics):
                    seen[row] = monotonic() - began
            await asyncio.sleep(_POLL_S)
        return seen


def shows(row: str, sign: Sign) -> Callable[[dict[str, Any], int, str], bool]:
    part = row.split(maxsplit=1)[0]

    def is_there(parts: dict[str, Any], status: int, metrics: str) -> bool:
        return any(
            (parts[part]["state"], parts[part]["why"]) == (state, why)
            and f'voxpersona_part_state{{part="{part}",state="{state}"}} 1.0' in metrics
            and (ready or status == 503)
            for state, why, ready in (sign, OR.get(row, sign))
        )

    return is_there


def well(row: str) -> Callable[[dict[str, Any], int, str], bool]:
    part = row.split(maxsplit=1)[0]
    line = f'voxpersona_part_state{{part="{part}",state="ok"}} 1.0'
    return lambda parts, _status, metrics: parts[part]["state"] == "ok" and line in metrics


def is_green(parts: dict[str, Any], status: int, metrics: str) -> bool:
    states = [f'voxpersona_part_state{{part="{part}",state="ok"}} 1.0' in metrics for part in parts]
    return status == 200 and all(states) and all(each["state"] == "ok" for each in parts.values())


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if reason := reason_against_small_disks():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("health") / "disk"
    with small_disk(folder, "400M"):
        yield folder


@pytest.fixture(scope="module")
async def machine(
    disk: Path, s3_endpoint: S3Endpoint, engines_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Machine]:
    postgres = Postgres(engines_dir / f"health-rows-{monotonic()}")
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(postgres.start)
        stack.push_async_callback(asyncio.to_thread, postgres.kill)
        telegram = await stack.enter_async_context(TelegramServer())
        endpoint = await stack.enter_async_context(OpenAIServer())
        endpoint.faults = Faults()
        asked, stored = int(endpoint.base_url.split(":")[2].split("/")[0]), s3_endpoint.endpoint.split(":")
        targets = {"asr": asked, "llm": asked, "database": postgres.port, "objects": int(stored[1])}
        ways = {name: await stack.enter_async_context(TcpProxy("127.0.0.1", port)) for name, port in targets.items()}
        product, [port] = Product(disk), free_ports(1)
        product.use(endpoint)
        through = replace(s3_endpoint, endpoint=f"127.0.0.1:{ways['objects'].port}")
        product.settings |= {
            **bucket_settings(through, f"health-{uuid4().hex}"),
            "DATABASE_URL": make_conninfo(postgres.dsn, host="127.0.0.1", port=ways["database"].port),
            "ASR_BASE_URL": endpoint.base_url.replace(str(asked), str(ways["asr"].port)),
            "LLM_BASE_URL": endpoint.base_url.replace(str(asked), str(ways["llm"].port)),
            "EMBEDDINGS_ENGINE": "off",
            "OWNER_TELEGRAM_ID": "1000",
            "BOT_TAKES_JOBS": "false",
            "HTTP_PORT": str(port),
        }
        bot = Bot(product, telegram)
        stack.push_async_callback(bot.kill)
        await bot.start()
        settings = of_bot(product.settings) | {"HTTP_PORT": "0"}
        # The worker's own way to database and objects is whole: what it says of them is not asked.
        settings |= {**bucket_settings(s3_endpoint, product.settings["MINIO_BUCKET"]), "DATABASE_URL": postgres.dsn}
        worker = Worker(tmp_path_factory.mktemp("worker"), settings)
        stack.push_async_callback(worker.kill)
        await worker.start()
        yield Machine(port, bot, worker, postgres, ways, endpoint.faults, telegram, disk)


class Seen(NamedTuple):
    """After how many seconds failures showed, and after how many all was green again."""

    shown: dict[str, float]
    green: dict[str, float]


@pytest.fixture(scope="module")
async def seen(machine: Machine) -> AsyncIterator[Seen]:
    """Break everything, round by round."""
    watch, found = Watch(machine.port), Seen({}, {})
    try:
        assert await watch.until({"green": is_green}, monotonic(), GREEN_S), "it is not green in the beginning"
        for broken in ROUNDS:
            began = monotonic()
            await asyncio.gather(*(machine.break_part(row) for row in broken))
            found.shown.update(
                await watch.until({row: shows(row, sign) for row, sign in broken.items()}, began, SHOWN_S)
            )
            began = monotonic()
            machine.mend()
            starting = asyncio.create_task(machine.start_killed(broken))
            green = await watch.until({row: well(row) for row in broken}, began, START_S + GREEN_S)
            late = await starting - began
            of_started = {row for row in green if row in {"database killed", "jobs killed"}}
            found.green.update({row: green[row] - late * (row in of_started) for row in green})
            assert await watch.until({"all": is_green}, monotonic(), START_S + GREEN_S), f"not green after {broken}"
        for row in ROWS:
            print(f"{row}: shown {found.shown.get(row, -1):.1f} s, green {found.green.get(row, -1):.1f} s")
        yield found
    finally:
        await watch.close()


@pytest.mark.parametrize("row", ROWS)
def test_it_shows_within_15_s_and_is_green_again_by_itself(seen: Seen, row: str) -> None:
    assert seen.shown.get(row, math.inf) <= SHOWN_S
    assert seen.green.get(row, math.inf) <= GREEN_S
