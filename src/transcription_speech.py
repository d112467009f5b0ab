"""Look-ups in the speech of a recording."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from datamodels import Interval


class Speech:
    """Ordered, disjoint intervals of speech; a long recording has thousands, so they are searched, not scanned."""

    def __init__(self, intervals: Sequence[Interval]) -> None:
        self._intervals = intervals
        self._starts = [interval.start for interval in intervals]
        self._ends = [interval.end for interval in intervals]

    def within(self, start: float, end: float) -> list[Interval]:
        """Return the speech in ``[start, end)``, cut to it."""
        if start >= end:
            return []
        touching = self._intervals[bisect_right(self._ends, start) : bisect_left(self._starts, end)]
        return [Interval(start=max(start, item.start), end=min(end, item.end)) for item in touching]

    def seconds(self, start: float, end: float) -> float:
        return sum(item.end - item.start for item in self.within(start, end))
