"""Erases people: what they recorded is given away or deleted, and then everything else of theirs goes.

The loop is level-triggered: every step may be done again, so that a start after a kill needs no repair. The person's
row goes last, in the transaction that notes the end.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

import metadata_store
import users_store
from conversations.hybrid import HybridStorage
from datamodels import RecordingId, ReportRunId, User, UserId
from db import Database
from errors import NotFound
from followers import Loop, ended_well
from jobs import erasures_rows
from jobs.handover import Handover
from knowledge.documents import Documents
from md_storage import ReportFiles
from object_store import ObjectStore
from recordings.changes import RecordingChanges
from sign_in import audit, erasures_store
from sign_in.audit import AuditAction
from sign_in.erasures_store import Erasure

log = structlog.get_logger(__name__)

_LOOKED_AT_EVERY_S = 5.0
_SERVICE_AWAITED = timedelta(days=1)
"""How long the service of avatars is asked to erase what it has: it keeps nothing for longer."""


@dataclass(frozen=True)
class ErasingWork:
    """The services by which things go. ``end_work`` ends a person's jobs.

    ``erase_avatars`` deletes a person's avatars; it is None where there is no service that could know of them.
    """

    objects: ObjectStore
    files: ReportFiles
    changes: RecordingChanges
    documents: Documents
    handover: Handover
    conversations: HybridStorage
    spool: Path
    end_work: Callable[[UserId], Awaitable[None]]
    erase_avatars: Callable[[UserId], Awaitable[int]] | None


class Erasing:
    """Does what ``sign_in.erasures`` was asked for."""

    def __init__(self, database: Database, work: ErasingWork) -> None:
        self._database = database
        self._work = work
        self._loop = Loop("erasures", _LOOKED_AT_EVERY_S)

    def wake(self) -> None:
        """Look for orders at once."""
        self._loop.wake()

    async def run(self) -> None:
        """Erase until cancelled."""
        await self._loop.run(self.look)

    async def look(self) -> None:
        """Go on with every erasure; one that fails holds up no other, and goes on with the next look."""
        async with self._database.transaction() as connection:
            orders = await erasures_store.list_open(connection)
        for order in orders:
            await ended_well(self.erase(order), erasure=str(order.person_id))

    async def erase(self, order: Erasure) -> bool:
        """Erase a person as far as it goes now; return whether nothing is left.

        Raises:
            ObjectStoreUnavailable, DatabaseUnavailable, DiskFull: calling it again goes on.
        """
        person = order.person_id
        await self._work.end_work(person)
        if self._work.erase_avatars is not None:
            await self._work.erase_avatars(person)
        await self._erase_recorded(person, await self._heir(order))
        await self._erase_files(person)
        if await self._awaits_service(person):
            return False
        await self._erase_objects(person)
        return await self._finish(person)

    async def _awaits_service(self, person: UserId) -> bool:
        longest = timedelta() if self._work.erase_avatars is None else _SERVICE_AWAITED
        async with self._database.transaction() as connection:
            return await erasures_rows.awaits_service(connection, person, longest)

    async def _heir(self, order: Erasure) -> User | None:
        if order.heir_id is None:
            return None
        async with self._database.transaction() as connection:
            return await users_store.find(connection, order.heir_id)

    async def _erase_recorded(self, person: UserId, heir: User | None) -> None:
        async with self._database.transaction() as connection:
            recordings = await erasures_rows.recordings_of(connection, person)
            if heir is not None:
                await erasures_rows.give_documents(connection, person, heir.id)
            documents = await erasures_rows.documents_of(connection, person)
            research = await erasures_rows.research_of(connection, person)
        for document in documents:
            await self._work.documents.delete(document)
        # Research first: it names whose each recording is.
        for run in research:
            await self._erase_research(person, run, heir)
        for recording in recordings:
            await self._erase_recording(person, recording, heir)

    async def _erase_recording(self, person: UserId, recording: RecordingId, heir: User | None) -> None:
        try:
            if heir is None:
                await self._work.changes.delete(person, recording)
            else:
                await self._work.handover.give_recording(person, recording, heir)
        except NotFound:
            log.info("recording_gone_meanwhile", recording=str(recording))

    async def _erase_research(self, person: UserId, run: ReportRunId, heir: User | None) -> None:
        if heir is not None:
            await self._work.handover.give_research(person, run, heir.id)
            return
        async with self._database.transaction() as connection:
            await erasures_rows.delete_run(connection, run)

    async def _erase_files(self, person: UserId) -> None:
        """Remove the person's files while their rows still tell where they are."""
        await self._work.conversations.settle()
        async with self._database.transaction() as connection:
            spooled = await erasures_rows.spooled_of(connection, person)
        await asyncio.to_thread(_remove, [self._work.spool / path for path in spooled])
        await self._work.files.remove_all(person)

    async def _erase_objects(self, person: UserId) -> None:
        """Remove what is left under the person's keys, such as what a killed step stored and did not note."""
        beginnings = (f"recordings/{person}/", f"avatars/{person}/")
        keys = [key async for key in self._work.objects.list_keys() if key.startswith(beginnings)]
        async with self._database.transaction() as connection:
            # An original that was given away keeps its key.
            keys = list(await erasures_rows.without_row(connection, keys))
        for key in keys:
            await self._work.objects.delete(key)

    async def _finish(self, person: UserId) -> bool:
        async with self._database.transaction() as connection:
            await audit.begin(connection)
            if await erasures_rows.is_anything_left(connection, person):
                return False
            await erasures_store.pass_on(connection, person)
            await erasures_rows.erase(connection, person)
            # A deletion that was killed leaves them.
            await metadata_store.delete_unused_names(connection)
            await erasures_store.note_erased(connection, person)
            await audit.note(connection, AuditAction.ERASED, None, person)
        log.info("person_erased", person=str(person))
        return True


def _remove(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
