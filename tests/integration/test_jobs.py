"""The queue on a real PostgreSQL: what is enqueued is done once, whoever dies on the way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow

import db
import texts_errors
from datamodels import RecordingId, ReportRunId
from db import Database
from errors import DatabaseUnavailable, NoSpeech
from jobs import Jobs, queue_of
from jobs_recordings import RecordingSteps
from jobs_reports import ReportSteps
from recordings_factory import add_recording

_LIMIT_S = 30.0

Enqueue = Callable[[AsyncConnection[DictRow], RecordingId], Awaitable[None]]


class Steps(RecordingSteps):
    """Steps that note what they are called for, and go as the test says."""

    def __init__(self) -> None:
        self.done: list[RecordingId] = []
        self.begun: list[RecordingId] = []
        self.failure: Exception | None = None
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def advance(self, recording_id: RecordingId, enqueue_next: Enqueue) -> None:  # noqa: ARG002
        self.begun.append(recording_id)
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure
        self.done.append(recording_id)


class Reports(ReportSteps):
    """Reports that only note that they were written."""

    def __init__(self) -> None:
        self.written: list[ReportRunId] = []

    async def write(self, run_id: ReportRunId) -> None:
        self.written.append(run_id)


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def jobs(shared_database: Database, steps: Steps, reports: Reports) -> Jobs:
    return Jobs(shared_database, steps, reports, concurrency=4)


@pytest.fixture
async def recording(shared_database: Database) -> RecordingId:
    async with shared_database.transaction() as connection:
        return (await add_recording(connection)).id


async def enqueue(database: Database, jobs: Jobs, recording: RecordingId) -> None:
    async with database.transaction() as connection:
        await jobs.enqueue_recording(connection, recording)


async def statuses(database: Database, recording: RecordingId) -> list[str]:
    """Of the jobs that are there for the recording."""
    query = "SELECT status::text FROM procrastinate_jobs WHERE queue_name = %s ORDER BY id"
    async with database.transaction() as connection:
        rows = await (await connection.execute(query, (queue_of(recording),))).fetchall()
    return [row["status"] for row in rows]


async def failure(database: Database, recording: RecordingId) -> tuple[str | None, str | None]:
    query = "SELECT error_code, error_text FROM recordings WHERE id = %s"
    async with database.transaction() as connection:
        row = await (await connection.execute(query, (recording,))).fetchone()
    assert row is not None
    return row["error_code"], row["error_text"]


async def fetch_as_another_worker(database: Database, recording: RecordingId, silent: str = "1 minute") -> None:
    """Take the job as a worker in another process does that has given no sign of life for a while."""
    query = """
        WITH worker AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval) RETURNING id)
        SELECT (procrastinate_fetch_job_v2(ARRAY[%s]::varchar[], worker.id)).status::text FROM worker
    """
    async with database.transaction() as connection:
        assert await (await connection.execute(query, (silent, queue_of(recording)))).fetchone() == {"status": "doing"}


async def until(there: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_LIMIT_S):
        while not await there():  # noqa: ASYNC110  # the database has no event of ours
            await asyncio.sleep(0.02)


async def until_none_left(database: Database, recording: RecordingId) -> None:
    async def none_left() -> bool:
        return await statuses(database, recording) == []

    await until(none_left)


@asynccontextmanager
async def working(jobs: Jobs, recordings: Sequence[RecordingId]) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that is stopped when the block ends."""
    worker = asyncio.create_task(jobs.run_worker([queue_of(recording) for recording in recordings]))
    try:
        yield worker
    finally:
        worker.cancel()
        await asyncio.wait([worker])


async def test_an_enqueued_job_is_done_and_leaves_nothing(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.done == [recording]


async def test_a_job_whose_transaction_was_rolled_back_never_runs(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    async with shared_database.transaction() as connection, connection.transaction(force_rollback=True):
        await jobs.enqueue_recording(connection, recording)
    async with shared_database.transaction() as connection:
        other = (await add_recording(connection)).id
        await jobs.enqueue_recording(connection, other)
    async with working(jobs, [recording, other]):
        await until_none_left(shared_database, other)
    assert steps.begun == [other]


async def test_what_is_enqueued_twice_waits_once(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    async with shared_database.transaction() as connection:
        await jobs.enqueue_recording(connection, recording)
        await jobs.enqueue_recording(connection, recording)
    await enqueue(shared_database, jobs, recording)
    assert await statuses(shared_database, recording) == ["todo"]
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.done == [recording]


async def test_what_else_a_transaction_did_is_kept_when_a_job_waits_already(
    shared_database: Database, jobs: Jobs, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    async with shared_database.transaction() as connection:
        await connection.execute("UPDATE recordings SET caption = 'новая' WHERE id = %s", (recording,))
        await jobs.enqueue_recording(connection, recording)
    async with shared_database.transaction() as connection:
        row = await (await connection.execute("SELECT caption FROM recordings WHERE id = %s", (recording,))).fetchone()
    assert row == {"caption": "новая"}


async def test_a_worker_leaves_alone_what_is_in_other_queues(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    async with shared_database.transaction() as connection:
        other = (await add_recording(connection)).id
        await jobs.enqueue_recording(connection, other)
        await jobs.enqueue_recording(connection, recording)
    await fetch_as_another_worker(shared_database, other)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.begun == [recording]
    assert await statuses(shared_database, other) == ["doing"]


async def test_the_reports_of_a_recording_are_in_its_queue(
    shared_database: Database, jobs: Jobs, reports: Reports, recording: RecordingId
) -> None:
    run = ReportRunId(uuid4())
    async with shared_database.transaction() as connection:
        await jobs.enqueue_report(connection, recording, run)
        await jobs.enqueue_report(connection, recording, run)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert reports.written == [run]


async def test_the_job_of_a_dead_worker_is_taken_over(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    await fetch_as_another_worker(shared_database, recording)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.done == [recording]


async def test_a_dead_workers_job_is_done_once_when_another_waits(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    await fetch_as_another_worker(shared_database, recording)
    await enqueue(shared_database, jobs, recording)
    assert await statuses(shared_database, recording) == ["doing", "todo"]
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.done == [recording]


async def test_the_job_of_a_living_worker_is_left_to_it_until_it_dies(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    async with shared_database.try_advisory_lock(f"subject:{recording}") as held:
        assert held
        await fetch_as_another_worker(shared_database, recording)
        async with shared_database.transaction() as connection:
            other = (await add_recording(connection)).id
            await jobs.enqueue_recording(connection, other)
        await fetch_as_another_worker(shared_database, other)
        async with working(jobs, [recording, other]):
            # A worker that has taken this one over has also looked at the other.
            await until_none_left(shared_database, other)
            assert steps.begun == [other]
            assert await statuses(shared_database, recording) == ["doing"]

    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.done == [other, recording]


async def test_a_job_that_another_worker_has_only_just_fetched_is_left_to_it(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    await fetch_as_another_worker(shared_database, recording, silent="0 seconds")
    async with shared_database.transaction() as connection:
        other = (await add_recording(connection)).id
        await jobs.enqueue_recording(connection, other)
    await fetch_as_another_worker(shared_database, other)
    async with working(jobs, [recording, other]):
        await until_none_left(shared_database, other)
        assert await statuses(shared_database, recording) == ["doing"]
    assert steps.begun == [other]


async def test_a_worker_notices_that_another_died_while_it_worked(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    async with shared_database.transaction() as connection:
        other = (await add_recording(connection)).id
        await jobs.enqueue_recording(connection, other)
    async with shared_database.try_advisory_lock(f"subject:{recording}"):
        await fetch_as_another_worker(shared_database, recording)
        worker = working(jobs, [recording, other])
        await worker.__aenter__()
        await until_none_left(shared_database, other)
    await until_none_left(shared_database, recording)
    await worker.__aexit__(None, None, None)
    assert steps.done == [other, recording]


async def test_a_stopped_worker_leaves_its_job_to_the_next(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    steps.may_end.clear()

    async def begun() -> bool:
        return bool(steps.begun)

    async with working(jobs, [recording]):
        await until(begun)
    assert await statuses(shared_database, recording) == ["todo"]
    assert await failure(shared_database, recording) == (None, None)

    steps.may_end.set()
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.begun == [recording, recording]
    assert steps.done == [recording]


async def test_an_expected_failure_is_stored_with_its_code_and_sentence(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    steps.failure = NoSpeech(file_name="тишина.ogg")
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert await failure(shared_database, recording) == ("no_speech", NoSpeech(file_name="тишина.ogg").user_text)


async def test_an_unexpected_failure_is_stored_too_and_is_not_tried_for_ever(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    steps.failure = ZeroDivisionError("what somebody said")
    await enqueue(shared_database, jobs, recording)

    async def failed() -> bool:
        return await statuses(shared_database, recording) == ["failed"]

    async with working(jobs, [recording]):
        await until(failed)
    assert await failure(shared_database, recording) == ("unexpected_failure", texts_errors.UNKNOWN)
    assert steps.begun == [recording]


async def test_a_worker_says_when_the_database_is_gone(
    database_url: str, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "_CHECKOUT_TIMEOUT_S", 0.5)
    database = await Database.open(database_url)
    try:
        async with database.transaction() as connection:
            recording = (await add_recording(connection)).id
        async with working(Jobs(database, Steps(), Reports(), concurrency=1), [recording]) as worker:
            await until(lambda: _listening(database))
            await cut_off(postgres_dsn, conninfo_to_dict(database_url)["dbname"])
            with pytest.raises(DatabaseUnavailable):
                await asyncio.wait_for(worker, 2 * _LIMIT_S)
    finally:
        await database.close()


async def _listening(database: Database) -> bool:
    query = (
        "SELECT count(*) AS listeners FROM pg_stat_activity WHERE query ~ '^LISTEN' AND datname = current_database()"
    )
    async with database.transaction() as connection:
        row = await (await connection.execute(query)).fetchone()
    return row is not None and row["listeners"] > 0


async def cut_off(dsn: str, name: Any) -> None:
    """End all connections to the database and let nobody connect again."""
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
