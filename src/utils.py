"""Files written whole or not at all, YAML, content hashes, token counts, and sizes as people read them."""

import asyncio
import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import MINYEAR, UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import yaml

import texts.errors
import texts.units
from errors import DiskFull
from file_locks import FileLock
from random_ids import new_name
from system.local_time import beginning_of
from system.shortages import NO_SPACE, shortages_mapped

if TYPE_CHECKING:
    from bpe_openai import Encoding

_HASH_CHUNK_BYTES = 1024 * 1024
_ENCODING = "o200k_base"
"""The vocabulary of the current OpenAI models; for others the count is an estimate."""
_TOKEN_PIECE_CHARACTERS = 100_000
"""bpe-openai takes at most 200,000 tokens a call. Here a character is never more than two tokens, rarely over one."""

_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")
_YAML_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C, five times as fast, where there is one: it needs libyaml."""


@contextmanager
def disk_full_mapped(path: Path) -> Iterator[None]:
    """Raise ``DiskFull`` for the system's error when space or quota runs out while ``path`` is written.

    What else the system runs out of meanwhile is ``OutOfResources``.
    """
    with shortages_mapped():
        try:
            yield
        except OSError as exc:
            if exc.errno in NO_SPACE:
                raise DiskFull(path=path) from exc
            raise


def file_problem(exc: OSError) -> str:
    """Return in Russian why the system does not let a file be read."""
    return texts.errors.FILE_PROBLEMS.get(errno.errorcode.get(exc.errno or 0, ""), texts.errors.FILE_PROBLEM)


def folder_problem(exc: OSError) -> str:
    """Return in Russian why the system does not let a folder be written to."""
    return texts.errors.FOLDER_PROBLEMS.get(errno.errorcode.get(exc.errno or 0, ""), texts.errors.FILE_PROBLEM)


def readable_name(path: Path) -> str:
    """Return the name of a file as text: bytes in it that are not UTF-8 become question marks."""
    return os.fsencode(path.name).decode(errors="replace")


def fsync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes at the descriptor's position. Blocking.

    A nearly full disk takes a part without an error, and raises OSError only for the rest.
    """
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def append_durably(path: Path, data: bytes) -> None:
    """Add ``data`` to the end of a file, made if it is not there, so that ``data`` survives a power cut. Blocking.

    Raises:
        DiskFull: no space left; the file may end in a part of ``data``.
    """
    with disk_full_mapped(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, data)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        fsync_folder(path.parent)


@contextmanager
def opened_atomically(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a file that replaces ``path`` when the block ends, and that is removed when the block fails. Blocking.

    The file has the rights ``mode`` from the beginning, less those of the umask.

    Raises:
        DiskFull: no space left; ``path`` is as it was.
    """
    # The name is not made from path's: that may already have every byte a name can have.
    temporary = path.with_name(f".{new_name()}.tmp")
    with disk_full_mapped(path):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        fsync_folder(path.parent)


def write_atomically(path: Path, data: bytes | str, mode: int = 0o666) -> None:
    """Write ``data``, text as UTF-8, so that ``path`` is the old or the new file and never a part. Blocking.

    A new file has the rights ``mode``, less those of the umask.

    Raises:
        DiskFull: no space left; ``path`` is as it was.
    """
    with opened_atomically(path, mode) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold ``folder`` alone once other callers, in any process, have left it; remove half-written files. Blocking.

    Raises:
        OSError: the folder is gone, or its rights keep us out.
    """
    with FileLock(folder, folder=True).held():
        for path in folder.rglob("*.tmp"):
            if _TEMPORARY.fullmatch(path.name):
                path.unlink(missing_ok=True)
        yield


def load_yaml(text: str) -> Any:
    """Parse YAML of plain values.

    Raises:
        yaml.YAMLError: the text is no such YAML.
    """
    return yaml.load(text, Loader=_YAML_LOADER)  # noqa: S506 - both are safe loaders


def midnight(day: date, *, days_later: int = 0) -> datetime:
    """Return the local beginning of a day, or of a later one; at the ends of the calendar the nearest time there is."""
    try:
        return beginning_of(day + timedelta(days=days_later))
    except (OverflowError, ValueError):
        first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        return first if day.year == MINYEAR else last


def sha256_of_stream(stream: BinaryIO) -> str:
    """Hash what is left of ``stream``. Blocking; returns 64 hexadecimal digits."""
    digest = hashlib.sha256()
    while chunk := stream.read(_HASH_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


async def sha256_of_file(path: Path) -> str:
    """Hash a file without holding more than a megabyte of it; returns 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """

    def hashed() -> str:
        with path.open("rb") as file:
            return sha256_of_stream(file)

    return await asyncio.to_thread(hashed)


@cache
def _encoding() -> "Encoding":
    # Loading its vocabularies takes a second, which a command that counts nothing should not wait for.
    import bpe_openai  # noqa: PLC0415

    return bpe_openai.get_encoding(_ENCODING)


def count_tokens(text: str) -> int:
    """Count the tokens of ``text``, at most one too many in 100,000 characters. Blocking, 4 MB/s."""
    encoding = _encoding()
    pieces = (text[start : start + _TOKEN_PIECE_CHARACTERS] for start in range(0, len(text), _TOKEN_PIECE_CHARACTERS))
    return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)


def human_size(size_bytes: int) -> str:
    """Return a size as people read it: «0 Б», «38 МБ», «1,5 ГБ». A unit is 1024 of the one below."""
    size = float(size_bytes)
    unit = 0
    while round(size) >= 1024 and unit < len(texts.units.SIZE_UNITS) - 1:
        size /= 1024
        unit += 1
    digits = decimal(size) if unit and round(size, 1) < 10 else f"{size:.0f}"
    return f"{digits} {texts.units.SIZE_UNITS[unit]}"


def decimal(number: float) -> str:
    """Return a number to a tenth as people read it: «0,5», «7»."""
    return f"{number:.1f}".removesuffix(".0").replace(".", texts.units.DECIMAL_SEPARATOR)


def human_duration(seconds: float) -> str:
    """Return a duration as people read it, to the second: «45 с», «42 мин 10 с», «8 ч», «1 ч 5 мин 2 с»."""
    whole = round(seconds)
    amounts = [
        (whole // 3600, texts.units.HOURS),
        (whole // 60 % 60, texts.units.MINUTES),
        (whole % 60, texts.units.SECONDS),
    ]
    return " ".join(f"{amount} {unit}" for amount, unit in amounts if amount) or f"0 {texts.units.SECONDS}"


def clock(seconds: float) -> str:
    """Return a time as ``12:41``, from one hour on as ``1:02:41``."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute:02}:{second:02}"
