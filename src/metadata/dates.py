"""Dates in the forms in which people write them: «03.11.2026», «3.11», «3 ноября», «вчера»."""

import re
from datetime import date, timedelta

import texts.metadata
from errors import BadText
from text_cleaning import folded, one_line, preview

LONGEST_QUOTED = 60
_CENTURY = 2000
_MONTHS_OF_YEAR, _MOST_DAYS = 12, 31
_LEAP_YEARS_AT_MOST = 8
"""Years after which 29 February comes again at the latest."""

_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})"
_YEAR_FIRST = re.compile(r"(?<![0-9])(?P<year>[0-9]{4})([./-])(?P<month>[0-9]{1,2})\2(?P<day>[0-9]{1,2})(?![0-9])")
_DAY_FIRST = re.compile(
    rf"(?<![0-9./-])(?P<day>[0-9]{{1,2}})([./-])(?P<month>[0-9]{{1,2}})(?:\2{_YEAR})?(?![0-9]|[./-][0-9])"
)
_MONTHS = (
    "янв(?:ар[ья])?",
    "фев(?:р|рал[ья])?",
    "мар(?:та?)?",
    "апр(?:ел[ья])?",
    "ма[йя]",
    "июн[ья]?",
    "июл[ья]?",
    "авг(?:уста?)?",
    "сент?(?:ябр[ья])?",
    "окт(?:ябр[ья])?",
    "ноя(?:б|бр[ья])?",
    "дек(?:абр[ья])?",
)
_IN_WORDS = re.compile(
    rf"(?<![0-9])(?P<day>[0-9]{{1,2}})(?:-?го)?\s+(?P<name>{'|'.join(_MONTHS)})\b\.?(?:\s+{_YEAR}(?![0-9]))?",
    re.IGNORECASE,
)
_DAYS_AGO = {"сегодня": 0, "вчера": 1, "позавчера": 2}
_WORD = re.compile(r"[^\W\d_]+")


def parse_date(text: str, today: date) -> date:
    """Parse a date that is not after ``today``; without a year, the latest such day is meant.

    ``date.max`` for ``today`` allows days to come; then a year is needed. Raises ``BadText``.
    """
    said = folded(text)
    relative = [_DAYS_AGO[word] for word in _WORD.findall(said) if word in _DAYS_AGO]
    if relative and today != date.max:
        return today - timedelta(days=relative[0])
    match = _YEAR_FIRST.search(said) or _DAY_FIRST.search(said) or _IN_WORDS.search(said)
    if match is None or (match["year"] is None and today == date.max):
        raise BadText(reason=texts.metadata.DATE_FORMAT.format(value=preview(one_line(text), LONGEST_QUOTED)))
    named = match.groupdict()
    month = _month(named["name"]) if "name" in named else int(named["month"])
    try:
        found = _dated(named["year"], month, int(named["day"]), today)
    except ValueError:
        raise BadText(reason=texts.metadata.NO_SUCH_DATE.format(value=match[0])) from None
    if found > today:
        raise BadText(reason=texts.metadata.DATE_IN_FUTURE.format(value=match[0]))
    return found


def without_dates(text: str) -> str:
    """Return the text without its dates: «Запись 17 от 3.11» is «Запись 17 от ». «12/2» may be a number and stays."""
    for pattern in (_YEAR_FIRST, _DAY_FIRST, _IN_WORDS):
        text = pattern.sub(_unless_date, text)
    return text


def _unless_date(match: re.Match[str]) -> str:
    named = match.groupdict()
    if "name" in named:
        return ""
    is_date = 1 <= int(named["month"]) <= _MONTHS_OF_YEAR and 1 <= int(named["day"]) <= _MOST_DAYS
    return "" if is_date and (named["year"] is not None or match[2] == ".") else match[0]


def _month(name: str) -> int:
    return next(number for number, spelling in enumerate(_MONTHS, 1) if re.fullmatch(spelling, name))


def _dated(year: str | None, month: int, day: int, today: date) -> date:
    """Return the day; without a ``year``, the latest that has come. Raises ``ValueError`` when there is none."""
    if year is not None:
        return date(int(year) + (_CENTURY if len(year) == len("26") else 0), month, day)
    date(2000, month, day)  # a leap year has every day there is
    for past in range(_LEAP_YEARS_AT_MOST + 1):
        try:
            found = date(today.year - past, month, day)
        except ValueError:
            continue  # 29 February
        if found <= today:
            return found
    raise ValueError(f"{day}.{month} has not come for {_LEAP_YEARS_AT_MOST} years")
