"""What an idle bot asks every second reads a few rows, however many have ended: 100,000 of every kind here.

The statements are not listed: the bot's followers and its worker run, and the database tells what they ask.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db import migrate
from grown_database import GROWN_TABLES, grow
from idle_bot import Asked, ask_idly

ROWS = 100_000
PEOPLE = 1_000
FAILED = ROWS // 100
"""Recordings that failed for good: should their person have them tried again, their wizards go on. They are dead
letters, which are counted every five seconds."""
MOST_PAGES = 6 * FAILED
MOST_ROWS = 4 * FAILED
ASKED_FOR = (
    "progress_cards",
    "incoming_files",
    "FROM outbox",
    "recording_wizards",
    "chat_answers",
    "draft IS NOT NULL",
    "FROM question_proposals",
    "original_awaited",
    "report_runs.number IS NULL",
    "procrastinate_fetch_job",
    "stalled_workers",
    "procrastinate_update_heartbeat",
    "transaction_read_only",
    "FILTER (WHERE status = 'doing') AS running",
    "AS newest",
    "FROM recordings AS work",
    "FROM report_runs AS work",
    "FROM chat_answers AS work",
    "FROM spoken_words AS work",
    "FROM speeches AS work",
    "FROM speeches WHERE chat_id",
    "passed_at IS NULL",
    "FROM takeouts",
    "FROM chunk_sources",
    "WHERE vector IS NULL",
    "version > ",
    "FROM removed_chunks",
    "AS vectors_since",
    "FROM web_uploads",
)
"""Parts of statements that an idle bot is known to ask."""


@pytest.fixture
async def asked(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> list[Asked]:
    migrate(database_url)
    await grow(database_url, ROWS, PEOPLE)
    return await ask_idly(monkeypatch, database_url, tmp_path, 6.0, analyze=True)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def rows_read(plan: dict[str, Any]) -> float:
    """The rows that the plan's scans gave or threw away."""
    scans = [node for node in nodes(plan) if "Scan" in node["Node Type"]]
    found = ((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans)
    return sum(map(float, found))


def pages_read(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_an_idle_bot_reads_no_grown_table_from_end_to_end(asked: list[Asked]) -> None:
    for text in ASKED_FOR:
        assert any(text in each.text for each in asked), f"nobody asked for {text}"
    for each in asked:
        for node in nodes(each.plan):
            scanned = node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWN_TABLES
            assert not scanned or node["Actual Loops"] == 0, each.text
        assert pages_read(each.plan) <= MOST_PAGES, each.text
        assert rows_read(each.plan) <= MOST_ROWS, each.text
