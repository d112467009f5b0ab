"""A model's text cut into sentences, out of paragraphs, lists, tables, quotations and headings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from chats.citations import SIGN

_HEADING = re.compile(r"#{1,6}[ \t]+")
_QUOTE = re.compile(r"(?:>[ \t]?){1,9}")
_BULLET = re.compile(r"(?:[-*•+‣▪◦–—]|(\d{1,2})[.)])[ \t]+")
_FENCE = re.compile(r"(?:```|~~~)[\w-]{0,20}")
_TABLE_RULE = re.compile(r"[\s|:\-–—+]{3,}")
_LINK = re.compile(rf"!?\[([^\[\]\n]{{0,400}})\]\([^()\s{SIGN}]{{0,400}}\)")
_TAG = re.compile(rf"</?[a-zA-Z][^<>\n{SIGN}]{{0,60}}>")
_STRESSED = re.compile(rf"[*_]{{1,3}}[ \t]?({SIGN})[*_]{{1,3}}")
_BOLD_LINE = re.compile(r"(\*\*|__)([^*_]{1,200})\1:?")
_LIST_OF_SOURCES = re.compile(
    r"\W{0,6}(?:использованные\s)?(?:источники?|сноски|ссылки|примечания|sources|references)\W{0,6}", re.IGNORECASE
)
_NOTE_BELOW = re.compile(rf"{SIGN}[ \t]?:")
# Of «…заселил.» [2], the citation belongs to what the comma or full stop behind it ends.
_END = re.compile(
    rf"[.!?…]{{1,6}}[»”\")*_]{{0,4}}(?![ \t\u00a0]{{0,3}}{SIGN}[.,;:!?…])"
    rf"(?:[ \t\u00a0]{{0,3}}{SIGN})?(?=\s|$|[A-ZА-ЯЁ«])"
)
_LAST_WORD = re.compile(r"([^\W\d_]{1,5})\.$")
_NEXT = re.compile(r"\s*[«\"(*_]{0,4}([^\W_]?)")
_UNFINISHED = frozenset("т е г гг д п пр др ул им см стр рис св кв д-р в н э".split())  # noqa: SIM905
"""Words that are shortened by a full stop in the middle of a sentence."""
_CELL_SEPARATOR = " — "


class Kind(Enum):
    """What a sentence stands in."""

    TEXT = "text"
    BULLET = "bullet"
    NUMBERED = "numbered"
    HEADING = "heading"
    """A heading, or the words with a colon before a list."""


@dataclass(frozen=True)
class Sentence:
    """A sentence. ``text`` has a sign for each place where it cites, and ``cited`` the passages of each of these.

    Sentences with the same ``line`` stand on one line, and those with the same ``paragraph`` in one.
    """

    text: str
    cited: tuple[tuple[int, ...], ...]
    kind: Kind
    line: int
    paragraph: int
    leads: bool = False
    """It begins with a citation, so that each citation stands before what it is about."""


def sentences_of(text: str, cited: Sequence[tuple[int, ...]]) -> list[Sentence]:
    """Cut a text whose citations were put aside into sentences; ``cited`` are the passages of its signs, in order.

    Marks of tables, fences, links and tags are left out, and so is a list of sources at the end.
    """
    groups = iter(cited)
    found: list[Sentence] = []
    paragraph, after_colon = 0, False
    lines = text.split("\n")
    for number, line in enumerate(lines):
        written = line.strip()
        groups_here = [next(groups) for _ in range(written.count(SIGN))]
        if _LIST_OF_SOURCES.fullmatch(written):
            break
        if not written:
            paragraph += not after_colon
            continue
        is_table_head = number + 1 < len(lines) and _is_rule(lines[number + 1])
        if _FENCE.fullmatch(written) or _NOTE_BELOW.match(written) or _TABLE_RULE.fullmatch(written) or is_table_head:
            continue
        kind, written = _kind_and_text(written)
        leads = written.startswith(SIGN)
        after_colon = kind is Kind.HEADING
        here = iter(groups_here)
        for piece in [written] if kind is Kind.HEADING else _pieces(written, leads=leads):
            mine = tuple(next(here) for _ in range(piece.count(SIGN)))
            found.append(Sentence(piece, mine, kind, number, paragraph, leads=piece.startswith(SIGN)))
    return found


def _is_rule(line: str) -> bool:
    return "|" in line and _TABLE_RULE.fullmatch(line.strip()) is not None


def _kind_and_text(line: str) -> tuple[Kind, str]:
    """Return what a line is, and the line without the marks of it."""
    line = _STRESSED.sub(r"\1", _TAG.sub("", _LINK.sub(r"\1", line)))
    if quote := _QUOTE.match(line):
        line = line[quote.end() :]
    if _HEADING.match(line):
        return Kind.HEADING, line
    kind = Kind.TEXT
    if bullet := _BULLET.match(line):
        kind = Kind.NUMBERED if bullet[1] else Kind.BULLET
        line = line[bullet.end() :]
    elif line.count("|") > 1:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        kind = Kind.BULLET
        line = _CELL_SEPARATOR.join(filter(None, cells)).replace(f"{_CELL_SEPARATOR}{SIGN}", f" {SIGN}")
    if SIGN not in line and (line.rstrip("*_ ").endswith(":") or _BOLD_LINE.fullmatch(line)):
        return Kind.HEADING, line
    return kind, line


def _pieces(line: str, *, leads: bool) -> Iterator[str]:
    """Cut a line behind each sentence that is not in quotation marks.

    A citation behind the full stop belongs to the sentence before it, unless citations lead.
    """
    begin = counted = depth = 0
    last_close = line.rfind("»")
    for end in _END.finditer(line):
        stop = end.end()
        if leads and end[0].endswith(SIGN):
            stop = end.start() + len(end[0].rstrip(f"{SIGN} \t\u00a0"))
        depth += line.count("«", counted, stop) - line.count("»", counted, stop)
        counted = stop
        if (depth > 0 and last_close >= stop) or _goes_on(line, end.start(), stop):
            continue
        if piece := _balanced(line[begin:stop].strip()):
            yield piece
        begin, depth = stop, 0
    if piece := _balanced(line[begin:].strip()):
        yield piece


def _goes_on(line: str, sign: int, after: int) -> bool:
    """Tell whether the sentence goes on behind the ``sign``: before a small letter, or behind a shortened word."""
    follows = _NEXT.match(line, after)
    following = follows[1] if follows else ""
    if following.islower():
        return True
    word = _LAST_WORD.search(line[max(0, sign - 6) : sign + 1])
    if not following or word is None:
        return False
    is_initial = len(word[1]) == 1 and word[1].isupper()
    return is_initial or word[1].lower() in _UNFINISHED


def _balanced(sentence: str) -> str:
    """Return a sentence without the marks of emphasis that it opens or closes alone."""
    for mark in ("**", "__", "`"):
        if sentence.count(mark) % 2:
            sentence = sentence.replace(mark, "")
    return sentence
