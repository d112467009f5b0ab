"""The bot as its operators run it: ``main.py`` in a process of its own, over the loopback Telegram server."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from product import Product
from telegram_server import TelegramServer
from warm_process import MAIN, Process, started

START_LIMIT_S = 60
READY_CALL = "bots.SetBotCommands"
STOP_LIMIT_S = 20
"""In which the bot has parked its work after a signal."""


@dataclass
class Bot:
    """One installation with its bot, which can be killed and started again."""

    product: Product
    telegram: TelegramServer
    process: Process | None = None
    starts: int = 0
    said: list[str] = field(default_factory=list)
    """What each process that has ended said on standard error."""

    async def start(self) -> None:
        """Start the process and wait until it takes updates."""
        self.starts += 1
        ready_calls = self.telegram.times_called(READY_CALL) + 1
        error = (self.product.state / f"bot-{self.starts}.err").open("wb")
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.process = Process(
            started(
                [sys.executable, str(MAIN)],
                env={
                    **kept,
                    "PERSISTENT_DIR": str(self.product.state),
                    "MODEL_HUB": "off",
                    # One more message with the first recording, in every test: it has tests of its own.
                    "PRIVACY_NOTICE": "false",
                    **self.telegram.environment(),
                    **self.product.settings,
                },
                warm=self.product.warm,
                stdin=subprocess.DEVNULL,
                stderr=error,
                cwd=self.product.state,
            )
        )
        error.close()
        ready = asyncio.create_task(self.telegram.calls_come(READY_CALL, ready_calls, START_LIMIT_S))
        ended = asyncio.create_task(self.process.wait())
        await asyncio.wait([ready, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not ready.done():
            ready.cancel()
            raise AssertionError(f"the bot ended while it started:\n{self._read()}")
        ready.result()

    async def kill(self) -> None:
        """End the process as a power cut does."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        self._ended()

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask the process to stop; returns its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        async with asyncio.timeout(STOP_LIMIT_S):
            status = await self.process.wait()
        self._ended()
        return status

    async def restart(self) -> None:
        """Kill and start again."""
        await self.kill()
        await self.start()

    def log(self, *levels: str) -> list[dict[str, Any]]:
        """What the bot logged, of these levels only when some are named."""
        path = self.product.state / "logs" / "app.json.log"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if not levels or line["level"] in levels]

    def _ended(self) -> None:
        if self.process is not None:
            self.said.append(self._read())
            self.process = None

    def _read(self) -> str:
        return (self.product.state / f"bot-{self.starts}.err").read_text(encoding="utf-8")
