"""The power is cut again and again while three people work with a bot that keeps everything on one disk."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from bot import Bot
from interrupted_bot import until
from interrupted_people import LENGTH_S, Person, assert_outcome, outcome, times_sent
from leftovers import processes_of
from object_files import FolderObjectStore
from openai_server import OpenAIServer
from power import Disk, disk, reason_against
from product import MODELS, Product
from telegram_server import TelegramServer
from telegram_user import ScriptedUser

CUTS = int(os.environ.get("POWER_CUTS", "3"))
MOST_EVENTS = 30
"""What happens between a start and the next cut: calls of Telegram, questions to engines."""
MOST_PAUSE_S = 1.0
"""How long after the last event the power goes."""
SEED = 11

pytestmark = pytest.mark.timeout(300 + 60 * CUTS)


@dataclass
class House:
    """A bot, with its engines, on a disk."""

    disk: Disk
    bot: Bot
    endpoint: OpenAIServer

    def events(self) -> int:
        return len(self.bot.telegram.calls) + len(self.endpoint.requests)

    async def loses_power(self) -> None:
        """Cut the power, have everything that ran there die, and start the bot from what the disk has."""
        assert self.bot.process is not None
        # A bot that saw its disk fail would say so, which one without power does not.
        self.bot.process.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(self.disk.cut_power)
        await self._dies()
        await asyncio.to_thread(self._changes_disks)
        await self.bot.start()

    async def ends(self) -> None:
        await self._dies()

    async def _dies(self) -> None:
        await self.bot.kill()
        engines = await asyncio.to_thread(processes_of, self.disk.folder)
        for process in [*engines, *(child for engine in engines for child in children(engine))]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(psutil.wait_procs, engines, 10)

    def _changes_disks(self) -> None:
        self.disk.unmount()
        self.disk.mount()


def children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


@pytest.fixture(params=["ext4", "xfs"])
async def house(
    request: pytest.FixtureRequest, telegram: TelegramServer, engines_dir: Path, tmp_path: Path
) -> AsyncIterator[House]:
    if reason := reason_against(request.param):
        pytest.skip(reason)
    with disk(engines_dir / f"disk-{request.param}", request.param) as made:
        (made.folder / "models").symlink_to(MODELS)
        async with OpenAIServer() as endpoint:
            team = {"OWNER_TELEGRAM_ID": "1000", "TEAM_TELEGRAM_IDS": ",".join(map(str, range(1001, 1400)))}
            product = Product(tmp_path, {"PERSISTENT_DIR": str(made.folder), "ASR_MODEL": "gpt-4o-transcribe", **team})
            product.use(endpoint)
            product.settings["ASR_MODEL"] = "gpt-4o-transcribe"
            bot = Bot(product, telegram)
            await bot.start()
            living = House(made, bot, endpoint)
            yield living
            await living.ends()


async def test_whenever_the_power_goes_everybody_gets_everything_once(
    house: House, newcomer: Callable[[], ScriptedUser], spoken: Callable[[str, float], Path]
) -> None:
    *disturbed, gleb = (Person(newcomer(), spoken(f"{each}.ogg", LENGTH_S)) for each in range(4))
    await gleb.gets_all()
    expected = outcome(gleb.user)

    chance = random.Random(SEED)  # noqa: S311 - the same moments in every run
    working = [asyncio.create_task(person.insists()) for person in disturbed]
    for _ in range(CUTS):
        count = house.events() + chance.randint(1, MOST_EVENTS)
        await until(lambda count=count: house.events() >= count or all(task.done() for task in working), "events")  # type: ignore[misc]
        await asyncio.sleep(chance.uniform(0, MOST_PAUSE_S))
        await house.loses_power()
    await asyncio.gather(*working)

    for person in disturbed:
        assert_outcome(person.user, expected)
        assert times_sent(person.user, "Расшифровка 1") == 1
    assert len(await kept(house.disk.folder)) == len([*disturbed, gleb]) * len(["original", "transcript"])


async def kept(state: Path) -> list[str]:
    """The objects that are there byte by byte."""
    objects = FolderObjectStore(state / "objects")
    keys = [key async for key in objects.list_keys()]
    for key in keys:
        await objects.get_file(key, state / "fetched")
    return keys
