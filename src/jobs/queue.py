"""Durable jobs on PostgreSQL: which recording goes on, which report is written, and who takes over from a dead worker.

A job does one step, commits its result together with the job of the next step, and ends. While it works it holds an
advisory lock of its subject on a connection of its own: the database frees the lock of a killed worker at once, so that
others take its jobs over as soon as its heartbeat stops.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Never
from uuid import UUID

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.tasks import Task

import jobs.departed
import jobs.rows
import metadata_store
import recordings_store
import reports_store
from datamodels import RecordingId, ReportRunId, UserId
from datamodels_chats import AnswerId
from db import Connection, Database
from errors import DatabaseUnavailable, OutOfResources, VoxPersonaError
from jobs.chats import AnswerSteps
from jobs.ongoing import OngoingWork
from jobs.recordings import RecordingSteps
from jobs.reports import ReportSteps
from jobs.retries import GoOn, Manager, tried_again_at
from jobs.running import OtherSteps, Runner, is_cancelled
from jobs.succession import Succession
from provider_calls.in_flight import CallsInFlight
from system.ending import looked_at

log = structlog.get_logger(__name__)

_ABORT_POLLING_S = 2.0
_POLLING_S = 0.5
"""Seconds between two checks for jobs that were put back or have become due; new jobs are announced at once."""
_NOTED_POLLING_S = 0.05
_PAUSE_S = 0.5  # before a worker that lost the database begins again
_HEARTBEAT_S = 1.0
"""Seconds between a worker's signs of life. The lock is not enough: a living worker does not hold the lock right after
it has fetched a job, nor right before it notes the job's end."""
_STOP_LIMIT_S = 5.0
_DRAIN_S = 10.0  # in which an orderly stop waits for answers that cost money: the next start would pay again
_ANSWERS_QUEUE = "answers"
_BEFORE_ALL = 1
"""The priority of work that takes seconds: it goes before work that takes minutes."""
_ANSWERS_AT_ONCE = 2
"""How many questions are answered at once. They are answered beside all other work, so that no question waits for a
long recording."""
_SLOW_AT_ONCE = 2
"""How many jobs that wait for a service elsewhere are done at once, beside all other work: they hang when it does."""

SubjectTask = Task[[procrastinate.JobContext, str], Awaitable[None], [str]]
"""A task whose one argument is the id of its subject: a recording, a report run or an answer."""


def queue_of(subject: UUID) -> str:
    """Return the name of the queue of one recording's or research's jobs: a command can work on its own only.

    The name is short: procrastinate makes it part of a NOTIFY channel's name, which has at most 63 bytes in PostgreSQL.
    """
    return subject.hex


class Jobs:
    """The queue and its worker.

    A job that failed for a passing reason is tried once more after each of ``retry_delays_s`` (seconds), or after the
    time that the provider asks for when that is longer; the failure of the last try is final. A failure of our own
    object store or disk uses up no try. Without ``answers`` no questions are answered. A stop waits for ``calls``.
    ``others`` are further kinds of work by the names of their queues.
    """

    def __init__(
        self,
        database: Database,
        recordings: RecordingSteps,
        reports: ReportSteps,
        concurrency: int,
        retry_delays_s: Sequence[float] = (),
        answers: AnswerSteps | None = None,
        calls: CallsInFlight | None = None,
        others: Mapping[str, OtherSteps] = MappingProxyType({}),
    ) -> None:
        self._database = database
        self._calls = calls or CallsInFlight()
        self._answers = answers
        self._recordings = recordings
        self._reports = reports
        self._concurrency = concurrency
        self._works = OngoingWork()
        self.is_working = False  # whether the worker of this process runs
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self._slow = [name for name, steps in others.items() if not steps.is_quick]
        self._app.job_manager = Manager(self._app.connector, apart=self._slow)
        self._succession = Succession(self._app, database)
        self._runner = Runner(database, self._works, self._succession, retry_delays_s)
        self._advance: SubjectTask = self._task("advance_recording", self._advance_recording)
        self._report: SubjectTask = self._task("write_report", self._write_report)
        self._propose: SubjectTask = self._task("propose_metadata", self._propose_metadata)
        self._answer: SubjectTask = self._task("answer_question", self._answer_question)
        self._others = {name: self._task(name, self._other_work(steps)) for name, steps in others.items()}
        self._quick = [name for name, steps in others.items() if steps.is_quick]

    async def enqueue_recording(self, connection: Connection, recording_id: RecordingId) -> None:
        """Add the job that continues the recording from its stage, unless one is waiting already.

        An earlier failure or cancellation is cleared; a job that waits for a later try is brought forward.
        """
        await recordings_store.go_on(connection, recording_id)
        await jobs.rows.forget_failures(connection, [jobs.rows.lock_of(recording_id)])
        await self._enqueue_next(connection, recording_id)

    async def enqueue_report(
        self, connection: Connection, recording_id: RecordingId | None, run_id: ReportRunId
    ) -> None:
        """Add the job that writes a report, of no recording for a research; a job for a later try comes forward."""
        await jobs.rows.forget_failures(connection, [jobs.rows.lock_of(run_id)])
        place = await jobs.rows.place_in_front(connection)
        await self._enqueue(connection, self._report, recording_id or run_id, jobs.rows.lock_of(run_id), run_id, place)

    async def enqueue_proposal(self, connection: Connection, recording_id: RecordingId) -> None:
        """Add the job that proposes the recording's metadata from its transcript, unless one is waiting already.

        Its end is noted in ``recording_metadata.proposed_at``, whether or not there was anything to propose.
        """
        await metadata_store.set_proposed(connection, recording_id, proposed=False)
        lock = jobs.rows.proposal_lock_of(recording_id)
        await jobs.rows.forget_failures(connection, [lock])
        await self._enqueue(connection, self._propose, recording_id, lock, recording_id, _BEFORE_ALL)

    async def enqueue_answer(self, connection: Connection, owner: UserId, answer_id: AnswerId) -> None:
        """Add the job that answers a question; a person's questions are answered one after another."""
        lock, waits = jobs.rows.answers_lock_of(owner), f"answer:{answer_id}"
        deferrer = self._answer.configure(connection=connection, queue=_ANSWERS_QUEUE, lock=lock, queueing_lock=waits)
        with jobs.rows.database_errors():
            await deferrer.defer_async(subject=str(answer_id))

    async def enqueue_other(self, name: str, connection: Connection, id_: UUID) -> None:
        """Add the job of another kind, ``name``, for its subject; one that waits for a later time comes forward."""
        lock = jobs.rows.lock_of(id_)
        deferrer = self._others[name].configure(connection=connection, queue=name, lock=lock, queueing_lock=lock)
        await jobs.rows.drop_scheduled(connection, lock)
        with suppress(AlreadyEnqueued):
            async with connection.transaction():
                with jobs.rows.database_errors():
                    await deferrer.defer_async(subject=str(id_))

    async def cancel_recording(self, recording_id: RecordingId) -> bool:
        """Stop the work on a recording and its unfinished reports, in whichever worker it runs; what is done stays.

        Returns False, doing nothing, when no work on the recording is left to stop.
        """
        async with self._database.transaction() as connection:
            if not await recordings_store.cancel(connection, recording_id):
                return False
            runs = await self._cancel_unfinished_runs(connection, recording_id)
            await self._stop(connection, [recording_id, *runs])
        await self._works.end_unjoined(map(jobs.rows.lock_of, [recording_id, *runs]))
        log.info("recording_cancelled", recording=str(recording_id), reports=len(runs))
        # A job that still runs holds the lock, and clears the spool itself when it ends.
        async with self._database.locks.tried(jobs.rows.lock_of(recording_id)) as free:
            if free:
                await self._recordings.clear_spool(recording_id)
        return True

    async def cancel_reports(self, run_ids: Sequence[ReportRunId]) -> bool:
        """Stop the work on these report runs; the model's answers so far stay. False when all had ended already."""
        async with self._database.transaction() as connection:
            cancelled = await reports_store.cancel_runs(connection, run_ids)
            await self._stop(connection, cancelled)
        await self._works.end_unjoined(map(jobs.rows.lock_of, cancelled))
        log.info("reports_cancelled", reports=len(cancelled))
        return bool(cancelled)

    async def end_work_of(self, owner: UserId) -> None:
        """Stop all work for a person who is not of the team any more; what is done stays."""
        answers = jobs.rows.answers_lock_of(owner)
        async with self._database.transaction() as connection:
            work = await jobs.departed.unfinished_of(connection, owner)
            unfinished = await jobs.rows.jobs_of(connection, [answers])
            await jobs.rows.stop(self._app.job_manager, connection, unfinished)
        await self._works.end_unjoined([answers])
        for recording_id in work.recordings:
            await self.cancel_recording(recording_id)
        if work.runs:
            await self.cancel_reports(work.runs)

    @asynccontextmanager
    async def stopped(self, recording_id: RecordingId) -> AsyncIterator[None]:
        """End all work on a recording, as if cancelled, and keep other work on it from beginning during the block."""
        async with self._database.transaction() as connection:
            await recordings_store.cancel(connection, recording_id)
            await self._cancel_unfinished_runs(connection, recording_id)
            unfinished = await jobs.rows.jobs_in(connection, [queue_of(recording_id)])
            await jobs.rows.stop(self._app.job_manager, connection, unfinished)
            locks = sorted({jobs.rows.lock_of(recording_id), *(job.lock for job in unfinished)})
            await jobs.rows.forget_failures(connection, locks)
        await self._works.end_unjoined(locks)
        async with AsyncExitStack() as held:
            for lock in locks:
                await held.enter_async_context(self._database.locks.held(lock))
            await self._recordings.clear_spool(recording_id)
            yield

    async def run_worker(self, queues: Sequence[str] | None) -> Never:
        """Work on these queues, on all when None, until cancelled. Jobs that still run are left for the next start.

        Jobs that run while the database is away go on, and their results are stored when it is back.

        Raises:
            DatabaseUnavailable: the database was away for longer than ``Database.patient`` allows.
        """
        task = asyncio.current_task()
        try:
            while True:
                try:
                    async with self._app.open_async(self._database.pool):
                        await self._work(queues)
                except (ConnectorException, DatabaseUnavailable, OutOfResources) as exc:
                    log.warning("worker_waits", reason=str(exc.__cause__ or exc))
                if task and task.cancelling():  # an error of the way out took the cancellation's place
                    raise asyncio.CancelledError
                await asyncio.sleep(_PAUSE_S)
                await self._database.there()
        finally:
            await self._calls.drain(_DRAIN_S)
            await self._works.stop()
            self._calls.reopen()

    async def wait_until_noted(self, queues: Sequence[str], limit_s: float = _STOP_LIMIT_S) -> None:
        """Wait until the ends of these queues' jobs are noted, for at most ``limit_s`` seconds.

        For a worker that is going to stop since all results are there: a job that is stopped between its result and
        the note of its end would be done again at the next start. Jobs that take longer belong to another worker.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while await self._database.outlast(lambda: self._are_unfinished(queues)):  # noqa: ASYNC110  # the database has no event of ours
                    await asyncio.sleep(_NOTED_POLLING_S)

    async def _are_unfinished(self, queues: Sequence[str]) -> bool:
        async with self._database.transaction() as connection:
            return bool(await jobs.rows.jobs_in(connection, queues))

    def _task(self, name: str, work: Callable[[procrastinate.JobContext, str], Awaitable[None]]) -> SubjectTask:
        task: SubjectTask = self._app.task(name=name, retry=GoOn(), pass_context=True)(work)
        return task

    async def _cancel_unfinished_runs(self, connection: Connection, recording_id: RecordingId) -> list[ReportRunId]:
        unfinished = await reports_store.list_unfinished(connection, recording_id)
        return await reports_store.cancel_runs(connection, unfinished)

    async def _stop(self, connection: Connection, subjects: Sequence[UUID]) -> None:
        unfinished = await jobs.rows.jobs_of(connection, list(map(jobs.rows.lock_of, subjects)))
        await jobs.rows.stop(self._app.job_manager, connection, unfinished)

    async def _work(self, queues: Sequence[str] | None) -> None:
        working = [self._work_on(queues, self._concurrency), self._succession.run(queues)]
        if queues is None and self._answers is not None:
            working.append(self._work_on([_ANSWERS_QUEUE, *self._quick], _ANSWERS_AT_ONCE))
        if queues is None and self._slow:
            working.append(self._work_on(self._slow, _SLOW_AT_ONCE))
        tasks, self.is_working = [asyncio.create_task(each) for each in working], True
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._calls.drain(_DRAIN_S)
            raise
        finally:
            self.is_working = False
            for task in tasks:
                task.add_done_callback(looked_at)
                task.cancel()
            # Without a database the worker cannot sign off.
            await asyncio.wait(tasks, timeout=_STOP_LIMIT_S)
        for task in ended:
            task.result()

    async def _work_on(self, queues: Sequence[str] | None, concurrency: int) -> None:
        await self._app.run_worker_async(
            queues=queues,  # type: ignore[arg-type]  # its documentation allows None, its type does not
            concurrency=concurrency,
            install_signal_handlers=False,
            shutdown_graceful_timeout=0,
            fetch_job_polling_interval=_POLLING_S,
            abort_job_polling_interval=_ABORT_POLLING_S,
            update_heartbeat_interval=_HEARTBEAT_S,
            delete_jobs="successful",
        )

    async def _enqueue(
        self,
        connection: Connection,
        task: SubjectTask,
        of: UUID,
        lock: str,
        subject: UUID,
        place: int,
    ) -> None:
        deferrer = task.configure(
            connection=connection, queue=queue_of(of), lock=lock, queueing_lock=lock, priority=place
        )
        try:
            async with connection.transaction():
                with jobs.rows.database_errors():
                    await deferrer.defer_async(subject=str(subject))
        except AlreadyEnqueued:
            if not await jobs.rows.drop_scheduled(connection, lock):
                log.debug("job_waits_already", subject=str(subject))
                return
            await self._enqueue(connection, task, of, lock, subject, place)

    async def _advance_recording(self, context: procrastinate.JobContext, subject: str) -> None:
        recording_id = RecordingId(UUID(subject))

        async def fail(error: VoxPersonaError, again_at: datetime | None) -> None:
            async with self._database.transaction() as connection:
                await recordings_store.record_failure(connection, recording_id, error.code, error.user_text, again_at)

        async def work() -> None:
            try:
                await self._recordings.advance(recording_id, self._enqueue_next)
            except asyncio.CancelledError:
                if is_cancelled(context):
                    await self._recordings.clear_spool(recording_id)
                raise

        await self._runner.run(context, jobs.rows.lock_of(recording_id), work, fail)

    async def _enqueue_next(self, connection: Connection, recording_id: RecordingId) -> None:
        lock, place = jobs.rows.lock_of(recording_id), await jobs.rows.place_of(connection, recording_id)
        await self._enqueue(connection, self._advance, recording_id, lock, recording_id, place)

    async def _write_report(self, context: procrastinate.JobContext, subject: str) -> None:
        run_id = ReportRunId(UUID(subject))

        async def fail(error: VoxPersonaError, again_at: datetime | None) -> None:
            async with self._database.transaction() as connection:
                if again_at is None:
                    await reports_store.fail_run(connection, run_id, error.code, error.user_text)
                else:
                    await reports_store.postpone_run(connection, run_id, error.code, error.user_text, again_at)

        await self._runner.run(context, jobs.rows.lock_of(run_id), lambda: self._reports.write(run_id), fail)

    async def _propose_metadata(self, context: procrastinate.JobContext, subject: str) -> None:
        recording_id = RecordingId(UUID(subject))

        async def fail(error: VoxPersonaError, again_at: datetime | None) -> None:  # noqa: ARG001  # it is not shown
            if again_at is None:
                async with self._database.transaction() as connection:
                    await metadata_store.set_proposed(connection, recording_id, proposed=True)

        lock = jobs.rows.proposal_lock_of(recording_id)
        await self._runner.run(context, lock, lambda: self._recordings.propose(recording_id), fail)

    async def _answer_question(self, context: procrastinate.JobContext, subject: str) -> None:
        assert self._answers is not None  # noqa: S101  # whoever can enqueue it has it
        answers, answer_id = self._answers, AnswerId(UUID(subject))

        async def fail(error: VoxPersonaError, again_at: datetime | None) -> None:
            if again_at is None:
                await answers.fail(answer_id, error)

        await self._runner.run(context, str(context.job.lock), lambda: answers.answer(answer_id), fail)

    def _other_work(self, steps: OtherSteps) -> Callable[[procrastinate.JobContext, str], Awaitable[None]]:
        async def work(context: procrastinate.JobContext, subject: str) -> None:
            id_ = UUID(subject)
            again: datetime | None = None

            async def step() -> None:
                nonlocal again
                again = await steps.do(id_)

            await self._runner.run(context, str(context.job.lock), step, partial(steps.fail, id_))
            if again is not None:
                raise tried_again_at(again)

        return work
