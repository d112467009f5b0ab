"""Whether and when a job that failed or was stopped runs again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import structlog
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from errors import (
    DatabaseFull,
    DatabaseUnavailable,
    ObjectDamaged,
    ObjectStoreRefusedKey,
    ObjectStoreUnavailable,
    OutOfResources,
    VoxPersonaError,
)
from errors_of_operation import LimitReached
from jobs.clock import DatabaseClock
from metrics import JOBS_ENDED

log = structlog.get_logger(__name__)

_SPACE_PAUSE_S = 1.0
_FULL_PAUSE = timedelta(seconds=30)
_LISTEN_PAUSE_S = 1.0
_LIMIT_PAUSE = timedelta(hours=1)
"""How often work looks for room in its owner's limits; a raised limit has it go on at once."""
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
"""The due time of a job that was put back, past by any clock: ours may be ahead of the database's."""
_LONGEST_DELAY_S = 24 * 3600.0
"""The longest wait, in seconds, that a provider can ask for; one that asks for more may have meant another unit."""


def is_ours(error: VoxPersonaError) -> bool:
    """Tell whether a failure comes from the installation's own object store or machine, and not from the job.

    Such a failure uses up no try: the job can run as soon as the cause is gone. It is final only where failed jobs are
    never tried again. Damaged objects and refused keys do not count: they stay as they are.
    """
    stays = isinstance(error, ObjectDamaged | ObjectStoreRefusedKey)
    return isinstance(error, ObjectStoreUnavailable | OutOfResources) and not stays


class _TryLater(Exception):
    """Tells ``GoOn``, in this module, that a job failed and is to run again at ``retry_at``."""

    def __init__(self, retry_at: datetime) -> None:
        super().__init__(f"at {retry_at:%H:%M:%S}")
        self.retry_at = retry_at


def tried_again_at(retry_at: datetime) -> Exception:
    """Return the exception that makes procrastinate run a job again at ``retry_at``."""
    return _TryLater(retry_at)


class GoOn(BaseRetryStrategy):
    """Makes procrastinate rerun a job when its worker stopped, the database was lost or ``_TryLater`` was raised."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        if isinstance(exception, DatabaseFull):
            # A full database answers: waiting for its return would make the job prepare its recording again and again.
            return RetryDecision(retry_at=datetime.now(UTC) + _FULL_PAUSE)
        if isinstance(exception, asyncio.CancelledError | DatabaseUnavailable):
            return RetryDecision(retry_at=AT_ONCE)
        if isinstance(exception, _TryLater):
            return RetryDecision(retry_at=exception.retry_at)
        return None


_MINE = """
    WITH mine AS (
        SELECT id FROM procrastinate_jobs
        WHERE id = %(job_id)s AND status = 'doing'
            AND (worker_id IS NULL OR worker_id = coalesce(%(worker_id)s, worker_id))
        FOR UPDATE
    )
"""
_FINISH = f"{_MINE} SELECT procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s) FROM mine"  # noqa: S608 - of constants
# By the clock of the database, which all workers share.
_RETRY = f"""
    {_MINE}
    SELECT procrastinate_retry_job_v2(
        id, coalesce(now() + make_interval(secs => %(waits_s)s), %(at_once)s), %(priority)s, %(queue)s, %(lock)s
    ) FROM mine
"""  # noqa: S608


# A worker on all queues names those that have something to do.
_FETCH_OF_OTHERS = """
    SELECT * FROM procrastinate_fetch_job_v2(
        ARRAY(
            SELECT DISTINCT queue_name FROM procrastinate_jobs
            WHERE status = 'todo' AND queue_name <> ALL(%(apart)s) AND (scheduled_at IS NULL OR scheduled_at <= now())
        ),
        %(worker_id)s
    )
"""


async def _once_there_is_space(write: Callable[[], Awaitable[None]]) -> None:
    """Do ``write``, and do it again for as long as the database has no space for it."""
    while True:
        try:
            return await write()
        except ConnectorException as exc:
            if not isinstance(exc.__cause__, psycopg.errors.DiskFull):
                raise
            log.warning("job_end_waits", reason=str(exc.__cause__))
        await asyncio.sleep(_SPACE_PAUSE_S)


class Manager(JobManager):
    """A job manager for jobs that are to run again while another job of the same subject waits already.

    procrastinate alone would leave the first job in "doing", whose lock holds up the other job for ever. And when a job
    ends that was put back meanwhile, procrastinate would remove it, although callers were told that it waits.
    When the database has no space for a job's end, a worker that lives would leave the job in "doing", too. Whoever
    looks for jobs of dead workers first looks at the clock. A worker on all queues leaves out those ``apart``.
    A worker that fails once to show life or to listen would never do so again.
    """

    def __init__(self, connector: BaseConnector, apart: Sequence[str] = ()) -> None:
        super().__init__(connector)
        self._apart = list(apart)
        self._clock = DatabaseClock(connector)

    async def get_stalled_jobs(self, *args: Any, **options: Any) -> Iterable[Job]:
        await self._clock.look()
        return await super().get_stalled_jobs(*args, **options)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Show life; when that fails, the next sign of life follows soon."""
        try:
            await super().update_heartbeat(worker_id)
        except ConnectorException as exc:
            log.info("no_sign_of_life", worker=worker_id, reason=str(exc.__cause__))

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Tell of new and cancelled jobs until cancelled; what comes while nobody can listen is found by looking."""
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except (ConnectorException, OSError, RuntimeError) as exc:  # the last: no thread to look the host up in
                log.debug("listens_again", reason=str(exc.__cause__ or exc))
            await asyncio.sleep(_LISTEN_PAUSE_S)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        if queues is not None:
            return await super().fetch_job(queues, worker_id)
        row = await self.connector.execute_query_one_async(_FETCH_OF_OTHERS, apart=self._apart, worker_id=worker_id)
        return None if row["id"] is None else Job.from_row(row)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End a job, unless its worker was thought dead and lost the job: then another worker does the job again."""

        async def finish() -> None:
            ended = await self.connector.execute_query_all_async(
                _FINISH, job_id=job.id, worker_id=job.worker_id, status=status.value, delete_job=delete_job
            )
            if ended:
                JOBS_ENDED.labels(job.task_name, status.value).inc()

        await _once_there_is_space(finish)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Make a job run again at ``retry_at``, unless its worker lost the job: another one does it by now.

        It is removed when another job of its subject waits already.
        """
        waits_s = None if retry_at in {None, AT_ONCE} else (retry_at - datetime.now(UTC)).total_seconds()

        async def put_back() -> None:
            try:
                await self.connector.execute_query_all_async(
                    _RETRY,
                    job_id=job.id,
                    worker_id=job.worker_id,
                    waits_s=waits_s,
                    at_once=AT_ONCE,
                    priority=priority,
                    queue=queue,
                    lock=lock,
                )
            except UniqueViolation:
                await self.finish_job(job, Status.ABORTED, delete_job=True)

        await _once_there_is_space(put_back)

    async def retry_job_by_id_async(
        self,
        job_id: int,
        retry_at: datetime,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Make a job run again at ``retry_at``; remove it when another job of its subject waits already."""

        async def put_back() -> None:
            try:
                await super(Manager, self).retry_job_by_id_async(job_id, retry_at, priority, queue, lock)
            except UniqueViolation:
                await self.finish_job_by_id_async(job_id, Status.ABORTED, delete_job=True)

        await _once_there_is_space(put_back)


def retry_at(error: VoxPersonaError, failures: int, delays_s: Sequence[float]) -> datetime | None:
    """Return when to run again a job that failed with ``error`` now and ``failures`` times before.

    None when trying again does not help, or ``delays_s`` (seconds) are used up. A wait that the provider asked for, a
    day at most, replaces a shorter delay. A failure that ``is_ours`` is tried again after the first delay, however
    often it happens. What waits for its owner's limits looks once an hour.
    """
    if isinstance(error, LimitReached) and delays_s:
        until = error.details.get("retry_after_s")
        left = timedelta(seconds=until) if isinstance(until, int) else _LIMIT_PAUSE
        return datetime.now(UTC) + min(_LIMIT_PAUSE, left)
    if is_ours(error) and delays_s:
        return datetime.now(UTC) + timedelta(seconds=delays_s[0])
    if not error.retryable or failures >= len(delays_s):
        return None
    asked = error.details.get("retry_after_s")
    wanted_s = min(asked, _LONGEST_DELAY_S) if isinstance(asked, int | float) else 0.0
    delay_s = max(delays_s[failures], wanted_s)
    return datetime.now(UTC) + timedelta(seconds=delay_s)
