"""What goes wrong in a town: every fault begins, lasts, and is over."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from chaos.town import Town

Happening = Callable[[Town, random.Random], AbstractAsyncContextManager[None]]

_TELEGRAM_CALLS = (
    "messages.SendMessage",
    "messages.SendMedia",
    "messages.EditMessage",
    "messages.DeleteMessages",
    "messages.SetBotCallbackAnswer",
    "upload.SaveFilePart",
    "upload.GetFile",
)
_BYTES_A_SECOND = 1024


@dataclass(frozen=True)
class Kind:
    """A kind of fault; it lasts from and to so many seconds."""

    name: str
    lasts_s: tuple[float, float]
    happens: Happening


@dataclass(frozen=True)
class Family:
    """Faults of one part, which come one after another with pauses from and to so many seconds."""

    name: str
    pause_s: tuple[float, float]
    kinds: tuple[Kind, ...]
    can_happen: Callable[[Town], bool] = field(default=lambda _: True)


@asynccontextmanager
async def _database_restarts(town: Town, _: random.Random) -> AsyncIterator[None]:
    await asyncio.to_thread(town.postgres.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(town.postgres.start)


@asynccontextmanager
async def _database_is_killed(town: Town, _: random.Random) -> AsyncIterator[None]:
    await asyncio.to_thread(town.postgres.kill)
    try:
        yield
    finally:
        await asyncio.to_thread(town.postgres.start)


@asynccontextmanager
async def _database_is_stopped(town: Town, _: random.Random) -> AsyncIterator[None]:
    await asyncio.to_thread(town.postgres.freeze)
    try:
        yield
    finally:
        await asyncio.to_thread(town.postgres.thaw)


@asynccontextmanager
async def _database_is_silent(town: Town, _: random.Random) -> AsyncIterator[None]:
    town.database_way.stop_up()
    try:
        yield
    finally:
        town.database_way.clear()


@asynccontextmanager
async def _bot_is_killed(town: Town, _: random.Random) -> AsyncIterator[None]:
    await town.end_bot(signal.SIGKILL)
    try:
        yield
    finally:
        await town.bring_bot_back()


@asynccontextmanager
async def _bot_is_stopped(town: Town, _: random.Random) -> AsyncIterator[None]:
    await town.end_bot(signal.SIGTERM)
    try:
        yield
    finally:
        await town.bring_bot_back()


@asynccontextmanager
async def _worker_is_killed(town: Town, _: random.Random) -> AsyncIterator[None]:
    await asyncio.to_thread(town.kill_worker)
    try:
        yield
    finally:
        town.start_worker()


@asynccontextmanager
async def _store_is_cut(town: Town, _: random.Random) -> AsyncIterator[None]:
    await town.objects_way.go_away()
    try:
        yield
    finally:
        town.objects_way.come_back()


@asynccontextmanager
async def _store_is_slow(town: Town, _: random.Random) -> AsyncIterator[None]:
    town.objects_way.slow_down(_BYTES_A_SECOND)
    try:
        yield
    finally:
        town.objects_way.clear()


@asynccontextmanager
async def _store_truncates(town: Town, chance: random.Random) -> AsyncIterator[None]:
    town.objects_way.truncate(chance.randrange(1, 20_000))
    try:
        yield
    finally:
        town.objects_way.clear()


@asynccontextmanager
async def _disk_is_full(town: Town, _: random.Random) -> AsyncIterator[None]:
    await asyncio.to_thread(town.fill_disk)
    try:
        yield
    finally:
        await asyncio.to_thread(town.empty_disk)


@asynccontextmanager
async def _telegram_is_dropped(town: Town, chance: random.Random) -> AsyncIterator[None]:
    town.telegram.drop_connections(deliver_again=chance.randrange(6))
    yield


@asynccontextmanager
async def _telegram_is_bad(town: Town, chance: random.Random) -> AsyncIterator[None]:
    town.telegram.network.degrade(delay_seconds=chance.uniform(0.1, 1.0), loss=chance.uniform(0.05, 0.25))
    try:
        yield
    finally:
        town.telegram.network.restore()


@asynccontextmanager
async def _replies_are_lost(town: Town, chance: random.Random) -> AsyncIterator[None]:
    town.telegram.faults.lose_reply(chance.choice(_TELEGRAM_CALLS), times=chance.randint(1, 3))
    try:
        yield
    finally:
        town.telegram.faults.pending.clear()


@asynccontextmanager
async def _calls_are_cut(town: Town, chance: random.Random) -> AsyncIterator[None]:
    town.telegram.faults.drop_connection(chance.choice(_TELEGRAM_CALLS), processed=chance.random() < 0.5)
    try:
        yield
    finally:
        town.telegram.faults.pending.clear()


@asynccontextmanager
async def _telegram_asks_to_wait(town: Town, chance: random.Random) -> AsyncIterator[None]:
    town.telegram.faults.flood_wait(chance.choice(_TELEGRAM_CALLS[:3]), chance.randint(1, 4), times=2)
    try:
        yield
    finally:
        town.telegram.faults.pending.clear()


@asynccontextmanager
async def _clock_steps(town: Town, chance: random.Random) -> AsyncIterator[None]:
    town.set_clock(chance.choice((-1, 1)) * chance.choice((2, 20, 600)))
    try:
        yield
    finally:
        town.set_clock(0)


FAMILIES = (
    Family(
        "database",
        (5, 40),
        (
            Kind("restarted", (0.5, 4), _database_restarts),
            Kind("killed", (0.5, 10), _database_is_killed),
            Kind("stopped (SIGSTOP)", (2, 12), _database_is_stopped),
            Kind("silent", (2, 12), _database_is_silent),
        ),
    ),
    Family(
        "bot",
        (30, 90),
        (Kind("killed", (0.5, 6), _bot_is_killed), Kind("stopped (SIGTERM)", (0.5, 6), _bot_is_stopped)),
    ),
    Family("worker", (20, 60), (Kind("killed", (0.5, 6), _worker_is_killed),)),
    Family(
        "object store",
        (15, 60),
        (
            Kind("cut", (3, 20), _store_is_cut),
            Kind("slow (1 KB/s)", (3, 20), _store_is_slow),
            Kind("truncating", (3, 20), _store_truncates),
        ),
    ),
    Family(
        "Telegram",
        (5, 30),
        (
            Kind("dropped", (0.1, 0.2), _telegram_is_dropped),
            Kind("slow and lossy", (3, 12), _telegram_is_bad),
            Kind("replies lost", (3, 10), _replies_are_lost),
            Kind("cut in a call", (3, 10), _calls_are_cut),
            Kind("asks to wait", (3, 10), _telegram_asks_to_wait),
        ),
    ),
    Family("disk", (40, 120), (Kind("full", (4, 15), _disk_is_full),), lambda town: town.has_disk),
    Family("clock", (20, 90), (Kind("stepped", (5, 30), _clock_steps),), lambda town: town.clock_steps),
)
