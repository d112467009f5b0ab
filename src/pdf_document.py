"""PDF documents: A4 with page numbers, headings, tables, lists and quotes, in a font that has Cyrillic.

Signs that the font has not, like emoji and hieroglyphs, are shown as boxes.
"""

import io
from collections.abc import Iterable, Sequence
from functools import cache, partial
from html import escape
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import matplotlib
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.fonts import addMapping
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

import texts.units
from text_cleaning import cut, one_line, printable

AUTHOR = "VoxPersona"
_FONT, _MONOSPACE = "DejaVuSans", "DejaVuSansMono"
_FILES = {
    (_FONT, False, False): "DejaVuSans",
    (_FONT, True, False): "DejaVuSans-Bold",
    (_FONT, False, True): "DejaVuSans-Oblique",
    (_FONT, True, True): "DejaVuSans-BoldOblique",
    (_MONOSPACE, False, False): "DejaVuSansMono",
}
"""Fonts of matplotlib's package by family, bold and italic."""
_GREY = HexColor("#707070")
_MARGIN = 20 * mm
_INDENT = 6 * mm
_SIZES = {1: 16, 2: 13, 3: 11}
_TEXT_SIZE = 10
_LEADING = 1.35
_LONGEST_TITLE = 80
"""Characters of the title that fit above each page."""
_LONGEST_TEXT = 4000
"""Characters of one paragraph. A longer one is cut into several: lines are broken in a time that grows with its square."""
_LOCK = Lock()
"""Fonts are registered once for the process, and writers run in several threads."""


class Run(NamedTuple):
    """A stretch of text in one look."""

    text: str
    bold: bool = False
    italic: bool = False
    struck: bool = False
    monospace: bool = False
    grey: bool = False


class PdfDocument:
    """A document that is put together from top to bottom; all texts are plain, and shown as they are."""

    def __init__(self, title: str) -> None:
        _register_fonts()
        self._title = one_line(title)
        self._parts: list[Any] = []
        self.heading(self._title, 1)

    def heading(self, text: str, level: int) -> None:
        """Add a heading; ``level`` is 1 or more, and all from 3 on look alike."""
        size = _SIZES.get(level, _SIZES[max(_SIZES)])
        self._add([Run(text, bold=True)], fontSize=size, leading=size * _LEADING, spaceBefore=size * 0.8, keepWithNext=1)

    def paragraph(self, runs: Iterable[Run], *, indent: int = 0, bullet: str | None = None) -> None:
        """Add a paragraph; ``indent`` counts steps from the left margin, ``bullet`` stands before the first line."""
        left = indent * _INDENT
        self._add(runs, bullet=bullet, leftIndent=left, bulletIndent=max(0, left - _INDENT))

    def quote(self, runs: Iterable[Run]) -> None:
        """Add a quotation: indented and grey."""
        self.paragraph([run._replace(grey=True) for run in runs], indent=1)

    def table(self, rows: Sequence[Sequence[Sequence[Run]]], *, head: bool = False, numbers: bool = False) -> None:
        """Add a table, which goes on over pages. A row is a sequence of cells, a cell a sequence of runs.

        ``head`` repeats the first row on each page, in bold; ``numbers`` puts the last column to the right.
        """
        columns = len(rows[0])
        cells = [
            [
                _paragraph(
                    [run._replace(bold=True) for run in cell] if head and not row_number else cell,
                    alignment=TA_RIGHT if numbers and column == columns - 1 else 0,
                    spaceAfter=0,
                )
                for column, cell in enumerate(row)
            ]
            for row_number, row in enumerate(rows)
        ]
        width = A4[0] - 2 * _MARGIN
        # Labels are longer than what stands beside them.
        widths = [width * 0.7, width * 0.3] if numbers and columns == 2 else [width / columns] * columns  # noqa: PLR2004
        style = TableStyle([("GRID", (0, 0), (-1, -1), 0.5, _GREY), ("VALIGN", (0, 0), (-1, -1), "TOP")])
        self._parts += [Table(cells, widths, style=style, repeatRows=int(head), splitInRow=1), Spacer(1, 3 * mm)]

    def to_bytes(self) -> bytes:
        """Return the file. Takes CPU time: use a thread."""
        file = io.BytesIO()
        document = SimpleDocTemplate(
            file,
            pagesize=A4,
            leftMargin=_MARGIN,
            rightMargin=_MARGIN,
            topMargin=_MARGIN,
            bottomMargin=_MARGIN,
            title=self._title,
            author=AUTHOR,
        )
        document.build(self._parts, canvasmaker=partial(_NumberedPages, title=cut(self._title, _LONGEST_TITLE)))
        return file.getvalue()

    def _add(self, runs: Iterable[Run], *, bullet: str | None = None, **look: Any) -> None:
        pieces = list(_pieces(runs))
        for number, piece in enumerate(pieces or [[]]):
            self._parts.append(_paragraph(piece, bullet=bullet if number == 0 else None, **look))


class _NumberedPages(Canvas):  # type: ignore[misc]
    """Writes the title above each page but the first, and below each which of how many it is."""

    def __init__(self, *args: Any, title: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._of_pages: list[dict[str, Any]] = []
        self._above = title

    def showPage(self) -> None:  # noqa: N802 - overrides
        self._of_pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, page in enumerate(self._of_pages, start=1):
            self.__dict__.update(page)
            self.setFont(_FONT, 8)
            self.setFillColor(_GREY)
            of_all = texts.units.PAGE_OF.format(page=number, pages=len(self._of_pages))
            self.drawRightString(A4[0] - _MARGIN, _MARGIN / 2, of_all)
            if number > 1:
                self.drawString(_MARGIN, A4[1] - _MARGIN / 2, self._above)
            super().showPage()
        super().save()


def _paragraph(runs: Iterable[Run], *, bullet: str | None = None, **look: Any) -> Paragraph:
    base = {"fontName": _FONT, "fontSize": _TEXT_SIZE, "leading": _TEXT_SIZE * _LEADING, "spaceAfter": 2 * mm}
    return Paragraph("".join(map(_markup, runs)), ParagraphStyle("", **{**base, **look}), bulletText=bullet)


def _markup(run: Run) -> str:
    """Return the run in the library's own markup."""
    text = escape(printable(run.text).encode(errors="replace").decode()).replace("\n", "<br/>")
    for tag, applies in (("b", run.bold), ("i", run.italic), ("strike", run.struck)):
        text = f"<{tag}>{text}</{tag}>" if applies else text
    if run.monospace:
        text = f'<font name="{_MONOSPACE}">{text}</font>'
    return f'<font color="{_GREY.hexval().replace("0x", "#")}">{text}</font>' if run.grey else text


def _pieces(runs: Iterable[Run]) -> Iterable[list[Run]]:
    """Yield the runs of one paragraph after the other, none longer than ``_LONGEST_TEXT``."""
    piece: list[Run] = []
    length = 0
    for run in runs:
        rest = run.text
        while length + len(rest) > _LONGEST_TEXT:
            room = _LONGEST_TEXT - length
            at = rest.rfind(" ", 0, room) + 1 or room
            yield [*piece, run._replace(text=rest[:at])]
            piece, length, rest = [], 0, rest[at:]
        piece.append(run._replace(text=rest))
        length += len(rest)
    if piece:
        yield piece


def _register_fonts() -> None:
    with _LOCK:
        _fonts()


@cache
def _fonts() -> None:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for (family, bold, italic), name in _FILES.items():
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
        addMapping(family, int(bold), int(italic), name)
    for bold, italic in ((0, 1), (1, 0), (1, 1)):
        addMapping(_MONOSPACE, bold, italic, _MONOSPACE)
