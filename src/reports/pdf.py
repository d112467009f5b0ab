"""A report as PDF."""

from collections.abc import Iterator, Sequence

from markdown_it.tree import SyntaxTreeNode

import texts.reports
from datamodels import IndexValue
from pdf.blocks import Block, Heading, Run, Table, Text
from pdf.document import to_bytes
from reports.formats import MARKDOWN, marked, value_text
from text_cleaning import one_line, printable

_BULLET = "•"


def to_pdf(
    title: str, meta: Sequence[str], markdown: str, indices: Sequence[IndexValue] | None, notes: Sequence[str] = ()
) -> bytes:
    """Return the whole report, parts as in ``to_markdown``, as a PDF file. Takes CPU time: use a thread."""
    blocks: list[Block] = [Text([Run(one_line(line))]) for line in meta]
    for node in SyntaxTreeNode(MARKDOWN.parse(printable(markdown))).children:
        blocks += _blocks(node)
    if indices:
        rows = [(texts.reports.INDEX, texts.reports.INDEX_VALUE)]
        rows += [(one_line(each.label), value_text(each.value)) for each in indices]
        blocks.append(Heading(texts.reports.INDICES_TITLE, 2))
        blocks.append(Table([[[Run(cell)] for cell in row] for row in rows], head=True, numbers=True))
    if notes:
        blocks.append(Heading(texts.reports.NOTES_TITLE, 2))
        blocks += [Text([Run(one_line(note))], indent=1, bullet=_BULLET) for note in notes]
    return to_bytes(title, blocks)


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
