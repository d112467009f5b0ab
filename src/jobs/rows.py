"""The queue's rows, where procrastinate has no call that does it."""

from collections.abc import Sequence

from procrastinate.manager import JobManager

from datamodels import Value
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


class UnfinishedJob(Value):
    """A job that waits or runs."""

    id: int
    lock: str


async def drop_scheduled(connection: Connection, lock: str) -> None:
    """Remove the job of this lock that waits for a later time, so that one can be enqueued that does not."""
    await connection.execute(_DROP_SCHEDULED, {"lock": lock})


async def jobs_of(connection: Connection, locks: Sequence[str]) -> list[UnfinishedJob]:
    """Load the jobs of these locks that wait or run."""
    cursor = await connection.execute(_SELECT_BY_LOCKS, {"locks": list(locks)})
    return [UnfinishedJob.model_validate(row) async for row in cursor]


async def jobs_in(connection: Connection, queues: Sequence[str]) -> list[UnfinishedJob]:
    """Load the jobs of these queues that wait or run."""
    cursor = await connection.execute(_SELECT_BY_QUEUES, {"queues": list(queues)})
    return [UnfinishedJob.model_validate(row) async for row in cursor]


async def stop(manager: JobManager, connection: Connection, jobs: Sequence[UnfinishedJob]) -> None:
    """Remove the jobs that wait and, with the end of the transaction, tell the workers of those that run."""
    for job in jobs:
        await manager.cancel_job_by_id_async(job.id, abort=True, delete_job=True, connection=connection)
