"""Dates and periods in the forms in which people write them: «03.11.2026», «3.11», «3 ноября», «эта неделя»."""

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
    "янв(?:ар[ьяе])?",
    "фев(?:р|рал[ьяе])?",
    "мар(?:т[ае]?)?",
    "апр(?:ел[ьяе])?",
    "ма[йяе]",
    "июн[ьяе]?",
    "июл[ьяе]?",
    "авг(?:уст[ае]?)?",
    "сент?(?:ябр[ьяе])?",
    "окт(?:ябр[ьяе])?",
    "ноя(?:б|бр[ьяе])?",
    "дек(?:абр[ьяе])?",
)
_IN_WORDS = re.compile(
    rf"(?<![0-9])(?P<day>[0-9]{{1,2}})(?:-?го)?\s+(?P<name>{'|'.join(_MONTHS)})\b\.?(?:\s+{_YEAR}(?![0-9]))?",
    re.IGNORECASE,
)
_SHARED_MONTH = re.compile(
    rf"(?<![0-9./-])(?P<day>[0-9]{{1,2}})\s*(?:[-–—]|по|до)\s*(?=[0-9]{{1,2}}\s+(?P<name>(?:{'|'.join(_MONTHS)})\b(?:\s+{_YEAR})?))"
)
_DAYS_AGO = {"сегодня": 0, "вчера": 1, "позавчера": 2}
_AGO = re.compile(rf"\b(?:{'|'.join(_DAYS_AGO)})\b")
_BEFORE_PERIOD = re.compile(r"(?:за|в|во|на)\s+")
_PERIOD = re.compile(r"(?P<which>эт\w{1,3}|текущ\w+|прошл\w+|предыдущ\w+)\s+(?P<unit>недел\w{1,2}|месяц\w?|год\w?)")
_YEAR_ALONE = re.compile(r"(?P<year>20[0-9]{2})(?:\s+год\w?|\s+г\.?)?")
_MONTH_ALONE = re.compile(
    rf"(?P<name>{'|'.join(_MONTHS)})"
    r"\.?(?:\s+(?P<year>20[0-9]{2})(?:\s+год\w?|\s+г\.?)?)?"
)
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


def days_named(text: str, today: date) -> list[date]:
    """Return the days that a text names, in their order: «с 3 по 9 ноября», «вчера»; as in ``parse_date``.

    Raises:
        BadText: one of them does not exist, or has not come yet.
    """
    said = _SHARED_MONTH.sub(r"\g<day> \g<name> по ", folded(text))
    found = [match for form in (_YEAR_FIRST, _DAY_FIRST, _IN_WORDS, _AGO) for match in form.finditer(said)]
    return [parse_date(match[0], today) for match in sorted(found, key=lambda match: match.start())]


def period_named(text: str, today: date) -> tuple[date, date] | None:
    """Return the first and the last day of a week, month or year: «эта неделя», «прошлый месяц», «ноябрь», «2025».

    A month without a year is the latest that has begun. None when the text names no such period.
    """
    said = _BEFORE_PERIOD.sub("", folded(one_line(text)).strip(" .!"))
    if match := _PERIOD.fullmatch(said):
        return _from_now(match["unit"], today, back=1 if match["which"].startswith(("прошл", "предыдущ")) else 0)
    if match := _YEAR_ALONE.fullmatch(said):
        return date(int(match["year"]), 1, 1), date(int(match["year"]), 12, 31)
    if match := _MONTH_ALONE.fullmatch(said):
        month = _month(match["name"])
        year = int(match["year"] or (today.year if month <= today.month else today.year - 1))
        return _month_of(date(year, month, 1))
    return None


def _from_now(unit: str, today: date, back: int) -> tuple[date, date]:
    if unit.startswith("нед"):
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return monday, monday + timedelta(days=6)
    if unit.startswith("мес"):
        first = today.replace(day=1)
        return _month_of((first - timedelta(days=1)).replace(day=1) if back else first)
    return date(today.year - back, 1, 1), date(today.year - back, 12, 31)


def _month_of(first: date) -> tuple[date, date]:
    next_month = (first + timedelta(days=_MOST_DAYS)).replace(day=1)
    return first, next_month - timedelta(days=1)


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
