"""The counts as a picture: the factors that most interviews mention, and how the number of different ones grows."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import texts.across
from reports.across.values import Counted, Factor
from reports.drawing import BLUE, blank, label, one_at_a_time, plain_axes, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_MOST_FACTORS = 20
_LONGEST_FACTOR = 48
_FEWEST_INTERVIEWS = 5
"""The curve has room for so many interviews at least, or a single bar would fill it."""
_WIDTH, _BAR, _REST, _CURVE = 10.0, 0.32, 1.1, 3.2
"""Inches: the picture's width, a bar with its share of space, what else the bars need, the curve's height."""
_NEW = "#f0a23b"
_REACHED = "#3a9a5b"


@one_at_a_time
def across_chart(counted: Counted) -> bytes:
    """Draw the factors as bars, the first 20 of them, and the saturation below; the picture is a PNG."""
    shown = counted.factors[:_MOST_FACTORS]
    bars_height = _REST + _BAR * max(1, len(shown))
    figure = blank((_WIDTH, bars_height + _CURVE))
    grid = figure.add_gridspec(2, 1, height_ratios=(bars_height, _CURVE))
    above, below = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    _draw_factors(above.subplots(), counted, shown)
    _draw_saturation(below.subplots(), counted)
    below.legend(loc="outside lower center", ncols=3, frameon=False)
    return png(figure)


def _draw_factors(axes: "Axes", counted: Counted, shown: Sequence[Factor]) -> None:
    interviews = texts.across.INTERVIEW.counted(len(counted.interviews))
    plain_axes(axes, texts.across.CHART_FACTORS.format(interviews=interviews), grid="x")
    bars = axes.barh(range(len(shown)), [factor.count for factor in shown], color=BLUE)
    axes.bar_label(bars, [f"{each.count}{texts.across.TREND_SIGNS[each.trend]}" for each in shown], padding=3)
    axes.set_yticks(range(len(shown)), [label(factor.label, _LONGEST_FACTOR) for factor in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.margins(x=0.08)
    _whole_numbers(axes.xaxis)
    if len(shown) < len(counted.factors):
        axes.set_xlabel(texts.across.CHART_REST.format(shown=len(shown), all=len(counted.factors)))


def _draw_saturation(axes: "Axes", counted: Counted) -> None:
    plain_axes(axes, texts.across.CHART_SATURATION)
    numbers = range(1, len(counted.new) + 1)
    axes.bar(numbers, counted.new, color=_NEW, width=0.8, label=texts.across.CHART_NEW)
    axes.plot(numbers, list(accumulate(counted.new)), color=BLUE, drawstyle="steps-mid", label=texts.across.CHART_ALL)
    reached = counted.saturation.reached_at
    if reached is not None:
        told = texts.across.CHART_REACHED.format(number=reached)
        axes.axvline(reached, color=_REACHED, linestyle="--", label=told)
    axes.set_xlabel(texts.across.CHART_AXIS)
    axes.set_xlim(0.4, max(len(counted.new), _FEWEST_INTERVIEWS) + 0.6)
    axes.set_ylim(bottom=0)
    _whole_numbers(axes.xaxis)
    _whole_numbers(axes.yaxis)


def _whole_numbers(axis: "Axis") -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  # takes a second

    axis.set_major_locator(MaxNLocator(nbins=9, integer=True, min_n_ticks=1))
