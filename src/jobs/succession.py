"""Jobs of workers that died are taken over; jobs that still run in a process that lost the database are not.

Work holds the advisory lock of its subject on a connection of its own. When the database goes away, the lock is lost
and the work goes on. As soon as the database is back, each process takes the locks of its work again; only after that
are the jobs of dead workers looked for. A job that another process fetches meanwhile waits for the lock, and then finds
its work done.

A process that hangs or is stopped lives, and would hold its locks for ever. After half a minute without a sign of life
they are taken from it. When such a process goes on after all, the clock tells it that it stood still, and it gives up
what somebody else does by now.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

import procrastinate
import structlog
from procrastinate.exceptions import ConnectorException

from db import Database
from errors import DatabaseUnavailable, OutOfResources
from jobs.ongoing import OngoingWork
from jobs.retries import AT_ONCE
from system.clock import steady_s

log = structlog.get_logger(__name__)

SILENCE_S = 3.0
"""A worker that has given no sign of life for this long is dead, or has lost the database."""
HANG_S = 30.0
"""A process whose lock connection has shown no life for this long hangs: its work is taken from it."""
_STANDSTILL_S = HANG_S - 15.0
"""The lock connection shows life every few seconds, so that a process that stood still for less has kept its locks."""
_POLLING_S = 0.5


class Succession:
    """Takes over the jobs of dead workers, and locks the subjects of ``works`` again when the database is back."""

    def __init__(self, app: procrastinate.App, database: Database, works: OngoingWork) -> None:
        self._app = app
        self._database = database
        self._works = works
        self._was_there = False
        self._back_at = -SILENCE_S
        self._held: set[asyncio.Task[None]] = set()
        database.on_back.append(self._hold_again)

    async def run(self, queues: Sequence[str] | None) -> None:
        """Until the database goes away, take over the jobs of dead workers in these queues, in all when None."""
        if self._was_there:
            # Every process has lost its locks; first, the live ones take theirs again.
            await asyncio.sleep(SILENCE_S)
        self._was_there = True
        while True:
            await self._take_over(queues)
            await self._pause()

    async def _pause(self) -> None:
        began_at = steady_s()
        await asyncio.sleep(_POLLING_S)
        stood_still_s = steady_s() - began_at
        if stood_still_s > _STANDSTILL_S:
            log.warning("process_stood_still", seconds=round(stood_still_s))
            for subject in self._works.by_subject:
                if await self._database.is_lost(subject):
                    await self._works.end(subject)

    def _hold_again(self) -> None:
        self._back_at = monotonic()
        for subject, work in self._works.by_subject.items():
            task = asyncio.create_task(self._hold(subject, work))
            self._held.add(task)
            task.add_done_callback(self._held.discard)

    async def _hold(self, subject: str, work: asyncio.Task[None]) -> None:
        """Hold the lock until this work has ended. The next work on the subject takes it by itself."""
        while not work.done() and self._database.absence is None:
            with suppress(DatabaseUnavailable, OutOfResources):
                # Waits for the lock: other processes take it for a moment to see whether it is free.
                async with self._database.advisory_lock(subject):
                    await asyncio.wait([work])
            await asyncio.sleep(_POLLING_S)

    async def _take_over(self, queues: Sequence[str] | None) -> None:
        """Put back the jobs of dead workers, which give no sign of life and no longer hold the lock of the subject."""
        for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENCE_S):
            if monotonic() - self._back_at < SILENCE_S:
                # The database was away while we looked: live workers could give no sign of life.
                return
            if job.id is None or job.lock is None or (queues is not None and job.queue not in queues):
                continue
            async with self._database.try_advisory_lock(job.lock) as free:
                if free:
                    await self._put_back(job.id)
            if not free and await self._database.end_silent_holder(job.lock, HANG_S):
                log.warning("hanging_worker_ended", job_id=job.id)

    async def _put_back(self, job_id: int) -> None:
        try:
            await self._app.job_manager.retry_job_by_id_async(job_id, retry_at=AT_ONCE)
            log.info("job_taken_over", job_id=job_id)
        except ConnectorException as exc:
            log.info("job_not_taken_over", job_id=job_id, reason=str(exc.__cause__))  # it has ended since the look
