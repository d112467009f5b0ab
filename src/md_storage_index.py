"""The index of a user's reports: a JSON file with one report a line.

Lines are read and written some hundred at a time, so that the interpreter lets the event loop in between: 10,000 at
once would hold it for a third of a second.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, TypeAdapter, ValidationError, model_validator

from datamodels import NewReportFile, ReportFile
from errors import NotFound, ReportIndexBroken
from utils import count_tokens, write_atomically

INDEX_NAME: Final = "index.json"
COPY_NAME: Final = "index.copy.json"

_LINES: Final = TypeAdapter(list[ReportFile])
_LINES_AT_ONCE: Final = 500
_REPORTS: Final = b'"reports": [\n'
_END: Final = b"\n]}\n"


class _Head(BaseModel):
    # First, so that it can be read out of a file that was cut off.
    next_number: int = 1
    # Another version is no index that could be understood: it is set aside like a damaged one.
    version: Literal[1] = 1
    deleting: list[ReportFile] = []


class ReportIndex(_Head):
    """Numbers are permanent: ``next_number`` only grows. ``deleting`` are reports that are to be removed for good."""

    reports: list[ReportFile] = []

    @model_validator(mode="after")
    def _numbers_are_permanent(self) -> Self:
        numbers = [report.number for report in (*self.reports, *self.deleting)]
        if len(set(numbers)) != len(numbers) or any(number >= self.next_number for number in numbers):
            raise ValueError("numbers repeat or are above next_number")
        return self

    def add(self, entry: NewReportFile, text: str) -> int:
        """Put a report in, or in the place of itself, and return its number."""
        known = next((report.number for report in (*self.reports, *self.deleting) if report.id == entry.id), None)
        number = known or self._free_number(entry.number)
        line = ReportFile(
            **entry.model_dump(exclude={"number"}),
            number=number,
            size_bytes=len(text.encode()),
            tokens=count_tokens(text),
        )
        self.reports = sorted(
            [*(report for report in self.reports if report.id != entry.id), line], key=lambda report: report.number
        )
        self.deleting = [report for report in self.deleting if report.id != entry.id]
        self.next_number = max(self.next_number, number + 1)
        return number

    def line(self, number: int) -> ReportFile:
        """The report of this number.

        Raises:
            NotFound: there is none.
        """
        for report in self.reports:
            if report.number == number:
                return report
        raise NotFound(what=f"report {number}")

    def _free_number(self, wanted: int | None) -> int:
        taken = any(report.number == wanted for report in (*self.reports, *self.deleting))
        return self.next_number if wanted is None or taken else wanted


def read_index(folder: Path) -> ReportIndex:
    """Read the folder's index; an empty folder has an empty one. Blocking.

    Raises:
        ReportIndexBroken: it does not parse, or is gone while something else is there.
    """
    path = folder / INDEX_NAME
    try:
        return _parsed(path.read_bytes())
    except FileNotFoundError as exc:
        # With the last report gone, the copy alone knows which numbers were given.
        if (folder / COPY_NAME).exists() or any(folder.glob("*.md")):
            raise ReportIndexBroken(path=path) from exc
        return ReportIndex()
    except ValidationError as exc:
        raise ReportIndexBroken(path=path) from exc


def read_copy(folder: Path) -> ReportIndex:
    """Read the copy of the index; an empty one when it is gone or damaged too. Blocking."""
    try:
        return _parsed((folder / COPY_NAME).read_bytes())
    except (FileNotFoundError, ValidationError):
        return ReportIndex()


def write_index(folder: Path, index: ReportIndex) -> None:
    """Write the index, then its copy. Blocking.

    Raises:
        DiskFull: no space left; the index is as it was.
    """
    content = b"".join(_pieces(index))
    write_atomically(folder / INDEX_NAME, content)
    write_atomically(folder / COPY_NAME, content)


def _pieces(index: ReportIndex) -> Iterator[bytes]:
    head = index.model_dump_json(exclude={"reports"}).encode()
    yield head.removesuffix(b"}") + b", " + _REPORTS
    for place, report in enumerate(index.reports):
        yield (b",\n" if place else b"") + report.model_dump_json().encode()
    yield _END


def _parsed(content: bytes) -> ReportIndex:
    head, separator, rest = content.partition(_REPORTS)
    if not separator or not rest.endswith(_END):
        # Written by an earlier version or by hand; or damaged, which is found out here.
        return ReportIndex.model_validate_json(content)
    lines = rest.removesuffix(_END).split(b"\n")
    reports: list[ReportFile] = []
    for start in range(0, len(lines), _LINES_AT_ONCE):
        piece = b"\n".join(lines[start : start + _LINES_AT_ONCE]).rstrip(b",")
        reports.extend(_LINES.validate_json(b"[" + piece + b"]"))
    told = _Head.model_validate_json(head.rstrip(b", ") + b"}")
    return ReportIndex(next_number=told.next_number, deleting=told.deleting, reports=reports)
