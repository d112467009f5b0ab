"""Programs that read files from outside.

Each runs in a process group of its own, with limits of time, processor and memory and without our environment.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

import texts.errors
from constants import BACKGROUND_NICE
from errors import OutOfResources
from system.shortages import shortages_mapped

log = structlog.get_logger(__name__)

NOT_STARTED = (126, 127)
"""Exit status of a shell that cannot run the program, or cannot find it."""
_SHORT_OF_FILES = "Too many open files"
_SHORT_OF_PROCESSES = "Cannot fork"
_SHORT_OF_MEMORY = "Cannot allocate memory"
_READ_BYTES = 1024 * 1024
_KEPT_ERROR_BYTES = 4096

_OPEN_FILES = 1024
"""More than any of the programs needs."""
_SHELL = (
    f'ulimit -c 0; ulimit -t "$1"; ulimit -v "$2" 2>/dev/null; ulimit -S -n {_OPEN_FILES} 2>/dev/null; shift 2; '
    f'exec nice -n {BACKGROUND_NICE} "$@"'
)
"""A shell sets the limits between fork and exec, since Python cannot safely do so in a process with threads. macOS
cannot limit virtual memory; there this limit is left out. ``nice`` lets work for which a person waits go first."""


@dataclass(frozen=True)
class ProcessLimits:
    """Limits of a program; ``time_s`` bounds both its wall clock and its processor time."""

    time_s: float
    memory_bytes: int


class RunningProcess:
    """A running program. ``output`` yields its standard output, and then sets ``returncode`` and ``errors``.

    ``errors`` is the beginning of its standard error, 4 KiB at most.
    """

    def __init__(self, process: asyncio.subprocess.Process, errors: asyncio.Task[bytes]) -> None:
        self._process = process
        self._errors = errors
        self.errors = ""
        self.returncode = 0

    async def output(self) -> AsyncIterator[bytes]:
        """Yield standard output in blocks."""
        async for block in _blocks(self._process.stdout):
            yield block
        self.errors = (await self._errors).decode(errors="replace").strip()
        self.returncode = await self._process.wait()


async def _blocks(stream: asyncio.StreamReader | None) -> AsyncIterator[bytes]:
    while stream is not None and (block := await stream.read(_READ_BYTES)):
        yield block


async def _first_bytes(stream: asyncio.StreamReader | None) -> bytes:
    kept = b""
    async for block in _blocks(stream):
        kept = (kept + block)[:_KEPT_ERROR_BYTES]
    return kept


@asynccontextmanager
async def running(arguments: Sequence[str], limits: ProcessLimits) -> AsyncIterator[RunningProcess]:
    """Run a program during the block; however the block ends, kill the program and its process group.

    A child that has left the group may survive; this is logged.

    Raises:
        TimeoutError: the block took longer than ``limits.time_s``.
        OutOfResources: the system did not let the program start.
    """
    with shortages_mapped():
        process = await _started(arguments, limits)
    # Errors are read all the time: a program that complains much must not wait for us.
    errors = asyncio.create_task(_first_bytes(process.stderr))
    try:
        async with asyncio.timeout(limits.time_s):
            yield RunningProcess(process, errors)
    finally:
        if process.returncode is None:
            _kill_group(process)
        if not await _read_dry(process, errors):
            # The program has ended, and a child of it holds its pipes.
            _kill_group(process)
            if not await _read_dry(process, errors):
                log.warning("program_left_a_child", program=Path(arguments[0]).name, pid=process.pid)
                errors.cancel()
                process._transport.close()  # type: ignore[attr-defined]
        await process.wait()


async def _started(arguments: Sequence[str], limits: ProcessLimits) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        _SHELL,
        "sh",
        str(int(limits.time_s) + 1),
        str(limits.memory_bytes // 1024),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_READ_BYTES,
        start_new_session=True,
        # A hostile file may take the program over: it gets none of our API keys. Messages are in English.
        env={"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"},
    )


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """Kill a program and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _read_dry(process: asyncio.subprocess.Process, errors: "asyncio.Task[bytes]") -> bool:
    """Read what is left in the pipes of a program, so that they are closed; False when a child holds them."""
    try:
        async with asyncio.timeout(_LINGER_S):
            async for _ in _blocks(process.stdout):
                pass
            await asyncio.shield(errors)
    except TimeoutError:
        return False
    return True


_LINGER_S = 2.0
"""Seconds to wait until the pipes of a program that has ended are closed: a child of it may hold them."""


def check_machine(process: RunningProcess) -> None:
    """Raise ``OutOfResources`` when a program failed because the machine lacks open files, processes or memory.

    Memory counts only when the program could not start: once it runs, a file may have driven it to its own limit.
    """
    if _SHORT_OF_FILES in process.errors:
        raise OutOfResources(what=texts.errors.OPEN_FILES)
    if _SHORT_OF_PROCESSES in process.errors:
        raise OutOfResources(what=texts.errors.PROCESSES)
    if process.returncode in NOT_STARTED and _SHORT_OF_MEMORY in process.errors:
        raise OutOfResources(what=texts.errors.MEMORY)
