"""The list of reports as a person last saw it: its numbers can be used for some minutes."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import texts_my_reports as texts
from datamodels import ReportFile
from user_states import State


class ReportSnapshot(State):
    """``numbers`` are those of all reports in the list."""

    KEY = "report_snapshot"
    taken_at: datetime
    numbers: frozenset[int]


class Freshness(NamedTuple):
    """Whether a list can be used, and what to tell when not, in HTML."""

    good: bool
    tell: str


def snapshot_of(reports: Iterable[ReportFile], now: datetime) -> ReportSnapshot:
    """The snapshot of a list that is being shown."""
    return ReportSnapshot(taken_at=now, numbers=frozenset(report.number for report in reports))


def freshness(snapshot: ReportSnapshot | None, now: datetime, lasts: timedelta) -> Freshness:
    """Tell whether a snapshot is good: there, and at most so old. One of the future is not: a clock was set back."""
    good = snapshot is not None and timedelta() <= now - snapshot.taken_at <= lasts
    minutes = minutes_of(lasts)
    return Freshness(good, "" if good else texts.STALE.format(minutes=texts.MINUTES_GENITIVE.counted(minutes)))


def minutes_of(lasts: timedelta) -> int:
    """Whole minutes, as people are told them."""
    return max(1, round(lasts / timedelta(minutes=1)))
