"""A research as its person meets it: the button under an answer, the offer, the card, the report, the archive."""

from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

import chat_history
import metadata_store
import reports_store
from datamodels import RunStatus, ScenarioId
from datamodels_chats import AnswerId, AnswerOutcome, Basis, Occasion
from datamodels_search import ChatFilters, Named, Narrowing, When
from db import Database
from default_pack import PACK
from followers_world import Clock, look
from handlers_world import TODAY, Bot, Person
from markups.my_reports import report_card
from message_tracker import MessageTracker
from object_store import ObjectStore
from outbox import Outbox, OutboxFiles
from progress import ProgressCards
from recording_wizard import RecordingWizards
from recordings.originals import Originals
from research_world import QUESTION, add_interview, answered, worked
from scripted_model import ScriptedModel


class Followers:
    """What brings a person what happened."""

    def __init__(self, bot: Bot, folder: Path) -> None:
        self.bot = bot
        messages = MessageTracker(bot.database, bot.telegram)
        files = OutboxFiles(bot.database, cast("Originals", None), PACK, folder / "outbox")
        self.clock = Clock()
        self.cards = ProgressCards(bot.database, bot.telegram, PACK, now=self.clock)
        self.wizards = RecordingWizards(bot.database, PACK, bot.jobs.enqueue_proposal, lambda: None, lambda: TODAY)
        self.outbox = Outbox(bot.database, messages, files)

    async def look(self) -> None:
        await look(self.wizards)
        await look(self.outbox, times=3)
        for _ in range(2):
            self.clock.passes(5)
            await look(self.cards)


@pytest.fixture
def bot(followed: Database, tmp_path: Path, objects: ObjectStore) -> Bot:
    made = Bot(followed, tmp_path, objects)
    made.engines.model = ScriptedModel(answered)
    return made


async def asked(person: Person) -> AnswerId:
    """An answer that the person got."""
    async with person.bot.database.transaction() as connection:
        chat = await chat_history.create_chat(connection, person.user.id)
        occasion = Occasion(door="telegram", key=uuid4().hex, turn=1)
        return await chat_history.add_question(connection, chat, occasion, QUESTION, "", None)


async def test_from_the_button_to_the_archive(bot: Bot, tmp_path: Path) -> None:
    anna, boris = await Person.come(bot, "Анна"), await Person.come(bot, "Борис")
    followers = Followers(bot, tmp_path)
    async with bot.database.transaction() as connection:
        for number in range(1, 5):
            await add_interview(connection, boris.user.id, number, "Астория")
    answer = await asked(anna)
    button = f"research||a{answer.hex}"

    await boris.press_data(button)
    assert boris.heard == ["Этого ответа у вас нет: возможно, его чат удалён."], "it is not his question"
    await anna.press_data(button)
    assert QUESTION in anna.sees
    assert "Прочитаю все подходящие записи: 4." in anna.sees
    assert "токенов" in anna.sees
    await anna.press("🔬 Начать")
    await anna.press_data(f"research_start||a{answer.hex}", update="again")
    await followers.look()
    assert anna.sees.count("Глубокое исследование") == 1, "one card, however often it is pressed"
    assert "▫ Исследование" in anna.sees

    run_id = await worked(bot)
    await followers.look()
    async with bot.database.transaction() as connection:
        run = await reports_store.get_run(connection, run_id)
    assert run.status is RunStatus.DONE
    assert "✔ Исследование" in anna.sees
    assert "Прочитаны все подходящие интервью: 4." in anna.sees
    assert "Отчёт целиком — в файле." in anna.sees
    assert boris.sees == ""
    await anna.press("MD")
    await followers.look()
    assert anna.heard[-1] == "Отправляю файл…"
    reports = await bot.archive.list(anna.user.id)
    assert [report.title for report in reports] == [f"Исследование — {QUESTION}"]
    assert f"Вопрос: {QUESTION}" in report_card(reports[0]).text
    assert list(await bot.archive.list(boris.user.id)) == []


@pytest.mark.parametrize(
    ("narrowing", "told", "reading"),
    [
        (Narrowing(named=Named(places=("Астория",))), "Где искали: «Астория».", 3),
        (Narrowing(named=Named(when=(When(day=3, month=11),))), "Где искали: 3 ноября.", 1),
        (Narrowing(named=Named(numbers=(4,))), "Где искали: №4.", 1),
        (Narrowing(named=Named(people=("Петров Пётр",))), "Где искали: Петров Пётр.", 1),
        (Narrowing(named=Named(cities=("Казань",))), "Где искали: Казань.", 3),
        (Narrowing(chat=ChatFilters(mine=True)), "Где искали: только мои записи.", 1),
        (Narrowing(chat=ChatFilters(scenario=ScenarioId("interview"))), "Где искали: сценарий «Интервью».", 5),
        (Narrowing(roles=("Клиент",)), "Прочитаю все подходящие записи: 5.", 5),
    ],
)
async def test_a_research_reads_where_the_question_was_searched(
    bot: Bot, narrowing: Narrowing, told: str, reading: int
) -> None:
    anna, boris = await Person.come(bot, "Анна"), await Person.come(bot, "Борис")
    async with bot.database.transaction() as connection:
        for number in range(1, 5):
            added = await add_interview(connection, boris.user.id, number, "Астория" if number < 4 else "Волга")
            if number == 1:
                known = await metadata_store.load_metadata(connection, added.id)
                known = known.model_copy(update={"client": "Петров Пётр", "city": "Казань"})
                await metadata_store.save_metadata(connection, added.id, known)
        await add_interview(connection, anna.user.id, 5, "Волга")
    answer = await asked(anna)
    async with bot.database.transaction() as connection:
        outcome = AnswerOutcome(basis=Basis.NOTHING, text="", narrowing=narrowing)
        await chat_history.finish_answer(connection, anna.user.id, answer, outcome)
    await anna.press_data(f"research||a{answer.hex}")
    assert told in anna.sees
    await anna.press("🔬 Начать")
    async with bot.database.transaction() as connection:
        row = await (await connection.execute("SELECT recording_ids FROM research_runs")).fetchone()
    assert row is not None
    assert len(row["recording_ids"]) == reading


async def test_cancelled_on_its_card_and_failed_with_a_way_to_go_on(bot: Bot, tmp_path: Path) -> None:
    anna = await Person.come(bot, "Анна")
    followers = Followers(bot, tmp_path)
    async with bot.database.transaction() as connection:
        await add_interview(connection, anna.user.id, 1, "Астория")
    answer = await asked(anna)
    await anna.press_data(f"research||a{answer.hex}")
    await anna.press("🔬 Начать")
    await followers.look()

    await anna.press("✖ Отменить")
    await followers.look()
    assert "✖ Исследование: отменён" in anna.sees

    bot.engines.model = None
    await anna.press_data(f"research||a{answer.hex}")
    assert "Языковая модель отключена" in anna.sees
    bot.engines.model = ScriptedModel(answered)
    await anna.press_data(f"research||a{answer.hex}")
    await anna.press("🔬 Начать")
    bot.engines.model = None
    run_id = await worked(bot)
    await followers.look()
    assert "Языковая модель отключена, поэтому отчётов и ответов нет" in anna.sees
    bot.engines.model = ScriptedModel(answered)
    await anna.press("🔁 Повторить")
    assert await worked(bot) == run_id
    await followers.look()
    assert "Прочитаны все подходящие интервью: 1." in anna.sees
