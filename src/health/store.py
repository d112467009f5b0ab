"""What the database itself tells about its own state and about the job queue."""

from datetime import datetime

from datamodels import Value
from db import Connection

_IS_READ_ONLY = "SELECT current_setting('transaction_read_only') = 'on' AS read_only"
_SELECT_WORKERS = """
    SELECT count(*) AS workers FROM procrastinate_workers
    WHERE last_heartbeat BETWEEN clock_timestamp() - make_interval(secs => %(limit_s)s)
        AND clock_timestamp() + make_interval(secs => %(limit_s)s)
"""
_SELECT_IMAGE_TROUBLE = """
    SELECT error_code, error_text FROM image_orders
    WHERE (ended_at IS NULL OR ended_at > %(since)s) AND (sent_at IS NOT NULL OR error_code IS NOT NULL) AND NOT is_test
    ORDER BY ended_at DESC NULLS FIRST, error_code NULLS LAST LIMIT 1
"""
_SELECT_QUEUE = """
    SELECT
        count(*) FILTER (WHERE status = 'doing') AS running,
        count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at <= now(), true)) AS waiting,
        count(*) FILTER (WHERE status = 'todo' AND scheduled_at > now()) AS postponed
    FROM procrastinate_jobs WHERE status IN ('todo', 'doing')
"""

# Vectors by a model that does not answer yet are waited for by nobody, as long as another one answers.
_SELECT_INDEX_BACKLOG = """
    SELECT sources.count AS sources, vectors.count AS vectors, sources.since AS sources_since, (
        SELECT min(chunk_vectors.wanted_at) FROM chunk_vectors JOIN embedding_models ON embedding_models.id = model_id
        WHERE vector IS NULL AND (complete OR NOT EXISTS (SELECT FROM embedding_models WHERE complete))
    ) AS vectors_since
    FROM
        (SELECT count(*), min(changed_at) AS since FROM chunk_sources WHERE changed_at IS NOT NULL) AS sources,
        (SELECT count(*) FROM chunk_vectors WHERE vector IS NULL) AS vectors
"""


class QueueSizes(Value):
    """How many jobs run, wait to be fetched, and wait for a later time."""

    running: int
    waiting: int
    postponed: int


class IndexBacklog(Value):
    """How many sources wait to be cut into chunks, and how many chunks for a vector; since when the oldest do."""

    sources: int
    vectors: int
    sources_since: datetime | None
    vectors_since: datetime | None


async def is_read_only(connection: Connection) -> bool:
    """Tell whether the server is read-only: a standby, or a server that an operator has closed to writes."""
    row = await (await connection.execute(_IS_READ_ONLY)).fetchone()
    return row is not None and bool(row["read_only"])


async def living_workers(connection: Connection, limit_s: float) -> int:
    """Count the workers of all processes that gave a sign of life in the last ``limit_s`` seconds."""
    row = await (await connection.execute(_SELECT_WORKERS, {"limit_s": limit_s})).fetchone()
    return 0 if row is None else int(row["workers"])


async def image_trouble(connection: Connection, since: datetime) -> tuple[str, str] | None:
    """Return code and sentence of why the latest order of an image failed, or does not go on now; None if it is well.

    Orders that ended before ``since`` tell nothing.
    """
    row = await (await connection.execute(_SELECT_IMAGE_TROUBLE, {"since": since})).fetchone()
    return None if row is None or row["error_code"] is None else (row["error_code"], row["error_text"] or "")


async def queue_sizes(connection: Connection) -> QueueSizes:
    """Count the jobs that have not ended."""
    row = await (await connection.execute(_SELECT_QUEUE)).fetchone()
    return QueueSizes.model_validate(row)


async def index_backlog(connection: Connection) -> IndexBacklog:
    """Count what the index of the knowledge base lacks."""
    row = await (await connection.execute(_SELECT_INDEX_BACKLOG)).fetchone()
    return IndexBacklog.model_validate(row)
