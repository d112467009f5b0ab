"""The vector index in the database itself, by pgvector: for several processes that need not hold all vectors each.

Every search compares the question with all allowed vectors, as the index in memory does. The table is made when it is
first needed, since most servers do not have the extension.
"""

import asyncio
import struct
from collections.abc import Collection, Sequence

import psycopg

import texts.errors
from db import Connection, Database
from embeddings.port import Float32Array
from errors import BadSettings
from knowledge.values import Allowed, ChunkId, ModelId, Neighbour
from knowledge.vector_index import Entries

_IS_THERE = "SELECT to_regclass('pgvector_chunks') IS NOT NULL AS is_there"
_CREATE = (
    "SELECT pg_advisory_xact_lock(hashtextextended('pgvector_chunks', 0))",
    "CREATE EXTENSION IF NOT EXISTS vector",
    """
    CREATE TABLE IF NOT EXISTS pgvector_chunks (
        model_id  integer NOT NULL REFERENCES embedding_models (id) ON DELETE CASCADE,
        chunk_id  bigint NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
        source_id bigint NOT NULL,
        version   bigint NOT NULL,
        vector    halfvec NOT NULL,
        PRIMARY KEY (chunk_id, model_id)
    )
    """,
    "CREATE INDEX IF NOT EXISTS pgvector_chunks_of_source ON pgvector_chunks (source_id)",
    "CREATE INDEX IF NOT EXISTS pgvector_chunks_made ON pgvector_chunks (model_id, version)",
)
_SELECT_VERSION = "SELECT coalesce(max(version), 0) AS version FROM pgvector_chunks WHERE model_id = %(model)s"
_CREATE_ADDED = """
    CREATE TEMPORARY TABLE added_chunks (chunk_id bigint, source_id bigint, vector halfvec) ON COMMIT DROP
"""
_COPY_ADDED = "COPY added_chunks FROM STDIN (FORMAT BINARY)"
# Chunks that were removed meanwhile are left out.
_INSERT = """
    INSERT INTO pgvector_chunks (model_id, chunk_id, source_id, version, vector)
    SELECT %(model)s, chunk_id, added_chunks.source_id, %(version)s, vector
    FROM added_chunks JOIN chunks ON chunks.id = chunk_id FOR KEY SHARE OF chunks
    ON CONFLICT DO NOTHING
"""
_REMOVE = "DELETE FROM pgvector_chunks WHERE model_id = %(model)s AND chunk_id = ANY(%(chunks)s)"
_DROP = "DELETE FROM pgvector_chunks WHERE model_id = %(model)s"
_SELECT_SIZE = "SELECT vector_dims(vector) AS size FROM pgvector_chunks WHERE model_id = %(model)s LIMIT 1"
_SEARCH = """
    SELECT chunk_id, -(vector <#> %(question)s::halfvec) AS score FROM pgvector_chunks
    WHERE model_id = %(model)s AND source_id = ANY(%(allowed)s)
    ORDER BY score DESC, chunk_id LIMIT %(k)s
"""


class PgvectorIndex:
    """``VectorIndex`` in a table of the database. What leaves the database leaves the index with it."""

    def __init__(self, database: Database, model: ModelId) -> None:
        self._database = database
        self._model = model

    async def begin(self, connection: Connection) -> int:
        await make_ready(connection)
        row = await (await connection.execute(_SELECT_VERSION, {"model": self._model})).fetchone()
        return 0 if row is None else int(row["version"])

    async def add(self, entries: Entries, version: int) -> None:
        rows = await asyncio.to_thread(_rows, entries)
        async with self._database.transaction() as connection, connection.cursor() as cursor:
            await cursor.execute(_CREATE_ADDED)
            async with cursor.copy(_COPY_ADDED) as copy:
                copy.set_types(["int8", "int8", "bytea"])  # bytes are sent as they are
                for row in rows:
                    await copy.write_row(row)
            await cursor.execute(_INSERT, {"model": self._model, "version": version})

    async def remove(self, chunks: Collection[ChunkId]) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(_REMOVE, {"model": self._model, "chunks": list(chunks)})

    async def keep(self) -> None:
        pass

    async def drop(self) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(_DROP, {"model": self._model})

    async def search(self, question: Float32Array, allowed: Allowed, k: int) -> Sequence[Neighbour]:
        wanted = {"model": self._model, "question": _literal(question), "allowed": list(allowed), "k": k}
        async with self._database.transaction() as connection:
            size = await (await connection.execute(_SELECT_SIZE, wanted)).fetchone()
            if size is None or question.shape != (size["size"],):
                return []
            cursor = await connection.execute(_SEARCH, wanted)
            return [Neighbour(row["chunk_id"], row["score"]) async for row in cursor]


async def make_ready(connection: Connection) -> None:
    """Make the table, unless it is there.

    Raises:
        BadSettings: the server does not have the extension.
        DatabaseMisconfigured: we may not install it.
    """
    row = await (await connection.execute(_IS_THERE)).fetchone()
    if row is not None and row["is_there"]:
        return
    try:
        for statement in _CREATE:
            await connection.execute(statement)
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile) as exc:
        raise BadSettings(names=texts.errors.NO_PGVECTOR) from exc


def _rows(entries: Entries) -> list[tuple[int, int, bytes]]:
    """Return chunk, source and vector of the entries; the vector as pgvector reads a halfvec, in big-endian float16."""
    head = struct.pack(">HH", entries.vectors.shape[1], 0)
    vectors = entries.vectors.astype(">f2")
    return [
        (chunk, source, head + vector.tobytes())
        for chunk, source, vector in zip(entries.chunks.tolist(), entries.sources.tolist(), vectors, strict=True)
    ]


def _literal(vector: Float32Array) -> str:
    return "[" + ",".join(map(str, vector.tolist())) + "]"
