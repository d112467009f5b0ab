"""How long it takes to count factors over 2,000 interviews of a team, and how long the event loop is held meanwhile.

``pytest -s tests/benchmarks/test_across.py`` prints the table.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from time import perf_counter, thread_time

import pytest
from psycopg.types.json import Jsonb

from across_world import quoted
from config import ROOT
from datamodels import BuildingType
from db import Database
from prompt_pack.pack import load_pack
from recordings_factory import add_user
from reports.across.charts import across_chart
from reports.across.document import as_docx, quoted_in
from reports.across.service import AcrossInterviews
from reports.across.values import Result, Wanted

INTERVIEWS = 2000
FACTORS = 20
ALLOWED_S = 1.0
LONGEST_HELD_S = 0.1
PACK = load_pack(ROOT / "prompts")

_ADD_PLACES = "INSERT INTO places (id, name) SELECT gen_random_uuid(), 'Отель ' || n FROM generate_series(1, 20) AS n"
_ADD_RECORDINGS = """
    INSERT INTO recordings (
        id, owner_id, number, sha256, size_bytes, file_name, extension, object_key, container, codec, duration_s,
        scenario, stage
    ) SELECT
        gen_random_uuid(), %(owner)s, n, lpad(n::text, 64, '0'), 1000, 'Интервью.ogg', 'ogg', 'key', 'ogg', 'opus', 900,
        'interview', 'done'
    FROM generate_series(1, %(count)s) AS n
"""
_ADD_METADATA = """
    INSERT INTO recording_metadata (recording_id, recorded_on, place_id)
    SELECT id, '2024-01-01'::date + number / 2, (SELECT id FROM places WHERE name = 'Отель ' || 1 + number % 20)
    FROM recordings
"""
_ADD_RUN = """
    INSERT INTO report_runs (
        id, recording_id, owner_id, scenario, report_id, building, input_hash, prompt_hash, model, status, passes_total,
        text, items, finished_at
    ) SELECT
        gen_random_uuid(), id, owner_id, 'interview', 'report_int_general', 'hotel', 'hash', 'prompt', 'model',
        'done', 1, 'text', %(items)s, now()
    FROM recordings WHERE number = %(number)s
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


async def test_two_thousand_interviews_are_counted_in_a_second_and_the_loop_is_free(database: Database) -> None:
    taxonomy = PACK.report("report_int_general").plan(BuildingType.HOTEL).taxonomy
    assert taxonomy is not None
    known = list(taxonomy.factors.values())
    chance = random.Random(4)  # noqa: S311  # the same every time
    async with database.transaction() as connection:
        owner = await add_user(connection)
        await connection.execute(_ADD_PLACES)
        await connection.execute(_ADD_RECORDINGS, {"owner": owner, "count": INTERVIEWS})
        await connection.execute(_ADD_METADATA)
        for number in range(1, INTERVIEWS + 1):
            listed = [
                {
                    "factor": factor.id,
                    "factor_label": factor.label,
                    "category_label": factor.category_label,
                    "summary": "Гость объяснил, почему это для него важно, в пятнадцати словах или около того",
                    "quotes": [quoted("мы всегда смотрим на это, когда выбираем, куда поехать, и в этот раз тоже")] * 2,
                }
                for factor in chance.sample(known, FACTORS)
            ]
            await connection.execute(_ADD_RUN, {"number": number, "items": Jsonb({"mentioned": listed})})
    across = AcrossInterviews(database, PACK, date.today)
    await across.count(owner, Wanted())  # loads the dictionary
    wanted = Wanted()
    taken = {
        "choices": await _measured(lambda: across.overview(owner, wanted)),
        "counts": await _measured(lambda: across.count(owner, wanted)),
    }
    result = await across.count(owner, wanted)
    taken["chart"] = await _measured(lambda: asyncio.to_thread(across_chart, result.counted))
    taken["document with quotes"] = await _measured(lambda: _document(across, result))
    print(f"\n{INTERVIEWS} interviews, {len(result.counted.factors)} factors, {FACTORS} in each")
    for name, (seconds, held) in taken.items():
        print(f"{name:24} {seconds * 1000:7.0f} ms, the loop is held up to {held * 1000:4.0f} ms")
    assert len(result.counted.interviews) == INTERVIEWS
    assert taken["counts"][0] <= ALLOWED_S
    assert taken["choices"][0] <= ALLOWED_S
    assert max(held for _, held in taken.values()) <= LONGEST_HELD_S


async def _document(across: AcrossInterviews, result: Result) -> bytes:
    wanted = [(factor, quoted_in(result.counted, factor)) for factor in result.counted.factors]
    said = await across.quotes(result.subject, wanted)
    return await asyncio.to_thread(as_docx, result, said, date(2026, 11, 29))


async def _measured(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Run the work; return the seconds that it took, and the most that it computed in the event loop at a stretch.

    The latter is processor time of the loop's thread: what else the machine does is not in it.
    """
    stretches = [0.0]

    async def watch() -> None:
        while True:
            began = thread_time()
            await asyncio.sleep(0.002)
            stretches.append(thread_time() - began)

    watching = asyncio.create_task(watch())
    began = perf_counter()
    try:
        await work()
        return perf_counter() - began, max(stretches)
    finally:
        watching.cancel()
