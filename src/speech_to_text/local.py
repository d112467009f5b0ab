"""What engines on this machine share: they read samples, find speech in them, work in a thread, and form utterances.

An utterance is what one person says in one breath, and short enough for a subtitle.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import pairwise
from math import exp, log
from pathlib import Path
from threading import Event
from typing import TypeVar

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps  # type: ignore[import-untyped]
from numpy.typing import NDArray

import texts.errors
from constants import SAMPLE_RATE
from datamodels import Segment, Word
from errors import WeightsRefused
from system.priority import yield_processor

Samples = NDArray[np.float32]
"""Samples (n,), mono, 16 kHz, in [-1, 1]."""

_SAMPLE_BYTES = 2
_FULL_SCALE = np.float32(32768.0)

_SHORTEST_SILENCE_MS = 160
_PADDING_MS = 400

_FINGERPRINT_BYTES = 1024 * 1024

_Result = TypeVar("_Result")


class _Stopped(Exception):
    """A signal of this module: ends the work of an ``EngineThread`` once its ``stop`` event is set."""


def end_when_stopped(stop: Event) -> None:
    """Raise an error that ends the work of an ``EngineThread``, when ``stop`` is set."""
    if stop.is_set():
        raise _Stopped


def read_samples(pcm: Path, start_s: float, end_s: float) -> Samples:
    """Return the samples of ``[start_s, end_s)`` of the prepared audio; fewer where the file ends earlier."""
    first, last = round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)
    samples = np.fromfile(pcm, dtype="<i2", count=last - first, offset=first * _SAMPLE_BYTES)
    return samples.astype(np.float32) / _FULL_SCALE


def voice_activity_options(longest_s: float) -> VadOptions:
    """Return settings for silero, which finds stretches of speech of at most ``longest_s`` seconds.

    Short silences are enough to end a stretch, and its padding is generous.
    """
    return VadOptions(
        max_speech_duration_s=longest_s, min_silence_duration_ms=_SHORTEST_SILENCE_MS, speech_pad_ms=_PADDING_MS
    )


def speech_stretches(samples: Samples, longest_s: float) -> list[tuple[int, int]]:
    """Return where somebody speaks without a pause, as half-open ranges ``[first, end)`` of positions of samples."""
    found = get_speech_timestamps(samples, voice_activity_options(longest_s))
    return [(int(each["start"]), int(each["end"])) for each in found]


def joined_at_pauses(stretches: Sequence[tuple[int, int]], longest_s: float) -> tuple[tuple[int, int], ...]:
    """Join neighbouring ``stretches`` of speech, with the silences between them, to at most ``longest_s`` seconds.

    What follows is cut off at the longest silence of the second half, so that sentences stay whole.
    """
    chunks: list[tuple[int, int]] = []
    first = 0
    while first < len(stretches):
        start = stretches[first][0]
        fitting = [
            number
            for number in range(first + 1, len(stretches) + 1)
            if number == first + 1 or stretches[number - 1][1] - start <= longest_s * SAMPLE_RATE
        ]
        last = fitting[-1]
        if last < len(stretches):
            late = [number for number in fitting if stretches[number - 1][1] - start >= longest_s * SAMPLE_RATE / 2]
            last = max(late or [last], key=lambda number: (stretches[number][0] - stretches[number - 1][1], number))
        chunks.append((start, stretches[last - 1][1]))
        first = last
    return tuple(chunks)


def speech_chunks(samples: Samples, longest_s: float) -> tuple[tuple[int, int], ...]:
    """Return the chunks of ``samples`` that hold speech, as half-open ranges of positions of samples.

    A chunk begins and ends in a silence wherever a silence is in reach, and has at most ``longest_s`` seconds.
    """
    return joined_at_pauses(speech_stretches(samples, longest_s), longest_s)


def fingerprint(identity: str, files: Iterable[Path]) -> str:
    """Return a hash of ``identity``, and of name, size, head and tail of each of a model's files.

    The files are not hashed whole: gigabytes would delay every start.

    Raises:
        WeightsRefused: a file is missing or unreadable.
    """
    digest = sha256(identity.encode())
    for path in files:
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                digest.update(f"{path.name} {size}".encode())
                for position in (0, max(size - _FINGERPRINT_BYTES, 0)):
                    file.seek(position)
                    digest.update(file.read(_FINGERPRINT_BYTES))
        except OSError as exc:
            reason = texts.errors.MODEL_FILE_UNREADABLE.format(file=path.name)
            raise WeightsRefused(name=path.parent.name, reason=reason) from exc
    return digest.hexdigest()


class EngineThread:
    """Runs an engine's work, one piece after the other, off the event loop."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, name, initializer=yield_processor)
        self._stops: set[Event] = set()

    async def run(self, work: Callable[[Event], _Result]) -> _Result:
        """Run ``work`` and return its result.

        The event that ``work`` gets is set when the caller is cancelled or the thread closed: then ``work`` must end
        soon.
        """
        stop = Event()
        self._stops.add(stop)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work, stop)
        finally:
            stop.set()
            self._stops.discard(stop)

    async def close(self) -> None:
        """Stop the work and wait for the thread's end."""
        for stop in self._stops:
            stop.set()
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)


PAUSE_S = 0.6
"""A silence between words that ends an utterance, in seconds. Pauses inside a sentence are shorter."""

LONGEST_S = 12.0
"""The longest utterance, in seconds. A longer one is cut at its longest pause: two lines of subtitles hold no more."""

_SENTENCE_S = 1.0
"""The shortest sentence, in seconds, unless a pause follows. A full stop that comes sooner belongs to «3.» or «ул.»."""

_SENTENCE_ENDS = (".", "?", "!", "…")
_LEAST_PROBABILITY = 1e-3


def utterances(words: Sequence[Word]) -> tuple[Segment, ...]:
    """Join ``words``, which are in order and begin with their spaces, into utterances; no word is lost.

    An utterance ends with a sentence, before a pause, and before it is longer than ``LONGEST_S``. Its confidence is the
    geometric mean of its words' probabilities, None when none is known.
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
