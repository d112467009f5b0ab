"""Sends the messages of the outbox: each once, those of a Telegram chat in their order, chats in parallel.

A file is made or fetched only when it is sent: a transcript or report in any form, or an original recording.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import structlog

import outbox_store
import recordings_store
import speeches.store
import texts.editing
import texts.speeches
import texts.telegram
import texts.telegram_recordings
from audio import BUILT_IN, opus, prepare
from avatars.pictures import PictureFiles
from datamodels import Recording, RecordingId, ReportRunId, UserId
from datamodels_telegram import (
    ChatId,
    Doing,
    FileReference,
    FileSource,
    MessageId,
    MessageKind,
    OutboxItem,
    OutgoingMessage,
    Picture,
    Screen,
    Shown,
    Sound,
    Voice,
)
from db import Database
from dialogs import put_aside
from errors import DatabaseUnavailable, NotFound, OutOfResources, UnexpectedFailure, VoxPersonaError
from followers import KeyedTasks, Loop, delay_s
from markups.reports import report_file_name, transcript_file_name
from markups.text import LONGEST_REASON, escaped, first_line, plain
from message_tracker import MessageTracker
from messenger import (
    AlreadySent,
    ChatClosed,
    MessengerError,
    MessengerRefusedSecrets,
    MessengerUnavailable,
    without_sound,
)
from prompt_pack.models import ReportPack
from random_ids import new_name
from recordings.originals import Originals
from reports.made_files import MadeFiles
from system.local_time import ZoneOf, in_zone, zone_of_machine
from system.shortages import shortages_mapped
from text_cleaning import safe_file_name
from texts.errors_in_chats import chat_text
from utils import clock, disk_full_mapped

_DECODING_S = 300.0
_HEARD = frozenset([FileSource.RECORDING, FileSource.SPEECH])
_SOUND_EXTENSIONS = frozenset(["flac", "m4a", "mp3", "mpga", "oga", "ogg", "opus", "wav"])


class MadeFile(NamedTuple):
    """A file to be sent: its content or path, its name, and how people play it or look at it in the chat if they do."""

    content: bytes | Path
    name: str
    shown: Shown | None = None


class OutboxFiles:
    """Makes the files of messages. An original is kept in the folder ``spool`` while it is sent.

    The folder above it may have a template of reports, see ``reports.word.template_in``.
    """

    def __init__(
        self,
        database: Database,
        originals: Originals,
        pack: ReportPack,
        spool: Path,
        ffmpeg: Path = BUILT_IN,
        pictures: PictureFiles | None = None,
    ) -> None:
        self._pictures = pictures
        self._ffmpeg = ffmpeg
        self._database = database
        self._originals = originals
        self._pack = pack
        self._folder = spool / "outgoing"
        self._folder_of_template = spool.parent
        self._texts = MadeFiles(database, pack, spool.parent)

    async def clear(self) -> None:
        """Remove files that a killed process left in the spool; no file may be in use."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    @asynccontextmanager
    async def made(self, owner: UserId, file: FileReference) -> AsyncIterator[MadeFile]:
        """Yield a file. A path, which stands for an original, is valid during the block.

        Raises:
            NotFound: the owner has no such recording or report, or the file cannot be had in this form.
            OriginalGone: nobody has the recording's file any more.
            ObjectStoreUnavailable, MessengerUnavailable, DatabaseUnavailable, DiskFull: not possible now.
        """
        if file.source is FileSource.RECORDING:
            recording = await self._recording(owner, RecordingId(file.subject))
            path = self._folder / new_name()
            try:
                with disk_full_mapped(path):
                    await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
                await self._originals.get(recording, path)
                yield MadeFile(path, safe_file_name(recording.file_name), _sound(recording))
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)
        elif file.source is FileSource.FRAGMENT:
            yield await self._fragment(owner, file)
        elif file.source is FileSource.PICTURE:
            yield await self._picture(owner, file)
        elif file.source is FileSource.TAKEOUT:
            # One that was ordered before takeouts were made beside the messages.
            raise NotFound(what=f"takeout of {file.subject}")
        elif file.source is FileSource.SPEECH:
            yield await self._speech(owner, file)
        elif file.source is FileSource.TRANSCRIPT:
            yield MadeFile(*await self._transcript(owner, RecordingId(file.subject), file.extension))
        else:
            yield MadeFile(*await self._report(owner, ReportRunId(file.subject), file.extension))

    async def _fragment(self, owner: UserId, file: FileReference) -> MadeFile:
        """Cut what is said from ``start_s`` to ``end_s`` out of a recording; decode no more than needed for that."""
        recording, folder = await self._recording(owner, RecordingId(file.subject)), self._folder / new_name()
        start, end = file.start_s or 0.0, min(file.end_s or 0.0, recording.duration_s)
        if end <= start:
            raise NotFound(what=f"fragment of {recording.id}")
        original, pcm = folder / f"original.{recording.extension}", folder / "audio.pcm"
        try:
            with disk_full_mapped(folder):
                await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            await self._originals.get(recording, original)
            await prepare(
                original,
                pcm,
                file_name=recording.file_name,
                ffmpeg=self._ffmpeg,
                time_limit_s=_DECODING_S,
                longest_s=end,
            )
            content = await opus(pcm, start, end, ffmpeg=self._ffmpeg)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        title = texts.editing.FRAGMENT_TITLE.format(number=recording.number, start=clock(start))
        return MadeFile(content, f"{safe_file_name(title)}.ogg", Sound(title=title, duration_s=end - start))

    async def _picture(self, owner: UserId, file: FileReference) -> MadeFile:
        if self._pictures is None:
            raise NotFound(what=f"picture {file.subject}")
        path = self._folder / new_name()
        try:
            with disk_full_mapped(path):
                await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
            name = await self._pictures.fetch(owner, file.subject, path)
            return MadeFile(await asyncio.to_thread(path.read_bytes), safe_file_name(name), Picture())
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _speech(self, owner: UserId, file: FileReference) -> MadeFile:
        async with self._database.transaction() as connection:
            speech = await speeches.store.find(connection, owner, file.subject)
            content = await speeches.store.sound(connection, owner, file.subject)
        if speech is None or content is None:
            raise NotFound(what=f"sound of speech {file.subject} of {owner}")
        name = texts.speeches.FILE_NAME.format(title=speech.title)
        return MadeFile(content, safe_file_name(name), Voice(duration_s=speech.duration_s or 0.0))

    async def _recording(self, owner: UserId, recording_id: RecordingId) -> Recording:
        async with self._database.transaction() as connection:
            return await recordings_store.get_recording(connection, owner, recording_id)

    async def _transcript(self, owner: UserId, recording_id: RecordingId, extension: str) -> tuple[bytes, str]:
        content, recording = await self._texts.transcript(owner, recording_id, extension)
        return content, transcript_file_name(recording, extension)

    async def _report(self, owner: UserId, run_id: ReportRunId, extension: str) -> tuple[bytes, str]:
        content, made = await self._texts.report(owner, run_id, extension)
        return content, report_file_name(made.run.number, made.title, extension)


def _sound(recording: Recording) -> Sound | None:
    if recording.extension not in _SOUND_EXTENSIONS:
        return None
    title = texts.telegram_recordings.SOUND_TITLE.format(number=recording.number, name=Path(recording.file_name).stem)
    return Sound(title=plain(title), duration_s=recording.duration_s)


log = structlog.get_logger(__name__)

_LONGEST_ASIDE = timedelta(minutes=30)
"""For how long a message whose file cannot be made is tried before it is given up; one for which the machine has no
space, memory or open files is tried until there are some."""


async def nobody_is_quiet(person: UserId) -> bool:  # noqa: ARG001  # whoever it is
    """Tell of everybody that they want to hear messages come."""
    return False


class Outbox:
    """Sends the messages of the outbox; ``now`` returns the time, ``zone_of`` a person's zone.

    ``is_quiet`` tells whether somebody wants no sound now.
    """

    def __init__(
        self,
        database: Database,
        messages: MessageTracker,
        files: OutboxFiles,
        *,
        zone_of: ZoneOf = zone_of_machine,
        is_quiet: Callable[[UserId], Awaitable[bool]] = nobody_is_quiet,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._messages = messages
        self._files = files
        self._zone_of = zone_of
        self._is_quiet = is_quiet
        self._now = now
        self._loop = Loop("outbox")

    def wake(self) -> None:
        """Look for messages at once."""
        self._loop.wake()

    async def run(self) -> None:
        """Send until cancelled. A message that a stop interrupts is sent again at the next start, and arrives once."""
        await self._files.clear()
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[ChatId] = KeyedTasks("outbox", group, self._loop.wake)
            await self._loop.run(lambda: self._look(tasks))

    async def _look(self, tasks: KeyedTasks[ChatId]) -> None:
        busy = tasks.busy
        async with self._database.transaction() as connection:
            items = await outbox_store.list_next(connection)
        for item in items:
            if item.chat_id not in busy:
                tasks.start(item.chat_id, self._send(item))

    async def _send(self, item: OutboxItem) -> None:
        try:
            with (
                shortages_mapped(MessengerUnavailable),
                in_zone(await self._zone_of(item.owner_id)),
                without_sound(await self._is_quiet(item.owner_id)),
            ):
                message_id = await self._delivered(item)
        except VoxPersonaError as exc:
            if isinstance(exc, MessengerUnavailable | MessengerRefusedSecrets | DatabaseUnavailable):
                await self._try_later(item, exc)
            elif isinstance(exc, OutOfResources) or (exc.retryable and not self._is_hopeless(item)):
                await self._let_others_pass(item, exc)
            else:
                await self._give_up(item, exc)
        except Exception as exc:
            failure = UnexpectedFailure(reason=type(exc).__name__)
            await (self._give_up if self._is_hopeless(item) else self._let_others_pass)(item, failure)
            raise
        else:
            async with self._database.transaction() as connection:
                noted = await outbox_store.note_sent(connection, item.id, message_id)
            if not noted and item.message.kind is MessageKind.RESULT:
                # What it tells of was deleted while it was on its way.
                await self._messages.remove_message(item.chat_id, message_id)

    def _is_hopeless(self, item: OutboxItem) -> bool:
        return item.aside_at is not None and self._now() - item.aside_at > _LONGEST_ASIDE

    async def _delivered(self, item: OutboxItem) -> MessageId:
        replaced = item.message.replaces
        if replaced is not None and item.message.file is None and await self._took_place(item, replaced):
            return replaced
        if replaced is not None and item.message.in_place:
            await self._messages.remove_message(item.chat_id, replaced)
            return replaced
        sent = await self._sent(item)
        if replaced is not None:
            # This comes before the end is noted: after a crash both are done again, which changes nothing.
            await self._messages.remove_message(item.chat_id, replaced)
        return sent

    async def _took_place(self, item: OutboxItem, replaced: MessageId) -> bool:
        """Show a message in the place of an earlier one; False when that is gone or cannot be edited."""
        message = item.message
        try:
            return await self._messages.turn_into(item.chat_id, replaced, message.kind, message.screen, message.subject)
        except MessengerError as exc:
            if isinstance(exc, MessengerUnavailable | MessengerRefusedSecrets | ChatClosed):
                raise
            log.warning("outbox_not_in_place", item=item.id, error=exc.code, reason=str(exc))
            return False

    async def _sent(self, item: OutboxItem) -> MessageId:
        message = item.message
        if message.file is None:
            return await self._messages.send(
                item.chat_id, message.kind, message.screen, random_id=item.random_id, subject=message.subject
            )
        doings = {FileSource.PICTURE: Doing.SENDING_PICTURE, **dict.fromkeys(_HEARD, Doing.SENDING_SOUND)}
        doing = doings.get(message.file.source, Doing.SENDING_FILE)
        async with (
            self._messages.at_work(item.chat_id, doing),
            self._files.made(item.owner_id, message.file) as (content, name, shown),
        ):
            return await self._messages.send_file(
                item.chat_id, message.kind, content, name, message.screen, random_id=item.random_id, shown=shown
            )

    async def _try_later(self, item: OutboxItem, reason: VoxPersonaError) -> None:
        log.warning("outbox_tried_later", item=item.id, tries=item.tries, error=reason.code, reason=str(reason))
        delay = timedelta(seconds=delay_s(item.tries))
        async with self._database.transaction() as connection:
            await outbox_store.try_later(connection, item.id, reason.code, delay)

    async def _let_others_pass(self, item: OutboxItem, reason: VoxPersonaError) -> None:
        """Try a message again later and let later ones pass it; if it has a file, tell the person once that it is late.

        This is for a failure that concerns this message alone, such as a file that cannot be made now.
        """
        log.warning("outbox_stands_aside", item=item.id, tries=item.tries, error=reason.code, reason=str(reason))
        delay = timedelta(seconds=delay_s(item.tries))
        async with self._database.transaction() as connection:
            await outbox_store.try_later(connection, item.id, reason.code, delay, aside=True)
            if item.message.file is not None:
                told = escaped(chat_text(reason.code, reason.user_text), LONGEST_REASON)
                screen = Screen(text=texts.telegram.FILE_LATER.format(reason=told))
                message = OutgoingMessage(kind=MessageKind.INFO_MESSAGE, screen=screen)
                await outbox_store.put(connection, f"aside:{item.id}", item.owner_id, item.chat_id, message)

    async def _give_up(self, item: OutboxItem, reason: VoxPersonaError) -> None:
        """Note that a message cannot be sent; tell a person who waits for a result which one does not come, and why."""
        log.warning("outbox_given_up", item=item.id, error=reason.code, reason=str(reason))
        async with self._database.transaction() as connection:
            await outbox_store.give_up(connection, item.id, reason.code)
            if item.message.subject is not None and not isinstance(reason, AlreadySent):
                # Nobody sees this question: text is no reply to it. One that was delivered may have been answered.
                away = isinstance(reason, ChatClosed)
                await put_aside(connection, item.chat_id, [item.message.subject], away=away)
            if item.message.kind is MessageKind.RESULT and not isinstance(reason, ChatClosed | AlreadySent):
                told = escaped(chat_text(reason.code, reason.user_text), LONGEST_REASON)
                what = escaped(first_line(item.message.screen.text))
                screen = Screen(text=texts.telegram.NOT_SENT.format(what=what, reason=told))
                notice = OutgoingMessage(kind=MessageKind.INFO_MESSAGE, screen=screen)
                await outbox_store.put(connection, f"given_up:{item.id}", item.owner_id, item.chat_id, notice)
