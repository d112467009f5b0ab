"""What somebody recorded becomes another person's: recordings, their reports, and research.

Files are copied before rows change, so that each step may be done again after a crash. What is left in the former
owner's places goes with the former owner.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import structlog

import recordings_store
import reports_store
from chats.forgetting import pass_on_source
from datamodels import NewReportFile, RecordingId, ReportRunId, User, UserId
from datamodels_telegram import ChatId
from db import Database
from errors import NotFound
from jobs import erasures_rows
from object_store import ObjectStore, key_for_transcript
from reports.archive import ReportArchive
from reports.research.forgetting import ResearchForgetting

log = structlog.get_logger(__name__)

Stopped = Callable[[RecordingId], AbstractAsyncContextManager[None]]


class Handover:
    """Gives what a person recorded to another one; ``stopped`` is as in ``RecordingChanges``."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        archive: ReportArchive,
        research: ResearchForgetting,
        stopped: Stopped,
        spool: Path,
    ) -> None:
        self._database = database
        self._objects = objects
        self._archive = archive
        self._research = research
        self._stopped = stopped
        self._spool = spool

    async def give_recording(self, owner: UserId, recording_id: RecordingId, heir: User) -> None:
        """Give a recording to ``heir``, with its reports; it stays one of its own where the heir has the same bytes.

        Raises:
            ObjectStoreUnavailable, DatabaseUnavailable, DiskFull: calling it again goes on.
        """
        assert heir.telegram_id is not None  # noqa: S101  # only people of the messenger inherit
        async with self._stopped(recording_id):
            async with self._database.transaction() as connection:
                await recordings_store.get_recording(connection, owner, recording_id)
                runs = await reports_store.list_runs(connection, recording_id)
                number = await erasures_rows.take_number(connection, heir.id)
            await self._copy_transcript(owner, heir.id, recording_id)
            filed = await self._file(owner, heir.id, {run.id for run in runs}, recording_number=number)
            async with self._database.transaction() as connection:
                chat = ChatId(heir.telegram_id)
                await erasures_rows.give_recording(connection, recording_id, heir.id, chat, number, filed)
                await pass_on_source(connection, recording_id, heir.id, heir.name, number)
        await self._research.pass_on(recording_id, heir, number)
        log.info("recording_given", recording=str(recording_id), heir=str(heir.id))

    async def give_research(self, owner: UserId, run: ReportRunId, heir: UserId) -> None:
        """Give a research to ``heir``, also when the heir has the same one."""
        filed = await self._file(owner, heir, {run})
        async with self._database.transaction() as connection:
            await erasures_rows.give_run(connection, run, heir, filed)

    async def _file(
        self, owner: UserId, heir: UserId, runs: Collection[ReportRunId], **change: int
    ) -> Mapping[ReportRunId, int]:
        """Put reports into the heir's archive under their titles; return their numbers there."""
        filed = {}
        for line in [each for each in await self._archive.list(owner) if each.id in runs]:
            _, text = await self._archive.read(owner, line.number)
            fields = line.model_dump(exclude={"size_bytes", "tokens", "number"})
            filed[line.id] = await self._archive.save(heir, NewReportFile(**{**fields, **change}), text)
        return filed

    async def _copy_transcript(self, owner: UserId, heir: UserId, recording_id: RecordingId) -> None:
        path = self._spool / f"{recording_id}.copy"
        try:
            await asyncio.to_thread(self._spool.mkdir, parents=True, exist_ok=True)
            await self._objects.get_file(key_for_transcript(owner, recording_id), path)
            content = await asyncio.to_thread(path.read_bytes)
            await self._objects.put_bytes(key_for_transcript(heir, recording_id), content)
        except NotFound:
            return  # it was not transcribed yet
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
