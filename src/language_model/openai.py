"""A language model behind any OpenAI-compatible endpoint: OpenAI, vLLM, Ollama, llama.cpp's server and others.

Endpoints differ in what they accept, so an option that was refused is given up and not offered again.
"""

import asyncio
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import IntEnum
from functools import cache
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import bpe_openai
import httpx2
import openai
import structlog
from pydantic import ValidationError

from datamodels import Completion, EngineInfo, PromptMessage, Usage
from errors import ProviderInvalidAnswer
from language_model.openai_answers import (
    AnswerChoice,
    ChatAnswer,
    find_model,
    listed_models,
    parse_json,
    server_context_tokens,
    without_thinking,
)
from language_model.openai_stream import Stream, read_answer
from language_model.port import MESSAGE_TOKENS, OnText
from outcomes import Purpose
from prices import model_facts, shutdown_date
from provider_calls.openai import error_detail, fingerprint, openai_client, openai_errors
from provider_calls.policy import ProviderCalls, Time
from text_cleaning import storable

REASONING_TOKENS = 8192
"""Tokens for hidden reasoning: ``max_completion_tokens`` counts it, and unused tokens are not billed."""

_REASONING_MODEL = re.compile(r"^(?:openai/)?(?:o\d|gpt-(?:[5-9]|\d\d))", re.IGNORECASE)
_FORMAT = re.compile(r"response_format|schema|grammar|structured|guided", re.IGNORECASE)
_SCHEMA_INSTRUCTION = (
    "Answer with one JSON value and nothing else, no Markdown. It must be valid by this JSON Schema:\n"
)


class AnswerFormat(IntEnum):
    """Ways to ask for structured output, the most reliable first."""

    STRICT_SCHEMA = 0
    SCHEMA = 1
    JSON_OBJECT = 2
    PROMPT = 3


class ChatRequests:
    """Builds the bodies of ``/chat/completions`` for one model and learns from refusals.

    The first bodies follow from the model's name and host: OpenAI's reasoning models take ``max_completion_tokens`` and
    no temperature; llama.cpp, Ollama and others take ``max_tokens``.
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
        self._streams = True
        self._tells_usage = True  # of a stream, in its last event
        self._reasoning_tokens = min(REASONING_TOKENS, context_tokens // 4) if reasoning else 0

    def body(
        self,
        messages: Sequence[PromptMessage],
        schema: Mapping[str, Any] | None,
        max_tokens: int,
        *,
        stream: bool = False,
    ) -> dict[str, object]:
        """Return the request's JSON; ``schema`` asks for structured output, ``stream`` for an answer in pieces."""
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
        if stream and self._streams:
            body["stream"] = True
            if self._tells_usage:
                body["stream_options"] = {"include_usage": True}
        return body

    def give_up(self, body: Mapping[str, object], exc: openai.APIStatusError) -> bool:
        """Drop or rename, for later bodies, the option of ``body`` that ``exc`` refuses.

        Returns False when the refusal is about something else.
        """
        if exc.status_code not in {400, 422}:
            return False
        text = f"{exc.param} {exc.code} {error_detail(exc)}"
        if "temperature" in text and "temperature" in body:
            self._temperature = False
            return True
        if "stream" in text.lower() and "stream" in body:
            # Some endpoints know no options of streams, some no streams.
            self._streams = "stream_options" in body
            self._tells_usage = False
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


def _with_instruction(messages: Sequence[PromptMessage], schema: Mapping[str, Any]) -> list[PromptMessage]:
    # Many chat templates take one system message only, and only in front.
    instruction = _SCHEMA_INSTRUCTION + json.dumps(schema, ensure_ascii=False)
    if messages and messages[0].role == "system":
        system = f"{messages[0].content}\n\n{instruction}"
        return [PromptMessage(role="system", content=system), *messages[1:]]
    return [PromptMessage(role="system", content=instruction), *messages]


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


_PATH = "/chat/completions"
CAREFUL_CONTEXT_TOKENS = 8192
"""The context assumed when neither setting, price table nor endpoint tells it: every recent model has that much."""


FOREIGN_MARGIN = 1.05
"""Factor on a count by cl100k that takes each digit for a token, used for models with other vocabularies. It is above 1
because not all of these were measured. Qwen2.5 takes 0.74 to 0.97 of that count for Russian and English texts,
transcripts and JSON, and at most 1.00 for any line of them."""

PIECE_CHARS = 50_000
"""Characters counted at once: bpe-openai takes 200,000 tokens at most, and a character has up to four bytes, each of
them a token at worst."""

log = structlog.get_logger(__name__)


class OpenAILanguageModel:
    """``LanguageModel`` over ``/chat/completions``.

    With ``context_tokens`` 0 the context is what ``resources/prices.yaml`` has, else what the endpoint tells
    (``check`` asks it), else ``CAREFUL_CONTEXT_TOKENS``. When ``identity`` is given, the fingerprint has it instead
    of ``base_url``: the embedded server has another port at every start, but the same weights.
    """

    def __init__(  # noqa: PLR0913  one explicit argument for each setting
        self,
        base_url: str,
        api_key: str,
        model: str,
        provider_name: str,
        context_tokens: int,
        max_output_tokens: int,
        concurrency: int,
        timeout_s: float,
        *,
        identity: str | None = None,
        time: Time | None = None,
    ) -> None:
        facts = model_facts(model)
        known = facts.context if facts else None
        self._asks_context = not context_tokens and known is None
        self._context_tokens = context_tokens or known or CAREFUL_CONTEXT_TOKENS
        self._max_output_tokens = max_output_tokens
        self._model = model
        self._provider = provider_name
        self._client = openai_client(base_url, api_key, timeout_s)
        self._calls = ProviderCalls(provider_name, concurrency, timeout_s, purpose=Purpose.LANGUAGE, time=time)
        self._requests = ChatRequests(base_url, model, self._context_tokens)
        digest = fingerprint(identity or base_url.rstrip("/"), model, "temperature 0")
        self._info = EngineInfo(name=provider_name, model=model, fingerprint=digest)

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def max_output_tokens(self) -> int:
        """Default of ``max_tokens``, never more than half of the context."""
        return min(self._max_output_tokens, self._context_tokens // 2)

    async def complete(
        self,
        messages: Sequence[PromptMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int | None = None,
        on_text: OnText | None = None,
    ) -> Completion:
        """See ``LanguageModel.complete``.

        The details of ``ProviderInvalidAnswer`` have ``usage`` (for the tokens were paid for) and ``truncated``, unless
        the response was no chat completion.
        """
        started = monotonic()
        limit = max_tokens or self.max_output_tokens
        answer = await self._calls.run(lambda: self._send(messages, schema, limit, on_text))
        choice = answer.choices[0]
        # NUL is removed as an escape, too: parsing the JSON would turn the escape into NUL.
        text = storable(without_thinking(choice.message.content or "").replace("\\u0000", "")).strip()
        usage = await self._usage(answer, messages)
        truncated = choice.finish_reason == "length"
        if reason := self._unusable(choice, text, truncated and schema is not None):
            raise ProviderInvalidAnswer(provider=self._provider, reason=reason, usage=usage, truncated=truncated)
        data = None
        if schema is not None:
            data, problem = parse_json(text, schema)
            if problem is not None:
                raise ProviderInvalidAnswer(provider=self._provider, reason=problem, usage=usage, truncated=truncated)
        return Completion(
            text=text,
            data=data,
            usage=usage,
            model=self._model,
            truncated=truncated,
            duration_s=monotonic() - started,
        )

    async def count_tokens(self, text: str) -> int:
        """Count the tokens of ``text``.

        The count is exact when the model's vocabulary is known, apart from the seams of a long text; else it is an
        estimate that is never too low.
        """
        if len(text) <= PIECE_CHARS:
            return count_tokens(self._model, text)
        return await asyncio.to_thread(count_tokens, self._model, text)

    async def check(self) -> None:
        """List the models; ask for one token when this model is not listed, since some servers list other names."""
        listed = await self._calls.run(self._look_up)
        if not listed:
            message = PromptMessage(role="user", content="1")
            await self._calls.run(lambda: self._send([message], None, 1))

    async def close(self) -> None:
        await self._client.close()

    async def _look_up(self) -> bool:
        with openai_errors(self._provider, self._model):
            try:
                entry = find_model(await listed_models(self._client), self._model)
            except openai.NotFoundError:
                entry = None
            if self._asks_context:
                told = entry.context_tokens if entry else None
                told = told or await server_context_tokens(self._client, self._model)
                self._context_tokens = told or CAREFUL_CONTEXT_TOKENS
        ends = (entry.shutdown_date if entry else None) or shutdown_date(self._model)
        if ends:
            log.warning("model_shutdown", model=self._model, date=ends.isoformat() if isinstance(ends, date) else ends)
        return entry is not None

    async def _send(
        self,
        messages: Sequence[PromptMessage],
        schema: Mapping[str, Any] | None,
        max_tokens: int,
        on_text: OnText | None = None,
    ) -> ChatAnswer:
        with openai_errors(self._provider, self._model):
            while True:
                body = self._requests.body(messages, schema, max_tokens, stream=on_text is not None)
                try:
                    return await self._answer(body, on_text if "stream" in body else None)
                except openai.APIStatusError as exc:
                    if not self._requests.give_up(body, exc):
                        raise

    async def _answer(self, body: dict[str, object], on_text: OnText | None) -> ChatAnswer:
        if on_text is not None:
            stream = await self._client.post(_PATH, cast_to=object, body=body, stream=True, stream_cls=Stream)
            answer = await read_answer(stream, self._provider, on_text)
        else:
            response = await self._client.post(_PATH, cast_to=httpx2.Response, body=body)
            try:
                answer = ChatAnswer.model_validate(response.json())
            except ValidationError as exc:
                raise ProviderInvalidAnswer(provider=self._provider, reason="no chat completion") from exc
        if not answer.choices:
            raise ProviderInvalidAnswer(provider=self._provider, reason="no choices")
        return answer

    async def _usage(self, answer: ChatAnswer, messages: Sequence[PromptMessage]) -> Usage:
        told = answer.usage
        prompt = told.prompt_tokens if told else None
        completion = told.completion_tokens if told else None
        if prompt is None:
            prompt = sum([await self.count_tokens(message.content) + MESSAGE_TOKENS for message in messages])
        if completion is None:
            completion = await self.count_tokens(answer.choices[0].message.content or "")
        return Usage(prompt_tokens=prompt, completion_tokens=completion)

    @staticmethod
    def _unusable(choice: AnswerChoice, text: str, cut: bool) -> str | None:
        if choice.message.refusal:
            return "the model refused"
        if cut:
            return "cut off by max_tokens"
        return None if text else f"no text, finish_reason {choice.finish_reason}"


def count_tokens(model: str, text: str) -> int:
    """Count the tokens of ``text``, never too few; for Russian in an unknown vocabulary, about a quarter too many."""
    encoding = _encoding(model)
    pieces = [text[start : start + PIECE_CHARS] for start in range(0, len(text), PIECE_CHARS)]
    if encoding is not None:
        return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)
    foreign = bpe_openai.get_encoding("cl100k_base")
    counted = 0
    for piece in pieces:
        # Vocabularies differ most in how many digits make a token; a token for each digit is the worst case.
        digits = sum(map(str.isdigit, piece))
        letters = "".join("x" if character.isdigit() else character for character in piece) if digits else piece
        counted += len(foreign.encode_ordinary(letters)) + digits
    return min(len(text.encode()), math.ceil(counted * FOREIGN_MARGIN))


_VOCABULARIES = (
    (re.compile(r"(?:openai/)?(?:gpt-4o|gpt-4\.1|gpt-4\.5|gpt-[5-9]|gpt-oss|chatgpt-4o|o[1-9])"), "o200k_base"),
    (re.compile(r"(?:openai/)?(?:gpt-4|gpt-3\.5)"), "cl100k_base"),
)
"""By https://github.com/openai/tiktoken/blob/main/tiktoken/model.py; the first that matches counts."""


@cache
def _encoding(model: str) -> bpe_openai.Encoding | None:
    """Return the vocabulary of a hosted OpenAI model; None for every other model."""
    # Not by the library's list of models, which has neither dated names nor those of the last two years.
    name = next((name for names, name in _VOCABULARIES if names.match(model.lower())), None)
    return None if name is None else bpe_openai.get_encoding(name)
