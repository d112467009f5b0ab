"""How many voices there are among vectors of short windows, and what each is like.

Spherical k-means finds 1 to 6 voices; the number is the one with the best silhouette (Rousseeuw 1987) whose voices are
apart. Two people of one sex at one table have centroids with a cosine up to 0.56, the halves of one voice 0.72 and
more over a minute, 0.63 and more over 18 s.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voices.arrays import Float32Array

MAX_SPEAKERS = 6

SAME_VOICE = 0.6
SAME_VOICE_OF_MANY = 0.5
"""Centroids of this cosine or more are one voice; of three voices and more the nearest two have to be further apart."""

MIN_SILHOUETTE = 0.25
"""Below this silhouette there is one speaker: two give 0.28 and more."""

MIN_WINDOWS = 3
MIN_SHARE = 0.01
"""A voice in fewer windows, or in a smaller share of them, is a cough, a laugh or a door."""

SAMPLE_WINDOWS = 1500
"""The most windows that are clustered. More would find the same voices, at a cost that grows with the square."""

RESTARTS = 8
ITERATIONS = 50

SEED = 20_181
"""Fixed, so that the same recording gives the same speakers."""

_DOUBT_COSINE = 0.1
_DOUBT_SILHOUETTE = 0.05
"""A number of speakers is unsure when limits that are so much further would give another one."""


@dataclass(frozen=True)
class Voices:
    """Unit vectors (voices, d); ``sure`` is about their number."""

    centroids: Float32Array
    sure: bool


@dataclass(frozen=True)
class _Limits:
    cosine: float
    cosine_of_many: float
    silhouette: float

    def moved(self, towards_more: int) -> "_Limits":
        """Return the limits moved by what is doubtful, towards more speakers (1) or fewer (-1)."""
        cosine = towards_more * _DOUBT_COSINE
        return _Limits(
            self.cosine + cosine, self.cosine_of_many + cosine, self.silhouette - towards_more * _DOUBT_SILHOUETTE
        )


@dataclass(frozen=True)
class _Clustering:
    """``nearest`` is the highest cosine of two centroids; ``heard`` tells whether each voice says enough for one."""

    centroids: Float32Array
    nearest: float
    silhouette: float
    heard: bool


_LIMITS = _Limits(SAME_VOICE, SAME_VOICE_OF_MANY, MIN_SILHOUETTE)


def find_voices(embeddings: Float32Array, speakers: int | None = None) -> Voices:
    """Cluster unit vectors (n, d) into as many voices as ``speakers`` says, or fewer when there are fewer vectors.

    None finds 1 to 6.
    """
    randomness = np.random.default_rng(SEED)
    sample = embeddings
    if len(sample) > SAMPLE_WINDOWS:
        sample = embeddings[np.sort(randomness.choice(len(sample), SAMPLE_WINDOWS, replace=False))]
    one = _unit(sample.mean(axis=0, keepdims=True))
    counts = range(2, MAX_SPEAKERS + 1) if speakers is None else [speakers]
    found = _clusterings(sample, [count for count in counts if 1 < count <= len(sample)], speakers is None, randomness)
    if speakers is not None:
        best = max(found, key=lambda each: (each.heard, each.silhouette), default=None)
        return Voices(best.centroids if best else one, sure=True)
    best, *others = (_best(found, limits) for limits in (_LIMITS, _LIMITS.moved(1), _LIMITS.moved(-1)))
    numbers = {len(each.centroids) if each else 1 for each in (best, *others)}
    return Voices(best.centroids if best else one, sure=len(numbers) == 1)


def _clusterings(
    sample: Float32Array, counts: list[int], voices_only: bool, randomness: np.random.Generator
) -> list[_Clustering]:
    distances = 1 - sample @ sample.T
    least = max(MIN_WINDOWS, MIN_SHARE * len(sample))
    found: list[_Clustering] = []
    for count in counts:
        for _ in range(RESTARTS):
            labels, centroids = _spherical_k_means(sample, count, randomness)
            similarity = centroids @ centroids.T
            np.fill_diagonal(similarity, -1)
            nearest = float(similarity.max())
            heard = bool(np.bincount(labels, minlength=count).min() >= least)
            if voices_only and (not heard or nearest >= SAME_VOICE + _DOUBT_COSINE):
                continue
            found.append(_Clustering(centroids, nearest, silhouette(distances, labels), heard))
    return found


def _best(found: list[_Clustering], limits: _Limits) -> _Clustering | None:
    apart = (
        each
        for each in found
        if each.nearest < (limits.cosine if len(each.centroids) == 2 else limits.cosine_of_many)
        and each.silhouette >= limits.silhouette
    )
    return max(apart, key=lambda each: each.silhouette, default=None)


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
