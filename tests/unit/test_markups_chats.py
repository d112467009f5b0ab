"""Screens of chats: what Telegram takes, whatever was typed, asked, said or written."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

import markups.chats
from chats.export import EXTENSIONS, History
from chats.sources import source_line
from chats.threads import ChatPage
from constants import MESSAGE_UTF16_UNITS
from datamodels import RecordingId, UserId
from datamodels_chats import AnswerId, AnswerOutcome, Basis, Chat, ChatFigures, ChatStatistics, RatingStats, Source
from markups.callback_data import word_of
from markups.ratings import rated_messages
from markups.text import utf16_units
from screens import NASTY, check, drawn, nasty_text, read

OWNER = UserId(uuid4())
WHEN = datetime(2026, 11, 3, 12, tzinfo=UTC)


def chat(number: int = 1, title: str | None = "Завтраки", questions: int = 2) -> Chat:
    return Chat(
        owner_id=OWNER,
        number=number,
        title=title,
        questions=questions,
        answers=questions,
        created_at=WHEN,
        updated_at=WHEN,
    )


def source(number: int = 2, *speakers: str) -> Source:
    return Source(
        start=761,
        end=785,
        number=number,
        recording_id=RecordingId(uuid4()),
        recording_number=17,
        label="Интервью",
        day=date(2026, 11, 3),
        speakers=speakers,
    )


def page(count: int, number: int = 1, pages: int = 1, title: str | None = "Завтраки") -> ChatPage:
    chats = [chat(each, title) for each in range(count, 0, -1)]
    return ChatPage(chats, chats[0], number, pages, count)


def test_a_source_reads_as_people_cite_it() -> None:
    assert source_line(source(2, "Клиент")) == "[2] Интервью №17, 03.11.2026, Клиент, 12:41–13:05"
    assert source_line(source(1)) == "[1] Интервью №17, 03.11.2026, 12:41–13:05"


def test_the_list_has_a_button_for_each_chat_and_turns_its_pages() -> None:
    screen = markups.chats.chats_page(page(3, 2, 3))
    assert "[▶ №3 · Завтраки]\n[№2 · Завтраки]\n[№1 · Завтраки]\n[◀] [▶]" in drawn(screen)
    assert [button.data for button in screen.keyboard[4]] == ["menu_chats||1", "menu_chats||3"]
    assert "◀" not in drawn(markups.chats.chats_page(page(1, 1, 2)))
    assert "Страница" not in drawn(markups.chats.chats_page(page(1)))


def test_the_card_of_the_active_chat_says_so_and_guests_change_nothing() -> None:
    other = drawn(markups.chats.chat_card(chat(), active=False, may_change=True))
    assert "[💬 В чат]\n[✏️ Переименовать] [🗑️ Удалить]\n[📜 Получить историю]" in other
    here = drawn(markups.chats.chat_card(chat(), active=True, may_change=False))
    assert "В чат]" not in here
    assert "Переименовать" not in here
    assert "Этот чат открыт" in here
    empty = drawn(markups.chats.chat_card(chat(title=None, questions=0), active=True, may_change=True))
    assert "Новый чат" in empty
    assert "Вопросов ещё не было" in empty
    assert "Получить историю" not in empty


@pytest.mark.parametrize(("count", "said"), [(1, "1 вопрос"), (2, "2 вопроса"), (5, "5 вопросов"), (11, "11 вопросов")])
def test_questions_are_counted_in_russian(count: int, said: str) -> None:
    assert f"{said} ·" in drawn(markups.chats.chat_card(chat(questions=count), active=True, may_change=True))


@given(title=nasty_text, note=nasty_text)
def test_any_title_makes_good_screens(title: str, note: str) -> None:
    named = chat(2**31 - 1, title or None)
    check(markups.chats.chats_page(ChatPage([named], named, 1, 1, 1)))
    check(markups.chats.chat_card(named, active=False, may_change=True, note=markups.chats.renamed(named)))
    check(markups.chats.chats_page(ChatPage([named], named, 1, 1, 1), markups.chats.deleted(named)))
    check(markups.chats.switched(named))
    check(markups.chats.ask_title(named, note))
    check(markups.chats.delete_question(named))
    check(markups.chats.history_question(named))
    check(markups.chats.bad_day(note or "?"))
    for extension in EXTENSIONS:
        check(markups.chats.history_caption(History(named, date(2026, 11, 3), 5), extension))
        check(markups.chats.history_caption(History(named, None, 1), extension))
    check(markups.chats.no_history(named, None))
    check(markups.chats.no_history(named, date(2026, 11, 3), range(1, 100)))


@given(
    question=nasty_text,
    text=st.one_of(st.sampled_from(NASTY), st.text(max_size=9000), st.sampled_from(["слово " * 3000, "**я** " * 2000])),
    basis=st.sampled_from(Basis),
    note=st.sampled_from(["", "Заметка & <примечание>"]),
    count=st.integers(0, 8),
)
def test_any_answer_makes_messages_that_telegram_takes(
    question: str, text: str, basis: Basis, note: str, count: int
) -> None:
    sources = tuple(source(number, "Клиент", "Очень длинная роль " * 3) for number in range(1, count + 1))
    outcome = AnswerOutcome(basis=basis, text=text, note=note, sources=sources)
    for screen in markups.chats.answer_messages(question, outcome):
        check(screen)
        assert utf16_units(read(screen)) <= MESSAGE_UTF16_UNITS


def test_a_long_answer_is_told_whole() -> None:
    words = [f"слово{number}" for number in range(3000)]
    outcome = AnswerOutcome(basis=Basis.QUOTES, text=" ".join(words), sources=(source(),))
    screens = markups.chats.answer_messages("Что?", outcome)
    told = " ".join(" ".join(read(screen).split()) for screen in screens)
    assert " ".join(words) in told
    assert len(screens) > 1
    assert "📎 Источники [2] Интервью №17" in told


def test_an_answer_has_the_question_above_and_the_sources_below() -> None:
    outcome = AnswerOutcome(basis=Basis.MODEL, text="**Мало** горячего [2].", sources=(source(2, "Клиент"),))
    [screen] = markups.chats.answer_messages("Что о завтраке?", outcome)
    assert screen.text == (
        "<i>❓ Что о завтраке?</i>\n\n<b>Мало</b> горячего [2].\n\n"
        "📎 <b>Источники</b>\n[2] Интервью №17, 03.11.2026, Клиент, 12:41–13:05"
    )


def test_each_source_that_was_said_opens_at_its_place() -> None:
    said, written = source(2), source(3).model_copy(update={"section": "Факторы"})
    outcome = AnswerOutcome(basis=Basis.QUOTES, text="Мало [2][3].", sources=(said, written))
    [screen] = rated_messages("Что?", outcome, AnswerId(uuid4()))
    assert said.recording_id is not None
    opens = [each for row in screen.keyboard for each in row if each.text.startswith("▶")]
    assert [(each.text, each.data) for each in opens] == [("▶ 2", f"across_passage||{word_of(said.recording_id)}||762")]


def test_a_note_stands_above_quotes_and_below_an_answer() -> None:
    for basis, first in ((Basis.QUOTES, "Заметка"), (Basis.MODEL, "Текст")):
        [screen] = markups.chats.answer_messages("Что?", AnswerOutcome(basis=basis, text="Текст", note="Заметка"))
        assert min(("Заметка", "Текст"), key=screen.text.index) == first


def test_an_answer_that_failed_says_so() -> None:
    [screen] = markups.chats.answer_messages("Что?", None)
    assert "Ответить не получилось" in screen.text


def test_statistics_show_both_times() -> None:
    figures = ChatFigures(chats=2, questions=5, answers=4, fast=3, deep=1, unanswered=1, tokens=1200)
    text = markups.chats.statistics(
        ChatStatistics(recent=figures, all=figures, ratings=RatingStats(by_stars=(0, 0, 0, 1, 1)))
    ).text
    assert "За 30 дней" in text
    assert "За всё время" in text
    assert "Ответов: 4 (быстрых 3, глубоких 1, без ответа в базе 1)" in text
    assert text.count("в среднем 4,5") == 1
