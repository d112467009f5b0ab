"""The command that counts factors across interviews: a table on standard output, files in a folder."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import texts.across
import texts.my_reports
from application.across import open_across
from cli.display import Display
from config import ROOT, Settings
from datamodels import BuildingType, UserId, Value
from errors import BadText, UnknownChoice
from metadata.dates import parse_date
from prompt_pack.pack import load_pack
from reports.across.charts import across_chart
from reports.across.choices import chosen
from reports.across.choices import named as choice_named
from reports.across.document import FORMS, as_file, quoted_in, saturation_text, table_rows
from reports.across.document import as_json as to_json
from reports.across.service import AcrossInterviews
from reports.across.values import Choice, Kind, Result, Wanted
from utils import disk_full_mapped, folder_problem, write_atomically

_BAD_INPUT_STATUS = 2
_MOST_NAMES = 20
_LABEL_WIDTH = 48


class Named(Value):
    """What the arguments name; dates and names as they were typed."""

    report: str | None = None
    place: str | None = None
    employee: str | None = None
    building: str | None = None
    first: str | None = None
    last: str | None = None


async def count_across(settings: Settings, named: Named, out: Path | None, display: Display, *, as_json: bool) -> int:
    """Count factors over the interviews that the command line's user may see, and print the table.

    Returns:
        0; 2 when the folder ``out`` cannot be written.

    Raises:
        UnknownChoice: no such report, place, employee or building type.
        BadText: no such day, or the last is before the first.
        BadSettings, BadReportPack, DatabaseUnavailable, EngineFailed: the reports cannot be read.
        DiskFull: no space left.
    """
    days = tuple(None if each is None else parse_date(each, date.max) for each in (named.first, named.last))
    display.say(texts.across.READING)
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    today = datetime.now(UTC).astimezone().date()
    async with open_across(settings, pack, lambda: today) as (across, asker):
        wanted = await _wanted(across, asker, named, *days)
        result = await across.count(asker, wanted)
        counted = result.counted
        said = await across.quotes(result.subject, [(each, quoted_in(counted, each)) for each in counted.factors])
    sys.stdout.write(to_json(result, said, today).decode() if as_json else _table(result))
    if out is None:
        return 0
    made = (result, said, today, settings.persistent_dir)
    contents = {form: await asyncio.to_thread(as_file, form, *made) for form in FORMS}
    contents["png"] = await asyncio.to_thread(across_chart, counted)
    try:
        written = await asyncio.to_thread(_write, out, contents)
    except OSError as exc:
        display.say(texts.across.UNWRITABLE.format(path=out, reason=folder_problem(exc)))
        return _BAD_INPUT_STATUS
    for path in written:
        display.say(texts.across.WRITTEN.format(path=path))
    return 0


def _write(out: Path, contents: Mapping[str, bytes]) -> Sequence[Path]:
    paths = []
    with disk_full_mapped(out):
        out.mkdir(parents=True, exist_ok=True)
        for extension, content in contents.items():
            paths.append(out / texts.across.OUT_FILE.format(extension=extension))
            write_atomically(paths[-1], content)
    return paths


async def _wanted(
    across: AcrossInterviews, asker: UserId, named: Named, first: date | None, last: date | None
) -> Wanted:
    if first is not None and last is not None and first > last:
        raise BadText(reason=texts.my_reports.DATES_SWAPPED)
    reports = [subject.report_id for subject in across.subjects]
    report = next((each for each in reports if each == named.report), None)
    if named.report is not None and report is None:
        raise UnknownChoice(value=named.report, allowed=", ".join(reports))
    if named.building is not None and named.building not in set(BuildingType):
        raise UnknownChoice(value=named.building, allowed=", ".join(BuildingType))
    wanted = Wanted(report_id=report, first=first, last=last)
    choices = (await across.overview(asker, Wanted(report_id=report))).choices
    for kind, name in ((Kind.PLACE, named.place), (Kind.EMPLOYEE, named.employee), (Kind.BUILDING, named.building)):
        if name is not None:
            choice = name if kind is Kind.BUILDING else _choice(choices[kind], name)
            wanted = chosen(wanted, kind, choice, date.max)
    return wanted


def _choice(choices: Sequence[Choice], name: str) -> str:
    found = choice_named(choices, name)
    if found is None:
        names = ", ".join(choice.label for choice in choices[:_MOST_NAMES])
        raise UnknownChoice(value=name, allowed=names or texts.across.NO_NAMES)
    return found.id


def _table(result: Result) -> str:
    counted = result.counted
    lines = [
        result.subject.report,
        *(result.conditions or [texts.across.EVERY_INTERVIEW]),
        texts.across.COUNTS.format(
            interviews=texts.across.INTERVIEW.counted(len(counted.interviews)),
            factors=texts.across.FACTOR.counted(len(counted.factors)),
        ),
        saturation_text(counted.saturation),
        *([texts.across.WITHOUT_DATA.format(count=counted.without_data)] if counted.without_data else []),
        "",
        *(
            f"{count:>12}  {share:>5}  {trend:<14}  {label[:_LABEL_WIDTH]}"
            for _, label, _, count, share, trend in table_rows(counted)
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"
