"""Durable jobs on PostgreSQL: which recording goes on, which report is written, and who takes over from a dead worker.

A job does one step, commits its result together with the job of the next step, and ends. While it works it holds an
advisory lock of its subject on a connection of its own: the database frees the lock of a killed worker at once, so that
others take its jobs over as soon as its heartbeat stops.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.tasks import Task
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from structlog.contextvars import bound_contextvars

import recordings_store
import reports_store
from datamodels import RecordingId, ReportRunId
from db import Database
from errors import DatabaseUnavailable, UnexpectedFailure, VoxPersonaError
from jobs_recordings import RecordingSteps
from jobs_reports import ReportSteps

log = structlog.get_logger(__name__)

_ABORT_POLLING_S = 2.0
_POLLING_S = 0.5
"""How often is looked for jobs that were put back, and for dead workers."""
_HEARTBEAT_S = 1.0
_SILENCE_S = 3.0
"""The lock alone does not tell a dead worker from one that has just fetched a job, or is about to note its end."""
_STOP_LIMIT_S = 5.0
_DATABASE_RETRY_S = 2

SubjectTask = Task[[str], Awaitable[None], [str]]
"""A task whose one argument is the id of its subject: a recording or a report run."""


def queue_of(recording_id: RecordingId) -> str:
    """The queue of one recording's jobs: a command works on what it was given, not on what others left.

    Short, because procrastinate puts it into the name of a NOTIFY channel, and PostgreSQL takes 63 bytes there.
    """
    return recording_id.hex


class _GoOn(BaseRetryStrategy):
    """A job that was stopped with its worker, or could not note how it ended, waits to be done again."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision()
        if isinstance(exception, DatabaseUnavailable):
            return RetryDecision(retry_in={"seconds": _DATABASE_RETRY_S})
        return None


class Jobs:
    """The queue and its worker."""

    def __init__(self, database: Database, recordings: RecordingSteps, reports: ReportSteps, concurrency: int) -> None:
        self._database = database
        self._recordings = recordings
        self._reports = reports
        self._concurrency = concurrency
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self._advance: SubjectTask = self._app.task(name="advance_recording", retry=_GoOn())(self._advance_recording)
        self._report: SubjectTask = self._app.task(name="write_report", retry=_GoOn())(self._write_report)

    async def enqueue_recording(self, connection: AsyncConnection[DictRow], recording_id: RecordingId) -> None:
        """Add the job that takes the recording on from its stage, unless one is waiting already."""
        await self._enqueue(connection, self._advance, recording_id, recording_id)

    async def enqueue_report(
        self, connection: AsyncConnection[DictRow], recording_id: RecordingId, run_id: ReportRunId
    ) -> None:
        """Add the job that writes the report, unless one is waiting already."""
        await self._enqueue(connection, self._report, recording_id, run_id)

    async def run_worker(self, queues: Sequence[str]) -> None:
        """Work on these queues until cancelled; jobs that run then are left for the next start.

        Raises:
            DatabaseUnavailable: the queue cannot be reached any more.
        """
        try:
            async with self._app.open_async(self._database.pool):
                await self._work(queues)
        except ConnectorException as exc:
            raise DatabaseUnavailable(reason=f"the queue does not answer: {exc.__cause__}") from exc
        # procrastinate stops without an error when it cannot listen any more.
        raise DatabaseUnavailable(reason="the worker has stopped")

    async def _work(self, queues: Sequence[str]) -> None:
        working = asyncio.create_task(
            self._app.run_worker_async(
                queues=queues,
                concurrency=self._concurrency,
                install_signal_handlers=False,
                shutdown_graceful_timeout=0,
                fetch_job_polling_interval=_POLLING_S,
                abort_job_polling_interval=_ABORT_POLLING_S,
                update_heartbeat_interval=_HEARTBEAT_S,
                delete_jobs="successful",
            )
        )
        taking_over = asyncio.create_task(self._take_over_dead_jobs(queues))
        try:
            ended, _ = await asyncio.wait([working, taking_over], return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()
            taking_over.cancel()
            with suppress(TimeoutError):  # without a database the worker cannot sign off
                async with asyncio.timeout(_STOP_LIMIT_S):
                    await asyncio.gather(working, taking_over, return_exceptions=True)
        for task in ended:
            task.result()

    async def _enqueue(
        self,
        connection: AsyncConnection[DictRow],
        task: SubjectTask,
        recording_id: RecordingId,
        subject: UUID,
    ) -> None:
        lock = _lock_of(subject)
        deferrer = task.configure(connection=connection, queue=queue_of(recording_id), lock=lock, queueing_lock=lock)
        try:
            async with connection.transaction():
                await deferrer.defer_async(subject=str(subject))
        except AlreadyEnqueued:
            log.debug("job_waits_already", subject=str(subject))

    async def _take_over_dead_jobs(self, queues: Sequence[str]) -> None:
        """Put back the jobs whose workers died: those give no sign of life, and have let go of their subject."""
        while True:
            for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_SILENCE_S):
                if job.id is None or job.lock is None or job.queue not in queues:
                    continue
                async with self._database.try_advisory_lock(job.lock) as free:
                    if free:
                        await self._put_back(job.id)
            await asyncio.sleep(_POLLING_S)

    async def _put_back(self, job_id: int) -> None:
        manager = self._app.job_manager
        try:
            await manager.retry_job_by_id_async(job_id, retry_at=datetime.now(UTC))
            log.info("job_taken_over", job_id=job_id)
        except UniqueViolation:  # another job of the same subject waits already
            await manager.finish_job_by_id_async(job_id, Status.ABORTED, delete_job=True)
        except ConnectorException as exc:
            log.info("job_not_taken_over", job_id=job_id, reason=str(exc.__cause__))  # it has ended since the look

    async def _advance_recording(self, subject: str) -> None:
        recording_id = RecordingId(UUID(subject))

        async def fail(code: str, text: str) -> None:
            async with self._database.transaction() as connection:
                await recordings_store.record_failure(connection, recording_id, code, text)

        await self._run(recording_id, lambda: self._recordings.advance(recording_id, self.enqueue_recording), fail)

    async def _write_report(self, subject: str) -> None:
        run_id = ReportRunId(UUID(subject))

        async def fail(code: str, text: str) -> None:
            async with self._database.transaction() as connection:
                await reports_store.fail_run(connection, run_id, code, text)

        await self._run(run_id, lambda: self._reports.write(run_id), fail)

    async def _run(
        self, subject: UUID, work: Callable[[], Awaitable[None]], fail: Callable[[str, str], Awaitable[None]]
    ) -> None:
        """The boundary of every job: a failure is stored with its code and its sentence, whatever it was."""
        with bound_contextvars(job=str(subject)):
            # Waits for another worker: its job may be lost with it, and what it did will not be done again here.
            async with self._database.advisory_lock(_lock_of(subject)):
                await self._work_under_lock(work, fail)

    async def _work_under_lock(
        self, work: Callable[[], Awaitable[None]], fail: Callable[[str, str], Awaitable[None]]
    ) -> None:
        try:
            await work()
        except VoxPersonaError as exc:
            log.warning("job_failed", error=exc.code, reason=str(exc))
            await fail(exc.code, exc.user_text)
        except Exception as exc:
            unexpected = UnexpectedFailure(reason=type(exc).__name__)
            await fail(unexpected.code, unexpected.user_text)
            raise


def _lock_of(subject: UUID) -> str:
    return f"subject:{subject}"
