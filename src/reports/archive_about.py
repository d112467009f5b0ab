"""What a person's reports are about: place, employee and day of their recordings, as the metadata say now."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from hashlib import sha256

from datamodels import ReportFile, UserId, Value
from db import Database
from prompt_pack.models import ReportPack

_WORD_DIGITS = 16
"""Of a name's hash on a button, which has no room for the name."""
_SELECT = """
    SELECT report_runs.number, places.name AS place, employees.name AS employee, recorded_on
    FROM report_runs
    JOIN recording_metadata ON recording_metadata.recording_id = report_runs.recording_id
    LEFT JOIN employees ON employees.id = employee_id
    LEFT JOIN places ON places.id = place_id
    WHERE owner_id = %(owner_id)s AND report_runs.number IS NOT NULL
"""


class ReportAbout(Value):
    """What is known of a report's recording."""

    place: str | None = None
    employee: str | None = None
    recorded_on: date | None = None


Abouts = Mapping[int, ReportAbout]
"""By the reports' numbers."""
UNKNOWN = ReportAbout()


class ListedReport(ReportFile):
    """A report with what it is about, for tables; ``kind`` is how people call its scenario."""

    place: str | None
    employee: str | None
    recorded_on: date | None
    kind: str


async def load_abouts(database: Database, owner: UserId) -> Abouts:
    """Load what the reports of a person are about."""
    async with database.transaction() as connection:
        cursor = await connection.execute(_SELECT, {"owner_id": owner})
        return {row.pop("number"): ReportAbout.model_validate(row) async for row in cursor}


def listed(reports: Iterable[ReportFile], abouts: Abouts, pack: ReportPack) -> list[ListedReport]:
    """Join reports with what they are about."""
    labels = {each.id: each.label for each in pack.scenarios}
    return [
        ListedReport(
            **report.model_dump(),
            **abouts.get(report.number, UNKNOWN).model_dump(),
            kind="" if report.scenario is None else labels.get(report.scenario, str(report.scenario)),
        )
        for report in reports
    ]


def names_of(abouts: Abouts, field: str) -> Sequence[tuple[str, str]]:
    """Return the places or employees, as ``field`` says, with the words that stand for them on buttons; by name."""
    names = sorted({str(name) for about in abouts.values() if (name := getattr(about, field)) is not None})
    return [(f"n{sha256(name.encode()).hexdigest()[:_WORD_DIGITS]}", name) for name in names]
