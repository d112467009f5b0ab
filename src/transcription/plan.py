"""Which parts of a recording are transcribed: cut in silences, within the engine's limits."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import ceil

from datamodels import Interval, PartPlan
from speech_to_text.port import PartLimits

SKIPPED_SILENCE_S = 10.0
"""Longer silences are not sent: engines invent words in them, and endpoints charge for them."""

_LONGEST_OVERLAP_S = 8.0
"""Some twenty words: enough to find the same words in both parts although engines hear the borders badly."""


def plan_parts(speech: Sequence[Interval], duration_s: float, limits: PartLimits) -> tuple[PartPlan, ...]:
    """Plan parts that cover all of ``speech``, which is ordered and disjoint.

    What lies between two silences of more than ``SKIPPED_SILENCE_S`` is one part or, when it is longer than
    ``limits.longest_s``, several of about equal length near ``limits.target_s``. A cut is in the middle of a silence;
    where no silence is in reach, it goes through speech, and the next part begins ``overlap_s`` before the cut.
    """
    target_s = min(limits.target_s, limits.longest_s)
    overlap_s = min(_LONGEST_OVERLAP_S, target_s / 4)
    parts: list[PartPlan] = []
    for stretch in _stretches(speech):
        start, end = stretch[0].start, min(stretch[-1].end, duration_s)
        silences = [Interval(start=before.end, end=after.start) for before, after in pairwise(stretch)]
        overlapping = 0.0
        while end - start > limits.longest_s:
            aim_s = (end - start) / ceil((end - start) / target_s)
            silence = _silence_near(silences, start + aim_s / 2, start + aim_s, start + limits.longest_s)
            cut = start + aim_s if silence is None else silence
            parts.append(PartPlan(position=len(parts), start=start, end=cut, overlap_s=overlapping))
            overlapping = overlap_s if silence is None else 0.0
            start = cut - overlapping
        parts.append(PartPlan(position=len(parts), start=start, end=end, overlap_s=overlapping))
    return tuple(parts)


def _stretches(speech: Sequence[Interval]) -> list[list[Interval]]:
    stretches: list[list[Interval]] = []
    for interval in speech:
        if stretches and interval.start - stretches[-1][-1].end <= SKIPPED_SILENCE_S:
            stretches[-1].append(interval)
        else:
            stretches.append([interval])
    return stretches


def _silence_near(silences: Sequence[Interval], earliest: float, aim: float, latest: float) -> float | None:
    """Return the middle of the silence nearest to ``aim``; None when no silence reaches into ``[earliest, latest]``.

    A middle outside these bounds is moved to the nearer bound.
    """
    first = bisect_left(silences, earliest, key=lambda silence: silence.end)
    last = bisect_right(silences, latest, key=lambda silence: silence.start)
    cuts = (min(max((silence.start + silence.end) / 2, earliest), latest) for silence in silences[first:last])
    return min(cuts, key=lambda cut: abs(cut - aim), default=None)


class Speech:
    """Ordered, disjoint intervals of speech; a long recording has thousands, so they are searched, not scanned."""

    def __init__(self, intervals: Sequence[Interval]) -> None:
        self._intervals = intervals
        self._starts = [interval.start for interval in intervals]
        self._ends = [interval.end for interval in intervals]

    def within(self, start: float, end: float) -> list[Interval]:
        """Return the speech in ``[start, end)``, cut at these borders."""
        if start >= end:
            return []
        touching = self._intervals[bisect_right(self._ends, start) : bisect_left(self._starts, end)]
        return [Interval(start=max(start, item.start), end=min(end, item.end)) for item in touching]

    def seconds(self, start: float, end: float) -> float:
        return sum(item.end - item.start for item in self.within(start, end))
