"""A report as a Word file, made from a template that a team can replace.

The template brings page, styles, header and footer; what stands in its body stays above the report. A style that it
does not have is left out, so that any Word file will do.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import structlog
from docx import Document
from docx.document import Document as DocxDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.exceptions import OpcError
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Emu, Pt, RGBColor
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph
from markdown_it.tree import SyntaxTreeNode

import texts.reports
from config import ROOT
from reports.formats import ReportDocument, band_of, value_text
from reports.markdown import marked, parsed
from text_cleaning import one_line

log = structlog.get_logger(__name__)

OWN_TEMPLATE = ROOT / "resources" / "report.docx"
_TEMPLATE_NAME = "report.docx"
_DEEPEST_HEADING = 9
_LIST_LEVELS = 3
_CODE_FONT = "Consolas"
_CELL_SPACE = Pt(2)
_TABLE_STYLES = ("Report Table", "Table Grid")
_FACTS_SHARES = (0.3, 0.7)
_INDEX_SHARES = (0.6, 0.4)
_BANDED_SHARES = (0.58, 0.2, 0.22)
_NOTICE_SHADE = "FFF4CE"
_BAND_SHADES = ("DDF1DD", "EEF3D2", "FCE8CF", "F8D7D7")
"""Of ``texts.reports.BANDS``, in their order; the words stand beside, for a print in black and white."""


def template_in(persistent_dir: Path) -> Path:
    """Return the template of the installation if it has one of its own, else ours. Blocking."""
    own = persistent_dir / _TEMPLATE_NAME
    return own if own.is_file() else OWN_TEMPLATE


def to_docx(report: ReportDocument, template: Path = OWN_TEMPLATE) -> bytes:
    """Return the whole report as a Word file. Takes CPU time: use a thread.

    A template that cannot be opened is logged, and ours is used.
    """
    document = _opened(template)
    # Else Word underlines all Russian as misspelt English.
    for language in document.styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), "ru-RU")
    properties = document.core_properties
    properties.title, properties.author, properties.comments = one_line(report.title), "VoxPersona", ""
    writer = _DocxWriter(document)
    writer.heading(one_line(report.title), 1)
    if report.facts:
        _add_facts(writer, report.facts)
    if report.notices:
        _add_notices(writer, report.notices)
    if report.indices:
        writer.heading(texts.reports.INDICES_TITLE, 2)
        _add_indices(writer, report)
    writer.write(report.text)
    if report.notes:
        writer.heading(texts.reports.NOTES_TITLE, 2)
        for note in report.notes:
            writer.paragraph("List Bullet").add_run(one_line(note))
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _opened(template: Path) -> DocxDocument:
    try:
        return Document(str(template))
    except (OSError, ValueError, KeyError, BadZipFile, OpcError) as exc:
        if template == OWN_TEMPLATE:
            raise
        log.warning("report_template_unusable", path=str(template), error=type(exc).__name__)
        return Document(str(OWN_TEMPLATE))


def _add_facts(writer: "_DocxWriter", facts: tuple[str, ...]) -> None:
    table = writer.table(len(facts), 2, _FACTS_SHARES)
    for fact, row in zip(facts, table.rows, strict=True):
        name, colon, value = one_line(fact).partition(": ")
        if colon:
            row.cells[0].paragraphs[0].add_run(name[:1].upper() + name[1:]).bold = True
            row.cells[1].text = value
        else:
            row.cells[0].merge(row.cells[1]).text = name
    _tighten(table)
    writer.paragraph()


def _add_notices(writer: "_DocxWriter", notices: Sequence[str]) -> None:
    """Put the notices into a shaded box."""
    table = writer.table(1, 1)
    cell = table.rows[0].cells[0]
    cell.text = "\n".join(map(one_line, notices))
    _shade(cell, _NOTICE_SHADE)
    _tighten(table)
    writer.paragraph()


def _add_indices(writer: "_DocxWriter", report: ReportDocument) -> None:
    banded = any(band_of(each, report.scores) for each in report.indices)
    table = writer.table(1 + len(report.indices), 3 if banded else 2, _BANDED_SHARES if banded else _INDEX_SHARES)
    head = (texts.reports.INDEX, texts.reports.INDEX_VALUE, texts.reports.BAND)
    for cell, title in zip(table.rows[0].cells, head, strict=False):
        cell.paragraphs[0].add_run(title).bold = True
    shades = {label: shade for (_, label), shade in zip(texts.reports.BANDS, _BAND_SHADES, strict=True)}
    for each, row in zip(report.indices, table.rows[1:], strict=True):
        row.cells[0].text, row.cells[1].text = one_line(each.label), value_text(each.value)
        if not isinstance(each.value, str):
            row.cells[1].paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
        band = band_of(each, report.scores)
        if band is not None:
            row.cells[2].text = band
            _shade(row.cells[2], shades[band])
    _tighten(table)
    if banded:
        scale = writer.paragraph().add_run(texts.reports.BANDS_EXPLAINED)
        scale.font.size, scale.font.color.rgb = Pt(8), RGBColor(0x60, 0x60, 0x60)


def _shade(cell: _Cell, color: str) -> None:
    shading = OxmlElement("w:shd")
    for name, value in (("w:val", "clear"), ("w:color", "auto"), ("w:fill", color)):
        shading.set(qn(name), value)
    cell._tc.get_or_add_tcPr().append(shading)


class _DocxWriter:
    """Writes Markdown's headings, paragraphs, lists, quotes, tables, code and emphasis.

    Of links and images it writes the text alone.
    """

    def __init__(self, document: DocxDocument) -> None:
        self._document = document
        self._styles = {style.name for style in document.styles}
        section = document.sections[0]
        self._width = (section.page_width or 0) - (section.left_margin or 0) - (section.right_margin or 0)

    def heading(self, text: str, level: int) -> Paragraph:
        """Add a heading; in a template without its style, bold text."""
        style = f"Heading {min(_DEEPEST_HEADING, level)}"
        heading = self.paragraph(style)
        run = heading.add_run(text)
        run.bold = None if style in self._styles else True
        return heading

    def paragraph(self, style: str | None = None) -> Paragraph:
        return self._document.add_paragraph(style=style if style in self._styles else None)

    def table(self, rows: int, columns: int, shares: Sequence[float] = ()) -> Table:
        """Add a table; ``shares`` of the text's width are those of its columns, equal ones if there are none."""
        table: Table = self._document.add_table(rows=rows, cols=columns)
        style = next((each for each in _TABLE_STYLES if each in self._styles), None)
        if style is not None:
            table.style = style
        for number, share in enumerate(shares):
            table.columns[number].width = Emu(int(self._width * share))
            for cell in table.columns[number].cells:
                cell.width = Emu(int(self._width * share))
        return table

    def write(self, markdown: str) -> None:
        for node in parsed(markdown):
            self._block(node, None, 0)

    def _block(self, node: SyntaxTreeNode, style: str | None, level: int) -> None:
        if node.type == "heading":
            self._inline(self.heading("", int(node.tag[1:])), node)
        elif node.type == "paragraph":
            self._inline(self.paragraph(style), node)
        elif node.type == "blockquote":
            for child in node.children:
                self._block(child, "Quote" if child.type == "paragraph" else None, level)
        elif node.type in {"bullet_list", "ordered_list"}:
            self._list(node, level)
        elif node.type == "table":
            self._table(node)
        elif node.type in {"fence", "code_block"}:
            self.paragraph().add_run(node.content.rstrip("\n")).font.name = _CODE_FONT

    def _list(self, node: SyntaxTreeNode, level: int) -> None:
        kind = "List Bullet" if node.type == "bullet_list" else "List Number"
        depth = min(level, _LIST_LEVELS - 1)
        style = f"{kind} {depth + 1}" if depth else kind
        numbered = node.type == "ordered_list" and style in self._styles
        number = self._restarted(style, int(node.attrs.get("start", 1))) if numbered else None
        for item in node.children:
            for position, child in enumerate(item.children):
                if child.type != "paragraph":
                    self._block(child, None, level + 1)
                    continue
                follows = f"List Continue {depth + 1}" if depth else "List Continue"
                paragraph = self.paragraph(follows if position else style)
                if number is not None and not position:
                    properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
                    properties.get_or_add_numId().val = number
                    properties.get_or_add_ilvl().val = 0
                self._inline(paragraph, child)

    def _restarted(self, style: str, start: int) -> int | None:
        """Add a numbering that begins at ``start``, and return its id; None when the template's style has none.

        The numbering that belongs to ``style`` would go on from the list before.
        """
        properties = self._document.styles[style].element.pPr
        if properties is None or properties.numPr is None:
            return None
        numbering = self._document.part.numbering_part.element
        number_id = properties.numPr.numId.val
        abstract = next(each.abstractNumId.val for each in numbering.num_lst if each.numId == number_id)
        number = numbering.add_num(abstract)
        number.add_lvlOverride(ilvl=0).add_startOverride(start)
        return int(number.numId)

    def _table(self, node: SyntaxTreeNode) -> None:
        rows = [row for part in node.children for row in part.children]
        table = self.table(len(rows), len(rows[0].children))
        for row, cells in zip(rows, table.rows, strict=True):
            for cell, into in zip(row.children, cells.cells, strict=True):
                self._inline(into.paragraphs[0], cell)
        _tighten(table)

    def _inline(self, paragraph: Paragraph, node: SyntaxTreeNode) -> None:
        for inline in node.children:
            for text, marks in marked(inline):
                run = paragraph.add_run(text)
                run.bold = True if "strong" in marks else None
                run.italic = True if "em" in marks else None
                run.font.strike = True if "s" in marks else None
                if "code_inline" in marks:
                    run.font.name = _CODE_FONT


def _tighten(table: Table) -> None:
    for row in table.rows:
        for cell in row.cells:
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.space_after = _CELL_SPACE
