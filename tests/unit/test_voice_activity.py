"""From probabilities to intervals, and from samples to probabilities."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from constants import SAMPLE_RATE
from voices.activity import WINDOW, intervals_of, speech_intervals

WINDOW_S = WINDOW / SAMPLE_RATE


def windows(seconds: float) -> int:
    return round(seconds / WINDOW_S)


def found(*stretches: tuple[float, float]) -> list[tuple[float, float]]:
    """Intervals of stretches, each seconds of a probability."""
    probabilities = [probability for seconds, probability in stretches for _ in range(windows(seconds))]
    duration_s = len(probabilities) * WINDOW_S
    return [(round(item.start, 1), round(item.end, 1)) for item in intervals_of(probabilities, duration_s)]


def test_speech_is_padded_on_both_sides() -> None:
    assert found((2, 0.01), (3, 0.9), (2, 0.01)) == [(1.8, 5.2)]


def test_padding_stays_inside_the_recording() -> None:
    assert found((3, 0.9)) == [(0.0, 3.0)]


def test_a_short_pause_does_not_part_speech() -> None:
    assert found((3, 0.9), (0.3, 0.01), (3, 0.9)) == [(0.0, 6.3)]


def test_a_long_pause_parts_speech() -> None:
    assert found((3, 0.9), (2, 0.01), (3, 0.9)) == [(0.0, 3.2), (4.8, 8.0)]


def test_a_click_is_no_speech() -> None:
    assert found((2, 0.01), (0.064, 0.9), (2, 0.01)) == []


def test_speech_that_only_fades_goes_on() -> None:
    assert found((2, 0.9), (2, 0.4), (2, 0.9)) == [(0.0, 6.0)]


def test_nothing_has_no_speech() -> None:
    assert intervals_of([], 0.0) == ()


@given(st.lists(st.floats(0, 1), max_size=300))
def test_intervals_are_ordered_disjoint_and_inside_the_recording(probabilities: list[float]) -> None:
    duration_s = len(probabilities) * WINDOW_S

    now = 0.0
    for interval in intervals_of(probabilities, duration_s):
        assert now <= interval.start < interval.end <= duration_s
        now = interval.end


async def test_an_empty_recording_has_no_speech(tmp_path: Path) -> None:
    pcm = tmp_path / "empty.pcm"
    pcm.write_bytes(b"")

    assert await speech_intervals(pcm) == ()


async def test_silence_has_no_speech(tmp_path: Path) -> None:
    pcm = tmp_path / "silence.pcm"
    np.zeros(SAMPLE_RATE * 30 + 7, np.int16).tofile(pcm)

    assert await speech_intervals(pcm) == ()
