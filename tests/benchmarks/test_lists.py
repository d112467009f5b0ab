"""How long every list in the database takes a person who has 100,000 of what it lists.

``pytest -s tests/benchmarks/test_lists.py`` prints the table. The lists of reports are in ``test_report_list.py``.

Pages have numbers, which people jump by, so they are found by OFFSET; in an index that passes 100,000 rows in 60 ms.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import cast

import psycopg

import cards_store
import recordings_store
from chats.threads import Chats
from conversations.hybrid import HybridStorage
from conversations.ratings import Ratings
from datamodels import ScenarioId, UserId
from datamodels_chats import RatingStats
from db import Database, migrate
from dead_letters import DeadLetters, Enqueue
from grown_database import FIRST_PERSON, grow
from recordings.lookup import Recordings
from recordings.work_in_progress import WorkInProgress

ROWS = 100_000
ALLOWED_S = 0.2
TIMES = 5
ON_PAGE = 10
INTERVIEW = ScenarioId("interview")


async def test_every_list_is_there_in_time(database_url: str, tmp_path: Path) -> None:
    await asyncio.to_thread(migrate, database_url)
    await grow(database_url, ROWS, people=1)
    database = await Database.open(database_url)
    try:
        async with database.transaction() as connection:
            await connection.execute("UPDATE outbox SET sent_at = NULL, given_up_at = now(), error = 'chat_closed'")
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute("VACUUM ANALYZE outbox")  # as the server does by itself after a while
        lists = _lists(database, UserId(FIRST_PERSON), tmp_path)
        medians = {name: await _median_s(work) for name, work in lists.items()}
    finally:
        await database.close()
    print(f"\n{ROWS} rows of one person")
    for name, seconds in medians.items():
        print(f"{name:40} {seconds * 1000:7.1f} ms")
    assert max(medians.values()) <= ALLOWED_S


def _lists(database: Database, owner: UserId, folder: Path) -> dict[str, Callable[[], Awaitable[object]]]:
    recordings, chats = Recordings(database), Chats(database, _nobody_answers, _nobody_rates, 100)
    ratings = Ratings(database, HybridStorage(database, folder))
    letters = DeadLetters(database, cast("Enqueue", None))

    def stored(load: Callable[..., Awaitable[object]], *arguments: object) -> Callable[[], Awaitable[object]]:
        async def loaded() -> object:
            async with database.transaction() as connection:
                return await load(connection, *arguments)

        return loaded

    pages = {"first": 1, "middle": ROWS // ON_PAGE // 2, "last": ROWS // ON_PAGE}
    listed = recordings_store.list_recordings
    return {
        **{
            f"recordings of a scenario, {name} page": partial(recordings.page, owner, INTERVIEW, page, ON_PAGE)
            for name, page in pages.items()
        },
        **{
            f"all recordings, {name} page": stored(listed, owner, None, ON_PAGE, (page - 1) * ON_PAGE)
            for name, page in pages.items()
        },
        "count of all recordings": stored(recordings_store.count_recordings, owner, None),
        **{f"chats, {name} page": partial(chats.page, owner, page, ON_PAGE) for name, page in pages.items()},
        "a new chat": partial(chats.begin, owner),
        "everybody's ratings": partial(ratings.stats, None),
        "ratings by model": ratings.models,
        "latest comments": ratings.comments,
        **{f"dead letters, {name} page": partial(letters.page, page, ON_PAGE) for name, page in pages.items()},
        "work in progress": partial(WorkInProgress(database).of, owner),
        "orders to deliver": stored(cards_store.undelivered),
    }


async def _nobody_rates(owner: UserId) -> RatingStats:
    return RatingStats()


async def _nobody_answers(*_: object) -> None:
    pass


async def _median_s(work: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(TIMES):
        began = perf_counter()
        await work()
        times.append(perf_counter() - began)
    return median(times)
