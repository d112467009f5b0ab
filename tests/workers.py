"""Workers as operators run them: ``main.py worker`` in processes of their own, on machines of their own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bot import STOP_LIMIT_S
from product import Product
from texts.cli import WORKER_READY
from warm_process import MAIN, Process, started

START_LIMIT_S = 60
_OF_TELEGRAM = ("TELEGRAM_", "OWNER_", "TEAM_", "GUEST_", "HTTP_")
_POLL_S = 0.05


def of_bot(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of a bot's workers: its own, but for those of Telegram, whose secrets they need not have."""
    return {name: value for name, value in settings.items() if not name.startswith(_OF_TELEGRAM)}


@dataclass
class Worker:
    """A worker that can be killed; its state folder is its machine."""

    state: Path
    settings: Mapping[str, str]
    process: Process | None = None
    starts: int = 0

    async def start(self) -> None:
        """Start the process and wait until it takes jobs."""
        self.starts += 1
        product = Product(self.state)  # which makes the folder, with the models that all share
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        with self._said_in.open("wb") as said:
            self.process = Process(
                started(
                    [sys.executable, str(MAIN), "worker"],
                    env={**kept, "PERSISTENT_DIR": str(product.state), "MODEL_HUB": "off", **self.settings},
                    stdin=subprocess.DEVNULL,
                    stderr=said,
                    cwd=product.state,
                )
            )
        async with asyncio.timeout(START_LIMIT_S):
            while WORKER_READY not in self.said():  # it happens in another process
                if self.process.returncode is not None:
                    raise AssertionError(f"the worker ended while it started:\n{self.said()}")
                await asyncio.sleep(_POLL_S)

    async def kill(self) -> None:
        """End the process as a power cut does."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def send(self, number: int) -> None:
        """Send a signal to the process."""
        assert self.process is not None
        self.process.send_signal(number)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask the process to stop; returns its exit status."""
        self.send(number)
        assert self.process is not None
        async with asyncio.timeout(STOP_LIMIT_S):
            return await self.process.wait()

    def did(self) -> int:
        """How many jobs the worker has finished, by its log."""
        return (self.state / "logs" / "app.json.log").read_text(encoding="utf-8").count("ended with status: Success")

    def said(self) -> str:
        """What the process has said on standard error."""
        return self._said_in.read_text(encoding="utf-8")

    @property
    def _said_in(self) -> Path:
        return self.state / f"worker-{self.starts}.err"


@dataclass
class Workers:
    """Workers of one bot, each in a folder of its own unless ``folders`` says in which."""

    folder: Path
    settings: Mapping[str, str]
    folders: Sequence[Path] = ()
    made: list[Worker] = field(default_factory=list)

    async def start(self, count: int, **settings: str) -> list[Worker]:
        """Start so many more, side by side; keywords are further settings."""
        folders = self.folders or [self.folder / f"machine-{len(self.made) + n}" for n in range(count)]
        new = [Worker(folder, {**self.settings, **settings}) for folder in folders[:count]]
        self.made += new
        await asyncio.gather(*(worker.start() for worker in new))
        return new

    async def end(self) -> None:
        """Kill those that are left."""
        async with AsyncExitStack() as stack:
            for worker in self.made:
                stack.push_async_callback(worker.kill)
