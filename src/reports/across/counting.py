"""Factors counted over interviews: how many mention each, how that changes over months, whether new ones still come.

The counting rules:

- An interview counts once for a factor, however often its report names it.
- Factors are the same when their labels have the same words in the same order, whatever their forms and case:
  «Тихие номера» is «тихий номер».
- The label that people read is the most frequent spelling; of several, the first in the alphabet.
- Interviews are in the order of their days; those of one day in the order in which they came.

Trend: the Cochran–Armitage test of a factor's share in each month (Armitage 1955, doi:10.2307/3001775), two-sided,
at 1 %: with a hundred factors one is expected to pass by chance. It needs interviews in ``TREND_MONTHS`` months,
``TREND_INTERVIEWS`` of them, and ``TREND_CELL`` with and without the factor, unless all or none mention it.

Saturation: Guest, Namey and Chen 2020 (doi:10.1371/journal.pone.0232076). The factors of the first
``SATURATION_BASE`` interviews are the base; a run is ``SATURATION_RUN`` interviews in a row. It is reached at the
first interview after which every run, the last included, brings at most ``SATURATION_SHARE`` of the base.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import sqrt

from knowledge.lemmas import lemmas
from reports.across.values import Counted, Factor, Interview, Mention, Month, Saturation, Trend

TREND_MONTHS = 3
TREND_INTERVIEWS = 12
TREND_CELL = 5
_TREND_Z = 2.5758
"""Of the normal distribution, 1 % is beyond this on both sides together."""
SATURATION_BASE = 4
SATURATION_RUN = 3
SATURATION_SHARE = 0.05


def key_of(label: str) -> str:
    """Return what all labels of one factor share: the dictionary forms of their words, each once. Blocking."""
    return " ".join(lemmas(label)) or label.strip().casefold()


def counted(mentions: Mapping[Interview, Sequence[Mention]], without_data: int = 0) -> Counted:
    """Count the factors that interviews mention, which may come in any order. Blocking."""
    ordered = sorted(mentions, key=lambda each: (each.day, each.came, each.number, each.recording_id))
    places: defaultdict[str, list[int]] = defaultdict(list)
    labels: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    names: defaultdict[str, set[str]] = defaultdict(set)
    new: list[int] = []
    for place, interview in enumerate(ordered):
        known = len(places)
        named = {mention.key: mention for mention in reversed(mentions[interview])}
        for mention in mentions[interview]:
            names[mention.key].add(mention.name)
        for key, mention in named.items():
            places[key].append(place)
            labels[key][mention.label, mention.category] += 1
        new.append(len(places) - known)
    months, month_of = _months(ordered)
    sizes, numbers = [month.interviews for month in months], [month.year * 12 + month.month for month in months]
    factors = []
    for key, mentioned_in in places.items():
        label, category = min(labels[key], key=lambda each: (-labels[key][each], each))
        by_month = _by_month(mentioned_in, month_of, len(months))
        changes = trend(sizes, by_month, numbers)
        factors.append(Factor(key, label, category, frozenset(names[key]), mentioned_in, by_month, changes))
    factors.sort(key=lambda each: (-each.count, each.label, each.key))
    return Counted(ordered, factors, new, months, saturation(new), without_data)


def trend(interviews: Sequence[int], mentions: Sequence[int], months: Sequence[int]) -> Trend:
    """Tell how a share changes: that of ``mentions`` in ``interviews``, by the numbers of their ``months``."""
    total, found = sum(interviews), sum(mentions)
    if len(months) < TREND_MONTHS or total < TREND_INTERVIEWS:
        return Trend.TOO_FEW
    if found in {0, total}:
        return Trend.STEADY
    if min(found, total - found) < TREND_CELL:
        return Trend.TOO_FEW
    share = found / total
    mean = sum(month * count for month, count in zip(months, interviews, strict=True)) / total
    slope = sum(
        (month - mean) * (mentioned - count * share)
        for month, count, mentioned in zip(months, interviews, mentions, strict=True)
    )
    spread = sum(count * (month - mean) ** 2 for month, count in zip(months, interviews, strict=True))
    z = slope / sqrt(share * (1 - share) * spread)
    if abs(z) < _TREND_Z:
        return Trend.STEADY
    return Trend.RISING if z > 0 else Trend.FALLING


def saturation(new: Sequence[int]) -> Saturation:
    """Tell whether new factors still come; ``new`` has their number in each interview, in order."""
    base, latest = sum(new[:SATURATION_BASE]), sum(new[-SATURATION_RUN:])
    if len(new) < SATURATION_BASE + SATURATION_RUN or base == 0:
        return Saturation(is_known=False, reached_at=None, base=base, latest=latest)
    reached = None
    for last in range(len(new), SATURATION_BASE + SATURATION_RUN - 1, -1):
        if sum(new[last - SATURATION_RUN : last]) > SATURATION_SHARE * base:
            break
        reached = last
    return Saturation(is_known=True, reached_at=reached, base=base, latest=latest)


def _months(interviews: Sequence[Interview]) -> tuple[Sequence[Month], Sequence[int]]:
    """Return the months in order, and for each interview the place of its month among them."""
    counts = Counter((interview.day.year, interview.day.month) for interview in interviews)
    places = {month: place for place, month in enumerate(sorted(counts))}
    months = [Month(*month, interviews=counts[month]) for month in places]
    return months, [places[interview.day.year, interview.day.month] for interview in interviews]


def _by_month(mentioned_in: Sequence[int], month_of: Sequence[int], months: int) -> Sequence[int]:
    counts = [0] * months
    for place in mentioned_in:
        counts[month_of[place]] += 1
    return counts
