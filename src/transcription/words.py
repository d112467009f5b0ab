"""The words of a segment, as the engine gives them or as its text has them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from datamodels import Segment, Word
from text_cleaning import folded


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a segment. ``span`` is its place in the segment's text, ``position`` its index among the words.

    ``timed`` is False when the times are estimated from ``span``.
    """

    normalised: str
    start: float
    end: float
    position: int
    span: tuple[int, int]
    word: Word | None

    @property
    def timed(self) -> bool:
        return self.word is not None

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def normalised(text: str) -> str:
    """Return the text as it is compared: lower case, ё as е, letters and digits only, single spaces."""
    return " ".join(re.findall(r"[^\W_]+", folded(text)))


def tokens_of(segment: Segment) -> tuple[Token, ...]:
    """Split a segment into words. Without the engine's words, times are estimated from the places in the text."""
    heard = _heard_words(segment)
    if heard is not None:
        return heard
    length = max(len(segment.text), 1)
    pace = (segment.end - segment.start) / length
    return tuple(
        Token(
            normalised=normalised(match[0]),
            start=segment.start + match.start() * pace,
            end=segment.start + match.end() * pace,
            position=position,
            span=match.span(),
            word=None,
        )
        for position, match in enumerate(re.finditer(r"\S+", segment.text))
    )


def _heard_words(segment: Segment) -> tuple[Token, ...] | None:
    """Return the engine's words; None when there are none, or when they differ from the text."""
    if not segment.words:
        return None
    tokens: list[Token] = []
    at = 0
    for word in segment.words:
        text = word.text.strip()
        begin = segment.text.find(text, at)
        if begin < 0:
            return None
        at = begin + len(text)
        tokens.append(Token(normalised(text), word.start, word.end, len(tokens), (begin, at), word))
    return tuple(tokens)


def keep_tokens(segment: Segment, tokens: Sequence[Token], kept: Sequence[Token]) -> Segment:
    """Return the segment reduced to ``kept``, a non-empty subsequence of its ``tokens``."""
    if len(kept) == len(tokens):
        return segment
    # Neighbours keep what stands between them in the text, so that spacing and punctuation stay.
    runs = [list(run) for _, run in groupby(enumerate(kept), key=lambda item: item[1].position - item[0])]
    text = " ".join(segment.text[run[0][1].span[0] : run[-1][1].span[1]] for run in runs)
    words = tuple(token.word for token in kept if token.word is not None)
    return segment.model_copy(
        update={"text": text, "start": kept[0].start, "end": kept[-1].end, "words": words or None}
    )
