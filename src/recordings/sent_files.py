"""Files that people send, taken in or refused at once by what the messenger tells of them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import cards_store
import incoming_store
from constants import (
    DOCUMENT_EXTENSIONS,
    LARGEST_DOCUMENT_BYTES,
    MOST_DOCUMENT_PAGES,
    SOUND_EXTENSIONS,
    TIME_IN_NAME,
    TRANSCRIPT_EXTENSIONS,
)
from datamodels import UserId
from datamodels_telegram import AttachedFile, FileKind, FilePurpose, IncomingFile, IncomingMessage
from db import Connection, Database
from dialogs import may_ask_again
from errors import EmptyFile, NotARecording, RecordingTooLarge, VoxPersonaError
from errors_of_operation import DocumentNotAllowed, DocumentTooLarge, LimitReached
from limits.reservations import check_storage
from recordings.descriptions import Descriptions
from recordings.intake import IntakeLimits
from recordings.purposes import extension_of, purpose_by_name
from system.local_time import local
from utils import human_size

_OWN_EXTENSIONS = {FileKind.VOICE: "ogg", FileKind.VIDEO_NOTE: "mp4"}
"""The extensions of files that Telegram makes itself, whose names may have none."""
_SOUND_TYPES = ("ogg", "x-ogg", "x-matroska", "mp4", "mxf", "vnd.rn-realmedia")
"""What follows ``application/`` in the types of sound and film."""


def refusal(file: AttachedFile, limits: IntakeLimits, *, documents: bool) -> VoxPersonaError | None:
    """Return why a file is refused before its download, by what Telegram tells of it; None when it is accepted.

    Documents are accepted of those who may load ``documents``.
    """
    if file.size_bytes <= 0:
        return EmptyFile(file_name=file.file_name)
    if purpose_by_name(file) is FilePurpose.DOCUMENT and not documents:
        return DocumentNotAllowed(file_name=file.file_name)
    if extension_of(recording_name(file)) in DOCUMENT_EXTENSIONS | TRANSCRIPT_EXTENSIONS:
        return _refusal_of_text(file)
    if not _may_be_sound(file):
        return NotARecording(file_name=file.file_name, reason="extension")
    if file.size_bytes > limits.largest_bytes:
        size, maximum = human_size(file.size_bytes), human_size(limits.largest_bytes)
        return RecordingTooLarge(file_name=file.file_name, size=size, maximum=maximum)
    return None


def accepted_names() -> str:
    """Return what a browser's file dialog offers: extensions and types, as the attribute ``accept`` has them."""
    named = ",".join(f".{each}" for each in sorted(SOUND_EXTENSIONS | TRANSCRIPT_EXTENSIONS))
    return f"audio/*,video/*,{named}"


def _may_be_sound(file: AttachedFile) -> bool:
    """Tell whether name or type call the file sound or film; what it is, its bytes decide later."""
    if file.kind is not FileKind.DOCUMENT or extension_of(file.file_name) in SOUND_EXTENSIONS:
        return True
    kind, _, form = file.mime_type.lower().partition("/")
    return kind in {"audio", "video"} or form in _SOUND_TYPES


def _refusal_of_text(file: AttachedFile) -> VoxPersonaError | None:
    if file.size_bytes > LARGEST_DOCUMENT_BYTES:
        size = human_size(LARGEST_DOCUMENT_BYTES)
        return DocumentTooLarge(file_name=file.file_name, pages=MOST_DOCUMENT_PAGES, size=size)
    return None


def recording_name(file: AttachedFile) -> str:
    """Return the file's name; a file that Telegram itself made gets the extension that a recording needs."""
    own = _OWN_EXTENSIONS.get(file.kind)
    if own is None or extension_of(file.file_name) in SOUND_EXTENSIONS:
        return file.file_name
    return f"{file.file_name}.{own}"


def named_by_clock(file: AttachedFile) -> AttachedFile:
    """Return the file with the sender's time in a name that was made up: ``voice_2026-11-21_17-03.ogg``."""
    if file.named_at is None:
        return file
    sent_at = datetime.fromtimestamp(file.named_at, UTC)
    there, here = f"{sent_at:{TIME_IN_NAME}}", f"{local(sent_at):{TIME_IN_NAME}}"
    return file.model_copy(update={"file_name": file.file_name.replace(there, here)})


async def _no_room(connection: Connection, owner: UserId, file: AttachedFile) -> LimitReached | None:
    """Return why the owner's limit has no room for a file; None when it has."""
    try:
        await check_storage(connection, owner, file.size_bytes)
    except LimitReached as exc:
        return exc
    return None


class SentFiles:
    """Takes files in, as rows from which they are downloaded and shown on a card."""

    def __init__(self, database: Database, limits: IntakeLimits, descriptions: Descriptions) -> None:
        self._database = database
        self._limits = limits
        self._descriptions = descriptions

    async def take_in(
        self,
        owner: UserId,
        message: IncomingMessage,
        *,
        documents: bool = False,
        purpose: FilePurpose | None = None,
        with_file: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> IncomingFile:
        """Take the file of a message in, or note why it is refused; either way the file gets a card that says so.

        ``documents`` tells that the owner may load documents, ``purpose`` what the file is for if that is known. A
        caption counts for the whole album. ``with_file`` does something more in the transaction that takes a file in.

        Questions about recordings may begin from then on, even when the person has just turned away from some.

        Raises:
            ValueError: the message has no file.
        """
        file = message.file
        if file is None:
            raise ValueError("the message has no file")
        file = named_by_clock(file)
        message = message.model_copy(update={"file": file})
        problem = refusal(file, self._limits, documents=documents)
        async with self._database.transaction() as connection:
            if message.album is not None and not message.text:
                caption = await incoming_store.caption_of_album(connection, owner, message.chat_id, message.album)
                message = message.model_copy(update={"text": caption})
            scenario = self._descriptions.scenario_of_file(message.text)
            # Who may load no documents need not be asked.
            open_purpose = purpose_by_name(file) is None and not documents
            known = FilePurpose.RECORDING if open_purpose else purpose
            problem = problem or await _no_room(connection, owner, file)
            incoming = await incoming_store.add(connection, owner, message, scenario, known)
            if message.album is not None and message.text:
                await incoming_store.share_caption(connection, incoming, scenario)
            await cards_store.add_incoming_card(connection, incoming)
            await may_ask_again(connection, owner)
            if problem is None and with_file is not None:
                await with_file(connection)
            if problem is not None:
                await incoming_store.finish_refused(connection, incoming.id, problem.code, problem.user_text)
        return incoming

    async def decide(self, owner: UserId, incoming_id: int, purpose: FilePurpose) -> bool:
        """Note what a voice note is; False when that was said before, or the note is finished.

        Raises:
            NotFound: the owner has sent no such file.
        """
        async with self._database.transaction() as connection:
            await incoming_store.get(connection, owner, incoming_id)
            return await incoming_store.set_purpose(connection, owner, incoming_id, purpose)

    async def make_recording(self, owner: UserId, incoming_id: int) -> bool:
        """Take a voice note that was heard as text in as a recording; False when it is one, or is not heard yet.

        Raises:
            NotFound: the owner has sent no such file.
        """
        async with self._database.transaction() as connection:
            await incoming_store.get(connection, owner, incoming_id)
            if not await incoming_store.reopen_as_recording(connection, owner, incoming_id):
                return False
            await cards_store.open_again(connection, incoming_id)
            return True
