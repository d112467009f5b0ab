"""A report as files and messages: Markdown, DOCX, JSON of its indices, and the indices as a table in plain text."""

import io
import json
import textwrap
from collections.abc import Iterator, Sequence

from docx import Document
from docx.document import Document as DocxDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Pt
from docx.table import Table
from docx.text.paragraph import Paragraph
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

import texts.reports
from datamodels import IndexValue, ReportRun
from text_cleaning import one_line, printable

_LABEL_WIDTH = 34
"""Characters. A label of this width and its number fit side by side on a phone's screen in monospace."""
_SHORT_VALUE = 10

MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_DEEPEST_HEADING = 9
_LIST_LEVELS = 3
_CODE_FONT = "Consolas"
_CELL_SPACE = Pt(2)


def value_text(value: float | str | None) -> str:
    """Return the value of an index as people read it: ``72,5``, or «нет данных» for None."""
    if value is None:
        return texts.reports.NO_DATA
    return printable(str(value)) if isinstance(value, str) else f"{value:g}".replace(".", ",")


def indices_table_text(indices: Sequence[IndexValue]) -> str:
    """Return the indices as a table for monospaced output; a long value gets the lines below its label."""
    short = [len(value_text(each.value)) for each in indices if len(value_text(each.value)) <= _SHORT_VALUE]
    width = max(short, default=0)
    lines: list[str] = []
    for each in indices:
        value = value_text(each.value)
        label = textwrap.wrap(printable(each.label), _LABEL_WIDTH) or [""]
        if len(value) <= _SHORT_VALUE:
            *first, last = label
            lines.extend([*first, f"{last:<{_LABEL_WIDTH}}  {value:>{width}}"])
        else:
            indent = "  "
            lines.extend([*label, *textwrap.wrap(value, _LABEL_WIDTH, initial_indent=indent, subsequent_indent=indent)])
    return "\n".join(lines)


def to_markdown(
    title: str, meta: Sequence[str], markdown: str, indices: Sequence[IndexValue] | None, notes: Sequence[str] = ()
) -> str:
    """Return the whole report as Markdown. ``meta`` are lines about the recording, put below the title.

    ``notes`` are warnings, and reasons why indices are missing.
    """
    blocks = [f"# {one_line(title)}", *(["\n".join(f"- {one_line(line)}" for line in meta)] if meta else [])]
    blocks.append(printable(markdown).strip())
    if indices:
        rows = [f"| {_cell(each.label)} | {_cell(value_text(each.value))} |" for each in indices]
        head = [f"| {texts.reports.INDEX} | {texts.reports.INDEX_VALUE} |", "| --- | ---: |"]
        blocks += [f"## {texts.reports.INDICES_TITLE}", "\n".join([*head, *rows])]
    if notes:
        blocks += [f"## {texts.reports.NOTES_TITLE}", "\n".join(f"- {one_line(note)}" for note in notes)]
    return "\n\n".join(blocks) + "\n"


def to_json(run: ReportRun, label: str) -> str:
    """Return the indices of a finished run, and how they were computed, as a JSON file."""
    content = {
        "report": run.report_id,
        "label": label,
        "building": run.building,
        "indices": None if run.indices is None else [index.model_dump() for index in run.indices],
        "error": run.indices_error,
        "warnings": list(run.warnings),
        "model": run.model,
        "prompt_hash": run.prompt_hash,
        "tokens": run.usage.model_dump(),
        "cost_usd": None if run.cost_usd is None else float(run.cost_usd),
        "duration_s": round(run.duration_s, 3),
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def to_docx(
    title: str, meta: Sequence[str], markdown: str, indices: Sequence[IndexValue] | None, notes: Sequence[str] = ()
) -> bytes:
    """Return the whole report, parts as in ``to_markdown``, as a Word file. Takes CPU time: use a thread."""
    document = Document()
    # Else Word underlines all Russian as misspelt English.
    for language in document.styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), "ru-RU")
    properties = document.core_properties
    properties.title, properties.author, properties.comments = one_line(title), "VoxPersona", ""
    document.add_heading(one_line(title), level=1)
    for line in meta:
        document.add_paragraph(one_line(line)).paragraph_format.space_after = Pt(0)
    _DocxWriter(document).write(markdown)
    if indices:
        document.add_heading(texts.reports.INDICES_TITLE, level=2)
        _add_indices(document, indices)
    if notes:
        document.add_heading(texts.reports.NOTES_TITLE, level=2)
        for note in notes:
            document.add_paragraph(one_line(note), style="List Bullet")
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _add_indices(document: DocxDocument, indices: Sequence[IndexValue]) -> None:
    table = document.add_table(rows=1, cols=2, style="Light Grid Accent 1")
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = texts.reports.INDEX, texts.reports.INDEX_VALUE
    for each in indices:
        cells = table.add_row().cells
        cells[0].text, cells[1].text = one_line(each.label), value_text(each.value)
        if not isinstance(each.value, str):
            cells[1].paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    _tighten(table)


class _DocxWriter:
    """Writes Markdown's headings, paragraphs, lists, quotes, tables, code and emphasis.

    Of links and images it writes the text alone.
    """

    def __init__(self, document: DocxDocument) -> None:
        self._document = document

    def write(self, markdown: str) -> None:
        for node in SyntaxTreeNode(MARKDOWN.parse(printable(markdown))).children:
            self._block(node, None, 0)

    def _block(self, node: SyntaxTreeNode, style: str | None, level: int) -> None:
        if node.type == "heading":
            heading = self._document.add_heading(level=min(_DEEPEST_HEADING, int(node.tag[1:])))
            self._inline(heading, node)
        elif node.type == "paragraph":
            self._inline(self._document.add_paragraph(style=style), node)
        elif node.type == "blockquote":
            for child in node.children:
                self._block(child, "Quote" if child.type == "paragraph" else None, level)
        elif node.type in {"bullet_list", "ordered_list"}:
            self._list(node, level)
        elif node.type == "table":
            self._table(node)
        elif node.type in {"fence", "code_block"}:
            self._document.add_paragraph().add_run(node.content.rstrip("\n")).font.name = _CODE_FONT

    def _list(self, node: SyntaxTreeNode, level: int) -> None:
        kind = "List Bullet" if node.type == "bullet_list" else "List Number"
        depth = min(level, _LIST_LEVELS - 1)
        style = f"{kind} {depth + 1}" if depth else kind
        number = None if node.type == "bullet_list" else self._restarted(style, int(node.attrs.get("start", 1)))
        for item in node.children:
            for position, child in enumerate(item.children):
                if child.type != "paragraph":
                    self._block(child, None, level + 1)
                    continue
                follows = f"List Continue {depth + 1}" if depth else "List Continue"
                paragraph = self._document.add_paragraph(style=follows if position else style)
                if number is not None and not position:
                    properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
                    properties.get_or_add_numId().val = number
                    properties.get_or_add_ilvl().val = 0
                self._inline(paragraph, child)

    def _restarted(self, style: str, start: int) -> int:
        """Add a numbering that begins at ``start``, and return its id.

        The numbering that belongs to ``style`` would go on from the list before.
        """
        numbering = self._document.part.numbering_part.element
        number_id = self._document.styles[style].element.pPr.numPr.numId.val
        abstract = next(each.abstractNumId.val for each in numbering.num_lst if each.numId == number_id)
        number = numbering.add_num(abstract)
        number.add_lvlOverride(ilvl=0).add_startOverride(start)
        return int(number.numId)

    def _table(self, node: SyntaxTreeNode) -> None:
        rows = [row for part in node.children for row in part.children]
        table = self._document.add_table(rows=len(rows), cols=len(rows[0].children), style="Light Grid Accent 1")
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


def marked(node: SyntaxTreeNode, marks: frozenset[str] = frozenset()) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the texts within a node of Markdown, each with the types of the nodes that it is in, like ``strong``."""
    if node.type in {"softbreak", "hardbreak"}:
        yield (" " if node.type == "softbreak" else "\n"), marks
    elif node.children:
        for child in node.children:
            yield from marked(child, marks | {node.type})
    elif node.type == "code_inline":
        yield node.content, marks | {node.type}
    elif node.content:
        yield node.content, marks


def _tighten(table: Table) -> None:
    for row in table.rows:
        for cell in row.cells:
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.space_after = _CELL_SPACE


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
