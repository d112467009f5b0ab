"""Questions whose answers come piece by piece, and research, while the bot is killed."""

from collections.abc import Callable
from pathlib import Path

import users_store
from bot import Bot
from datamodels import Role
from datamodels_telegram import TelegramPerson
from db import Database
from interrupted_bot import Interruptible, until
from openai_faults import CHAT
from research_world import QUESTION, add_interview, research_answer
from steps import LONG_S, gets_transcript, live, recording, says, times_shown
from telegram_user import ScriptedUser

ASKED = "Что гости говорят о завтраках?"
SEARCHING = "🔎 Ищу в записях…"
INTERVIEWS = 4
STEPS = 1 + INTERVIEWS + 1 + 1
"""The plan, every interview, the groups of one of the three aspects, the summary."""
_STORED = "SELECT (SELECT count(*) FROM report_passes) + (SELECT count(*) FROM research_answers)"


async def test_an_answer_is_seen_while_it_is_written_and_comes_once_when_the_bot_is_killed_meanwhile(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser], tmp_path: Path
) -> None:
    interrupted = await interruptible()
    anna, endpoint = newcomer(), interrupted.endpoint
    with says(endpoint, 3):
        await anna.send_file(await recording(tmp_path / "Беседа.ogg", 6), kind="audio")
        await gets_transcript(anna, "Беседа.ogg")
    endpoint.goes_on.clear()
    asked = await anna.send(ASKED)
    begun = await anna.sees("В записях об этом сказано", after=asked, timeout=LONG_S)
    assert begun.text.endswith("…")
    assert "📎 Источники" not in begun.text
    assert not begun.all_buttons
    await interrupted.bot.kill()
    endpoint.goes_on.set()
    await interrupted.bot.start()
    answer = await anna.sees("📎 Источники", after=asked, timeout=LONG_S)
    assert answer.id == begun.id
    assert "[1] Запись №1" in answer.text
    assert times_shown(anna, "📎 Источники") == 1
    assert not live(anna, SEARCHING)
    assert len(endpoint.asked(CHAT)) == len(live(anna, "📎 Источники")) + 1, "what the kill cut off is asked once more"


async def has_interviews(bot: Bot, person: ScriptedUser) -> None:
    database = await Database.open(bot.product.settings["DATABASE_URL"])
    async with database.transaction() as connection:
        known = TelegramPerson(id=person.id, name=person.name)
        owner = await users_store.ensure_telegram_user(connection, known, Role.USER)
        for number in range(1, INTERVIEWS + 1):
            await add_interview(connection, owner.id, number, "Астория")
    await database.close()


async def test_a_bot_killed_during_a_research_pays_each_part_once_and_tells_its_end_once(
    interruptible: Interruptible, newcomer: Callable[[], ScriptedUser]
) -> None:
    interrupted = await interruptible()
    anna, tap = newcomer(), interrupted.tap
    interrupted.endpoint.chat = research_answer
    await has_interviews(interrupted.bot, anna)
    await anna.send(QUESTION)
    await anna.press("🔬 Глубже", timeout=LONG_S)
    asked_before = len(interrupted.endpoint.asked(CHAT))
    tap.answer(0)
    await anna.press("🔬 Начать")
    for stored in (2, 5):
        # Everything that was answered before is stored by now: no answer is lost by the kill.
        tap.answer(stored - int(interrupted.value(_STORED)))
        await until(lambda stored=stored: int(interrupted.value(_STORED)) == stored, f"{stored} answers")  # type: ignore[misc]
        await interrupted.bot.kill()
        tap.answer(0)
        await interrupted.bot.start()
    tap.answer(None)
    report = await anna.sees("Отчёт целиком — в файле.", timeout=LONG_S)
    assert "Прочитаны все подходящие интервью: 4." in report.text
    assert int(interrupted.value(_STORED)) == STEPS
    research = interrupted.endpoint.asked(CHAT)[asked_before:]
    paid = [request.sha256 for request in research if request.status == 200]
    assert len(paid) == len(set(paid)) == STEPS
    await interrupted.bot.restart()
    await anna.send("/status")
    await anna.sees("Сейчас", after=report)
    assert times_shown(anna, "Отчёт целиком — в файле.") == 1
