"""Markdown as plain sentences: what is read aloud of an answer or a report."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_CITED = re.compile(r"\s*\[(?:\d+(?:\s*[,;–-]\s*\d+)*|\d{1,2}:\d\d(?::\d\d)?(?:\s*[–-]\s*\d{1,2}:\d\d(?::\d\d)?)?)\]")
"""«[1, 2]» and «[12:05]»: numbers of sources and times, which a listener has no use for."""
_ADDRESS = re.compile(r"https?://\S+")
_ENDS = (".", "!", "?", "…", ":", ";", ",")
_BLOCKS = frozenset(["paragraph_close", "heading_close", "tr_close"])


def spoken_lines(markdown: str) -> str:
    """Return what is said of a text in Markdown: a line for each paragraph, item and row of a table.

    Each line ends with a stop, so that a voice pauses there. Addresses, numbers of sources and times are left
    out.
    """
    lines: list[str] = []
    parts: list[str] = []
    for token in _MARKDOWN.parse(markdown):
        if token.type == "inline":
            parts.append(_said(token))
        elif token.type in _BLOCKS:
            lines.append(_line(parts))
            parts = []
    return "\n".join(filter(None, lines))


def _said(token: Token) -> str:
    words = [
        " " if child.type in {"softbreak", "hardbreak"} else child.content
        for child in token.children or ()
        if child.type in {"text", "softbreak", "hardbreak", "code_inline"}
    ]
    return " ".join(_ADDRESS.sub(" ", _CITED.sub("", "".join(words))).split())


def _line(parts: list[str]) -> str:
    line = ", ".join(part for part in parts if any(map(str.isalnum, part)))
    return line if not line or line.endswith(_ENDS) else f"{line}."
