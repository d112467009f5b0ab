"""Intake: a file becomes a stored recording, or a sentence says why not.

What was accepted is in the object store and in the database, together with the job that works on it.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import metadata_store
import recordings_store
import transcripts_store
from constants import MIN_RECORDING_S, READY_TRANSCRIPT, SOUND_EXTENSIONS, TRANSCRIPT_EXTENSIONS
from datamodels import (
    AudioInfo,
    NewRecording,
    ProcessingRequest,
    Recording,
    RecordingId,
    RecordingMetadata,
    UserId,
    Visibility,
)
from db import Connection, Database
from dialogs import leave_dialog
from errors import RecordingTooLarge, RecordingTooLong, RecordingTooShort
from object_store import ObjectStore, key_for_original
from recordings.examining import examined
from recordings.lookup import is_at_work, is_ready
from recordings.purposes import extension_of
from text_cleaning import safe_file_name
from utils import decimal, human_duration, human_size, readable_name, sha256_of_file

WithRecording = Callable[[Connection, Recording, bool], Awaitable[None]]
"""Does something more in the transaction that stores a recording; gets the recording, and whether it was known."""

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


@dataclass(frozen=True)
class _Sent:
    """A sent file, and what came with it."""

    owner: UserId
    path: Path
    file_name: str
    request: ProcessingRequest
    metadata: RecordingMetadata
    with_recording: WithRecording | None
    number: int | None

    def extension(self, info: AudioInfo) -> str:
        """Return the extension of the name, or where that tells no format, the first name of the container's."""
        named = extension_of(self.file_name)
        told = TRANSCRIPT_EXTENSIONS if info.container == READY_TRANSCRIPT else SOUND_EXTENSIONS
        return named if named in told else info.container.split(",")[0]

    async def tell(self, connection: Connection, recording: Recording, *, known: bool) -> None:
        if self.with_recording is not None:
            await self.with_recording(connection, recording, known)


class Intake:
    """Accepts recordings.

    ``enqueue`` adds the job of a recording to the transaction that stores the recording. ``engine`` returns name and
    model of the speech-to-text engine in use: a recording that was transcribed by another one is transcribed anew when
    it is sent again. ``visibility`` is that of new recordings.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        limits: IntakeLimits,
        enqueue: Callable[[Connection, RecordingId], Awaitable[None]],
        engine: Callable[[], Awaitable[tuple[str, str]]],
        visibility: Visibility = Visibility.TEAM,
    ) -> None:
        self._database = database
        self._objects = objects
        self._limits = limits
        self._enqueue = enqueue
        self._engine = engine
        self._visibility = visibility

    async def accept(
        self,
        owner: UserId,
        path: Path,
        request: ProcessingRequest,
        metadata: RecordingMetadata,
        *,
        file_name: str | None = None,
        with_recording: WithRecording | None = None,
        again: bool = True,
        number: int | None = None,
    ) -> Accepted:
        """Check, store and enqueue the file at ``path``; ``file_name`` is its name for people, if not that of ``path``.

        A new recording gets the ``number`` that was reserved for it, or the owner's next one.

        The same bytes sent again are the same recording. Its work begins anew when scenario, language, number of
        speakers or engine differ from before, or parts could not be transcribed; otherwise it goes on where it was.
        Without ``again``, a recording that has not failed is left as it is.

        Raises:
            BadInput: the file is no recording that can be worked with.
            ObjectStoreUnavailable, DatabaseUnavailable, DiskFull: nothing was accepted.
        """
        named = readable_name(path) if file_name is None else safe_file_name(file_name)
        sent = _Sent(owner, path, named, request, metadata, with_recording, number)
        info = (await examined(path, named)).info
        self._check(sent, info)
        sha256 = await sha256_of_file(path)
        async with self._database.transaction() as connection:
            known = await recordings_store.find_by_sha256(connection, owner, sha256)
        if known is None:
            stored = await self._store(sent, info, sha256)
            if isinstance(stored, Accepted):
                return stored
            known = stored
        if not await self._objects.exists(known.object_key):
            await self._objects.put_file(known.object_key, path, sha256=sha256, file_name=named)
        if again or known.error_code is not None:
            return Accepted(await self._take_again(known, sent), known=True)
        async with self._database.transaction() as connection:
            known = await recordings_store.lock_recording(connection, owner, known.id)
            await sent.tell(connection, known, known=True)
        return Accepted(known, known=True)

    async def process_again(
        self, owner: UserId, recording_id: RecordingId, with_recording: WithRecording | None = None
    ) -> Recording:
        """Begin work on a stored recording anew, by the request it has, and end a dialog about it.

        What engines answered before is kept and used.

        Raises:
            NotFound: the owner has no such recording.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.lock_recording(connection, owner, recording_id)
            recording = await recordings_store.update_request(connection, recording_id, recording.request, restart=True)
            await self._enqueue(connection, recording_id)
            await leave_dialog(connection, owner, recording_id)
            if with_recording is not None:
                await with_recording(connection, recording, True)
        return recording

    async def process_stopped_again(
        self, owner: UserId, number: int, with_recording: WithRecording | None = None
    ) -> tuple[Recording, bool]:
        """Process the recording of this number again, unless it is being worked on.

        Returns the recording, and whether it is processed again.

        Callers hold the owner's lock, ``dialogs.get_user_lock``.

        Raises:
            NotFound: the owner has no recording of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
        if is_at_work(recording):
            return recording, False
        return await self.process_again(owner, recording.id, with_recording), True

    async def process_in_language(
        self, owner: UserId, number: int, language: str | None, with_recording: WithRecording | None = None
    ) -> bool:
        """Transcribe a recording in another language, None for a detected one; False when it is that of its request.

        ``with_recording`` is called for a recording that is not being worked on already.

        Raises:
            NotFound: the owner has no recording of that number.
        """
        async with self._database.transaction() as connection:
            found = await recordings_store.get_by_number(connection, owner, number)
            recording = await recordings_store.lock_recording(connection, owner, found.id)
            if recording.request.language == language:
                return False
            followed = None if is_at_work(recording) else with_recording
            request = recording.request.model_copy(update={"language": language})
            recording = await recordings_store.update_request(connection, recording.id, request, restart=True)
            await self._enqueue(connection, recording.id)
            await leave_dialog(connection, owner, recording.id)
            if followed is not None:
                await followed(connection, recording, True)
        return True

    def _check(self, sent: _Sent, info: AudioInfo) -> None:
        file_name = sent.file_name
        if info.size_bytes > self._limits.largest_bytes:
            raise RecordingTooLarge(
                file_name=file_name,
                size=human_size(info.size_bytes),
                maximum=human_size(self._limits.largest_bytes),
            )
        if info.duration_s < MIN_RECORDING_S and info.container != READY_TRANSCRIPT:
            raise RecordingTooShort(
                file_name=file_name, duration_s=decimal(info.duration_s), minimum_s=decimal(MIN_RECORDING_S)
            )
        if info.duration_s > self._limits.longest_s:
            raise RecordingTooLong(
                file_name=file_name,
                duration=human_duration(info.duration_s),
                maximum=human_duration(self._limits.longest_s),
            )

    async def _take_again(self, recording: Recording, sent: _Sent) -> Recording:
        engine = (READY_TRANSCRIPT, recording.codec) if is_ready(recording) else await self._engine()
        async with self._database.transaction() as connection:
            used = await transcripts_store.find_engine(connection, recording.id)
            failed = await transcripts_store.has_failed_parts(connection, recording.id)
            restart = not _same_words(recording.request, sent.request) or used not in {None, engine} or failed
            recording = await recordings_store.update_request(connection, recording.id, sent.request, restart=restart)
            await self._go_on(connection, recording, sent, known=True)
        return recording

    async def _store(self, sent: _Sent, info: AudioInfo, sha256: str) -> Accepted | Recording:
        """Store a new recording; return the known one when the same bytes were stored meanwhile."""
        # The id follows from owner and content: an upload that a crash cut off is overwritten, never orphaned.
        recording_id = RecordingId(uuid.uuid5(_RECORDING_NAMESPACE, f"{sent.owner}/{sha256}"))
        extension = sent.extension(info)
        key = key_for_original(sent.owner, recording_id, extension)
        await self._objects.put_file(key, sent.path, sha256=sha256, file_name=sent.file_name)
        new = NewRecording(
            id=recording_id,
            owner_id=sent.owner,
            sha256=sha256,
            size_bytes=info.size_bytes,
            file_name=sent.file_name,
            extension=extension,
            object_key=key,
            container=info.container,
            codec=info.codec,
            duration_s=info.duration_s,
            request=sent.request,
            visibility=self._visibility,
        )
        async with self._database.transaction() as connection:
            known = await recordings_store.find_for_insert(connection, sent.owner, sha256)
            if known is not None:
                return known
            recording = await recordings_store.insert_recording(connection, new, sent.number)
            await self._go_on(connection, recording, sent, known=False)
        return Accepted(recording, known=False)

    async def _go_on(self, connection: Connection, recording: Recording, sent: _Sent, *, known: bool) -> None:
        if sent.metadata != RecordingMetadata():
            await metadata_store.save_metadata(connection, recording.id, sent.metadata)
        await self._enqueue(connection, recording.id)
        await sent.tell(connection, recording, known=known)


def _same_words(before: ProcessingRequest, now: ProcessingRequest) -> bool:
    """Tell whether both requests lead to the same transcript; building and caption do not matter."""
    return (before.scenario, before.language, before.speakers) == (now.scenario, now.language, now.speakers)
