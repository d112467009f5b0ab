"""What people type about their reports."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import BadText
from screens import nasty_text
from telegram_handlers.my_reports_shared import parse_number, parse_period, parse_title, parse_title_part
from text_cleaning import one_line


@given(st.text(max_size=30), st.frozensets(st.integers(1, 20), max_size=5))
def test_a_number_is_ascii_digits_of_the_list_or_the_reason_is_told(text: str, numbers: frozenset[int]) -> None:
    try:
        number = parse_number(text, numbers)
    except BadText:
        assert text.strip() not in set(map(str, numbers))
    else:
        assert number in numbers
        assert "".join(sign for sign in text if sign in "0123456789").lstrip("0") == str(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), (" 5\n", 5), ("005", 5), ("№5", 5), ("№ 5", 5), ("5.", 5), ("№5.", 5), ("#7", 7), ("номер 7", 7)],
)
def test_a_number_is_understood_as_the_list_prints_it(text: str, number: int) -> None:
    assert parse_number(text, {5, 7}) == number


def test_an_empty_list_has_no_number() -> None:
    with pytest.raises(BadText, match="самый большой номер в списке — 0"):
        parse_number("1", frozenset())


def test_a_number_between_those_of_the_list_is_not_in_it() -> None:
    with pytest.raises(BadText, match="Отчета №6 в списке нет"):
        parse_number("6", {5, 7})


@given(nasty_text)
def test_a_title_is_one_clean_line_of_at_most_two_hundred_characters(text: str) -> None:
    try:
        title = parse_title(text, "старое")
    except BadText:
        assert not 0 < len(one_line(text)) <= 200 or one_line(text) == "старое"
    else:
        assert 0 < len(title) <= 200
        assert title == one_line(title)


def test_a_joined_emoji_in_a_title_stays_one() -> None:
    assert parse_title("Семья 👨‍👩‍👧", "старое") == "Семья 👨‍👩‍👧"
    assert parse_title_part("👨‍👩‍👧") == "👨‍👩‍👧"


def test_the_old_title_is_no_new_one() -> None:
    with pytest.raises(BadText, match="уже так называется"):
        parse_title(" старое ", "старое")


@pytest.mark.parametrize("text", ["", " \n", "\u200b"])
def test_nothing_cannot_be_looked_for(text: str) -> None:
    with pytest.raises(BadText, match="Искать нечего"):
        parse_title_part(text)


def test_a_part_of_a_title_is_no_longer_than_a_title() -> None:
    assert parse_title_part(" связки\nотель ") == "связки отель"
    with pytest.raises(BadText, match="не больше 200"):
        parse_title_part("я" * 201)


THIRD, NINTH = date(2026, 11, 3), date(2026, 11, 9)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("03.11.2026 – 09.11.2026", (THIRD, NINTH)),
        ("с 2026-11-03 по 2026.11.09", (THIRD, NINTH)),
        ("03.11.2026", (THIRD, THIRD)),
        ("С 03.11.2026", (THIRD, None)),
        ("до 09.11.2026", (None, NINTH)),
        ("по 09.11.2026 включительно", (None, NINTH)),
        ("03.11.2999", (date(2999, 11, 3), date(2999, 11, 3))),
        ("сегодня", (NINTH, NINTH)),
        ("вчера", (date(2026, 11, 8), date(2026, 11, 8))),
        ("с 3 ноября", (THIRD, None)),
        ("3.11", (THIRD, THIRD)),
        ("с 3 по 9 ноября", (THIRD, NINTH)),
        ("3–9 ноября 2026", (THIRD, NINTH)),
        ("с 25 декабря по 5 января", (date(2025, 12, 25), date(2026, 1, 5))),
        ("Эта неделя", (NINTH, date(2026, 11, 15))),
        ("за прошлую неделю", (date(2026, 11, 2), date(2026, 11, 8))),
        ("этот месяц", (date(2026, 11, 1), date(2026, 11, 30))),
        ("прошлый месяц", (date(2026, 10, 1), date(2026, 10, 31))),
        ("ноябрь", (date(2026, 11, 1), date(2026, 11, 30))),
        ("в декабре", (date(2025, 12, 1), date(2025, 12, 31))),
        ("май 2026", (date(2026, 5, 1), date(2026, 5, 31))),
        ("март", (date(2026, 3, 1), date(2026, 3, 31))),
        ("2025 год", (date(2025, 1, 1), date(2025, 12, 31))),
    ],
)
def test_a_period_is_two_dates_or_one_or_an_end(text: str, period: tuple[date | None, date | None]) -> None:
    assert parse_period(text, NINTH) == period


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("утром", "нет даты"),
        ("", "нет даты"),
        ("09.11.2026 03.11.2026", "Первая дата позже"),
        ("01.11.2026 02.11.2026 03.11.2026", "больше двух дат"),
        ("31.02.2026", "31.02.2026"),
        ("1.1.1", "1.1.1"),
    ],
)
def test_what_is_no_period_is_explained(text: str, reason: str) -> None:
    with pytest.raises(BadText, match=reason):
        parse_period(text, NINTH)


@given(st.text(max_size=60))
def test_any_text_is_a_period_or_has_a_reason(text: str) -> None:
    try:
        first, last = parse_period(text, NINTH)
    except BadText:
        return
    assert first is not None or last is not None
