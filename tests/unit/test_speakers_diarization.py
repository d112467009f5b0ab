"""Clustering of voices, on vectors that are known to belong together."""

import numpy as np
import pytest
from numpy.typing import NDArray

from speakers.diarization import _Frames, _voice_of_frames, find_voices, silhouette


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


def frames(*levels: str) -> _Frames:
    """Stretches of tenths of a second, a second of silence between them; a dot is a quiet frame."""
    edges: list[tuple[float, float]] = []
    quiet: list[bool] = []
    begins: list[int] = []
    now = 0.0
    for stretch in levels:
        begins.append(len(edges))
        for level in stretch:
            edges.append((now, now + 0.1))
            quiet.append(level == ".")
            now += 0.1
        now += 1.0
    return _Frames(np.array(edges), np.array(quiet), begins)


def heard(spoken: _Frames, first: slice, margin: float) -> str:
    """The voice of each frame, when the frames of ``first`` are by so much liker to voice A and all others to B."""
    similarity = np.full((len(spoken.edges), 2), 0.5, dtype=np.float32)
    similarity[:, 1] += margin
    similarity[first] = [0.5 + margin, 0.5]
    voices = _voice_of_frames(spoken, spoken.edges.mean(axis=1), similarity)
    return "".join("AB"[voice] for voice in voices)


def test_a_flip_inside_fluent_speech_is_not_believed_and_one_between_pauses_is() -> None:
    # Four frames that are 0.2 liker to another voice: 0.8 in sum, less than two changes in fluent speech cost.
    fluent, paused = frames("xxxxxxxxxxxx"), frames("xxxx.xxxx.xx")
    assert heard(fluent, slice(4, 8), 0.2) == "BBBBBBBBBBBB"
    assert heard(paused, slice(4, 9), 0.2) == "BBBBAAAAABBB"


def test_a_word_inside_fluent_speech_is_believed() -> None:
    # Six frames that are 0.2 liker to another voice: 1.2 in sum, more than two changes in fluent speech cost.
    assert heard(frames("x" * 14), slice(4, 10), 0.2) == "BBBBAAAAAABBBB"


def test_a_change_in_a_pause_is_cheap_and_not_free() -> None:
    # A single frame that is 0.2 liker to another voice is worth less than two cheap changes.
    assert heard(frames("xxxx..xxxx"), slice(4, 5), 0.2) == "BBBBBBBBBB"


def test_a_change_between_two_stretches_is_as_cheap_as_in_a_pause() -> None:
    assert heard(frames("xxxx", "xxxx", "xxxx"), slice(4, 8), 0.2) == "BBBBAAAABBBB"
