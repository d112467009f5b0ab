"""Diarization: who spoke when, without a transcript.

Voice embeddings of overlapping windows over the speech are clustered with spherical k-means; the number of speakers is
the one with the best silhouette (Rousseeuw 1987). Then the cheapest path (Viterbi) gives every tenth of a second to a
voice. It prefers the nearest voice, and a change of speaker has a cost, which is lower in a pause.
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
from datamodels import Interval
from voice_embeddings import BATCH, WINDOW_SAMPLES, Float32Array, VoiceEncoder

WINDOW_S = WINDOW_SAMPLES / SAMPLE_RATE
HOP_S = 1.0
"""Step from window to window. 0.4 s costs 2.5 times as much and saves less than 0.005 of the error rate (measured)."""

MAX_SPEAKERS = 6
SINGLE_VOICE_S = 15.0
"""Shorter speech holds too few windows to tell voices apart."""

MIN_SILHOUETTE = 0.25
"""Below this silhouette there is one speaker; two give 0.43 and more, telephone and noise included."""

SAME_VOICE_SIMILARITY = 0.82
"""Two centroids with this cosine or more are one voice. One voice gives 0.89 and more, two give 0.75 and less."""

MIN_WINDOWS = 3
"""A voice heard in fewer windows is a cough or two people at once."""

SAMPLE_WINDOWS = 1500
"""The most windows that are clustered. More would find the same voices, at a cost that grows with the square."""

RESTARTS = 8
ITERATIONS = 50
FRAME_S = 0.1
CHANGE_COST = 0.5
CHANGE_COST_IN_PAUSE = 0.25
"""Costs of a change of speaker, compared with sums of cosines over frames. They suppress turns below about 1.5 s."""

QUIET = 0.05
"""Nobody speaks below this share of the level of a stretch's loud frames (-26 dB). In noise no frame is so quiet."""

FRAMES_AT_ONCE = 600
"""Frames that are read into memory at once: a minute of samples."""

JOIN_PAUSE_S = 0.5
"""A pause up to this long belongs to the turn around it."""

SEED = 20_181
"""Fixed, so that the same recording gives the same speakers."""


class Turn(Interval):
    """A stretch in which one speaker talks."""

    speaker: str


@dataclass(frozen=True)
class _Frames:
    """Tenths of a second of speech: ``edges`` (n, 2) in seconds, ``quiet`` (n,) where nobody speaks.

    ``begins`` has the position of each stretch's first frame.
    """

    edges: NDArray[np.float64]
    quiet: NDArray[np.bool_]
    begins: list[int]


class _Stopped(Exception):
    """Ends the work in a thread of this module when its caller was cancelled; nobody waits for the result any more."""


async def diarize(
    pcm: Path, speech: Sequence[Interval], encoder: VoiceEncoder, speakers: int | None = None
) -> tuple[Turn, ...]:
    """Return the turns within ``speech``, in order; speakers are S1, S2, … by first appearance.

    ``pcm`` is the prepared audio (mono 16 kHz signed 16-bit). It is read window by window, so that memory grows only
    by a kilobyte a second of speech. ``speakers`` forces the number of speakers, though too little speech gives fewer;
    None finds 1 to 6.
    """
    stop = threading.Event()
    try:
        return await asyncio.to_thread(_diarize, pcm, speech, encoder, speakers, stop)
    finally:
        stop.set()  # a thread cannot be cancelled: after a cancellation it ends at its next batch


def _diarize(
    pcm: Path, speech: Sequence[Interval], encoder: VoiceEncoder, speakers: int | None, stop: threading.Event
) -> tuple[Turn, ...]:
    stretches = sorted((one for one in speech if one.end > one.start), key=lambda one: one.start)
    frames = _read_frames(pcm, stretches)
    heard_s = sum(one.end - one.start for one in stretches)
    if speakers == 1 or (speakers is None and heard_s < SINGLE_VOICE_S):
        return _turns(frames, np.zeros(len(frames.edges), dtype=np.int8))
    spans = _window_spans(stretches)
    embeddings = [encoder.embed(batch) for batch in _read_windows(pcm, spans, stop)]
    if not embeddings:
        return ()
    voices = find_voices(np.concatenate(embeddings), speakers)
    similarity = np.concatenate([batch @ voices.T for batch in embeddings])
    return _turns(frames, _voice_of_frames(frames, spans.mean(axis=1), similarity))


def _read_frames(pcm: Path, stretches: Sequence[Interval]) -> _Frames:
    edges = [np.zeros((0, 2))]
    quiet = [np.zeros(0, dtype=bool)]
    begins: list[int] = []
    with pcm.open("rb") as file:
        for one in stretches:
            borders = np.linspace(one.start, one.end, max(1, round((one.end - one.start) / FRAME_S)) + 1)
            begins.append(sum(map(len, quiet)))
            edges.append(np.stack([borders[:-1], borders[1:]], axis=1))
            levels = np.concatenate(
                [
                    _levels(file, borders[at : at + FRAMES_AT_ONCE + 1])
                    for at in range(0, len(borders) - 1, FRAMES_AT_ONCE)
                ]
            )
            quiet.append(levels < QUIET * np.percentile(levels, 90))
    return _Frames(np.concatenate(edges), np.concatenate(quiet), begins)


def _levels(file: BinaryIO, borders: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root mean square of each frame (n,) between the ``borders`` (n + 1,), which are in seconds."""
    samples = np.round(borders * SAMPLE_RATE).astype(np.intp)
    sound = np.zeros(samples[-1] - samples[0] + 1)
    file.seek(int(samples[0]) * 2)
    found = np.frombuffer(file.read(len(sound) * 2), dtype="<i2")
    sound[: len(found)] = found
    return np.asarray(np.sqrt(np.add.reduceat(sound**2, (samples - samples[0])[:-1]) / np.maximum(np.diff(samples), 1)))


def _window_spans(stretches: Sequence[Interval]) -> NDArray[np.float64]:
    """Return the start and end of windows (n, 2) in seconds.

    Windows are spread evenly from the start of each stretch to its end; a short stretch is one window.
    """
    spans: list[tuple[float, float]] = []
    for one in stretches:
        spare = one.end - one.start - WINDOW_S
        if spare <= 0:
            spans.append((one.start, one.end))
            continue
        steps = int(np.ceil(spare / HOP_S))
        starts = [one.start + spare * step / steps for step in range(steps + 1)]
        spans += [(start, start + WINDOW_S) for start in starts]
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


def _read_windows(pcm: Path, spans: NDArray[np.float64], stop: threading.Event) -> Iterator[Float32Array]:
    with pcm.open("rb") as file:
        for at in range(0, len(spans), BATCH):
            if stop.is_set():
                raise _Stopped
            batch = np.zeros((len(spans[at : at + BATCH]), WINDOW_SAMPLES), dtype=np.float32)
            for row, (start, end) in zip(batch, spans[at : at + BATCH], strict=True):
                file.seek(round(start * SAMPLE_RATE) * 2)
                sound = np.frombuffer(file.read(max(1, round((end - start) * SAMPLE_RATE)) * 2), dtype="<i2")
                if len(sound):
                    # Repeated to the window's length: padding with silence, or with a neighbour's voice, moves the
                    # embedding further from the speaker's others.
                    row[:] = np.resize(sound, WINDOW_SAMPLES) / np.float32(32768)
            yield batch


def find_voices(embeddings: Float32Array, speakers: int | None = None) -> Float32Array:
    """Cluster unit vectors (n, d) and return the voices' centroids (voices, d), which are unit vectors, too.

    There are as many voices as ``speakers`` says, or one when there are fewer vectors; None finds 1 to 6.
    """
    randomness = np.random.default_rng(SEED)
    sample = embeddings
    if len(sample) > SAMPLE_WINDOWS:
        sample = embeddings[np.sort(randomness.choice(len(sample), SAMPLE_WINDOWS, replace=False))]
    distances = 1 - sample @ sample.T
    best, best_score = _unit(sample.mean(axis=0, keepdims=True)), MIN_SILHOUETTE if speakers is None else -np.inf
    counts = range(2, MAX_SPEAKERS + 1) if speakers is None else [speakers]
    for count in (one for one in counts if one <= len(sample)):
        for _ in range(RESTARTS):
            labels, centroids = _spherical_k_means(sample, count, randomness)
            if speakers is None and not _are_voices(labels, centroids):
                continue
            score = silhouette(distances, labels)
            if score > best_score:
                best, best_score = centroids, score
    return best


def _are_voices(labels: NDArray[np.intp], centroids: Float32Array) -> bool:
    similarity = centroids @ centroids.T
    np.fill_diagonal(similarity, -1)
    smallest = np.bincount(labels, minlength=len(centroids)).min()
    return bool(smallest >= MIN_WINDOWS and similarity.max() < SAME_VOICE_SIMILARITY)


def _spherical_k_means(
    vectors: Float32Array, count: int, randomness: np.random.Generator
) -> tuple[NDArray[np.intp], Float32Array]:
    """Cluster unit vectors (n, d), starting as k-means++ does; return labels (n,) and centroids (count, d)."""
    centroids = vectors[[int(randomness.integers(len(vectors)))]]
    while len(centroids) < count:
        farness = np.maximum(1 - (vectors @ centroids.T).max(axis=1), 1e-9)
        chosen = int(randomness.choice(len(vectors), p=farness / farness.sum()))
        centroids = np.concatenate([centroids, vectors[[chosen]]])
    labels = (vectors @ centroids.T).argmax(axis=1)
    for _ in range(ITERATIONS):
        members = np.eye(count, dtype=np.float32)[labels]
        centroids = np.where(members.any(axis=0)[:, None], _unit(members.T @ vectors), centroids)
        moved = (vectors @ centroids.T).argmax(axis=1)
        if np.array_equal(moved, labels):
            break
        labels = moved
    return labels, centroids


def silhouette(distances: NDArray[np.floating], labels: NDArray[np.intp]) -> float:
    """Return the mean silhouette, -1 to 1, of a clustering with distances (n, n); 0 for a single cluster."""
    _, own, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        return 0.0
    sums = distances @ np.eye(len(sizes), dtype=np.float32)[own]
    rows = np.arange(len(own))
    inner = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[rows, own] = np.inf
    outer = means.min(axis=1)
    values = (outer - inner) / np.maximum(np.maximum(inner, outer), 1e-9)
    return float(np.where(sizes[own] == 1, 0.0, values).mean())


def _unit(vectors: Float32Array) -> Float32Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _voice_of_frames(frames: _Frames, centres: NDArray[np.float64], similarity: Float32Array) -> NDArray[np.int8]:
    """Return the voice of each frame; ``similarity`` (windows, voices) belongs to windows around ``centres``."""
    middles = frames.edges.mean(axis=1)
    scores = np.empty((len(middles), similarity.shape[1]))
    # Stretch by stretch, as a window tells nothing about the other side of a pause.
    for begin, end in pairwise([*frames.begins, len(middles)]):
        own = slice(*np.searchsorted(centres, [frames.edges[begin, 0], frames.edges[end - 1, 1]]))
        for voice in range(similarity.shape[1]):
            scores[begin:end, voice] = np.interp(middles[begin:end], centres[own], similarity[own, voice])
    costs = np.where(frames.quiet, CHANGE_COST_IN_PAUSE, CHANGE_COST)
    costs[frames.begins] = CHANGE_COST_IN_PAUSE
    return _cheapest_path(scores, costs)


def _cheapest_path(scores: NDArray[np.floating], costs: NDArray[np.floating]) -> NDArray[np.int8]:
    """Return the voices of the frames that maximise scores (frames, voices) less costs (frames,) of changes."""
    frames, voices = scores.shape
    came_from = np.empty((frames, voices), dtype=np.int8)
    total = scores[0].astype(np.float64)
    stay = np.arange(voices)
    for frame in range(1, frames):
        leader = int(total.argmax())
        change = total[leader] - costs[frame]
        came_from[frame] = np.where(total < change, leader, stay)
        total = np.maximum(total, change) + scores[frame]
    path = np.empty(frames, dtype=np.int8)
    path[-1] = total.argmax()
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return path


def _turns(frames: _Frames, voices: NDArray[np.int8]) -> tuple[Turn, ...]:
    """Join the frames of one voice over short pauses; silence at the ends of a turn is not part of it."""
    joined: list[tuple[float, float, int]] = []
    for (start, end), voice in zip(frames.edges[~frames.quiet].tolist(), voices[~frames.quiet].tolist(), strict=True):
        if joined and joined[-1][2] == voice and start - joined[-1][1] <= JOIN_PAUSE_S:
            joined[-1] = (joined[-1][0], end, voice)
        else:
            joined.append((start, end, voice))
    names: dict[int, str] = {}
    for _, _, voice in joined:
        names.setdefault(voice, f"S{len(names) + 1}")
    return tuple(Turn(start=start, end=end, speaker=names[voice]) for start, end, voice in joined)
