"""A person's archive of reports: files, index and rows changed together, and mended when one of them was damaged."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog

import reports_store
from constants import NO_RECORDING
from datamodels import IndexPoint, NewReportFile, ReportFile, ReportRunId, UserId
from db import Database
from errors import DatabaseUnavailable, ReportFileGone, ReportIndexBroken, VoxPersonaError
from md_storage import ReportFiles
from prompt_pack.models import ReportPack
from report_folder.lines import ReportLines
from reports.archive_about import Abouts, load_abouts
from reports.titles import report_title
from text_cleaning import cut, one_line

log = structlog.get_logger(__name__)

T = TypeVar("T")

_LONGEST_QUESTION = 150


class ReportArchive:
    """The reports of every person. A broken index is rebuilt when it is met.

    Raises, in every method:
        DatabaseUnavailable: rows could not be read or changed; calling the method again finishes the work.
    """

    def __init__(self, database: Database, files: ReportFiles, pack: ReportPack) -> None:
        self._database = database
        self._files = files
        self._pack = pack

    @property
    def files(self) -> ReportFiles:
        """The folders in which the reports are."""
        return self._files

    async def list(self, owner: UserId) -> ReportLines:
        """List the owner's reports, the highest number first; each is parsed when it is looked at."""
        return await self._mended(owner, lambda: self._files.newest_first(owner))

    async def find(self, owner: UserId, number: int) -> ReportFile:
        """Load the report with this number.

        Raises:
            NotFound: the owner has none.
        """
        return await self._mended(owner, lambda: self._files.find(owner, number))

    async def read(self, owner: UserId, number: int) -> tuple[ReportFile, str]:
        """Load a report and its text. A lost file is restored from the database.

        Raises:
            NotFound: the owner has no such report.
            ReportFileGone: the file is lost and the database does not have the text either.
        """
        report = await self.find(owner, number)
        try:
            return report, await self._files.read(owner, number)
        except ReportFileGone:
            async with self._database.transaction() as connection:
                text = await reports_store.find_text(connection, owner, report.id)
            if text is None:
                raise
            log.warning("report_file_put_back", owner=str(owner), report=str(report.id))
            entry = NewReportFile(**report.model_dump(exclude={"size_bytes", "tokens"}))
            await self._files.save(owner, entry, text)
            return report, text

    async def save(self, owner: UserId, entry: NewReportFile, text: str) -> int:
        """Store a report and return its permanent number, as ``ReportFiles.save`` does.

        Reports ordered before it of the same recording, and not in the archive yet, get the numbers before.
        """
        async with self._database.transaction() as connection:
            before = await reports_store.list_unnumbered_before(connection, entry.id)
        return await self._mended(owner, lambda: self._files.save(owner, entry, text, before))

    async def rename(self, owner: UserId, number: int, title: str) -> ReportFile:
        """Give a report another title.

        Raises:
            NotFound: the owner has no such report.
        """
        return await self._mended(owner, lambda: self._files.rename(owner, number, title))

    async def delete(self, owner: UserId, number: int) -> ReportFile:
        """Remove a report for good: its line, its row, its file. After a crash, ``reconcile`` finishes the deletion.

        Raises:
            NotFound: the owner has no such report.
        """
        report = await self._mended(owner, lambda: self._files.begin_delete(owner, number))
        await self._finish_delete(owner, report.id)
        return report

    async def remove_file(self, owner: UserId, report: ReportRunId) -> None:
        """Remove a report's line and file; its row, if there is one, is another owner's."""
        await self._mended(owner, lambda: self._files.delete(owner, report))

    async def index_points(self, owner: UserId) -> Sequence[IndexPoint]:
        """Load the indices of the owner's reports, in the order of their days; see ``IndexPoint.day``."""
        async with self._database.transaction() as connection:
            points = await reports_store.index_points(connection, owner)
        numbers = set((await self.list(owner)).numbers)
        return [point for point in points if point.number in numbers]

    async def abouts(self, owner: UserId) -> Abouts:
        """Load place, employee and day of the recordings of the owner's reports."""
        return await load_abouts(self._database, owner)

    async def reconcile(self, owner: UserId) -> None:
        """Mend the owner's folder after a crash or a damaged index, and finish the deletions that were begun."""
        async with self._database.transaction() as connection:
            rows = await reports_store.list_named(connection, owner)
        result = await self._files.reconcile(owner, [file_entry(self._pack, row) for row in rows])
        for report in result.deleting:
            await self._finish_delete(owner, report)

    async def reconcile_all(self) -> None:
        """Mend the folders of all owners."""
        for owner in await self._files.owners():
            await self.reconcile(owner)

    async def file_finished(self) -> None:
        """Put into the archive the reports that workers on other machines have finished.

        A report that fails holds up no others; the last failure is raised when all have been tried.
        """
        failure: Exception | None = None
        async with self._database.transaction() as connection:
            rows = await reports_store.list_unfiled(connection)
        for row in rows:
            owner = UserId(row.pop("owner_id"))
            try:
                await self._file(owner, file_entry(self._pack, row))
            except DatabaseUnavailable:
                raise
            except (VoxPersonaError, OSError) as exc:
                log.warning("report_not_filed", report=str(row["id"]), reason=type(exc).__name__)
                failure = exc
        if failure is not None:
            raise failure

    async def _file(self, owner: UserId, entry: NewReportFile) -> None:
        async with self._database.transaction() as connection:
            text = await reports_store.find_text(connection, owner, entry.id)
        if text is None:
            return
        number = await self.save(owner, entry, text)
        async with self._database.transaction() as connection:
            kept = await reports_store.set_number(connection, entry.id, number)
        if not kept:
            await self._files.delete(owner, entry.id)

    async def _finish_delete(self, owner: UserId, report: ReportRunId) -> None:
        async with self._database.transaction() as connection:
            await reports_store.delete_run(connection, owner, report)
        await self._files.finish_delete(owner, report)

    async def _mended(self, owner: UserId, work: Callable[[], Awaitable[T]]) -> T:
        try:
            return await work()
        except ReportIndexBroken:
            await self.reconcile(owner)
            return await work()


def research_named(question: str) -> Mapping[str, Any]:
    """Return what stands for recording and file name in the entry of a research."""
    return {"recording_number": NO_RECORDING, "recording_file_name": cut(one_line(question), _LONGEST_QUESTION)}


def file_entry(pack: ReportPack, named: Mapping[str, Any]) -> NewReportFile:
    """Return the entry of a report in its folder's index, made from a row of ``reports_store.list_named``."""
    known, label = dict(named), pack.label_of(named["report_id"])
    place, recorded_on = known.pop("place", None), known.pop("recorded_on", None)
    if named["recording_number"] is None:
        known |= research_named(named["recording_file_name"])
    is_research = known["recording_number"] == NO_RECORDING
    name = known["recording_file_name"] if is_research else Path(known["recording_file_name"]).stem
    return NewReportFile(title=report_title(label, place, recorded_on, name), label=label, **known)
