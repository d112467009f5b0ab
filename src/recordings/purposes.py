"""What a sent file is for, by its name: a recording or its ready transcript, or a document to ask about.

Text and Word may be either: who may load documents says which; everybody else's are transcripts. A short voice note may
be a recording, or words that stand for typed ones.
"""

from pathlib import Path

from constants import DOCUMENT_EXTENSIONS, LARGEST_SPOKEN_BYTES, LONGEST_SPOKEN_S, TRANSCRIPT_EXTENSIONS
from datamodels_telegram import AttachedFile, FileKind, FilePurpose, IncomingFile, IncomingMessage


def purpose_by_name(file: AttachedFile) -> FilePurpose | None:
    """Return what the file is for; None when its name leaves that open."""
    extension = extension_of(file.file_name)
    if extension in DOCUMENT_EXTENSIONS & TRANSCRIPT_EXTENSIONS:
        return None
    return FilePurpose.DOCUMENT if extension in DOCUMENT_EXTENSIONS else FilePurpose.RECORDING


def purpose_of(incoming: IncomingFile) -> FilePurpose | None:
    """Return what a file is for; None while its sender has to say it."""
    if incoming.purpose is None and may_be_question(incoming.file, incoming.caption, incoming.origin):
        return None
    return incoming.purpose or purpose_by_name(incoming.file)


def may_be_question(file: AttachedFile, caption: str, origin: str) -> bool:
    """Tell whether a voice note may be a question: it is short, its sender's own, and no caption describes it."""
    return file.kind is FileKind.VOICE and _is_short(file) and not caption and not origin


def was_taken_as_recording(incoming: IncomingFile) -> bool:
    """Tell whether a voice note that may be a question has come in as a recording."""
    taken = incoming.finished_at is not None and incoming.purpose is FilePurpose.RECORDING
    return taken and may_be_question(incoming.file, incoming.caption, incoming.origin)


def may_be_reply(message: IncomingMessage) -> bool:
    """Tell whether what a file says can be taken as the text that a dialog waits for."""
    return message.may_reply and message.file is not None and _is_short(message.file) and not message.origin


def _is_short(file: AttachedFile) -> bool:
    return 0 < (file.duration_s or 0) < LONGEST_SPOKEN_S and 0 < file.size_bytes <= LARGEST_SPOKEN_BYTES


def extension_of(file_name: str) -> str:
    """Return the extension in small letters, without its dot."""
    return Path(file_name).suffix.lower().lstrip(".")
