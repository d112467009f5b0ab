"""The queue on a real PostgreSQL: what is enqueued is done once, whoever dies on the way."""

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from prometheus_client import REGISTRY
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict
from structlog.testing import capture_logs

import metadata_store
import recordings_store
import reports_store
import texts.errors
from datamodels import (
    NewReportRun,
    RecordingId,
    ReportId,
    ReportRun,
    ReportRunId,
    RunStatus,
    ScenarioId,
    Stage,
    UserId,
)
from db import Connection, Database
from errors import (
    DatabaseFull,
    DatabaseUnavailable,
    DiskFull,
    NoSpeech,
    NotFound,
    ObjectStoreUnavailable,
    ProviderRateLimited,
    ProviderUnavailable,
    VoxPersonaError,
)
from jobs.queue import Jobs, queue_of
from jobs.recordings import RecordingSteps
from jobs.reports import ReportSteps
from recordings_factory import add_recording

_LIMIT_S = 30.0

Enqueue = Callable[[Connection, RecordingId], Awaitable[None]]


class Steps(RecordingSteps):
    """Steps that note what they are called for, and go as the test says."""

    def __init__(self) -> None:
        self.done: list[RecordingId] = []
        self.begun: list[RecordingId] = []
        self.cleared: list[RecordingId] = []
        self.proposed: list[RecordingId] = []
        self.failure: Exception | None = None
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def advance(self, recording_id: RecordingId, enqueue_next: Enqueue) -> None:  # noqa: ARG002
        self.begun.append(recording_id)
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure
        self.done.append(recording_id)

    async def propose(self, recording_id: RecordingId) -> None:
        self.proposed.append(recording_id)
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure

    async def clear_spool(self, recording_id: RecordingId) -> None:
        self.cleared.append(recording_id)


class Reports(ReportSteps):
    """Reports that only note that they were written, and go as the test says."""

    def __init__(self) -> None:
        self.begun: list[ReportRunId] = []
        self.written: list[ReportRunId] = []
        self.failure: Exception | None = None
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def write(self, run_id: ReportRunId) -> None:
        self.begun.append(run_id)
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure
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


async def until_begun(steps: Steps) -> None:
    async def begun() -> bool:
        return bool(steps.begun)

    await until(begun)


async def until_none_left(database: Database, recording: RecordingId) -> None:
    async def none_left() -> bool:
        return await statuses(database, recording) == []

    await until(none_left)


@asynccontextmanager
async def working(jobs: Jobs, recordings: Sequence[RecordingId] | None) -> AsyncIterator[asyncio.Task[None]]:
    """A worker on the queues of these recordings, on all when None, that is stopped when the block ends."""
    queues = None if recordings is None else [queue_of(recording) for recording in recordings]
    worker = asyncio.create_task(jobs.run_worker(queues))
    try:
        yield worker
    finally:
        worker.cancel()
        await asyncio.wait([worker])


async def test_an_enqueued_job_is_done_and_leaves_nothing(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    succeeded = {"task": "advance_recording", "status": "succeeded"}
    before = REGISTRY.get_sample_value("voxpersona_jobs_ended_total", succeeded) or 0
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.done == [recording]
    assert REGISTRY.get_sample_value("voxpersona_jobs_ended_total", succeeded) == before + 1


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


@pytest.mark.parametrize("silent", ["1 minute", "-1 hour"], ids=["silent", "died while the clock was ahead"])
async def test_the_job_of_a_dead_worker_is_taken_over(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId, silent: str
) -> None:
    await enqueue(shared_database, jobs, recording)
    await fetch_as_another_worker(shared_database, recording, silent)
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
    async with shared_database.locks.tried(f"subject:{recording}") as held:
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
    async with shared_database.locks.tried(f"subject:{recording}"):
        await fetch_as_another_worker(shared_database, recording)
        worker = working(jobs, [recording, other])
        await worker.__aenter__()
        await until_none_left(shared_database, other)
    await until_none_left(shared_database, recording)
    await worker.__aexit__(None, None, None)
    assert steps.done == [other, recording]


async def test_a_sign_of_life_that_fails_is_followed_by_others(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    signs: list[int] = []

    async def show_life(_: JobManager, worker_id: int) -> None:
        signs.append(worker_id)
        raise ConnectorException

    monkeypatch.setattr(JobManager, "update_heartbeat", show_life)
    async with working(jobs, []):
        async with asyncio.timeout(_LIMIT_S):
            while len(signs) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_stopped_worker_leaves_its_job_to_the_next(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    steps.may_end.clear()
    async with working(jobs, [recording]):
        await until_begun(steps)
    assert await statuses(shared_database, recording) == ["todo"]
    assert await failure(shared_database, recording) == (None, None)

    steps.may_end.set()
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.begun == [recording, recording]
    assert steps.done == [recording]


async def test_who_waits_for_the_end_of_jobs_leaves_none_to_be_done_again(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    steps.may_end.clear()
    async with working(jobs, [recording]):
        await until_begun(steps)
        waiting = asyncio.create_task(jobs.wait_until_noted([queue_of(recording)]))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done, "the job still runs"
        steps.may_end.set()
        await waiting
    assert await statuses(shared_database, recording) == []


async def test_nobody_waits_long_for_the_jobs_of_others(
    shared_database: Database, jobs: Jobs, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    await jobs.wait_until_noted([queue_of(recording)], 0.2)
    assert await statuses(shared_database, recording) == ["todo"]


async def test_an_expected_failure_is_stored_with_its_code_and_sentence(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    steps.failure = NoSpeech(file_name="тишина.ogg")
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert await failure(shared_database, recording) == ("no_speech", NoSpeech(file_name="тишина.ogg").user_text)


async def leaves(database: Database, recording: RecordingId) -> UserId:
    """Have the owner of a recording leave the team; return who it is."""
    query = """
        UPDATE users SET left_at = now() FROM recordings
        WHERE recordings.id = %s AND users.id = owner_id RETURNING users.id
    """
    async with database.transaction() as connection:
        row = await (await connection.execute(query, (recording,))).fetchone()
    assert row is not None
    return UserId(row["id"])


async def both_begun(steps: Steps) -> bool:
    return len(steps.begun) == 2


async def test_what_was_enqueued_as_its_person_left_is_not_begun(
    shared_database: Database, jobs: Jobs, recording: RecordingId, steps: Steps
) -> None:
    await leaves(shared_database, recording)
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert (await failure(shared_database, recording))[0] == "cancelled"
    assert steps.begun == []


async def test_the_work_of_one_who_leaves_ends_and_that_of_others_goes_on(
    shared_database: Database, jobs: Jobs, recording: RecordingId, steps: Steps
) -> None:
    async with shared_database.transaction() as connection:
        other = (await add_recording(connection)).id
    steps.may_end.clear()
    for each in (recording, other):
        await enqueue(shared_database, jobs, each)
    async with working(jobs, [recording, other]):
        await until(partial(both_begun, steps))
        await jobs.end_work_of(await leaves(shared_database, recording))
        await until_none_left(shared_database, recording)
        steps.may_end.set()
        await until_none_left(shared_database, other)
    assert steps.done == [other]
    assert (await failure(shared_database, recording))[0] == "cancelled"


async def test_an_unexpected_failure_is_stored_too_and_is_not_tried_for_ever(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    steps.failure = ZeroDivisionError("what somebody said")
    await enqueue(shared_database, jobs, recording)

    async def failed() -> bool:
        return await statuses(shared_database, recording) == ["failed"]

    async with working(jobs, [recording]):
        await until(failed)
    assert await failure(shared_database, recording) == ("unexpected_failure", texts.errors.UNKNOWN)
    assert steps.begun == [recording]


async def test_a_worker_on_all_queues_does_and_takes_over_whatever_there_is(
    database: Database, steps: Steps, reports: Reports
) -> None:
    jobs = Jobs(database, steps, reports, concurrency=4)
    async with database.transaction() as connection:
        recordings = [(await add_recording(connection)).id for _ in range(3)]
        for recording in recordings:
            await jobs.enqueue_recording(connection, recording)
    await fetch_as_another_worker(database, recordings[0])
    async with working(jobs, None):
        for recording in recordings:
            await until_none_left(database, recording)
    assert sorted(steps.done) == sorted(recordings)


# --- tried again later -----------------------------------------------------------------------------------------------

AN_HOUR_S = 3600.0
OVERLOADED = ProviderRateLimited(provider="llm", retry_after_s=2 * AN_HOUR_S)
UNAVAILABLE = ProviderUnavailable(provider="llm", reason="HTTP 503", retry_after_s=None)


async def retry_in_s(database: Database, table: str, subject: UUID) -> float | None:
    """Seconds until the subject will be tried again; None when it will not."""
    query = sql.SQL("SELECT extract(epoch FROM retry_at - now())::float AS seconds FROM {} WHERE id = %s")
    async with database.transaction() as connection:
        cursor = await connection.execute(query.format(sql.Identifier(table)), (subject,))
        row = await cursor.fetchone()
    assert row is not None
    seconds: float | None = row["seconds"]
    return seconds


def patient(database: Database, steps: Steps, reports: Reports) -> Jobs:
    """Jobs that are tried again at once, and then in an hour."""
    return Jobs(database, steps, reports, concurrency=4, retry_delays_s=(0.0, AN_HOUR_S))


async def until_postponed(database: Database, table: str, subject: UUID) -> None:
    async def postponed() -> bool:
        return (await retry_in_s(database, table, subject) or 0) > AN_HOUR_S / 2

    await until(postponed)


async def test_a_failure_that_may_pass_is_stored_and_tried_again_after_each_delay(
    shared_database: Database, steps: Steps, reports: Reports, recording: RecordingId
) -> None:
    jobs = patient(shared_database, steps, reports)
    steps.failure = UNAVAILABLE
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_postponed(shared_database, "recordings", recording)
    assert steps.begun == [recording, recording]
    assert await failure(shared_database, recording) == ("provider_unavailable", UNAVAILABLE.user_text)
    assert await statuses(shared_database, recording) == ["todo"]


async def test_what_waits_for_a_later_try_runs_at_once_when_it_is_enqueued(
    shared_database: Database, steps: Steps, reports: Reports, recording: RecordingId
) -> None:
    jobs = patient(shared_database, steps, reports)
    steps.failure = UNAVAILABLE
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_postponed(shared_database, "recordings", recording)
        steps.failure = None
        await enqueue(shared_database, jobs, recording)
        assert await failure(shared_database, recording) == (None, None)
        await until_none_left(shared_database, recording)
    assert steps.done == [recording]


async def test_what_is_enqueued_while_a_try_fails_runs_at_once(
    shared_database: Database, steps: Steps, reports: Reports, recording: RecordingId
) -> None:
    jobs = patient(shared_database, steps, reports)
    steps.failure = UNAVAILABLE
    steps.may_end.clear()
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_begun(steps)
        await enqueue(shared_database, jobs, recording)
        steps.may_end.set()
        await until_postponed(shared_database, "recordings", recording)
    assert len(steps.begun) > 1


async def test_the_command_line_does_not_wait_for_what_the_bot_tries_later(
    shared_database: Database, steps: Steps, reports: Reports, recording: RecordingId
) -> None:
    bot = patient(shared_database, steps, reports)
    steps.failure = UNAVAILABLE
    await enqueue(shared_database, bot, recording)
    async with working(bot, [recording]):
        await until_postponed(shared_database, "recordings", recording)
    command = Jobs(shared_database, steps, reports, concurrency=1)
    await enqueue(shared_database, command, recording)
    async with working(command, [recording]):
        await until_none_left(shared_database, recording)
    assert await failure(shared_database, recording) == ("provider_unavailable", UNAVAILABLE.user_text)
    assert await retry_in_s(shared_database, "recordings", recording) is None


async def test_a_provider_that_asks_for_more_time_gets_it(
    shared_database: Database, steps: Steps, reports: Reports, recording: RecordingId
) -> None:
    jobs = Jobs(shared_database, steps, reports, concurrency=1, retry_delays_s=(AN_HOUR_S,))
    steps.failure = OVERLOADED
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_postponed(shared_database, "recordings", recording)
    seconds = await retry_in_s(shared_database, "recordings", recording)
    assert seconds is not None
    assert seconds > 1.5 * AN_HOUR_S


@pytest.mark.parametrize(
    ("error", "delays"),
    [(NoSpeech(file_name="тишина.ogg"), (0.0, AN_HOUR_S)), (UNAVAILABLE, ()), (UNAVAILABLE, (0.0,))],
)
async def test_a_failure_is_final_when_no_try_is_left_or_would_help(
    shared_database: Database,
    steps: Steps,
    reports: Reports,
    recording: RecordingId,
    error: VoxPersonaError,
    delays: Sequence[float],
) -> None:
    jobs = Jobs(shared_database, steps, reports, concurrency=1, retry_delays_s=delays)
    steps.failure = error
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert await failure(shared_database, recording) == (error.code, error.user_text)
    assert await retry_in_s(shared_database, "recordings", recording) is None


@pytest.mark.parametrize(
    "error",
    [
        ObjectStoreUnavailable(reason="cut"),
        DiskFull(path="spool"),
        OSError(errno.EMFILE, "Too many open files"),
        RuntimeError("can't start new thread"),
        MemoryError(),
    ],
)
async def test_what_a_job_stands_on_may_be_away_as_often_as_it_likes(
    shared_database: Database, steps: Steps, reports: Reports, recording: RecordingId, error: Exception
) -> None:
    jobs = Jobs(shared_database, steps, reports, concurrency=1, retry_delays_s=(0.0,))
    steps.failure = error

    async def begun_again_and_again() -> bool:
        return len(steps.begun) > 3

    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until(begun_again_and_again)
        steps.failure = None
        await until_none_left(shared_database, recording)
    assert steps.done == [recording]


_FULL = """
    CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';
    END $$;
    CREATE TRIGGER no_space BEFORE UPDATE OR DELETE ON procrastinate_jobs
        FOR EACH ROW WHEN (OLD.status = 'doing') EXECUTE FUNCTION no_space();
"""


@pytest.mark.parametrize("error", [None, DatabaseFull(path="postgres", reason="could not extend file")])
async def test_the_end_of_a_job_that_the_database_has_no_space_for_is_noted_once_it_has(
    database: Database,
    steps: Steps,
    reports: Reports,
    error: VoxPersonaError | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker lives on, so that nobody would take over a job that it has forgotten."""
    monkeypatch.setattr("jobs.retries._FULL_PAUSE", timedelta(0))
    jobs = Jobs(database, steps, reports, concurrency=2, retry_delays_s=(0.0,))
    async with database.transaction() as connection:
        recording = (await add_recording(connection)).id
        await jobs.enqueue_recording(connection, recording)
    steps.failure, failing = error, error is not None
    steps.may_end.clear()

    async def waits() -> bool:
        return any(line["event"] == "job_end_waits" for line in logs)

    async with working(jobs, [recording]) as worker:
        await until_begun(steps)
        async with database.transaction() as connection:
            await connection.execute(_FULL)
        with capture_logs() as logs:
            steps.may_end.set()
            await until(waits)
        assert not worker.done()
        assert await statuses(database, recording) == ["doing"]
        steps.failure = None
        async with database.transaction() as connection:
            await connection.execute("DROP FUNCTION no_space CASCADE")
        await until_none_left(database, recording)
    assert steps.begun == [recording] * (1 + failing)
    assert await failure(database, recording) == (None, None)


@pytest.fixture
async def run(shared_database: Database, jobs: Jobs, recording: RecordingId) -> ReportRunId:
    """A report that is queued."""
    async with shared_database.transaction() as connection:
        queued = await queue_report(connection, recording)
        await jobs.enqueue_report(connection, recording, queued)
    return queued


async def queue_report(connection: Connection, recording: RecordingId) -> ReportRunId:
    owner = (await recordings_store.get_recording_for_job(connection, recording)).owner_id
    new = NewReportRun(
        recording_id=recording,
        owner_id=owner,
        scenario=ScenarioId("interview"),
        report_id=ReportId("report_int_links"),
        building=None,
        input_hash="input",
        prompt_hash="prompt",
        model="model",
        passes_total=1,
    )
    return (await reports_store.queue_run(connection, new)).id


async def get_run(database: Database, run: ReportRunId) -> ReportRun:
    async with database.transaction() as connection:
        return await reports_store.get_run(connection, run)


async def test_a_report_that_may_pass_later_is_queued_till_then_and_can_be_ordered_again(
    shared_database: Database, steps: Steps, reports: Reports, recording: RecordingId, run: ReportRunId
) -> None:
    jobs = patient(shared_database, steps, reports)
    reports.failure = UNAVAILABLE
    async with working(jobs, [recording]):
        await until_postponed(shared_database, "report_runs", run)
        waiting = await get_run(shared_database, run)
        assert (waiting.status, waiting.error_code) == (RunStatus.QUEUED, "provider_unavailable")
        reports.failure = None
        async with shared_database.transaction() as connection:
            assert await queue_report(connection, recording) == run
            await jobs.enqueue_report(connection, recording, run)
        again = await get_run(shared_database, run)
        assert (again.status, again.error_code) == (RunStatus.QUEUED, None)
        await until_none_left(shared_database, recording)
    assert reports.begun == [run] * 3
    assert reports.written == [run]


async def test_a_report_fails_when_no_try_is_left(
    shared_database: Database, jobs: Jobs, reports: Reports, recording: RecordingId, run: ReportRunId
) -> None:
    reports.failure = UNAVAILABLE
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert (await get_run(shared_database, run)).status is RunStatus.FAILED


# --- cancelled ------------------------------------------------------------------------------------------------------

CANCELLED = ("cancelled", texts.errors.CANCELLED)


async def test_work_that_runs_in_another_worker_is_stopped(
    shared_database: Database, jobs: Jobs, steps: Steps, reports: Reports, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    steps.may_end.clear()
    other = Jobs(shared_database, steps, reports, concurrency=1)
    async with working(jobs, [recording]):
        await until(lambda: happened(steps.begun))
        assert await other.cancel_recording(recording)
        assert await failure(shared_database, recording) == CANCELLED
        await until_none_left(shared_database, recording)
    assert steps.done == []
    assert set(steps.cleared) == {recording}
    assert await failure(shared_database, recording) == CANCELLED


async def happened(what: list[Any]) -> bool:
    return bool(what)


async def test_work_in_a_thread_that_cannot_be_interrupted_is_abandoned(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = Event()

    async def transcribe(recording_id: RecordingId, enqueue_next: Enqueue) -> None:
        steps.begun.append(recording_id)
        await asyncio.to_thread(may_end.wait)
        steps.done.append(recording_id)

    monkeypatch.setattr(steps, "advance", transcribe)
    await enqueue(shared_database, jobs, recording)
    try:
        async with working(jobs, [recording]):
            await until(lambda: happened(steps.begun))
            assert await jobs.cancel_recording(recording)
            await until_none_left(shared_database, recording)
    finally:
        may_end.set()
    assert steps.done == []


async def test_work_that_waits_is_not_begun(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    assert await jobs.cancel_recording(recording)
    assert await statuses(shared_database, recording) == []
    assert steps.cleared == [recording]
    assert not await jobs.cancel_recording(recording)


async def test_cancelled_work_goes_on_when_it_is_enqueued(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    steps.may_end.clear()
    async with working(jobs, [recording]):
        await until(lambda: happened(steps.begun))
        await jobs.cancel_recording(recording)
        await enqueue(shared_database, jobs, recording)
        steps.may_end.set()
        await until_none_left(shared_database, recording)
    assert steps.done == [recording]
    assert await failure(shared_database, recording) == (None, None)


async def test_work_that_waits_for_a_later_try_can_be_cancelled(
    shared_database: Database, steps: Steps, reports: Reports, recording: RecordingId
) -> None:
    jobs = patient(shared_database, steps, reports)
    steps.failure = UNAVAILABLE
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_postponed(shared_database, "recordings", recording)
    assert await jobs.cancel_recording(recording)
    assert await failure(shared_database, recording) == CANCELLED
    assert await retry_in_s(shared_database, "recordings", recording) is None
    assert await statuses(shared_database, recording) == []


async def test_what_is_done_or_has_failed_for_good_is_not_cancelled(
    shared_database: Database, jobs: Jobs, recording: RecordingId
) -> None:
    async with shared_database.transaction() as connection:
        done = await add_recording(connection)
        await recordings_store.set_stage(connection, done, Stage.DONE, 1)
        await recordings_store.record_failure(connection, recording, "no_speech", "Речи нет.")
    assert not await jobs.cancel_recording(done.id)
    assert not await jobs.cancel_recording(recording)
    assert await failure(shared_database, done.id) == (None, None)
    assert await failure(shared_database, recording) == ("no_speech", "Речи нет.")


async def test_a_stopped_worker_puts_nothing_back_that_was_cancelled(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    steps.may_end.clear()
    async with working(jobs, [recording]):
        await until(lambda: happened(steps.begun))
        await jobs.cancel_recording(recording)
    assert "todo" not in await statuses(shared_database, recording)


async def test_a_dead_workers_job_that_was_cancelled_is_not_done(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    await fetch_as_another_worker(shared_database, recording)
    assert await jobs.cancel_recording(recording)

    async def given_up() -> bool:
        return await statuses(shared_database, recording) == ["failed"]

    async with working(jobs, [recording]):
        await until(given_up)
    assert steps.begun == []
    assert await failure(shared_database, recording) == CANCELLED


async def test_reports_that_wait_or_run_are_cancelled_and_others_are_not(
    shared_database: Database, jobs: Jobs, reports: Reports, recording: RecordingId, run: ReportRunId
) -> None:
    reports.may_end.clear()
    async with shared_database.transaction() as connection:
        done = (await add_recording(connection)).id
        finished = await queue_report(connection, done)
        await connection.execute("UPDATE report_runs SET status = 'done' WHERE id = %s", (finished,))
    async with working(jobs, [recording]):
        await until(lambda: happened(reports.begun))
        assert await jobs.cancel_reports([run, finished])
        await until_none_left(shared_database, recording)
    assert not await jobs.cancel_reports([run, finished])
    assert reports.written == []
    cancelled = await get_run(shared_database, run)
    assert (cancelled.status, cancelled.error_code, cancelled.error_text) == (RunStatus.CANCELLED, *CANCELLED)
    assert (await get_run(shared_database, finished)).status is RunStatus.DONE


async def test_a_cancelled_report_can_be_ordered_again(
    shared_database: Database, jobs: Jobs, reports: Reports, recording: RecordingId, run: ReportRunId
) -> None:
    await jobs.cancel_reports([run])
    async with shared_database.transaction() as connection:
        assert await queue_report(connection, recording) == run
        await jobs.enqueue_report(connection, recording, run)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert reports.written == [run]


async def test_a_cancelled_recording_takes_its_waiting_reports_with_it(
    shared_database: Database, jobs: Jobs, recording: RecordingId, run: ReportRunId
) -> None:
    await enqueue(shared_database, jobs, recording)
    assert await jobs.cancel_recording(recording)
    assert (await get_run(shared_database, run)).status is RunStatus.CANCELLED
    assert await statuses(shared_database, recording) == []


async def test_a_failure_after_the_cancellation_is_not_told(
    shared_database: Database, jobs: Jobs, recording: RecordingId, run: ReportRunId
) -> None:
    await jobs.cancel_recording(recording)
    later = datetime.now(UTC)
    async with shared_database.transaction() as connection:
        await recordings_store.record_failure(connection, recording, "no_speech", "Речи нет.")
        await reports_store.fail_run(connection, run, "no_speech", "Речи нет.")
        await reports_store.postpone_run(connection, run, "no_speech", "Речи нет.", later)
        assert not await reports_store.start_run(connection, run)
    assert await failure(shared_database, recording) == CANCELLED
    assert (await get_run(shared_database, run)).status is RunStatus.CANCELLED


async def test_a_failure_of_what_another_worker_finished_is_not_told(
    shared_database: Database, recording: RecordingId, run: ReportRunId
) -> None:
    later = datetime.now(UTC)
    async with shared_database.transaction() as connection:
        await connection.execute("UPDATE recordings SET stage = 'done' WHERE id = %s", (recording,))
        await connection.execute("UPDATE report_runs SET status = 'done' WHERE id = %s", (run,))
        await recordings_store.record_failure(connection, recording, "no_speech", "Речи нет.")
        await reports_store.fail_run(connection, run, "no_speech", "Речи нет.")
        await reports_store.postpone_run(connection, run, "no_speech", "Речи нет.", later)
    assert await failure(shared_database, recording) == (None, None)
    assert (await get_run(shared_database, run)).status is RunStatus.DONE


async def test_nothing_works_on_a_recording_that_is_held(
    shared_database: Database, jobs: Jobs, steps: Steps, reports: Reports, recording: RecordingId, run: ReportRunId
) -> None:
    steps.may_end.clear()
    reports.may_end.clear()
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until(lambda: happened(steps.begun))
        await until(lambda: happened(reports.begun))
        async with jobs.stopped(recording):
            for subject in (recording, run):
                async with shared_database.locks.tried(f"subject:{subject}") as free:
                    assert not free
        await until_none_left(shared_database, recording)
    assert (steps.done, reports.written) == ([], [])


# --- proposals -------------------------------------------------------------------------------------------------------


async def is_proposed(database: Database, recording: RecordingId) -> bool:
    async with database.transaction() as connection:
        query = "SELECT FROM recording_metadata WHERE recording_id = %s AND proposed_at IS NOT NULL"
        return (await connection.execute(query, (recording,))).rowcount == 1


async def enqueue_proposal(database: Database, jobs: Jobs, recording: RecordingId) -> None:
    async with database.transaction() as connection:
        await jobs.enqueue_proposal(connection, recording)


async def test_a_proposal_that_is_ordered_again_has_not_ended_yet(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    async with shared_database.transaction() as connection:
        await metadata_store.set_proposed(connection, recording, proposed=True)
    await enqueue_proposal(shared_database, jobs, recording)
    await enqueue_proposal(shared_database, jobs, recording)
    assert not await is_proposed(shared_database, recording)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert steps.proposed == [recording]


async def test_a_proposal_does_not_wait_for_the_recordings_own_work(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    steps.may_end.clear()
    await enqueue(shared_database, jobs, recording)
    await enqueue_proposal(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until(lambda: happened(steps.begun))
        await until(lambda: happened(steps.proposed))


@pytest.mark.parametrize(
    ("error", "left"), [(ZeroDivisionError("what was said"), ["failed"]), (NotFound(what="recording"), [])]
)
async def test_nobody_waits_for_a_proposal_that_failed_for_good(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId, error: Exception, left: list[str]
) -> None:
    steps.failure = error
    await enqueue_proposal(shared_database, jobs, recording)

    async def ended() -> bool:
        return await statuses(shared_database, recording) == left

    async with working(jobs, [recording]):
        await until(ended)
    assert await is_proposed(shared_database, recording)
    assert await failure(shared_database, recording) == (None, None)


async def test_a_cancelled_recording_still_gets_its_proposal(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    await enqueue(shared_database, jobs, recording)
    await enqueue_proposal(shared_database, jobs, recording)
    await jobs.cancel_recording(recording)
    async with working(jobs, [recording]):
        await until_none_left(shared_database, recording)
    assert (steps.begun, steps.proposed) == ([], [recording])


async def test_a_worker_says_when_the_database_is_gone(database_url: str, postgres_dsn: str) -> None:
    database = await Database.open(database_url, checkout_timeout_s=0.5)
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


async def test_a_job_that_was_put_back_while_it_ran_is_done_again_and_not_removed_by_its_end(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    """As by another worker, which took this one for dead when the database came back."""
    steps.may_end.clear()
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):
        await until_begun(steps)
        async with shared_database.transaction() as connection:
            query = "UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE queue_name = %s"
            await connection.execute(query, (queue_of(recording),))
            await jobs.enqueue_recording(connection, recording)
        steps.may_end.set()

        async def is_done_again() -> bool:
            return len(steps.done) > 1

        await until(is_done_again)
        await until_none_left(shared_database, recording)
    assert await failure(shared_database, recording) == (None, None)


async def test_a_job_that_another_worker_does_by_now_is_not_put_back_by_the_one_that_lost_it(
    shared_database: Database, jobs: Jobs, steps: Steps, recording: RecordingId
) -> None:
    steps.may_end.clear()
    await enqueue(shared_database, jobs, recording)
    query = """
        WITH another AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id)
        UPDATE procrastinate_jobs SET worker_id = another.id FROM another WHERE queue_name = %s
    """
    async with working(jobs, [recording]):
        await until_begun(steps)
        async with shared_database.transaction() as connection:
            await connection.execute(query, (queue_of(recording),))
    async with shared_database.transaction() as connection:
        cursor = await connection.execute(
            "SELECT status FROM procrastinate_jobs WHERE queue_name = %s", (queue_of(recording),)
        )
        assert [row["status"] async for row in cursor] == ["doing"]
        await connection.execute("DELETE FROM procrastinate_jobs WHERE queue_name = %s", (queue_of(recording),))


@pytest.mark.parametrize("lost", [psycopg.OperationalError, psycopg.InterfaceError])
async def test_a_database_that_goes_away_while_the_next_job_is_added_fails_no_job(
    shared_database: Database,
    jobs: Jobs,
    steps: Steps,
    recording: RecordingId,
    monkeypatch: pytest.MonkeyPatch,
    lost: type[Exception],
) -> None:
    defer, losses = JobManager.batch_defer_jobs_async, [lost("server closed the connection")]

    async def lose(manager: JobManager, jobs: list[Job], connection: Connection | None = None) -> list[Job]:
        if losses and steps.begun:
            raise ConnectorException from losses.pop()
        return await defer(manager, jobs, connection)

    async def advance(recording_id: RecordingId, enqueue_next: Enqueue) -> None:
        steps.begun.append(recording_id)
        if len(steps.begun) > 2:
            return
        async with shared_database.transaction() as connection:
            await enqueue_next(connection, recording_id)

    monkeypatch.setattr(JobManager, "batch_defer_jobs_async", lose)
    monkeypatch.setattr(steps, "advance", advance)
    await enqueue(shared_database, jobs, recording)
    async with working(jobs, [recording]):

        async def is_done_again() -> bool:
            return len(steps.begun) > 2

        await until(is_done_again)
        await until_none_left(shared_database, recording)
    assert losses == []
    assert await failure(shared_database, recording) == (None, None)
