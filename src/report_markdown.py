"""The Markdown that language models write, put in order."""

import re

_FENCED = re.compile(r"\A```(?:markdown|md)?\s*\n(?P<text>.*)\n```\s*\Z", re.DOTALL)
_HEADING = re.compile(r"^(#{1,6})(?=\s)", re.MULTILINE)
_LAST_LEVEL = 6
_SENTENCE_END = re.compile(r"[.!?…]\s")


def with_headings_below(text: str, level: int) -> str:
    """The text without a fence around it, its headings moved so that the highest is one below ``level``."""
    fenced = _FENCED.match(text.strip())
    text = (fenced["text"] if fenced else text).strip()
    levels = [len(match[1]) for match in _HEADING.finditer(text)]
    shift = max(0, level + 1 - min(levels, default=level + 1))
    return _HEADING.sub(lambda match: "#" * min(_LAST_LEVEL, len(match[1]) + shift), text)


def cut_at_line(text: str) -> str:
    """The text without its last, unfinished line, or sentence when it is all one line."""
    head, newline, _ = text.rstrip().rpartition("\n")
    if newline and head.strip():
        return head.rstrip()
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]].rstrip() if ends else text
