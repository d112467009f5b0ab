"""Diarization: who spoke when, without a transcript.

A network tells where how many people speak, frame by frame. Voice embeddings of overlapping windows over the speech are
clustered into voices. Then the cheapest path (Viterbi) gives every tenth of a second to a voice. It prefers the nearest
voice, and a change of speaker has a cost, which is lower in a pause.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from constants import SAMPLE_RATE
from datamodels import Interval, Value
from speakers.clustering import find_voices
from voices.arrays import Float32Array
from voices.encoder import BATCH, VOICE_SAMPLES, VoiceEncoder
from voices.segmentation import FIRST_FRAME_S, FRAME_S, FRAMES, TWO_SPEAK, WINDOW, WINDOW_S

LISTEN_STEP_S = 5.0
"""Step of the windows of segmentation, which overlap by half, as it knows less at their ends."""

TICK_S = 0.02
TICKS_A_STEP = 5
"""Speech is told by ticks, its voice by steps of a tenth of a second."""

SPEECH = 0.5
OVERLAP = 0.4
"""Least probabilities that somebody speaks, and that two do. Lower ones miss less and invent as much more."""

QUIET = 0.03
"""Nobody speaks below this share of the level of the loud ticks around (-30 dB): the network hears words end late."""

VOICE_S = VOICE_SAMPLES / SAMPLE_RATE
HOP_S = 0.75
"""Step from window to window of a voice."""
SHORTEST_VOICE_S = 0.4
"""Shorter stretches of speech go to the voice around them."""
CLEAN_S = 0.5
CLEAN_OVERLAP = 0.5
"""Windows that voices are found in are at least so long, with less than this share of two at once."""
BREATH_S = 0.2
"""So short a pause does not part the windows of a voice."""

SINGLE_VOICE_S = 8.0
"""Shorter speech holds too few windows to tell voices apart."""

CHANGE_COST = 0.4
CHANGE_COST_IN_PAUSE = 0.15
"""Costs of a change of speaker, compared with sums of cosines over steps."""

JOIN_PAUSE_S = 0.5
"""A pause up to this long belongs to the turn around it."""
SHORTEST_TURN_S = 0.5
"""A shorter turn joins its neighbour."""
NEIGHBOUR_S = 1.0
"""Turns that are further apart are no neighbours."""


class Turn(Interval):
    """A stretch in which one speaker talks."""

    speaker: str


class Diarization(Value):
    """Who spoke when; speakers are S1, S2, … by first appearance.

    ``turns`` are in order and disjoint; ``second`` are those who speak at the same time as somebody in ``turns``.
    ``sure`` is about the number of speakers.
    """

    turns: tuple[Turn, ...] = ()
    second: tuple[Turn, ...] = ()
    sure: bool = True


@dataclass(frozen=True)
class _Activity:
    """Probabilities, tick by tick (n,), that somebody speaks, and that two people do; ``loud`` is false in silence."""

    speech: Float32Array
    overlap: Float32Array
    loud: NDArray[np.bool_]


class _Stopped(Exception):
    """Ends the work in a thread of this module when its caller was cancelled; nobody waits for the result any more."""


async def diarize(
    pcm: Path, speech: Sequence[Interval], encoder: VoiceEncoder, speakers: int | None = None
) -> Diarization:
    """Return who spoke when in the prepared audio ``pcm`` (mono 16 kHz signed 16-bit).

    Only what is within some seconds of ``speech`` is listened to. The audio is read window by window, so that memory
    grows only by two kilobytes a second of speech. ``speakers`` forces the number of speakers, though too little speech
    gives fewer; None finds 1 to 6.
    """
    stop = threading.Event()
    try:
        return await asyncio.to_thread(_diarize, pcm, speech, encoder, speakers, stop)
    finally:
        stop.set()  # a thread cannot be cancelled: after a cancellation it ends at its next batch


def _diarize(
    pcm: Path, speech: Sequence[Interval], encoder: VoiceEncoder, speakers: int | None, stop: threading.Event
) -> Diarization:
    with pcm.open("rb") as file:
        samples = file.seek(0, 2) // 2
        heard = _listened(file, samples, speech, encoder, stop)
        spoken = heard.speech >= SPEECH
        if not spoken.any():
            return Diarization()
        if speakers == 1 or (speakers is None and spoken.sum() * TICK_S < SINGLE_VOICE_S):
            return _one_voice(heard)
        spans = voice_spans(spoken)
        embeddings = [encoder.embed(batch) for batch in _read_voices(file, spans, stop)]
    if not embeddings:
        return _one_voice(heard)
    vectors = np.concatenate(embeddings)
    clean = _clean(spans, heard)
    found = find_voices(vectors[clean] if clean.any() else vectors, speakers)
    scores = _scores(len(spoken), spans.mean(axis=1), vectors @ found.centroids.T)
    told = spoken & heard.loud
    voices = np.repeat(cheapest_path(scores, _costs(told)), TICKS_A_STEP)[: len(told)]
    second = _second_voices(told & (heard.overlap >= OVERLAP), voices, scores)
    return _with_names(_turns(told, voices), second, sure=found.sure)


def _one_voice(heard: _Activity) -> Diarization:
    spoken = (heard.speech >= SPEECH) & heard.loud
    return _with_names(_turns(spoken, np.zeros(len(spoken), np.int8)), [], sure=True)


def _listened(
    file: BinaryIO, samples: int, speech: Sequence[Interval], encoder: VoiceEncoder, stop: threading.Event
) -> _Activity:
    """Return the activity over all ticks; where no window has speech in it, nobody speaks."""
    ticks = int(samples / SAMPLE_RATE / TICK_S)
    sums, weights = np.zeros((ticks, 2), np.float32), np.full((ticks, 1), 1e-6, np.float32)
    loud = np.zeros(ticks, bool)
    # Ticks of a window, the frame that is nearest to each, and its weight, which is highest in the middle.
    of_window = np.arange(round(WINDOW_S / TICK_S))
    frames = np.clip(np.round(((of_window + 0.5) * TICK_S - FIRST_FRAME_S) / FRAME_S), 0, FRAMES - 1).astype(np.intp)
    weight = np.minimum(of_window + 1, len(of_window) - of_window)[:, None].astype(np.float32)
    starts = listening_starts(samples, speech)
    for at in range(0, len(starts), BATCH):
        if stop.is_set():
            raise _Stopped
        batch = starts[at : at + BATCH]
        windows = np.stack([_sound(file, start, WINDOW) for start in batch])
        classes = encoder.who_speaks(windows)
        active = np.stack([1 - classes[:, :, 0], classes[:, :, TWO_SPEAK].sum(axis=2)], axis=2)[:, frames]
        levels = np.sqrt(np.mean(windows.reshape(len(batch), len(of_window), -1) ** 2, axis=2))
        are_loud = levels >= QUIET * np.percentile(levels, 90, axis=1, keepdims=True)
        for start, one, are in zip(batch, active, are_loud, strict=True):
            first = round(start / SAMPLE_RATE / TICK_S)
            room = slice(first, first + len(of_window))
            size = len(sums[room])
            sums[room] += one[:size] * weight[:size]
            weights[room] += weight[:size]
            loud[room] |= are[:size]
    speaking, overlapping = (sums / weights).T
    return _Activity(speaking, overlapping, loud)


def listening_starts(samples: int, speech: Sequence[Interval]) -> list[int]:
    """Return the first samples of the windows that have ``speech`` in them, in order; the last ends at the end."""
    last = max(0, samples - WINDOW)
    starts = [*range(0, last, round(LISTEN_STEP_S * SAMPLE_RATE)), last]
    wanted = np.zeros(len(starts), bool)
    begins = np.array(starts) / SAMPLE_RATE
    for one in speech:
        wanted |= (begins < one.end) & (begins + WINDOW_S > one.start)
    return [start for start, is_wanted in zip(starts, wanted.tolist(), strict=True) if is_wanted]


def _sound(file: BinaryIO, first: int, count: int) -> Float32Array:
    """Return ``count`` samples in [-1, 1] from position ``first``; beyond the end there is silence."""
    file.seek(first * 2)
    sound = np.zeros(count, np.float32)
    found = np.frombuffer(file.read(count * 2), dtype="<i2")
    sound[: len(found)] = found
    return sound / np.float32(32768)


def voice_spans(spoken: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the start and end of windows (n, 2) in seconds over speech, which is told by ticks.

    Windows are spread evenly from the start of each stretch to its end; a short stretch is one window.
    """
    spans: list[tuple[float, float]] = []
    for start, end in _stretches(spoken, BREATH_S):
        spare = end - start - VOICE_S
        if end - start < SHORTEST_VOICE_S:
            continue
        steps = int(np.ceil(max(spare, 0) / HOP_S))
        starts = [start + spare * step / max(steps, 1) for step in range(steps + 1)]
        spans += [(begin, min(begin + VOICE_S, end)) for begin in starts]
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def _stretches(ticks: NDArray[np.bool_], pause_s: float) -> list[tuple[float, float]]:
    """Return the stretches of true ticks in seconds, joined over pauses up to ``pause_s``."""
    borders = np.flatnonzero(np.diff(np.concatenate([[False], ticks, [False]]).astype(np.int8))) * TICK_S
    joined: list[tuple[float, float]] = []
    for start, end in zip(borders[::2].tolist(), borders[1::2].tolist(), strict=True):
        if joined and start - joined[-1][1] <= pause_s + TICK_S / 2:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _read_voices(file: BinaryIO, spans: NDArray[np.float64], stop: threading.Event) -> Iterator[Float32Array]:
    for at in range(0, len(spans), BATCH):
        if stop.is_set():
            raise _Stopped
        batch = []
        for start, end in spans[at : at + BATCH]:
            sound = _sound(file, round(start * SAMPLE_RATE), round((end - start) * SAMPLE_RATE))
            # Repeated to the window's length: padding with silence moves the vector away from the voice's others.
            batch.append(np.resize(sound, VOICE_SAMPLES))
        yield np.stack(batch)


def _clean(spans: NDArray[np.float64], heard: _Activity) -> NDArray[np.bool_]:
    """Tell which windows (n,) have one voice, and enough of it."""
    before = np.concatenate([[0.0], np.cumsum(heard.overlap, dtype=np.float64)])
    first, last = np.clip(np.round(spans / TICK_S).astype(np.intp), 0, len(heard.overlap)).T
    overlap = (before[last] - before[first]) / np.maximum(last - first, 1)
    return np.asarray((overlap < CLEAN_OVERLAP) & (spans[:, 1] - spans[:, 0] >= CLEAN_S))


def _scores(ticks: int, centres: NDArray[np.float64], similarity: Float32Array) -> NDArray[np.float64]:
    """Return the scores (steps, voices); ``similarity`` (windows, voices) belongs to windows around ``centres``."""
    middles = (np.arange(-(-ticks // TICKS_A_STEP)) + 0.5) * TICKS_A_STEP * TICK_S
    return np.stack([np.interp(middles, centres, of_voice) for of_voice in similarity.T], axis=1)


def _costs(spoken: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the cost of a change at each step."""
    steps = np.resize(np.pad(spoken, (0, -len(spoken) % TICKS_A_STEP)), (-(-len(spoken) // TICKS_A_STEP), TICKS_A_STEP))
    return np.where(steps.mean(axis=1) < 0.5, CHANGE_COST_IN_PAUSE, CHANGE_COST)


def cheapest_path(scores: NDArray[np.floating], costs: NDArray[np.floating]) -> NDArray[np.int8]:
    """Return the voices of the steps that maximise scores (steps, voices) less costs (steps,) of changes."""
    steps, voices = scores.shape
    came_from = np.empty((steps, voices), dtype=np.int8)
    total = scores[0].astype(np.float64)
    stay = np.arange(voices)
    for step in range(1, steps):
        leader = int(total.argmax())
        change = total[leader] - costs[step]
        came_from[step] = np.where(total < change, leader, stay)
        total = np.maximum(total, change) + scores[step]
    path = np.empty(steps, dtype=np.int8)
    path[-1] = total.argmax()
    for step in range(steps - 1, 0, -1):
        path[step - 1] = came_from[step, path[step]]
    return path


def _second_voices(
    both: NDArray[np.bool_], voices: NDArray[np.int8], scores: NDArray[np.float64]
) -> list[tuple[float, float, int]]:
    """Return who else speaks at the ticks of ``both``: of the other voices the nearest."""
    if scores.shape[1] < 2:
        return []
    others = np.repeat(scores, TICKS_A_STEP, axis=0)[: len(voices)].copy()
    others[np.arange(len(voices)), voices] = -np.inf
    second = others.argmax(axis=1)
    return [
        (start, end, voice)
        for voice in range(scores.shape[1])
        for start, end in _stretches(both & (second == voice), JOIN_PAUSE_S)
    ]


def _turns(spoken: NDArray[np.bool_], voices: NDArray[np.int8]) -> list[tuple[float, float, int]]:
    """Join the ticks of one voice over short pauses; a very short turn joins the nearest of its neighbours."""
    cuts = [0, *(np.flatnonzero(np.diff(voices)) + 1).tolist(), len(voices)]
    found = [
        (begin * TICK_S + start, begin * TICK_S + end, int(voices[begin]))
        for begin, finish in pairwise(cuts)
        for start, end in _stretches(spoken[begin:finish], JOIN_PAUSE_S)
    ]
    joined: list[tuple[float, float, int]] = []
    for place, (start, end, own) in enumerate(found):
        voice = own
        if end - start < SHORTEST_TURN_S:
            near = [(start - joined[-1][1], joined[-1][2])] if joined else []
            near += [(found[place + 1][0] - end, found[place + 1][2])] if place + 1 < len(found) else []
            distance, neighbour = min(near, default=(np.inf, own))
            voice = neighbour if distance <= NEIGHBOUR_S else own
        if joined and joined[-1][2] == voice and start - joined[-1][1] <= JOIN_PAUSE_S:
            joined[-1] = (joined[-1][0], end, voice)
        else:
            joined.append((start, end, voice))
    return joined


def _with_names(
    turns: Sequence[tuple[float, float, int]], second: Sequence[tuple[float, float, int]], *, sure: bool
) -> Diarization:
    names: dict[int, str] = {}
    for _, _, voice in [*turns, *second]:
        names.setdefault(voice, f"S{len(names) + 1}")
    first, other = (
        tuple(Turn(start=start, end=end, speaker=names[voice]) for start, end, voice in sorted(each))
        for each in (turns, second)
    )
    return Diarization(turns=first, second=other, sure=sure)
