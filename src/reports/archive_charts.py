"""Charts of a person's reports as PNG. All of it takes CPU time: use a thread."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from datetime import date
from enum import StrEnum

import texts.my_reports
from datamodels import IndexPoint, ReportFile, ReportId
from reports.drawing import BLUE, blank, label, one_at_a_time, plain_axes, png
from system.local_time import local
from texts.units import DECIMAL_SEPARATOR

_MOST_LINES = 8
"""The most lines in a chart; more cannot be told apart."""
_MOST_MONTHS = 36
_FEWEST_MONTHS = 6
"""The months for which a chart has room at least, so that the bar of one is no wall."""
_FEWEST_DAYS = 14
"""The days for which a chart has room at least: points of one day lie in the middle of two weeks."""
_MOST_DAYS_NAMED = 7
_LONGEST_NAME = 24
"""Characters of a name beside a chart: a longer one would take the chart's room."""
_SPARE = 0.03
"""The share of an axis that is free at its ends: no point lies on the frame."""


class TrendBy(StrEnum):
    """What the points of one line of a trend have in common."""

    EMPLOYEE = "employee"
    PLACE = "place"


def reports_per_month(reports: Sequence[ReportFile]) -> Mapping[tuple[int, int], int]:
    """Count the reports of each month, by year and month, from the first to the last; empty months are 0."""
    counts = Counter((day.year, day.month) for day in (local(report.created_at) for report in reports))
    if not counts:
        return {}
    first, last = (year * 12 + month - 1 for year, month in (min(counts), max(counts)))
    months = [(each // 12, each % 12 + 1) for each in range(first, last + 1)]
    return {month: counts[month] for month in months}


def trend_types(points: Sequence[IndexPoint]) -> Sequence[ReportId]:
    """Return the report types whose indices have a number to show over time, sorted by id."""
    return sorted({point.report_id for point in points if _numbers(point)})


def trend_indices(points: Sequence[IndexPoint], report_id: ReportId) -> Sequence[tuple[str, str]]:
    """Return names and labels of a report type's numeric indices, in the order of their first appearance."""
    found: dict[str, str] = {}
    for point in points:
        if point.report_id == report_id:
            for name, (label, _) in _numbers(point).items():
                found.setdefault(name, label)
    return list(found.items())


def trend(
    points: Sequence[IndexPoint], report_id: ReportId, index: str, by: TrendBy
) -> Mapping[str, Sequence[tuple[date, float]]]:
    """Return the days and values of an index by employee or place; the one with the most reports comes first."""
    lines: dict[str, list[tuple[date, float]]] = {}
    for point in points:
        number = _numbers(point).get(index) if point.report_id == report_id else None
        if number is not None:
            whose = (point.employee if by is TrendBy.EMPLOYEE else point.place) or texts.my_reports.TREND_UNNAMED
            lines.setdefault(whose, []).append((point.day, number[1]))
    return dict(sorted(lines.items(), key=lambda each: (-len(each[1]), each[0])))


@one_at_a_time
def months_chart(months: Mapping[tuple[int, int], int]) -> bytes:
    """Draw how many reports each month has; of more than 36 months, the last 36."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  # takes a second

    shown = list(months.items())[-_MOST_MONTHS:]
    figure = blank()
    axes = plain_axes(figure.add_subplot(), texts.my_reports.CHART_MONTHS_TITLE)
    labels = [f"{texts.my_reports.MONTHS[month - 1]}\n{year}" for (year, month), _ in shown]
    bars = axes.bar(range(len(shown)), [count for _, count in shown], color=BLUE)
    every = -(-len(shown) // 18)
    axes.set_xticks(range(0, len(shown), every), labels[::every])
    spare = max(_FEWEST_MONTHS - len(shown), 0) / 2
    axes.set_xlim(-0.75 - spare, len(shown) - 0.25 + spare)
    axes.set_ylabel(texts.my_reports.CHART_MONTHS_AXIS)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if len(shown) <= 24:
        axes.bar_label(bars, padding=2)
    return png(figure)


@one_at_a_time
def trend_chart(index_label: str, by: TrendBy, lines: Mapping[str, Sequence[tuple[date, float]]]) -> bytes:
    """Draw an index over time: for each of the first eight ``lines``, the values and a line through the days' means."""
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415  # takes a second

    shown = list(lines.items())[:_MOST_LINES]
    figure = blank()
    axes = plain_axes(figure.add_subplot(), texts.my_reports.TREND_TITLES[by].format(index=label(index_label)))
    for whose, points in shown:
        means = _means(points)
        [drawn] = axes.plot(list(means), list(means.values()), marker="o", label=label(whose, _LONGEST_NAME))
        each = [day.toordinal() for day, _ in points]
        axes.scatter(each, [value for _, value in points], color=drawn.get_color(), alpha=0.4, s=18)
    first, last, named = axis_of({day.toordinal() for _, points in shown for day, _ in points})
    axes.set_xlim(first, last)
    axes.set_xticks(named)
    values = [value for _, points in shown for _, value in points]
    if min(values) >= 0:
        highest = axes.get_ylim()[1] if max(values) else 1.0
        axes.set_ylim(-_SPARE * highest, highest)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda day, _: f"{date.fromordinal(int(day)):%d.%m.%y}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace(".", DECIMAL_SEPARATOR)))
    axes.set_ylabel(label(index_label))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    if len(shown) < len(lines):
        axes.set_xlabel(texts.my_reports.TREND_SHOWN.format(shown=len(shown), all=len(lines)))
    return png(figure)


def _means(points: Sequence[tuple[date, float]]) -> Mapping[int, float]:
    """Return the mean of each day's values, by the day's ordinal."""
    values: dict[int, list[float]] = {}
    for day, value in points:
        values.setdefault(day.toordinal(), []).append(value)
    return {day: sum(each) / len(each) for day, each in sorted(values.items())}


def axis_of(days: Set[int]) -> tuple[float, float, Sequence[int]]:
    """Return both ends of an axis for these days, not empty, in ordinals, and the days that are named on it."""
    first, last = min(days), max(days)
    spare = max((_FEWEST_DAYS - (last - first)) / 2, (last - first) * _SPARE, 1)
    return first - spare, last + spare, days_named(sorted(days), (last - first + 2 * spare) / _MOST_DAYS_NAMED)


def days_named(days: Sequence[int], least: float) -> Sequence[int]:
    """Return those of the sorted ``days`` that have room for their dates: at least ``least`` days between two."""
    named: list[int] = []
    for day in days:
        if not named or day - named[-1] >= least:
            named.append(day)
    return named


def _numbers(point: IndexPoint) -> Mapping[str, tuple[str, float]]:
    """Return labels and values of a point's numeric indices, by the names of the indices."""
    return {each.name: (each.label, float(each.value)) for each in point.indices if isinstance(each.value, int | float)}
