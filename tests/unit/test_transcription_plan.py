"""Parts stay within the engine's limits, cover all speech, and are cut in silence where there is some."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from datamodels import Interval
from speech_to_text.port import PartLimits
from transcription.plan import plan_parts

limits = st.builds(
    lambda target, more: PartLimits(target_s=target, longest_s=target * more), st.floats(10, 2000), st.floats(0.5, 3)
)


@st.composite
def speeches(draw: st.DrawFn) -> tuple[Interval, ...]:
    """Intervals from a tenth of a second to an hour, with pauses as different."""
    intervals = []
    at = 0.0
    for pause, length in draw(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.1, 1000)), max_size=20)):
        intervals.append(Interval(start=at + pause, end=at + pause + length))
        at += pause + length
    return tuple(intervals)


def ends_at(speech: tuple[Interval, ...]) -> float:
    return speech[-1].end if speech else 0.0


@given(speeches(), limits)
def test_parts_never_exceed_the_limit_and_each_brings_something_new(
    speech: tuple[Interval, ...], part_limits: PartLimits
) -> None:
    plan = plan_parts(speech, ends_at(speech), part_limits)

    assert [part.position for part in plan] == list(range(len(plan)))
    for part in plan:
        assert part.overlap_s < part.end - part.start <= part_limits.longest_s + 1e-6


@given(speeches(), limits)
def test_parts_cover_all_speech(speech: tuple[Interval, ...], part_limits: PartLimits) -> None:
    plan = plan_parts(speech, ends_at(speech), part_limits)

    for interval in speech:
        at = interval.start
        for part in plan:
            if part.start <= at + 1e-9 < part.end:
                at = min(part.end, interval.end)
        assert at >= interval.end - 1e-6


@given(speeches(), limits)
def test_a_cut_through_speech_overlaps_and_a_cut_in_silence_does_not(
    speech: tuple[Interval, ...], part_limits: PartLimits
) -> None:
    plan = plan_parts(speech, ends_at(speech), part_limits)

    for before, after in pairwise(plan):
        through_speech = any(interval.start < before.end < interval.end for interval in speech)
        assert (after.overlap_s > 0) == through_speech
        if through_speech:
            assert abs(before.end - after.overlap_s - after.start) < 1e-6
        else:
            assert before.end <= after.start


@given(speeches(), limits)
def test_long_silences_are_not_sent(speech: tuple[Interval, ...], part_limits: PartLimits) -> None:
    plan = plan_parts(speech, ends_at(speech), part_limits)

    for before, after in pairwise(speech):
        if after.start - before.end > 10:
            middle = (before.end + after.start) / 2
            assert not any(part.start < middle < part.end for part in plan)


def test_silence_makes_no_parts() -> None:
    assert plan_parts((), 3600, PartLimits(target_s=30, longest_s=60)) == ()


def test_what_fits_is_one_part() -> None:
    speech = (Interval(start=1, end=30), Interval(start=32, end=55))

    plan = plan_parts(speech, 60, PartLimits(target_s=30, longest_s=60))

    assert [(part.start, part.end) for part in plan] == [(1, 55)]


def test_the_cut_is_in_the_silence_nearest_to_even_parts() -> None:
    speech = (Interval(start=0, end=30), Interval(start=32, end=48), Interval(start=50, end=100))

    plan = plan_parts(speech, 100, PartLimits(target_s=50, longest_s=60))

    assert [(part.start, part.end, part.overlap_s) for part in plan] == [(0, 49, 0), (49, 100, 0)]


def test_speech_without_a_pause_is_cut_with_an_overlap() -> None:
    plan = plan_parts((Interval(start=0, end=100),), 100, PartLimits(target_s=50, longest_s=60))

    assert [(part.start, part.end, part.overlap_s) for part in plan] == [(0, 50, 0), (42, 100, 8)]
