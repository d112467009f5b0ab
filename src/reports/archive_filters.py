"""Which of a person's reports are shown, and the numbered list as the person last saw it.

Filters go by date, title, type, scenario, place and employee. The numbers of a shown list can be used for some minutes.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import texts.my_reports
from datamodels import ReportId, ScenarioId
from prompt_pack.models import ReportPack
from report_folder.lines import ReportFacts, ReportLines
from reports.archive_about import Abouts, ReportAbout
from text_cleaning import folded
from user_states import State
from utils import midnight


class ReportFilter(State):
    """The conditions on reports; None sets no condition. ``first`` and ``last`` are days, both included."""

    KEY = "report_filter"
    first: date | None = None
    last: date | None = None
    title: str | None = None
    report_id: ReportId | None = None
    scenario: ScenarioId | None = None
    place: str | None = None
    employee: str | None = None

    @property
    def is_about_recordings(self) -> bool:
        """Whether what the reports are about has to be known."""
        return self.place is not None or self.employee is not None


def filtered(reports: ReportLines, wanted: ReportFilter, pack: ReportPack, abouts: Abouts) -> ReportLines:
    """Return the reports that meet the filter, in their order."""
    first = None if wanted.first is None else midnight(wanted.first)
    end = None if wanted.last is None else midnight(wanted.last, days_later=1)
    title = None if wanted.title is None else folded(wanted.title)

    def fits(report: ReportFacts) -> bool:
        return (
            (first is None or report.created_at >= first)
            and (end is None or report.created_at < end)
            and (title is None or title in report.folded_title)
            and (wanted.report_id is None or report.report_id == wanted.report_id)
            and (wanted.scenario is None or scenario_of(report, pack) == wanted.scenario)
        )

    if wanted.is_about_recordings:
        reports = reports.only({number for number, about in abouts.items() if _is_about(about, wanted)})
    return reports if wanted == ReportFilter() else reports.where(fits)


def _is_about(about: ReportAbout, wanted: ReportFilter) -> bool:
    is_there = wanted.place is None or about.place == wanted.place
    return is_there and (wanted.employee is None or about.employee == wanted.employee)


def types_of(reports: ReportLines) -> Sequence[tuple[ReportId, str]]:
    """Return ids and labels of the types that occur, sorted by label."""
    return sorted({report.report_id: report.label for report in reports.facts}.items(), key=lambda each: each[1])


def scenarios_of(reports: ReportLines, pack: ReportPack) -> Sequence[tuple[ScenarioId, str]]:
    """Return ids and labels of the scenarios that occur, in the pack's order.

    Scenarios that the pack does not have come last; their label is the id.
    """
    there = {scenario_of(report, pack) for report in reports.facts}
    labels = {each.id: each.label for each in pack.scenarios}
    known = [(each, label) for each, label in labels.items() if each in there]
    return [*known, *((each, str(each)) for each in sorted(filter(None, there)) if each not in labels)]


def scenario_of(report: ReportFacts, pack: ReportPack) -> ScenarioId | None:
    """Return the scenario of a report; an early report has none of its own and gets the scenario of its type.

    Return None when the pack does not have the type either.
    """
    if report.scenario is not None:
        return report.scenario
    known = pack.find_report(report.report_id)
    return None if known is None else known.scenario


def filter_lines(wanted: ReportFilter, reports: ReportLines, pack: ReportPack) -> Sequence[str]:
    """Return the filter's conditions in plain text, one a line."""
    lines: list[str] = []
    if wanted.first is not None and wanted.first == wanted.last:
        lines.append(texts.my_reports.FILTER_DAY.format(date=_day(wanted.first)))
    else:
        ends = [(texts.my_reports.FILTER_FROM, wanted.first), (texts.my_reports.FILTER_TO, wanted.last)]
        period = [text.format(date=_day(day)) for text, day in ends if day is not None]
        lines.extend([" ".join(period)] if period else [])
    if wanted.title is not None:
        lines.append(texts.my_reports.FILTER_TITLE.format(text=wanted.title))
    if wanted.report_id is not None:
        lines.append(dict(types_of(reports)).get(wanted.report_id, wanted.report_id))
    if wanted.scenario is not None:
        lines.append(dict(scenarios_of(reports, pack)).get(wanted.scenario, wanted.scenario))
    if wanted.place is not None:
        lines.append(texts.my_reports.FILTER_PLACE.format(name=wanted.place))
    if wanted.employee is not None:
        lines.append(texts.my_reports.FILTER_EMPLOYEE.format(name=wanted.employee))
    return lines


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"


class ReportSnapshot(State):
    """A list of reports as a person saw it: when it was shown, and the numbers of all reports in it."""

    KEY = "report_snapshot"
    taken_at: datetime
    numbers: frozenset[int]


def snapshot_of(numbers: Iterable[int], now: datetime) -> ReportSnapshot:
    """Return the snapshot of a list that is being shown."""
    return ReportSnapshot(taken_at=now, numbers=frozenset(numbers))


def is_fresh(snapshot: ReportSnapshot, now: datetime, lasts: timedelta) -> bool:
    """Tell whether a snapshot is at most ``lasts`` old. One from the future is not fresh: the clock was set back."""
    return timedelta() <= now - snapshot.taken_at <= lasts


def minutes_of(lasts: timedelta) -> int:
    """Return ``lasts`` in whole minutes, at least 1, as people read it."""
    return max(1, round(lasts / timedelta(minutes=1)))
