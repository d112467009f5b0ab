"""Diarization: who spoke when, without a transcript.

Voice embeddings of overlapping windows over the speech are clustered with spherical k-means; the number of speakers is
the one with the best silhouette (Rousseeuw 1987). Then every tenth of a second is given to the nearest voice along the
cheapest path (Viterbi), on which a change of speaker costs, and costs less in a pause.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from constants import SAMPLE_RATE
from datamodels import Interval
from voice_embeddings import BATCH, WINDOW_SAMPLES, Float32Array, VoiceEncoder

WINDOW_S = WINDOW_SAMPLES / SAMPLE_RATE
HOP_S = 1.0
"""Between windows. 0.4 s costs 2.5 times as much and saves less than 0.005 of the error rate (measured)."""

MAX_SPEAKERS = 6
SINGLE_VOICE_S = 15.0
"""Less speech than this holds too few windows to tell voices apart."""

MIN_SILHOUETTE = 0.25
"""Below it the windows are one cloud: one speaker (two give 0.43 and more, telephone and noise included)."""

SAME_VOICE_SIMILARITY = 0.82
"""Cosine of two centroids: one voice gives 0.89 and more, two give 0.75 and less, telephone and noise included."""

MIN_WINDOWS = 3
"""A voice heard in fewer windows is a cough or two people at once."""

SAMPLE_WINDOWS = 1500
"""Windows that are clustered. More find the same voices, and the silhouette grows with their square."""

RESTARTS = 8
ITERATIONS = 50
FRAME_S = 0.1
CHANGE_COST = 0.5
CHANGE_COST_IN_PAUSE = 0.25
"""In sums of cosine similarity over frames: a flip shorter than about 1.5 s inside fluent speech is not believed."""

JOIN_PAUSE_S = 0.5
"""A pause up to this long belongs to the turn around it."""

SEED = 20_181
"""The same recording gives the same speakers."""


class Turn(Interval):
    """A stretch in which one speaker talks."""

    speaker: str


class _Stopped(Exception):
    """Nobody waits for the result any more."""


async def diarize(
    pcm: Path, speech: Sequence[Interval], encoder: VoiceEncoder, speakers: int | None = None
) -> tuple[Turn, ...]:
    """Return the turns within ``speech``, in order; speakers are S1, S2, … by first appearance.

    ``pcm`` is the prepared audio (mono 16 kHz signed 16-bit). It is read window by window, so that memory grows by a
    kilobyte a second of speech only. ``speakers`` forces their number (too little speech for so many gives fewer); None
    finds 1 to 6.
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
    heard_s = sum(one.end - one.start for one in stretches)
    if speakers == 1 or (speakers is None and heard_s < SINGLE_VOICE_S):
        return _turns([(one.start, one.end, 0) for one in stretches])
    spans = _window_spans(stretches)
    embeddings = [encoder.embed(batch) for batch in _read_windows(pcm, spans, stop)]
    if not embeddings:
        return ()
    voices = find_voices(np.concatenate(embeddings), speakers)
    if len(voices) == 1:
        return _turns([(one.start, one.end, 0) for one in stretches])
    similarity = np.concatenate([batch @ voices.T for batch in embeddings])
    return _turns(_frames_by_voice(stretches, spans, similarity))


def _window_spans(stretches: Sequence[Interval]) -> NDArray[np.float64]:
    """Return windows (n, 2) in seconds: evenly over each stretch, both ends covered; a short stretch is one window."""
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
    """Cluster unit vectors (n, d) and return the voices' centroids (speakers, d), unit vectors too."""
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
    """Return labels (n,) and centroids (count, d), started as k-means++ does."""
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


def _frames_by_voice(
    stretches: Sequence[Interval], spans: NDArray[np.float64], similarity: Float32Array
) -> list[tuple[float, float, int]]:
    """Return (start, end, voice) of every frame; ``similarity`` (windows, voices) belongs to ``spans``."""
    centres = spans.mean(axis=1)
    edges: list[tuple[float, float]] = []
    scores, costs = [], []
    for one in stretches:
        first, last = np.searchsorted(centres, [one.start, one.end])
        count = max(1, round((one.end - one.start) / FRAME_S))
        borders = np.linspace(one.start, one.end, count + 1)
        away = np.abs((borders[:-1] + borders[1:])[:, None] / 2 - centres[first:last])
        weights = np.maximum(0, 1 - away / (WINDOW_S / 2)) + 1e-3 * np.exp(-away)
        scores.append(weights @ similarity[first:last] / weights.sum(axis=1, keepdims=True))
        costs.append(np.full(count, CHANGE_COST))
        costs[-1][0] = CHANGE_COST_IN_PAUSE
        edges += pairwise(borders.tolist())
    path = _cheapest_path(np.concatenate(scores), np.concatenate(costs))
    return [(start, end, int(voice)) for (start, end), voice in zip(edges, path, strict=True)]


def _cheapest_path(scores: NDArray[np.floating], costs: NDArray[np.floating]) -> NDArray[np.int8]:
    """Return the voice of each frame: largest sum of scores (frames, voices) less the costs (frames,) of changes."""
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


def _turns(pieces: Sequence[tuple[float, float, int]]) -> tuple[Turn, ...]:
    joined: list[tuple[float, float, int]] = []
    for start, end, voice in pieces:
        if joined and joined[-1][2] == voice and start - joined[-1][1] <= JOIN_PAUSE_S:
            joined[-1] = (joined[-1][0], end, voice)
        else:
            joined.append((start, end, voice))
    names: dict[int, str] = {}
    for _, _, voice in joined:
        names.setdefault(voice, f"S{len(names) + 1}")
    return tuple(Turn(start=start, end=end, speaker=names[voice]) for start, end, voice in joined)
