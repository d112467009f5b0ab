"""The index of a report folder: a file of lines, its copy, and a journal of the changes since both were written.

A change of a large index is one synced line in the journal. Now and then the index is written anew, then its copy, and
the journal begins again. A crash in between does no harm: changes in the journal may be applied to an index that has
them already. The index's lines are kept as they are in the file and parsed when somebody looks at them: of 100,000
reports a page shows ten.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from re import search
from typing import Any, Final, Literal
from uuid import UUID

import structlog
from pydantic import BaseModel

from datamodels import NewReportFile, ReportFile, ReportId, ReportRunId, ScenarioId
from errors import NotFound, ReportIndexBroken
from report_folder.lines import ReportFacts, ReportLines, parsed
from text_cleaning import folded
from utils import append_durably, count_tokens, opened_atomically, write_atomically

INDEX_NAME: Final = "index.json"
COPY_NAME: Final = "index.copy.json"
JOURNAL_NAME: Final = "index.journal"

_REPORTS: Final = b'"reports": [\n'
_END: Final = b"\n]}\n"

log = structlog.get_logger(__name__)


class _Head(BaseModel):
    # First, so that it can be read out of a file that was cut off.
    next_number: int = 1
    # Another version is no index that could be understood: it is set aside like a damaged one.
    version: Literal[1] = 1
    deleting: list[ReportFile] = []
    reserved: dict[UUID, int] = {}


class _Whole(_Head):
    """An index of an earlier version or written by hand: any JSON with these fields."""

    reports: list[ReportFile] = []


class ReportIndex:
    """The index of one folder. Numbers are permanent: ``next_number`` only grows.

    ``deleting`` are reports whose deletion was begun and is not finished; ``reserved`` are the numbers of reports that
    will be added later.
    """

    def __init__(
        self,
        next_number: int = 1,
        reports: Iterable[ReportFile] = (),
        deleting: Iterable[ReportFile] = (),
        reserved: Mapping[UUID, int] | None = None,
    ) -> None:
        """Make an index.

        Raises:
            ValueError: numbers repeat, or are not below ``next_number``.
        """
        self.next_number = next_number
        self.deleting = list(deleting)
        self._reserved = dict(reserved or {})
        numbers = {line.number for line in self.deleting}
        if len(numbers) < len(self.deleting) or any(number >= next_number for number in numbers):
            raise ValueError("numbers repeat or are above next_number")
        self.changes: list[dict[str, Any]] = []
        """What was changed since the index was read; not on the disk yet."""
        self._lines: dict[int, bytes] = {}
        self._facts: dict[int, ReportFacts] = {}
        self._numbers: dict[UUID, int] = {}
        self._newest: ReportLines | None = None
        self.take((report, _dumped(report)) for report in reports)

    def take(self, lines: Iterable[tuple[ReportFile, bytes]]) -> None:
        """Add reports that the index's file has, each with its line there in bytes; they do not count as ``changes``.

        Raises:
            ValueError: numbers repeat, or are not below ``next_number``.
        """
        taken = {line.number for line in self.deleting}
        for report, line in lines:
            if report.number in taken or report.number >= self.next_number:
                raise ValueError("numbers repeat or are above next_number")
            taken.add(report.number)
            self._lines[report.number] = line
            self._facts[report.number] = _facts_of(report)
            self._numbers[report.id] = report.number

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def reports(self) -> ReportLines:
        """All reports by number."""
        return self._listed(sorted(self._lines))

    @property
    def newest_first(self) -> ReportLines:
        """All reports, the highest number first."""
        if self._newest is None:
            self._newest = self._listed(sorted(self._lines, reverse=True))
        return self._newest

    def add(self, entry: NewReportFile, text: str) -> int:
        """Add a report, or replace the line with its id, and return its number.

        A new report gets the number reserved for it, else ``entry.number`` if that is free, else the next number.
        """
        known = self._number_of(entry.id)
        number = known or self._free_number(entry)
        content = {"number": number, "size_bytes": len(text.encode()), "tokens": count_tokens(text)}
        self.put(ReportFile(**entry.model_dump(exclude={"number"}), **content))
        return number

    def reserve(self, report: ReportRunId) -> None:
        """Reserve the next number for a report that will be added later, unless it has a number."""
        if self._number_of(report) is None and report not in self._reserved:
            self._change({"reserve": str(report), "number": self.next_number})

    def put(self, report: ReportFile) -> None:
        """Add the line of a report, in place of a line with the same number."""
        self._change({"put": report.model_dump(mode="json")})

    def begin_delete(self, number: int) -> ReportFile:
        """Move the report with this number to ``deleting`` and return it; a report that is there already stays there.

        Raises:
            NotFound: there is none.
        """
        begun = next((line for line in self.deleting if line.number == number), None)
        if begun is None:
            begun = self.line(number)
            self._change({"delete": number})
        return begun

    def forget(self, report: ReportRunId) -> bool:
        """Remove a report that is listed or being deleted; False when there is none."""
        there = self._number_of(report) is not None or report in self._reserved
        if there:
            self._change({"forget": str(report)})
        return there

    def line(self, number: int) -> ReportFile:
        """Return the line of the report with this number.

        Raises:
            NotFound: there is none.
        """
        if number not in self._lines:
            raise NotFound(what=f"report {number}")
        return ReportFile.model_validate_json(self._lines[number])

    def apply(self, change: dict[str, Any]) -> None:
        """Apply a change from the journal; a change that was applied before has no effect.

        Raises:
            ValueError: ``change`` is not a change of an index.
        """
        match change:
            case {"put": report}:
                line = ReportFile.model_validate(report)
                self.deleting = [each for each in self.deleting if each.id != line.id]
                self._drop(line.number)
                self._lines[line.number] = _dumped(line)
                self._facts[line.number] = _facts_of(line)
                self._numbers[line.id] = line.number
                self._reserved.pop(line.id, None)
                self.next_number = max(self.next_number, line.number + 1)
            case {"reserve": str(report), "number": int(number)}:
                self._reserved[UUID(report)] = number
                self.next_number = max(self.next_number, number + 1)
            case {"delete": int(number)} if number in self._lines:
                self.deleting.append(self.line(number))
                self._drop(number)
            case {"delete": int()}:
                pass
            case {"forget": str(report)}:
                self._drop(self._numbers.get(UUID(report)))
                self._reserved.pop(UUID(report), None)
                self.deleting = [each for each in self.deleting if str(each.id) != report]
            case _:
                raise ValueError("no change of an index")
        self._newest = None

    def content(self) -> Iterator[bytes]:
        """Yield the pieces of the index's file."""
        told = _Head(next_number=self.next_number, deleting=self.deleting, reserved=self._reserved)
        head = told.model_dump_json().encode()
        yield head.removesuffix(b"}") + b", " + _REPORTS
        for place, number in enumerate(sorted(self._lines)):
            yield (b",\n" if place else b"") + self._lines[number]
        yield _END

    def _change(self, change: dict[str, Any]) -> None:
        self.apply(change)
        self.changes.append(change)

    def _listed(self, numbers: Sequence[int]) -> ReportLines:
        lines, facts = self._lines, self._facts
        return ReportLines(numbers, [lines[number] for number in numbers], [facts[number] for number in numbers])

    def _drop(self, number: int | None) -> None:
        if number is not None and number in self._lines:
            line = self.line(number)
            del self._lines[number], self._facts[number], self._numbers[line.id]

    def _number_of(self, report: ReportRunId) -> int | None:
        listed = self._numbers.get(report)
        return listed or next((line.number for line in self.deleting if line.id == report), None)

    def _free_number(self, entry: NewReportFile) -> int:
        wanted = self._reserved.get(entry.id, entry.number)
        given = {number for report, number in self._reserved.items() if report != entry.id}
        given.update(report.number for report in self.deleting)
        return self.next_number if wanted is None or wanted in self._lines or wanted in given else wanted


@dataclass(frozen=True)
class StoredIndex:
    """An index as the disk has it, the journal's changes applied. ``changes`` is their number.

    A ``torn`` journal ends in a part of a line, and nothing may be appended to it.
    """

    index: ReportIndex
    changes: int
    torn: bool


def _facts_of(report: ReportFile) -> ReportFacts:
    """Return the facts of a report; a value that many reports share takes memory once."""
    return ReportFacts(
        created_at=report.created_at,
        folded_title=folded(report.title),
        report_id=ReportId(sys.intern(report.report_id)),
        label=sys.intern(report.label),
        scenario=None if report.scenario is None else ScenarioId(sys.intern(report.scenario)),
    )


def read_stored(folder: Path) -> StoredIndex:
    """Read index and journal; an empty folder has an empty index. Blocking.

    Raises:
        ReportIndexBroken: index or journal do not parse, or the index is gone while copy, journal or reports are there.
    """
    path = folder / INDEX_NAME
    try:
        index = _parsed(path.read_bytes())
    except FileNotFoundError as exc:
        # With the last report gone, copy and journal alone know which numbers were given.
        if any((folder / name).exists() for name in (COPY_NAME, JOURNAL_NAME)) or any(folder.glob("*.md")):
            raise ReportIndexBroken(path=path) from exc
        index = ReportIndex()
    except ValueError as exc:  # pydantic's error is one
        raise ReportIndexBroken(path=path) from exc
    journal = _read_journal(folder)
    # A crash may have cut off the last line: nobody was told that its change is done.
    whole, _, rest = journal.rpartition(b"\n")
    changes = whole.splitlines()
    for line in changes:
        try:
            index.apply(json.loads(line))
        except ValueError as exc:
            raise ReportIndexBroken(path=folder / JOURNAL_NAME) from exc
    return StoredIndex(index, len(changes), bool(rest))


def rebuild(folder: Path) -> ReportIndex:
    """Make an index from the copy and from those of the journal's changes that parse; set index and journal aside.

    Before that, the new index is written to the copy. The caller then calls ``write_index``. Blocking.

    Raises:
        DiskFull: no space left; index and journal are as they were.
    """
    try:
        index = _parsed((folder / COPY_NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        index = ReportIndex()
    for line in _read_journal(folder).splitlines():
        try:
            index.apply(json.loads(line))
        except ValueError:
            log.warning("report_change_lost", folder=folder.name, bytes=len(line))
    index.next_number = max(index.next_number, _told_number(folder / INDEX_NAME))
    write_atomically(folder / COPY_NAME, b"".join(index.content()))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    for name in (INDEX_NAME, JOURNAL_NAME):
        if (folder / name).exists():
            (folder / name).rename(folder / f"{name}.corrupt-{stamp}")
    return index


def write_index(folder: Path, index: ReportIndex) -> None:
    """Write the index, then its copy, and empty the journal. Blocking.

    Raises:
        DiskFull: no space left; index, copy and journal are as they were.
    """
    content = b"".join(index.content())
    # Neither takes its name before there is space for both; the index takes it first.
    with opened_atomically(folder / COPY_NAME) as copy, opened_atomically(folder / INDEX_NAME) as file:
        for each in (copy, file):
            each.write(content)
            each.flush()
            os.fsync(each.fileno())
    (folder / JOURNAL_NAME).unlink(missing_ok=True)
    index.changes.clear()


def append_changes(folder: Path, index: ReportIndex) -> None:
    """Append the changes of ``index`` to the journal, and sync it. Blocking.

    Raises:
        DiskFull: no space left; the journal may have a part of the changes, and end in a part of a line.
    """
    data = b"".join(json.dumps(change, ensure_ascii=False).encode() + b"\n" for change in index.changes)
    append_durably(folder / JOURNAL_NAME, data)
    index.changes.clear()


def _told_number(path: Path) -> int:
    """Return the ``next_number`` that can still be read in a broken index, or 1."""
    try:
        told = search(rb'"next_number":\s*(\d{1,9})\b', path.read_bytes())
    except FileNotFoundError:
        return 1
    return max(1, int(told[1])) if told else 1


def _read_journal(folder: Path) -> bytes:
    try:
        return (folder / JOURNAL_NAME).read_bytes()
    except FileNotFoundError:
        return b""


def _dumped(report: ReportFile) -> bytes:
    return report.model_dump_json().encode()


def _parsed(content: bytes) -> ReportIndex:
    """Parse an index.

    Raises:
        ValueError: ``content`` is not an index.
    """
    head, separator, rest = content.partition(_REPORTS)
    if not separator or not rest.endswith(_END):
        whole = _Whole.model_validate_json(content)
        return ReportIndex(whole.next_number, whole.reports, whole.deleting, whole.reserved)
    told = _Head.model_validate_json(head.rstrip(b", ") + b"}")
    index = ReportIndex(told.next_number, deleting=told.deleting, reserved=told.reserved)
    index.take(_lines_of(rest.removesuffix(_END)))
    return index


def _lines_of(content: bytes) -> Iterator[tuple[ReportFile, bytes]]:
    lines = [line.rstrip(b",") for line in content.split(b"\n") if line]
    yield from zip(parsed(lines), lines, strict=True)
