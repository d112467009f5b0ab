"""Speech in which no word was heard is heard once more, alone, and its words are put into their place."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby

from constants import SAMPLE_RATE
from datamodels import Segment, Word
from speech_to_text.local import utterances
from speech_to_text.whisper_decoding import WhisperDecoder
from speech_to_text.whisper_passages import Stretch, holes, surely_told, without_repeats

Patch = tuple[str, Stretch, list[Word]]
"""The language, place and words of a hole."""
Spoken = tuple[str, Word]
"""A word with its language."""


def words_in_holes(
    decoder: WhisperDecoder, stretches: Sequence[Stretch], words: Sequence[Word], main: str
) -> list[Patch]:
    """Return what is heard in each hole between ``words``, alone and in its own language, else in ``main``."""
    patches = []
    for stretch in holes(stretches, words):
        seconds = (stretch[1] - stretch[0]) / SAMPLE_RATE
        language = surely_told(seconds, decoder.languages(stretch)) or main
        if found := decoder.passage(stretch, language):
            patches.append((language, stretch, found))
    return patches


def patched(spoken: Sequence[Spoken], language: str, stretch: Stretch, words: Sequence[Word]) -> list[Spoken]:
    """Put the words of a hole into their place; words before it that were drawn out over it end where they begin."""
    begin = stretch[0] / SAMPLE_RATE
    at = bisect_left(spoken, words[0].start, key=lambda each: each[1].start)
    before, after = list(spoken[:at]), list(spoken[at:])
    new = without_repeats([word for _, word in before], words, [word for _, word in after])
    if not new:
        return list(spoken)
    if before and before[-1][1].end > new[0].start:
        told, last = before[-1]
        before[-1] = told, last.model_copy(update={"end": max(last.start, min(begin, new[0].start))})
    limit = after[0][1].start if after else new[-1].end
    fitting = [word.model_copy(update={"start": min(word.start, limit), "end": min(word.end, limit)}) for word in new]
    return [*before, *((language, word) for word in fitting), *after]


def segments_of(spoken: Sequence[Spoken], main: str) -> tuple[Segment, ...]:
    """Join words into utterances of one language each; those in another one than ``main`` say so."""
    segments: list[Segment] = []
    for language, run in groupby(spoken, key=lambda each: each[0]):
        other = None if language == main else language
        found = utterances([word for _, word in run])
        segments += (segment.model_copy(update={"language": other}) if other else segment for segment in found)
    return tuple(segments)
