"""A segment with another text: words that stay keep their times, the others share the time between these."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

from datamodels import Segment, Word
from text_cleaning import folded

_LEAST_S = 0.05
"""Seconds that a new word needs at least; where there is less, it shares the time of the word beside it."""


def with_text(segment: Segment, text: str) -> Segment:
    """Return the segment with another text; it has times of words if it had any. Start and end stay."""
    if segment.words is None:
        return segment.model_copy(update={"text": text})
    return segment.model_copy(update={"text": text, "words": _timed(segment, text.split())})


def shared_out(texts: Sequence[str], text: str) -> list[str]:
    """Share the words of a corrected turn out among its segments, whose former ``texts`` are given.

    Each word goes to the segment of the word that it is or replaces, a new one to that of the word before it.
    """
    owners = [place for place, each in enumerate(texts) for _ in each.split()]
    old, new = [_key(word) for each in texts for word in each.split()], text.split()
    shares: list[list[str]] = [[] for _ in texts]
    matcher = SequenceMatcher(None, old, [_key(word) for word in new], autojunk=False)
    for _, first, last, begin, end in matcher.get_opcodes():
        for number, word in enumerate(new[begin:end]):
            place = min(first + number, last - 1) if last > first else max(first - 1, 0)
            shares[owners[place] if owners else 0].append(word)
    return [" ".join(share) for share in shares]


def _timed(segment: Segment, tokens: Sequence[str]) -> tuple[Word, ...]:
    words = list(segment.words or ())
    matcher = SequenceMatcher(
        None, [_key(word.text) for word in words], [_key(each) for each in tokens], autojunk=False
    )
    timed: list[Word] = []
    for kind, first, last, begin, end in matcher.get_opcodes():
        old, new = words[first:last], tokens[begin:end]
        if kind == "equal" or len(old) == len(new):
            timed += [_spelled(word, token) for word, token in zip(old, new, strict=True)]
        elif new:
            timed += _shared(timed, old, new, (segment.start, segment.end), words[last:])
    return tuple(timed)


def _shared(
    before: list[Word], old: Sequence[Word], new: Sequence[str], limits: tuple[float, float], after: Sequence[Word]
) -> list[Word]:
    """Return ``new`` in the time of ``old``, else between its neighbours; takes the word before out when it is short.

    ``limits`` are the start and end of the segment.
    """
    start = old[0].start if old else before[-1].end if before else limits[0]
    end = old[-1].end if old else after[0].start if after else limits[1]
    tokens = list(new)
    if end - start < _LEAST_S * len(tokens) and before:
        neighbour = before.pop()
        start, tokens = neighbour.start, [neighbour.text, *tokens]
        end = max(end, neighbour.end)
    lengths = [max(1, len(token)) for token in tokens]
    scale = max(0.0, end - start) / sum(lengths)
    borders = [start, *(start + scale * total for total in accumulate(lengths))]
    return [
        Word(start=begin, end=finish, text=token)
        for token, (begin, finish) in zip(tokens, pairwise(borders), strict=True)
    ]


def _spelled(word: Word, token: str) -> Word:
    same = _key(word.text) == _key(token)
    return word.model_copy(update={"text": token, "probability": word.probability if same else None})


def _key(text: str) -> str:
    return "".join(letter for letter in folded(text) if letter.isalnum()) or text
