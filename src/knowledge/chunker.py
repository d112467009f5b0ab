"""Cuts transcripts into chunks by speaker turns, and other texts by sections. Pure functions.

A chunk has at most ``MOST_TOKENS``, unless a single word has more, and at least ``LEAST_TOKENS`` where there is enough
text. Texts are cut between turns and sections where that leaves such sizes, else between sentences. Sentences of more
than ``SENTENCE_TOKENS`` count as several: recognised speech may have no full stop for minutes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise

from datamodels import Segment, Transcript
from knowledge.values import Piece
from texts.knowledge import NO_EVIDENCE, NOT_SPOKEN_OF, SECTION_SEPARATOR
from texts.transcript import SPEAKER_LINE, speaker_label
from utils import count_tokens

LEAST_TOKENS = 200
MOST_TOKENS = 400
SENTENCE_TOKENS = 80
"""The most tokens of a sentence, and the most that a chunk of a transcript repeats of the one before."""

_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"»”')\]])\s+")
_HEADING = re.compile(r"(?P<level>#{1,6})\s+(?P<title>\S.*)")


@dataclass(frozen=True)
class _Line:
    """What one speaker says without a break, or a line of another text. ``starts_section`` marks a heading."""

    label: str = ""
    role: str = ""
    section: str = ""
    starts_section: bool = False

    @property
    def prefix(self) -> str:
        return SPEAKER_LINE.format(speaker=self.label, text="") if self.label else ""

    @cached_property
    def prefix_tokens(self) -> int:
        return count_tokens(f"\n{self.prefix}")


@dataclass(frozen=True)
class _Sentence:
    """A sentence, or some words of a long one, with its tokens as the second or a later one on its line."""

    line: _Line
    text: str
    tokens: int
    start: float | None = None
    end: float | None = None


def transcript_pieces(transcript: Transcript) -> list[Piece]:
    """Cut a transcript by its turns. Blocking.

    Each line of a piece is a turn: «Клиент: …». A piece repeats the last turn of the piece before, or the last
    sentences of a long one. Pieces have the times of their first and last sentence: exact when the words of the segment
    have times, else estimated from the place in the segment.
    """
    lines = []
    by_speaker = groupby(transcript.segments, key=lambda segment: (segment.role, segment.speaker))
    for (role, speaker), segments in by_speaker:
        label = speaker_label(role, speaker, transcript.names.get(speaker or ""))
        line = _Line(label=label or "", role=role or "")
        lines.append([sentence for segment in segments for sentence in _sentences_of(line, segment)])
    return _pieces(lines, repeated_tokens=SENTENCE_TOKENS)


def text_pieces(text: str) -> list[Piece]:
    """Cut Markdown or plain text by its headings and lines; neighbouring short sections share a piece. Blocking.

    The section of a piece is that in which it begins, with the sections around it: «Изученные факторы / Локация».
    """
    headings: dict[int, str] = {}
    lines = []
    for written in text.splitlines():
        heading = _HEADING.fullmatch(written.strip())
        if heading:
            level = len(heading["level"])
            headings = {each: title for each, title in headings.items() if each < level}
            headings[level] = heading["title"].strip(" #*")
        line = _Line(section=SECTION_SEPARATOR.join(headings.values()), starts_section=heading is not None)
        lines.append([_sentence(line, each) for each in _sentence_texts(written)])
    return _pieces(lines, repeated_tokens=0)


def report_pieces(text: str) -> list[Piece]:
    """Cut a report as ``text_pieces`` does, without what is no evidence that anything was said. Blocking.

    Left out are the sections of what nobody spoke of, and lines of scores and of absent data: who looks for a factor
    would else find it where the report says that it is missing.
    """
    kept, below = [], 0
    for written in text.splitlines():
        heading = _HEADING.fullmatch(written.strip())
        if heading:
            level = len(heading["level"])
            if below and level <= below:
                below = 0
            if not below and heading["title"].strip(" #*").casefold() in NOT_SPOKEN_OF:
                below = level
        if not below and not NO_EVIDENCE.search(written):
            kept.append(written)
    return text_pieces("\n".join(kept))


def _pieces(lines: Sequence[Sequence[_Sentence]], *, repeated_tokens: int) -> list[Piece]:
    pieces: list[Piece] = []
    current: list[_Sentence] = []
    repeated = 0  # how many sentences of ``current`` were in the piece before

    def close() -> None:
        nonlocal current, repeated
        pieces.append(_piece(current, current[repeated].line.section))
        current = _tail(current, repeated_tokens)
        repeated = len(current)

    for sentences in lines:
        is_long = _tokens(current) + _tokens(sentences) > MOST_TOKENS
        wants_new = is_long or (sentences and sentences[0].line.starts_section)
        if wants_new and len(current) > repeated and _tokens(current) >= LEAST_TOKENS:
            close()
        for sentence in sentences:
            if len(current) > repeated and _tokens([*current, sentence]) > MOST_TOKENS:
                close()
            if _tokens([*current, sentence]) > MOST_TOKENS:  # a single word: there is no room for anything else
                current, repeated = [], 0
            current.append(sentence)
    if len(current) > repeated:
        close()
    return pieces


def _piece(sentences: Sequence[_Sentence], section: str) -> Piece:
    lines = [
        line.prefix + " ".join(each.text for each in said)
        for _, said_by in groupby(sentences, key=lambda each: id(each.line))
        for said in [list(said_by)]
        for line in [said[0].line]
    ]
    return Piece(
        text="\n".join(lines),
        start=sentences[0].start,
        end=sentences[-1].end,
        roles=tuple(dict.fromkeys(each.line.role for each in sentences if each.line.role)),
        section=section,
    )


def _tail(sentences: Sequence[_Sentence], most: int) -> list[_Sentence]:
    """Return the sentences at the end of the last line that have at most ``most`` tokens together."""
    tail: list[_Sentence] = []
    for each in reversed(sentences):
        if each.line is not sentences[-1].line or _tokens([each, *tail]) > most:
            break
        tail.insert(0, each)
    return tail


def _tokens(sentences: Sequence[_Sentence]) -> int:
    """Count the tokens of the sentences as they are written in a piece, with the labels of their lines."""
    begun = [sentences[0].line] if sentences else []
    begun += [after.line for before, after in pairwise(sentences) if after.line is not before.line]
    return sum(each.tokens for each in sentences) + sum(line.prefix_tokens for line in begun)


def _sentences_of(line: _Line, segment: Segment) -> Iterator[_Sentence]:
    parts = list(_sentence_texts(segment.text))
    words, at, characters = segment.words or (), 0, sum(map(len, parts))
    is_exact = len(words) == sum(len(part.split()) for part in parts)
    before = 0
    for part in parts:
        if is_exact:
            count = len(part.split())
            start, end = words[at].start, words[at + count - 1].end
            at += count
        else:
            length = (segment.end - segment.start) / characters
            start, end = segment.start + before * length, segment.start + (before + len(part)) * length
            before += len(part)
        yield _sentence(line, part, start, end)


def _sentence(line: _Line, text: str, start: float | None = None, end: float | None = None) -> _Sentence:
    return _Sentence(line, text, count_tokens(f" {text}"), start, end)


def _sentence_texts(text: str) -> Iterator[str]:
    """Cut a text at its sentences, and long sentences between words; white space becomes single spaces."""
    for sentence in _BETWEEN_SENTENCES.split(" ".join(text.split())):
        if count_tokens(f" {sentence}") <= SENTENCE_TOKENS:
            if sentence:
                yield sentence
            continue
        part: list[str] = []
        tokens = 0
        for word in sentence.split(" "):
            more = count_tokens(f" {word}")
            if part and tokens + more > SENTENCE_TOKENS:
                yield " ".join(part)
                part, tokens = [], 0
            part.append(word)
            tokens += more
        yield " ".join(part)
