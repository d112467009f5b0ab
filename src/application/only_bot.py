"""The lock that tells which process runs the bot of a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors_of_operation import BotRunsAlready
from file_locks import FileLock

_FOLDER = "telegram"
_LOCK_NAME = ".lock"


@contextmanager
def only_bot(persistent_dir: Path) -> Iterator[None]:
    """Hold a lock during the block: only one process may use the Telegram session in ``persistent_dir``.

    The system frees the lock of a killed process.

    Raises:
        BotRunsAlready: another process holds the lock.
    """
    folder = persistent_dir / _FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / _LOCK_NAME)
    try:
        if not lock.try_take():
            raise BotRunsAlready(folder=folder)
        yield
    finally:
        lock.free()


def bot_runs(persistent_dir: Path) -> bool:
    """Tell whether a process on this machine runs the bot of ``persistent_dir``."""
    if not (persistent_dir / _FOLDER / _LOCK_NAME).exists():
        return False
    lock = FileLock(persistent_dir / _FOLDER / _LOCK_NAME)
    try:
        return not lock.try_take(shared=True)
    finally:
        lock.free()
