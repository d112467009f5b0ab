"""Takes the text out of documents: plain text, Markdown, DOCX and PDF. Headings become lines of Markdown."""

import codecs
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePath
from time import monotonic
from zipfile import BadZipFile, ZipFile, ZipInfo

from docx import Document
from docx.opc.exceptions import OpcError
from docx.table import Table
from lxml.etree import LxmlError  # type: ignore[import-untyped]
from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from constants import LARGEST_DOCUMENT_BYTES, MOST_DOCUMENT_PAGES
from errors_of_operation import DocumentBroken, DocumentTooLarge, DocumentUnknown, DocumentWithoutText
from text_cleaning import safe_file_name, storable
from utils import human_size

MOST_CHARACTERS = 5_000_000
"""More than 1,500 full pages: what a file of few bytes may hold has its limit, too."""
_LARGEST_UNPACKED_BYTES = 4 * LARGEST_DOCUMENT_BYTES
_LARGEST_XML_BYTES = 32 * 1024 * 1024
"""Unpacked: a book of 500 pages has half of it, and as a tree in memory it takes twenty times as much."""
_BEFORE_XML = b" \t\r\n\x00\xff\xfe\xef\xbb\xbf"
_MOST_MEMBERS = 5000
_LONGEST_READING_S = 120.0
"""Seconds after which no further page or paragraph is read."""
_MOST_CONTROLS = 0.01
"""The share of control characters from which on a file is no text."""
_CONTROLS = {code: " " for code in range(32) if chr(code) not in "\t\n\r"} | {127: " "}
_FEWEST_LETTERS = 10
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_HEADING_STYLE = re.compile("Heading ([1-6])")


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
        raise _too_large(name)
    lines = []
    length, deadline = 0, monotonic() + longest_s
    for line in read(data, name):
        if monotonic() > deadline:
            raise DocumentBroken(file_name=name, reason="it takes too long")
        length += len(line)
        if length > MOST_CHARACTERS:
            raise _too_large(name)
        lines.append(line)
    text = storable("\n".join(lines).translate(_CONTROLS))
    if sum(map(str.isalnum, text)) < _FEWEST_LETTERS:
        raise DocumentWithoutText(file_name=name)
    return text


def _too_large(name: str) -> DocumentTooLarge:
    return DocumentTooLarge(file_name=name, pages=MOST_DOCUMENT_PAGES, size=human_size(LARGEST_DOCUMENT_BYTES))


def _plain(data: bytes, name: str) -> Iterator[str]:
    encoding = next((each for bom, each in _BOMS.items() if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1251", errors="replace")
    if sum(code in _CONTROLS for code in map(ord, text)) > _MOST_CONTROLS * len(text):
        raise DocumentBroken(file_name=name, reason="it is no text")
    yield text


@contextmanager
def _damage_mapped(name: str) -> Iterator[None]:
    """Map the libraries' errors. What a damaged file makes them do is not always an error of their own."""
    try:
        yield
    except (
        BadZipFile,
        OpcError,
        LxmlError,
        PyPdfError,
        DependencyError,
        zlib.error,
        struct.error,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
    ) as exc:
        raise DocumentBroken(file_name=name, reason=type(exc).__name__) from exc


def _docx(data: bytes, name: str) -> Iterator[str]:
    with _damage_mapped(name):
        with ZipFile(BytesIO(data)) as members:
            there = members.infolist()
            unpacked = sum(member.file_size for member in there)
            xml = sum(member.file_size for member in there if not _is_picture(members, member))
            if unpacked > _LARGEST_UNPACKED_BYTES or xml > _LARGEST_XML_BYTES or len(there) > _MOST_MEMBERS:
                raise _too_large(name)
        levels: dict[str | None, int] = {}
        # lxml neither resolves entities here nor follows references to other files.
        for block in Document(BytesIO(data)).iter_inner_content():
            if isinstance(block, Table):
                for row in block.rows:
                    cells = {id(cell._tc): " ".join(cell.text.split()) for cell in row.cells}  # joined ones once
                    yield " | ".join(cells.values())
            else:
                style = block._p.style
                if style not in levels:  # looking for a style's name takes as long as reading ten paragraphs
                    named = _HEADING_STYLE.fullmatch((block.style.name if block.style is not None else None) or "")
                    levels[style] = int(named[1]) if named else 0
                yield f"{'#' * levels[style]} {block.text}" if levels[style] else block.text


def _is_picture(members: ZipFile, member: ZipInfo) -> bool:
    """Tell whether a member is a picture, which nobody reads here, and by its first bytes no XML under its name."""
    if "/media/" not in member.filename:
        return False
    with members.open(member) as file:
        return file.read(64).strip(_BEFORE_XML)[:1] not in {b"", b"<"}


def _pdf(data: bytes, name: str) -> Iterator[str]:
    with _damage_mapped(name):
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentBroken(file_name=name, reason="it has a password")
        if len(reader.pages) > MOST_DOCUMENT_PAGES:
            raise _too_large(name)
        for page in reader.pages:
            yield page.extract_text()


_READERS: dict[str, Callable[[bytes, str], Iterator[str]]] = {
    ".txt": _plain,
    ".md": _plain,
    ".docx": _docx,
    ".pdf": _pdf,
}
