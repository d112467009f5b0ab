"""Words become utterances: what one person says in one breath, short enough for a subtitle and a speaker."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import exp, log

from datamodels import Segment, Word

PAUSE_S = 0.6
"""A silence between words that ends an utterance. Inside a sentence people pause for less."""

LONGEST_S = 12.0
"""An utterance that goes on for longer is cut at its longest pause: two lines of subtitles hold no more."""

_SENTENCE_S = 1.0
"""What is shorter is «3.» in a list, «Mr.» or «ул.», not a sentence, unless a pause follows."""

_SENTENCE_ENDS = (".", "?", "!", "…")
_LEAST_PROBABILITY = 1e-3


def utterances(words: Sequence[Word]) -> tuple[Segment, ...]:
    """Return ``words``, which are in order and keep their leading spaces, as segments; no word is lost or changed.

    An utterance ends with a sentence, before a pause, and before it is longer than ``LONGEST_S``. Its confidence is the
    geometric mean of its words' probabilities, None when they are not known.
    """
    return tuple(_segment(part) for sentence in _sentences(words) for part in _short(sentence))


def _sentences(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    first = 0
    for number, (word, following) in enumerate(pairwise(words), start=1):
        pause_s = following.start - word.end
        if pause_s >= PAUSE_S or (_ends_sentence(word) and word.end - words[first].start >= _SENTENCE_S):
            yield words[first:number]
            first = number
    if words:
        yield words[first:]


def _ends_sentence(word: Word) -> bool:
    return word.text.rstrip("\"»”)'").endswith(_SENTENCE_ENDS)


def _short(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    if len(words) == 1 or words[-1].end - words[0].start <= LONGEST_S:
        yield words
        return
    # Of equal pauses the one nearest to the middle, so that no half is a scrap.
    middle = (words[0].start + words[-1].end) / 2
    cut = max(
        range(1, len(words)),
        key=lambda number: (
            round(words[number].start - words[number - 1].end, 1),
            words[number - 1].text.endswith(","),
            -abs(words[number].start - middle),
        ),
    )
    yield from _short(words[:cut])
    yield from _short(words[cut:])


def _segment(words: Sequence[Word]) -> Segment:
    return Segment(
        start=words[0].start,
        end=words[-1].end,
        text="".join(word.text for word in words).strip(),
        confidence=_confidence(words),
        words=tuple(word.model_copy(update={"text": word.text.strip()}) for word in words),
    )


def _confidence(words: Sequence[Word]) -> float | None:
    known = [word.probability for word in words if word.probability is not None]
    if not known:
        return None
    return exp(sum(log(max(probability, _LEAST_PROBABILITY)) for probability in known) / len(known))
