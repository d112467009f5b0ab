"""What the embedded engines have in common: one process per installation, shared by every command that needs it.

A command that uses an engine holds a shared lock on ``run/<engine>.users`` for as long as it lives; the kernel frees
the lock when the command is killed. A command that gives the engine up tries to make this lock exclusive. When that
succeeds, nobody else uses the engine, and the command stops it.

``run/<engine>.json``, the run file, says which process the engine is. When a killed command has left an engine running,
the next command finds the engine there, and adopts or replaces it. Each command watches the engines that it uses. When
one has died, the command restarts it at the same address.
"""

import asyncio
import json
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Never

import psutil
import structlog

from config import child_environment
from embedded.engine_log import EngineLog
from embedded.full_disk import is_full, size_of, tells_of_full_disk
from embedded.running import Running, birth_of, write_private
from errors import DiskFull, EngineFailed
from file_locks import FileLock
from log_setup import hide
from utils import disk_full_mapped

log = structlog.get_logger(__name__)

POLL_S = 0.05
LOCK_LIMIT_S = 180.0
"""Seconds to wait for another command that is starting or stopping the same engine."""
START_TRIES = 3
"""More than one try, because a free port may be taken before the engine binds it."""
KILL_LIMIT_S = 5.0
SETTLE_LIMIT_S = 10.0
WATCH_S = 0.5
REVIVAL_PAUSE_S = 5.0
"""Pause after an engine could not be started again."""

_children: dict[int, subprocess.Popen[bytes]] = {}
"""The engines that this process started, by pid. Each is kept until it is reaped, also after this command gave it up:
other commands may still use it."""


@dataclass(frozen=True)
class Launch:
    """How to start an engine. ``user`` and ``group`` are ids to run as, None to keep ours."""

    arguments: Sequence[str]
    ports: Mapping[str, int]
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str | int] = field(default_factory=dict)
    user: int | None = None
    group: int | None = None


class Engine(ABC):
    """One embedded engine. Each subclass says how to prepare, launch and check its kind of engine."""

    name: ClassVar[str]
    start_limit_s: ClassVar[float]
    stop_limit_s: ClassVar[float]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, persistent_dir: Path) -> None:
        self.home = persistent_dir  # where its files are
        self._run_dir = persistent_dir / "run"
        self._run_file = self._run_dir / f"{self.name}.json"
        self._log_file = persistent_dir / "logs" / f"{self.name}.log"
        self._log = EngineLog(self._log_file)
        self._users = FileLock(self._run_dir / f"{self.name}.users")
        self._starting = FileLock(self._run_dir / f"{self.name}.lock")
        self._within = asyncio.Lock()
        self._running: Running | None = None
        self.down_since: datetime | None = None
        """When the death of the engine was noticed while this command used it; None while the engine lives."""
        self.on_stuck: list[Callable[[str], None]] = []
        """Called with the engine's name when it died and the first try to restart it failed; once for each death."""
        self.on_revival: list[Callable[[str], None]] = []
        """Called with the engine's name after it was restarted, by this command or another."""

    @property
    @abstractmethod
    def mark(self) -> str:
        """A command-line argument that only the engine of this installation has."""

    @abstractmethod
    async def prepare(self) -> None:
        """Create the files that the engine needs. Called under the start lock, while the engine does not run."""

    @abstractmethod
    def launch(self, ports: Mapping[str, int] | None) -> Launch:
        """Return how to start the engine at these ports, or at free ports when None."""

    def settled(self) -> bool:
        """Tell whether the engine can be stopped in an orderly way yet; it may answer requests earlier."""
        return True

    def tidy(self, running: Running) -> None:  # noqa: B027 - most engines leave nothing
        """Remove the engine's leftovers outside its directory."""

    @abstractmethod
    async def healthy(self, running: Running) -> bool:
        """Tell whether the engine answers a real request."""

    def left_behind(self) -> list[psutil.Process]:
        """Return the processes of this installation's engine, whoever started them. Blocking."""
        return [process for process in psutil.process_iter(["cmdline"]) if self.mark in (process.info["cmdline"] or ())]

    def suits(self, running: Running) -> bool:  # noqa: ARG002
        """Tell whether the running engine has the options this command wants; asked only while nobody else uses it."""
        return True

    @property
    def running(self) -> Running | None:
        """The engine's process that this command uses, dead or alive; None while it uses none."""
        return self._running

    async def acquire(self) -> Running:
        """Return the running engine. Unless this command has it already, start it, or adopt it from another command.

        Raises:
            EngineFailed: the engine did not start in time, ended at once, cannot be started, or does not answer while
                another command uses it; or another command has been starting or stopping it for ``LOCK_LIMIT_S``.
            DiskFull: no space left for the engine's files.
        """
        async with self._within:
            if self._running is not None and self._running.process() is not None:
                return self._running
            with disk_full_mapped(self._run_dir.parent):
                self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._log_file.parent.mkdir(parents=True, exist_ok=True)
                async with self._alone():
                    alone = self._users.try_take()
                    try:
                        self._running = await self._obtained(alone=alone)
                    except BaseException:
                        self._users.free()
                        raise
                    self._users.try_take(shared=True)
                    hide(*self._running.secrets.values())
            return self._running

    async def release(self) -> None:
        """Give the engine up, and stop it when no other command uses it.

        Raises:
            EngineFailed: another command has been starting or stopping the engine for ``LOCK_LIMIT_S``.
        """
        async with self._within:
            running, self._running = self._running, None
            if running is None:
                return
            try:
                async with self._alone():
                    if self._users.try_take():
                        await self._end(running)
                        self._run_file.unlink(missing_ok=True)
            finally:
                self._users.free()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Keep other commands from starting or stopping the engine.

        Raises:
            EngineFailed: another command has been starting or stopping the engine for ``LOCK_LIMIT_S``.
        """
        try:
            await self._starting.wait(LOCK_LIMIT_S)
        except TimeoutError as exc:
            raise EngineFailed(engine=self.name, reason="another command is starting or stopping it") from exc
        try:
            yield
        finally:
            self._starting.free()

    async def watch(self) -> Never:
        """Until cancelled, start the engine again whenever it has died while in use."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._running is not None and self._log.is_full():
                await asyncio.to_thread(self._log.rotate)
            if self._running is None or not self._running.has_ended():
                if self.down_since is not None:
                    # A call of ``acquire`` has restarted it first.
                    self._note_revival()
                continue
            is_known, self.down_since = self.down_since is not None, self.down_since or datetime.now(UTC)
            try:
                await self._revive()
            except (EngineFailed, DiskFull, OSError) as exc:
                log.error("engine_not_revived", engine=self.name, reason=str(exc))  # noqa: TRY400
                if not is_known:
                    for call in self.on_stuck:
                        call(self.name)
                await asyncio.sleep(REVIVAL_PAUSE_S)

    def _note_revival(self) -> None:
        self.down_since = None
        for call in self.on_revival:
            call(self.name)

    async def _revive(self) -> None:
        async with self._within:
            dead = self._running
            if dead is None:
                return
            log.error("engine_died", engine=self.name, pid=dead.pid)
            async with self._alone():
                running = self._read_run_file()
                if running is None or running.process() is None:
                    running = await self._started(dead.ports)
            self._running = running
        self._note_revival()

    async def _obtained(self, *, alone: bool) -> Running:
        """Adopt the running engine, or start one; never end an engine that others use."""
        running = self._read_run_file()
        lives = running is not None and running.process() is not None
        if running is None and not alone:
            raise EngineFailed(
                engine=self.name, reason="another command uses it, of another version or just now starting"
            )
        if running is None or not lives:
            return await self._started(None if alone or running is None else running.ports)
        if alone and not (self.suits(running) and await self.healthy(running)):
            return await self._started(None)
        if not alone:
            await self._until_healthy(running)
        log.info("engine_adopted", engine=self.name, pid=running.pid)
        return running

    async def _until_healthy(self, running: Running) -> None:
        deadline = time.monotonic() + self.start_limit_s
        while not await self.healthy(running):
            if running.process() is None or time.monotonic() > deadline:
                raise EngineFailed(engine=self.name, reason="another command uses it, and it does not answer")
            await asyncio.sleep(POLL_S)

    async def _started(self, ports: Mapping[str, int] | None) -> Running:
        await self._end_left_behind()
        await self.prepare()
        reason, log_end = "", size_of(self._log_file)
        for _ in range(START_TRIES):
            launch = self.launch(ports)
            began = time.monotonic()
            child, running = await self._spawned(launch)
            try:
                async with asyncio.timeout(self.start_limit_s):
                    while child.poll() is None:
                        if await self.healthy(running):
                            log.info("engine_ready", engine=self.name, seconds=round(time.monotonic() - began, 2))
                            return running
                        await asyncio.sleep(POLL_S)
                reason = f"exit status {child.returncode}"
            except TimeoutError as exc:
                await self._end(running)
                raise self._why(f"not ready after {self.start_limit_s:.0f} s", log_end) from exc
            except BaseException:
                await asyncio.shield(self._end(running))
                raise
        raise self._why(reason, log_end)

    def _why(self, reason: str, log_end: int) -> EngineFailed | DiskFull:
        full = tells_of_full_disk(self._log_file, log_end) or is_full(self.home)
        return DiskFull(path=self.home) if full else EngineFailed(engine=self.name, reason=reason)

    async def _spawned(self, launch: Launch) -> tuple[subprocess.Popen[bytes], Running]:
        spawning = asyncio.create_task(asyncio.to_thread(self._spawn, launch))
        try:
            return await asyncio.shield(spawning)
        except asyncio.CancelledError:
            _, running = await spawning
            await self._end(running)
            raise

    def _spawn(self, launch: Launch) -> tuple[subprocess.Popen[bytes], Running]:
        """Start the process and write the run file.

        The process gets a session of its own, so that neither Ctrl-C nor the end of this command ends it.
        """
        for pid in [each for each in _children if _children[each].poll() is not None]:
            del _children[pid]
        with self._log_file.open("ab") as output:
            child = subprocess.Popen(  # noqa: S603 - our own command line
                list(launch.arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**child_environment(), **launch.environment},
                cwd="/",
                start_new_session=True,
                user=launch.user,
                group=launch.group,
                extra_groups=None if launch.user is None else [],
            )
        _children[child.pid] = child
        running = Running(
            pid=child.pid,
            birth=birth_of(child.pid),
            ports=launch.ports,
            secrets=launch.secrets,
            options=launch.options,
        )
        try:
            with disk_full_mapped(self._run_file):
                write_private(self._run_file, json.dumps(asdict(running)))
        except BaseException:
            # Without a run file nobody would know of the process.
            child.kill()
            child.wait()
            raise
        return child, running

    def _read_run_file(self) -> Running | None:
        try:
            return Running(**json.loads(self._run_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            log.warning("engine_run_file_damaged", engine=self.name)
            return None

    async def _end_left_behind(self) -> None:
        """End the engine that a killed command left, found by the run file or by its mark, and remove the run file."""
        running = self._read_run_file()
        known = running.process() if running else None
        for process in [*([known] if known else []), *await asyncio.to_thread(self.left_behind)]:
            if await _has_ended(process, 0):
                continue
            log.warning("engine_left_behind_is_ended", engine=self.name, pid=process.pid)
            await self._end_process(process)
        if running is not None:
            self.tidy(running)
        self._run_file.unlink(missing_ok=True)

    async def _end(self, running: Running) -> None:
        process = running.process()
        if process is not None:
            deadline = time.monotonic() + SETTLE_LIMIT_S
            while not (self.settled() or _is_gone(process) or time.monotonic() > deadline):  # noqa: ASYNC110 - its own pace
                await asyncio.sleep(POLL_S)
            await self._end_process(process)
        child = _children.pop(running.pid, None)
        if child is not None:
            await asyncio.to_thread(child.wait, KILL_LIMIT_S)
        self.tidy(running)

    async def _end_process(self, process: psutil.Process) -> None:
        for how, limit_s in ((self.stop_signal, self.stop_limit_s), (signal.SIGKILL, KILL_LIMIT_S)):
            try:
                process.send_signal(how)
            except psutil.NoSuchProcess:
                return
            if await _has_ended(process, limit_s):
                return
            log.warning("engine_did_not_end", engine=self.name, pid=process.pid, signal=how.name, seconds=limit_s)


async def _has_ended(process: psutil.Process, limit_s: float) -> bool:
    """Tell whether the process ends within ``limit_s``.

    The process is polled: only its parent could wait for its end, and the parent may be another command.
    """
    deadline = time.monotonic() + limit_s
    while not _is_gone(process):
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


def _is_gone(process: psutil.Process) -> bool:
    child = _children.get(process.pid)
    if child is not None:
        child.poll()
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
