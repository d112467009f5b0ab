"""Engines as real processes: shared, left behind by killed commands, and never heard outside this machine."""

import asyncio
import contextlib
import errno
import ipaddress
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import pytest

from embedded.engines import Engines
from embedded.postgres import EmbeddedPostgres
from embedded.process import START_TRIES, WATCH_S, Launch
from errors import DiskFull, EngineFailed
from file_locks import FileLock
from power import fill, reason_against_small_disks, small_disk

SRC = Path(__file__).parents[2] / "src"

USE_POSTGRES = """
import asyncio, sys
from pathlib import Path
import structlog
from embedded.engines import Engines

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

async def main():
    async with Engines(Path(sys.argv[1])) as engines:
        print(await engines.postgres(), flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture
def state_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="voxpersona-test-") as directory:
        yield Path(directory)


@contextlib.asynccontextmanager
async def another_command(state_dir: Path) -> AsyncIterator[tuple[Process, str]]:
    """A process that uses PostgreSQL until its standard input closes, and the address it was given."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        USE_POSTGRES,
        str(state_dir),
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        dsn = (await process.stdout.readline()).decode().strip()
        yield process, dsn
    finally:
        process.stdin.close()
        await process.wait()


def engine_pid(state_dir: Path, engine: str) -> int:
    return int(json.loads((state_dir / "run" / f"{engine}.json").read_text())["pid"])


def lives(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody has waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def listening_addresses(root: psutil.Process) -> set[str]:
    addresses = set()
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # a database connection that has just ended
            sockets = process.net_connections(kind="inet")
            addresses |= {socket.laddr.ip for socket in sockets if socket.laddr and not socket.raddr}
    return addresses


async def execute(dsn: str, statement: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(statement.encode())
        return await cursor.fetchall() if cursor.description else []


async def until_busy(dsn: str, backend_pid: int) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        state = None
        while state != ("active",):
            cursor = await connection.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", (backend_pid,))
            state = await cursor.fetchone()


async def test_a_server_that_logs_a_hundred_megabytes_keeps_sixty(state_dir: Path) -> None:
    """And goes on in the file that it was started with."""
    folder = state_dir / "logs"
    current = folder / "postgres.log"
    flood = "DO $$ BEGIN FOR n IN 1..950 LOOP RAISE WARNING '% %', {}, repeat('x', 10000); END LOOP; END $$"
    async with Engines(state_dir) as engines:
        dsn = await engines.postgres()
        quiet = psycopg.conninfo.make_conninfo(dsn, options="-c client_min_messages=error")
        async with asyncio.timeout(60):
            for number in range(1, 12):
                await execute(quiet, flood.format(number))
                while current.stat().st_size > 1_000_000:  # noqa: ASYNC110  # the watch's own pace
                    await asyncio.sleep(0.05)
        await execute(quiet, "DO $$ BEGIN RAISE WARNING 'the last'; END $$")
    files = {path.name: path.read_text() for path in folder.glob("postgres.log*")}
    assert sorted(files) == ["postgres.log", *(f"postgres.log.{age}" for age in range(1, 6))]
    assert "the last" in files["postgres.log"]
    assert max(map(len, files.values())) <= 10_000_000
    for age, number in zip(range(1, 6), range(11, 6, -1), strict=True):
        assert files[f"postgres.log.{age}"].count(f"WARNING:  {number} xxx") == 950


async def test_engines_stop_with_the_command_that_started_them(state_dir: Path) -> None:
    async with Engines(state_dir) as engines:
        await engines.postgres()
        server = psutil.Process(engine_pid(state_dir, "postgres"))
        tree = [server, *server.children()]
        assert len(tree) > 1

    assert not [process for process in tree if process.is_running()]
    assert not list((state_dir / "run").glob("*.json"))


async def test_what_was_stored_is_there_after_a_restart(state_dir: Path) -> None:
    async with Engines(state_dir) as engines:
        await execute(await engines.postgres(), "CREATE TABLE kept AS SELECT 'текст' AS text")

    async with Engines(state_dir) as engines:
        assert await execute(await engines.postgres(), "SELECT text FROM kept") == [("текст",)]


async def test_the_first_to_leave_does_not_stop_what_another_uses(state_dir: Path) -> None:
    async with Engines(state_dir) as engines:
        async with another_command(state_dir) as (_, theirs):
            assert await engines.postgres() == theirs
            pid = engine_pid(state_dir, "postgres")
        assert await execute(theirs, "SELECT 1") == [(1,)]
        assert engine_pid(state_dir, "postgres") == pid
    assert not lives(pid)


async def test_commands_that_start_together_get_the_same_engine(state_dir: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        commands = await asyncio.gather(*(stack.enter_async_context(another_command(state_dir)) for _ in range(3)))
        assert len({dsn for _, dsn in commands}) == 1


async def test_an_engine_whose_command_was_killed_is_adopted_with_its_data(state_dir: Path) -> None:
    async with another_command(state_dir) as (command, dsn):
        await execute(dsn, "CREATE TABLE kept AS SELECT 1 AS number")
        pid = engine_pid(state_dir, "postgres")
        command.send_signal(signal.SIGKILL)
        await command.wait()

    async with Engines(state_dir) as engines:
        assert await engines.postgres() == dsn
        assert engine_pid(state_dir, "postgres") == pid
        assert await execute(dsn, "SELECT number FROM kept") == [(1,)]
    assert not lives(pid)


async def test_an_engine_that_died_with_its_command_is_started_anew_with_its_data(state_dir: Path) -> None:
    async with another_command(state_dir) as (command, dsn):
        await execute(dsn, "CREATE TABLE kept AS SELECT 1 AS number")
        pid = engine_pid(state_dir, "postgres")
        os.kill(pid, signal.SIGKILL)
        command.send_signal(signal.SIGKILL)
        await command.wait()

    async with Engines(state_dir) as engines:
        assert await execute(await engines.postgres(), "SELECT number FROM kept") == [(1,)]
        assert engine_pid(state_dir, "postgres") != pid


async def test_a_busy_connection_of_a_dead_server_is_ended_before_the_next_starts(state_dir: Path) -> None:
    async with (
        another_command(state_dir) as (command, dsn),
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection,
    ):
        busy = connection.info.backend_pid
        counting = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 1e15)"))
        await until_busy(dsn, busy)
        os.kill(engine_pid(state_dir, "postgres"), signal.SIGKILL)
        command.send_signal(signal.SIGKILL)
        await command.wait()
        assert lives(busy)

        async with Engines(state_dir) as engines:
            assert await execute(await engines.postgres(), "SELECT 1") == [(1,)]
            assert not lives(busy)
        with pytest.raises(psycopg.OperationalError):
            await counting


async def test_an_engine_left_without_a_run_file_is_replaced(state_dir: Path) -> None:
    async with another_command(state_dir) as (command, _):
        pid = engine_pid(state_dir, "postgres")
        command.send_signal(signal.SIGKILL)
        await command.wait()
    (state_dir / "run" / "postgres.json").unlink()

    async with Engines(state_dir) as engines:
        assert await execute(await engines.postgres(), "SELECT 1") == [(1,)]
        assert not lives(pid)


async def test_a_run_file_that_names_a_stranger_leaves_the_stranger_alone(state_dir: Path) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "600")
    run_file = state_dir / "run" / "postgres.json"
    run_file.parent.mkdir()
    state = {"pid": stranger.pid, "birth": "another boot/1", "ports": {}, "secrets": {}, "options": {}}
    run_file.write_text(json.dumps(state))
    try:
        async with Engines(state_dir) as engines:
            assert await execute(await engines.postgres(), "SELECT 1") == [(1,)]
        assert stranger.returncode is None
        assert lives(stranger.pid)
    finally:
        stranger.kill()
        await stranger.wait()


async def test_nothing_listens_beyond_loopback(engines: Engines, engines_dir: Path) -> None:
    await engines.postgres()
    addresses = listening_addresses(psutil.Process(engine_pid(engines_dir, "postgres")))
    assert addresses
    assert {address for address in addresses if not ipaddress.ip_address(address).is_loopback} == set()


async def test_files_with_secrets_are_for_their_owner_only(engines: Engines, engines_dir: Path) -> None:
    await engines.postgres()
    secret = [engines_dir / name for name in ("run/postgres.json", "postgres/password")]
    assert [path.stat().st_mode & 0o077 for path in secret] == [0, 0]


def resolved(folder: Path) -> Path:
    return folder.resolve()


async def until_served(dsn: str) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                await execute(dsn, "SELECT 1")
                return
            await asyncio.sleep(0.1)


async def test_an_engine_that_is_killed_serves_again_at_its_address(state_dir: Path) -> None:
    async with Engines(state_dir) as engines:
        revived: list[str] = []
        engines.on_revival.append(revived.append)
        dsn = await engines.postgres()
        await execute(dsn, "CREATE TABLE kept AS SELECT 1 AS number")
        for times in (1, 2):
            killed = engine_pid(state_dir, "postgres")
            os.kill(killed, signal.SIGKILL)
            await until_served(dsn)
            assert engine_pid(state_dir, "postgres") != killed
            assert await execute(dsn, "SELECT number FROM kept") == [(1,)]
            async with asyncio.timeout(20):
                while len(revived) < times:  # noqa: ASYNC110  # it is told a moment after it serves
                    await asyncio.sleep(0.05)
            assert revived == ["postgres"] * times
        assert await engines.postgres() == dsn
        last = engine_pid(state_dir, "postgres")
    assert not lives(last)


async def test_that_a_killed_engine_cannot_be_started_again_is_told_once_and_its_return_too(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.process.REVIVAL_PAUSE_S", 0.2)
    launch, tries = EmbeddedPostgres.launch, []

    def fails(engine: EmbeddedPostgres, ports: Mapping[str, int] | None) -> Launch:
        tries.append(ports)
        return replace(launch(engine, ports), arguments=["/bin/false", engine.mark])

    async with Engines(state_dir) as engines:
        heard: list[str] = []
        engines.on_stuck.append(lambda name: heard.append(f"{name} is stuck"))
        engines.on_revival.append(lambda name: heard.append(f"{name} is back"))
        dsn = await engines.postgres()
        assert engines.down == {}
        monkeypatch.setattr(EmbeddedPostgres, "launch", fails)
        os.kill(engine_pid(state_dir, "postgres"), signal.SIGKILL)
        async with asyncio.timeout(60):
            while len(tries) < 3 * START_TRIES:  # noqa: ASYNC110  # an engine has no event of ours
                await asyncio.sleep(0.05)
        assert heard == ["postgres is stuck"]
        since = engines.down["postgres"]
        assert since <= datetime.now(UTC)
        monkeypatch.setattr(EmbeddedPostgres, "launch", launch)
        await until_served(dsn)
        async with asyncio.timeout(20):
            while engines.down:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert heard == ["postgres is stuck", "postgres is back"]


async def test_of_all_who_use_a_killed_engine_one_starts_it_again(state_dir: Path) -> None:
    async with Engines(state_dir) as engines, another_command(state_dir) as (_, theirs):
        dsn = await engines.postgres()
        assert dsn == theirs
        os.kill(engine_pid(state_dir, "postgres"), signal.SIGKILL)
        await until_served(dsn)
        await asyncio.sleep(3 * WATCH_S)
        servers = [
            each
            for each in psutil.process_iter(["cmdline"])
            if f"-D{resolved(state_dir)}/postgres/data" in (each.info["cmdline"] or ())
        ]
        assert [each.pid for each in servers] == [engine_pid(state_dir, "postgres")]
    assert not lives(servers[0].pid)


async def test_an_engine_that_others_use_is_waited_for_and_never_ended(state_dir: Path) -> None:
    async with another_command(state_dir) as (_, theirs):
        pid = engine_pid(state_dir, "postgres")
        os.kill(pid, signal.SIGSTOP)
        async with Engines(state_dir) as engines:
            asking = asyncio.create_task(engines.postgres())
            try:
                await asyncio.wait([asking], timeout=6)
                assert lives(pid)
                assert not asking.done()
            finally:
                os.kill(pid, signal.SIGCONT)
            assert await asking == theirs
            assert engine_pid(state_dir, "postgres") == pid


async def test_a_clock_that_was_set_makes_no_stranger_of_an_engine(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with another_command(state_dir) as (_, theirs):
        pid = engine_pid(state_dir, "postgres")
        told = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda process: told(process) + 3600)
        async with Engines(state_dir) as engines:
            assert await engines.postgres() == theirs
            assert engine_pid(state_dir, "postgres") == pid


async def test_an_engine_that_a_command_of_another_version_uses_is_left_alone(state_dir: Path) -> None:
    async with another_command(state_dir) as (_, theirs):
        pid = engine_pid(state_dir, "postgres")
        run_file = state_dir / "run" / "postgres.json"
        kept = run_file.read_text()
        run_file.write_text('{"pid": 1, "created": 1.0}')
        async with Engines(state_dir) as engines:
            with pytest.raises(EngineFailed):
                await engines.postgres()
        assert lives(pid)
        assert await execute(theirs, "SELECT 1") == [(1,)]
        run_file.write_text(kept)


async def test_an_engine_that_could_not_be_given_up_in_time_is_nobody_s(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres = EmbeddedPostgres(state_dir)
    await postgres.acquire()
    others = FileLock(state_dir / "run" / "postgres.lock")
    assert others.try_take()
    with monkeypatch.context() as patched:
        patched.setattr("embedded.process.LOCK_LIMIT_S", 0.1)
        with pytest.raises(EngineFailed):
            await postgres.release()
    others.free()
    users = FileLock(state_dir / "run" / "postgres.users")
    assert users.try_take()
    users.free()
    await postgres.acquire()
    await postgres.release()


async def test_an_engine_knows_no_settings(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "12345:secret-of-the-bot")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-somebody")
    async with Engines(state_dir) as engines:
        await engines.postgres()
        assert "secret-of" not in environment_of(engine_pid(state_dir, "postgres"))


def environment_of(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize(("disk", "named"), [(".", "run/postgres.json"), ("postgres", "postgres")])
async def test_an_engine_whose_disk_is_full_says_so_and_starts_once_there_is_space(
    engines_dir: Path, disk: str, named: str
) -> None:
    if reason := reason_against_small_disks():
        pytest.skip(reason)
    folder = engines_dir / f"full-{uuid4()}"
    with small_disk(folder / disk, "128M"):
        engine = EmbeddedPostgres(folder)
        await engine.acquire()
        await engine.release()
        fill(folder / disk / "rest")
        with pytest.raises(DiskFull) as raised:
            await engine.acquire()
        assert f"не хватило места для {folder / named}. Освободите место" in raised.value.user_text
        assert engine.left_behind() == []
        (folder / disk / "rest").unlink()
        await engine.acquire()
        await engine.release()


async def test_an_engine_of_which_nothing_could_be_noted_is_not_left_running(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    engine = EmbeddedPostgres(state_dir)
    with monkeypatch.context() as patched:
        patched.setattr("embedded.process.write_private", full)
        with pytest.raises(DiskFull):
            await engine.acquire()
    assert engine.left_behind() == []
    await engine.acquire()
    await engine.release()
