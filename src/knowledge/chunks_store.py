"""Rows of ``chunks``: the chunks of each source, and the texts of those that a search found."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from datamodels import RecordingId, Value
from datamodels_search import Corpus
from db import Connection
from knowledge.values import ChunkId, NewChunk, SourceId

_SELECT_HASHES = "SELECT id, content_hash FROM chunks WHERE source_id = %(source)s ORDER BY position"
_DELETE = "DELETE FROM chunks WHERE id = ANY(%(ids)s)"
_MOVE = """
    UPDATE chunks SET position = %(position)s, start_s = %(start)s, end_s = %(end)s
    WHERE id = %(id)s AND (position, start_s, end_s) IS DISTINCT FROM (%(position)s, %(start)s, %(end)s)
"""
_INSERT = """
    INSERT INTO chunks (source_id, position, start_s, end_s, roles, context, text, lemmas, content_hash)
    VALUES (
        %(source)s, %(position)s, %(start)s, %(end)s, %(roles)s, %(context)s, %(text)s, %(lemmas)s, %(content_hash)s
    )
"""
_SELECT_FOUND = """
    SELECT
        chunks.id, source_id, corpus, recording_id, position, start_s AS start, end_s AS end, roles, context, text
    FROM chunks JOIN chunk_sources ON chunk_sources.id = source_id
    WHERE chunks.id = ANY(%(ids)s)
"""


class FoundChunk(Value):
    """A chunk with what is shown of it. ``start`` and ``end`` are seconds from the recording's start, if it has any."""

    id: ChunkId
    source_id: SourceId
    corpus: Corpus
    recording_id: RecordingId | None
    position: int
    start: float | None
    end: float | None
    roles: tuple[str, ...]
    context: str
    text: str


async def replace_chunks(connection: Connection, source: SourceId, chunks: Sequence[NewChunk]) -> None:
    """Make ``chunks`` the chunks of the source, in this order. What has the same content stays, with its vectors."""
    there: defaultdict[str, list[ChunkId]] = defaultdict(list)
    async for row in await connection.execute(_SELECT_HASHES, {"source": source}):
        there[row["content_hash"]].append(row["id"])
    moved, new = [], []
    for position, chunk in enumerate(chunks):
        place = {"position": position, "start": chunk.start, "end": chunk.end}
        if there[chunk.content_hash]:
            moved.append({"id": there[chunk.content_hash].pop(0), **place})
        else:
            content = {"context": chunk.context, "text": chunk.text, "content_hash": chunk.content_hash}
            lists = {"roles": list(chunk.roles), "lemmas": list(chunk.lemmas)}
            new.append({"source": source, **place, **content, **lists})
    await connection.execute(_DELETE, {"ids": [each for ids in there.values() for each in ids]})
    async with connection.cursor() as cursor:
        await cursor.executemany(_MOVE, moved)
        await cursor.executemany(_INSERT, new)


async def load_found(connection: Connection, chunks: Collection[ChunkId]) -> dict[ChunkId, FoundChunk]:
    """Load those of ``chunks`` that are still there, by id."""
    cursor = await connection.execute(_SELECT_FOUND, {"ids": list(chunks)})
    return {row["id"]: FoundChunk.model_validate(row) async for row in cursor}
