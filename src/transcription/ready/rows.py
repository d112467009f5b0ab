"""Lines and cues of a ready transcript as rows: time, who speaks, and what is said, as far as the file tells."""

import html
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pysubs2 import SSAFile
from pysubs2.exceptions import Pysubs2Error

_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?"
_BETWEEN = r"\s*(?:-->|[-–—])\s*"
_NAME = r"[^\W\d_][^\n:\[\]|<>]{0,58}?"
CUES = re.compile(rf"^[ \t]{{0,9}}{_TIME}[ \t]{{0,9}}-->[ \t]{{0,9}}{_TIME}", re.MULTILINE)
"""The line of times above a subtitle."""
_TIMED = re.compile(rf"^[\[(]?({_TIME})(?:{_BETWEEN}({_TIME}))?[\])]?(?:\s*[-–—:|]\s*|\s+|$)(.*)$")
_NAMED_THEN_TIMED = re.compile(rf"^({_NAME})\s*:?\s*[\[(]?({_TIME})[\])]?\s*:?(?:\s+(.*))?$")
_BRACKETED = re.compile(r"^\[([^\n\[\]]{1,250}?):?\]:?\s+(.*)$")
_CELL = re.compile(rf"^({_NAME})\s+\|\s+(.*)$")
_LABELLED = re.compile(rf"^({_NAME}):\s+(.*)$")
_MOST_WORDS = 4
"""A longer beginning before a colon is a sentence and no name."""
_VOICE = re.compile(r"<v(?:\.[^ >]*)?\s+([^>\n]{1,250})>")
_TAG = re.compile(r"</?[a-zA-Z0-9.:][^<>\n]{0,200}>")


class Row(NamedTuple):
    """A line of a ready transcript; times in seconds, None where the line has none.

    ``sure`` tells that ``label`` can be nothing but a speaker; else it may be words before a colon, which are not in
    ``text``.
    """

    start: float | None
    end: float | None
    label: str | None
    sure: bool
    text: str


def rows_of_lines(lines: Sequence[str]) -> list[Row]:
    """Return a row for each line that is not blank: «[12:41] Анна: Да», «12:41 | Анна | Да», «Анна: Да»."""
    # Runs of blanks are one: the forms below would try each of them as an end.
    return [_row(line) for each in lines if (line := " ".join(each.strip(" \t\ufeff#").split()))]


def rows_of_cues(text: str, form: str) -> list[Row]:
    """Return a row for each line of the subtitles; ``form`` is ``srt`` or ``vtt``. A cue's later lines have no times.

    Lines that a player shows again below the next one, as in automatic captions, are left out.
    """
    if form == "vtt":
        text = _VOICE.sub(r"[\1:] ", text)
    try:
        events = SSAFile.from_string(text, format_=form).events
    except (Pysubs2Error, ValueError, IndexError):
        return []
    rows: list[Row] = []
    last: tuple[int, list[str]] = (-1, [])
    for event in sorted(events, key=lambda each: each.start):
        # A file that was put together from two may have cues without words.
        lines = [said for line in event.plaintext.split("\n") if (said := _said(line))]
        shown = list(lines)
        while lines and event.start <= last[0] and lines[0] in last[1]:
            lines.pop(0)
        last = (max(event.end, event.start), shown)
        rows.extend(_rows_of_cue(lines, event.start / 1000, max(event.start, event.end) / 1000))
    return rows


def _said(line: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", line)).split())


def _rows_of_cue(lines: Sequence[str], start: float, end: float) -> Iterator[Row]:
    for number, line in enumerate(lines):
        label, sure, text = _label(line)
        timed = number == 0 or label is not None
        yield Row(start if timed else None, end if timed else None, label, sure, text)


def _row(line: str) -> Row:
    timed = _TIMED.match(line)
    if timed:
        label, sure, text = _label(timed[3])
        return Row(seconds(timed[1]), seconds(timed[2]) if timed[2] else None, label, sure, text)
    named = _NAMED_THEN_TIMED.match(line)
    if named and len(named[1].split()) <= _MOST_WORDS:
        return Row(seconds(named[2]), None, named[1].strip(), True, (named[3] or "").strip())
    label, sure, text = _label(line)
    return Row(None, None, label, sure, text)


def _label(text: str) -> tuple[str | None, bool, str]:
    """Return who speaks by the beginning of a line, whether that is sure, and the rest of the line."""
    for form, sure in ((_BRACKETED, True), (_CELL, True), (_LABELLED, False)):
        found = form.match(text)
        if found and (sure or len(found[1].split()) <= _MOST_WORDS):
            return found[1].strip(), sure, found[2].strip()
    return None, False, text.strip()


def seconds(time: str) -> float:
    """Return the seconds of a time such as «12:41», «1:02:41» or «00:12:41,500»."""
    *hours, minutes, seconds = time.replace(",", ".").split(":")
    return 3600.0 * int(hours[0] if hours else 0) + 60.0 * int(minutes) + float(seconds)
