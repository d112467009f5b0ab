"""Original files of recordings: from the object store and, when lost there, from the spool or the messenger."""

import asyncio
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

import incoming_store
from datamodels import Recording, RecordingId
from datamodels_telegram import ChatId, MessageId
from db import Database
from errors import NotFound, ObjectDamaged, OriginalGone
from errors_of_operation import OriginalAwaited
from messenger import Attachments, MessengerError, MessengerRefusedSecrets
from object_store import ObjectStore
from utils import disk_full_mapped, sha256_of_file

log = structlog.get_logger(__name__)


class Originals:
    """Fetches originals. ``spool`` keeps sent files for a while; ``attachments`` is None without a messenger.

    With ``awaited`` another process, which has the messenger, fetches lost originals.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        spool: Path,
        attachments: Attachments | None = None,
        *,
        awaited: bool = False,
    ) -> None:
        self._database = database
        self._objects = objects
        self._spool = spool
        self._attachments = attachments
        self._awaited = awaited
        self._restoring: WeakValueDictionary[RecordingId, asyncio.Lock] = WeakValueDictionary()

    async def get(self, recording: Recording, path: Path) -> None:
        """Fetch a recording's original into ``path``, which is written whole or not at all.

        An original that the store lost is put back from the spool, or from the messenger.

        Raises:
            OriginalGone: neither object store, spool nor messenger has the original.
            OriginalAwaited: object store and spool do not have it; the process with the messenger has to fetch it.
            ObjectStoreUnavailable, MessengerUnavailable, DatabaseUnavailable, DiskFull: it could not be fetched now.
        """
        # A job and a person who wants to listen may ask at the same time, and would restore it through the same file.
        async with self._restoring.setdefault(recording.id, asyncio.Lock()):
            try:
                await self._objects.get_file(recording.object_key, path)
            except (NotFound, ObjectDamaged) as exc:
                log.warning("original_lost", recording=str(recording.id), error=exc.code)
                await self._restore(recording)
                await self._objects.get_file(recording.object_key, path)

    async def ensure(self, recording: Recording) -> None:
        """Put a recording's original back if the object store has lost it. Raises what ``get`` raises."""
        path = self._spool / str(recording.id) / "original.check"
        with disk_full_mapped(path):
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            await self.get(recording, path)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def discard(self, recording: Recording) -> None:
        """Remove the original of a recording that was deleted while it was fetched."""
        await self._objects.delete(recording.object_key)

    async def _restore(self, recording: Recording) -> None:
        async with self._database.transaction() as connection:
            sent = await incoming_store.find_sent(connection, recording.id)
        if sent is None:
            raise OriginalGone(file_name=recording.file_name)
        kept = incoming_path(self._spool / "incoming", sent.id)
        # In the recording's own folder, which goes with the recording.
        fetched = self._spool / str(recording.id) / "original.part"
        if not await _is_whole(kept, recording.sha256):
            kept = fetched
            await self._download(recording, sent.chat_id, sent.message_id, fetched)
        key, name = recording.object_key, recording.file_name
        await self._objects.put_file(key, kept, sha256=recording.sha256, file_name=name)
        log.info("original_restored", recording=str(recording.id))
        await asyncio.to_thread(fetched.unlink, missing_ok=True)

    async def _download(self, recording: Recording, chat: ChatId, message: MessageId, path: Path) -> None:
        if self._awaited:
            raise OriginalAwaited(file_name=recording.file_name)
        if self._attachments is None:
            raise OriginalGone(file_name=recording.file_name)
        with disk_full_mapped(path):
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            await self._attachments.download(chat, message, path, recording.size_bytes, lambda _: None)
        except MessengerError as exc:
            if exc.retryable or isinstance(exc, MessengerRefusedSecrets):
                raise
            raise OriginalGone(file_name=recording.file_name) from exc
        if not await _is_whole(path, recording.sha256):
            await asyncio.to_thread(path.unlink)
            raise OriginalGone(file_name=recording.file_name)


def incoming_path(folder: Path, incoming_id: int) -> Path:
    """Return the path of a sent file in ``folder``, where the spool keeps these files."""
    return folder / f"{incoming_id}.part"


async def _is_whole(path: Path, sha256: str) -> bool:
    try:
        return await sha256_of_file(path) == sha256
    except FileNotFoundError:
        return False
