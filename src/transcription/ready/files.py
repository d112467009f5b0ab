"""The text in sent files: plain text in its usual encodings, and Word, whose headings become lines of Markdown."""

import codecs
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from docx import Document
from docx.opc.exceptions import OpcError
from docx.table import Table
from lxml.etree import LxmlError

from constants import LARGEST_DOCUMENT_BYTES, MOST_DOCUMENT_PAGES
from errors_of_operation import DocumentBroken, DocumentTooLarge
from utils import human_size

_LARGEST_UNPACKED_BYTES = 4 * LARGEST_DOCUMENT_BYTES
_LARGEST_XML_BYTES = 32 * 1024 * 1024
"""Unpacked: a book of 500 pages has half of it, and as a tree in memory it takes twenty times as much."""
_BEFORE_XML = b" \t\r\n\x00\xff\xfe\xef\xbb\xbf"
_MOST_MEMBERS = 5000
_MOST_CONTROLS = 0.01
"""The share of control characters from which on a file is no text."""
CONTROLS = {code: " " for code in range(32) if chr(code) not in "\t\n\r"} | {127: " "}
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_HEADING_STYLE = re.compile("Heading ([1-6])")


def plain_text(data: bytes, name: str) -> str:
    """Return the text of a plain file: UTF-8, UTF-16 with its mark, else Windows-1251.

    Raises:
        DocumentBroken: it is no text.
    """
    encoding = next((each for bom, each in _BOMS.items() if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1251", errors="replace")
    if sum(code in CONTROLS for code in map(ord, text)) > _MOST_CONTROLS * len(text):
        raise DocumentBroken(file_name=name, reason="it is no text")
    return text


def docx_lines(data: bytes, name: str) -> Iterator[str]:
    """Yield the paragraphs of a Word file, and the rows of its tables as «cell | cell».

    Raises:
        DocumentTooLarge: unpacked it is too large.
        DocumentBroken: it cannot be read.
    """
    with damage_mapped(name):
        with ZipFile(BytesIO(data)) as members:
            there = members.infolist()
            unpacked = sum(member.file_size for member in there)
            xml = sum(member.file_size for member in there if not _is_picture(members, member))
            if unpacked > _LARGEST_UNPACKED_BYTES or xml > _LARGEST_XML_BYTES or len(there) > _MOST_MEMBERS:
                raise too_large(name)
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


@contextmanager
def damage_mapped(name: str) -> Iterator[None]:
    """Map what a damaged file makes the libraries do, which is not always an error of their own, to DocumentBroken."""
    try:
        yield
    except (
        BadZipFile,
        OpcError,
        LxmlError,
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


def too_large(name: str) -> DocumentTooLarge:
    """Return the error of a file that is too large, packed or unpacked."""
    return DocumentTooLarge(file_name=name, pages=MOST_DOCUMENT_PAGES, size=human_size(LARGEST_DOCUMENT_BYTES))


def _is_picture(members: ZipFile, member: ZipInfo) -> bool:
    """Tell whether a member is a picture, which nobody reads here, and by its first bytes no XML under its name."""
    if "/media/" not in member.filename:
        return False
    with members.open(member) as file:
        return file.read(64).strip(_BEFORE_XML)[:1] not in {b"", b"<"}
