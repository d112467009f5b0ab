"""Good answers as lines of chat-format JSON: masked, without citations, each question once."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import texts.chats
import texts.errors_in_chats
from datamodels_chats import GOOD, GoodAnswer
from text_cleaning import folded, printable
from training_data.masking import Masker
from utils import opened_atomically

_CITATION = r"\[\d{1,3}(?:[ ]?[,;][ ]?\d{1,3}){0,9}\]"
_CITATIONS = rf"{_CITATION}(?:[ ]?{_CITATION}){{0,9}}"
_CITED = re.compile(rf"^{_CITATIONS}[ \t]{{0,3}}|[ \t\u00a0]{{0,3}}{_CITATIONS}", re.MULTILINE)
_EMPTY_BRACKETS = re.compile(r"[ \t]{0,3}\([ ,;]{0,9}\)")
_BLANK_BEFORE_SIGN = re.compile(r"[ \t]{1,3}(?=[.,;:!?…])")
_NO_WORD = re.compile(r"[\W_]+")


class GoodAnswers(Protocol):
    """Where good answers are kept."""

    def good(self, at_least: int) -> AsyncIterator[Sequence[GoodAnswer]]:
        """Yield everybody's answers with a rating of ``at_least`` or more, in batches."""


@dataclass
class Counts:
    """What became of the answers."""

    written: int = 0
    duplicates: int = 0
    empty: int = 0
    """Answers without a word once the citations are removed, and answers to a question without a word."""
    ours: int = 0
    """Answers that contain one of the program's own sentences about a failure."""


@dataclass
class Examples:
    """Collects examples, and keeps only the best of several answers to the same question.

    Questions that differ only in case, blanks, punctuation, «ё» and masked data are the same.
    """

    masker: Masker
    counts: Counts = field(default_factory=Counts)
    _best: dict[str, GoodAnswer] = field(default_factory=dict)

    def add(self, answer: GoodAnswer) -> None:
        """Mask an answer and keep it, unless it is unfit or a better one to the same question is known. Blocking.

        The better of two answers is the one with the higher rating; of two with the same rating, the later.
        """
        if _is_ours(answer.answer):
            self.counts.ours += 1
            return
        question = self.masker.masked(_tidy(answer.question))
        text = self.masker.masked(without_citations(_tidy(answer.answer)))
        key = normalised(question)
        if not key or not normalised(text):
            self.counts.empty += 1
            return
        known = self._best.get(key)
        self.counts.duplicates += known is not None
        if known is None or (answer.rating, answer.at) > (known.rating, known.at):
            self._best[key] = answer.model_copy(update={"question": question, "answer": text})

    def __bool__(self) -> bool:
        return bool(self._best)

    def lines(self, system_prompt: str) -> Iterator[str]:
        """Yield each example, the oldest first, as a line of JSON without a line break, and set ``counts.written``."""
        self.counts.written = len(self._best)
        for answer in sorted(self._best.values(), key=lambda each: (each.at, each.question)):
            said = {"system": system_prompt, "user": answer.question, "assistant": answer.answer}
            messages = [{"role": role, "content": content} for role, content in said.items()]
            yield json.dumps({"messages": messages}, ensure_ascii=False)


async def collect(source: GoodAnswers, known_names: Iterable[str]) -> Examples:
    """Collect the good answers of ``source`` as examples; ``known_names`` of people are masked in them."""
    examples = Examples(await asyncio.to_thread(Masker, known_names))

    def add(answers: Sequence[GoodAnswer]) -> None:
        for answer in answers:
            examples.add(answer)

    async for answers in source.good(GOOD):
        await asyncio.to_thread(add, answers)
    return examples


def write(examples: Examples, system_prompt: str, path: Path) -> None:
    """Write the examples, all or none, to a file that only the process's user may read. Blocking.

    Raises:
        DiskFull: no space left.
        OSError: the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened_atomically(path, 0o600) as file:
        for line in examples.lines(system_prompt):
            file.write(f"{line}\n".encode())


def normalised(text: str) -> str:
    """Return what equal questions have in common: the words without case, signs and «ё»."""
    return _NO_WORD.sub(" ", folded(text)).strip()


def without_citations(answer: str) -> str:
    """Return an answer without its citations, whose passages are not in the file, and without the gaps they leave."""
    for pattern in (_CITED, _EMPTY_BRACKETS, _BLANK_BEFORE_SIGN):
        answer = pattern.sub("", answer)
    return answer.strip()


def _tidy(text: str) -> str:
    """Return the text without control characters and line separators, which some programs take for line ends."""
    return printable(text).strip()


def _is_ours(answer: str) -> bool:
    said = f" {normalised(answer)} "
    return said.startswith(_MARK) or any(sentence in said for sentence in _OURS)


_MARK = f" {normalised(texts.chats.NO_ANSWER_MARK)} "
"""Counts only at the beginning of an answer: further on, the words may be about a guest who got no answer."""
_OURS = tuple(
    f" {normalised(sentence)} "
    for sentence in (
        texts.chats.FAILED,
        texts.chats.NO_ANSWER,
        texts.chats.NO_TRANSCRIPTS,
        *(text for name, text in vars(texts.chats).items() if name.startswith("NOTE_")),
        *texts.errors_in_chats.SENTENCES.values(),
    )
)
"""The program's own sentences about failures, which no model should learn."""
