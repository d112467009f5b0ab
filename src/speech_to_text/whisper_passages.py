"""What a part of a recording is made of: passages of one language, and holes, where somebody speaks but no word was
heard.

Whisper hears up to 30 seconds at once, in one language. Without timestamps it is fast, but may drop what follows a
change of voice or of language. So speech without words is looked for, and languages are told apart stretch by stretch.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log

from constants import SAMPLE_RATE
from datamodels import Word
from text_cleaning import folded

Stretch = tuple[int, int]
"""Positions of samples, half-open: speech without a pause."""
Languages = Mapping[str, float]
"""Probabilities by ISO 639-1 code."""

_SURE = 0.5
"""Below this probability a language is not told: noise and single words are as likely in every language."""
_SURELY_ANOTHER = 0.8
"""From this probability on a passage is in another language: noise makes Russian look Ukrainian, but less so."""
FALLBACK_LANGUAGE = "ru"
"""Taken where no language is told: most recordings are Russian."""

_TELLING_S = 3.0
"""Shorter speech, the silence around it included, does not tell its language reliably."""
_CHANGE_COST = 2.5
"""What a change of language costs, as the logarithm of a ratio of probabilities: a short stretch alone changes none."""
_LEAST_PROBABILITY = 0.001

_HOLE_S = 1.2
_PADDING_S = 0.4
"""The shortest speech without words that is a hole, and what voice activity adds at both ends of speech."""
_LETTER_S = 0.12
_WORD_S = 0.5
"""A word takes no longer than ``_WORD_S`` and ``_LETTER_S`` a letter: a longer one was drawn out over speech that was
not heard."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Stretches that are heard at once, without the silence between them."""

    stretches: tuple[Stretch, ...]

    @property
    def seconds(self) -> float:
        return sum(end - start for start, end in self.stretches) / SAMPLE_RATE

    def moment(self, seconds: float) -> float:
        """Return the time in the part of a time in the chunk, both in seconds."""
        left = seconds * SAMPLE_RATE
        for start, end in self.stretches:
            if left <= end - start:
                return (start + left) / SAMPLE_RATE
            left -= end - start
        return self.stretches[-1][1] / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Heard:
    """The words of one chunk, with times in the part, and the languages that it may be in."""

    chunk: Chunk
    language: str
    languages: Languages
    words: tuple[Word, ...]


def chunks_of(stretches: Sequence[Stretch], longest_s: float) -> list[Chunk]:
    """Join neighbouring stretches into chunks of at most ``longest_s`` seconds."""
    chunks: list[Chunk] = []
    for stretch in stretches:
        longer = Chunk((*chunks[-1].stretches, stretch)) if chunks else None
        if longer is not None and longer.seconds <= longest_s:
            chunks[-1] = longer
        else:
            chunks.append(Chunk((stretch,)))
    return chunks


def chunks_by_language(
    stretches: Sequence[Stretch], languages: Sequence[str], longest_s: float
) -> list[tuple[str, Chunk]]:
    """Join neighbouring stretches of one language; ``languages`` has that of each stretch."""
    runs = groupby(zip(languages, stretches, strict=True), key=lambda pair: pair[0])
    return [
        (language, chunk) for language, run in runs for chunk in chunks_of([stretch for _, stretch in run], longest_s)
    ]


def main_language(votes: Sequence[tuple[float, Languages]]) -> tuple[str, bool]:
    """Return the language that most is spoken in, and whether that is sure.

    ``votes`` are passages: their seconds, and the languages that they may be in. Where none is sure, it is
    ``FALLBACK_LANGUAGE``.
    """
    total: Counter[str] = Counter()
    told = 0.0
    for length, languages in votes:
        total.update({language: length * probability for language, probability in languages.items()})
        told += length * max(languages.values(), default=0.0)
    if not total or told < _SURE * sum(length for length, _ in votes):
        return FALLBACK_LANGUAGE, False
    return total.most_common(1)[0][0], True


def surely_told(seconds: float, languages: Languages) -> str | None:
    """Return the language that a passage is surely in, None when it is too short or could be in several."""
    told, probability = max(languages.items(), key=lambda item: item[1], default=("", 0.0))
    return told if seconds >= _TELLING_S and probability >= _SURELY_ANOTHER else None


def smoothed_languages(passages: Sequence[tuple[float, Languages]], main: str) -> list[str]:
    """Return the language of each passage, the likeliest course of languages in which a change has a cost.

    ``passages`` are their seconds, and the languages that they may be in. Only ``main`` and languages that some
    passage is surely in are possible.
    """
    possible = [
        main,
        *sorted({told for each in passages if (told := surely_told(*each)) not in {None, main}}),
    ]
    costs = dict.fromkeys(possible, 0.0)
    came_from: list[dict[str, str]] = []
    for seconds, languages in passages:
        cheapest = min(possible, key=lambda language: costs[language])
        weight = min(seconds / _TELLING_S, 1.0)
        before = {
            language: language if costs[language] <= costs[cheapest] + _CHANGE_COST else cheapest
            for language in possible
        }
        costs = {
            language: costs[before[language]]
            + (_CHANGE_COST if before[language] != language else 0.0)
            - weight * log(max(languages.get(language, 0.0), _LEAST_PROBABILITY))
            for language in possible
        }
        came_from.append(before)
    course = [min(possible, key=lambda language: costs[language])]
    for before in reversed(came_from[1:]):
        course.append(before[course[-1]])
    return course[::-1] if passages else []


def holes(stretches: Sequence[Stretch], words: Sequence[Word]) -> list[Stretch]:
    """Return where somebody speaks and no word was heard, in order; ``words`` are in order."""
    spoken = [(word.start, min(word.end, word.start + _WORD_S + _LETTER_S * len(word.text.strip()))) for word in words]
    found: list[Stretch] = []
    at = 0
    for start, end in _touching(stretches):
        now, last = start / SAMPLE_RATE + _PADDING_S, end / SAMPLE_RATE - _PADDING_S
        while at < len(spoken) and spoken[at][0] < last:
            if spoken[at][0] - now >= _HOLE_S:
                found.append(_padded(now, spoken[at][0]))
            now = max(now, spoken[at][1])
            at += 1
        if last - now >= _HOLE_S:
            found.append(_padded(now, last))
    return found


def _touching(stretches: Sequence[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for start, end in stretches:
        if joined and joined[-1][1] >= start:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def _padded(start_s: float, end_s: float) -> Stretch:
    return round(max(start_s - _PADDING_S / 2, 0.0) * SAMPLE_RATE), round((end_s + _PADDING_S / 2) * SAMPLE_RATE)


def without_repeats(before: Sequence[Word], words: Sequence[Word], after: Sequence[Word]) -> Sequence[Word]:
    """Return the words of a hole without those at its ends that its neighbours have as well."""
    for length in range(min(len(before), len(words)), 0, -1):
        if _spelled(before[-length:]) == _spelled(words[:length]):
            words = words[length:]
            break
    for length in range(min(len(after), len(words)), 0, -1):
        if _spelled(after[:length]) == _spelled(words[-length:]):
            words = words[:-length]
            break
    return words


def _spelled(words: Sequence[Word]) -> list[str]:
    return ["".join(letter for letter in folded(word.text) if letter.isalnum()) for word in words]
