"""Good answers become lines of JSON: each question once, nothing that points nowhere, no failure of ours."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import texts.chats
from datamodels_chats import GoodAnswer
from training_data.export import Examples, collect, without_citations, write
from training_data.masking import Masker
from training_data.validation import problems

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def lines(answers: Iterable[GoodAnswer], masker: Masker, system_prompt: str) -> Iterator[str]:
    examples = Examples(masker)
    for answer in answers:
        examples.add(answer)
    return examples.lines(system_prompt)


def good(question: str, answer: str, *, rating: int = 5, day: int = 0) -> GoodAnswer:
    at = NOON + timedelta(days=day)
    return GoodAnswer(question=question, answer=answer, rating=rating, model="m", prompt_version="", at=at)


def made_of(*answers: GoodAnswer) -> list[tuple[str, str]]:
    """Questions and answers of the lines."""
    found = [json.loads(line)["messages"] for line in lines(answers, Masker(), "Отвечай.")]
    return [(messages[1]["content"], messages[2]["content"]) for messages in found]


def counted(*answers: GoodAnswer) -> tuple[int, int, int, int]:
    examples = Examples(Masker())
    for answer in answers:
        examples.add(answer)
    written = len(list(examples.lines("Отвечай.")))
    counts = examples.counts
    assert counts.written == written
    return written, counts.duplicates, counts.empty, counts.ours


def test_a_line_is_a_chat_in_a_fixed_order_with_letters_as_they_are() -> None:
    [line] = lines([good("Как завтрак?", "Хороший.")], Masker(), "Отвечай.")
    assert line == (
        '{"messages": [{"role": "system", "content": "Отвечай."}, {"role": "user", "content": "Как завтрак?"}, '
        '{"role": "assistant", "content": "Хороший."}]}'
    )


def test_question_and_answer_are_masked() -> None:
    assert made_of(good("Что сказала Мария?", "Звоните 8 916 123-45-67.")) == [
        ("Что сказала [имя]?", "Звоните [телефон].")
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Как завтрак?", "как  завтрак"),
        ("Ещё кофе?", "Еще кофе…"),
        ("Что говорит Мария?", "Что говорит Анна?"),
        ("Wi-Fi есть?", "wi fi есть"),
    ],
)
def test_equal_questions_are_one(first: str, second: str) -> None:
    assert len(made_of(good(first, "Да."), good(second, "Да."))) == 1
    assert counted(good(first, "Да."), good(second, "Нет.")) == (1, 1, 0, 0)


def test_of_equal_questions_the_better_answer_stays_then_the_later() -> None:
    question = "Как завтрак?"
    better, later = good(question, "Лучший.", rating=5), good(question, "Поздний.", rating=4, day=1)
    assert made_of(better, later) == made_of(later, better) == [(question, "Лучший.")]
    earlier = good(question, "Ранний.", rating=4)
    assert made_of(earlier, later) == made_of(later, earlier) == [(question, "Поздний.")]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Завтрак хороший [1].", "Завтрак хороший."),
        ("Завтрак [1][3] хороший, [2] но дорогой [2, 4]!", "Завтрак хороший, но дорогой!"),
        ("[1] «Вкусно»\n\n[2] «Дорого»", "«Вкусно»\n\n«Дорого»"),
        ("- вкусно [1]\n- дорого [2]", "- вкусно\n- дорого"),
        ("Вкусно ([1], [2]).", "Вкусно."),
        ("Спросили [имя], номер [2026] год", "Спросили [имя], номер [2026] год"),
    ],
)
def test_citations_go_and_leave_no_gap(answer: str, expected: str) -> None:
    assert without_citations(answer) == expected


@pytest.mark.parametrize("answer", ["", " \n", "[1]", "[1][2].", "—"])
def test_an_answer_without_a_word_is_left_out(answer: str) -> None:
    assert counted(good("Как завтрак?", answer)) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    "answer",
    [
        texts.chats.FAILED,
        texts.chats.NO_ANSWER,
        texts.chats.NO_TRANSCRIPTS,
        "НЕТ ОТВЕТА.",
        f"{texts.chats.NOTE_NO_MODEL}\n[1] «Вкусно»",
        f"{texts.chats.NOTE_MODEL_FAILED}\n[1] «Вкусно»",
        f"{texts.chats.NOTE_NOT_CITED}\n[1] «Вкусно»",
        f"Вкусно. {texts.chats.NOTE_TRUNCATED}",
        "Сервис обработки не отвечает. Готовое сохранено: повторите позже.",
    ],
)
def test_a_sentence_of_ours_about_a_failure_is_left_out(answer: str) -> None:
    assert counted(good("Как завтрак?", answer)) == (0, 0, 0, 1)


def test_guests_may_get_no_answer() -> None:
    assert counted(good("Как ресепшен?", "Гости звонят, но нет ответа [1].")) == (1, 0, 0, 0)


def test_a_line_stays_one_line_whatever_is_in_it() -> None:
    [line] = lines([good("Как\u2028завтрак\u0085?", "Да\u2029нет\x0b\nили\r\nкак")], Masker(), "Отвечай.")
    assert len(line.splitlines()) == 1
    assert json.loads(line)["messages"][2]["content"] == "Данет\nили\nкак"


ANSWERS = st.builds(good, st.text(max_size=40), st.text(max_size=40), rating=st.integers(4, 5), day=st.integers(0, 3))


@given(st.lists(ANSWERS, max_size=5))
def test_whatever_people_write_the_file_is_in_order(
    tmp_path_factory: pytest.TempPathFactory, answers: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("examples") / "examples.jsonl"
    examples = Examples(Masker())
    for answer in answers:
        examples.add(answer)
    write(examples, "Отвечай.", path)
    assert [problem for problem in problems(path) if not problem.is_warning] == []
    assert path.read_bytes().count(b"\n") == examples.counts.written


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "examples.jsonl"
    examples = Examples(Masker())
    examples.add(good("Как завтрак?", "Хороший."))
    write(examples, "Отвечай.", path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["examples.jsonl"]


async def test_good_answers_are_asked_for_and_collected() -> None:
    class Kept:
        async def good(self, at_least: int) -> AsyncIterator[Sequence[GoodAnswer]]:
            assert at_least == 4
            yield [good("Кто такой Xoz?", "Гость Xoz.")]
            yield [good("Как завтрак?", "Хороший.", day=1)]

    examples = await collect(Kept(), ["Xoz"])
    assert [json.loads(line)["messages"][1]["content"] for line in examples.lines("О.")] == [
        "Кто такой [имя]?",
        "Как завтрак?",
    ]
