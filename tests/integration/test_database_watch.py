"""A database that goes away, in every way there is: all who wait hear of it at once, and of its return."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import texts.errors
from database.watch import AbsenceKind, DatabaseWatch
from db import Connection, Database
from embedded.engines import Engines
from errors import DatabaseFull, DatabaseMisconfigured, DatabaseUnavailable, OutOfResources
from tcp_proxy import TcpProxy

LIMIT_S = 10.0
"""Far less than any limit of the system, and more than a loaded machine needs."""

Way = Callable[[TcpProxy], Awaitable[None]]


@pytest.fixture
async def database(database_url: str, way: TcpProxy) -> AsyncIterator[Database]:
    opened = await Database.open(make_conninfo(database_url, host="127.0.0.1", port=way.port), max_size=3)
    yield opened
    way.clear()
    way.come_back()
    await opened.close()


async def dies(way: TcpProxy) -> None:
    await way.go_away()


async def falls_silent(way: TcpProxy) -> None:
    way.stop_up()


async def answers(database: Database) -> bool:
    try:
        await database.check()
    except DatabaseUnavailable:
        return False
    return True


async def until_answered(database: Database, *, answered: bool = True) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await answers(database) != answered:  # noqa: ASYNC110  # the server has no event of ours
            await asyncio.sleep(0.05)


async def until_away(database: Database) -> None:
    await until_answered(database, answered=False)


async def ever_more(database: Database) -> None:
    """Begin transactions, side by side, until a new connection is needed and is not to be had."""
    async with AsyncExitStack() as stack:
        while True:
            await stack.enter_async_context(database.transaction())


async def sleeping(database: Database, begun: asyncio.Event, seconds: float = 600) -> None:
    async with database.transaction() as connection:
        begun.set()
        await connection.execute("SELECT pg_sleep(%s)", (seconds,))


async def test_what_must_not_be_lost_is_stored_even_when_its_process_stops(database: Database, way: TcpProxy) -> None:
    await way.go_away()
    await until_away(database)
    stored = asyncio.Event()

    async def store(connection: Connection) -> None:
        await connection.execute("SELECT 1")
        stored.set()

    storing = asyncio.create_task(database.patient().persist(store))
    await asyncio.sleep(0)
    storing.cancel()
    way.come_back()
    with pytest.raises(asyncio.CancelledError):
        await storing
    assert stored.is_set()


async def test_a_watch_that_is_stopped_while_the_database_is_silent_leaves_no_failure_behind(
    database_url: str, way: TcpProxy
) -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    conninfo = make_conninfo(database_url, host="127.0.0.1", port=way.port)
    watch = DatabaseWatch(conninfo, lambda _: None, lambda: None)
    watching = asyncio.create_task(watch.run())
    await asyncio.sleep(0.3)
    way.stop_up()
    await asyncio.sleep(0.7)
    watching.cancel()
    await asyncio.wait([watching])
    way.clear()
    del watching
    gc.collect()
    await asyncio.sleep(0)
    assert failures == []


async def test_work_that_breaks_off_is_done_again_for_those_who_have_patience(
    database: Database, way: TcpProxy
) -> None:
    begun = asyncio.Event()
    tries = {"patient": 0, "impatient": 0, "refused": 0}

    async def work(who: str) -> int:
        tries[who] += 1
        if who == "refused":
            raise DatabaseMisconfigured(reason="as of a test", why="it is read-only")
        await sleeping(database, begun, 600 if tries[who] == 1 else 0)
        return tries[who]

    patient = asyncio.create_task(database.patient(LIMIT_S).outlast(lambda: work("patient")))
    impatient = asyncio.create_task(database.outlast(lambda: work("impatient")))
    await begun.wait()
    way.stop_up()
    await until_away(database)
    way.clear()
    assert await patient == 2
    with pytest.raises(DatabaseUnavailable):
        await impatient
    with pytest.raises(DatabaseMisconfigured):
        await database.patient().outlast(lambda: work("refused"))
    assert tries == {"patient": 2, "impatient": 1, "refused": 1}


async def test_who_has_patience_is_told_in_the_end_that_nothing_is_taken(database: Database) -> None:
    tries = 0

    async def store(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute("CREATE TABLE refused ()")

    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(DatabaseMisconfigured):
            await database.patient(0.5).persist(store)
    assert tries > 1


@pytest.mark.parametrize("goes", [dies, falls_silent])
async def test_who_works_and_who_waits_hear_of_it_at_once(database: Database, way: TcpProxy, goes: Way) -> None:
    begun = [asyncio.Event() for _ in range(3)]
    working = [asyncio.create_task(sleeping(database, each)) for each in begun]
    await asyncio.gather(*(each.wait() for each in begun))
    waiting = [asyncio.create_task(database.check()) for _ in range(5)]
    await asyncio.sleep(0)
    await goes(way)
    async with asyncio.timeout(LIMIT_S):
        results = await asyncio.gather(*working, *waiting, return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 8


async def test_idle_connections_that_fell_silent_hold_nobody_up(database: Database, way: TcpProxy) -> None:
    """To cancel a question that is asked on one would wait five seconds for the server to stop it."""
    begun = [asyncio.Event() for _ in range(3)]
    for _ in range(3):
        working = [asyncio.create_task(sleeping(database, each, seconds=0.3)) for each in begun]
        await asyncio.gather(*working)
        way.stop_up()
        async with asyncio.timeout(LIMIT_S / 2):
            while await answers(database):  # noqa: ASYNC110  # the server has no event of ours
                await asyncio.sleep(0.01)
        way.clear()
        await until_answered(database)


@pytest.mark.parametrize(("goes", "kind"), [(dies, "fails"), (falls_silent, "silent")])
async def test_it_is_known_since_when_and_how_it_is_away(
    database: Database, way: TcpProxy, goes: Way, kind: str
) -> None:
    before = datetime.now(UTC)
    assert database.patient().absence is None
    await goes(way)
    await until_away(database)
    absence = database.patient().absence
    assert absence is not None
    assert absence.kind == kind
    assert before <= absence.since <= datetime.now(UTC)
    way.come_back()
    way.clear()
    await until_answered(database)
    assert database.patient().absence is None


async def test_it_is_known_that_nobody_listens(database_url: str) -> None:
    heard: list[str] = []
    closed = make_conninfo(database_url, host="127.0.0.1", port=1)
    watch = DatabaseWatch(closed, heard.append, lambda: heard.append("back"))
    watching = asyncio.create_task(watch.run())
    async with asyncio.timeout(LIMIT_S):
        while watch.absence is None:  # noqa: ASYNC110  # the server has no event of ours
            await asyncio.sleep(0.05)
    watching.cancel()
    await asyncio.wait([watching])
    assert watch.absence.kind == "refuses"


@pytest.mark.parametrize("goes", [dies, falls_silent])
async def test_while_it_is_away_nobody_waits_and_its_return_is_told_once(
    database: Database, way: TcpProxy, goes: Way
) -> None:
    back = asyncio.Queue[str]()
    database.on_back.append(lambda: back.put_nowait("back"))
    await database.check()
    await goes(way)
    await until_away(database)
    connections = way.refused
    for _ in range(100):
        assert not await answers(database)
    assert way.refused - connections < 5, "each asked for a connection of its own"
    assert back.empty()
    way.come_back()
    way.clear()
    async with asyncio.timeout(LIMIT_S):
        await back.get()
    await until_answered(database)
    await asyncio.sleep(1)
    assert back.empty()


async def test_a_lock_is_not_waited_for_without_a_database(database: Database, way: TcpProxy) -> None:
    await dies(way)
    await until_away(database)
    with pytest.raises(DatabaseUnavailable):
        async with database.locks.tried("recording:1"):
            pass


async def test_connections_that_end_are_no_absence_and_what_they_held_is_told_to_be_free(
    database: Database, database_url: str
) -> None:
    told: list[str] = []
    database.on_back.append(lambda: told.append("back"))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        async with asyncio.timeout(3 * LIMIT_S):
            while len(told) < 3:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                await asyncio.sleep(0.6)
                await until_answered(database)
    assert database.absences == 0


async def test_a_watch_outlasts_what_its_driver_does_not_foresee(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, failures = psycopg.AsyncConnection.connect, iter(range(3))

    async def without_threads(*args: Any, **options: Any) -> Any:
        if next(failures, None) is not None:
            raise RuntimeError("can't start new thread")
        return await connect(*args, **options)

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", without_threads)
    told: list[str] = []
    watch = DatabaseWatch(database_url, lambda _: told.append("gone"), lambda: told.append("back"))
    watching = asyncio.create_task(watch.run())
    async with asyncio.timeout(LIMIT_S):
        while told != ["gone", "back"]:  # noqa: ASYNC110  # it looks by the clock
            await asyncio.sleep(0.05)
    watching.cancel()
    await asyncio.wait([watching])


async def test_a_lock_that_lacks_a_thread_is_a_shortage(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def without_threads(*_: object, **__: object) -> Any:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", without_threads)
    with pytest.raises(OutOfResources):
        async with database.locks.tried("recording:1"):
            pass


async def test_a_stopped_server_is_away_and_comes_back_with_what_was_committed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("stopped")
    for each in (folder, *folder.parents[:-1]):
        if each.owner() == Path.home().owner():
            each.chmod(each.stat().st_mode | 0o711)
    async with Engines(folder) as engines:
        database = await Database.open(await engines.postgres())
        async with database.transaction() as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
        server = [process for process in psutil.process_iter(["cwd"]) if str(folder) in (process.info["cwd"] or "")]
        try:
            for process in server:
                os.kill(process.pid, signal.SIGSTOP)
            await until_away(database)
        finally:
            for process in server:
                os.kill(process.pid, signal.SIGCONT)
        await until_answered(database)
        async with database.transaction() as connection:
            assert await (await connection.execute("SELECT number FROM kept")).fetchone() == {"number": 1}
        await database.close()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg"])
async def test_an_address_may_name_the_driver_of_another_program(database_url: str, scheme: str) -> None:
    known = conninfo_to_dict(database_url)
    address = f"{scheme}://{known['user']}:{known['password']}@{known['host']}:{known['port']}/{known['dbname']}"
    database = await Database.open(address)
    await database.check()
    await database.close()


async def test_a_database_of_another_encoding_is_refused(postgres_dsn: str) -> None:
    name = sql.Identifier("test_ascii")
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as connection:
        template = "CREATE DATABASE {} ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
        await connection.execute(sql.SQL(template).format(name))
        try:
            with pytest.raises(DatabaseMisconfigured) as raised:
                await Database.open(make_conninfo(postgres_dsn, dbname="test_ascii"))
        finally:
            await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
    assert texts.errors.DATABASE_ENCODING.format(encoding="SQL_ASCII") in raised.value.user_text


READ_ONLY = "ALTER DATABASE {name} SET default_transaction_read_only = on"
WITHOUT_RIGHTS = "CREATE ROLE {role} LOGIN PASSWORD 'guest'"


async def test_a_database_that_is_read_only_is_refused_and_said_to_be_so(empty_database_url: str) -> None:
    name = sql.Identifier(str(conninfo_to_dict(empty_database_url)["dbname"]))
    async with await psycopg.AsyncConnection.connect(empty_database_url, autocommit=True) as connection:
        await connection.execute(sql.SQL(READ_ONLY).format(name=name))
    with pytest.raises(DatabaseMisconfigured) as raised:
        await Database.open(empty_database_url)
    assert texts.errors.DATABASE_READ_ONLY in raised.value.user_text


async def test_a_user_without_rights_is_refused_and_said_to_be_one(empty_database_url: str) -> None:
    role = sql.Identifier(f"guest_{os.getpid()}")
    async with await psycopg.AsyncConnection.connect(empty_database_url, autocommit=True) as connection:
        await connection.execute(sql.SQL(WITHOUT_RIGHTS).format(role=role))
        try:
            with pytest.raises(DatabaseMisconfigured) as raised:
                await Database.open(make_conninfo(empty_database_url, user=f"guest_{os.getpid()}", password="guest"))  # noqa: S106
        finally:
            await connection.execute(sql.SQL("DROP ROLE {}").format(role))
    assert texts.errors.DATABASE_NO_RIGHTS in raised.value.user_text


async def test_rights_that_are_taken_away_later_are_told_too(database: Database, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(sql.SQL(READ_ONLY).format(name=sql.Identifier(connection.info.dbname)))
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await until_answered(database)
    with pytest.raises(DatabaseMisconfigured):
        async with database.transaction() as connection_of_ours:
            await connection_of_ours.execute("DELETE FROM users")


async def test_a_database_that_lets_nobody_in_for_want_of_space_is_waited_for(
    database: Database, database_url: str
) -> None:
    begun = asyncio.Event()
    holding = asyncio.create_task(sleeping(database, begun))
    await begun.wait()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        # What a server with a full disk says to whoever connects; those who are in go on.
        await connection.execute("""
            CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE 'could not write init file: No space left on device'; END$$
        """)
        await connection.execute("CREATE EVENT TRIGGER refuse ON login EXECUTE FUNCTION refuse()")
    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(DatabaseUnavailable):
            await ever_more(database)
        with pytest.raises(DatabaseUnavailable):
            await holding
    assert database.absence is not None
    assert database.absence.kind is AbsenceKind.FULL
    with pytest.raises(DatabaseFull):
        await database.patient(0.1).there()
    waiting = asyncio.create_task(database.patient().check())
    aside = make_conninfo(database_url, options="-c event_triggers=off")
    async with await psycopg.AsyncConnection.connect(aside, autocommit=True) as connection:
        await connection.execute("DROP EVENT TRIGGER refuse")
    async with asyncio.timeout(LIMIT_S):
        await waiting
    assert database.absence is None
