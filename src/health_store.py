"""What the database itself tells about its own state and about the job queue."""

from datamodels import Value
from db import Connection

_IS_READ_ONLY = "SELECT current_setting('transaction_read_only') = 'on' AS read_only"
_SELECT_WORKERS = """
    SELECT count(*) AS workers FROM procrastinate_workers
    WHERE last_heartbeat >= clock_timestamp() - make_interval(secs => %(limit_s)s)
"""
_SELECT_QUEUE = """
    SELECT
        count(*) FILTER (WHERE status = 'doing') AS running,
        count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at <= now(), true)) AS waiting,
        count(*) FILTER (WHERE status = 'todo' AND scheduled_at > now()) AS postponed
    FROM procrastinate_jobs WHERE status IN ('todo', 'doing')
"""


class QueueSizes(Value):
    """How many jobs run, wait to be fetched, and wait for a later time."""

    running: int
    waiting: int
    postponed: int


async def is_read_only(connection: Connection) -> bool:
    """Tell whether the server is read-only: a standby, or a server that an operator has closed to writes."""
    row = await (await connection.execute(_IS_READ_ONLY)).fetchone()
    return row is not None and bool(row["read_only"])


async def living_workers(connection: Connection, limit_s: float) -> int:
    """Count the workers of all processes that gave a sign of life in the last ``limit_s`` seconds."""
    row = await (await connection.execute(_SELECT_WORKERS, {"limit_s": limit_s})).fetchone()
    return 0 if row is None else int(row["workers"])


async def queue_sizes(connection: Connection) -> QueueSizes:
    """Count the jobs that have not ended."""
    row = await (await connection.execute(_SELECT_QUEUE)).fetchone()
    return QueueSizes.model_validate(row)
