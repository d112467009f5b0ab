"""Report files: one folder per user with the reports named by id and an index that gives each its permanent number.

A report's file is written before its index line, both whole or not at all, so that after a kill at any moment the index
names only files that are there. A deletion is noted in the index first and forgotten there last. The index has a copy:
numbers and titles outlive a damaged index. Two locks guard a folder: one for the tasks of this process, one for other
processes. An index that was read stays in memory until another process changes its files.
"""

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from datamodels import NewReportFile, ReportFile, ReportRunId, UserId, Value
from errors import ReportFileGone, ReportIndexBroken
from file_locks import FileLock
from report_folder.index import (
    INDEX_NAME,
    JOURNAL_NAME,
    ReportIndex,
    StoredIndex,
    append_changes,
    read_stored,
    rebuild,
    write_index,
)
from report_folder.lines import ReportLines
from utils import disk_full_mapped, fsync_folder, write_atomically

log = structlog.get_logger(__name__)

_FOLDER_PREFIX: Final = "user_"
_LOCK_NAME: Final = ".lock"
_JOURNALED_SHARE: Final = 0.01
"""How many changes a folder's journal may hold, as a share of the folder's reports, before the index is written anew.
With fewer than a hundred reports, every change writes the index."""
_MOST_KEPT: Final = 250_000
"""How many lines of indexes stay in memory, for all folders together; a line takes about half a kilobyte."""

_Version = tuple[tuple[int, int, int] | None, ...]

_Result = TypeVar("_Result")


class Reconciliation(Value):
    """What differed in a user's folder.

    ``rebuilt`` tells that the index was broken and made anew, ``added`` are reports that were put into the index.
    ``missing`` are reports with a line but no file, and ``orphans`` names of files that neither the index nor the
    database knows; these lines and files stay. ``deleting`` are reports whose deletion was begun and not
    finished.
    """

    rebuilt: bool
    added: tuple[ReportRunId, ...]
    missing: tuple[ReportRunId, ...]
    orphans: tuple[str, ...]
    deleting: tuple[ReportRunId, ...] = ()


@dataclass(frozen=True)
class _Kept:
    """An index in memory, and the version of its files; ``changes`` and ``torn`` are as in ``StoredIndex``."""

    index: ReportIndex
    version: _Version
    changes: int
    torn: bool


class ReportFiles:
    """The report folders under ``root``; ``journaled`` is a share of 0–1, see ``_JOURNALED_SHARE``.

    Raises, in every method but ``owners`` and ``reconcile``:
        ReportIndexBroken: the index does not parse, or is gone while reports are there.
    """

    def __init__(self, root: Path, journaled: float = _JOURNALED_SHARE) -> None:
        self._root = root
        self._journaled = journaled
        self._kept: dict[Path, _Kept] = {}
        # Users' folders are worked on in several threads.
        self._guard = threading.Lock()
        # Locks of users without work are freed.
        self._locks: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()

    async def save(self, owner: UserId, entry: NewReportFile, text: str, before: Sequence[ReportRunId] = ()) -> int:
        """Keep a report and return its permanent number. The same report saved again keeps its number.

        The numbers before go to the reports in ``before``, which will be saved later, unless they have numbers.

        Raises:
            DiskFull: no space left; saving the same report again later is safe.
        """

        def save(folder: Path) -> int:
            index = self._index(folder)
            write_atomically(folder / _file_name(entry.id), text)
            for each in before:
                index.reserve(each)
            number = index.add(entry, text)
            self._keep(folder, index)
            return number

        return await self._locked(owner, save)

    async def rewrite(self, owner: UserId, report: ReportRunId, text: str) -> None:
        """Put another text in the place of a report's, which keeps number and title; do nothing where it is gone.

        Raises:
            DiskFull: no space left; the former text is still there.
        """

        def rewrite(folder: Path) -> None:
            index = self._index(folder)
            line = next((each for each in index.reports if each.id == report), None)
            if line is None:
                return
            write_atomically(folder / _file_name(report), text)
            index.add(NewReportFile(**line.model_dump(exclude={"size_bytes", "tokens"})), text)
            self._keep(folder, index)

        await self._locked(owner, rewrite)

    async def list(self, owner: UserId) -> ReportLines:
        """List the user's reports by number."""
        return await self._locked(owner, lambda folder: self._index(folder).reports)

    async def newest_first(self, owner: UserId) -> ReportLines:
        """List the user's reports, the highest number first."""
        return await self._locked(owner, lambda folder: self._index(folder).newest_first)

    async def find(self, owner: UserId, number: int) -> ReportFile:
        """Load the line of a report.

        Raises:
            NotFound: the user has no such report.
        """
        return await self._locked(owner, lambda folder: self._index(folder).line(number))

    async def read(self, owner: UserId, number: int) -> str:
        """Read a report.

        Raises:
            NotFound: the user has no such report.
            ReportFileGone: the report is there, its file is not.
        """

        def read(folder: Path) -> str:
            report = self._index(folder).line(number)
            try:
                return (folder / _file_name(report.id)).read_text(encoding="utf-8")
            except FileNotFoundError as exc:
                raise ReportFileGone(report=report.id, number=number) from exc

        return await self._locked(owner, read)

    async def rename(self, owner: UserId, number: int, title: str) -> ReportFile:
        """Give a report another title and return its line.

        Raises:
            NotFound: the user has no such report.
            DiskFull: no space left to note the title.
        """

        def rename(folder: Path) -> ReportFile:
            index = self._index(folder)
            renamed = index.line(number).model_copy(update={"title": title})
            index.put(renamed)
            self._keep(folder, index)
            return renamed

        return await self._locked(owner, rename)

    async def begin_delete(self, owner: UserId, number: int) -> ReportFile:
        """Take a report off the list for good and return its line; ``finish_delete`` then removes the file.

        An unfinished deletion can be begun again; after a crash ``reconcile`` names the report in ``deleting``.

        Raises:
            NotFound: the user has no such report.
            DiskFull: no space left to note the deletion.
        """

        def begin(folder: Path) -> ReportFile:
            index = self._index(folder)
            line = index.begin_delete(number)
            self._keep(folder, index)
            return line

        return await self._locked(owner, begin)

    async def finish_delete(self, owner: UserId, report: ReportRunId) -> None:
        """Remove the file of a report whose deletion was begun; any other report is left alone."""

        def finish(folder: Path) -> None:
            index = self._index(folder)
            if any(line.id == report for line in index.deleting):
                _remove_file(folder, report)
                index.forget(report)
                self._keep(folder, index)

        await self._locked(owner, finish)

    async def delete(self, owner: UserId, report: ReportRunId) -> None:
        """Remove a report; one that is not there is no error. No other report gets its number.

        The index line goes first: after a crash the index names only files that are there, and deleting again removes
        the file.
        """

        def delete(folder: Path) -> None:
            index = self._index(folder)
            if index.forget(report):
                self._keep(folder, index)
            _remove_file(folder, report)

        await self._locked(owner, delete)

    async def remove_all(self, owner: UserId) -> None:
        """Remove a user's folder, whatever is in it."""
        folder = self._root / f"{_FOLDER_PREFIX}{owner}"

        def remove() -> None:
            with self._guard:
                self._kept.pop(folder, None)
            if folder.exists():
                with FileLock(folder / _LOCK_NAME).held():
                    shutil.rmtree(folder)

        async with self._locks.setdefault(owner, asyncio.Lock()):
            await asyncio.to_thread(remove)

    async def owners(self) -> Sequence[UserId]:
        """List the users who have a folder."""

        def owners() -> list[UserId]:
            names = [path.name.removeprefix(_FOLDER_PREFIX) for path in self._root.glob(f"{_FOLDER_PREFIX}*")]
            return [UserId(UUID(name)) for name in names]

        return await asyncio.to_thread(owners)

    def _index(self, folder: Path) -> ReportIndex:
        """Return the folder's index: the one in memory, unless its files were changed since it was read or written."""
        version = _version(folder)
        with self._guard:
            kept = self._kept.pop(folder, None)
            if kept is not None and kept.version == version:
                self._kept[folder] = kept
                return kept.index
        return self._remember(folder, read_stored(folder), version)

    def _remember(self, folder: Path, stored: StoredIndex, version: _Version) -> ReportIndex:
        """Keep the folder's index in memory; when there is too much, forget those unused for longest."""
        with self._guard:
            self._kept.pop(folder, None)
            self._kept[folder] = _Kept(stored.index, version, stored.changes, stored.torn)
            while len(self._kept) > 1 and sum(len(each.index) for each in self._kept.values()) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return stored.index

    def _keep(self, folder: Path, index: ReportIndex) -> None:
        """Bring the changes of the folder's index to the disk; forget the index when that fails."""
        with self._guard:
            # Work on other folders may have pushed the index out of memory meanwhile: then the whole index is written.
            kept = self._kept.pop(folder, None) or _Kept(index, _version(folder), 0, torn=True)
        changes = kept.changes + len(index.changes)
        if index.changes:
            is_new = not (folder / INDEX_NAME).exists()
            if is_new or kept.torn or changes > self._journaled * len(index):
                write_index(folder, index)
                changes = 0
            else:
                append_changes(folder, index)
            kept = _Kept(index, _version(folder), changes, torn=False)
        with self._guard:
            self._kept[folder] = kept

    async def reconcile(self, owner: UserId, rows: Iterable[NewReportFile]) -> Reconciliation:
        """Make index, files and the database's ``rows`` agree as far as that loses nothing, and log what differed.

        A broken index is set aside, and a new one is made of its copy, its journal, the files and ``rows``. Numbers in
        ``rows`` are kept.
        """
        known = {row.id: row for row in rows}

        def reconcile(folder: Path) -> Reconciliation:
            result, stored = _reconciled(folder, known)
            # The index has just been read: the first look at it shall not read it again.
            self._remember(folder, stored, _version(folder))
            return result

        result = await self._locked(owner, reconcile)
        if result != Reconciliation(rebuilt=False, added=(), missing=(), orphans=()):
            log.warning("reports_reconciled", owner=str(owner), **result.model_dump(mode="json"))
        return result

    async def _locked(self, owner: UserId, work: Callable[[Path], _Result]) -> _Result:
        folder = self._root / f"{_FOLDER_PREFIX}{owner}"

        def locked() -> _Result:
            with disk_full_mapped(folder):
                folder.mkdir(parents=True, exist_ok=True)
                with FileLock(folder / _LOCK_NAME).held():
                    return work(folder)

        lock = self._locks.setdefault(owner, asyncio.Lock())
        async with lock:
            return await asyncio.to_thread(locked)


def _version(folder: Path) -> _Version:
    """Return a value that changes whenever the index or the journal is written."""
    return tuple(_file_version(folder / name) for name in (INDEX_NAME, JOURNAL_NAME))


def _file_version(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _file_name(report: ReportRunId) -> str:
    return f"{report}.md"


def _remove_file(folder: Path, report: ReportRunId) -> None:
    (folder / _file_name(report)).unlink(missing_ok=True)
    fsync_folder(folder)


def _reconciled(folder: Path, rows: dict[ReportRunId, NewReportFile]) -> tuple[Reconciliation, StoredIndex]:
    # What a killed process left half-written; the lock says that nobody else is writing.
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink()
    rebuilt = False
    try:
        stored = read_stored(folder)
    except ReportIndexBroken:
        stored = StoredIndex(rebuild(folder), 0, torn=False)
        rebuilt = True
    index = stored.index
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
        stored = StoredIndex(index, 0, torn=False)
    lines = [report.id for report in index.reports]
    result = Reconciliation(
        rebuilt=rebuilt,
        added=tuple(row.id for row in new),
        missing=tuple(report for report in lines if _file_name(report) not in files),
        orphans=tuple(sorted(files - {_file_name(report) for report in (*lines, *indexed)})),
        deleting=tuple(report.id for report in index.deleting),
    )
    return result, stored
