"""Whether a passage supports what an answer says: by numbers, names, words in any of their forms, and denials.

What the words mean together is not understood: a sentence that puts the words of a passage together anew can pass.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache

from chats.amounts import Amount
from chats.excerpts import part
from chats.vocabulary import AFFIRMING, ASKING, LABELS, UNSAID
from chats.wording import Wording, wording_of
from datamodels_chats import Passage
from text_cleaning import folded

LEAST_SHARE = 0.8
"""The share of its words with a meaning that a sentence needs in the passage: all of four, four of five.

Chosen on ``tests/benchmarks/citations_dev.txt``: at 0.75 four times as many wrong words pass, and at 0.9 most of the
free paraphrases are lost.
"""
_QUOTED = re.compile(r"«([^«»]*)»|[“„]([^“”„]*)[“”]|\"([^\"]*)\"")
_END = 3
"""Characters at the end of a sentence among which a question has its sign: «?», «?!», «?»»."""
_BETWEEN = re.compile(r"(?<=[.!?…])\s+|\n+")
_LEFT_OUT = re.compile(r"\.{3}|…")
_WORD = re.compile(r"\w+")
_FEWEST_QUOTED = 3
"""Words in quotation marks that are somebody's words; fewer are a name or irony."""


@dataclass(frozen=True)
class Content:
    """What a passage says.

    ``ways`` has for each lemma how it stands there: denied, not denied, or None for both. ``labels`` are the numbers
    of the recording and of its day, which stand only beside their nouns. ``said`` are the words, each between blanks.
    """

    ways: Mapping[str, frozenset[bool | None]]
    amounts: tuple[Amount, ...]
    labels: tuple[Amount, ...]
    said: str


def content_of(passage: Passage, read: Callable[[str], Wording] = wording_of) -> Content:
    """Read a passage as the model is shown it. Blocking, see ``tokens.reading_of``."""
    source = passage.source
    said = list(_wordings("\n".join(line.text for line in passage.lines), read))
    label, day = read(source.label), read("" if source.day is None else f"{source.day:%d.%m.%Y}")
    roles = [read(line.speaker) for line in passage.lines]
    ways: dict[str, set[bool | None]] = {}
    for wording in (*said, *roles, label, day):
        for term in wording.terms:
            for lemma in term.lemmas:
                ways.setdefault(lemma, set()).add(term.denied)
        for lemma in frozenset[str]().union(*(amount.counted for amount in wording.amounts)):
            ways.setdefault(lemma, set()).add(False)
    of_day = frozenset[str]().union(*(amount.counted for amount in day.amounts))
    beside = LABELS.union(*(term.lemmas for term in label.terms))
    numbers = () if source.recording_number is None else (Amount(Decimal(source.recording_number), beside),)
    return Content(
        ways={lemma: frozenset(found) for lemma, found in ways.items()},
        amounts=tuple(amount for wording in said for amount in wording.amounts),
        labels=(*(replace(amount, counted=of_day) for amount in day.amounts), *numbers),
        said=_words(" ".join(line.text for line in passage.lines)),
    )


@dataclass(frozen=True)
class Statement:
    """What an answer says at a place: its words and numbers, and what it has in quotation marks as said."""

    wording: Wording
    quotes: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        return bool(self.wording.terms) or any(amount.sure for amount in self.wording.amounts)

    @property
    def names_its_subject(self) -> bool:
        """Tell whether there is a noun or a number, so that it can be understood without what stands before it."""
        return bool(self.wording.amounts) or any(term.noun for term in self.wording.terms)


def _wordings(text: str, read: Callable[[str], Wording]) -> Iterator[Wording]:
    """Yield what the sentences of a passage say. A question says nothing but what it is about, in its nouns.

    «Было шумно?» says that it was noisy when the answer begins with «да».
    """
    sentences = _BETWEEN.split(text)
    for sentence, answer in zip(sentences, [*sentences[1:], ""], strict=True):
        wording = read(sentence)
        words, answered = _WORD.findall(folded(sentence)), _WORD.findall(folded(answer))
        is_open = "?" in sentence[-_END:] and ASKING.isdisjoint(words) and AFFIRMING.isdisjoint(answered[:1])
        yield Wording(tuple(term for term in wording.terms if term.noun is not False), ()) if is_open else wording


def statement_of(text: str) -> Statement:
    """Read what an answer says. Blocking, see ``tokens.reading_of``."""
    return Statement(wording_of(text), tuple(_quotes(text)))


def supports(content: Content, statement: Statement) -> bool:
    """Tell whether a passage supports a statement, of which it has to have all numbers, names and quotes.

    Of the other words it needs ``LEAST_SHARE``. It supports nothing that it denies, nothing whose denial it says, and
    nothing that has neither a word with a meaning nor a number.
    """
    wording = statement.wording
    return (
        statement.says_something
        and all(_has_amount(content, amount) for amount in wording.amounts if amount.sure)
        and all(f" {quote} " in content.said for quote in statement.quotes)
        and _has_words(content, wording)
    )


def supporting_part(passage: Passage, statements: Iterable[Statement]) -> Passage:
    """Return of a passage the lines that support the statements: for each the fewest that stand together. Blocking.

    A statement that needs all of the passage has all of it; of what is written, the place is the section.
    """
    if passage.source.section is not None:
        return passage
    read = cache(wording_of)  # each sentence stands in many parts

    @cache
    def content(first: int, last: int) -> Content:
        return content_of(part(passage, first, last), read)

    places = [_fewest_lines(len(passage.lines), content, statement) for statement in statements]
    return part(passage, min(first for first, _ in places), max(last for _, last in places))


def _fewest_lines(count: int, content: Callable[[int, int], Content], statement: Statement) -> tuple[int, int]:
    """Return the first and last of the fewest neighbouring lines that support a statement, else of all ``count``."""
    fewest = (0, count - 1)
    first = 0
    for last in range(count):
        while first <= last and supports(content(first, last), statement):
            fewest = min(fewest, (first, last), key=lambda place: place[1] - place[0])
            first += 1
    return fewest


def _has_amount(content: Content, amount: Amount) -> bool:
    """Tell whether the passage has the number, and counts the same where it says what it counts."""
    counted = amount.counted
    is_known = not counted or bool(counted & (content.ways.keys() | UNSAID))
    for found in content.amounts:
        if found.value == amount.value and (found.counted & counted if found.counted and counted else is_known):
            return True
    beside = counted | amount.labelled
    return any(found.value == amount.value and found.counted & beside for found in content.labels)


def _has_words(content: Content, wording: Wording) -> bool:
    present = 0
    for term in wording.terms:
        found = term.lemmas & content.ways.keys()
        if not found:
            if term.name:
                return False
            continue
        present += 1
        if term.denied is not None and all(content.ways[lemma] == {not term.denied} for lemma in found):
            return False
    return present >= LEAST_SHARE * len(wording.terms)


def _quotes(text: str) -> Iterator[str]:
    """Yield what a text has in quotation marks as somebody's words; where words were left out, the pieces."""
    for match in _QUOTED.finditer(text):
        for piece in _LEFT_OUT.split(next(filter(None, match.groups()), "")):
            words = _words(piece).strip()
            if words.count(" ") >= _FEWEST_QUOTED - 1:
                yield words


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(folded(text)))} "
