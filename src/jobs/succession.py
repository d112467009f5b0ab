"""Jobs of workers that died or hang are taken over; jobs that still run in a process that lost the database are not.

Work holds the lock of its subject on a connection of its own. When the database goes away, the lock is lost and the
work goes on. As soon as the database is back, each process takes the locks of its work again; only after that are the
jobs of dead workers looked for. A job that another process fetches meanwhile waits for the lock, and then finds its
work done.

A process that hangs, is stopped or cut off does not die, and would hold its locks for ever: they are taken from it when
it has shown no life for half a minute. When it goes on after all, it finds its locks lost, and gives up what another
process does by now. Whatever it still stores is refused where another has got further.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import monotonic

import procrastinate
import structlog
from procrastinate.exceptions import ConnectorException

from database.locks import HeldLock, Holder
from db import Database
from errors import DatabaseUnavailable, OutOfResources
from jobs.retries import AT_ONCE
from system.ending import end_tasks

log = structlog.get_logger(__name__)

SILENCE_S = 3.0
"""A worker that has given no sign of life for this long is dead, or has lost the database."""
HANG_S = 30.0
"""A process that holds a lock and has shown no life for this long hangs."""
_POLLING_S = 0.5
_AGAIN_LIMIT_S = 5.0
"""Seconds to wait for a lost lock: others take it for a moment to see whether it is free, or to do its work."""


class Succession:
    """Takes over the jobs of dead and hanging workers, and holds the locks of this process's work."""

    def __init__(self, app: procrastinate.App, database: Database) -> None:
        self._app = app
        self._database = database
        self._was_there = False
        self._back_at = -SILENCE_S
        self._silent: dict[str, tuple[Holder, int]] = {}
        database.on_back.append(self._note_back)

    @asynccontextmanager
    async def locked(self, subject: str) -> AsyncIterator[None]:
        """Wait for the lock of a subject and hold it during the block, which is cancelled when another takes the lock.

        Raises:
            DatabaseUnavailable, OutOfResources: no connection.
        """
        work = asyncio.current_task()
        async with self._database.locks.held(subject) as held:
            keeping = asyncio.create_task(self._keep(subject, held, work))
            try:
                yield
            finally:
                await end_tasks([keeping])

    async def run(self, queues: Sequence[str] | None) -> None:
        """Until the database goes away, take over the jobs of dead workers in these queues, in all when None."""
        if self._was_there:
            # Every process has lost its locks; first, the live ones take theirs again.
            await asyncio.sleep(SILENCE_S)
        self._was_there = True
        self._silent.clear()
        while True:
            try:
                await self._take_over(queues)
            except (ConnectorException, DatabaseUnavailable, OutOfResources) as exc:
                if self._database.absence is not None:
                    raise
                # Where time is short, a connection may come too late: no cause to end all work.
                log.info("look_broke_off", reason=str(exc.__cause__ or exc))
            await asyncio.sleep(_POLLING_S)

    def _note_back(self) -> None:
        self._back_at = monotonic()

    async def _keep(self, subject: str, held: HeldLock, work: asyncio.Task[object] | None) -> None:
        """Take the lock again whenever it is lost; cancel the work when another process holds it by now."""
        async with AsyncExitStack() as again:
            while True:
                await held.lost.wait()
                await self._database.patient().there()
                with suppress(DatabaseUnavailable, OutOfResources):
                    try:
                        async with asyncio.timeout(_AGAIN_LIMIT_S):
                            held = await again.enter_async_context(self._database.locks.held(subject))
                    except TimeoutError:
                        log.warning("work_given_up", subject=subject)
                        if work is not None:
                            work.cancel()
                        return
                    continue
                await asyncio.sleep(_POLLING_S)

    async def _take_over(self, queues: Sequence[str] | None) -> None:
        """Put back the jobs of dead workers, which give no sign of life and no longer hold the lock of the subject."""
        held: set[str] = set(self._database.locks.waited_for)
        for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENCE_S):
            if monotonic() - self._back_at < SILENCE_S:
                # The database was away while we looked: live workers could give no sign of life.
                return
            if job.id is None or job.lock is None or (queues is not None and job.queue not in queues):
                continue
            async with self._database.locks.tried(job.lock) as free:
                if free:
                    await self._put_back(job.id)
                else:
                    held.add(job.lock)
        self._silent = {lock: found for lock in held if (found := await self._silence(lock)) is not None}

    async def _silence(self, lock: str) -> tuple[Holder, int] | None:
        """Count the looks since the holder of a lock last showed life; end a holder that hangs.

        Looks are counted and not seconds: clocks are set, and stand while the machine or this process does.
        """
        holder = await self._database.locks.other_holder(lock)
        if holder is None:
            return None
        known, looks = self._silent.get(lock, (None, 0))
        looks = looks + 1 if known == holder else 0
        if looks * _POLLING_S >= HANG_S and await self._database.locks.end(holder):
            log.warning("hanging_worker_ended", lock=lock)
        return holder, looks

    async def _put_back(self, job_id: int) -> None:
        try:
            await self._app.job_manager.retry_job_by_id_async(job_id, retry_at=AT_ONCE)
            log.info("job_taken_over", job_id=job_id)
        except ConnectorException as exc:
            log.info("job_not_taken_over", job_id=job_id, reason=str(exc.__cause__))  # it has ended since the look
