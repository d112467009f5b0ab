"""Shortages of disk space, open files, memory and processes; and how many files this process may open.

A shortage says nothing of the work that met it. Foreign libraries wrap its error in errors of their own, so it is
looked for among the causes of an error.
"""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import texts.errors
from errors import DatabaseUnavailable, DiskFull, ObjectStoreUnavailable, OutOfResources, VoxPersonaError

_LACKING = {
    errno.EMFILE: texts.errors.OPEN_FILES,
    errno.ENFILE: texts.errors.OPEN_FILES,
    errno.ENOMEM: texts.errors.MEMORY,
    errno.ENOBUFS: texts.errors.MEMORY,
    errno.EAGAIN: texts.errors.PROCESSES,  # raised by fork; that of sockets and pipes stays inside asyncio
}
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk is full, the user's share of it is, or the file is the largest that the disk takes."""
SPARE_BYTES = 256 * 1024 * 1024
"""Disk space that stays free for the database, logs and the work on other recordings: with less, none is taken."""
_NO_THREAD = "can't start new thread"
_WAITED_FOR = (OutOfResources, DatabaseUnavailable, ObjectStoreUnavailable)
"""Errors of ours after which a job uses up no try, whatever caused them."""
_MOST_OPEN_FILES = 65_536
"""Ample for any installation. Some systems allow a thousand million; some programs count through all of them."""


def shortage_in(exc: BaseException) -> OutOfResources | None:
    """Return the error that stands for a shortage when ``exc`` comes from one, else None.

    The errors of ours after which a job uses up no try give None, too.
    """
    if isinstance(exc, _WAITED_FOR):
        return None
    causes = list(_causes(exc))
    unwritten = next((each for each in causes if isinstance(each, OSError) and each.errno in NO_SPACE), None)
    if unwritten is not None:
        return DiskFull(path=unwritten.filename or texts.errors.WORK_FILES)
    what = next(filter(None, map(_lacking, causes)), None)
    foreign = any(isinstance(each, Exception) and not isinstance(each, VoxPersonaError) for each in causes)
    # Libraries in C, and those that look up names, do not tell why a file could not be opened.
    if what is None and foreign and _has_no_descriptor():
        what = texts.errors.OPEN_FILES
    return None if what is None else OutOfResources(what=what)


@contextmanager
def shortages_mapped(*kept: type[Exception]) -> Iterator[None]:
    """Raise ``OutOfResources`` in place of an error that comes from a shortage, unless it is of a type in ``kept``."""
    try:
        yield
    except kept:
        raise
    except Exception as exc:
        shortage = shortage_in(exc)
        if shortage is None:
            raise
        raise shortage from exc


def raise_limit_of_open_files() -> None:
    """Let this process open as many files as it may, 65,536 at most: the usual 1024 are too few for a server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an error, then what it came from, members of groups included; each once."""
    waiting, seen = [exc], set[int]()
    while waiting:
        error = waiting.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        origin = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        waiting += [origin] if origin is not None else []
        waiting += error.exceptions if isinstance(error, BaseExceptionGroup) else []


def _lacking(error: BaseException) -> str | None:
    if isinstance(error, MemoryError):
        return texts.errors.MEMORY
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        return texts.errors.PROCESSES
    return _LACKING.get(error.errno or 0) if isinstance(error, OSError) else None


def _has_no_descriptor() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as exc:
        return exc.errno in {errno.EMFILE, errno.ENFILE}
    return False
