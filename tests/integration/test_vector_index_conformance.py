"""What a caller may rely on, whichever vector index it is: what comparing with every allowed vector would find."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

import embeddings.port
from db import Database
from knowledge.index_cache import IndexCache
from knowledge.memory_index import MemoryIndex
from knowledge.pgvector_index import PgvectorIndex
from knowledge.values import ChunkId, ModelId, Neighbour, SourceId
from knowledge.vector_index import Entries, VectorIndex
from recordings_factory import add_recording

SIZE = 24
CHUNKS = 6000
"""More than a block of memory has rows."""
SOURCES = 40


class Filled(NamedTuple):
    """An index with the entries that were added to it."""

    vector_index: VectorIndex
    entries: Entries


def unit_vectors(seed: int, count: int, size: int = SIZE) -> npt.NDArray[np.float32]:
    """Random directions, of which every tenth is one of a hundred: equally near ones are not rare."""
    numbers = np.random.default_rng(seed)
    vectors = numbers.standard_normal((count, size), dtype=np.float32)
    vectors[::10] = vectors[numbers.integers(0, min(count, 100), len(vectors[::10]))]
    return embeddings.port.unit_vectors(vectors)


async def stored_entries(database: Database) -> tuple[ModelId, Entries]:
    """Rows for the chunks and the model, which an index in the database refers to, and their entries."""
    async with database.transaction() as connection:
        recording = await add_recording(connection)
        await connection.execute(
            "INSERT INTO report_runs (id, recording_id, owner_id, scenario, report_id, input_hash, prompt_hash, model, "
            "status, passes_total, text) SELECT gen_random_uuid(), %s, %s, 's', 'r', n::text, '', '', 'done', 1, '' "
            "FROM generate_series(1, %s) AS n",
            (recording.id, recording.owner_id, SOURCES),
        )
        await connection.execute(
            "INSERT INTO chunks (source_id, position, roles, context, text, lemmas, content_hash) "
            "SELECT sources.id, n, '{}', '', '', '{}', repeat('0', 64) FROM generate_series(1, %s) AS n "
            "JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM chunk_sources) AS sources "
            "ON place = 1 + n %% %s ORDER BY n",
            (CHUNKS, SOURCES),
        )
        await connection.execute("INSERT INTO embedding_models (name) VALUES ('model')")
        model = await (await connection.execute("SELECT id FROM embedding_models")).fetchone()
        rows = await (await connection.execute("SELECT id, source_id FROM chunks ORDER BY id")).fetchall()
    assert model is not None
    entries = Entries(
        np.array([row["id"] for row in rows]),
        np.array([row["source_id"] for row in rows]),
        unit_vectors(1, CHUNKS).astype(np.float16),
    )
    return model["id"], entries


Make = Callable[[Database, ModelId, Path], VectorIndex]


def in_memory(_: Database, model: ModelId, folder: Path) -> VectorIndex:
    return MemoryIndex(model, IndexCache(folder, "model"))


def in_database(database: Database, model: ModelId, _: Path) -> VectorIndex:
    return PgvectorIndex(database, model)


@pytest.fixture(params=[in_memory, in_database], ids=lambda make: make.__name__)
async def filled(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Filled:
    make: Make = request.param
    model, entries = await stored_entries(database)
    index = make(database, model, tmp_path)
    async with database.transaction() as connection:
        assert await index.begin(connection) == 0
    for at in range(0, CHUNKS, 1000):
        some = slice(at, at + 1000)
        await index.add(Entries(entries.chunks[some], entries.sources[some], entries.vectors[some]), at + 1000)
    return Filled(index, entries)


def brute_force(entries: Entries, question: npt.NDArray[np.float32], allowed: set[int], k: int) -> list[Neighbour]:
    """What there is to find, by arithmetic of double precision."""
    scores = entries.vectors.astype(np.float64) @ question.astype(np.float16).astype(np.float64)
    found = [
        (-score, chunk)
        for chunk, source, score in zip(entries.chunks, entries.sources, scores, strict=True)
        if source in allowed
    ]
    return [Neighbour(ChunkId(int(chunk)), -float(score)) for score, chunk in sorted(found)[:k]]


def same(found: list[Neighbour], wanted: list[Neighbour]) -> None:
    """The same scores in the same order, of the same chunks where no two are as near as rounding errors."""
    np.testing.assert_allclose([each.score for each in found], [each.score for each in wanted], atol=2e-6)
    scores = np.array([each.score for each in wanted])
    for at, (one, other) in enumerate(zip(found, wanted, strict=True)):
        if np.sum(np.abs(scores - other.score) < 4e-6) == 1 and at < len(wanted) - 1:
            assert one.chunk == other.chunk


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 1 / SOURCES])
async def test_it_finds_what_comparing_with_every_allowed_vector_finds(filled: Filled, share: float) -> None:
    sources = sorted(set(filled.entries.sources.tolist()))
    numbers = np.random.default_rng(2)
    for question in unit_vectors(3, 20):
        allowed = numbers.choice(sources, round(share * SOURCES), replace=False).tolist()
        for k in (1, 10, 500):
            found = list(await filled.vector_index.search(question, allowed, k))
            same(found, brute_force(filled.entries, question, set(allowed), k))


async def test_of_equally_near_chunks_the_first_come_first(filled: Filled) -> None:
    allowed = [SourceId(each) for each in set(filled.entries.sources.tolist())]
    question = filled.entries.vectors[0].astype(np.float32)
    twins = filled.entries.chunks[(filled.entries.vectors == filled.entries.vectors[0]).all(axis=1)].tolist()
    assert len(twins) > 2
    found = await filled.vector_index.search(question, allowed, len(twins) - 1)
    assert [each.chunk for each in found] == twins[:-1]


async def test_nobody_finds_what_is_not_allowed_however_near_it_is(filled: Filled) -> None:
    nearest = filled.entries.vectors[7].astype(np.float32)
    mine = int(filled.entries.sources[7])
    others = [SourceId(each) for each in set(filled.entries.sources.tolist()) - {mine}]
    assert [each.chunk for each in await filled.vector_index.search(nearest, [SourceId(mine)], 1)] == [
        filled.entries.chunks[7]
    ]
    found = {each.chunk for each in await filled.vector_index.search(nearest, others, CHUNKS)}
    assert found == set(filled.entries.chunks[filled.entries.sources != mine].tolist())
    assert list(await filled.vector_index.search(nearest, [], 10)) == []
    assert list(await filled.vector_index.search(nearest, [SourceId(10**9)], 10)) == []


async def test_what_is_removed_is_not_found_and_all_else_is(filled: Filled) -> None:
    entries = filled.entries
    gone = np.random.default_rng(4).choice(CHUNKS, 2500, replace=False)
    left = np.setdiff1d(np.arange(CHUNKS), gone)
    await filled.vector_index.remove([ChunkId(each) for each in entries.chunks[gone].tolist()])
    await filled.vector_index.remove([ChunkId(entries.chunks[gone[0]].item()), ChunkId(10**9)])
    rest = Entries(entries.chunks[left], entries.sources[left], entries.vectors[left])
    allowed = set(entries.sources.tolist())
    for question in unit_vectors(5, 5):
        found = list(await filled.vector_index.search(question, [SourceId(each) for each in allowed], 50))
        same(found, brute_force(rest, question, allowed, 50))


async def test_what_is_added_twice_is_there_once(filled: Filled) -> None:
    some = slice(0, 300)
    entries = filled.entries
    await filled.vector_index.add(Entries(entries.chunks[some], entries.sources[some], entries.vectors[some]), CHUNKS)
    allowed = [SourceId(each) for each in set(entries.sources.tolist())]
    found = await filled.vector_index.search(unit_vectors(6, 1)[0], allowed, 2 * CHUNKS)
    assert sorted(each.chunk for each in found) == entries.chunks.tolist()


async def test_a_vector_of_another_size_is_near_to_nothing(filled: Filled) -> None:
    allowed = [SourceId(each) for each in set(filled.entries.sources.tolist())]
    assert list(await filled.vector_index.search(unit_vectors(7, 1, SIZE + 1)[0], allowed, 3)) == []


async def test_a_dropped_index_is_empty(filled: Filled, database: Database) -> None:
    await filled.vector_index.keep()
    await filled.vector_index.drop()
    allowed = [SourceId(each) for each in set(filled.entries.sources.tolist())]
    assert list(await filled.vector_index.search(unit_vectors(8, 1)[0], allowed, 3)) == []
    async with database.transaction() as connection:
        assert await filled.vector_index.begin(connection) == 0


@pytest.mark.parametrize("make", [in_memory, in_database])
async def test_an_empty_index_finds_nothing(make: Make, database: Database, tmp_path: Path) -> None:
    index = make(database, ModelId(1), tmp_path)
    async with database.transaction() as connection:
        await index.begin(connection)
    assert list(await index.search(unit_vectors(9, 1)[0], [SourceId(1)], 3)) == []
