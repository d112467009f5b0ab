"""The bodies of ``/chat/completions`` in the dialect of an endpoint, and what a refusal of one teaches."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import openai

from datamodels import PromptMessage
from language_model.capabilities import MAX_COMPLETION_TOKENS, MAX_TOKENS, AnswerFormat, Capabilities
from provider_calls.openai import error_message

SMALLEST_OUTPUT_TOKENS = 256
"""The shortest limit of answers that is still tried when an endpoint refuses limits without saying what it takes."""

_REFUSED = frozenset({400, 422, 424, 500})
"""Statuses of refusals. A template's complaint comes as 422 or 424 from TGI and as 500 from llama.cpp and Ollama."""
_FORMAT = re.compile(r"response_format|schema|grammar|structured|guided", re.IGNORECASE)
_UNSUPPORTED = re.compile(r"unsupported|not supported|unrecognized|unknown|unexpected|extra|permitted", re.IGNORECASE)
_NO_SYSTEM = re.compile(
    r"system (?:role|message|prompt)s?\b.{0,40}\b(?:not|n't|un)|(?:not|n't|un)\S* .{0,20}system (?:role|message|prompt)"
    r"|developer instruction is not enabled",
    re.IGNORECASE | re.DOTALL,
)
_ALTERNATE = re.compile(r"must alternate|alternating|consecutive (?:user )?messages", re.IGNORECASE)
_TOO_LARGE = re.compile(r"too large|at most|maximum|range|less than|exceed|above|greater|<=|> \d", re.IGNORECASE)
_LIMIT = re.compile(r"max_tokens|max_completion_tokens|max_new_tokens|output tokens|completion tokens", re.IGNORECASE)
_CONTEXT = re.compile(r"(?:maximum|max|model's) context length (?:is|of) (\d+)", re.IGNORECASE)
_ECHO = re.compile(r"['\"]?input['\"]?\s*[:=]")
"""Where a refusal begins to quote the request, whose words are nobody's complaint."""
_READ_CHARS = 1000
_STREAM = re.compile(r"\bstream", re.IGNORECASE)
"""Not «upstream», which gateways say of whoever runs the model."""
_NO_THINKING = "enable_thinking"
_NUMBER = re.compile(r"\d+")
_INVALID_JSON = "json_validate_failed"
_INSTRUCTION = "Answer with one JSON value and nothing else, no Markdown. It must be valid by this JSON Schema:\n"


def request_body(
    model: str,
    known: Capabilities,
    messages: Sequence[PromptMessage],
    schema: Mapping[str, Any] | None,
    max_tokens: int,
    extra: Mapping[str, Any],
    *,
    stream: bool = False,
) -> dict[str, object]:
    """Return the request's JSON; ``schema`` asks for structured output, ``stream`` for an answer in pieces.

    ``max_tokens`` is for answer and thinking. ``extra`` is the operator's, and overrules: with a ``stream`` in it every
    answer comes in pieces, or none.
    """
    body: dict[str, object] = {"model": model}
    if schema is not None:
        how = known.answer_format
        if how == AnswerFormat.STRICT_SCHEMA and not fits_strict_mode(schema):
            how = AnswerFormat.SCHEMA
        if known.asks_in_prompt:
            messages = _with_instruction(messages, schema)
        if how == AnswerFormat.JSON_OBJECT:
            body["response_format"] = {"type": "json_object"}
        elif how < AnswerFormat.JSON_OBJECT:
            wanted = {"name": "answer", "strict": how == AnswerFormat.STRICT_SCHEMA, "schema": dict(schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
    body["messages"] = _as_taken(messages, known)
    body[known.limit_name] = min(max_tokens, known.most_output_tokens or max_tokens)
    if known.temperature:
        body["temperature"] = 0
    if stream and known.streams:
        body["stream"] = True
    body |= {**known.extra, **extra}
    if body.get("stream") and known.stream_usage:
        body.setdefault("stream_options", {"include_usage": True})
    return body


def _as_taken(messages: Sequence[PromptMessage], known: Capabilities) -> list[dict[str, str]]:
    """Return the messages in the roles that the endpoint takes: neighbours of one role joined where they have to."""
    joined: list[dict[str, str]] = []
    for message in messages:
        role = "user" if message.role == "system" and not known.system_role else message.role
        if joined and joined[-1]["role"] == role and not known.repeated_roles:
            joined[-1]["content"] += f"\n\n{message.content}"
        else:
            joined.append({"role": role, "content": message.content})
    return joined


def _with_instruction(messages: Sequence[PromptMessage], schema: Mapping[str, Any]) -> list[PromptMessage]:
    # Many chat templates take one system message only, and only in front.
    instruction = _INSTRUCTION + json.dumps(schema, ensure_ascii=False)
    if messages and messages[0].role == "system":
        system = f"{messages[0].content}\n\n{instruction}"
        return [PromptMessage(role="system", content=system), *messages[1:]]
    return [PromptMessage(role="system", content=instruction), *messages]


def learned_from_refusal(
    known: Capabilities, body: Mapping[str, Any], exc: openai.APIStatusError, context_tokens: int
) -> Capabilities | None:
    """Return what is known after ``exc`` refused ``body``, for another try; None when it is about something else.

    Each thing is given up once and for all, so that tries come to an end; what stands in the operator's own fields is
    not ours to give up. ``context_tokens`` is the context that the body was made for.
    """
    if exc.status_code not in _REFUSED:
        return None
    text = f"{exc.param} {exc.code} {_ECHO.split(error_message(exc))[0][:_READ_CHARS]}"
    learned = _of_template(known, text)
    if learned is None and exc.status_code in {400, 422}:
        learned = _of_context(known, text, context_tokens) or _of_option(known, body, text)
    return None if learned is not None and learned.says_as_much_as(known) else learned


def _of_template(known: Capabilities, text: str) -> Capabilities | None:
    if _NO_THINKING in text and _NO_THINKING not in known.extra:
        return known.with_(extra={**known.extra, _NO_THINKING: False})
    if known.system_role and _NO_SYSTEM.search(text):
        return known.with_(system_role=False, repeated_roles=False)
    if known.repeated_roles and _ALTERNATE.search(text):
        return known.with_(repeated_roles=False)
    return None


def _of_context(known: Capabilities, text: str, context_tokens: int) -> Capabilities | None:
    told = _CONTEXT.search(text)
    return known.with_(context_tokens=int(told[1])) if told and int(told[1]) < context_tokens else None


def _of_option(known: Capabilities, body: Mapping[str, Any], text: str) -> Capabilities | None:
    if _CONTEXT.search(text):
        return None
    if "temperature" in text and "temperature" in body:
        return known.with_(temperature=False)
    if _STREAM.search(text) and body.get("stream"):
        # Some endpoints know no options of streams, some no streams.
        return known.with_(streams="stream_options" in body, stream_usage=False)
    return _of_limit(known, body, text) or _of_format(known, body, text)


def _of_limit(known: Capabilities, body: Mapping[str, Any], text: str) -> Capabilities | None:
    if not _LIMIT.search(text):
        return None
    name = known.limit_name
    other = MAX_COMPLETION_TOKENS if name == MAX_TOKENS else MAX_TOKENS
    if _TOO_LARGE.search(text):
        asked = int(body[name])
        told_limits = [int(each) for each in _NUMBER.findall(text) if 16 <= int(each) < asked]
        lower = max(told_limits, default=asked // 2)
        return known.with_(most_output_tokens=lower) if lower >= SMALLEST_OUTPUT_TOKENS else None
    if not known.limit_renamed and _UNSUPPORTED.search(text) and re.search(rf"\b(?:{name}|{other})\b", text):
        return known.with_(limit_name=other, limit_renamed=True)
    return None


def _of_format(known: Capabilities, body: Mapping[str, Any], text: str) -> Capabilities | None:
    refused = body.get("response_format")
    if refused is None:
        return None
    if _INVALID_JSON in text:
        return known.with_(answer_format=AnswerFormat.PROMPT)
    if not _FORMAT.search(text):
        return None
    if refused["type"] == "json_object":
        tried = AnswerFormat.JSON_OBJECT
    else:
        tried = AnswerFormat.STRICT_SCHEMA if refused["json_schema"]["strict"] else AnswerFormat.SCHEMA
    return known.with_(answer_format=AnswerFormat(max(known.answer_format, tried + 1)))


def fits_strict_mode(schema: object) -> bool:
    """Tell whether OpenAI's strict mode takes ``schema``: every object closed, every property required.

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
