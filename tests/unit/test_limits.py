from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from limits.values import Allowance, Resource, end_of, next_month
from limits.words import day_in_words, in_words, limited, little_left, refusal
from system.local_time import in_zone, use_zone, zone_named


@pytest.mark.parametrize(
    ("resource", "amount", "told", "told_of_rest"),
    [
        ("sound", "18000", "300 мин", "300 мин"),
        ("sound", "719.5", "12 мин", "11 мин"),
        ("tokens", "1500", "2 тыс. токенов", "1 тыс. токенов"),
        ("money", "1.234", "1,24 $", "1,23 $"),
        ("questions", "3", "3 вопроса", "3 вопроса"),
        ("storage", str(5 << 30), "5 ГБ", "5 ГБ"),
    ],
)
def test_what_is_used_is_rounded_up_and_what_is_left_down(
    resource: str, amount: str, told: str, told_of_rest: str
) -> None:
    assert in_words(Resource(resource), Decimal(amount)) == told
    assert in_words(Resource(resource), Decimal(amount), left=True) == told_of_rest


@pytest.mark.parametrize(
    ("limit", "used", "told"),
    [
        (18000, 14399, []),
        (18000, 14400, ["⏳ Осталось 60 мин из 300 мин на этот месяц."]),
        (18000, 17280, ["⏳ Осталось 12 мин из 300 мин на этот месяц."]),
        (18000, 99999, ["⏳ Осталось 0 мин из 300 мин на этот месяц."]),
        (None, 99999, []),
    ],
)
def test_what_is_left_is_told_from_a_fifth_on(limit: int | None, used: int, told: list[str]) -> None:
    known = None if limit is None else Decimal(limit)
    allowance = Allowance(resource=Resource.SOUND, limit=known, used=Decimal(used))
    assert little_left([allowance]) == told
    assert len(limited([allowance])) == (0 if limit is None else 1)


def test_a_refusal_says_what_and_how_much() -> None:
    allowance = Allowance(resource=Resource.SOUND, limit=Decimal(18000), used=Decimal(17280))
    assert (
        refusal(allowance, Decimal(1200)) == "минуты записей в этом месяце, занято 288 мин из 300 мин, нужно ещё 20 мин"
    )


def test_a_month_ends_by_the_clock_of_the_installation_wherever_its_people_are() -> None:
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    assert day_in_words(next_month(date(2026, 11, 1))) == "1 декабря"
    use_zone("Asia/Vladivostok")
    try:
        with in_zone(zone_named("Europe/Moscow")):
            assert end_of(date(2026, 11, 1)) == datetime(2026, 11, 30, 14, tzinfo=UTC)
    finally:
        use_zone(None)
