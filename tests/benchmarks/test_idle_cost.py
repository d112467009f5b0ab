"""What a bot that nobody uses costs its database, when it is new and when it has grown.

``pytest -s tests/benchmarks/test_idle_cost.py`` prints the table: milliseconds of the database in a second, for each
statement of the followers and of the worker.
"""

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest

from db import migrate
from grown_database import grow
from idle_bot import ask_idly

PEOPLE = 1_000
SECONDS = 20.0
ALLOWED_MS = 20.0
"""Of the database's time in a second, all statements together."""


@pytest.mark.parametrize("rows", [0, 100_000])
async def test_an_idle_bot_costs_little_however_much_has_been_done(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path, rows: int
) -> None:
    await asyncio.to_thread(migrate, database_url)
    if rows:
        await grow(database_url, rows, PEOPLE)
    asked = await ask_idly(monkeypatch, database_url, tmp_path, SECONDS, analyze=False)
    spent: dict[str, list[float]] = defaultdict(list)
    for each in asked:
        spent[" ".join(each.text.split())].append(each.ms)
    print(f"\n{rows:>7} rows   times/s   ms each   ms/s")
    for text, times in sorted(spent.items(), key=lambda item: -sum(item[1])):
        times_s, each_ms, ms_s = len(times) / SECONDS, sum(times) / len(times), sum(times) / SECONDS
        print(f"{'':14}{times_s:8.1f}{each_ms:10.3f}{ms_s:7.2f}   {text[:70]}")
    all_ms = sum(map(sum, spent.values())) / SECONDS
    print(f"{'':14}all together {all_ms:18.2f} ms of the database in a second")
    assert all_ms <= ALLOWED_MS
