"""A research by command: killed again and again it pays for each part once, and a stuck provider ends in a sentence."""

import asyncio
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import users_store
from db import Database
from installations import Ground, Installation
from interruptions import wait_until
from openai_answers import chat_answer
from openai_faults import CHAT, Fault, Kind
from research_world import QUESTION, add_interview, research_answer

pytestmark = pytest.mark.timeout(600)

INTERVIEWS = 50
KILLS = (1, 8, 20, 33, 52)
"""Answers that are stored when the command is killed: the plan, transcripts, the last of them and a group."""
ASKED = 1 + INTERVIEWS + 2 + 1
"""The plan, every interview, the groups of two of the three aspects, the summary."""
AT_ONCE = 2
_STORED = "SELECT (SELECT count(*) FROM report_passes) + (SELECT count(*) FROM research_answers)"


async def fill(dsn: str) -> None:
    database = await Database.open(dsn)
    async with database.transaction() as connection:
        owner = await users_store.ensure_local_user(connection)
        for number in range(1, INTERVIEWS + 1):
            await add_interview(connection, owner, number, "Астория" if number % 2 else "Заря")
    await database.close()


def is_stored(installation: Installation, answers: int) -> bool:
    return int(installation.value(_STORED)) == answers


@pytest.fixture
def researched(ground: Ground, tmp_path: Path) -> Iterator[Installation]:
    """An installation with transcripts, over a model that can answer a research."""
    with ground.installation(tmp_path) as installation:
        asyncio.run(fill(installation.product.settings["DATABASE_URL"]))
        ground.server.chat = research_answer
        yield installation
        ground.server.chat = chat_answer


def test_killed_five_times_it_pays_for_each_part_once(researched: Installation) -> None:
    command = ("research", QUESTION, "--yes", "--out", researched.out)
    for stored in KILLS:
        researched.tap.answer(stored - int(researched.value(_STORED)))
        with researched.product.started(*command) as process:
            wait_until(partial(is_stored, researched, stored), process)
            process.kill()
            process.communicate()
        assert process.returncode == -signal.SIGKILL
    researched.tap.answer(None)

    outcome = researched.product.run(*command)

    assert outcome.status == 0, outcome.said
    answered = [question.sha256 for question in researched.questions() if question.status == 200]
    assert len(answered) == len(set(answered)) == ASKED
    assert len(researched.asked()) <= ASKED + AT_ONCE * len(KILLS), "what a kill cut off is asked again, once"
    [report] = researched.out.glob("*.md")
    text = report.read_text(encoding="utf-8")
    assert "Прочитаны все подходящие интервью: 50." in text
    assert "### 1. Не хватало горячих блюд — 50 из 50 интервью" in text
    assert "По заведениям: Астория — 25 из 25, Заря — 25 из 25." in text
    assert len(list(researched.out.glob("*.docx"))) == 1
    assert researched.value("SELECT count(*) FROM report_runs") == 1
    assert researched.value("SELECT count(*) FROM procrastinate_jobs WHERE status <> 'aborted'") == 0

    # A stuck provider ends another question in a sentence.
    researched.product.settings["LLM_TIMEOUT_S"] = "0.5"
    researched.tap.add(Fault(Kind.HANG, path=CHAT, times=100))
    stuck = researched.product.run("research", "Что говорят о парковке?", "--yes", "--out", researched.out)
    assert stuck.status == 3
    assert "не отвечает" in stuck.said
    assert "Traceback" not in stuck.said
