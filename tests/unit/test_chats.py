"""Titles and days of chats: whatever is typed or asked."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chats.threads import day_bounds, parse_title, title_from
from errors import BadText
from screens import NASTY, nasty_text
from text_cleaning import one_line


@given(nasty_text)
def test_a_title_from_a_question_is_one_short_line(question: str) -> None:
    title = title_from(question)
    assert len(title) <= 50
    assert title == one_line(title)


@given(st.lists(st.text(alphabet="абвгд", min_size=1, max_size=20), min_size=1, max_size=20))
def test_a_long_question_is_cut_between_words(words: list[str]) -> None:
    question = " ".join(words)
    title = title_from(question)
    if len(question) <= 50:
        assert title == question
    else:
        assert title.endswith("…")
        assert question.startswith(title[:-1])
        assert question[len(title) - 1] == " "


def test_a_word_longer_than_a_title_is_cut_inside() -> None:
    assert title_from("я" * 80) == "я" * (49) + "…"


def test_a_joined_emoji_in_a_title_stays_one() -> None:
    assert parse_title("Семья 👨‍👩‍👧 в отеле") == "Семья 👨‍👩‍👧 в отеле"
    assert title_from("Семья 👨‍👩‍👧 в отеле?") == "Семья 👨‍👩‍👧 в отеле?"
    assert title_from("👨‍👩‍👧" * 20) == "👨‍👩‍👧" * 9 + "…"


@pytest.mark.parametrize("length", [1, 50])
def test_a_title_of_1_to_50_characters_is_taken(length: int) -> None:
    assert parse_title("я" * length) == "я" * length


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00", "\u200b\u202e", "я" * (51), NASTY[1]])
def test_a_title_that_is_blank_or_too_long_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadText, match=r"(Название пустое|В названии \d+ символ).*\.$"):
        parse_title(text)


def test_lines_of_a_title_become_one_and_its_markup_stays_text() -> None:
    assert parse_title(" **Завтрак**\n<b>в</b>\r\nотеле ") == "**Завтрак** <b>в</b> отеле"


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 1, 1)))
def test_a_day_ends_where_the_next_begins(day: date) -> None:
    beginning, end = day_bounds(day)
    assert end == day_bounds(day + timedelta(days=1))[0]
    assert beginning.astimezone().date() == day
    assert timedelta(hours=22) < end - beginning < timedelta(hours=26)
