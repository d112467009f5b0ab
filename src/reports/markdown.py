"""The Markdown that language models write, tidied before its quotes are checked."""

import re

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
