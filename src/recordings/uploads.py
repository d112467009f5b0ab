"""Files that come in pieces, from a browser: received into the spool, and taken in as recordings once they are whole.

What is refused for its name or size is refused before a byte of it comes. A piece is acknowledged when it is on the
disk and its row says so; an upload that breaks off goes on from there.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import BinaryIO
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from constants import NO_SCENARIO
from datamodels import BuildingType, ProcessingRequest, Recording, ScenarioId, UserId
from datamodels_telegram import AttachedFile, FileKind
from db import Connection, Database
from errors import (
    DatabaseUnavailable,
    DiskFull,
    NotFound,
    ObjectStoreUnavailable,
    OutOfResources,
    UnexpectedFailure,
    VoxPersonaError,
)
from errors_of_operation import TooManyUploads, UploadOutOfStep
from followers import KeyedTasks, Loop, delay_s, ended_well
from limits.reservations import check_storage
from prompt_pack.models import ReportPack
from recordings import uploads_store
from recordings.descriptions import metadata_of_request
from recordings.intake import Intake, IntakeLimits
from recordings.sent_files import refusal
from recordings.uploads_store import Upload, UploadState
from system.shortages import SPARE_BYTES, shortages_mapped
from text_cleaning import safe_file_name
from utils import disk_full_mapped

log = structlog.get_logger(__name__)

MOST_OPEN = 20
"""Uploads of one person that are not whole: an album is taken file by file."""
_NOTED_BYTES = 8 * 1024 * 1024
_NOTED_S = 5.0
"""A piece may take minutes; that it is coming shows by its row (``Upload.coming``)."""
_BLOCK_BYTES = 256 * 1024
_AT_ONCE = 4
_RECENT = timedelta(hours=1)
_SHOWN = 50
_TRIED_AGAIN = (ObjectStoreUnavailable, DatabaseUnavailable, OutOfResources)


class Uploads:
    """Receives files and takes them in. ``today`` returns the date that a caption's may not be after."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        limits: IntakeLimits,
        pack: ReportPack,
        spool: Path,
        today: Callable[[], date],
    ) -> None:
        self._database = database
        self._intake = intake
        self._limits = limits
        self._pack = pack
        self._folder = spool / "uploads"
        self._today = today
        self._loop = Loop("uploads")
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def begin(
        self,
        owner: UserId,
        file_name: str,
        size_bytes: int,
        scenario: str,
        building: BuildingType | None = None,
        mime_type: str = "",
    ) -> Upload:
        """Accept a file that is to come, by its name, type and size.

        Raises:
            BadInput: it is refused as a sent file is (``sent_files.refusal``), or there is no such scenario.
            TooManyUploads: the owner has ``MOST_OPEN`` that are not whole.
            LimitReached: the owner's limit has no room for it.
            DiskFull: there is no room for it.
        """
        name = safe_file_name(file_name)
        sent = AttachedFile(kind=FileKind.DOCUMENT, file_name=name, size_bytes=size_bytes, mime_type=mime_type)
        if problem := refusal(sent, self._limits, documents=False):
            raise problem
        chosen = ScenarioId(NO_SCENARIO) if scenario == NO_SCENARIO else self._pack.scenario(scenario).id
        await asyncio.to_thread(self._make_room, size_bytes)
        async with self._database.transaction() as connection:
            if await uploads_store.count_open(connection, owner) >= MOST_OPEN:
                raise TooManyUploads(most=MOST_OPEN)
            await check_storage(connection, owner, size_bytes)
            return await uploads_store.add(connection, owner, name, size_bytes, chosen, building)

    async def find(self, owner: UserId, id_: UUID) -> Upload:
        """Load an upload of the owner.

        Raises:
            NotFound: the owner has none of this id.
        """
        async with self._database.transaction() as connection:
            return await uploads_store.get(connection, owner, id_)

    async def latest(self, owner: UserId) -> Sequence[Upload]:
        """Load the owner's uploads that go on or ended within the last hour, the newest first."""
        async with self._database.transaction() as connection:
            return await uploads_store.latest(connection, owner, _RECENT, _SHOWN)

    async def append(
        self, owner: UserId, id_: UUID, offset: int, length: int | None, blocks: AsyncIterator[bytes]
    ) -> Upload:
        """Write a piece that begins at byte ``offset`` and has ``length`` bytes, if that is known beforehand.

        What came before ``blocks`` raised is kept. With the last byte the file is whole.

        Raises:
            NotFound: the owner has no such upload.
            UploadOutOfStep: the file has another length by now, another piece is coming, or this one is too long.
            DiskFull, DatabaseUnavailable: the rest was not written.
        """
        lock = self._locks.setdefault(id_, asyncio.Lock())
        if lock.locked():
            raise UploadOutOfStep(offset=offset, received="—")
        async with lock:
            upload = await self.find(owner, id_)
            fits = length is None or offset + length <= upload.size_bytes
            if upload.state is not UploadState.RECEIVING or offset != upload.received_bytes or not fits:
                raise UploadOutOfStep(offset=offset, received=upload.received_bytes)
            await self._write(upload, blocks)
            upload = await self.find(owner, id_)
        if upload.state is UploadState.WHOLE:
            self._loop.wake()
        return upload

    async def receive(
        self,
        owner: UserId,
        file_name: str,
        most_bytes: int,
        scenario: str,
        building: BuildingType | None,
        blocks: AsyncIterator[bytes],
    ) -> Upload:
        """Take a file that comes at one go; it has ``most_bytes`` at most. When ``blocks`` raises, nothing is kept.

        Raises:
            BadInput, TooManyUploads, DiskFull: as ``begin``.
        """
        upload = await self.begin(owner, file_name, most_bytes, scenario, building)
        try:
            await self._write(upload, blocks)
        except BaseException:
            await self.cancel(owner, upload.id)
            raise
        async with self._database.transaction() as connection:
            await uploads_store.end_here(connection, upload.id)
        self._loop.wake()
        return await self.find(owner, upload.id)

    async def cancel(self, owner: UserId, id_: UUID) -> None:
        """Forget an upload that is not whole, or was refused.

        Raises:
            NotFound: the owner has no such upload.
        """
        async with self._locks.setdefault(id_, asyncio.Lock()):
            async with self._database.transaction() as connection:
                if not await uploads_store.delete(connection, owner, id_):
                    raise NotFound(what=f"upload {id_} of {owner}")
            await self._remove(id_)

    async def run(self) -> None:
        """Take in whole files until cancelled."""
        # What cannot be removed now is at the next start: a database that is away for a moment ends no process.
        await ended_well(self.clear(), loop="uploads_cleared")
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[UUID] = KeyedTasks("uploads", group, self._loop.wake)
            await self._loop.run(lambda: self._look(tasks))

    async def clear(self) -> None:
        """Remove files whose rows have gone."""
        async with self._database.transaction() as connection:
            known = {str(each) for each in await uploads_store.open_ids(connection)}

        def clear() -> None:
            for path in self._folder.glob("*"):
                if path.name not in known:
                    path.unlink(missing_ok=True)

        await asyncio.to_thread(clear)

    async def _look(self, tasks: KeyedTasks[UUID]) -> None:
        busy = tasks.busy
        async with self._database.transaction() as connection:
            whole = await uploads_store.list_whole(connection, _SHOWN)
        due = [each for each in whole if each.id not in busy and (each.retry_at or each.created_at) <= _now()]
        for upload in due[: _AT_ONCE - len(busy)]:
            tasks.start(upload.id, self._take_in(upload))

    async def _take_in(self, upload: Upload) -> None:
        try:
            with shortages_mapped():
                await self._accept(upload)
        except _TRIED_AGAIN as exc:
            log.warning("upload_tried_later", upload=str(upload.id), error=exc.code, reason=str(exc))
            later = _now() + timedelta(seconds=delay_s(upload.tries))
            async with self._database.transaction() as connection:
                await uploads_store.try_later(connection, upload.id, exc.code, exc.user_text, later)
            return
        except VoxPersonaError as exc:
            await self._refuse(upload, exc)
        except Exception as exc:
            await self._refuse(upload, UnexpectedFailure(reason=type(exc).__name__))
            raise
        await self._remove(upload.id)

    async def _accept(self, upload: Upload) -> None:
        request = ProcessingRequest(scenario=upload.scenario, building=upload.building)

        async def note_stored(connection: Connection, recording: Recording, known: bool) -> None:
            if await uploads_store.lock_whole(connection, upload.id):
                await uploads_store.finish_stored(connection, upload.id, recording.id, known=known)

        await self._intake.accept(
            upload.owner_id,
            self._path(upload.id),
            request,
            await asyncio.to_thread(metadata_of_request, request, self._today()),
            file_name=upload.file_name,
            with_recording=note_stored,
            again=False,
        )

    async def _refuse(self, upload: Upload, reason: VoxPersonaError) -> None:
        log.info("upload_refused", upload=str(upload.id), error=reason.code)
        async with self._database.transaction() as connection:
            await uploads_store.finish_refused(connection, upload.id, reason.code, reason.user_text)

    async def _write(self, upload: Upload, blocks: AsyncIterator[bytes]) -> None:
        path, written = self._path(upload.id), upload.received_bytes
        with disk_full_mapped(path):
            file = await asyncio.to_thread(self._opened, path, written)
            try:
                waiting, noted, noted_at = bytearray(), written, monotonic()
                try:
                    async for block in blocks:
                        waiting += block[: upload.size_bytes - written - len(waiting)]
                        due = monotonic() - noted_at >= _NOTED_S
                        if due or len(waiting) >= _BLOCK_BYTES:
                            written += await asyncio.to_thread(_put, file, waiting)
                        if due or written - noted >= _NOTED_BYTES:
                            noted, noted_at = await self._note(upload, file, written), monotonic()
                finally:
                    # Also of a connection that broke: what has come need not come again.
                    written += await asyncio.to_thread(_put, file, waiting)
                    if written > noted:
                        await self._note(upload, file, written)
            finally:
                await asyncio.to_thread(file.close)

    async def _note(self, upload: Upload, file: BinaryIO, written: int) -> int:
        await asyncio.to_thread(os.fsync, file.fileno())
        async with self._database.transaction() as connection:
            await uploads_store.set_received(connection, upload.id, written)
        return written

    def _opened(self, path: Path, written: int) -> BinaryIO:
        """Open a file to write after its first ``written`` bytes; what a crash left behind them goes.

        Raises:
            NotFound: somebody has cleared the spool.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("r+b" if written else "wb", buffering=0)
        except FileNotFoundError as exc:
            raise NotFound(what=f"file {path.name}") from exc
        file.truncate(written)
        file.seek(written)
        return file

    def _make_room(self, size_bytes: int) -> None:
        with disk_full_mapped(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < size_bytes + SPARE_BYTES:
            raise DiskFull(path=self._folder)

    async def _remove(self, id_: UUID) -> None:
        await asyncio.to_thread(self._path(id_).unlink, missing_ok=True)

    def _path(self, id_: UUID) -> Path:
        return self._folder / str(id_)


def _put(file: BinaryIO, waiting: bytearray) -> int:
    """Write all that waits; return how much it was. Blocking."""
    count, left = len(waiting), memoryview(bytes(waiting))
    while left:
        left = left[file.write(left) :]
    waiting.clear()
    return count


def _now() -> datetime:
    return datetime.now(UTC)
