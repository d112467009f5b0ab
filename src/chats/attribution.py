"""What of a model's text stays: the sentences that the passages they cite support, one by one.

A sentence that is not supported is taken out, and not only marked: answers are copied into reports, rated as examples
and shown to the model again, where a mark would be lost.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chats.citations import SIGN, marked, shown
from chats.sentences import Kind, Sentence, sentences_of
from chats.support import Content, Statement, content_of, statement_of, supports
from datamodels_chats import Passage

_STOPS = ".!?…;,"
_LABEL = re.compile(rf"^(\*\*|__)(?:[^*_{SIGN}]{{1,100}}:\1|[^*_{SIGN}]{{1,100}}\1\s?[:—–-])\s?")
"""Bold words that say what an item of a list is about: «**Выбор**: есть каши»."""
_BEHIND_STOP = re.compile(rf"([.!?…]{{1,6}})[ \t\u00a0]{{0,3}}{SIGN}$")


@dataclass(frozen=True)
class Attributed:
    """A sentence of a model. ``text`` is what people get of it, with its citations; empty when it is taken out."""

    written: Sentence
    text: str = ""
    held: tuple[tuple[int, Statement], ...] = ()
    """What it states, each time with the number of a passage that supports that."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The passages that support it."""
        return tuple(dict.fromkeys(number for number, _ in self.held))

    @property
    def says_something(self) -> bool:
        return statement_of(self.written.text.replace(SIGN, " ")).says_something


def attributed(text: str, passages: Sequence[Passage]) -> list[Attributed]:
    """Return the sentences of a model's text, each with the passages that it cites and that support it. Blocking.

    A sentence without a citation of its own is held to the next one of its paragraph, or to the one before. A heading
    needs no number, but a passage that its section cites has to have its words.
    """
    contents = {passage.source.number: content_of(passage) for passage in passages}
    sentences = sentences_of(*marked(text, contents.keys()))
    near = _nearest(sentences)
    found = [_held(sentence, near[place], contents) for place, sentence in enumerate(sentences)]
    return _with_headings(found, contents)


def joined(sentences: Sequence[Attributed], longest: int) -> tuple[str, dict[int, list[Statement]]]:
    """Return what is left of a text, in its lines and paragraphs, and what it states by each number that it cites.

    Of more than ``longest`` characters the first whole sentences are returned.
    """
    text = ""
    cited: dict[int, list[Statement]] = {}
    before: Sentence | None = None
    item = 0
    for sentence in sentences:
        if not sentence.text:
            continue
        written = sentence.written
        is_new_line = before is None or written.line != before.line
        if written.kind is Kind.NUMBERED and is_new_line:
            item = item + 1 if before is not None and before.kind is Kind.NUMBERED else 1
        mark = _mark(written.kind, item) if is_new_line else ""
        piece = f"{_gap(before, written)}{mark}{sentence.text}"
        if len(text) + len(piece) > longest:
            break
        text += piece
        for number, statement in sentence.held:
            cited.setdefault(number, []).append(statement)
        before = written
    return text, cited


def _gap(before: Sentence | None, written: Sentence) -> str:
    if before is None:
        return ""
    if written.paragraph != before.paragraph:
        return "\n\n"
    return " " if written.line == before.line else "\n"


def _mark(kind: Kind, item: int) -> str:
    return {Kind.BULLET: "- ", Kind.NUMBERED: f"{item}. "}.get(kind, "")


def _nearest(sentences: Sequence[Sentence]) -> list[tuple[tuple[int, ...], ...]]:
    """Return for each sentence the next citations of its paragraph and those before, as far as there are any."""
    before = _last_cited(sentences)
    after = _last_cited(sentences[::-1], first=True)[::-1]
    return [tuple(filter(None, pair)) for pair in zip(after, before, strict=True)]


def _last_cited(sentences: Sequence[Sentence], *, first: bool = False) -> list[tuple[int, ...]]:
    """Return for each sentence the last citations of its paragraph, with ``first`` the first ones of their sentence."""
    found: list[tuple[int, ...]] = []
    last: tuple[int, ...] = ()
    paragraph = -1
    for sentence in sentences:
        if sentence.paragraph != paragraph:
            last, paragraph = (), sentence.paragraph
        if sentence.cited:
            last = sentence.cited[0 if first else -1]
        found.append(last)
    return found


def _held(sentence: Sentence, near: Sequence[tuple[int, ...]], contents: Mapping[int, Content]) -> Attributed:
    """Hold a sentence to its citations, or to those ``near``; without its label where it is supported only so."""
    unlabelled = replace(sentence, text=_LABEL.sub("", sentence.text))
    for written in [sentence] if unlabelled == sentence else [sentence, unlabelled]:
        held = _held_to_its_own(written, contents) if sentence.cited else _held_to_others(written, near, contents)
        if held.text:
            return held
    return Attributed(sentence)


def _held_to_its_own(sentence: Sentence, contents: Mapping[int, Content]) -> Attributed:
    """Hold each statement of a sentence to what it cites; one that nothing supports takes the sentence with it."""
    supporting: list[tuple[int, ...]] = [()] * len(sentence.cited)
    held: list[tuple[int, Statement]] = []
    for statement, places in _statements(sentence):
        kept = {place: _supporting(statement, sentence.cited[place], contents) for place in places}
        if not any(kept.values()):
            return Attributed(sentence)
        for place, numbers in kept.items():
            supporting[place] = numbers
            held += [(number, statement) for number in numbers]
    text = _BEHIND_STOP.sub(rf" {SIGN}\1", sentence.text)
    return Attributed(sentence, shown(text, iter(supporting)) if held else "", tuple(held))


def _held_to_others(sentence: Sentence, near: Sequence[tuple[int, ...]], contents: Mapping[int, Content]) -> Attributed:
    """Hold a sentence without citations to those ``near`` it, of which the first that supports it counts."""
    if sentence.kind is Kind.HEADING:
        return Attributed(sentence)
    statement = statement_of(sentence.text)
    numbers = next(filter(None, (_supporting(statement, cited, contents) for cited in near)), ())
    if not numbers:
        return Attributed(sentence)
    end = len(sentence.text.rstrip(_STOPS))
    text = shown(f"{sentence.text[:end]} {SIGN}{sentence.text[end:]}", iter([numbers]))
    return Attributed(sentence, text, tuple((number, statement) for number in numbers))


def _supporting(statement: Statement, cited: Sequence[int], contents: Mapping[int, Content]) -> tuple[int, ...]:
    return tuple(number for number in cited if supports(contents[number], statement))


def _statements(sentence: Sentence) -> Iterator[tuple[Statement, list[int]]]:
    """Yield what a sentence says before each of its citations, and the places of these among its citations.

    Citations with no words between them are of one statement, and what follows the last one belongs to it. A statement
    without a subject of its own is read together with the one before: «кофе хороший [1] и дорогой [2]».
    """
    pieces = sentence.text.split(SIGN)
    if sentence.leads:
        pieces = [*pieces[1:], ""]
    said: list[tuple[str, list[int]]] = []
    first: list[int] = []
    for place, piece in enumerate(pieces):
        cites = [place] if place < len(sentence.cited) else []
        if statement_of(piece).says_something and cites:
            said.append((piece, [*first, *cites]))
            first = []
        elif said:
            said[-1] = (f"{said[-1][0]} {piece}", [*said[-1][1], *cites])
        elif cites:
            first += cites
        else:
            said.append((piece, first))
    before = ""
    for text, places in said:
        statement = statement_of(text)
        yield statement if statement.names_its_subject else statement_of(f"{before} {text}"), places
        before = text


def _with_headings(sentences: Sequence[Attributed], contents: Mapping[int, Content]) -> list[Attributed]:
    """Keep the headings that say nothing but what a passage says that their section cites."""
    found: list[Attributed] = []
    section: dict[int, None] = {}
    for sentence in reversed(sentences):
        if sentence.written.kind is Kind.HEADING and not sentence.written.cited:
            statement = statement_of(sentence.written.text)
            is_kept = section and (not statement.says_something or _supporting(statement, [*section], contents))
            found.append(replace(sentence, text=sentence.written.text if is_kept else ""))
            section = {}
        else:
            section |= dict.fromkeys(sentence.numbers)
            found.append(sentence)
    return found[::-1]
