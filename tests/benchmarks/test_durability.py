"""What durability costs, and how soon an absence of the database is known.

Run with ``scripts/benchmark -k durability``; the power cuts are counted by ``POWER_CUTS=20 scripts/test
tests/e2e/test_power_cut.py``.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rich.console import Console
from rich.table import Table

from access import Team
from conversations.hybrid import HybridStorage
from conversations_factory import answered, vector
from datamodels_telegram import ChatId, MessageId, SeenUpdate, TelegramPerson, UpdateKind
from db import Database
from errors import DatabaseUnavailable
from inbox import Inbox
from recordings_factory import add_user
from tcp_proxy import TcpProxy
from updates_journal import UpdatesJournal

APPENDS = 2_000
APPEND_BAR_S = 0.005
REPLAYED = 10_000
REPLAY_BAR_S = 30.0
ABSENCES = 10
NOTICED_BAR_S = 2.0
BACK_BAR_S = 5.0
POLL_S = 0.005

_ASKED = """
    WITH chat AS (INSERT INTO chats (owner_id, number) VALUES (%(owner)s, 1) RETURNING owner_id, number),
    questions AS (
        INSERT INTO chat_questions (owner_id, chat_number, door, key, text)
        SELECT owner_id, number, 'benchmark', key::text, 'Что говорят о завтраке?'
        FROM chat CROSS JOIN generate_series(1, %(count)s) AS key
        RETURNING id
    )
    INSERT INTO chat_answers (id, question_id, kind, status)
    SELECT gen_random_uuid(), id, 'fast', 'waiting' FROM questions
"""

_ids = count(1)


def update() -> SeenUpdate:
    number = next(_ids)
    return SeenUpdate(
        kind=UpdateKind.MESSAGE,
        chat_id=ChatId(number % 20),
        update_id=number,
        message_id=MessageId(number),
        person=TelegramPerson(id=number % 20, name=""),
        data=None,
        tries=0,
    )


async def test_durability_of_the_journal(database_url: str, tmp_path: Path) -> None:
    journal = UpdatesJournal(tmp_path / "updates.journal")
    took = []
    for _ in range(APPENDS):
        started = time.perf_counter()
        journal.append(update())
        took.append(time.perf_counter() - started)
    for _ in range(REPLAYED - APPENDS):
        journal.append(update())
    database = await Database.open(database_url)
    inbox = Inbox(database, Team(owner=1, members=frozenset()), journal)
    started = time.perf_counter()
    await inbox.settle()
    replay_s = time.perf_counter() - started
    async with database.transaction() as connection:
        row = await (await connection.execute("SELECT count(*) AS rows FROM seen_updates")).fetchone()
    await database.close()

    p95 = quantiles(took, n=20)[-1]
    table = Table("journal", "figure", "bar")
    table.add_row("append, median", f"{1000 * median(took):.2f} ms", "")
    table.add_row("append, p95", f"{1000 * p95:.2f} ms", f"{1000 * APPEND_BAR_S:.0f} ms")
    table.add_row(f"replay of {REPLAYED:,}", f"{replay_s:.1f} s", f"{REPLAY_BAR_S:.0f} s")
    Console().print(table)
    assert row == {"rows": REPLAYED}
    assert p95 <= APPEND_BAR_S
    assert replay_s <= REPLAY_BAR_S


async def test_durability_of_conversations(database_url: str, tmp_path: Path) -> None:
    known = conninfo_to_dict(database_url)
    took = []
    async with TcpProxy(str(known["host"]), int(str(known["port"]))) as way:
        database = await Database.open(make_conninfo(database_url, host="127.0.0.1", port=way.port))
        async with database.transaction() as connection:
            owner = await add_user(connection)
            await connection.execute(_ASKED, {"owner": owner, "count": REPLAYED})
            rows = await (await connection.execute("SELECT id FROM chat_answers")).fetchall()
        await way.go_away()
        await _until(database, answers=False)
        storage = HybridStorage(database, tmp_path)
        text, embedding = "Хвалят кофе, ругают кашу [1]. " * 20, vector(*[0.05] * 384)
        for row in rows:
            conversation = answered(owner, row["id"], text=text, embedding=embedding)
            started = time.perf_counter()
            await storage.add_conversation(conversation)
            took.append(time.perf_counter() - started)
        way.come_back()
        await _until(database, answers=True)
        started = time.perf_counter()
        after_restart = HybridStorage(database, tmp_path)
        await after_restart.settle()
        replay_s = time.perf_counter() - started
        stats = await after_restart.get_stats(owner)
        await database.close()

    p95 = quantiles(took, n=20)[-1]
    table = Table("conversations", "figure", "bar")
    table.add_row("written to the journal, median", f"{1000 * median(took):.2f} ms", "")
    table.add_row("written to the journal, p95", f"{1000 * p95:.2f} ms", f"{1000 * APPEND_BAR_S:.0f} ms")
    table.add_row(f"replay of {REPLAYED:,}", f"{replay_s:.1f} s", f"{REPLAY_BAR_S:.0f} s")
    Console().print(table)
    assert stats.conversations == REPLAYED
    assert p95 <= APPEND_BAR_S
    assert replay_s <= REPLAY_BAR_S


async def _dies(way: TcpProxy) -> None:
    await way.go_away()


async def _falls_silent(way: TcpProxy) -> None:
    way.stop_up()


async def _until(database: Database, *, answers: bool) -> float:
    started = time.perf_counter()
    while True:
        try:
            async with asyncio.timeout(NOTICED_BAR_S + BACK_BAR_S):
                await database.check()
            there = True
        except DatabaseUnavailable:
            there = False
        if there == answers:
            return time.perf_counter() - started
        await asyncio.sleep(POLL_S)


@pytest.mark.parametrize("goes", [_dies, _falls_silent])
async def test_durability_of_an_absence(database_url: str, goes: Callable[[TcpProxy], Awaitable[None]]) -> None:
    known = conninfo_to_dict(database_url)
    async with TcpProxy(str(known["host"]), int(str(known["port"]))) as way:
        database = await Database.open(make_conninfo(database_url, host="127.0.0.1", port=way.port))
        noticed, back = [], []
        for _ in range(ABSENCES):
            await asyncio.sleep(0.3)
            await goes(way)
            noticed.append(await _until(database, answers=False))
            way.come_back()
            way.clear()
            back.append(await _until(database, answers=True))
        await database.close()
    table = Table("the database", "longest", "bar")
    table.add_row(f"{goes.__name__.strip('_')}: noticed", f"{max(noticed):.2f} s", f"{NOTICED_BAR_S:.0f} s")
    table.add_row(f"{goes.__name__.strip('_')}: back", f"{max(back):.2f} s", f"{BACK_BAR_S:.0f} s")
    Console().print(table)
    assert max(noticed) <= NOTICED_BAR_S
    assert max(back) <= BACK_BAR_S
