"""Intake: a file becomes a stored recording, or a sentence says why not.

What was accepted is in the object store and in the database, together with the job that works on it.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import DictRow

import recordings_store
import recordings_store_transcripts
from audio import probe
from constants import MIN_RECORDING_S, RECORDING_EXTENSIONS
from datamodels import AudioInfo, NewRecording, ProcessingRequest, Recording, RecordingId, RecordingMetadata, UserId
from db import Database
from errors import NotARecording, RecordingTooLarge, RecordingTooLong, RecordingTooShort
from minio_manager import ObjectStore, key_for_original
from utils import decimal, human_duration, human_size, readable_name, sha256_of_file

_RECORDING_NAMESPACE = uuid.UUID("5f0c3f0e-6f0a-4a53-9a2f-5a7c1f5f3f10")


@dataclass(frozen=True)
class IntakeLimits:
    largest_bytes: int
    longest_s: float


@dataclass(frozen=True)
class Accepted:
    """``known`` tells that the same bytes had been accepted from this owner before."""

    recording: Recording
    known: bool


class Intake:
    """Accepts recordings.

    ``enqueue`` adds the job of a recording to the transaction that stores it; ``engine`` tells name and model of the
    speech-to-text engine in use, so that a better one is not hidden behind an old transcript.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        limits: IntakeLimits,
        enqueue: Callable[[AsyncConnection[DictRow], RecordingId], Awaitable[None]],
        engine: Callable[[], Awaitable[tuple[str, str]]],
    ) -> None:
        self._database = database
        self._objects = objects
        self._limits = limits
        self._enqueue = enqueue
        self._engine = engine

    async def accept(
        self, owner: UserId, path: Path, request: ProcessingRequest, metadata: RecordingMetadata
    ) -> Accepted:
        """Check, store and enqueue the file at ``path``.

        The same bytes sent again are the same recording: it is worked on anew only as far as ``request`` differs, or
        parts of it could not be transcribed.

        Raises:
            BadInput: no recording that can be worked with.
            ObjectStoreUnavailable, DatabaseUnavailable: nothing was accepted.
        """
        info = await probe(path, readable_name(path))
        self._check(path, info)
        sha256 = await sha256_of_file(path)
        async with self._database.transaction() as connection:
            known = await recordings_store.find_by_sha256(connection, owner, sha256)
        if known is None:
            return Accepted(await self._store(owner, path, info, sha256, request, metadata), known=False)
        if not await self._objects.exists(known.object_key):
            await self._put(known.object_key, path, sha256)
        return Accepted(await self._take_again(known, request, metadata), known=True)

    def _check(self, path: Path, info: AudioInfo) -> None:
        file_name = readable_name(path)
        if path.suffix.lower().lstrip(".") not in RECORDING_EXTENSIONS:
            raise NotARecording(file_name=file_name, reason=f"extension {path.suffix!r}")
        if info.size_bytes > self._limits.largest_bytes:
            raise RecordingTooLarge(
                file_name=file_name,
                size=human_size(info.size_bytes),
                maximum=human_size(self._limits.largest_bytes),
            )
        if info.duration_s < MIN_RECORDING_S:
            raise RecordingTooShort(
                file_name=file_name, duration_s=decimal(info.duration_s), minimum_s=decimal(MIN_RECORDING_S)
            )
        if info.duration_s > self._limits.longest_s:
            raise RecordingTooLong(
                file_name=file_name,
                duration=human_duration(info.duration_s),
                maximum=human_duration(self._limits.longest_s),
            )

    async def _take_again(
        self, recording: Recording, request: ProcessingRequest, metadata: RecordingMetadata
    ) -> Recording:
        engine = await self._engine()
        async with self._database.transaction() as connection:
            used = await recordings_store_transcripts.find_engine(connection, recording.id)
            failed = await recordings_store_transcripts.has_failed_parts(connection, recording.id)
            restart = not _same_words(recording.request, request) or used not in {None, engine} or failed
            recording = await recordings_store.update_request(connection, recording.id, request, restart=restart)
            if metadata != RecordingMetadata():
                await recordings_store.save_metadata(connection, recording.id, metadata)
            await self._enqueue(connection, recording.id)
        return recording

    async def _store(
        self,
        owner: UserId,
        path: Path,
        info: AudioInfo,
        sha256: str,
        request: ProcessingRequest,
        metadata: RecordingMetadata,
    ) -> Recording:
        # The id follows from owner and content: an upload that a crash cut off is overwritten, never orphaned.
        recording_id = RecordingId(uuid.uuid5(_RECORDING_NAMESPACE, f"{owner}/{sha256}"))
        extension = path.suffix.lower().lstrip(".")
        key = key_for_original(owner, recording_id, extension)
        await self._put(key, path, sha256)
        new = NewRecording(
            id=recording_id,
            owner_id=owner,
            sha256=sha256,
            size_bytes=info.size_bytes,
            file_name=readable_name(path),
            extension=extension,
            object_key=key,
            container=info.container,
            codec=info.codec,
            duration_s=info.duration_s,
            request=request,
        )
        async with self._database.transaction() as connection:
            recording = await recordings_store.insert_recording(connection, new)
            if metadata != RecordingMetadata():
                await recordings_store.save_metadata(connection, recording.id, metadata)
            await self._enqueue(connection, recording.id)
        return recording

    async def _put(self, key: str, path: Path, sha256: str) -> None:
        await self._objects.put_file(key, path, sha256=sha256, file_name=readable_name(path))


def _same_words(before: ProcessingRequest, now: ProcessingRequest) -> bool:
    """Tell whether both requests lead to the same transcript; building and caption do not enter it."""
    return (before.scenario, before.language, before.speakers) == (now.scenario, now.language, now.speakers)
