"""A report as PDF."""

from collections.abc import Iterator

from markdown_it.tree import SyntaxTreeNode

import texts.reports
from pdf.blocks import Block, Heading, Run, Table, Text
from pdf.document import to_bytes
from reports.formats import ReportDocument, band_of, value_text
from reports.markdown import marked, parsed
from text_cleaning import one_line

_BULLET = "•"


def to_pdf(report: ReportDocument) -> bytes:
    """Return the whole report as a PDF file, in the order of the Word file. Takes CPU time: use a thread."""
    blocks: list[Block] = []
    if report.facts:
        blocks.append(Table([_fact(line) for line in report.facts]))
    blocks += [Text([Run(one_line(notice), italic=True)]) for notice in report.notices]
    if report.indices:
        blocks += [Heading(texts.reports.INDICES_TITLE, 2), _indices(report)]
    for node in parsed(report.text):
        blocks += _blocks(node)
    if report.notes:
        blocks.append(Heading(texts.reports.NOTES_TITLE, 2))
        blocks += [Text([Run(one_line(note))], indent=1, bullet=_BULLET) for note in report.notes]
    return to_bytes(report.title, blocks)


def _fact(line: str) -> list[list[Run]]:
    name, colon, value = one_line(line).partition(": ")
    return [[Run(name[:1].upper() + name[1:], bold=True)], [Run(value)]] if colon else [[], [Run(name)]]


def _indices(report: ReportDocument) -> Table:
    rows = [[texts.reports.INDEX, texts.reports.INDEX_VALUE]]
    for each in report.indices:
        band = band_of(each, report.scores)
        value = value_text(each.value)
        rows.append([one_line(each.label), f"{value} — {band}" if band else value])
    return Table([[[Run(cell)] for cell in row] for row in rows], head=True, numbers=True)


def _blocks(node: SyntaxTreeNode, indent: int = 0, bullet: str | None = None) -> Iterator[Block]:
    """Yield Markdown's headings, paragraphs, lists, quotes, tables, code and emphasis; of links the text alone."""
    if node.type == "heading":
        yield Heading("".join(run.text for run in _runs(node)), int(node.tag[1:]))
    elif node.type == "paragraph":
        yield Text(list(_runs(node)), indent, bullet)
    elif node.type == "blockquote":
        for child in node.children:
            yield from map(_quoted, _blocks(child, indent + 1))
    elif node.type in {"bullet_list", "ordered_list"}:
        yield from _items(node, indent + 1)
    elif node.type == "table":
        rows = [row for part in node.children for row in part.children]
        yield Table([[list(_runs(cell)) for cell in row.children] for row in rows], head=True)
    elif node.type in {"fence", "code_block"}:
        yield Text([Run(node.content.rstrip("\n"), monospace=True)], indent)


def _items(node: SyntaxTreeNode, indent: int) -> Iterator[Block]:
    for number, item in enumerate(node.children, start=int(node.attrs.get("start", 1))):
        sign = _BULLET if node.type == "bullet_list" else f"{number}."
        for position, child in enumerate(item.children):
            yield from _blocks(child, indent, sign if position == 0 else None)


def _quoted(block: Block) -> Block:
    return block._replace(runs=[run._replace(grey=True) for run in block.runs]) if isinstance(block, Text) else block


def _runs(node: SyntaxTreeNode) -> Iterator[Run]:
    for inline in node.children:
        for text, marks in marked(inline):
            yield Run(
                text,
                bold="strong" in marks,
                italic="em" in marks,
                struck="s" in marks,
                monospace="code_inline" in marks,
            )
