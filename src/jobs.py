"""Durable jobs on PostgreSQL: which recording goes on, which report is written, and who takes over from a dead worker.

A job does one step, commits its result together with the job of the next step, and ends. While it works it holds an
advisory lock of its subject on a connection of its own: the database frees the lock of a killed worker at once, so that
the next start takes its jobs over without waiting for a heartbeat to grow old.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.tasks import Task
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from structlog.contextvars import bound_contextvars

import recordings_store
import reports_store
from datamodels import RecordingId, ReportRunId
from db import Database
from errors import UnexpectedFailure, VoxPersonaError
from jobs_recordings import RecordingSteps
from jobs_reports import ReportSteps

log = structlog.get_logger(__name__)

_ABORT_POLLING_S = 2.0

SubjectTask = Task[[str], Awaitable[None], [str]]
"""A task whose one argument is the id of its subject: a recording or a report run."""


def queue_of(recording_id: RecordingId) -> str:
    """The queue of one recording's jobs: a command works on what it was given, not on what others left.

    Short, because procrastinate puts it into the name of a NOTIFY channel, and PostgreSQL takes 63 bytes there.
    """
    return recording_id.hex


class Jobs:
    """The queue and its worker."""

    def __init__(self, database: Database, recordings: RecordingSteps, reports: ReportSteps, concurrency: int) -> None:
        self._database = database
        self._recordings = recordings
        self._reports = reports
        self._concurrency = concurrency
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self._advance: SubjectTask = self._app.task(name="advance_recording")(self._advance_recording)
        self._report: SubjectTask = self._app.task(name="write_report")(self._write_report)

    async def enqueue_recording(self, connection: AsyncConnection[DictRow], recording_id: RecordingId) -> None:
        """Add the job that takes the recording on from its stage, unless one is waiting already."""
        await self._enqueue(connection, self._advance, recording_id, recording_id)

    async def enqueue_report(
        self, connection: AsyncConnection[DictRow], recording_id: RecordingId, run_id: ReportRunId
    ) -> None:
        """Add the job that writes the report, unless one is waiting already."""
        await self._enqueue(connection, self._report, recording_id, run_id)

    async def run_worker(self, queues: Sequence[str]) -> None:
        """Work on these queues until cancelled; jobs that run then are left for the next start."""
        async with self._app.open_async(self._database.pool):
            await self._take_over_dead_jobs(queues)
            await self._app.run_worker_async(
                queues=queues,
                concurrency=self._concurrency,
                install_signal_handlers=False,
                shutdown_graceful_timeout=0,
                abort_job_polling_interval=_ABORT_POLLING_S,
                delete_jobs="successful",
            )

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
        for job in await self._app.job_manager.list_jobs_async(status=Status.DOING.value):
            if job.id is None or job.lock is None or job.queue not in queues:
                continue
            async with self._database.try_advisory_lock(job.lock) as free:
                if free:
                    log.info("job_taken_over", job_id=job.id, task=job.task_name)
                    await self._put_back(job.id)

    async def _put_back(self, job_id: int) -> None:
        manager = self._app.job_manager
        try:
            await manager.retry_job_by_id_async(job_id, retry_at=datetime.now(UTC))
        except UniqueViolation:  # another job of the same subject waits already
            await manager.finish_job_by_id_async(job_id, Status.ABORTED, delete_job=True)

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
            async with self._database.try_advisory_lock(_lock_of(subject)) as free:
                if not free:
                    log.info("job_has_a_worker")
                    return
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
