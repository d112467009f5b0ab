"""Keeping what a step has written: a report's file in its owner's archive, and its row."""

import asyncio
from collections.abc import Mapping
from typing import Any

import reports_store
from datamodels import ReportOutcome, ReportRun, RunStatus
from db import Database
from md_storage import ReportFiles
from prompt_pack.models import ReportPack
from reports.archive import ReportArchive, file_entry


class ReportKeeper:
    """Keeps finished reports.

    Without ``archive``, reports are only stored in the database; the process that has the archive files them.
    """

    def __init__(self, database: Database, pack: ReportPack, files: ReportFiles, archive: ReportArchive | None) -> None:
        self._database = database
        self._pack = pack
        self._files = files
        self._archive = archive

    async def forget_file(self, run: ReportRun) -> None:
        """Remove the file that a process that was killed may have written of a run without a row."""
        if self._archive is not None:
            await self._files.delete(run.owner_id, run.id)

    async def keep(self, run: ReportRun, named: Mapping[str, Any], outcome: ReportOutcome) -> None:
        """Keep a report, unless it was cancelled; ``named`` has the number and the file name of its recording.

        Raises:
            NotFound: the run was deleted.
            ReportIndexBroken, DiskFull: the report could not be put into the archive.
        """
        # A cancellation between file and row would leave a report that nobody ordered.
        keeping = asyncio.create_task(self._kept(run, named, outcome))
        try:
            await asyncio.shield(keeping)
        finally:
            await keeping

    async def _kept(self, run: ReportRun, named: Mapping[str, Any], outcome: ReportOutcome) -> None:
        """Write the file first and its row last: after a crash between them the same file is written again."""
        async with self._database.transaction() as connection:
            run = await reports_store.get_run(connection, run.id)
        if run.status is RunStatus.CANCELLED:
            return
        entry = file_entry(
            self._pack,
            {
                **named,
                "id": run.id,
                "number": None,
                "scenario": run.scenario,
                "report_id": run.report_id,
                "created_at": run.created_at,
            },
        )
        number = await self._archive.save(run.owner_id, entry, outcome.text) if self._archive else None
        async with self._database.transaction() as connection:
            kept = await reports_store.finish_run(connection, run.id, outcome.model_copy(update={"number": number}))
        if not kept and number is not None:
            await self._files.delete(run.owner_id, run.id)
