"""A model's text becomes an answer: thinking left out, JSON valid."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from language_model.chat_requests import fits_strict_mode
from language_model.openai_answers import (
    AnswerMessage,
    AnswerUsage,
    answer_so_far,
    is_bare_json,
    parse_json,
    read_answer,
    without_thinking,
)

ANYTHING: dict[str, Any] = {}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    values,
    st.sampled_from(["{}", " \n{}\n", "```json\n{}\n```", "```\n{}\n```", "Вот ответ:\n```json\n{}\n```\nГотово."]),
)
def test_json_is_found_bare_and_in_a_fence(value: object, frame: str) -> None:
    text = frame.replace("{}", json.dumps([value], indent=1))
    assert parse_json(text, ANYTHING) == ([value], None)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    if parse_json(text, {"type": "object"}).problem is not None:
        return
    assert "{" in text


def test_the_first_broken_rule_is_named_without_the_answers_words() -> None:
    schema = {"type": "object", "properties": {"quote": {"type": "string", "maxLength": 3}}}
    assert parse_json('{"quote": "тайна клиента"}', schema).problem == "$.quote breaks maxLength: 3"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Ответ", "Ответ"),
        ("<think>a</think>Ответ", "Ответ"),
        ("\n<think>\na\n</think>\n\nОтвет", "Ответ"),
        ("a\n</think>\nОтвет", "Ответ"),
        ("<think>a", ""),
        ("Тег <think> внутри", "Тег <think> внутри"),
        ("<thinking>a</thinking>\nОтвет", "Ответ"),
        ("<Thinking>\na\n</Thinking>\nОтвет", "Ответ"),
        ("<reasoning>a</reasoning>Ответ", "Ответ"),
        ("<thought>a</thought>Ответ", "Ответ"),
        ("[THINK]a[/THINK]Ответ", "Ответ"),
        ("<seed:think>a</seed:think>Ответ", "Ответ"),
        ("◁think▷a◁/think▷Ответ", "Ответ"),
        ("<think>a<think>b</think>c</think>Ответ", "Ответ"),
        ("<think>a</think><thinking>b</thinking>Ответ", "Ответ"),
        ("Первое.\n<thinking>a</thinking>\nВторое.", "Первое.\n\nВторое."),
        ("a</thinking>Ответ", "Ответ"),
        ("a[/THINK]Ответ", "Ответ"),
        ("<thinking>a", ""),
        (" [THINK]a", ""),
        ("<reasoning>\nОтвет", ""),
        ("Ответ.\n\n<thinking>a\nb", "Ответ."),
        ("Причины [reasoning] и [1]", "Причины [reasoning] и [1]"),
        ("", ""),
    ],
)
def test_thinking_is_left_out(text: str, answer: str) -> None:
    assert without_thinking(text) == answer


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {}}, "required": [], "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"]}, False),
        ({"type": ["object", "null"]}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"type": "array", "items": {"type": "string"}}, True),
    ],
)
def test_strict_mode_takes_closed_schemas_only(schema: dict[str, Any], fits: bool) -> None:
    assert fits_strict_mode(schema) is fits


SCORE = {"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"score": 1}\n\nЕсли нужно, поясню.', {"score": 1}),
        ('Черновик: {"mark": 1}. Ответ: {"score": 2}', {"score": 2}),
        ('Числа {1} и [2] — не ответ. {"score": 3}', {"score": 3}),
        ('```json\n{"score": 4}\n```\nГотово.', {"score": 4}),
    ],
)
def test_json_is_found_among_words(text: str, value: object) -> None:
    assert parse_json(text, SCORE) == (value, None)
    assert not is_bare_json(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("Хорошо", "no JSON"), ('{"mark": 1}, вот', r"breaks required"), ("{" * 100_000, "no JSON")],
)
def test_words_without_valid_json_are_a_problem(text: str, problem: str) -> None:
    assert problem in str(parse_json(text, SCORE).problem)


_ANALYSIS = "<|channel|>analysis<|message|>думаю"
_FINAL = "<|start|>assistant<|channel|>final<|message|>Ответ<|return|>"


@pytest.mark.parametrize(
    ("message", "text", "thoughts"),
    [
        ({"content": "Ответ"}, "Ответ", ""),
        ({"content": "Ответ", "reasoning_content": "думаю"}, "Ответ", "думаю"),
        ({"content": "", "reasoning": "думаю"}, "", "думаю"),
        ({"content": None, "reasoning": {"effort": "low"}}, "", ""),
        ({"content": "<think>думаю</think>Ответ"}, "Ответ", "думаю"),
        ({"content": "думаю</think>Ответ"}, "Ответ", "думаю"),
        ({"content": "<think>\n\n</think>\n\nОтвет"}, "Ответ", ""),
        (
            {"content": f"{_ANALYSIS}<|end|>{_FINAL}"},
            "Ответ",
            "думаю",
        ),
        ({"content": f"{_ANALYSIS}<|end|>Ответ"}, "Ответ", "думаю"),
        ({"content": _ANALYSIS}, "", "думаю"),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "думаю"}]},
                    {"type": "text", "text": "Ответ"},
                ]
            },
            "Ответ",
            "думаю",
        ),
    ],
)
def test_text_and_thoughts_are_told_apart(message: dict[str, Any], text: str, thoughts: str) -> None:
    assert read_answer(AnswerMessage.model_validate(message), wants_json=False)[:2] == (text, thoughts)


@pytest.mark.parametrize(
    ("content", "unopened"),
    [
        ("Ответ [1]. Цена < 5000, и это [2] <b>мало</b>", False),
        ("<think>думаю</think>\n\nОтвет", False),
        ("[THINK]думаю[/THINK]Ответ", False),
        ("◁think▷думаю◁/think▷Ответ", False),
        ("Ответ <think>думаю</think> и ещё", False),
        ("думаю [1]</think>Ответ", True),
        (f"{_ANALYSIS}<|end|>{_FINAL}", False),
        (f"<|start|>assistant{_ANALYSIS}<|end|>{_FINAL}", False),
        (_ANALYSIS, False),
    ],
)
def test_at_no_moment_anything_but_the_answer_is_seen(content: str, unopened: bool) -> None:
    answer = read_answer(AnswerMessage(content=content), wants_json=False)
    seen = {answer_so_far(content[:end], unopened=unopened) for end in range(len(content))}
    assert all(answer.text.startswith(each) for each in seen)
    assert answer.is_unopened is unopened


@pytest.mark.parametrize(("wants_json", "text"), [(True, '{"score": 1}'), (False, "")])
def test_structured_output_among_the_thoughts_is_the_answer(wants_json: bool, text: str) -> None:
    message = AnswerMessage.model_validate({"content": None, "reasoning_content": '{"score": 1}'})
    assert read_answer(message, wants_json=wants_json).text == text


@pytest.mark.parametrize(
    ("usage", "written"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, 5),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 715}, 705),
        ({"prompt_tokens": 10, "completion_tokens": 5}, 5),
        ({}, None),
    ],
)
def test_tokens_of_thinking_count_where_only_the_total_has_them(usage: dict[str, int], written: int | None) -> None:
    assert AnswerUsage.model_validate(usage).written_tokens == written
