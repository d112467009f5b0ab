"""What runs while the database goes away is left to the process that does it when the database is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import count

import procrastinate
import psycopg
import pytest
from procrastinate.jobs import Job
from psycopg.conninfo import make_conninfo

from db import Database
from errors import DatabaseUnavailable
from jobs.ongoing import OngoingWork
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
            async with database.patient().try_advisory_lock(SUBJECT) as found:
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
    lock, refusals = database.advisory_lock, iter(range(1))

    def refused(name: str) -> AbstractAsyncContextManager[None]:
        if next(refusals, None) is not None:
            raise DatabaseUnavailable(reason="too many clients")
        return lock(name)

    monkeypatch.setattr(database, "advisory_lock", refused)


@pytest.mark.parametrize("absence", ["known", "too short to be known", "and no connection at first"])
async def test_whoever_works_without_its_lock_takes_it_again_when_the_database_is_back(
    database: Database, database_url: str, way: TcpProxy, monkeypatch: pytest.MonkeyPatch, absence: str
) -> None:
    may_end, gone = asyncio.Event(), asyncio.Event()
    another = await Database.open(database_url)
    works = OngoingWork()
    Succession(procrastinate.App(connector=procrastinate.PsycopgConnector()), database, works)

    async def work() -> None:
        await may_end.wait()

    job = asyncio.create_task(works.join(SUBJECT, work))
    try:
        await asyncio.sleep(0)
        await until_lock_is(another, free=True)
        if absence == "and no connection at first":
            refuse_once(database, monkeypatch)
        if absence == "too short to be known":
            await end_all_connections(database_url)
        else:
            database.on_back.append(gone.set)
            await way.go_away()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(gone.wait(), 2.5)  # in which it is known to be away
            way.come_back()

        await until_lock_is(another, free=False)
        may_end.set()
        await until_lock_is(another, free=True)
    finally:
        may_end.set()
        await asyncio.gather(job, return_exceptions=True)
        await another.close()


async def test_the_next_work_on_a_subject_does_not_wait_for_whoever_held_the_lock_of_the_last(
    database: Database,
) -> None:
    """As of a recording's stages, when a connection ended that did not hold the lock."""
    works = OngoingWork()
    Succession(procrastinate.App(connector=procrastinate.PsycopgConnector()), database, works)
    begun: list[int] = []

    async def stage() -> None:
        async with database.advisory_lock(SUBJECT):
            begun.append(len(begun))
            if len(begun) == 1:
                for call in database.on_back:
                    call()
            await asyncio.sleep(0.7)

    async with asyncio.timeout(LIMIT_S):
        for _ in range(3):
            await works.join(SUBJECT, stage)
    assert begun == [0, 1, 2]


async def test_nobody_is_taken_for_dead_by_a_look_during_which_the_database_came_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())
    succession = Succession(app, database, OngoingWork())
    put_back: list[int] = []

    async def stalled(**_: float) -> list[Job]:
        for call in database.on_back:
            call()
        return [Job(id=7, queue="q", lock=SUBJECT, queueing_lock=None, task_name="t")]

    async def noted(job_id: int, **_: object) -> None:
        put_back.append(job_id)

    monkeypatch.setattr(app.job_manager, "get_stalled_jobs", stalled)
    monkeypatch.setattr(app.job_manager, "retry_job_by_id_async", noted)
    running = asyncio.create_task(succession.run(None))
    await asyncio.sleep(0.3)
    running.cancel()
    await asyncio.wait([running])
    assert put_back == []


async def test_a_process_that_stood_still_gives_up_only_what_another_does_by_now(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    another, works = await Database.open(database_url), OngoingWork()
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())
    succession = Succession(app, database, works)

    async def none_stalled(**_: float) -> list[Job]:
        return []

    async def work(subject: str) -> None:
        async with database.advisory_lock(subject):
            await asyncio.Event().wait()

    monkeypatch.setattr(app.job_manager, "get_stalled_jobs", none_stalled)
    jobs = [asyncio.create_task(works.join(subject, partial(work, subject))) for subject in "ab"]
    watching = asyncio.create_task(succession.run(None))
    try:
        await asyncio.sleep(1)
        assert await another.end_silent_holder("a", 0.0)
        async with another.advisory_lock("a"):
            monkeypatch.setattr("jobs.succession.steady_s", count(0, 31).__next__)
            done, left = await asyncio.wait(jobs, timeout=3)
        assert (done, left) == ({jobs[0]}, {jobs[1]})
        assert jobs[0].cancelled()
    finally:
        watching.cancel()
        await works.stop()
        await asyncio.gather(watching, *jobs, return_exceptions=True)
        await another.close()
