"""The words, numbers and signs of a Russian text, each word with its dictionary forms."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any

from chats.vocabulary import FRAMING, MONTHS, MULTIPLIERS, NOT_DENYING, NUMERALS, ORDINALS, WRITTEN_OUT
from morphology import parses

_LONGEST_WORD = 40
"""Letters. The dictionary has no longer ones, and takes long over them."""
_LONGEST_NUMBER = 30
_CACHED = 16_384
_UNLIKELY = 0.05
_LIKELY = 0.2
_TOKEN = re.compile(
    r"\d{1,3}(?:[ \u00a0\u202f]\d{3}){1,4}(?![\d.,]?\d)|\d+(?:[.,:]\d+){0,3}|[^\W\d_]+|[%₽№]|[^\w\s]|\n"
)
_DATE = re.compile(r"(?<!\d)(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_WIFI = re.compile(r"\b(?:wi|вай)[-‑ ]?(?:fi|фай)", re.IGNORECASE)
_DECIMAL = re.compile(r"(\d+)[.,](\d{1,2})")
_FUNCTION = frozenset(["PREP", "CONJ", "PRCL", "NPRO", "INTJ"])
_QUALITIES = frozenset(["ADJF", "ADJS", "COMP", "ADVB", "PRED"])
_VERBS = frozenset(["VERB", "INFN", "GRND", "PRTF", "PRTS"])
_POINTING = frozenset(["Apro", "Dmns", "Ques"])
_PROPER = frozenset(["Name", "Surn", "Patr", "Geox", "Orgn", "Trad"])
_HYPHENS = frozenset("-‐‑")
_SENTENCE_ENDS = frozenset(".!?…:\n*#•|>")


class Part(Enum):
    """What a word is in a sentence, as far as it matters to what the sentence says."""

    NOUN = "noun"
    QUALITY = "quality"
    VERB = "verb"
    NUMBER = "number"
    PREPOSITION = "preposition"
    FUNCTION = "function"
    SIGN = "sign"


@dataclass(frozen=True)
class Reading:
    """A word by the dictionary; ``lemmas`` are the dictionary forms of all its likely readings, with «е» for «ё»."""

    lemmas: frozenset[str]
    part: Part
    noun: bool | None = False
    """Whether it is a noun; None where it is one in some readings: «дорогой», «ночью»."""
    genitive: bool = False
    proper: bool = False
    """A name, or a word that the dictionary lacks."""
    denies: bool = False
    """A quality that is put as the denial of another one, whose lemmas it has: «неудобный»."""


@dataclass(frozen=True)
class Token:
    """A word, a number or a sign. ``value`` is that of a number."""

    text: str
    reading: Reading
    value: Decimal | None = None
    begins: bool = False
    """It is the first word of a sentence, which has a capital letter anyway."""

    @property
    def lemmas(self) -> frozenset[str]:
        return self.reading.lemmas

    @property
    def part(self) -> Part:
        return self.reading.part

    @property
    def is_name(self) -> bool:
        """Tell whether the word names somebody or something, by its capital letter."""
        return self.has_meaning and self.text[0].isupper() and (self.reading.proper or not self.begins)

    @property
    def has_meaning(self) -> bool:
        """Tell whether the word says something of its own, unlike «также» or «гости отмечают»."""
        return self.part in {Part.NOUN, Part.QUALITY, Part.VERB} and not self.lemmas & FRAMING


SIGN = Reading(frozenset(), Part.SIGN)
_KNOWN = {
    "№": Reading(frozenset(["№"]), Part.FUNCTION),
    "нет": Reading(frozenset(["нет"]), Part.FUNCTION),
    "нету": Reading(frozenset(["нет"]), Part.FUNCTION),
    "есть": Reading(frozenset(["быть"]), Part.FUNCTION),
    "нельзя": Reading(frozenset(["можно"]), Part.QUALITY, denies=True),
}
"""Words that the dictionary reads in another way."""


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a text; the parts of a word with a hyphen are tokens of their own."""
    return list(_tokens(_WIFI.sub("вайфай", _DATE.sub(_date_in_words, text))))


def _tokens(text: str) -> Iterator[Token]:
    begins, after_abbreviation = True, False
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word[0].isdecimal():
            yield from _numbers(word)
            begins = after_abbreviation = False
        elif word[0].isalpha() or word in WRITTEN_OUT:
            yield Token(word, reading_of(word), begins=begins)
            begins = False
            after_abbreviation = word.lower() in WRITTEN_OUT or word.lower() in MULTIPLIERS
        elif word not in _HYPHENS and not (word == "." and after_abbreviation):
            yield Token(word, SIGN)
            begins = word in _SENTENCE_ENDS


def _date_in_words(match: re.Match[str]) -> str:
    day, month, year = map(int, match.groups())
    return f"{day} {MONTHS[month - 1]} {year} года" if 1 <= month <= len(MONTHS) else match[0]


def _numbers(word: str) -> Iterator[Token]:
    """Yield a number, or the two of a time of day: «10:30», while «10:00» is 10."""
    for place, part in enumerate(word.split(":")):
        if place == 0 or part.strip("0"):
            yield _number(part)


def _number(written: str) -> Token:
    compact = "".join(written.split())
    fraction = _DECIMAL.fullmatch(compact)
    digits = f"{fraction[1]}.{fraction[2]}" if fraction else re.sub(r"\D", "", compact)
    return Token(written, Reading(frozenset([digits]), Part.NUMBER), Decimal(digits[:_LONGEST_NUMBER]))


@lru_cache(_CACHED)
def reading_of(word: str) -> Reading:
    """Look a word up. Blocking; 5,000 words a second that were not looked up before."""
    word = word.lower()
    word = WRITTEN_OUT.get(word, word)
    if len(word) > _LONGEST_WORD:
        return Reading(frozenset([word]), Part.NOUN, noun=True, proper=True)
    if word in _KNOWN:
        return _KNOWN[word]
    found = parses(word)
    first = found[0]
    lemma = _plain(first)
    if lemma in NUMERALS or lemma in ORDINALS or lemma in MULTIPLIERS:
        return Reading(frozenset([lemma]), Part.NUMBER)
    likely = [each for each in found if each.score >= _UNLIKELY or each is first]
    lemmas = frozenset(map(_plain, likely))
    part = Part.FUNCTION if any("Apro" in each.tag and each.score > _LIKELY for each in found) else _part(first)
    if part is Part.QUALITY and (denied := _denied_by(word, lemmas)):
        return Reading(denied, part, denies=True)
    return Reading(
        lemmas,
        part,
        noun=_all_or_some(_part(each) is Part.NOUN for each in likely),
        genitive=any("gent" in each.tag for each in found),
        proper=bool(first.tag.grammemes & _PROPER) or not first.is_known,
    )


def _all_or_some(found: Iterable[bool]) -> bool | None:
    """Return True when all are, False when none is, and else None."""
    each = set(found)
    return each.pop() if len(each) == 1 else None


def _plain(parse: Any) -> str:
    return str(parse.normal_form).replace("ё", "е")


def _part(parse: Any) -> Part:
    tag = parse.tag
    if tag.POS == "PREP":
        return Part.PREPOSITION
    if tag.POS in _FUNCTION or tag.grammemes & _POINTING:
        return Part.FUNCTION
    if tag.POS in _QUALITIES:
        return Part.QUALITY
    return Part.VERB if tag.POS in _VERBS else Part.NOUN


def _denied_by(word: str, lemmas: frozenset[str]) -> frozenset[str]:
    """Return the lemmas of what a quality like «неудобный» denies; none for other words."""
    if not word.startswith("не") or lemmas & NOT_DENYING:
        return frozenset()
    known = [each for each in parses(word[2:]) if each.is_known and each.tag.POS in _QUALITIES]
    return frozenset(map(_plain, known))
