"""A file of examples is checked line by line, and every mistake is told with its line."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import errors
from training_data.validation import Problem, problems

ROLES = ("system", "user", "assistant")


def example(*contents: str, roles: tuple[str, ...] = ROLES) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]}


def line_of(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


GOOD = line_of(example("Отвечай.", "Как завтрак?", "Хороший."))


def told(tmp_path: Path, *lines: bytes) -> list[tuple[int, str]]:
    path = tmp_path / "examples.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return [(problem.line, problem.text) for problem in problems(path) if not problem.is_warning]


MISTAKES = {
    "not utf-8": (b"\xff{}", "не UTF-8"),
    "not json": (b'{"messages": [', "не JSON"),
    "nothing": (b"", "не JSON"),
    "too deep": (b"[" * 100_000, "не JSON"),
    "a list": (b"[]", "нужен объект с единственным полем messages"),
    "another field": (line_of({**example("О.", "К?", "Х."), "id": 1}), "нужен объект с единственным полем messages"),
    "another field of a message": (
        line_of({"messages": [{"role": "user", "content": "К?", "name": "А"}]}),
        "в сообщении должны быть только role и content, и content — текст",
    ),
    "no text": (
        line_of({"messages": [{"role": "user", "content": None}]}),
        "в сообщении должны быть только role и content, и content — текст",
    ),
    "another order": (
        line_of(example("О.", "К?", "Х.", roles=("user", "system", "assistant"))),
        "нужны три сообщения по порядку: system, user, assistant",
    ),
    "no answer": (
        line_of(example("О.", "К?", roles=("system", "user"))),
        "нужны три сообщения по порядку: system, user, assistant",
    ),
    "an empty question": (line_of(example("О.", " ", "Х.")), "пустой текст сообщения user"),
    "a long answer": (line_of(example("О.", "К?", "х" * 32_000)), "пример длиннее 32000 символов"),
    "a long line": (line_of(example("О.", "К?", "х" * 600_000)), "строка длиннее 1 МБ"),
    "a phone": (line_of(example("О.", "К?", "8 916 123-45-67")), "остались личные данные: [телефон]"),
    "an address and a handle": (
        line_of(example("О.", "a@b.ru", "@ivan_petrov")),
        "остались личные данные: [почта], [ник]",
    ),
    "a card": (line_of(example("О.", "К?", "4111 1111 1111 1111")), "остались личные данные: [карта]"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    line, text = MISTAKES[name]
    assert told(tmp_path, GOOD, line, line_of(example("О.", "Что ещё?", "Всё."))) == [(2, text)]


def test_what_is_told_twice_is_told_with_the_first_line(tmp_path: Path) -> None:
    same_question = line_of(example("Отвечай.", "как завтрак", "Плохой."))
    other = line_of(example("Отвечай.", "Как ужин?", "Хороший."))
    assert told(tmp_path, GOOD, other, GOOD, same_question) == [
        (3, "такой же пример, как в строке 1"),
        (4, "тот же вопрос, что в строке 1"),
    ]


def test_placeholders_are_no_personal_data(tmp_path: Path) -> None:
    assert told(tmp_path, line_of(example("О.", "Где [имя]?", "Тел. [телефон], [ник], [карта]"))) == []


@pytest.mark.parametrize(("count", "warnings"), [(0, 1), (49, 1), (50, 0)])
def test_few_examples_are_worth_a_warning(tmp_path: Path, count: int, warnings: int) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_bytes(b"".join(line_of(example("О.", f"Вопрос {each}?", "Х.")) + b"\n" for each in range(count)))
    found = list(problems(path))
    assert len(found) == warnings
    assert all(problem.is_warning and problem.line == 0 for problem in found)
    if count == 49:
        assert found == [Problem(0, "в файле 49 примеров, а для обучения нужно хотя бы 50", is_warning=True)]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.UnreadableFile, match="cannot be read"):
        list(problems(tmp_path / "examples.jsonl"))
    with pytest.raises(errors.UnreadableFile) as told_of_folder:
        list(problems(tmp_path))
    assert "это папка" in told_of_folder.value.user_text


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    with path.open("wb") as file:
        file.write(b"x" * 10_000_000 + b"\n")
        for number in range(300):
            file.write(line_of(example("О.", f"Вопрос {number}?", "х" * 300)) + b"\n")
    tracemalloc.start()
    try:
        assert [problem.line for problem in problems(path)] == [1]
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
