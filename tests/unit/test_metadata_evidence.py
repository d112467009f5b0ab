"""What counts as said: names in any case, numbers and dates as digits and as words."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metadata.proposal import Speech


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Иванова Мария", "Меня зовут Мария Иванова."),
        ("Мария Иванова", "Мы говорим с Марией, фамилия её Иванова."),
        ("Салтыкова-Щедрина Анна", "с Анной Салтыковой-Щедриной"),
        ("Ростов-на-Дону", "Мы в Ростове-на-Дону."),
        ("Нижний Новгород", "сегодня мы в Нижнем Новгороде"),
        ("Гранд Отель «Заря»", "запись о гранд отеле Заря"),
        ("Семёнов Пётр", "это Петр Семенов"),
        ("Иванов И. П.", "говорит Иванов"),
    ],
)
def test_a_name_is_said_in_any_case_and_order(value: str, said: str) -> None:
    assert Speech(said).has_words(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Мария", "Меня зовут Марина."),
        ("Пётр Иванов", "Меня зовут Иванов."),
        ("Иван Петров", "Иван Сидоров ведёт запись в этом отеле уже пятый год, а Анна Петрова отвечает."),
        ("И. П.", "Иван Петрович"),
        ("«»", "«»"),
        ("Мария", ""),
    ],
)
def test_another_name_is_not_said(value: str, said: str) -> None:
    assert not Speech(said).has_words(value)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (17, "файл номер 17"),
        (17, "файл 017"),
        (17, "номер семнадцать, третье ноября"),
        (17, "семнадцатая запись"),
        (20, "двадцатый файл"),
        (26, "номер двадцать шесть"),
        (142, "сто сорок второй"),
        (300, "номер триста"),
        (2026, "две тысячи двадцать шестого года"),
        (1005, "тысяча пять"),
        (0, "номер 0"),
    ],
)
def test_a_number_is_said_as_digits_or_as_words(number: int, said: str) -> None:
    assert Speech(said).has_number(number)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (6, "двадцать шестое ноября"),
        (20, "двадцать шестое ноября"),
        (26, "две тысячи двадцать шестого"),
        (100, "сто сорок"),
        (7, "17"),
        (17, "записи нет"),
        (10**12, "много"),
    ],
)
def test_a_part_of_a_number_is_another_number(number: int, said: str) -> None:
    assert not Speech(said).has_number(number)


@given(st.integers(0, 9999))
def test_every_number_is_said_by_its_digits(number: int) -> None:
    assert Speech(f"Запись {number}.").has_number(number)


@pytest.mark.parametrize(
    "said",
    [
        "Сегодня 3 ноября 2026 года.",
        "Сегодня третье ноября две тысячи двадцать шестого года.",
        "третьего ноября двадцать шестого",
        "Дата: 03.11.2026",
    ],
)
def test_a_date_is_said_as_digits_or_as_words(said: str) -> None:
    assert Speech(said).has_date(date(2026, 11, 3))


@pytest.mark.parametrize(
    "said",
    [
        "Сегодня 3 ноября.",
        "Сегодня двадцать третье ноября 2026 года.",
        "3 октября 2026 года",
        "ноябрь 2026 года, было 3 человека",
        "3 ноября 2025 года",
    ],
)
def test_a_date_is_not_said_when_a_part_is_missing_or_another(said: str) -> None:
    assert not Speech(said).has_date(date(2026, 11, 3))


@example("𗀀 лобби", "𗀀 лобби", 1, date(2026, 11, 3))
@given(st.text(), st.text(), st.integers(0, 9999), st.dates())
def test_any_text_can_be_asked(said: str, value: str, number: int, day: date) -> None:
    speech = Speech(said)
    assert {speech.has_words(value), speech.has_number(number), speech.has_date(day)} <= {True, False}
