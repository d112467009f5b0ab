"""Takes the text out of documents: plain text, Markdown, DOCX and PDF. Headings become lines of Markdown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePath
from time import monotonic

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from constants import LARGEST_DOCUMENT_BYTES, MOST_DOCUMENT_PAGES
from errors_of_operation import DocumentBroken, DocumentUnknown, DocumentWithoutText
from text_cleaning import safe_file_name, storable
from transcription.ready.files import CONTROLS, damage_mapped, docx_lines, plain_text, too_large

MOST_CHARACTERS = 5_000_000
"""More than 1,500 full pages: what a file of few bytes may hold has its limit, too."""
_LONGEST_READING_S = 120.0
"""Seconds after which no further page or paragraph is read."""
_FEWEST_LETTERS = 10


def document_text(data: bytes, file_name: str, longest_s: float = _LONGEST_READING_S) -> str:
    """Return the text of a document, of the kind that its name's extension tells. Blocking, for up to ``longest_s``.

    Raises:
        DocumentUnknown: the extension is none of ``.txt``, ``.md``, ``.docx`` and ``.pdf``.
        DocumentTooLarge: it has too many bytes, pages or characters, packed or unpacked.
        DocumentBroken: it cannot be read, has a password, or takes too long.
        DocumentWithoutText: there is no text in it, as in a PDF of scanned pages.
    """
    name = safe_file_name(file_name)
    read = _READERS.get(PurePath(file_name).suffix.lower())
    if read is None:
        raise DocumentUnknown(file_name=name)
    if len(data) > LARGEST_DOCUMENT_BYTES:
        raise too_large(name)
    lines = []
    length, deadline = 0, monotonic() + longest_s
    for line in read(data, name):
        if monotonic() > deadline:
            raise DocumentBroken(file_name=name, reason="it takes too long")
        length += len(line)
        if length > MOST_CHARACTERS:
            raise too_large(name)
        lines.append(line)
    text = storable("\n".join(lines).translate(CONTROLS))
    if sum(map(str.isalnum, text)) < _FEWEST_LETTERS:
        raise DocumentWithoutText(file_name=name)
    return text


def _plain(data: bytes, name: str) -> Iterator[str]:
    yield plain_text(data, name)


@contextmanager
def _pdf_damage_mapped(name: str) -> Iterator[None]:
    try:
        with damage_mapped(name):
            yield
    except (PyPdfError, DependencyError) as exc:
        raise DocumentBroken(file_name=name, reason=type(exc).__name__) from exc


def _pdf(data: bytes, name: str) -> Iterator[str]:
    with _pdf_damage_mapped(name):
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentBroken(file_name=name, reason="it has a password")
        if len(reader.pages) > MOST_DOCUMENT_PAGES:
            raise too_large(name)
        for page in reader.pages:
            yield page.extract_text()


_READERS: dict[str, Callable[[bytes, str], Iterator[str]]] = {
    ".txt": _plain,
    ".md": _plain,
    ".docx": docx_lines,
    ".pdf": _pdf,
}
