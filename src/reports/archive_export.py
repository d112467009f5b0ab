"""A list of reports as a file: TXT to read, CSV and XLSX for tables, JSON for programs. All of it takes CPU time: use a
thread."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time

import texts.my_reports
from constants import NO_RECORDING
from datamodels import ReportFile
from prompt_pack.models import unnumbered
from reports.archive_about import ListedReport
from system.local_time import local
from text_cleaning import one_line
from utils import human_size

_RULE = "=" * 60
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of cells that a spreadsheet would take for formulas."""
_FORMATS = {"created_at": "dd.mm.yyyy hh:mm", "recorded_on": "dd.mm.yyyy"}
_WIDTHS = {
    "created_at": 17,
    "title": 60,
    "recorded_on": 12,
    "place": 30,
    "employee": 30,
    "recording_file_name": 40,
    "label": 40,
    "kind": 16,
    "size_bytes": 14,
}


def list_text(reports: Sequence[ReportFile], now: datetime) -> bytes:
    """Write the whole list as plain text, UTF-8."""
    head = [
        texts.my_reports.FILE_TITLE,
        texts.my_reports.FILE_EXPORTED.format(time=_time(now)),
        texts.my_reports.FILE_COUNT.format(reports=texts.my_reports.REPORT.counted(len(reports))),
        _RULE,
        "",
    ]
    return "\n".join([*head, *map(_entry, reports)]).encode(errors="replace")


def to_csv(reports: Sequence[ListedReport]) -> bytes:
    """Write the list for a Russian spreadsheet: with semicolons and the byte order mark of UTF-8."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";")
    writer.writerow(texts.my_reports.COLUMNS.values())
    for report in reports:
        writer.writerow([_defused(value) for value in _cells(report)])
    return file.getvalue().encode("utf-8-sig", errors="replace")


def to_json(reports: Sequence[ListedReport]) -> bytes:
    """Write the list as an array of objects; times are ISO 8601."""
    rows = [report.model_dump(mode="json", include=set(texts.my_reports.COLUMNS)) for report in reports]
    return (json.dumps(rows, ensure_ascii=False, indent=1) + "\n").encode(errors="replace")


def to_xlsx(reports: Sequence[ListedReport]) -> bytes:
    """Write the list as an Excel workbook with a filter over its columns."""
    # Loaded when somebody wants a workbook.
    import xlsxwriter  # noqa: PLC0415

    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet(texts.my_reports.SHEET)
        sheet.write_row(0, 0, texts.my_reports.COLUMNS.values(), book.add_format({"bold": True}))
        formats = {name: book.add_format({"num_format": form}) for name, form in _FORMATS.items()}
        for column, name in enumerate(texts.my_reports.COLUMNS):
            sheet.set_column(column, column, _WIDTHS.get(name, 12), formats.get(name))
        for row, report in enumerate(reports, 1):
            for column, value in enumerate(_cells(report)):
                if isinstance(value, datetime):
                    sheet.write_datetime(row, column, local(value).replace(tzinfo=None))
                elif isinstance(value, date):
                    sheet.write_datetime(row, column, datetime.combine(value, time()))
                else:
                    sheet.write(row, column, value)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(reports), len(texts.my_reports.COLUMNS) - 1)
    return file.getvalue()


EXPORTS: Mapping[str, Callable[[Sequence[ListedReport]], bytes]] = {"csv": to_csv, "json": to_json, "xlsx": to_xlsx}
"""The writers of lists by file extension."""


def _entry(report: ReportFile) -> str:
    return texts.my_reports.FILE_ENTRY.format(
        number=report.number,
        date=_time(report.created_at),
        title=one_line(report.title),
        about=_about(report),
        label=one_line(unnumbered(report.label)),
        size=human_size(report.size_bytes),
        tokens=report.tokens,
    )


def _about(report: ReportFile) -> str:
    name = one_line(report.recording_file_name)
    if report.recording_number == NO_RECORDING:
        return texts.my_reports.FILE_RESEARCH.format(question=name)
    return texts.my_reports.FILE_RECORDING.format(number=report.recording_number, file_name=name)


def _cells(report: ListedReport) -> list[object]:
    values = [getattr(report, name) for name in texts.my_reports.COLUMNS]
    return [one_line(value) if isinstance(value, str) else value for value in values]


def _defused(value: object) -> object:
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _time(at: datetime) -> str:
    return f"{local(at):%d.%m.%Y %H:%M}"
