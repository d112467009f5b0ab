"""Processes of the product that start in a third of the time: its modules and libraries are in memory already.

What a process is given is what a new one gets. See ``warm_server``, of which each process of tests has one.
"""

import array
import asyncio
import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from subprocess import Popen
from typing import Any

from config import ROOT

MAIN = ROOT / "src" / "main.py"
is_used = True
"""Benchmarks start all processes anew."""
_SERVER = Path(__file__).with_name("warm_server.py")
_READ_BY_THE_INTERPRETER = ("LD_", "LC_", "TZ", "PYTHON")
"""Settings that a process reads before anything of ours: who has one of these starts anew."""


class _Server:
    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        with theirs:
            self._process = subprocess.Popen([sys.executable, str(_SERVER)], stdin=theirs.fileno(), env=kept)
        self._turn = threading.Lock()
        atexit.register(self._end)
        assert self._requests.recv(16) == b"ready"

    def start(self, request: Mapping[str, object], descriptors: list[int]) -> int:
        """Return the id of the new process."""
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        with self._turn:
            self._requests.sendmsg([json.dumps(request).encode()], passed)
            return int(self._requests.recv(16))

    def _end(self) -> None:
        self._requests.close()
        self._process.wait()


_server = cache(_Server)


class _WarmProcess(subprocess.Popen[str]):
    """A process of ``main.py``, of which ``warm_server`` is the parent."""

    def _execute_child(self, args: list[str], *options: Any) -> None:
        _, _, _, _, folder, environment, _, _, _, *pipes = options[:15]
        p2cread, _, _, c2pwrite, _, errwrite = pipes
        self._told, told = os.pipe()
        try:
            self.pid = _server().start(
                {
                    "arguments": [str(each) for each in args[1:]],
                    "environment": dict(environment),
                    "folder": str(folder or Path.cwd()),
                },
                [
                    0 if p2cread == -1 else p2cread,
                    1 if c2pwrite == -1 else c2pwrite,
                    2 if errwrite == -1 else errwrite,
                    told,
                ],
            )
        finally:
            os.close(told)
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
        self._child_created = True

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """Return what ``waitpid`` would."""
        if wait_flags & os.WNOHANG and not select.select([self._told], [], [], 0)[0]:
            return 0, 0
        status = int(os.read(self._told, 16) or b"9")
        os.close(self._told)
        return self.pid, status

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        # A poll does not wait for a thread that waits for the end.
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                if self.returncode is None and (ended := self._try_wait(os.WNOHANG))[0]:
                    self._handle_exitstatus(ended[1])  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode


def started(command: Sequence[str], *, env: Mapping[str, str], warm: bool = True, **options: Any) -> Popen[str]:
    """Start a command as ``Popen`` does: without importing anything if it is ``main.py`` and ``warm``."""
    foreseen = [sys.executable, str(MAIN)] == list(command[:2])
    plain = not any(name.startswith(_READ_BY_THE_INTERPRETER) and name != "PYTHONPATH" for name in env)
    return (_WarmProcess if is_used and warm and foreseen and plain else subprocess.Popen)(
        command, env=env, text=True, **options
    )


class Process:
    """What is needed of asyncio's processes, of one that ``started`` made."""

    def __init__(self, process: Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()

    async def wait(self) -> int:
        with suppress(ProcessLookupError):  # it has ended, and was waited for
            descriptor = os.pidfd_open(self.pid)
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(descriptor, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)
        return self._process.wait()
