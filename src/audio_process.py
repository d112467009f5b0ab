"""Programs that read files from outside: own process group, limits of time, processor and memory, no environment."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from constants import BACKGROUND_NICE

_READ_BYTES = 1024 * 1024
_KEPT_ERROR_BYTES = 4096

_SHELL = f'ulimit -c 0; ulimit -t "$1"; ulimit -v "$2" 2>/dev/null; shift 2; exec nice -n {BACKGROUND_NICE} "$@"'
"""A shell sets the limits between fork and exec, which Python cannot safely do in a process with threads. macOS has no
limit of virtual memory and goes without. Decoding yields the processor to whoever waits for an answer."""


@dataclass(frozen=True)
class ProcessLimits:
    """``time_s`` bounds both the wall clock and the processor."""

    time_s: float
    memory_bytes: int


class RunningProcess:
    """A program at work. ``output`` gives what it prints until it ends; then ``returncode`` and ``errors`` are set."""

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
    """Run a program; whatever happens inside the block, it and its children are gone afterwards.

    Raises:
        TimeoutError: the limit of time has passed inside the block.
    """
    process = await asyncio.create_subprocess_exec(
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
        # No keys of ours in a program that a hostile file may take over; messages in English.
        env={"LC_ALL": "C.UTF-8"},
    )
    # Errors are read all the time: a program that complains much must not wait for us.
    errors = asyncio.create_task(_first_bytes(process.stderr))
    try:
        async with asyncio.timeout(limits.time_s):
            yield RunningProcess(process, errors)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        # The pipes are read dry, so that they are closed with the process.
        async for _ in _blocks(process.stdout):
            pass
        await errors
        await process.wait()
