"""What is wrong with a file of examples, told line by line; a file of any size takes the same memory."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import texts.errors
import texts.training_data
from errors import UnreadableFile
from training_data.export import normalised
from training_data.patterns import kinds_in, plain
from utils import file_problem, human_size, readable_name

FEWEST_EXAMPLES = 50
"""Fewer teach a model little; services that fine-tune models ask for ten at least."""
LONGEST_EXAMPLE = 32_000
"""The most characters of the three messages together: about 10,000 tokens of Russian, far more than an answer needs."""
LONGEST_LINE_BYTES = 1024 * 1024

_ROLES = ["system", "user", "assistant"]


@dataclass(frozen=True)
class Problem:
    """What is wrong in a line. A warning does not make the file unfit.

    ``line`` counts from 1; 0 stands for the file as a whole.
    """

    line: int
    text: str
    is_warning: bool = False


def problems(path: Path) -> Iterator[Problem]:
    """Yield what is wrong with the file, in the order of its lines; a warning about too few comes last. Blocking.

    Raises:
        UnreadableFile: the file cannot be read.
    """
    count = 0
    try:
        with path.open("rb") as file, closing(_Seen()) as seen:
            for number, line in enumerate(_lines(file), start=1):
                count = number
                yield from (Problem(number, text) for text in _problems_of(line, number, seen))
    except OSError as exc:
        reason = texts.errors.IS_A_FOLDER if path.is_dir() else file_problem(exc)
        raise UnreadableFile(file_name=readable_name(path), reason=reason) from exc
    if count < FEWEST_EXAMPLES:
        counted = texts.training_data.EXAMPLE.counted(count)
        yield Problem(0, texts.training_data.FEW.format(count=counted, least=FEWEST_EXAMPLES), is_warning=True)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines without their breaks. A line that is too long is cut one byte beyond the limit."""
    while line := file.readline(LONGEST_LINE_BYTES + 1):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE_BYTES)
        yield line.removesuffix(b"\n")


def _problems_of(line: bytes, number: int, seen: "_Seen") -> Iterator[str]:
    if len(line) > LONGEST_LINE_BYTES:
        yield texts.training_data.LONG_LINE.format(size=human_size(LONGEST_LINE_BYTES))
        return
    try:
        example = json.loads(line.decode())
    except UnicodeDecodeError:
        yield texts.training_data.NOT_UTF8
        return
    except (ValueError, RecursionError):
        yield texts.training_data.NOT_JSON
        return
    if problem := _form_problem(example):
        yield problem
        return
    contents = [message["content"] for message in example["messages"]]
    yield from _problems_of_contents(contents)
    if first := seen.line_of(line, number):
        yield texts.training_data.SAME_LINE.format(line=first)
    elif first := seen.line_of(b"?" + normalised(contents[1]).encode(errors="replace"), number):
        yield texts.training_data.SAME_QUESTION.format(line=first)


def _form_problem(example: Any) -> str | None:
    if not isinstance(example, dict) or set(example) != {"messages"} or not isinstance(example["messages"], list):
        return texts.training_data.NO_MESSAGES
    messages = example["messages"]
    if not all(_is_message(message) for message in messages):
        return texts.training_data.MESSAGE
    if [message["role"] for message in messages] != _ROLES:
        return texts.training_data.ROLES
    return None


def _is_message(message: Any) -> bool:
    return isinstance(message, dict) and set(message) == {"role", "content"} and isinstance(message["content"], str)


def _problems_of_contents(contents: list[str]) -> Iterator[str]:
    for role, content in zip(_ROLES, contents, strict=True):
        if not content.strip():
            yield texts.training_data.EMPTY.format(role=role)
    if sum(map(len, contents)) > LONGEST_EXAMPLE:
        length = texts.training_data.CHARACTER.counted(LONGEST_EXAMPLE)
        yield texts.training_data.LONG_EXAMPLE.format(length=length)
    if left := dict.fromkeys(kind for content in contents for kind in kinds_in(plain(content))):
        yield texts.training_data.PERSONAL.format(what=", ".join(left))


class _Seen:
    """Remembers what was seen in which line. It does so on the disk: a file of a gigabyte has a million lines."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE seen (digest INTEGER PRIMARY KEY, line INTEGER NOT NULL)",
        ):
            self._database.execute(statement)

    def line_of(self, data: bytes, line: int) -> int | None:
        """Return the earlier line that had ``data``. When none had, remember ``line`` for it and return None."""
        key = int.from_bytes(blake2b(data, digest_size=8).digest(), signed=True)
        if self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)).rowcount:
            return None
        (first,) = self._database.execute("SELECT line FROM seen WHERE digest = ?", (key,)).fetchone()
        return int(first)

    def close(self) -> None:
        self._database.close()
