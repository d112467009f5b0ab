"""What a sent file is for, by its name: a recording or its ready transcript, or a document to ask about.

Text and Word may be either: who may load documents says which; everybody else's are transcripts.
"""

from pathlib import Path

from constants import DOCUMENT_EXTENSIONS, TRANSCRIPT_EXTENSIONS
from datamodels_telegram import AttachedFile, FilePurpose, IncomingFile


def purpose_by_name(file: AttachedFile) -> FilePurpose | None:
    """Return what the file is for; None when its name leaves that open."""
    extension = extension_of(file.file_name)
    if extension in DOCUMENT_EXTENSIONS & TRANSCRIPT_EXTENSIONS:
        return None
    return FilePurpose.DOCUMENT if extension in DOCUMENT_EXTENSIONS else FilePurpose.RECORDING


def purpose_of(incoming: IncomingFile) -> FilePurpose | None:
    """Return what a file is for; None while its sender has to say it."""
    return incoming.purpose or purpose_by_name(incoming.file)


def extension_of(file_name: str) -> str:
    """Return the extension in small letters, without its dot."""
    return Path(file_name).suffix.lower().lstrip(".")
