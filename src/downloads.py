"""Downloads files that people send. Each becomes a stored recording or document, or its sender reads why not.

A file is open until it is stored, refused or cancelled. Downloads of open files resume after a restart.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

import incoming_store
import recording_wizard_store
from constants import NO_SCENARIO
from datamodels import ProcessingRequest, Recording, ScenarioId, UserId
from datamodels_telegram import FilePurpose, IncomingFile, IncomingState
from db import Connection, Database
from errors import (
    DatabaseUnavailable,
    DiskFull,
    ObjectStoreUnavailable,
    OutOfResources,
    UnexpectedFailure,
    VoxPersonaError,
)
from followers import LONGEST_DELAY_S, KeyedTasks, Loop, delay_s
from knowledge.documents import Documents, Loaded
from messenger import Attachments, FileGone, MessengerRefusedSecrets, MessengerUnavailable
from recordings.descriptions import metadata_of_request, take_over_scenario
from recordings.intake import Intake
from recordings.originals import incoming_path
from recordings.preferences import settings_of
from recordings.purposes import purpose_of
from recordings.sent_files import recording_name
from system.local_time import local
from system.shortages import SPARE_BYTES, shortages_mapped
from utils import disk_full_mapped

log = structlog.get_logger(__name__)

_ALBUM_LASTS = timedelta(seconds=3)
"""For how long a file of an album waits for the caption, which may be under another one."""
Hear = Callable[[Connection, UserId, int, bytes], Awaitable[None]]
CheckPhoto = Callable[[IncomingFile, Path], Awaitable[None]]
_LONGEST_PAUSE = timedelta(seconds=LONGEST_DELAY_S)
_TRIED_AGAIN = (
    MessengerUnavailable,
    MessengerRefusedSecrets,
    ObjectStoreUnavailable,
    DatabaseUnavailable,
    OutOfResources,
)


class Downloads:
    """Downloads open files, ``parallel`` at once, and stores them as recordings by ``intake``; people take turns.

    Documents are loaded. A file of which nobody has said whether it is one waits.

    ``hear`` takes the sound of a voice note that stands for text, ``check_photo`` keeps a photograph or refuses it.

    A stored file stays in the spool for another ``kept_s`` seconds: the object store may not have written it to its
    disk yet.
    """

    def __init__(  # noqa: PLR0913  # what becomes of files
        self,
        database: Database,
        messenger: Attachments,
        intake: Intake,
        spool: Path,
        parallel: int,
        *,
        kept_s: float = 0.0,
        hear: Hear | None = None,
        check_photo: CheckPhoto | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._messenger = messenger
        self._intake = intake
        self._documents = Documents(database)
        self._folder = spool / "incoming"
        self._parallel = parallel
        self._kept_s = kept_s
        self._hear = hear
        self._check_photo = check_photo
        self._now = now
        self._loop = Loop("downloads")
        self._spooled: set[int] = set()
        self._bytes_done: dict[int, int] = {}

    def wake(self) -> None:
        """Look at once for files that came or were cancelled."""
        self._loop.wake()

    async def run(self) -> None:
        """Download open files until cancelled; unfinished downloads resume at the next start."""
        self._spooled = await asyncio.to_thread(self._left_behind)
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[int] = KeyedTasks("downloads", group, self._loop.wake)
            await self._loop.run(lambda: self._look(tasks))

    async def _look(self, tasks: KeyedTasks[int]) -> None:
        busy = tasks.busy
        # While the counts so far are noted, downloads go on counting their bytes into the new dictionary.
        noted, self._bytes_done = self._bytes_done, {}
        async with self._database.transaction() as connection:
            for incoming_id, bytes_done in noted.items():
                await incoming_store.set_bytes_done(connection, incoming_id, bytes_done)
            open_files = {file.id: file for file in await incoming_store.list_open(connection)}
            finished = self._spooled - open_files.keys() - tasks.busy
            if finished and self._kept_s:
                finished -= await incoming_store.list_settling(connection, finished, self._kept_s)
        for incoming_id in tasks.busy - open_files.keys():
            tasks.cancel(incoming_id)
        await self._clear(finished)
        waiting = [file for file in open_files.values() if file.id not in busy and self._can_begin(file)]
        for file in self._next(waiting, open_files, busy):
            if purpose_of(file) is FilePurpose.RECORDING:
                async with self._database.transaction() as connection:
                    await incoming_store.reserve_number(connection, file.id)
            self._spooled.add(file.id)
            tasks.start(file.id, self._take_in(file))

    def _can_begin(self, file: IncomingFile) -> bool:
        age = self._now() - file.created_at  # below 0 where the clock was set back
        if file.album is not None and not file.caption and timedelta() <= age < _ALBUM_LASTS:
            return False
        return purpose_of(file) is not None and file.state is not IncomingState.HEARING

    def _next(
        self, waiting: list[IncomingFile], open_files: dict[int, IncomingFile], busy: frozenset[int]
    ) -> list[IncomingFile]:
        """Choose the files to start now, always the oldest file of the people with the fewest running downloads."""
        at_work = Counter(file.owner_id for file in open_files.values() if file.id in busy)
        now = self._now()
        # No pause is longer than the longest: where it seems to be, the clock was ahead when it was noted.
        due = [file for file in waiting if not file.retry_at or not now < file.retry_at <= now + _LONGEST_PAUSE]
        chosen = []
        for _ in range(min(self._parallel - len(busy), len(due))):
            file = min(due, key=lambda each: (at_work[each.owner_id], each.id))
            due.remove(file)
            at_work[file.owner_id] += 1
            chosen.append(file)
        return chosen

    async def _take_in(self, file: IncomingFile) -> None:
        try:
            with shortages_mapped():
                await self._download(file)
                await self._set_state(file, IncomingState.CHECKING)
                taking = {
                    FilePurpose.DOCUMENT: self._load,
                    FilePurpose.WORDS: self._hand_over,
                    FilePurpose.PHOTO: self._check,
                }
                await taking.get(purpose_of(file) or FilePurpose.RECORDING, self._accept)(file)
        except _TRIED_AGAIN as exc:
            await self._try_later(file, exc)
        except VoxPersonaError as exc:
            await self._refuse(file, exc)
        except Exception as exc:
            await self._refuse(file, UnexpectedFailure(reason=type(exc).__name__))
            raise

    async def _download(self, file: IncomingFile) -> None:
        path, size = self._path(file.id), file.file.size_bytes
        have = await asyncio.to_thread(_size, path)
        if file.state is IncomingState.CHECKING and have == size:
            return
        await self._set_state(file, IncomingState.DOWNLOADING)
        await asyncio.to_thread(self._make_room, path, size - have)

        def on_bytes(bytes_done: int) -> None:
            self._bytes_done[file.id] = bytes_done

        try:
            await self._messenger.download(file.chat_id, file.message_id, path, size, on_bytes)
        except FileGone as exc:
            # The messenger's error names the file by its place in the spool; people know its own name.
            raise FileGone(
                messenger=exc.details.get("messenger"),
                call="download",
                file_name=file.file.file_name,
                reason=str(exc),
            ) from exc

    def _make_room(self, path: Path, missing_bytes: int) -> None:
        with disk_full_mapped(path):
            self._folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < missing_bytes + SPARE_BYTES:
            raise DiskFull(path=path)

    async def _load(self, file: IncomingFile) -> None:
        async def note_loaded(connection: Connection, loaded: Loaded) -> None:
            if await incoming_store.lock_open(connection, file.id) is None:
                raise _Cancelled
            await incoming_store.finish_loaded(connection, file.id, loaded.number, known=loaded.known)

        try:
            await self._documents.load(file.owner_id, self._path(file.id), file.file.file_name, note_loaded)
        except _Cancelled:
            log.info("incoming_cancelled_late", incoming=file.id)

    async def _check(self, file: IncomingFile) -> None:
        assert self._check_photo is not None  # noqa: S101  # whoever takes photographs can check them
        await self._check_photo(file, self._path(file.id))

    async def _hand_over(self, file: IncomingFile) -> None:
        """Give a voice note to the job that recognises it."""
        assert self._hear is not None  # noqa: S101  # whoever takes voice notes as text can hear
        sound = await asyncio.to_thread(self._path(file.id).read_bytes)
        async with self._database.transaction() as connection:
            if await incoming_store.lock_open(connection, file.id) is not None:
                await incoming_store.set_state(connection, file.id, IncomingState.HEARING)
                await self._hear(connection, file.owner_id, file.id, sound)

    async def _accept(self, file: IncomingFile) -> None:
        async with self._database.transaction() as connection:
            # The scenario may have been chosen during the download.
            current = await incoming_store.lock_open(connection, file.id)
            language = (await settings_of(connection, file.owner_id)).language
            number = await incoming_store.reserved_number(connection, file.id)
        if current is None:
            return
        scenario = current.scenario or ScenarioId(NO_SCENARIO)
        request = ProcessingRequest(scenario=scenario, caption=current.caption, language=language)

        async def note_stored(connection: Connection, recording: Recording, known: bool) -> None:
            await self._note_stored(connection, file.id, recording, known=known)

        try:
            await self._intake.accept(
                file.owner_id,
                self._path(file.id),
                request,
                await asyncio.to_thread(metadata_of_request, request, local(self._now()).date()),
                file_name=recording_name(file.file),
                with_recording=note_stored,
                again=False,
                number=number,
            )
        except _Cancelled:
            log.info("incoming_cancelled_late", incoming=file.id)

    async def _note_stored(
        self, connection: Connection, incoming_id: int, recording: Recording, *, known: bool
    ) -> None:
        file = await incoming_store.lock_open(connection, incoming_id)
        if file is None:
            raise _Cancelled
        taken_up = not known or await incoming_store.is_taken_up(connection, recording.id)
        if taken_up:
            await take_over_scenario(connection, recording, file.scenario)
        begin = recording_wizard_store.restart if known and taken_up else recording_wizard_store.start
        await begin(connection, file.owner_id, file.chat_id, recording.id)
        await incoming_store.finish_stored(connection, file.id, recording.id, known=not taken_up)
        await incoming_store.end_reservation(connection, file.id, used=not known)

    async def _set_state(self, file: IncomingFile, state: IncomingState) -> None:
        async with self._database.transaction() as connection:
            await incoming_store.set_state(connection, file.id, state)

    async def _try_later(self, file: IncomingFile, reason: VoxPersonaError) -> None:
        log.warning("incoming_tried_later", incoming=file.id, tries=file.tries, error=reason.code, reason=str(reason))
        retry_at = self._now() + timedelta(seconds=delay_s(file.tries))
        async with self._database.transaction() as connection:
            await incoming_store.try_later(connection, file.id, reason.code, reason.user_text, retry_at)

    async def _refuse(self, file: IncomingFile, reason: VoxPersonaError) -> None:
        log.info("incoming_refused", incoming=file.id, error=reason.code)
        async with self._database.transaction() as connection:
            await incoming_store.finish_refused(connection, file.id, reason.code, reason.user_text)
            await incoming_store.end_reservation(connection, file.id, used=False)

    def _path(self, incoming_id: int) -> Path:
        return incoming_path(self._folder, incoming_id)

    def _left_behind(self) -> set[int]:
        """Return the ids of the files that an earlier process began to download."""
        return {int(path.stem) for path in self._folder.glob("*.part") if path.stem.isdecimal()}

    async def _clear(self, finished: set[int]) -> None:
        def clear() -> None:
            for incoming_id in finished:
                self._path(incoming_id).unlink(missing_ok=True)

        if finished:
            await asyncio.to_thread(clear)
            self._spooled -= finished


class _Cancelled(Exception):
    """The file was cancelled before it was stored. This error does not leave this module."""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
