"""Which reports of the pack can be counted across interviews, and what the factors in their items are called."""

import json
from collections.abc import Mapping, Sequence

from datamodels import BuildingType
from prompt_pack.manifest import PassKind
from prompt_pack.models import CATEGORY, ReportPack, ReportPass, ReportType
from reports.across.counting import key_of
from reports.across.values import Mention, Subject

_LABEL = "{field}_label"
"""The field in which ``prompt_pack`` puts the label of a factor."""


def subjects_of(pack: ReportPack) -> Sequence[Subject]:
    """Return the countable reports in the pack's order.

    A report is countable when a pass lists items with one name each: a factor of the taxonomy, or a key of one field.
    Of several such passes the first is counted.
    """
    reports = [report for scenario in pack.scenarios for report in scenario.reports]
    return [subject for report in reports if (subject := _subject(report)) is not None]


class FactorNames:
    """The labels that the pack's taxonomies give to factors today. Reading takes CPU time: use a thread."""

    def __init__(self, pack: ReportPack, subject: Subject) -> None:
        plans = pack.report(subject.report_id).plans
        self._known: Mapping[BuildingType | None, Mapping[str, Mention]] = {
            building: {
                factor.id: Mention(key_of(factor.label), factor.id, factor.label, factor.category_label)
                for factor in plan.taxonomy.factors.values()
            }
            for building, plan in plans.items()
            if plan.taxonomy is not None and subject.name != subject.label
        }

    def mentions(self, building: BuildingType | None, listed: str) -> Sequence[Mention]:
        """Read what one report lists, as ``store.list_mentions`` loads it.

        A factor that the taxonomy does not have any more keeps the label that the report has.
        """
        known = self._known.get(building, {})
        return [
            known.get(name) or Mention(key_of(label or name), name, label or name, category or "")
            for name, label, category in json.loads(listed) or ()
            if name
        ]


def _subject(report: ReportType) -> Subject | None:
    passes = [each for plan in report.plans.values() for each in plan.passes]
    named = ((each, name) for each in passes if (name := _name_of(each)) is not None)
    counted, name = next(named, (None, ""))
    if counted is None:
        return None
    return Subject(
        report_id=report.id,
        report=report.label,
        pass_id=counted.id,
        name=name,
        label=_LABEL.format(field=name) if counted.taxonomy else name,
        category=f"{CATEGORY}_label",
        quotes=counted.quotes,
    )


def _name_of(each: ReportPass) -> str | None:
    if each.kind is not PassKind.ITEMS:
        return None
    return each.taxonomy or (each.key[0] if len(each.key) == 1 else None)
