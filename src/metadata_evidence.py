"""Whether a value was said: names in any case, numbers and dates as digits or as words."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache

from metadata import lemmas

_WORD = re.compile(r"\d+|[^\W\d_]+")
_SHORTEST_WORD = 2
"""An initial is no evidence, and no lack of it."""
_BETWEEN = 4
"""Words that may stand between those of a name: «Мария, фамилия моя Иванова»."""


def _words(text: str) -> list[str]:
    return text.split()


_UNITS = _words(
    "один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать "
    "пятнадцать шестнадцать семнадцать восемнадцать девятнадцать"
)
_UNITS_ORDINAL = _words(
    "первый второй третий четвертый пятый шестой седьмой восьмой девятый десятый одиннадцатый двенадцатый тринадцатый "
    "четырнадцатый пятнадцатый шестнадцатый семнадцатый восемнадцатый девятнадцатый"
)
_TENS = _words("двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто")
_TENS_ORDINAL = _words("двадцатый тридцатый сороковой пятидесятый шестидесятый семидесятый восьмидесятый девяностый")
_HUNDREDS = _words("сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот")
_HUNDREDS_ORDINAL = _words(
    "сотый двухсотый трехсотый четырехсотый пятисотый шестисотый семисотый восьмисотый девятисотый"
)
_THOUSAND = "тысяча"
_MONTHS = _words("январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь")
_LARGEST_IN_WORDS = 9999

_MAGNITUDES = {
    **dict.fromkeys([*_UNITS, *_UNITS_ORDINAL], 1),
    **dict.fromkeys([*_TENS, *_TENS_ORDINAL], 2),
    **dict.fromkeys([*_HUNDREDS, *_HUNDREDS_ORDINAL], 3),
    _THOUSAND: 4,
}
"""A number in words goes on as long as they get smaller: «двадцать шестое» is no sixth."""


class Speech:
    """The words of a text."""

    def __init__(self, text: str) -> None:
        self._said = [_lemmas(word) for word in _WORD.findall(text.lower())]

    def has_words(self, value: str) -> bool:
        """Tell whether all words of ``value`` stand near each other, in any form and order."""
        wanted = [_lemmas(word) for word in _WORD.findall(value.lower()) if len(word) >= _SHORTEST_WORD]
        if not wanted:
            return False
        return any(
            all(any(word & said for said in self._said[start : start + len(wanted) + _BETWEEN]) for word in wanted)
            for start, first in enumerate(self._said)
            if any(word & first for word in wanted)
        )

    def has_number(self, number: int) -> bool:
        """Tell whether the number was said, as digits, «семнадцать» or «семнадцатый»."""
        return any(True for _ in self._ends(number, range(len(self._said))))

    def has_date(self, day: date) -> bool:
        """Tell whether day, month and year were said one after the other; «двадцать шестой» is enough of a year."""
        for after_day in self._ends(day.day, range(len(self._said))):
            month = self._at(after_day)
            if _MONTHS[day.month - 1] not in month and str(day.month) not in month:
                continue
            after_month = range(after_day + 1, after_day + 2)
            if any(True for year in (day.year, day.year % 100) for _ in self._ends(year, after_month)):
                return True
        return False

    def _ends(self, number: int, starts: range) -> Iterator[int]:
        """Positions after the number, where it begins at one of ``starts``."""
        spellings = _spellings(number)
        for start in starts:
            for spelling in spellings:
                end = start + len(spelling)
                if all(word in self._at(start + offset) for offset, word in enumerate(spelling)) and (
                    not self._goes_on(start, end)
                ):
                    yield end

    def _goes_on(self, start: int, end: int) -> bool:
        """Whether the words are a part of a larger number."""
        before, first, last, after = (self._magnitude(at) for at in (start - 1, start, end - 1, end))
        return bool(first and (before > first or 0 < after < last))

    def _magnitude(self, position: int) -> int:
        return max((_MAGNITUDES.get(word, 0) for word in self._at(position)), default=0)

    def _at(self, position: int) -> frozenset[str]:
        return self._said[position] if 0 <= position < len(self._said) else frozenset()


def _spellings(number: int) -> list[list[str]]:
    """The number in digits, as cardinal and as ordinal, in dictionary forms."""
    digits = [[str(number)]]
    if not 0 < number <= _LARGEST_IN_WORDS:
        return digits
    thousands, rest = divmod(number, 1000)
    begins = [[]] if thousands == 0 else [[_UNITS[thousands - 1], _THOUSAND]]
    if thousands == 1:
        begins.append([_THOUSAND])
    if rest == 0:
        return [*digits, *begins]
    return [*digits, *([*begin, *end] for begin in begins for end in _below_thousand(rest))]


def _below_thousand(number: int) -> Sequence[list[str]]:
    hundreds, rest = divmod(number, 100)
    tens, units = (0, rest) if rest < 20 else divmod(rest, 10)
    parts = [
        (_HUNDREDS, _HUNDREDS_ORDINAL, hundreds - 1),
        (_TENS, _TENS_ORDINAL, tens - 2),
        (_UNITS, _UNITS_ORDINAL, units - 1),
    ]
    said = [(cardinals[at], ordinals[at]) for cardinals, ordinals, at in parts if at >= 0]
    cardinal = [word for word, _ in said]
    return cardinal, [*cardinal[:-1], said[-1][1]]


@lru_cache(maxsize=4096)
def _lemmas(word: str) -> frozenset[str]:
    return lemmas(word)
