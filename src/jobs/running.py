"""Runs jobs: each under the lock of its subject, its failure stored, and tried again when it may pass."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import procrastinate
import structlog
from procrastinate.job_context import AbortReason
from structlog.contextvars import bound_contextvars

import jobs.departed
import jobs.rows
from db import Database
from errors import Cancelled, DatabaseUnavailable, UnexpectedFailure, VoxPersonaError
from errors_of_operation import LimitReached
from jobs.ongoing import OngoingWork
from jobs.retries import is_ours, retry_at, tried_again_at
from jobs.succession import Succession

log = structlog.get_logger(__name__)

_DATABASE_PAUSE_S = 2.0
"""Seconds before a job that lost the database is put back."""

Fail = Callable[[VoxPersonaError, datetime | None], Awaitable[None]]
"""Stores a failure and the time of the next try; None when the job will not be tried again by itself."""


class OtherSteps(Protocol):
    """A kind of work beside recordings, reports and answers, known by the id of its subject.

    Work that ``is_quick`` takes seconds while a person waits: it is done beside all other work, too. Work that is not
    waits for a service elsewhere: it has a few places of its own, and takes none from recordings.
    """

    is_quick: bool

    async def do(self, id_: UUID) -> datetime | None:
        """Do the work, or a part of it; return when it goes on or is looked at again, None when it is over."""
        ...

    async def fail(self, id_: UUID, error: VoxPersonaError, again_at: datetime | None) -> None:
        """Store a failure, as ``Fail`` does."""
        ...


class Runner:
    """Runs the jobs of one process; the rest is as in ``Jobs``."""

    def __init__(
        self, database: Database, works: OngoingWork, succession: Succession, retry_delays_s: Sequence[float]
    ) -> None:
        self._database = database
        self._works = works
        self._succession = succession
        self._retry_delays_s = retry_delays_s

    async def run(
        self, context: procrastinate.JobContext, lock: str, work: Callable[[], Awaitable[None]], fail: Fail
    ) -> None:
        """Run a job. Store the code of a failure and its sentence for people, unless the database was away."""
        with bound_contextvars(job=lock):
            try:
                if await self._has_left(context):
                    # Such work was added as the person left.
                    await fail(Cancelled(), None)
                    return
                await self._tried(lock, lambda: self._works.join(lock, lambda: self._locked(lock, work)), fail)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not is_cancelled(context) or task is None:
                    raise
                await self._works.end(lock)
                # The job has ended as it should; only a worker that stops shall put it back.
                task.uncancel()
                log.info("job_cancelled")

    async def _has_left(self, context: procrastinate.JobContext) -> bool:
        async with self._database.transaction() as connection:
            return await jobs.departed.has_left(connection, UUID(str(context.job.task_kwargs["subject"])))

    async def _locked(self, lock: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work under its lock. The lock is held until the work ends, which may be after the job has ended."""
        # Waits while another worker holds the lock: that worker may die, and what it finished is not done again here.
        async with self._succession.locked(lock):
            await work()

    async def _tried(self, lock: str, work: Callable[[], Awaitable[None]], fail: Fail) -> None:
        try:
            await work()
            await self._forget_failures(lock)
        except DatabaseUnavailable:
            # It failed through no fault of its own; the job is done again when the database is back.
            await asyncio.sleep(_DATABASE_PAUSE_S)
            raise
        except VoxPersonaError as exc:
            again_at = retry_at(exc, await self._failures_before(lock, exc), self._retry_delays_s)
            log.warning("job_failed", error=exc.code, reason=str(exc), retry_at=again_at and again_at.isoformat())
            await fail(exc, again_at)
            if again_at is not None:
                raise tried_again_at(again_at) from exc
            await self._forget_failures(lock)
        except Exception as exc:
            await fail(UnexpectedFailure(reason=type(exc).__name__), None)
            raise

    async def _failures_before(self, lock: str, failure: VoxPersonaError) -> int:
        if not failure.retryable or isinstance(failure, LimitReached) or is_ours(failure) or not self._retry_delays_s:
            return 0
        async with self._database.transaction() as connection:
            return await jobs.rows.count_failure(connection, lock)

    async def _forget_failures(self, lock: str) -> None:
        if self._retry_delays_s:
            async with self._database.transaction() as connection:
                await jobs.rows.forget_failures(connection, [lock])


def is_cancelled(context: procrastinate.JobContext) -> bool:
    """Tell whether a person stopped the job; otherwise it stops with its worker."""
    return context.abort_reason() is AbortReason.USER_REQUEST
