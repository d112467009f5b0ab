"""«По всем интервью» over a real database: what is counted for whom, and the screens as a person uses them."""

import io
from collections.abc import Mapping
from datetime import date
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from docx import Document

import transcripts_store
from across_world import DAY, add_interview, add_report
from datamodels import (
    BuildingType,
    Recording,
    RecordingMetadata,
    Role,
    Segment,
    Transcript,
    User,
    Visibility,
)
from datamodels_telegram import ChatId, MessageId, TelegramPerson
from db import Connection, Database
from default_pack import PACK
from errors import NotFound, OutdatedButton
from markups.callback_data import unpack
from message_tracker import MessageTracker
from my_reports_world import FilesDouble
from reports.across.service import AcrossInterviews
from reports.across.values import Wanted
from reviewed_storyboards import is_as_reviewed
from screens import drawn
from telegram_handlers.across import AcrossHandlers, AcrossWork
from telegram_handlers.context import Context
from users_store import ensure_telegram_user

TODAY = date(2026, 11, 29)
ZARYA = RecordingMetadata(recorded_on=DAY, place="Заря", building=BuildingType.HOTEL, employee="Иванова Мария")
VOLNA = RecordingMetadata(recorded_on=DAY, place="Волна", building=BuildingType.HOTEL, employee="Петров Иван")
_people = count(7_000_000_000)


@pytest.fixture
async def clean(followed: Database) -> Database:
    """A database with nobody in it: a team sees all of its recordings."""
    return followed


class Asker:
    """A person who counts, in a private chat with the bot."""

    def __init__(self, database: Database, user: User) -> None:
        self.database, self.user, self.id = database, user, user.id
        self.telegram = FilesDouble()
        self.across = AcrossInterviews(database, PACK, lambda: TODAY)
        work = AcrossWork(self.across, lambda: TODAY, Path())
        self.presses = AcrossHandlers(MessageTracker(database, self.telegram), work).routes().presses
        self.chat = ChatId(user.telegram_id or 0)
        self.heard: list[str] = []

    @classmethod
    async def come(cls, database: Database, name: str = "Анна") -> "Asker":
        async with database.transaction() as connection:
            person = TelegramPerson(id=next(_people), name=name)
            return cls(database, await ensure_telegram_user(connection, person, Role.GUEST))

    async def counts(self, wanted: Wanted | None = None) -> Mapping[str, int]:
        """By how many interviews each factor is mentioned."""
        result = await self.across.count(self.id, wanted or Wanted())
        return {factor.label: factor.count for factor in result.counted.factors}

    async def interviews(self) -> int:
        return len((await self.across.count(self.id, Wanted())).counted.interviews)

    @property
    def last(self) -> str:
        return drawn(list(self.telegram.chats[self.chat].values())[-1])

    async def press(self, label: str) -> str:
        """Press the latest button that begins so; return the latest message."""
        for message, screen in reversed(self.telegram.chats[self.chat].items()):
            for button in (button for row in screen.keyboard for button in row):
                if button.text.startswith(label):
                    self.telegram.tell(f"{self.user.name} presses [{button.text}]")
                    return await self.press_data(button.data, message)
        raise AssertionError(f"no button «{label}» in\n{self.last}")

    async def press_data(self, data: str, message: MessageId | None = None) -> str:
        press = unpack(data)
        _, handler = self.presses[press.action]
        await handler(Context(self.user, self.chat, self._hear, message), press)
        return self.last if self.chat in self.telegram.chats else ""

    async def _hear(self, text: str) -> None:
        self.telegram.tell(f"bot over the button: {text}")
        self.heard.append(text)


@pytest.fixture
async def anna(clean: Database) -> Asker:
    return await Asker.come(clean)


@pytest.fixture
async def boris(clean: Database) -> Asker:
    return await Asker.come(clean, "Борис")


async def test_a_colleagues_interviews_count_and_their_private_ones_do_not(anna: Asker, boris: Asker) -> None:
    async with anna.database.transaction() as connection:
        await add_interview(connection, anna.id, ["srv_breakfast"], visibility=Visibility.PRIVATE)
        await add_interview(connection, boris.id, ["srv_breakfast", "des_noise"])
        await add_interview(connection, boris.id, ["loc_center"], visibility=Visibility.PRIVATE)
    assert await anna.counts() == {"Завтрак": 2, "Звукоизоляция номера": 1}
    assert await boris.counts() == {"Близость к центру города": 1, "Завтрак": 1, "Звукоизоляция номера": 1}


async def test_of_several_reports_on_a_recording_the_latest_counts(anna: Asker) -> None:
    async with anna.database.transaction() as connection:
        recording = await add_interview(connection, anna.id, ["srv_breakfast"])
        await add_report(connection, recording, ["des_noise", "des_noise"])
    assert await anna.counts() == {"Звукоизоляция номера": 1}
    assert await anna.interviews() == 1


async def test_a_file_that_two_people_sent_is_one_interview(anna: Asker, boris: Asker) -> None:
    async with anna.database.transaction() as connection:
        await add_interview(connection, anna.id, ["srv_breakfast"], content=b"same")
        await add_interview(connection, boris.id, ["srv_breakfast"], content=b"same")
    assert await anna.counts() == {"Завтрак": 1}


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM recordings WHERE id = %(id)s",
        "DELETE FROM report_runs WHERE recording_id = %(id)s",
        "UPDATE recordings SET scenario = 'design' WHERE id = %(id)s",
        "UPDATE report_runs SET status = 'running' WHERE recording_id = %(id)s",
        "UPDATE report_runs SET report_id = 'report_int_specific' WHERE recording_id = %(id)s",
    ],
    ids=["recording deleted", "report deleted", "other scenario", "written anew", "other report"],
)
async def test_what_is_not_there_any_more_does_not_count(anna: Asker, change: str) -> None:
    async with anna.database.transaction() as connection:
        recording = await add_interview(connection, anna.id, ["srv_breakfast"])
        await add_interview(connection, anna.id, ["des_noise"])
        await connection.execute(change.encode(), {"id": recording.id})
    assert await anna.counts() == {"Звукоизоляция номера": 1}


@pytest.mark.parametrize("items", [None, '{"renamed": []}'])
async def test_a_report_without_stored_items_is_named_and_one_without_factors_counts(
    anna: Asker, items: str | None
) -> None:
    async with anna.database.transaction() as connection:
        before = await add_interview(connection, anna.id, ["srv_breakfast"])
        await connection.execute("UPDATE report_runs SET items = %s WHERE recording_id = %s", [items, before.id])
        await add_interview(connection, anna.id, [])
        await add_interview(connection, anna.id, ["des_noise"])
    counted = (await anna.across.count(anna.id, Wanted())).counted
    assert (len(counted.interviews), counted.without_data) == (2, 1)
    assert "Не учтено записей: 1." in await anna.press_data("across_count||1")
    async with anna.database.transaction() as connection:
        await add_report(connection, before, ["srv_breakfast"])
    assert (await anna.across.count(anna.id, Wanted())).counted.without_data == 0


async def test_filters_are_chosen_by_taps_and_narrow_what_is_counted(anna: Asker) -> None:
    async with anna.database.transaction() as connection:
        await add_interview(connection, anna.id, ["srv_breakfast", "des_noise"], metadata=ZARYA)
        await add_interview(connection, anna.id, ["srv_breakfast"], metadata=ZARYA)
        await add_interview(connection, anna.id, ["loc_center"], metadata=VOLNA)
    assert "Все заведения, сотрудники и даты.\n\nПодходит: 3 интервью." in await anna.press_data("across")
    assert "[Заря · 2]\n[Волна · 1]\n[Любой вариант]" in await anna.press("🏨 Заведение")
    assert "Заведение: Заря\n\nПодходит: 2 интервью." in await anna.press("Заря")
    assert "[Иванова Мария · 1]" not in await anna.press("👤 Сотрудник")
    assert "Петров" not in anna.last
    await anna.press("Иванова Мария · 2")
    await anna.press("📅 Период")
    await anna.press("ноябрь 2026 · 2")
    screen = await anna.press("📊 Посчитать")
    assert "Сотрудник: Иванова Мария\nПериод: с 01.11.2026 по 30.11.2026\n\n2 интервью, 2 фактора." in screen
    assert "1. Завтрак — 2 из 2 (100 %)\n2. Звукоизоляция номера — 1 из 2 (50 %)" in screen
    assert "О насыщении судить рано" in screen
    await anna.press("⚙️ Условия")
    assert "Подходит: 3 интервью." in await anna.press("🧹 Сбросить")


async def test_a_period_without_interviews_says_so(anna: Asker) -> None:
    async with anna.database.transaction() as connection:
        await add_interview(
            connection, anna.id, ["srv_breakfast"], metadata=RecordingMetadata(recorded_on=date(2025, 1, 2))
        )
    await anna.press_data("across_choose||period||1")
    screen = await anna.press("30 дней")
    assert "Подходит: 0 интервью.\n\nПод эти условия не подходит ни одно интервью." in screen
    assert "Посчитать" not in screen


async def test_before_the_first_report_it_is_said_what_to_do(anna: Asker) -> None:
    screen = await anna.press_data("across")
    assert "нет ни одного готового отчета с факторами" in screen
    assert "Посчитать" not in screen
    assert "0 интервью, 0 факторов." in await anna.press_data("across_count||1")
    await anna.press_data("across_choose||place||1")
    assert anna.heard == ["Выбирать не из чего: этого нет ни у одной подходящей записи"]


async def test_another_report_is_counted_when_chosen(anna: Asker) -> None:
    async with anna.database.transaction() as connection:
        await add_interview(connection, anna.id, ["srv_breakfast"])
    await anna.press_data("across_report")
    assert "4) Факторы в этом заведении" in await anna.press("4) Факторы")
    assert "нет ни одного готового отчета" in anna.last
    with pytest.raises(OutdatedButton):
        await anna.press_data("across_report||3")


async def _with_transcript(connection: Connection, recording: Recording) -> None:
    texts = ("Что вам важно?", "Слова гостя: завтрак.", "Понятно.")
    transcript = Transcript(
        language="ru",
        engine="whisper",
        model="base",
        duration_s=900.0,
        speakers=2,
        segments=tuple(
            Segment(
                start=755.0 + 6 * place, end=760.0 + 6 * place, text=text, role="Клиент" if place == 1 else "Сотрудник"
            )
            for place, text in enumerate(texts)
        ),
    )
    await transcripts_store.save_transcript(connection, recording.id, transcript, "hash")


async def test_the_storyboard_is_as_it_was_reviewed(anna: Asker) -> None:
    anna.telegram.tell("Анна presses [📊 По всем интервью]")
    await anna.press_data("across")
    async with anna.database.transaction() as connection:
        await add_interview(connection, anna.id, ["srv_breakfast", "des_noise"], metadata=ZARYA)
        latest = await add_interview(connection, anna.id, ["srv_breakfast"], metadata=VOLNA)
        await _with_transcript(connection, latest)
    anna.telegram.tell("Анна presses [📊 По всем интервью]")
    await anna.press_data("across")
    for label in (
        "🏨 Заведение",
        "Заря",
        "🏨 Заведение",
        "Любой",
        "📊 Посчитать",
        "1",
        "1",
        "« К факторам",
    ):
        await anna.press(label)
    is_as_reviewed("across", anna.telegram.told)


async def test_a_quote_opens_its_place_with_its_neighbours(anna: Asker, boris: Asker) -> None:
    async with anna.database.transaction() as connection:
        recording = await add_interview(connection, boris.id, ["srv_breakfast"])
        await _with_transcript(connection, recording)
    await anna.press_data("across_count||1")
    screen = await anna.press("1")
    assert "<b>Завтрак</b>\nСервис · 1 из 1 интервью (100 %). По месяцам: мало данных." in screen
    assert "1. «слова гостя: Завтрак»\n— запись №1 (Борис), 03.11.2026, Клиент, 12:41" in screen
    passage = await anna.press("1")
    assert passage.startswith("🎙 <b>Запись №1 (Борис)</b>, 12:41\n\n[12:35] [Сотрудник:] Что вам важно?\n")
    assert "[12:41] [Клиент:] Слова гостя: завтрак." in passage
    assert "[🎙" not in passage
    await boris.press_data("across_count||1")
    await boris.press("1")
    assert "— запись №1, 03.11.2026" in boris.last
    assert (await boris.press("1")).endswith("[🎙 Карточка записи №1]")


async def test_a_place_in_a_recording_that_was_closed_or_deleted_does_not_open(anna: Asker, boris: Asker) -> None:
    async with anna.database.transaction() as connection:
        recording = await add_interview(connection, boris.id, ["srv_breakfast"])
        await _with_transcript(connection, recording)
    assert (await anna.across.passage(anna.id, recording.id, 761)).segments
    for change in ("UPDATE recordings SET visibility = 'private'", "DELETE FROM recordings"):
        async with anna.database.transaction() as connection:
            await connection.execute(change.encode())
        with pytest.raises(NotFound):
            await anna.across.passage(anna.id, recording.id, 761)
    await anna.press_data(f"across_passage||a{uuid4().hex}||762")
    assert anna.heard == ["Этой записи больше нет или её закрыл владелец."]


async def test_chart_and_files_are_sent_and_the_numbers_stay_below(anna: Asker) -> None:
    async with anna.database.transaction() as connection:
        for _ in range(3):
            await add_interview(connection, anna.id, ["srv_breakfast", "des_noise"], metadata=ZARYA)
    await anna.press_data("across_count||1")
    await anna.press("📈 График")
    assert anna.telegram.files[-1].name == "По всем интервью 29.11.2026.png"
    assert anna.telegram.files[-1].content.startswith(b"\x89PNG")
    await anna.press("DOCX")
    told = "\n".join(paragraph.text for paragraph in Document(io.BytesIO(anna.telegram.files[-1].content)).paragraphs)
    assert "Завтрак: 3 из 3" in told
    assert "«слова гостя: Завтрак» (запись №3, 03.11.2026, Клиент, 12:41)" in told
    await anna.press("MD")
    assert "| 1 | Завтрак | Сервис | 3 из 3 | 100 % | мало данных |" in anna.telegram.files[-1].text
    assert "2 фактора." in anna.last


async def test_a_factor_that_is_gone_and_forged_buttons_break_nothing(anna: Asker) -> None:
    await anna.press_data("across_factor||f00||1")
    assert anna.heard == ["Этого фактора под такими условиями больше нет. Посчитайте заново."]
    for data in (
        "across_set||place||castle",
        "across_set||moon||all",
        "across_choose||1",
        "across_set",
        "across_file||exe",
    ):
        with pytest.raises(OutdatedButton):
            await anna.press_data(data)
