"""The engines that run when nothing is configured: started at first use, shared, stopped by the last who uses them."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from embedded_postgres import EmbeddedPostgres
from embedded_process import Engine
from embedded_s3 import EmbeddedS3, S3Endpoint


class Engines:
    """Embedded engines with their state under ``persistent_dir``; leaving the context stops those nobody else uses."""

    def __init__(self, persistent_dir: Path) -> None:
        self._postgres = EmbeddedPostgres(persistent_dir)
        self._s3 = EmbeddedS3(persistent_dir)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        engines: list[Engine] = [self._postgres, self._s3]
        await asyncio.gather(*(engine.release() for engine in engines))

    async def postgres(self) -> str:
        """A libpq connection string of the embedded PostgreSQL.

        Raises:
            EngineFailed: it did not start.
        """
        return self._postgres.dsn(await self._postgres.acquire())

    async def s3(self) -> S3Endpoint:
        """The embedded object store and its keys.

        Raises:
            EngineFailed: it did not start.
        """
        return self._s3.endpoint(await self._s3.acquire())
