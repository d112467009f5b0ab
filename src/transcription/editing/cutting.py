"""Splitting an utterance and joining two, which moves the positions of all that follow. Pure functions."""

from collections.abc import Sequence
from typing import NamedTuple

import texts.editing
from constants import LONGEST_TURN_TEXT
from datamodels import Segment, Word
from errors import BadText
from text_cleaning import one_line, storable
from transcription.editing.words import with_text


class Splice(NamedTuple):
    """Segments ``after`` in the place of those ``before``, which begin at ``first``."""

    first: int
    before: Sequence[Segment]
    after: Sequence[Segment]


class Shift(NamedTuple):
    """``new`` segments took the place of ``old`` ones, which began at ``first``."""

    first: int
    old: int
    new: int


def moved_by(shifts: Sequence[Shift], position: int) -> int:
    """Return where a segment is after changes of positions, in their order; a part of it, or what it became part of."""
    for first, old, new in shifts:
        if position >= first + old:
            position += new - old
        elif position >= first:
            position = first
    return position


def split(segment: Segment, said: str) -> tuple[Segment, Segment]:
    """Return the segment in two, the first with the text ``said``, with which it begins.

    They part where its words do, as far as their times are known, else by the share of characters.

    Raises:
        BadText: it does not begin so, or nothing would be left on one side.
    """
    text, first = one_line(segment.text), one_line(storable(said))
    rest = text[len(first) :].strip()
    if not first or not rest or not text.startswith(first):
        raise BadText(reason=texts.editing.NOT_SPLIT)
    border = segment.start + (segment.end - segment.start) * len(first) / len(text)
    if segment.words is None:
        return _part(segment, first, segment.start, border, None), _part(segment, rest, border, segment.end, None)
    words = with_text(segment, text).words or ()
    tokens = first.split()
    cut = len(tokens)
    head, tail = words[:cut], words[cut:]
    if words and len(rest.split()) > len(tail):
        # In the middle of a word.
        word, share = words[cut - 1], len(tokens[-1]) / len(words[cut - 1].text)
        middle = word.start + (word.end - word.start) * share
        head = (*words[: cut - 1], _piece(tokens[-1], word.start, middle))
        tail = (_piece(rest.split()[0], middle, word.end), *tail)
    end = head[-1].end if head else border
    begin = tail[0].start if tail else border
    return _part(segment, first, segment.start, end, head), _part(segment, rest, begin, segment.end, tail)


def joined(first: Segment, second: Segment) -> Segment:
    """Return two neighbours as one segment, whose speaker is the first one's.

    Raises:
        BadText: they are too long together.
    """
    text = one_line(f"{first.text} {second.text}")
    if len(text) > LONGEST_TURN_TEXT:
        raise BadText(reason=texts.editing.TEXT_TOO_LONG.format(most=LONGEST_TURN_TEXT))
    words = None
    if first.words is not None and second.words is not None:
        words = (*first.words, *second.words)
    update = {"text": text, "end": max(first.end, second.end), "words": words}
    return first.model_copy(update=update)


def _part(segment: Segment, text: str, start: float, end: float, words: Sequence[Word] | None) -> Segment:
    update = {"text": text, "start": start, "end": end, "words": None if words is None else tuple(words)}
    return segment.model_copy(update=update)


def _piece(text: str, start: float, end: float) -> Word:
    return Word(start=start, end=end, text=text, probability=None)
