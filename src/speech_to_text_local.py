"""What engines on this machine share: the samples of a part, and a thread of their own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from constants import SAMPLE_RATE

Samples = NDArray[np.float32]
"""Mono, 16 kHz, in [-1, 1]."""

_SAMPLE_BYTES = 2
_FULL_SCALE = np.float32(32768.0)

_Result = TypeVar("_Result")


class StoppedWork(Exception):
    """Nobody waits for the result any more."""


def read_samples(pcm: Path, start_s: float, end_s: float) -> Samples:
    """Return ``[start_s, end_s)`` of the prepared audio; less where the file ends before."""
    first, last = round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)
    samples = np.fromfile(pcm, dtype="<i2", count=last - first, offset=first * _SAMPLE_BYTES)
    return samples.astype(np.float32) / _FULL_SCALE


class EngineThread:
    """Runs an engine's work, one piece after the other, off the event loop."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
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
