"""What runs while the database goes away is left to the process that does it when the database is back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress

import procrastinate
import psycopg
import pytest
from procrastinate.jobs import Job
from psycopg.conninfo import make_conninfo

from database.locks import HeldLock
from db import Database
from errors import DatabaseUnavailable
from jobs.succession import Succession
from tcp_proxy import TcpProxy

SUBJECT = "recording:1"
LIMIT_S = 20.0


@pytest.fixture
async def database(database_url: str, way: TcpProxy) -> AsyncIterator[Database]:
    opened = await Database.open(make_conninfo(database_url, host="127.0.0.1", port=way.port))
    yield opened
    await opened.close()


async def until_lock_is(database: Database, *, free: bool) -> None:
    """Wait for what another process finds when it asks for the lock of the subject."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            async with database.patient().locks.tried(SUBJECT) as found:
                if found is free:
                    return
            await asyncio.sleep(0.05)


async def end_all_connections(database_url: str) -> None:
    """Do to the connections what a server does whose process has crashed, and which goes on at once."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def refuse_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the lock be refused once, as by a server that is full, after it was held once."""
    held, refusals = database.locks.held, iter([False, True])

    def refused(name: str) -> AbstractAsyncContextManager[HeldLock]:
        if next(refusals, False):
            raise DatabaseUnavailable(reason="too many clients")
        return held(name)

    monkeypatch.setattr(database.locks, "held", refused)


@pytest.fixture
def app() -> procrastinate.App:
    return procrastinate.App(connector=procrastinate.PsycopgConnector())


@pytest.fixture
async def another(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


async def locked_work(succession: Succession, subject: str, may_end: asyncio.Event) -> None:
    async with succession.locked(subject):
        await may_end.wait()


@pytest.mark.parametrize("absence", ["known", "too short to be known", "and no connection at first"])
async def test_whoever_lost_its_lock_takes_it_again_when_the_database_is_back(
    app: procrastinate.App,
    database: Database,
    another: Database,
    database_url: str,
    way: TcpProxy,
    monkeypatch: pytest.MonkeyPatch,
    absence: str,
) -> None:
    may_end, gone = asyncio.Event(), asyncio.Event()
    if absence == "and no connection at first":
        refuse_once(database, monkeypatch)
    work = asyncio.create_task(locked_work(Succession(app, database), SUBJECT, may_end))
    await until_lock_is(another, free=False)
    if absence == "too short to be known":
        await end_all_connections(database_url)
    else:
        database.on_back.append(gone.set)
        await way.go_away()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gone.wait(), 2.5)  # in which it is known to be away
        await until_lock_is(another, free=True)
        way.come_back()

    await until_lock_is(another, free=False)
    may_end.set()
    await work
    await until_lock_is(another, free=True)


async def test_work_whose_lock_another_has_by_now_is_given_up(
    app: procrastinate.App, database: Database, another: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.succession._AGAIN_LIMIT_S", 0.5)
    may_end, succession = asyncio.Event(), Succession(app, database)
    works = [asyncio.create_task(locked_work(succession, subject, may_end)) for subject in "ab"]
    taken = AsyncExitStack()
    for subject in "ab":
        async with asyncio.timeout(LIMIT_S):
            while not ((holder := await another.locks.other_holder(subject)) and await another.locks.end(holder)):  # noqa: ASYNC110 - the server has no event of ours
                await asyncio.sleep(0.05)
    await taken.enter_async_context(another.locks.held("a"))
    database.locks.look()
    async with taken:
        done, left = await asyncio.wait(works, timeout=3)
    assert (done, left) == ({works[0]}, {works[1]})
    assert works[0].cancelled()
    may_end.set()
    await works[1]


class Looks:
    """The looks of a process for the jobs of others."""

    def __init__(self, app: procrastinate.App, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stalled: list[Job] = []
        self.put_back: list[int] = []
        self.has_put_back = asyncio.Event()
        self.on_look: Callable[[], None] = lambda: None
        monkeypatch.setattr(app.job_manager, "get_stalled_jobs", self._stalled_jobs)
        monkeypatch.setattr(app.job_manager, "retry_job_by_id_async", self._put_back)

    async def _stalled_jobs(self, **_: float) -> list[Job]:
        self.on_look()
        return self.stalled

    async def _put_back(self, job_id: int, **_: object) -> None:
        self.put_back.append(job_id)
        self.has_put_back.set()

    @asynccontextmanager
    async def of(self, succession: Succession) -> AsyncIterator[None]:
        running = asyncio.create_task(succession.run(None))
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])


@pytest.fixture
def looks(app: procrastinate.App, monkeypatch: pytest.MonkeyPatch) -> Looks:
    monkeypatch.setattr("jobs.succession._POLLING_S", 0.1)
    return Looks(app, monkeypatch)


def job(number: int, lock: str = SUBJECT) -> Job:
    return Job(id=number, queue="q", lock=lock, queueing_lock=None, task_name="t")


async def test_nobody_is_taken_for_dead_by_a_look_during_which_the_database_came_back(
    app: procrastinate.App, database: Database, looks: Looks
) -> None:
    looks.stalled = [job(7)]

    def come_back() -> None:
        for call in database.on_back:
            call()

    looks.on_look = come_back
    async with looks.of(Succession(app, database)):
        await asyncio.sleep(0.3)
    assert looks.put_back == []


@pytest.mark.parametrize("shows", ["life", "none", "none, and its job is another's"])
async def test_the_lock_of_whoever_hangs_is_freed_for_its_job_or_for_another_that_waits(
    app: procrastinate.App,
    database: Database,
    another: Database,
    looks: Looks,
    monkeypatch: pytest.MonkeyPatch,
    shows: str,
) -> None:
    monkeypatch.setattr("jobs.succession.HANG_S", 1.0)
    monkeypatch.setattr("database.locks._LIFE_SIGN_S", 0.2 if shows == "life" else 60.0)
    succession, ended = Succession(app, database), asyncio.Event()
    ended.set()
    async with another.locks.held(SUBJECT) as held, looks.of(succession):
        if shows == "none, and its job is another's":
            async with asyncio.timeout(LIMIT_S):
                await locked_work(succession, SUBJECT, ended)
        else:
            looks.stalled = [job(7)]
            with suppress(TimeoutError):
                await asyncio.wait_for(looks.has_put_back.wait(), 3.0 if shows == "life" else LIMIT_S)
            assert looks.put_back[:1] == ([] if shows == "life" else [7])
        another.locks.look()
        await asyncio.sleep(0.5)
        assert held.lost.is_set() is (shows != "life")


async def test_own_work_whose_job_another_process_thinks_dead_keeps_its_lock(
    app: procrastinate.App, database: Database, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.succession.HANG_S", 0.5)
    looks.stalled = [job(7)]
    async with database.locks.held(SUBJECT) as held, looks.of(Succession(app, database)):
        await asyncio.sleep(2.0)
        database.locks.look()
        await asyncio.sleep(0.5)
        assert not held.lost.is_set()
