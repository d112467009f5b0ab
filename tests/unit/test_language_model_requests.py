"""What a refusal teaches: one thing at a time, and never the same twice."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import openai
import pytest

from datamodels import PromptMessage
from language_model.capabilities import AnswerFormat, Capabilities, presumed
from language_model.chat_requests import learned_from_refusal, request_body
from language_model.vocabulary import Vocabulary
from provider_calls.address import address_of

MESSAGES = [
    PromptMessage(role="system", content="Правила"),
    PromptMessage(role="user", content="Данные"),
    PromptMessage(role="user", content="Задание"),
]
SCHEMA = {"type": "object", "additionalProperties": False, "required": [], "properties": {}}
KNOWN = Capabilities(known_at=datetime.now(UTC))


def refused(message: str, status: int = 400, code: str | None = None) -> openai.APIStatusError:
    request = httpx2.Request("POST", "http://127.0.0.1/v1/chat/completions")
    body = {"message": message, "code": code, "param": None}
    return openai.APIStatusError(message, response=httpx2.Response(status, request=request), body=body)


def learned(
    message: str,
    known: Capabilities = KNOWN,
    status: int = 400,
    code: str | None = None,
    extra: dict[str, Any] | None = None,
) -> Any:
    body = request_body("m", known, MESSAGES, SCHEMA, 8192, extra or {}, stream=True)
    found = learned_from_refusal(known, body, refused(message, status, code), 32_768)
    if found is None:
        return None
    return {name: value for name, value in found if value != getattr(known, name) and name != "known_at"}


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (
            "max_tokens is too large: 8192. This model supports at most 4096 completion tokens",
            {"most_output_tokens": 4096},
        ),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 4000]", {"most_output_tokens": 4000}),
        ("max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens", {"most_output_tokens": 4096}),
        ("Range of max_tokens should be [1, 2000]", {"most_output_tokens": 2000}),
        ("max_tokens is too large", {"most_output_tokens": 4096}),
        (
            "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            {"limit_name": "max_completion_tokens", "limit_renamed": True},
        ),
        (
            "1 error:\n {'loc': ('body', 'max_tokens'), 'msg': 'Extra inputs are not permitted', 'input': 9}",
            {"limit_name": "max_completion_tokens", "limit_renamed": True},
        ),
        ("Field required, 'input': {'content': 'roles must alternate'}", None),
        ("Unsupported value: 'temperature' does not support 0 with this model.", {"temperature": False}),
        ("This response_format type is unavailable now", {"answer_format": AnswerFormat.SCHEMA}),
        ("System role not supported", {"system_role": False, "repeated_roles": False}),
        (
            "Developer instruction is not enabled for models/gemma-3-27b-it",
            {"system_role": False, "repeated_roles": False},
        ),
        ("Conversation roles must alternate user/assistant/user/assistant/...", {"repeated_roles": False}),
        (
            "parameter.enable_thinking must be set to false for non-streaming calls",
            {"extra": {"enable_thinking": False}},
        ),
        ("This model's maximum context length is 8192 tokens. However, you asked 9000", {"context_tokens": 8192}),
        ("This model's maximum context length is 32768 tokens.", None),
        ("The prompt was blocked by a content filter", None),
        ("Unrecognized request argument supplied: stream_options", {"stream_usage": False}),
        ("Streaming is not supported for this model", {"stream_usage": False}),
        ("upstream_error: whoever runs the model did not like it", None),
    ],
)
def test_a_refusal_teaches_one_thing(message: str, changes: dict[str, Any] | None) -> None:
    assert learned(message) == changes


def test_json_that_an_endpoint_refuses_itself_is_asked_for_in_words() -> None:
    assert learned("Failed to generate JSON.", code="json_validate_failed") == {"answer_format": AnswerFormat.PROMPT}


@pytest.mark.parametrize(
    ("message", "known"),
    [
        ("System role not supported", KNOWN.with_(system_role=False, repeated_roles=False)),
        ("max_tokens is not supported", KNOWN.with_(limit_renamed=True, limit_name="max_completion_tokens")),
        ("enable_thinking must be set to false", KNOWN.with_(extra={"enable_thinking": False})),
        ("max_tokens is too large", KNOWN.with_(most_output_tokens=256)),
    ],
)
def test_what_was_given_up_is_not_given_up_again(message: str, known: Capabilities) -> None:
    assert learned(message, known) is None


def test_an_endpoint_without_streams_is_known_after_two_refusals() -> None:
    assert learned("stream is not supported", KNOWN.with_(stream_usage=False)) == {"streams": False}


@pytest.mark.parametrize(
    ("message", "extra", "known"),
    [
        ("temperature is not supported", {"temperature": 0.5}, {"temperature": False}),
        ("stream is not supported", {"stream": True}, {"streams": False, "stream_usage": False}),
        ("max_tokens is too large", {"max_tokens": 9000}, {"most_output_tokens": 4500}),
        ("stream_options need stream", {"stream": False}, {}),
    ],
)
def test_what_the_operator_wants_is_refused_once(message: str, extra: dict[str, Any], known: dict[str, Any]) -> None:
    assert learned(message, KNOWN.with_(**known), extra=extra) is None


@pytest.mark.parametrize(
    ("wanted", "extra", "sent"),
    [
        (True, {}, {"stream": True, "stream_options": {"include_usage": True}}),
        (False, {}, {}),
        (True, {"stream": False}, {"stream": False}),
        (False, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
    ],
)
def test_the_operator_decides_about_streams(wanted: bool, extra: dict[str, Any], sent: dict[str, Any]) -> None:
    body = request_body("m", KNOWN, MESSAGES, None, 100, extra, stream=wanted)
    assert {name: value for name, value in body.items() if name.startswith("stream")} == sent


@pytest.mark.parametrize(("status", "teaches"), [(500, True), (422, True), (429, False), (401, False)])
def test_templates_complain_with_several_statuses(status: int, teaches: bool) -> None:
    assert (learned("roles must alternate", status=status) is not None) is teaches


def test_messages_are_joined_where_roles_have_to_alternate() -> None:
    known = KNOWN.with_(system_role=False, repeated_roles=False)
    body = request_body("m", known, MESSAGES, None, 100, {})
    assert body["messages"] == [{"role": "user", "content": "Правила\n\nДанные\n\nЗадание"}]


@pytest.mark.parametrize(
    ("model", "thinks"),
    [
        ("gpt-5-mini", True),
        ("deepseek-ai/DeepSeek-R1", True),
        ("gpt-oss:20b", True),
        ("gpt-4o", False),
        ("car1", False),
    ],
)
def test_names_of_thinking_models_are_known(model: str, thinks: bool) -> None:
    assert presumed("http://127.0.0.1/v1", model).thinks is thinks


def test_a_prompt_is_cut_when_far_fewer_tokens_are_read_than_any_vocabulary_has() -> None:
    vocabulary = Vocabulary("qwen3:8b")
    assert vocabulary.is_cut(7000, 2050)
    assert not vocabulary.is_cut(7000, 4096)
    for _ in range(5):
        vocabulary.learn(1000, 850)
    assert vocabulary.is_cut(7000, 4096)
    assert not vocabulary.is_cut(7000, 5900)


def test_a_prompt_that_is_longer_than_expected_counts_at_once() -> None:
    vocabulary = Vocabulary("qwen3:8b", scale=0.7)
    before = vocabulary.count("Тишина в номере. " * 50)
    assert vocabulary.learn(1000, 940) is None
    assert vocabulary.count("Тишина в номере. " * 50) > before


@pytest.mark.parametrize(
    ("address", "url", "headers"),
    [
        ("https://api.openai.com/v1/", "https://api.openai.com/v1", {"Authorization": "Bearer k"}),
        (
            "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/deployments/d",
            {"api-key": "k"},
        ),
        (
            "https://api.anthropic.com/v1",
            "https://api.anthropic.com/v1",
            {"Authorization": "Bearer k", "x-api-key": "k", "anthropic-version": "2023-06-01"},
        ),
    ],
)
def test_a_key_goes_where_the_endpoint_wants_it(address: str, url: str, headers: dict[str, str]) -> None:
    found = address_of(address, "k")
    assert (found.url, found.headers) == (url, headers)
