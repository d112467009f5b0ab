"""Citations in a model's text: found in whichever spelling, and put aside so that the text can be read without them.

Models write «[1]», «[1, 2]», «[1-3]», «[№1]», «[отрывок 1]», «[источник: 1]», «[^1]», «[1](address)», «【1】»,
«【1†источник】», «［1］», «¹», «(отрывок 1)», «в отрывке 1». They also write «(1)», which counts only where the
text has no citation in brackets.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

SIGN = "\ue000"
"""Stands for all citations at a place. It is of the private use area, and taken out of what models write."""
_ITEM = re.compile(
    r"\s{0,3}(?:(№|#|\^|отрыв[а-яё]{2,4}|источник[а-яё]{0,2}|см\.?|passages?|sources?|и\b|and\b)"
    r"|(\d{1,3})(?!\d)|([,;&])|([-–—])|(:))",
    re.IGNORECASE,
)
"""A word, a number, a separator, the sign of a range, or the colon behind a word."""
_RAISED_DIGIT = "[⁰¹²³⁴-⁹]"
_CITATION = re.compile(
    r"[\[【［](?P<bracketed>[^\[\]【】［］\n]{1,400})[\]】］](?:\([^()\s]{0,300}\))?"
    r"|\((?P<parenthesised>[^()\n]{1,80})\)"
    r"|\b(?:во?|из|см\.|по|согласно)\s{1,3}отрывк[а-яё]{1,3}\s{1,3}(?P<prose>(?:№\s?)?\d{1,3}(?:(?:,\s|\sи\s)\d{1,3}\b){0,9})\b"
    rf"|(?<!\d)(?<!\bм)(?<!\bкм)(?<!\bсм)(?<!\bm)(?P<raised>{_RAISED_DIGIT}{{1,9}}(?:[,⁻˒]{_RAISED_DIGIT}{{1,3}}){{0,9}})",
    re.IGNORECASE,
)
_RAISED_TO_PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻˒", "0123456789-,")
_ADJACENT = re.compile(rf"{SIGN}(?:(?:[ \t\u00a0,;&]|\bи\b|\band\b){{0,5}}{SIGN})+")
_SPACE_BEFORE = re.compile(rf"[ \t\u00a0]{{0,9}}{SIGN}")
_SPACES_BEFORE_STOP = re.compile(r"[ \t\u00a0]{1,9}([.,;:!?])")


class Marked(NamedTuple):
    """A text with ``SIGN`` where it cites, and the passages that it cites there, in the order of the signs."""

    text: str
    cited: list[tuple[int, ...]]


def marked(text: str, there: Collection[int]) -> Marked:
    """Put the citations of a text aside. Of the numbers only those that are ``there`` are kept, which may be none."""
    text = text.replace(SIGN, "")
    has_brackets = any(
        match["bracketed"] and _numbers(match["bracketed"], there) is not None for match in _CITATION.finditer(text)
    )
    found: list[tuple[int, ...]] = []

    def put_aside(match: re.Match[str]) -> str:
        numbers = _cited_by(match, there, has_brackets=has_brackets)
        if numbers is None:
            return match[0]
        found.append(numbers)
        return SIGN

    text = _CITATION.sub(put_aside, text)
    groups: list[tuple[int, ...]] = []
    signs = iter(found)

    def put_together(match: re.Match[str]) -> str:
        numbers = [number for _ in range(match[0].count(SIGN)) for number in next(signs)]
        groups.append(tuple(dict.fromkeys(numbers)))
        return SIGN

    text = re.sub(rf"{_ADJACENT.pattern}|{SIGN}", put_together, text)
    return Marked(text, groups)


def shown(text: str, cited: Iterator[tuple[int, ...]]) -> str:
    """Return a text with the next of ``cited`` in the place of each sign: « [1][2]», nothing for none."""

    def spelled(_: re.Match[str]) -> str:
        numbers = "".join(f"[{number}]" for number in next(cited))
        return f" {numbers}" if numbers else ""

    return _SPACES_BEFORE_STOP.sub(r"\1", _SPACE_BEFORE.sub(spelled, text)).strip()


def _cited_by(match: re.Match[str], there: Collection[int], *, has_brackets: bool) -> tuple[int, ...] | None:
    """Return the numbers that a spelling cites; None where it is no citation."""
    if match["raised"]:
        return _raised_numbers(match["raised"], there)
    if match["parenthesised"]:
        inside = match["parenthesised"]
        numbers = _numbers(inside, there)
        is_spelled = any(each.isalpha() or each in "№#" for each in inside)
        return numbers if is_spelled or (numbers and not has_brackets) else None
    return _numbers(match["bracketed"] or match["prose"], there)


def _numbers(written: str, there: Collection[int]) -> tuple[int, ...] | None:
    """Return the numbers in what stands between brackets; None where something else stands there, too."""
    written = written.partition("†")[0].strip()
    numbers: list[int] = []
    place, before, ranged = 0, "", False
    while item := _ITEM.match(written, place):
        word, number, _, dash, colon = item.groups()
        if number is not None:
            last = int(number)
            first = numbers.pop() if before == "range" else last
            numbers.append(first)
            numbers += [each for each in sorted(there) if first < each <= last]
            ranged = before == "range"
        elif (dash and (before != "number" or ranged)) or (colon and before != "word"):
            return None
        before = "word" if word else "number" if number is not None else "range" if dash else ""
        place = item.end()
    if written[place:].strip() or before == "range" or not numbers:
        return None
    return tuple(dict.fromkeys(number for number in numbers if number in there))


def _raised_numbers(written: str, there: Collection[int]) -> tuple[int, ...]:
    plain = written.translate(_RAISED_TO_PLAIN)
    if not set("-,") & set(plain) and int(plain) not in there:
        plain = ",".join(plain)
    return _numbers(plain, there) or ()
