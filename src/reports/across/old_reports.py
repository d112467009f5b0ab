"""Items of reports that were written before items were stored, read from the reports' own text.

The text of a list shows each item's label in bold and its quotes with speaker and time. What is read is stored only
when it is as many items as the report's own indices count; else the report stays without, and is named as not counted.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from datamodels import BuildingType
from db import Database
from prompt_pack.models import Factor, ReportPack, ReportPlan
from reports.across.subjects import subjects_of
from reports.across.values import Subject
from text_cleaning import one_line

Items = Sequence[Mapping[str, Any]]

_BATCH = 100
_NEXT_SECTION = re.compile(r"^## ", re.MULTILINE)
_ITEM = re.compile(r"\*\*(?P<label>.+?)\*\* — ")
_QUOTE = re.compile(r"> «(?P<text>.+)» \((?:(?P<speaker>.+), )?(?P<time>(?:\d+:)?\d{1,2}:\d{2})\)")

_SELECT = """
    SELECT id, building, text, indices FROM report_runs
    WHERE status = 'done' AND items IS NULL AND report_id = %(report_id)s AND id > %(after)s
    ORDER BY id LIMIT %(limit)s
"""
_UPDATE = "UPDATE report_runs SET items = %(items)s WHERE id = %(id)s AND status = 'done' AND items IS NULL"


class OldReports:
    """Finished reports without items."""

    def __init__(self, database: Database, pack: ReportPack) -> None:
        self._database = database
        self._pack = pack

    async def read(self) -> None:
        """Store the items of all reports whose text tells them. Nothing is lost when this is interrupted."""
        for subject in subjects_of(self._pack):
            after = UUID(int=0)
            while rows := await self._read_some(subject, after):
                after = rows[-1]

    async def _read_some(self, subject: Subject, after: UUID) -> Sequence[UUID]:
        async with self._database.transaction() as connection:
            parameters = {"report_id": subject.report_id, "after": after, "limit": _BATCH}
            rows = await (await connection.execute(_SELECT, parameters)).fetchall()
            plans = self._pack.report(subject.report_id).plans
            read = await asyncio.to_thread(lambda: [_read(subject, plans, row) for row in rows])
            for row, items in zip(rows, read, strict=True):
                if items is not None:
                    stored = Jsonb({subject.pass_id: items})
                    await connection.execute(_UPDATE, {"id": row["id"], "items": stored})
        return [row["id"] for row in rows]


def _read(subject: Subject, plans: Mapping[BuildingType | None, ReportPlan], row: Mapping[str, Any]) -> Items | None:
    plan = plans.get(row["building"] and BuildingType(row["building"]))
    indices = {each["name"]: each["value"] for each in row["indices"] or ()}
    return None if plan is None else items_of(subject, plan, row["text"] or "", indices)


def items_of(subject: Subject, plan: ReportPlan, text: str, indices: Mapping[str, object]) -> Items | None:
    """Return the items that a report's text tells; None when they are not those that its indices count."""
    title = next((each.title for each in plan.passes if each.id == subject.pass_id), None)
    counts = [
        line.rule.name
        for line in (plan.indices.lines if plan.indices else ())
        if line.rule.count == (subject.pass_id,) and line.groups is None
    ]
    _, heading, rest = f"\n{text}".partition(f"\n## {title}\n")
    if not heading or not counts or plan.taxonomy is None:
        return None
    factors = {one_line(factor.label): factor for factor in plan.taxonomy.factors.values()}
    items = _listed(subject, factors, _NEXT_SECTION.split(rest, maxsplit=1)[0])
    return items if len(items) == indices.get(counts[0]) else None


def _listed(subject: Subject, factors: Mapping[str, Factor], section: str) -> Items:
    items: list[dict[str, Any]] = []
    for line in section.splitlines():
        if item := _ITEM.match(line):
            known = factors.get(item["label"])
            described = {subject.name: known.id if known else item["label"], subject.label: item["label"]}
            category = {subject.category: known.category_label} if known else {}
            items.append({**described, **category, **({subject.quotes: []} if subject.quotes else {})})
        elif items and subject.quotes and (quote := _QUOTE.fullmatch(line)):
            items[-1][subject.quotes].append(quote.groupdict())
    return items
