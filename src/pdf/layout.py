"""Blocks on the pages of a PDF: A4 with page numbers, in a font that has Cyrillic.

The library takes long to import: import this module where a file is wanted. Signs that the font has not, like emoji and
hieroglyphs, are shown as boxes.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from html import escape
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.fonts import addMapping
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

import texts.units
from pdf.blocks import Block, Heading, Run, Table
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
"""Characters of one paragraph. A longer one is cut into several: breaking its lines would take very long."""
_LOCK = Lock()
"""Fonts are registered once for the process, and writers run in several threads."""


def laid_out(title: str, blocks: Iterable[Block]) -> bytes:
    """Return the file. Takes CPU time: use a thread."""
    _register_fonts()
    title = one_line(title)
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author=AUTHOR,
        invariant=1,  # no time of making: the same contents are the same file
    )
    parts = [part for block in (Heading(title, 1), *blocks) for part in _parts(block)]
    document.build(parts, canvasmaker=partial(_NumberedPages, title=cut(title, _LONGEST_TITLE)))
    return file.getvalue()


def _parts(block: Block) -> Iterator[Any]:
    if isinstance(block, Heading):
        size = _SIZES.get(block.level, _SIZES[max(_SIZES)])
        look: dict[str, Any] = {
            "fontSize": size,
            "leading": size * _LEADING,
            "spaceBefore": size * 0.8,
            "keepWithNext": 1,
        }
        yield _paragraph([Run(block.text, bold=True)], **look)
    elif isinstance(block, Table):
        yield _table(block)
        yield Spacer(1, 3 * mm)
    else:
        left = block.indent * _INDENT
        look = {"leftIndent": left, "bulletIndent": max(0, left - _INDENT), "bulletFontName": _FONT}
        for number, piece in enumerate(_pieces(block.runs)):
            yield _paragraph(piece, bullet=block.bullet if number == 0 else None, **look)


def _table(table: Table) -> LongTable:
    columns = len(table.rows[0])
    cells = [
        [
            _paragraph(
                [run._replace(bold=True) for run in cell] if table.head and not row_number else cell,
                alignment=TA_RIGHT if table.numbers and column == columns - 1 and _is_number(cell) else TA_LEFT,
                spaceAfter=0,
            )
            for column, cell in enumerate(row)
        ]
        for row_number, row in enumerate(table.rows)
    ]
    width = A4[0] - 2 * _MARGIN
    shares = [0.7, 0.3] if table.numbers and columns == 2 else [1 / columns] * columns
    style = TableStyle([("GRID", (0, 0), (-1, -1), 0.5, _GREY), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    widths = [width * share for share in shares]
    return LongTable(cells, widths, style=style, repeatRows=int(table.head), splitInRow=1)


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
    if run.monospace:
        text = text.replace(" ", "\N{NO-BREAK SPACE}")  # else the library would unite them
    for tag, applies in (("b", run.bold), ("i", run.italic), ("strike", run.struck)):
        text = f"<{tag}>{text}</{tag}>" if applies else text
    if run.monospace:
        text = f'<font name="{_MONOSPACE}">{text}</font>'
    return f'<font color="{_GREY.hexval().replace("0x", "#")}">{text}</font>' if run.grey else text


def _is_number(cell: Sequence[Run]) -> bool:
    return "".join(run.text for run in cell).replace(",", "").lstrip("-").isdecimal()


def _pieces(runs: Iterable[Run]) -> Iterator[list[Run]]:
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
    matplotlib = find_spec("matplotlib")  # not imported: it takes long
    assert matplotlib is not None  # noqa: S101 - requirements.txt has it
    folder = Path(str(matplotlib.origin)).parent / "mpl-data" / "fonts" / "ttf"
    for (family, bold, italic), name in _FILES.items():
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
        addMapping(family, int(bold), int(italic), name)
    for also_bold, also_italic in ((0, 1), (1, 0), (1, 1)):
        addMapping(_MONOSPACE, also_bold, also_italic, _MONOSPACE)
