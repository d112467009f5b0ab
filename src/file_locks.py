"""Locks between processes: on a file or a folder, freed by the kernel when their holder dies."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

_POLL_S = 0.05


class FileLock:
    """A lock on ``path``: a file, which is made for the lock and stays, or with ``folder=True`` an existing folder.

    Two ``FileLock`` objects exclude each other even in one process. Unlike locks of libraries, this one can turn from
    exclusive to shared.
    """

    def __init__(self, path: Path, *, folder: bool = False) -> None:
        self._path = path
        self._flags = os.O_RDONLY | (os.O_DIRECTORY if folder else os.O_CREAT)
        self._descriptor: int | None = None

    def try_take(self, *, shared: bool = False) -> bool:
        """Take the lock without waiting, exclusive or ``shared``. When this object holds it already, its kind changes.

        Returns False when another lock is in the way; then this object holds no lock, even if it held one before.

        Raises:
            OSError: the folder is gone, or we may not use it.
        """
        try:
            fcntl.flock(self._opened(), (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def free(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock exclusively, however long it takes to get. Blocking.

        Raises:
            OSError: the folder is gone, or we may not use it.
        """
        try:
            fcntl.flock(self._opened(), fcntl.LOCK_EX)
            yield
        finally:
            self.free()

    async def wait(self, limit_s: float | None = None) -> None:
        """Take the lock exclusively without blocking the event loop; wait at most ``limit_s`` seconds (None: for ever).

        Raises:
            TimeoutError: the lock was held by others for all that time.
            OSError: the folder is gone, or we may not use it.
        """
        try:
            async with asyncio.timeout(limit_s):
                while not self.try_take():  # noqa: ASYNC110 - other processes hold it, no event of ours
                    await asyncio.sleep(_POLL_S)
        except BaseException:
            self.free()
            raise

    @asynccontextmanager
    async def awaited(self) -> AsyncIterator[None]:
        """Hold the lock exclusively, however long it takes to get, without blocking the event loop."""
        await self.wait()
        try:
            yield
        finally:
            self.free()

    def _opened(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, self._flags, 0o600)
        return self._descriptor
