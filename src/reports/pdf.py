"""A report as PDF."""

from collections.abc import Iterator, Sequence

from markdown_it.tree import SyntaxTreeNode

import texts.reports
from datamodels import IndexValue
from pdf_document import PdfDocument, Run
from reports.formats import MARKDOWN, marked, value_text
from text_cleaning import one_line, printable

_BULLET = "•"


def to_pdf(
    title: str, meta: Sequence[str], markdown: str, indices: Sequence[IndexValue] | None, notes: Sequence[str] = ()
) -> bytes:
    """Return the whole report, parts as in ``to_markdown``, as a PDF file. Takes CPU time: use a thread."""
    document = PdfDocument(title)
    for line in meta:
        document.paragraph([Run(one_line(line))])
    _Writer(document).write(markdown)
    if indices:
        document.heading(texts.reports.INDICES_TITLE, 2)
        rows = [(texts.reports.INDEX, texts.reports.INDEX_VALUE)]
        rows += [(one_line(each.label), value_text(each.value)) for each in indices]
        document.table([[[Run(cell)] for cell in row] for row in rows], head=True, numbers=True)
    if notes:
        document.heading(texts.reports.NOTES_TITLE, 2)
        for note in notes:
            document.paragraph([Run(one_line(note))], indent=1, bullet=_BULLET)
    return document.to_bytes()


class _Writer:
    """Writes Markdown's headings, paragraphs, lists, quotes, tables, code and emphasis; of links the text alone."""

    def __init__(self, document: PdfDocument) -> None:
        self._document = document

    def write(self, markdown: str) -> None:
        for node in SyntaxTreeNode(MARKDOWN.parse(printable(markdown))).children:
            self._block(node, 0)

    def _block(self, node: SyntaxTreeNode, indent: int, bullet: str | None = None) -> None:
        if node.type == "heading":
            self._document.heading("".join(run.text for run in _runs(node)), int(node.tag[1:]))
        elif node.type == "paragraph":
            self._document.paragraph(_runs(node), indent=indent, bullet=bullet)
        elif node.type == "blockquote":
            for child in node.children:
                if child.type == "paragraph":
                    self._document.quote(_runs(child))
                else:
                    self._block(child, indent + 1)
        elif node.type in {"bullet_list", "ordered_list"}:
            self._list(node, indent + 1)
        elif node.type == "table":
            rows = [row for part in node.children for row in part.children]
            self._document.table([[list(_runs(cell)) for cell in row.children] for row in rows], head=True)
        elif node.type in {"fence", "code_block"}:
            self._document.paragraph([Run(node.content.rstrip("\n"), monospace=True)], indent=indent)

    def _list(self, node: SyntaxTreeNode, indent: int) -> None:
        first = int(node.attrs.get("start", 1))
        for number, item in enumerate(node.children, start=first):
            sign = _BULLET if node.type == "bullet_list" else f"{number}."
            for position, child in enumerate(item.children):
                self._block(child, indent, sign if position == 0 else None)


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
