"""A PostgreSQL that nobody looks after: it can be killed, stopped and started at the same address."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

from embedded.postgres import EmbeddedPostgres
from embedded.process import Launch
from embedded.running import Running, birth_of
from interruptions import wait_until

_END_LIMIT_S = 30.0


class Postgres:
    """The server whose data is under ``folder``. All methods block."""

    def __init__(self, folder: Path) -> None:
        self._engine = EmbeddedPostgres(folder)
        self._log = folder / "postgres.log"
        self._launch: Launch | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """How to connect to a database that is there from the beginning."""
        assert self._launch is not None
        assert self._process is not None
        pid = self._process.pid
        running = Running(pid, birth_of(pid), self._launch.ports, self._launch.secrets, self._launch.options)
        return self._engine.dsn(running, "postgres")

    @property
    def port(self) -> int:
        assert self._launch is not None
        return self._launch.ports["postgres"]

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._engine._prepare()
        if self._launch is None:
            self._launch = self._engine.launch(None)
        launch = self._launch
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                list(launch.arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"]},
                cwd="/",
                start_new_session=True,
                user=launch.user,
                group=launch.group,
                extra_groups=None if launch.user is None else [],
            )
        wait_until(self._answers)

    def stop(self) -> None:
        """End it in the orderly way, without waiting for anybody."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it do nothing any more, without ending."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        family = self._family()
        self._process.send_signal(how)
        self._process.wait(_END_LIMIT_S)
        # Those that a killed server leaves end by themselves, and hold its memory until they have.
        psutil.wait_procs(family, _END_LIMIT_S)

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None
        with suppress(psutil.NoSuchProcess):
            server = psutil.Process(self._process.pid)
            return [server, *server.children(recursive=True)]
        return []

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
