"""Which of a person's reports are shown: by date, title, type and scenario."""

from collections.abc import Sequence
from datetime import date

import texts_my_reports as texts
from datamodels import ReportFile, ReportId, ScenarioId
from prompt_pack_models import ReportPack
from user_states import State


class ReportFilter(State):
    """What reports have to be like; None is no matter. ``first`` and ``last`` are days, both included."""

    KEY = "report_filter"
    first: date | None = None
    last: date | None = None
    title: str | None = None
    report_id: ReportId | None = None
    scenario: ScenarioId | None = None


def filtered(reports: Sequence[ReportFile], wanted: ReportFilter, pack: ReportPack) -> Sequence[ReportFile]:
    """The reports that fit, in their order."""
    if wanted == ReportFilter():
        return reports
    return [report for report in reports if _fits(report, wanted, pack)]


def types_of(reports: Sequence[ReportFile]) -> Sequence[tuple[ReportId, str]]:
    """Ids and labels of the types that are there, by label."""
    return sorted({report.report_id: report.label for report in reports}.items(), key=lambda each: each[1])


def scenarios_of(reports: Sequence[ReportFile], pack: ReportPack) -> Sequence[tuple[ScenarioId, str]]:
    """Ids and labels of the scenarios that are there, in the pack's order; of those it does not know, at the end."""
    there = {scenario_of(report, pack) for report in reports}
    labels = {each.id: each.label for each in pack.scenarios}
    known = [(each, label) for each, label in labels.items() if each in there]
    return [*known, *((each, str(each)) for each in sorted(filter(None, there)) if each not in labels)]


def scenario_of(report: ReportFile, pack: ReportPack) -> ScenarioId | None:
    """The scenario of a report; that of its type when the report is of before scenarios were noted."""
    if report.scenario is not None:
        return report.scenario
    return next(
        (each.scenario for every in pack.scenarios for each in every.reports if each.id == report.report_id), None
    )


def filter_lines(wanted: ReportFilter, reports: Sequence[ReportFile], pack: ReportPack) -> Sequence[str]:
    """What a filter asks for, a line each, in plain text."""
    lines: list[str] = []
    if wanted.first is not None and wanted.first == wanted.last:
        lines.append(texts.FILTER_DAY.format(date=_day(wanted.first)))
    else:
        ends = [(texts.FILTER_FROM, wanted.first), (texts.FILTER_TO, wanted.last)]
        period = [text.format(date=_day(day)) for text, day in ends if day is not None]
        lines.extend([" ".join(period)] if period else [])
    if wanted.title is not None:
        lines.append(texts.FILTER_TITLE.format(text=wanted.title))
    if wanted.report_id is not None:
        lines.append(dict(types_of(reports)).get(wanted.report_id, wanted.report_id))
    if wanted.scenario is not None:
        lines.append(dict(scenarios_of(reports, pack)).get(wanted.scenario, wanted.scenario))
    return lines


def _fits(report: ReportFile, wanted: ReportFilter, pack: ReportPack) -> bool:
    day = report.created_at.astimezone().date()
    return (
        (wanted.first is None or day >= wanted.first)
        and (wanted.last is None or day <= wanted.last)
        and (wanted.title is None or _folded(wanted.title) in _folded(report.title))
        and (wanted.report_id is None or report.report_id == wanted.report_id)
        and (wanted.scenario is None or scenario_of(report, pack) == wanted.scenario)
    )


def _folded(text: str) -> str:
    return text.casefold().replace("ё", "е")


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"
