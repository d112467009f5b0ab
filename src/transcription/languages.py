"""What people are told of passages in another language than their recording's."""

from collections import defaultdict
from collections.abc import Sequence

import texts.transcript
from datamodels import Interval, Segment
from utils import clock

_SAME_PASSAGE_S = 10.0
"""Segments of one language that are no further apart are told of as one interval, when nothing else is between them."""
_MOST_NAMED = 5


def language_warnings(segments: Sequence[Segment]) -> tuple[str, ...]:
    """Return a sentence for each other language in ``segments``, which are in order, with its first intervals."""
    intervals: defaultdict[str, list[Interval]] = defaultdict(list)
    before: Segment | None = None
    for segment in segments:
        if segment.language is not None:
            known = intervals[segment.language]
            follows = before is not None and before.language == segment.language
            if follows and segment.start - known[-1].end <= _SAME_PASSAGE_S:
                known[-1] = Interval(start=known[-1].start, end=max(known[-1].end, segment.end))
            else:
                known.append(Interval(start=segment.start, end=segment.end))
        before = segment
    return tuple(_told(language, places) for language, places in intervals.items())


def _told(language: str, places: Sequence[Interval]) -> str:
    named = ", ".join(
        texts.transcript.INTERVAL.format(start=clock(place.start), end=clock(place.end))
        for place in places[:_MOST_NAMED]
    )
    more = len(places) - _MOST_NAMED
    if more > 0:
        named += texts.transcript.MORE.format(count=more)
    return texts.transcript.OTHER_LANGUAGE.format(
        language=texts.transcript.LANGUAGES.get(language, language), intervals=named
    )
