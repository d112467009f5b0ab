"""Where somebody speaks: the silero model that faster-whisper brings, run over prepared audio in blocks.

The model's state goes from block to block, so that the borders of blocks leave no trace in the result.
"""

import asyncio
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from constants import SAMPLE_RATE
from datamodels import Interval
from errors import MissingProgram

_MODEL_FILE = "silero_vad_v6.onnx"

WINDOW = 512
"""Samples per probability. The model was trained on windows of this size, each after ``_CONTEXT`` samples of the one
before."""
_CONTEXT = 64
_STATE_SHAPE = (1, 1, 128)

_BLOCK_WINDOWS = 256
"""8 seconds. Larger blocks are no faster (measured: 0.002 of the length on one thread) and need more memory."""

_SPEECH = 0.5
_SILENCE = 0.35
"""Speech begins at a probability of at least ``_SPEECH`` and ends below ``_SILENCE``: silero's own values."""
_SHORTEST_SPEECH_S = 0.1
_SHORTEST_SILENCE_S = 0.5
_PADDING_S = 0.2
"""Padding on both sides, in seconds: the model notices quiet first and last sounds late."""


async def speech_intervals(pcm: Path) -> tuple[Interval, ...]:
    """Return where speech is in prepared audio: ordered, disjoint, padded so that no word is clipped; () for silence.

    Raises:
        MissingProgram: faster-whisper, which carries the model, is not installed.
    """
    detector = await asyncio.to_thread(_Detector)
    probabilities: list[NDArray[np.float32]] = []
    samples = 0
    while True:
        block = await asyncio.to_thread(_read, pcm, samples)
        if not block.size:
            break
        probabilities.append(await asyncio.to_thread(detector.probabilities, block))
        samples += block.size
    every = np.concatenate(probabilities) if probabilities else np.zeros(0, np.float32)
    return await asyncio.to_thread(intervals_of, every, samples / SAMPLE_RATE)


def _read(pcm: Path, first_sample: int) -> NDArray[np.int16]:
    return np.fromfile(pcm, dtype="<i2", count=WINDOW * _BLOCK_WINDOWS, offset=first_sample * 2)


class _Detector:
    """One pass of the model over one recording."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        # The model is too small for threads: a second one costs half a processor more and gains nothing (measured).
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            _model_path().read_bytes(), providers=["CPUExecutionProvider"], sess_options=options
        )
        self._hidden = np.zeros(_STATE_SHAPE, np.float32)
        self._cell = np.zeros(_STATE_SHAPE, np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)

    def probabilities(self, block: NDArray[np.int16]) -> NDArray[np.float32]:
        """Return the probability of speech for each window of the next block; a last, partial window is padded."""
        windows = np.zeros((-(-block.size // WINDOW), WINDOW), np.float32)
        windows.ravel()[: block.size] = block.astype(np.float32) / np.float32(32768)
        ends = windows[:, -_CONTEXT:]
        contexts = np.concatenate((self._context[np.newaxis], ends[:-1]))
        self._context = ends[-1].copy()
        speech, self._hidden, self._cell = self._session.run(
            None, {"input": np.concatenate((contexts, windows), axis=1), "h": self._hidden, "c": self._cell}
        )
        return np.asarray(speech, np.float32)


def _model_path() -> Path:
    # Looked up without importing it: that would load a whole speech recogniser, whose packages need not be there.
    package = find_spec("faster_whisper")
    if package is None or package.origin is None:
        raise MissingProgram(program="faster-whisper")
    return Path(package.origin).parent / "assets" / _MODEL_FILE


def intervals_of(probabilities: Iterable[float], duration_s: float) -> tuple[Interval, ...]:
    """Turn probabilities, one per window, into padded intervals within ``[0, duration_s]``."""
    window_s = WINDOW / SAMPLE_RATE
    spoken: list[tuple[float, float]] = []
    start: float | None = None
    quiet_since: float | None = None
    for position, probability in enumerate(probabilities):
        now = position * window_s
        if probability >= _SPEECH:
            start = now if start is None else start
            quiet_since = None
        elif start is not None and probability < _SILENCE:
            quiet_since = now if quiet_since is None else quiet_since
            if now + window_s - quiet_since >= _SHORTEST_SILENCE_S:
                spoken.append((start, quiet_since))
                start = quiet_since = None
    if start is not None:
        spoken.append((start, duration_s if quiet_since is None else quiet_since))
    return _padded([(begin, end) for begin, end in spoken if end - begin >= _SHORTEST_SPEECH_S], duration_s)


def _padded(spoken: Sequence[tuple[float, float]], duration_s: float) -> tuple[Interval, ...]:
    return tuple(
        Interval(start=max(begin - _PADDING_S, 0.0), end=min(end + _PADDING_S, duration_s)) for begin, end in spoken
    )
