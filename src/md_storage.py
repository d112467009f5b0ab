"""Report files: one folder per user with the reports named by id and an index that gives each its permanent number.

A report's file is written before its index line, both whole or not at all, so that after a kill at any moment the index
names only files that are there. A deletion is noted in the index first and forgotten there last. The index has a copy,
written after it: numbers and titles outlive a damaged index. Two locks guard a folder: one for the tasks of this
process, one for other processes.

The index is a JSON file with one report a line. Lines are read and written some hundred at a time, so that the
event loop can run in between: 10,000 at once would hold it up for a third of a second.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from re import search
from typing import Final, Literal, Self, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError, model_validator

from datamodels import NewReportFile, ReportFile, ReportRunId, UserId, Value
from errors import NotFound, ReportFileGone, ReportIndexBroken
from file_locks import FileLock
from utils import count_tokens, fsync_folder, write_atomically

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
        """Add a report, or replace its own line, and return its number."""
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
        """Return the line of the report with this number.

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


log = structlog.get_logger(__name__)

_FOLDER_PREFIX: Final = "user_"
_LOCK_NAME: Final = ".lock"

_Result = TypeVar("_Result")


class Reconciliation(Value):
    """What differed in a user's folder. ``added`` was put into the index; ``missing`` are lines without a file, which
    stay; ``orphans`` are files that neither the index nor the database knows, which stay too. ``deleting`` are reports
    whose deletion was begun and not finished."""

    rebuilt: bool
    added: tuple[ReportRunId, ...]
    missing: tuple[ReportRunId, ...]
    orphans: tuple[str, ...]
    deleting: tuple[ReportRunId, ...] = ()


class ReportFiles:
    """The report folders under ``root``.

    Raises, in every method but ``reconcile``:
        ReportIndexBroken: the index does not parse, or is gone while reports are there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        # Locks of users without work are freed.
        self._locks: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()

    async def save(self, owner: UserId, entry: NewReportFile, text: str) -> int:
        """Keep a report and return its permanent number. The same report saved again keeps its number.

        Raises:
            DiskFull: no space left; nothing was saved.
        """

        def save(folder: Path) -> int:
            index = read_index(folder)
            write_atomically(folder / _file_name(entry.id), text)
            number = index.add(entry, text)
            write_index(folder, index)
            return number

        return await self._locked(owner, save)

    async def list(self, owner: UserId) -> Sequence[ReportFile]:
        """List the user's reports by number."""
        return await self._locked(owner, lambda folder: read_index(folder).reports)

    async def read(self, owner: UserId, number: int) -> str:
        """Read a report.

        Raises:
            NotFound: the user has no such report.
            ReportFileGone: the report is there, its file is not.
        """

        def read(folder: Path) -> str:
            report = read_index(folder).line(number)
            try:
                return (folder / _file_name(report.id)).read_text(encoding="utf-8")
            except FileNotFoundError as exc:
                raise ReportFileGone(report=report.id, number=number) from exc

        return await self._locked(owner, read)

    async def rename(self, owner: UserId, number: int, title: str) -> ReportFile:
        """Give a report another title and return its line.

        Raises:
            NotFound: the user has no such report.
            DiskFull: no space left; the title is as it was.
        """

        def rename(folder: Path) -> ReportFile:
            index = read_index(folder)
            renamed = index.line(number).model_copy(update={"title": title})
            index.reports = [renamed if report.number == number else report for report in index.reports]
            write_index(folder, index)
            return renamed

        return await self._locked(owner, rename)

    async def begin_delete(self, owner: UserId, number: int) -> ReportFile:
        """Take a report off the list for good and return its line; ``finish_delete`` removes it.

        An unfinished deletion can be begun again; after a crash ``reconcile`` lists it in ``deleting``.

        Raises:
            NotFound: the user has no such report.
        """

        def begin(folder: Path) -> ReportFile:
            index = read_index(folder)
            begun = next((line for line in index.deleting if line.number == number), None)
            if begun is not None:
                return begun
            line = index.line(number)
            index.reports.remove(line)
            index.deleting.append(line)
            write_index(folder, index)
            return line

        return await self._locked(owner, begin)

    async def finish_delete(self, owner: UserId, report: ReportRunId) -> None:
        """Remove the file of a report whose deletion was begun; any other report is left alone."""

        def finish(folder: Path) -> None:
            index = read_index(folder)
            left = [line for line in index.deleting if line.id != report]
            if len(left) < len(index.deleting):
                _remove_file(folder, report)
                index.deleting = left
                write_index(folder, index)

        await self._locked(owner, finish)

    async def delete(self, owner: UserId, report: ReportRunId) -> None:
        """Remove a report; one that is not there is no error. Its number is not given to another.

        The index line goes first: after a crash the index names only files that are there, and deleting again removes
        the file.
        """

        def delete(folder: Path) -> None:
            index = read_index(folder)
            left = [line for line in index.reports if line.id != report]
            if len(left) < len(index.reports):
                write_index(folder, index.model_copy(update={"reports": left}))
            _remove_file(folder, report)

        await self._locked(owner, delete)

    async def owners(self) -> Sequence[UserId]:
        """List the users who have a folder."""

        def owners() -> list[UserId]:
            names = [path.name.removeprefix(_FOLDER_PREFIX) for path in self._root.glob(f"{_FOLDER_PREFIX}*")]
            return [UserId(UUID(name)) for name in names]

        return await asyncio.to_thread(owners)

    async def reconcile(self, owner: UserId, rows: Iterable[NewReportFile]) -> Reconciliation:
        """Make index, files and the database's ``rows`` agree as far as that loses nothing, and log what differed.

        A broken index is set aside and a new one made of its copy, files and ``rows``; numbers in ``rows`` are kept.
        """
        known = {row.id: row for row in rows}
        result = await self._locked(owner, lambda folder: _reconciled(folder, known))
        if result != Reconciliation(rebuilt=False, added=(), missing=(), orphans=()):
            log.warning("reports_reconciled", owner=str(owner), **result.model_dump(mode="json"))
        return result

    async def _locked(self, owner: UserId, work: Callable[[Path], _Result]) -> _Result:
        folder = self._root / f"{_FOLDER_PREFIX}{owner}"

        def locked() -> _Result:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / _LOCK_NAME).held():
                return work(folder)

        lock = self._locks.setdefault(owner, asyncio.Lock())
        async with lock:
            return await asyncio.to_thread(locked)


def _file_name(report: ReportRunId) -> str:
    return f"{report}.md"


def _remove_file(folder: Path, report: ReportRunId) -> None:
    (folder / _file_name(report)).unlink(missing_ok=True)
    fsync_folder(folder)


def _reconciled(folder: Path, rows: dict[ReportRunId, NewReportFile]) -> Reconciliation:
    # What a killed process left half-written; the lock says that nobody else is writing.
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink()
    rebuilt = False
    try:
        index = read_index(folder)
    except ReportIndexBroken:
        index = read_copy(folder)
        index.next_number = max(index.next_number, _set_aside(folder))
        rebuilt = True
    indexed = {report.id for report in (*index.reports, *index.deleting)}
    files = {path.name for path in folder.glob("*.md")}
    # Numbered rows first: the others must not take their numbers.
    new = sorted(
        (row for row in rows.values() if row.id not in indexed and _file_name(row.id) in files),
        key=lambda row: (row.number is None, row.number, row.created_at),
    )
    for row in new:
        index.add(row, (folder / _file_name(row.id)).read_text(encoding="utf-8"))
    if rebuilt or new:
        write_index(folder, index)
    lines = [report.id for report in index.reports]
    return Reconciliation(
        rebuilt=rebuilt,
        added=tuple(row.id for row in new),
        missing=tuple(report for report in lines if _file_name(report) not in files),
        orphans=tuple(sorted(files - {_file_name(report) for report in (*lines, *indexed)})),
        deleting=tuple(report.id for report in index.deleting),
    )


def _set_aside(folder: Path) -> int:
    """Rename the broken index; return the next number that it gives, or 1 when it gives none."""
    path = folder / INDEX_NAME
    if not path.exists():
        return 1
    told = search(rb'"next_number":\s*(\d{1,9})\b', path.read_bytes())
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    path.rename(path.with_name(f"{INDEX_NAME}.corrupt-{stamp}"))
    return max(1, int(told[1])) if told else 1
