"""Russian text as it is said: numbers, dates, times, units and abbreviations in words.

Engines read digits in another language, one by one or not at all; a sentence in words every voice says right. Numbers
stand in the nominative, since nothing here knows the case that a sentence asks for.
"""

import re
from collections.abc import Callable

from num2words import num2words  # type: ignore[import-untyped]

from texts.speeches import (
    ABBREVIATIONS,
    CITY,
    COUNTED,
    ENDINGS,
    FEMININE,
    IN_YEAR,
    LETTERS,
    MINUS,
    MONTHS,
    NUMBER_SIGN,
    SIGNS,
    TO,
    YEAR,
)

_MOST_DIGITS = 12
"""Longer numbers are names of something: they are said digit by digit."""
_MONTH = "|".join(MONTHS)
_NUMBER = r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d+"
_UNIT = "|".join(re.escape(unit) for unit in sorted(COUNTED, key=len, reverse=True))
_FORMS = {unit: re.escape(unit).replace(r"\ ", r"[ \u00a0]?") for unit in ABBREVIATIONS}
_ABBREVIATION = re.compile(
    "|".join(rf"(?<![\w-]){_FORMS[each]}(?!\w)" for each in sorted(ABBREVIATIONS, key=len, reverse=True)), re.IGNORECASE
)
_DATE = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(\d{4})(?:\s?г(?:\.|ода\b))?(?!\d)")
_ISO_DATE = re.compile(r"(?<![\d-])(\d{4})-(\d\d)-(\d\d)(?![\d-])")
_DAY = re.compile(rf"(?<!\d)(\d{{1,2}})\s({_MONTH})(?:\s(\d{{4}})(?:\s?(?:г\.|года\b))?)?(?!\d)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(\d{4})\s?г(?:\.|ода\b)")
_IN_YEAR = re.compile(r"(?<!\w)([вВ])\s(\d{4})\s?г(?:\.|оду\b)")
_ENDED = re.compile(rf"(?<![\w.,])(\d{{1,4}})-({'|'.join(ENDINGS)})(?![\w-])")
_CITY = re.compile(r"(?<!\w)г\.\s?(?=[А-ЯЁ])")
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):(\d\d)(?::(\d\d))?(?![\d:])")
_RANGE = re.compile(r"(?<=\d)\s?[–—]\s?(?=\d)|(?<=\d)-(?=\d)")
_NUMERO = re.compile(r"№\s?(?=\w)")
_MEASURED = re.compile(
    rf"(?<![\w.,])([-−]?)({_NUMBER})(?:[.,](\d{{1,6}}))?(?![A-Za-z])(?:\s?({_UNIT})(?!\w)\.?(?!\w))?"
)
_MONEY_FIRST = re.compile(rf"([$€₽])\s?((?:{_NUMBER})(?:[.,]\d{{1,2}})?)")
_REST = re.compile(r"\d+")
_CONSONANTS = re.compile(r"(?<![\w-])[БВГДЖЗЙКЛМНПРСТФХЦЧШЩ]{2,5}(?![\w-])")
_CYRILLIC = re.compile(r"[А-Яа-яЁё]")
_LATIN = re.compile(r"[A-Za-z]")
_BLANKS = re.compile(r"[ \t\u00a0\u202f]+")


def in_words(text: str) -> str:
    """Return a text as it is said; one with more Latin letters than Russian ones stays as it is."""
    cyrillic = len(_CYRILLIC.findall(text))
    if cyrillic < len(_LATIN.findall(text)):
        return text
    steps: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
        (_DATE, lambda found: _date(found[1], found[2], found[3]) or found[0]),
        (_ISO_DATE, lambda found: _date(found[3], found[2], found[1]) or found[0]),
        (_DAY, lambda found: _day(found[1], found[2].lower(), found[3]) or found[0]),
        (_IN_YEAR, lambda found: f"{found[1]} {_ordinal(found[2], case='p')} {IN_YEAR}"),
        (_YEAR, lambda found: f"{_ordinal(found[1])} {YEAR}"),
        (_ENDED, _ended),
        (_CITY, lambda _: f"{CITY} "),
        (_CLOCK, _clock),
        (_MONEY_FIRST, lambda found: f"{found[2]} {found[1]}"),
        (_RANGE, lambda _: TO),
        (_NUMERO, lambda _: f"{NUMBER_SIGN} "),
        (_MEASURED, _measured),
        (_REST, lambda found: f" {_cardinal(found[0])} "),
        (_ABBREVIATION, _abbreviation),
        (_CONSONANTS, lambda found: " ".join(LETTERS[each] for each in found[0].lower())),
    )
    for pattern, said in steps:
        text = pattern.sub(said, text)
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    return "\n".join(_BLANKS.sub(" ", line).strip() for line in text.split("\n"))


def _cardinal(digits: str, *, feminine: bool = False) -> str:
    if len(digits) > _MOST_DIGITS or (digits.startswith("0") and digits != "0"):
        return " ".join(_cardinal(each) for each in digits)
    return str(num2words(int(digits), lang="ru", gender="f" if feminine else "m"))


def _ordinal(digits: str, gender: str = "m", case: str = "g", *, plural: bool = False) -> str:
    return str(num2words(int(digits), lang="ru", to="ordinal", case=case, gender=gender, plural=plural))


def _ended(found: re.Match[str]) -> str:
    """Say «2-й» as «второй»."""
    case, gender = ENDINGS[found[2]]
    return _ordinal(found[1], gender or "m", case, plural=not gender)


def _date(day: str, month: str, year: str) -> str | None:
    if not 1 <= int(month) <= len(MONTHS):
        return None
    return _day(day, MONTHS[int(month) - 1], year)


def _day(day: str, month: str, year: str | None) -> str | None:
    if not 1 <= int(day) <= 31:
        return None
    said = f"{_ordinal(day, 'n')} {month}"
    return said if year is None else f"{said} {_ordinal(year)} {YEAR}"


def _clock(found: re.Match[str]) -> str:
    """Say «12:05» as «двенадцать ноль пять»."""
    first, *others = (each for each in found.groups() if each is not None)
    return " ".join([_cardinal(str(int(first))), *(_two_digits(each) for each in others)])


def _two_digits(digits: str) -> str:
    return _cardinal(digits) if digits.startswith("0") else _cardinal(str(int(digits)))


def _measured(found: re.Match[str]) -> str:
    sign, whole, fraction, unit = found.groups()
    digits = re.sub(r"\D", "", whole)
    noun = COUNTED.get(unit) if unit else None
    if fraction is not None:
        said = str(num2words(f"{digits}.{fraction}", lang="ru"))
        named = noun.few if noun else None
    else:
        said = _cardinal(digits, feminine=noun is not None and noun.one in FEMININE)
        named = noun.form(int(digits)) if noun else None
    return " ".join(filter(None, [MINUS if sign else "", said, named]))


def _abbreviation(found: re.Match[str]) -> str:
    written = re.sub(r"(?<=\.)[ \u00a0]?(?=\w)", " ", found[0].replace("\u00a0", " ").lower())
    said = ABBREVIATIONS.get(written, found[0])
    return said.capitalize() if found[0][0].isupper() else said
