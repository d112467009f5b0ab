"""The Markdown that language models write, tidied before its quotes are checked, and read for files."""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from text_cleaning import printable

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_FENCED = re.compile(r"\A```(?:markdown|md)?\s*\n(?P<text>(?:(?!```).*\n)*)```\s*\Z")
_HEADING = re.compile(r"^(?P<code>```.*\n(?:(?!```).+\n?|\n)*(?:```|\Z))|^ {0,3}(?P<signs>#{1,6})(?=\s)", re.MULTILINE)
"""A heading, or a block of code, in which «#» begins a comment."""
_LAST_LEVEL = 6
_SENTENCE_END = re.compile(r"[.!?…]\s")


def with_headings_below(text: str, level: int) -> str:
    """Return Markdown without a code fence around it, its headings moved down until all are below ``level``, 1 to 5."""
    fenced = _FENCED.match(text.strip())
    text = (fenced["text"] if fenced else text).strip()
    levels = [len(match["signs"]) for match in _HEADING.finditer(text) if match["signs"]]
    shift = max(0, level + 1 - min(levels, default=level + 1))

    def moved(match: re.Match[str]) -> str:
        return match["code"] or "#" * min(_LAST_LEVEL, len(match["signs"]) + shift)

    return _HEADING.sub(moved, text)


def cut_at_line(text: str) -> str:
    """Return the text without its last, unfinished line.

    A text on one line loses its last, unfinished sentence instead. A text without a finished sentence stays.
    """
    head, newline, _ = text.rstrip().rpartition("\n")
    if newline and head.strip():
        return head.rstrip()
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends else text


def parsed(text: str) -> Sequence[SyntaxTreeNode]:
    """Return the blocks of a text: headings, paragraphs, lists, quotes, tables, code."""
    return SyntaxTreeNode(_MARKDOWN.parse(printable(text))).children


def marked(node: SyntaxTreeNode, marks: frozenset[str] = frozenset()) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the texts within a node, each with the types of the nodes that it is in, like ``strong``."""
    if node.type in {"softbreak", "hardbreak"}:
        yield (" " if node.type == "softbreak" else "\n"), marks
    elif node.children:
        for child in node.children:
            yield from marked(child, marks | {node.type})
    elif node.type == "code_inline":
        yield node.content, marks | {node.type}
    elif node.content:
        yield node.content, marks
