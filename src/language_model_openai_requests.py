"""What to send to a chat endpoint: the endpoints differ, so a refused option is given up and not offered again."""

import json
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any
from urllib.parse import urlsplit

import openai

from datamodels import ChatMessage
from provider_calls_openai import error_detail

REASONING_TOKENS = 8192
"""Room for hidden reasoning: ``max_completion_tokens`` counts it, and what is not used is not billed."""

_REASONING_MODEL = re.compile(r"^(?:openai/)?(?:o\d|gpt-(?:[5-9]|\d\d))", re.IGNORECASE)
_FORMAT = re.compile(r"response_format|schema|grammar|structured|guided", re.IGNORECASE)
_SCHEMA_INSTRUCTION = (
    "Answer with one JSON value and nothing else, no Markdown. It must be valid by this JSON Schema:\n"
)


class AnswerFormat(IntEnum):
    """Ways to ask for structured output, the surest first."""

    STRICT_SCHEMA = 0
    SCHEMA = 1
    JSON_OBJECT = 2
    PROMPT = 3


class ChatRequests:
    """Builds the bodies of ``/chat/completions`` for one model and learns from refusals.

    Starts with what the model's name and host promise: OpenAI's reasoning models take ``max_completion_tokens`` and no
    temperature, llama.cpp, Ollama and others ``max_tokens``.
    """

    def __init__(self, base_url: str, model: str, context_tokens: int) -> None:
        reasoning = _REASONING_MODEL.match(model) is not None
        self._model = model
        self._format = AnswerFormat.STRICT_SCHEMA
        self._temperature = not reasoning
        self._limit = "max_tokens"
        if reasoning or urlsplit(base_url).hostname == "api.openai.com":
            self._limit = "max_completion_tokens"
        self._renamed = False
        self._reasoning_tokens = min(REASONING_TOKENS, context_tokens // 4) if reasoning else 0

    def body(
        self, messages: Sequence[ChatMessage], schema: Mapping[str, Any] | None, max_tokens: int
    ) -> dict[str, object]:
        """The request's JSON; ``schema`` asks for structured output."""
        body: dict[str, object] = {"model": self._model}
        if schema is not None:
            how = self._format
            if how == AnswerFormat.STRICT_SCHEMA and not fits_strict_mode(schema):
                how = AnswerFormat.SCHEMA
            if how >= AnswerFormat.JSON_OBJECT:
                messages = _with_instruction(messages, schema)
            if how == AnswerFormat.JSON_OBJECT:
                body["response_format"] = {"type": "json_object"}
            elif how < AnswerFormat.JSON_OBJECT:
                strict = how == AnswerFormat.STRICT_SCHEMA
                wanted = {"name": "answer", "strict": strict, "schema": dict(schema)}
                body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        body["messages"] = [{"role": message.role, "content": message.content} for message in messages]
        body[self._limit] = max_tokens + self._reasoning_tokens
        if self._temperature:
            body["temperature"] = 0
        return body

    def give_up(self, body: Mapping[str, object], exc: openai.APIStatusError) -> bool:
        """Drop the option of ``body`` that ``exc`` refuses; False when the refusal is about something else."""
        if exc.status_code not in {400, 422}:
            return False
        text = f"{exc.param} {exc.code} {error_detail(exc)}"
        if "temperature" in text and "temperature" in body:
            self._temperature = False
            return True
        other = "max_tokens" if "max_completion_tokens" in body else "max_completion_tokens"
        if self._refuses_limit(text, other):
            self._limit, self._renamed = other, True
            return True
        refused = body.get("response_format")
        if isinstance(refused, dict) and _FORMAT.search(text):
            self._format = AnswerFormat(max(self._format, _format_of(refused) + 1))
            return True
        return False

    def _refuses_limit(self, text: str, other: str) -> bool:
        if self._renamed:
            return False
        unsupported = re.search(
            r"unsupported|not supported|unrecognized|unknown|unexpected|extra|permitted", text, re.IGNORECASE
        )
        mentioned = re.search(rf"\b(?:{other}|{self._limit})\b", text)
        return unsupported is not None and mentioned is not None


def _format_of(response_format: dict[str, Any]) -> AnswerFormat:
    if response_format["type"] == "json_object":
        return AnswerFormat.JSON_OBJECT
    return AnswerFormat.STRICT_SCHEMA if response_format["json_schema"]["strict"] else AnswerFormat.SCHEMA


def _with_instruction(messages: Sequence[ChatMessage], schema: Mapping[str, Any]) -> list[ChatMessage]:
    # Many chat templates take one system message only, and only in front.
    instruction = _SCHEMA_INSTRUCTION + json.dumps(schema, ensure_ascii=False)
    if messages and messages[0].role == "system":
        system = f"{messages[0].content}\n\n{instruction}"
        return [ChatMessage(role="system", content=system), *messages[1:]]
    return [ChatMessage(role="system", content=instruction), *messages]


def fits_strict_mode(schema: object) -> bool:
    """Whether OpenAI's strict mode takes ``schema``: every object closed, every property required.

    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    if isinstance(schema, Mapping):
        kind = schema.get("type")
        if kind == "object" or (isinstance(kind, list) and "object" in kind):
            properties = schema.get("properties")
            if not isinstance(properties, Mapping) or schema.get("additionalProperties") is not False:
                return False
            if set(schema.get("required", ())) != set(properties):
                return False
        return all(fits_strict_mode(part) for part in schema.values())
    if isinstance(schema, list):
        return all(fits_strict_mode(part) for part in schema)
    return True
