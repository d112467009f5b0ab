"""Which channels are heard, where leaks are muted, and what the prepared audio's times are in the recording."""

import numpy as np
import pytest
from numpy.typing import NDArray

from datamodels import MissingInterval, Segment, Word
from speakers.channels import Layout, heard_channels, leaks

FLOOR = -80.0
FRAMES = 800
"""Forty seconds, in frames of a twentieth."""


def voice(seed: int, *spoken: tuple[int, int], level: float = -20.0) -> NDArray[np.float32]:
    """The loudness of a voice that rises and falls while it speaks, and is silent otherwise."""
    levels = np.full(FRAMES, FLOOR, np.float32)
    shape = np.convolve(np.random.default_rng(seed).normal(0, 12, FRAMES), np.ones(3) / 3, "same")
    for start, end in spoken:
        levels[start:end] = level + shape[start:end]
    return np.clip(levels, FLOOR, 0)


def together(*levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The loudness of several sounds at once."""
    return np.asarray(10 * np.log10(sum(10 ** (each / 10) for each in levels)), np.float32)


ANNA = voice(1, (0, 200), (420, 600))
BORIS = voice(2, (200, 400), (600, 780))
BOTH_AT_ONCE = voice(3, (0, 780))
HUM = np.full(FRAMES, -30.0, np.float32)
SILENT = np.full(FRAMES, FLOOR, np.float32)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ([ANNA, BORIS], [[0], [1]]),
        ([ANNA, BOTH_AT_ONCE], [[0], [1]]),
        ([ANNA, SILENT], [[0]]),
        ([SILENT, BORIS], [[1]]),
        ([SILENT, SILENT], [[0]]),
        # A room: both are in both, a little louder on their own side.
        ([together(ANNA, BORIS - 5), together(ANNA - 5, BORIS)], [[0, 1]]),
        # Leaks of 18 dB: each is a channel of its own.
        ([together(ANNA, BORIS - 18), together(ANNA - 18, BORIS)], [[0], [1]]),
        # A recorder's tracks: all of it, the microphone, the call.
        ([together(ANNA, BORIS), ANNA, BORIS], [[1], [2]]),
        # A microphone on the person, and one far away that hears the same, softer.
        ([ANNA, ANNA - 25], [[0]]),
        ([ANNA - 3, ANNA], [[0, 1]]),
    ],
)
def test_every_person_of_an_own_channel_is_heard_and_nobody_twice(
    channels: list[NDArray[np.float32]], expected: list[list[int]]
) -> None:
    levels = np.stack(channels)

    assert heard_channels(levels, levels > -60) == expected


def test_a_channel_that_hums_is_left_out() -> None:
    levels = np.stack([HUM, BORIS])

    assert heard_channels(levels, np.stack([np.zeros(FRAMES, np.bool_), BORIS > -60])) == [[1]]


def test_a_leak_is_muted_and_the_own_voice_is_not() -> None:
    levels = np.stack([together(ANNA, BORIS - 18), BORIS])
    speaks = np.stack([np.maximum(ANNA, BORIS) > -60, BORIS > -60])

    muted, own = leaks(levels, speaks, [[0], [1]])

    assert muted[210:390].mean() > 0.9
    assert not muted[10:190].any()
    assert not own.any()


@pytest.mark.parametrize("other", [BORIS, BOTH_AT_ONCE], ids=["turns", "at once"])
def test_nothing_of_clean_channels_is_muted(other: NDArray[np.float32]) -> None:
    levels = np.stack([ANNA, other])

    assert not leaks(levels, levels > -60, [[0], [1]])[levels > -60].any()


def segment(start: float, end: float, text: str) -> Segment:
    return Segment(start=start, end=end, text=text, words=(Word(start=start, end=end, text=text),))


def test_one_channel_keeps_its_times() -> None:
    said = (segment(1, 2, "да"),)

    assert Layout(channels=1, duration_s=60).at_home(said) == said
    assert Layout(channels=1, duration_s=60).whole_s == 60


def test_what_the_second_channel_says_goes_to_its_time_and_speaker() -> None:
    layout = Layout(channels=2, duration_s=60)

    first, second, third = layout.at_home([segment(1, 2, "да"), segment(30, 31, "вот"), segment(80, 81, "нет")])

    assert [(each.start, each.text, each.speaker) for each in (first, second, third)] == [
        (1, "да", "S1"),
        (5, "нет", "S2"),
        (30, "вот", "S1"),
    ]
    assert second.words == (Word(start=5, end=6, text="нет"),)
    assert layout.whole_s == 135


def test_what_begins_in_the_silence_before_a_channel_is_that_channels() -> None:
    first, second = Layout(channels=2, duration_s=60).at_home([segment(59, 60.2, "да"), segment(74.8, 76, "нет")])

    assert [(each.start, each.end, each.speaker) for each in (second, first)] == [(59, 60, "S1"), (0, 1, "S2")]


def test_what_is_missing_is_told_at_its_time() -> None:
    layout = Layout(channels=3, duration_s=60)
    missing = (MissingInterval(start=20, end=25, reason="…"), MissingInterval(start=155, end=158, reason="…"))

    assert [(each.start, each.end) for each in layout.missing_at_home(missing)] == [(5, 8), (20, 25)]
