"""Voices found among vectors that are known to belong together, and turns made of what is heard tick by tick."""

import numpy as np
import pytest
from numpy.typing import NDArray

from datamodels import Interval
from speakers.clustering import find_voices, silhouette
from speakers.diarization import (
    CHANGE_COST,
    TICK_S,
    Diarization,
    Turn,
    _costs,
    _second_voices,
    _turns,
    cheapest_path,
    listening_starts,
    voice_spans,
)
from speakers.doubts import speaker_warnings


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
    assert len(find_voices(voices(*sizes)).centroids) == len(sizes)


def test_a_voice_that_says_little_is_found_too() -> None:
    assert len(find_voices(voices(200, 6)).centroids) == 2


def test_two_stray_windows_are_no_voice() -> None:
    assert len(find_voices(voices(60, 2)).centroids) == 1


def test_the_number_of_voices_can_be_forced() -> None:
    assert len(find_voices(voices(40), 3).centroids) == 3


def test_more_voices_than_windows_cannot_be_forced() -> None:
    assert len(find_voices(voices(2), 5).centroids) == 1


def test_the_same_windows_give_the_same_voices() -> None:
    vectors = voices(40, 30, spread=1.5)
    np.testing.assert_array_equal(find_voices(vectors).centroids, find_voices(vectors).centroids)


def test_hours_of_windows_are_sampled() -> None:
    found = find_voices(voices(20_000, 15_000, spread=1.0)).centroids
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


def pair(cosine: float, *, size: int = 40, spread: float = 0.25) -> NDArray[np.float32]:
    """Unit vectors around two directions with that cosine."""
    vectors = voices(size, size, spread=spread)
    turned = np.zeros_like(vectors[size:])
    turned[:, 0] = vectors[size:, 1] * cosine
    turned[:, 1] = vectors[size:, 1] * np.sqrt(1 - cosine**2)
    turned += vectors[size:] * (np.arange(64) != 1)
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    return np.asarray(np.concatenate([vectors[:size], turned]), np.float32)


@pytest.mark.parametrize(
    ("cosine", "found", "sure"), [(0.3, 2, True), (0.55, 2, False), (0.65, 1, False), (0.85, 1, True)]
)
def test_voices_that_are_nearly_one_are_told_of_as_unsure(cosine: float, found: int, sure: bool) -> None:
    heard = find_voices(pair(cosine))
    assert (len(heard.centroids), heard.sure) == (found, sure)


def test_a_number_that_was_told_is_sure() -> None:
    heard = find_voices(pair(0.65), 2)
    assert (len(heard.centroids), heard.sure) == (2, True)


def test_a_number_that_was_told_makes_no_voice_of_a_door() -> None:
    heard = np.concatenate([pair(0.85), voices(1, 1, 1, 1)[3:]])
    centroids = find_voices(heard, 2).centroids
    assert (heard[:80] @ centroids.T).argmax(axis=1).tolist().count(0) == 40


def test_a_laugh_in_an_hour_is_no_voice() -> None:
    assert len(find_voices(voices(1400, 8)).centroids) == 1


def ticks(*lengths_s: float) -> NDArray[np.bool_]:
    """Silence and speech in turn, beginning with silence."""
    return np.concatenate([np.full(round(length / TICK_S), bool(place % 2)) for place, length in enumerate(lengths_s)])


def test_windows_of_a_voice_cover_the_speech_and_nothing_else() -> None:
    spans = voice_spans(ticks(1, 3, 2, 0.6, 1, 0.2))
    np.testing.assert_allclose(spans, [[1, 2.5], [1.75, 3.25], [2.5, 4], [6, 6.6]], atol=1e-6)


def test_a_breath_does_not_part_the_windows_of_a_voice() -> None:
    np.testing.assert_allclose(voice_spans(ticks(0, 0.7, 0.2, 0.6)), [[0, 1.5]], atol=1e-6)


@pytest.mark.parametrize(
    ("seconds", "speech", "starts"),
    [
        (4, [(1, 2)], [0]),
        (18, [(0, 18)], [0, 5, 8]),
        (20, [(0, 4), (19, 20)], [0, 10]),
        (60, [(31, 32)], [25, 30]),
        (60, [], []),
    ],
)
def test_only_what_is_near_speech_is_listened_to(
    seconds: int, speech: list[tuple[int, int]], starts: list[int]
) -> None:
    spoken = [Interval(start=start, end=end) for start, end in speech]
    assert listening_starts(seconds * 16_000, spoken) == [16_000 * start for start in starts]


def path(margins: list[float], costs: list[float]) -> str:
    """The voice of each step, when the steps are by so much liker to voice B than to A."""
    scores = np.stack([np.zeros(len(margins)), np.array(margins)], axis=1)
    return "".join("AB"[voice] for voice in cheapest_path(scores, np.array(costs)))


def test_a_flip_is_believed_when_it_is_worth_two_changes() -> None:
    flip = [-0.3] * 4 + [0.3] * 2 + [-0.3] * 4
    assert path(flip, [CHANGE_COST] * 10) == "A" * 10
    assert path(flip, [CHANGE_COST / 4] * 10) == "AAAABBAAAA"
    assert path([-0.3] * 4 + [0.3] * 4 + [-0.3] * 4, [CHANGE_COST] * 12) == "AAAABBBBAAAA"


def test_a_change_is_believed_sooner_in_a_pause() -> None:
    costs = _costs(ticks(0, 3, 1.5, 3))
    assert (costs[0], costs[len(costs) // 2], costs[-1]) == (0.4, 0.15, 0.4)


def turned(spoken: NDArray[np.bool_], *changes_s: float) -> list[tuple[float, float, int]]:
    """The turns of two voices that change at those times, rounded to ticks."""
    at = np.arange(len(spoken)) * TICK_S + TICK_S / 2
    voices = (np.searchsorted(changes_s, at) % 2).astype(np.int8)
    return [(round(start, 2), round(end, 2), voice) for start, end, voice in _turns(spoken, voices)]


def test_turns_end_where_the_voice_changes_and_with_the_speech() -> None:
    assert turned(ticks(1, 3, 0.2, 2, 1), 3.0) == [(1, 3, 0), (3, 6.2, 1)]


def test_a_long_pause_parts_the_turns_of_one_voice() -> None:
    assert turned(ticks(0, 2, 0.6, 2), 9.0) == [(0, 2, 0), (2.6, 4.6, 0)]


def test_a_very_short_turn_joins_its_neighbour() -> None:
    assert turned(ticks(0, 6), 2.0, 2.4) == [(0, 6, 0)]
    assert turned(ticks(0, 2, 0.6, 0.4, 0.1, 2), 2.3, 3.05) == [(0, 2, 0), (2.6, 5.1, 0)]


def test_a_short_word_far_from_others_keeps_its_voice() -> None:
    assert turned(ticks(0, 2, 3, 0.4, 3, 2), 3.0, 7.0) == [(0, 2, 0), (5, 5.4, 1), (8.4, 10.4, 0)]


def test_who_speaks_at_the_same_time_is_the_nearest_other_voice() -> None:
    scores = np.tile([0.9, 0.2, 0.5], (10, 1))
    both = ticks(0.4, 0.2, 0.4)
    found = _second_voices(both, np.zeros(50, np.int8), scores)
    assert [(round(start, 2), round(end, 2), voice) for start, end, voice in found] == [(0.4, 0.6, 2)]


def test_people_are_told_of_doubts_and_of_long_overlaps() -> None:
    turns = (Turn(start=0, end=9, speaker="S1"), Turn(start=9, end=90, speaker="S2"))
    both = (Turn(start=61, end=63, speaker="S1"), Turn(start=70, end=71, speaker="S1"))
    assert speaker_warnings(Diarization(turns=turns)) == ()
    assert "голосов найдено 2" in speaker_warnings(Diarization(turns=turns, sure=False))[0]
    (told,) = speaker_warnings(Diarization(turns=turns, second=both))
    assert "01:01–01:03" in told
    assert "01:10" not in told
