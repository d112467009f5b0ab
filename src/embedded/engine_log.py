"""The log of an embedded engine: a file that the engine holds open all its life, rotated while it writes."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import structlog

from file_locks import FileLock

log = structlog.get_logger(__name__)

ROTATED_BYTES = 9_000_000
"""The file is looked at every half a second: what is written in between has to find room in 10 MB."""
FILES_KEPT = 5


class EngineLog:
    """The file that an engine's output is appended to, and up to ``FILES_KEPT`` older ones beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_full(self) -> bool:
        """Tell whether the file should be rotated."""
        with suppress(OSError):
            return self._path.stat().st_size >= ROTATED_BYTES
        return False

    def rotate(self) -> None:
        """Copy the file aside and empty it, unless another process does so at this moment. Blocking.

        The engine knows no other file than the one it was started with, and appends to that: what is renamed would go
        on growing. A line that is written between copy and emptying is lost. A disk without space for the copy loses
        the copy, not the rotation.
        """
        lock = FileLock(self._path.parent / f".{self._path.name}.lock")
        try:
            if lock.try_take() and self.is_full():
                self._shift()
                with suppress(OSError):
                    self._copy()
                os.truncate(self._path, 0)
        except OSError as exc:
            log.warning("engine_log_not_rotated", file=self._path.name, reason=type(exc).__name__)
        finally:
            lock.free()

    def _older(self, age: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{age}")

    def _shift(self) -> None:
        for age in range(FILES_KEPT - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._older(age).rename(self._older(age + 1))

    def _copy(self) -> None:
        unfinished = self._path.with_name(f".{self._path.name}.part")
        try:
            shutil.copy(self._path, unfinished)
            unfinished.rename(self._older(1))
        finally:
            unfinished.unlink(missing_ok=True)
