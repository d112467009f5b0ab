"""What engines on this machine share: the samples of a part, where speech is in them, and a thread of their own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TypeVar

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps  # type: ignore[import-untyped]
from numpy.typing import NDArray

from constants import SAMPLE_RATE
from utils import yield_processor

Samples = NDArray[np.float32]
"""Mono, 16 kHz, in [-1, 1]."""

_SAMPLE_BYTES = 2
_FULL_SCALE = np.float32(32768.0)

_SHORTEST_SILENCE_MS = 160
_PADDING_MS = 400

_Result = TypeVar("_Result")


class StoppedWork(Exception):
    """Nobody waits for the result any more."""


def read_samples(pcm: Path, start_s: float, end_s: float) -> Samples:
    """Return ``[start_s, end_s)`` of the prepared audio; less where the file ends before."""
    first, last = round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)
    samples = np.fromfile(pcm, dtype="<i2", count=last - first, offset=first * _SAMPLE_BYTES)
    return samples.astype(np.float32) / _FULL_SCALE


def voice_activity_options(longest_s: float) -> VadOptions:
    """Silero's settings for stretches of speech of at most ``longest_s``: cut in short silences, padded generously."""
    return VadOptions(
        max_speech_duration_s=longest_s, min_silence_duration_ms=_SHORTEST_SILENCE_MS, speech_pad_ms=_PADDING_MS
    )


def speech_chunks(samples: Samples, longest_s: float) -> tuple[tuple[int, int], ...]:
    """Return where ``samples`` have speech, as first and last sample, in as few chunks of ``longest_s`` as possible.

    A chunk begins and ends in silence wherever there is one in reach.
    """
    chunks: list[tuple[int, int]] = []
    for stretch in get_speech_timestamps(samples, voice_activity_options(longest_s)):
        start, end = int(stretch["start"]), int(stretch["end"])
        if chunks and end - chunks[-1][0] <= longest_s * SAMPLE_RATE:
            chunks[-1] = (chunks[-1][0], end)
        else:
            chunks.append((start, end))
    return tuple(chunks)


class EngineThread:
    """Runs an engine's work, one piece after the other, off the event loop."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, name, initializer=yield_processor)
        self._stops: set[Event] = set()

    async def run(self, work: Callable[[Event], _Result]) -> _Result:
        """Run ``work`` and return its result. The event is set when nobody waits any more: ``work`` then ends soon."""
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
