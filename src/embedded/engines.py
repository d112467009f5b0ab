"""The embedded engines, used where no server is configured.

Each is started at first use, shared by all commands of this installation, and stopped when no command uses it.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Never, Self

from embedded.llm import EmbeddedLlm, LlmEndpoint
from embedded.postgres import EmbeddedPostgres
from embedded.process import Engine
from system.ending import end_tasks


class Engines:
    """Embedded engines with their state under ``persistent_dir``, started again when they die.

    Leaving the context stops the engines that no other process uses. The functions in ``on_stuck`` are called with the
    name of an engine that died, once, when the first try to start it again fails; the functions in ``on_revival`` are
    called with the name of an engine that died and serves again.
    """

    def __init__(self, persistent_dir: Path) -> None:
        self._postgres = EmbeddedPostgres(persistent_dir)
        self._llm = EmbeddedLlm(persistent_dir)
        self._engines: tuple[Engine, ...] = (self._postgres, self._llm)
        self._watching: list[asyncio.Task[Never]] = []
        self.on_revival: list[Callable[[str], None]] = []
        self.on_stuck: list[Callable[[str], None]] = []
        for engine in self._engines:
            engine.on_revival = self.on_revival
            engine.on_stuck = self.on_stuck

    @property
    def down(self) -> dict[str, datetime]:
        """The engines that died and do not serve again yet: their names, and when each death was noticed."""
        return {engine.name: engine.down_since for engine in self._engines if engine.down_since is not None}

    @property
    def running_llm(self) -> LlmEndpoint | None:
        """The server of the language model that this process uses; None while it uses none."""
        running = self._llm.running
        return None if running is None else self._llm.endpoint(running)

    async def __aenter__(self) -> Self:
        self._watching = [asyncio.create_task(engine.watch()) for engine in self._engines]
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await end_tasks(self._watching)
        left = await asyncio.gather(*(engine.release() for engine in self._engines), return_exceptions=True)
        for failure in left:
            if failure is not None:
                raise failure

    @property
    def postgres_folder(self) -> Path:
        """Where the embedded PostgreSQL keeps its data."""
        return self._postgres.home

    async def postgres(self) -> str:
        """Start the embedded PostgreSQL unless it runs, and return a libpq connection string for it.

        Raises:
            BadSettings: it is not installed.
            EngineFailed: it did not start.
            DiskFull: no space left for the database.
        """
        return self._postgres.dsn(await self._postgres.acquire())

    async def llm(self, model_file: Path, *, context_tokens: int, threads: int, parallel: int) -> LlmEndpoint:
        """Return an OpenAI-compatible endpoint that serves ``model_file``, a GGUF; start its server when none runs.

        A server that another command uses already is returned as it runs, with its own model and limits: the result
        says which. The server takes ``parallel`` requests at once, each with a context of ``context_tokens``.

        Raises:
            BadSettings: the server is not installed.
            EngineFailed: the server did not start, as with a file that is no model.
        """
        self._llm.want(model_file, context_tokens=context_tokens, threads=threads, parallel=parallel)
        return self._llm.endpoint(await self._llm.acquire())
