"""Clustering of voices, on vectors that are known to belong together."""

import numpy as np
import pytest
from numpy.typing import NDArray

from speakers.diarization import find_voices, silhouette


def voices(*sizes: int, spread: float = 0.25, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around as many directions as there are sizes; directions are far from each other."""
    randomness = np.random.default_rng(seed)
    centres = np.eye(64)[: len(sizes)]
    rows = [
        centre + randomness.normal(0, spread / 8, 64)
        for centre, size in zip(centres, sizes, strict=True)
        for _ in range(size)
    ]
    vectors = np.array(rows)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("sizes", [(40,), (40, 40), (40, 30, 20), (20, 20, 20, 20, 20, 20)])
def test_as_many_voices_are_found_as_there_are(sizes: tuple[int, ...]) -> None:
    assert len(find_voices(voices(*sizes))) == len(sizes)


def test_a_voice_that_says_little_is_found_too() -> None:
    assert len(find_voices(voices(200, 6))) == 2


def test_two_stray_windows_are_no_voice() -> None:
    assert len(find_voices(voices(60, 2))) == 1


def test_the_number_of_voices_can_be_forced() -> None:
    assert len(find_voices(voices(40), 3)) == 3


def test_more_voices_than_windows_cannot_be_forced() -> None:
    assert len(find_voices(voices(2), 5)) == 1


def test_the_same_windows_give_the_same_voices() -> None:
    vectors = voices(40, 30, spread=1.5)
    np.testing.assert_array_equal(find_voices(vectors), find_voices(vectors))


def test_hours_of_windows_are_sampled() -> None:
    found = find_voices(voices(20_000, 15_000, spread=1.0))
    assert found.shape == (2, 64)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


def test_the_silhouette_is_the_published_one() -> None:
    # Points 0, 1, 10, 12 on a line, two clusters: (10.5-1)/11 and so on by hand, Rousseeuw 1987.
    points = np.array([0.0, 1.0, 10.0, 12.0])
    distances = np.abs(points[:, None] - points[None, :])
    by_hand = np.mean([(11 - 1) / 11, (10 - 1) / 10, (9.5 - 2) / 9.5, (11.5 - 2) / 11.5])
    assert silhouette(distances, np.array([0, 0, 1, 1])) == pytest.approx(by_hand)


def test_one_cluster_has_no_silhouette() -> None:
    assert silhouette(np.zeros((3, 3)), np.array([0, 0, 0])) == 0
