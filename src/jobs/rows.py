"""The rows of the job queue, read and changed where procrastinate offers no call for that."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager

from datamodels import RecordingId, UserId, Value
from db import Connection

_DROP_SCHEDULED = """
    DELETE FROM procrastinate_jobs WHERE queueing_lock = %(lock)s AND status = 'todo' AND scheduled_at > now()
"""
_SELECT_BY_LOCKS = """
    SELECT id, lock FROM procrastinate_jobs WHERE lock = ANY(%(locks)s) AND status IN ('todo', 'doing')
"""
_SELECT_BY_QUEUES = """
    SELECT id, lock FROM procrastinate_jobs WHERE queue_name = ANY(%(queues)s) AND status IN ('todo', 'doing')
"""
_SELECT_PLACE = """
    WITH active AS MATERIALIZED (
        SELECT priority, queue_name FROM procrastinate_jobs
        WHERE status IN ('todo', 'doing') AND priority <= 0 AND queue_name ~ '^[0-9a-f]{32}$'
    )
    SELECT coalesce(
        (SELECT max(priority) FROM active WHERE queue_name = %(queue)s),
        least(
            (SELECT max(priority) FROM active),
            (
                SELECT min(priority) - 1
                FROM active JOIN recordings ON recordings.id = queue_name::uuid
                WHERE owner_id = (SELECT owner_id FROM recordings WHERE id = %(recording_id)s)
            )
        ),
        0
    ) AS place
"""
_SELECT_FRONT = """
    SELECT coalesce(max(priority), 0) AS place FROM procrastinate_jobs
    WHERE status IN ('todo', 'doing') AND priority <= 0 AND queue_name ~ '^[0-9a-f]{32}$'
"""
_COUNT_FAILURE = """
    INSERT INTO job_failures (lock, failures) VALUES (%(lock)s, 1)
    ON CONFLICT (lock) DO UPDATE SET failures = job_failures.failures + 1
    RETURNING failures
"""
_FORGET_FAILURES = "DELETE FROM job_failures WHERE lock = ANY(%(locks)s)"


class UnfinishedJob(Value):
    """A job that waits or runs."""

    id: int
    lock: str


def lock_of(subject: UUID) -> str:
    """Return the name of the lock under which a recording or a report run is worked on."""
    return f"subject:{subject}"


def proposal_lock_of(recording_id: RecordingId) -> str:
    """Return the name of the metadata proposal's own lock: metadata and roles can be worked on at the same time."""
    return f"proposal:{recording_id}"


def answers_lock_of(owner: UserId) -> str:
    """Return the name of the lock under which a person's questions are answered one after another."""
    return f"answers:{owner}"


async def drop_scheduled(connection: Connection, lock: str) -> bool:
    """Remove the job of this lock that waits for a later time, so that one without a wait can be enqueued.

    Returns False when there is none.
    """
    return (await connection.execute(_DROP_SCHEDULED, {"lock": lock})).rowcount > 0


async def jobs_of(connection: Connection, locks: Sequence[str]) -> list[UnfinishedJob]:
    """Load the jobs of these locks that wait or run."""
    cursor = await connection.execute(_SELECT_BY_LOCKS, {"locks": list(locks)})
    return [UnfinishedJob.model_validate(row) async for row in cursor]


async def jobs_in(connection: Connection, queues: Sequence[str]) -> list[UnfinishedJob]:
    """Load the jobs of these queues that wait or run."""
    cursor = await connection.execute(_SELECT_BY_QUEUES, {"queues": list(queues)})
    return [UnfinishedJob.model_validate(row) async for row in cursor]


async def stop(manager: JobManager, connection: Connection, jobs: Sequence[UnfinishedJob]) -> None:
    """Remove the jobs that wait, and make workers stop the jobs that run; both happen when the transaction ends."""
    for job in jobs:
        with database_errors():
            await manager.cancel_job_by_id_async(job.id, abort=True, delete_job=True, connection=connection)


@contextmanager
def database_errors() -> Iterator[None]:
    """Raise the database's own error instead of procrastinate's: ``Database`` recognises an absence by it."""
    try:
        yield
    except ConnectorException as exc:
        if isinstance(exc.__cause__, psycopg.OperationalError | psycopg.InterfaceError):
            raise exc.__cause__ from None
        raise


async def place_of(connection: Connection, recording_id: RecordingId) -> int:
    """Return the priority of work on a recording, 0 or less, by start-time fair queuing.

    Work that goes on keeps its priority. New work comes after its owner's earlier work, and never before the foremost
    of all unfinished work: a person's recordings follow one another, and the first recordings of all people are worked
    on side by side.
    https://en.wikipedia.org/wiki/Start-time_fair_queueing
    """
    parameters = {"recording_id": recording_id, "queue": recording_id.hex}
    row = await (await connection.execute(_SELECT_PLACE, parameters)).fetchone()
    return 0 if row is None else int(row["place"])


async def place_in_front(connection: Connection) -> int:
    """Return the priority for work that a person waits for: the highest that work on recordings now has, or 0."""
    row = await (await connection.execute(_SELECT_FRONT)).fetchone()
    return 0 if row is None else int(row["place"])


async def count_failure(connection: Connection, lock: str) -> int:
    """Add one failure to the counter of ``lock``; return the count before that."""
    row = await (await connection.execute(_COUNT_FAILURE, {"lock": lock})).fetchone()
    return 0 if row is None else int(row["failures"]) - 1


async def forget_failures(connection: Connection, locks: Sequence[str]) -> None:
    """Set the counters of failures of these locks to 0."""
    await connection.execute(_FORGET_FAILURES, {"locks": list(locks)})
