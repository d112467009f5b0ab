"""Rows of ``embedding_models``, ``chunk_vectors`` and ``removed_chunks``: the vectors, and what changes of them.

Rows without a vector are the work that is still to be done. Versions of vectors grow in the order of commits.
"""

from collections.abc import Sequence

import numpy as np

from datamodels import Value
from db import Connection
from embeddings.port import Float32Array
from knowledge.values import ChunkId, EmbeddedChunk, ModelId, SourceId, WantedVector

STORED_TYPE = np.dtype("<f2")

_WANT_MODEL = """
    INSERT INTO embedding_models (name) VALUES (%(name)s)
    ON CONFLICT (name) DO UPDATE SET wanted_at = clock_timestamp()
    RETURNING id, name, complete
"""
_SELECT_SIZE = """
    SELECT octet_length(vector) / %(bytes)s AS size FROM chunk_vectors
    WHERE model_id = (SELECT id FROM embedding_models WHERE name = %(name)s) AND vector IS NOT NULL LIMIT 1
"""
_RENAME_MODEL = "UPDATE embedding_models SET name = name || '#' || id WHERE name = %(name)s"
_SELECT_MODELS = "SELECT id, name, complete FROM embedding_models ORDER BY wanted_at DESC"
# chunk_vectors has a row per chunk and model; chunks are looked through in the order of their ids.
_WANT_VECTORS = """
    WITH page AS MATERIALIZED (
        SELECT id FROM chunks WHERE id > %(after)s ORDER BY id LIMIT %(limit)s FOR KEY SHARE SKIP LOCKED
    ),
    wanted AS (
        INSERT INTO chunk_vectors (chunk_id, model_id) SELECT id, %(model)s FROM page ON CONFLICT DO NOTHING
    )
    SELECT max(id) AS last FROM page
"""
_WANT_VECTORS_OF_SOURCE = """
    INSERT INTO chunk_vectors (chunk_id, model_id, wanted_at)
    SELECT chunks.id, embedding_models.id, coalesce(changed_at, now())
    FROM chunk_sources JOIN chunks ON source_id = chunk_sources.id CROSS JOIN embedding_models
    WHERE chunk_sources.id = %(source)s
    ON CONFLICT DO NOTHING
"""
_SELECT_WANTED = """
    SELECT chunk_id, model_id, context, text
    FROM (
        SELECT chunk_id, model_id, wanted_at FROM chunk_vectors
        WHERE vector IS NULL AND model_id = ANY(%(models)s)
        ORDER BY wanted_at DESC, chunk_id DESC LIMIT %(limit)s
    ) AS wanted
    JOIN chunks ON chunks.id = chunk_id
    ORDER BY wanted_at DESC, chunk_id DESC
"""
# Nothing is waited for: whoever deletes chunks may have locked some of these rows, and wait for others.
_STORE = """
    WITH free AS MATERIALIZED (
        SELECT chunk_id FROM chunk_vectors WHERE chunk_id = ANY(%(chunks)s) AND model_id = %(model)s
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE chunk_vectors SET vector = made.vector, lines = made.lines, version = next_chunk_version()
    FROM free JOIN unnest(%(chunks)s::bigint[], %(vectors)s::bytea[], %(lines)s::bytea[])
        AS made (chunk_id, vector, lines) USING (chunk_id)
    WHERE chunk_vectors.chunk_id = free.chunk_id AND model_id = %(model)s
"""
_SELECT_LINES = """
    SELECT chunk_id, lines FROM chunk_vectors
    WHERE model_id = %(model)s AND chunk_id = ANY(%(chunks)s) AND lines IS NOT NULL
"""
_MARK_COMPLETE = "UPDATE embedding_models SET complete = true WHERE id = %(model)s AND NOT complete"
_DROP_VECTORS = """
    DELETE FROM chunk_vectors WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM chunk_vectors WHERE model_id = %(model)s LIMIT %(limit)s
    ))
"""
_DROP_MODEL = "DELETE FROM embedding_models WHERE id = %(model)s"
_SELECT_MADE = """
    SELECT chunk_id, source_id, vector, version FROM chunk_vectors JOIN chunks ON chunks.id = chunk_id
    WHERE model_id = %(model)s AND version > %(after)s
    ORDER BY version LIMIT %(limit)s
"""
# What is committed later has a number that is not below that of the oldest open transaction.
_SELECT_REMOVED = """
    SELECT
        pg_snapshot_xmin(pg_current_snapshot())::text AS open,
        ARRAY(SELECT chunk_id FROM removed_chunks WHERE xid >= %(since)s::xid8) AS chunks
"""
_SELECT_OPEN = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS open"
_SELECT_MADE_UP_TO = """
    SELECT array_agg(chunk_id) AS ids, (SELECT last_value FROM chunk_versions) AS last FROM chunk_vectors
    WHERE model_id = %(model)s AND version <= %(version)s
"""


class StoredModel(Value):
    """A model of embeddings that chunks have vectors of. ``complete`` tells that once every chunk had one."""

    id: ModelId
    name: str
    complete: bool


class MadeVector(Value):
    """A stored vector, and its version."""

    chunk_id: ChunkId
    source_id: SourceId
    vector: bytes
    version: int


async def want_model(connection: Connection, name: str) -> StoredModel:
    """Note that vectors by this model are wanted now, rather than those by others.

    From then on every new chunk needs a vector by it, too.
    """
    row = await (await connection.execute(_WANT_MODEL, {"name": name})).fetchone()
    return StoredModel.model_validate(row)


async def find_size(connection: Connection, name: str) -> int | None:
    """Return how many numbers the vectors by the model of this name have; None when there are none."""
    parameters = {"name": name, "bytes": STORED_TYPE.itemsize}
    row = await (await connection.execute(_SELECT_SIZE, parameters)).fetchone()
    return None if row is None else row["size"]


async def disown_model(connection: Connection, name: str) -> None:
    """Give the model of this name another one, which no engine has: what is called so now is another model."""
    await connection.execute(_RENAME_MODEL, {"name": name})


async def list_models(connection: Connection) -> list[StoredModel]:
    """Load all models, the one wanted last first."""
    return [StoredModel.model_validate(row) async for row in await connection.execute(_SELECT_MODELS)]


async def want_vectors(connection: Connection, model: ModelId, after: ChunkId, limit: int) -> ChunkId | None:
    """Note for up to ``limit`` chunks after ``after`` that they need a vector, unless they have one.

    Returns the last of these chunks; None when there is none after ``after``.
    """
    cursor = await connection.execute(_WANT_VECTORS, {"model": model, "after": after, "limit": limit})
    row = await cursor.fetchone()
    return None if row is None else row["last"]


async def want_vectors_of(connection: Connection, source: SourceId) -> None:
    """Note for the chunks of a source that they need a vector by every model there is, since the source changed."""
    await connection.execute(_WANT_VECTORS_OF_SOURCE, {"source": source})


async def list_wanted(connection: Connection, models: Sequence[ModelId], limit: int) -> list[WantedVector]:
    """Load up to ``limit`` vectors that are wanted of these models, the one wanted last first."""
    cursor = await connection.execute(_SELECT_WANTED, {"models": list(models), "limit": limit})
    return [WantedVector(row["chunk_id"], row["model_id"], row["context"], row["text"]) async for row in cursor]


async def store_vectors(connection: Connection, model: ModelId, embedded: Sequence[EmbeddedChunk]) -> None:
    """Store the vectors of these chunks by a model; chunks that are being removed are left out."""
    parameters = {
        "model": model,
        "chunks": [each.chunk for each in embedded],
        "vectors": [each.vector.astype(STORED_TYPE).tobytes() for each in embedded],
        "lines": [each.lines.astype(STORED_TYPE).tobytes() for each in embedded],
    }
    await connection.execute(_STORE, parameters)


async def load_lines(
    connection: Connection, model: ModelId, chunks: Sequence[ChunkId], size: int
) -> dict[ChunkId, Float32Array]:
    """Load the vectors (n, size) of the lines of those of these chunks that have some by the model."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SELECT_LINES, {"model": model, "chunks": list(chunks)})
        return {
            row["chunk_id"]: np.frombuffer(row["lines"], dtype=STORED_TYPE).astype(np.float32).reshape(-1, size)
            async for row in cursor
        }


async def mark_complete(connection: Connection, model: ModelId) -> None:
    """Note that every chunk has a vector by this model."""
    await connection.execute(_MARK_COMPLETE, {"model": model})


async def drop_vectors(connection: Connection, model: ModelId, limit: int) -> bool:
    """Delete up to ``limit`` vectors by a model, and the model with its last one; tell whether it is gone."""
    cursor = await connection.execute(_DROP_VECTORS, {"model": model, "limit": limit})
    if cursor.rowcount == limit:
        return False
    await connection.execute(_DROP_MODEL, {"model": model})
    return True


async def list_made(connection: Connection, model: ModelId, after: int, limit: int) -> list[MadeVector]:
    """Load up to ``limit`` vectors by this model with versions above ``after``, in the order of their versions."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SELECT_MADE, {"model": model, "after": after, "limit": limit})
        return [MadeVector.model_construct(**row) async for row in cursor]


async def list_removed(connection: Connection, since: str) -> tuple[Sequence[ChunkId], str]:
    """Load the chunks that were removed since ``since``, and what to ask with the next time.

    Some of them may have been loaded before; those of more than a day ago may be missing.
    """
    row = await (await connection.execute(_SELECT_REMOVED, {"since": since})).fetchone()
    return ([], since) if row is None else (row["chunks"], row["open"])


async def removals_from_now(connection: Connection) -> str:
    """Return what ``list_removed`` is asked with the first time: what was removed before is left out."""
    row = await (await connection.execute(_SELECT_OPEN)).fetchone()
    return "0" if row is None else str(row["open"])


async def made_up_to(connection: Connection, model: ModelId, version: int) -> tuple[Sequence[ChunkId], int]:
    """Load the chunks with vectors by this model up to a version, and the last version that was given to anything."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SELECT_MADE_UP_TO, {"model": model, "version": version})
        row = await cursor.fetchone()
    return ([], 0) if row is None else (row["ids"] or [], row["last"])
