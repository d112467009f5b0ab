"""A model's text becomes an answer: thinking left out, JSON valid."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from language_model.chat_requests import fits_strict_mode
from language_model.openai_answers import parse_json, without_thinking

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
    assert isinstance(json.loads(text.strip()), dict) or "```" in text


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
