"""Requests to a chat endpoint, and its answers, whole or piece by piece as server-sent events."""

import asyncio
import json
from typing import Any

import httpx2
import openai
from pydantic import BaseModel, ConfigDict, ValidationError

from errors import ProviderInvalidAnswer, ProviderUnavailable
from language_model.openai_answers import (
    AnswerChoice,
    AnswerMessage,
    AnswerUsage,
    ChatAnswer,
    answer_so_far,
)
from language_model.port import OnText
from provider_calls.openai import error_in_body

STALL_S = 30.0
"""Seconds after which an answer that has begun and does not go on is given up."""

Stream = openai.AsyncStream[object]
_PATH = "/chat/completions"


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Choice(_Lenient):
    delta: AnswerMessage = AnswerMessage()
    finish_reason: str | None = None


class _Chunk(_Lenient):
    """The used fields of a ``chat.completion.chunk``. The one with the usage has no choices."""

    choices: list[_Choice] = []
    usage: AnswerUsage | None = None


async def sent(
    client: openai.AsyncOpenAI, body: dict[str, object], provider: str, on_text: OnText | None, *, unopened: bool
) -> tuple[ChatAnswer, httpx2.Response]:
    """Send a request; return the answer with its response. What comes of a stream is given to ``on_text``.

    ``unopened`` is ``Capabilities.unopened_thoughts``.

    Raises:
        What ``read_stream`` raises.
    """
    if body.get("stream"):
        stream = await client.post(_PATH, cast_to=object, body=body, stream=True, stream_cls=Stream)
        return await read_stream(stream, provider, on_text, unopened=unopened), stream.response
    response = await client.post(_PATH, cast_to=httpx2.Response, body=body)
    try:
        return ChatAnswer.model_validate(response.json()), response
    except ValidationError as exc:
        raise ProviderInvalidAnswer(provider=provider, reason="no chat completion") from exc


async def read_stream(stream: Stream, provider: str, on_text: OnText | None, *, unopened: bool) -> ChatAnswer:
    """Read an answer to its end; call ``on_text`` with all that has come so far whenever that has changed.

    An endpoint that ignores the wish for a stream answers with one JSON document: it is returned as it is.

    Raises:
        ProviderUnavailable: the answer ended before its end, or stood still for ``STALL_S`` seconds.
        ProviderInvalidAnswer: what came is no answer of a chat endpoint.
        openai.OpenAIError, httpx2.RequestError, json.JSONDecodeError: for the adapter to map. An error in the middle
            is the ``openai.APIStatusError`` that it would have been before the first piece.
    """
    try:
        if "json" in stream.response.headers.get("content-type", ""):
            return ChatAnswer.model_validate(json.loads(await stream.response.aread()))
        return await _joined(stream, provider, on_text, unopened=unopened)
    except openai.APIError as exc:
        if isinstance(exc.body, dict):
            raise error_in_body(exc.body, stream.response) from exc
        raise
    except ValidationError as exc:
        raise ProviderInvalidAnswer(provider=provider, reason="no chat completion") from exc
    finally:
        await stream.close()


async def _joined(stream: Stream, provider: str, on_text: OnText | None, *, unopened: bool) -> ChatAnswer:
    text, thoughts, refusal, shown = "", "", "", ""
    finished: str | None = None
    usage: AnswerUsage | None = None
    while (data := await _next(stream, provider, STALL_S if text or thoughts else None)) is not None:
        chunk = _Chunk.model_validate(data)
        usage = chunk.usage or usage
        for choice in chunk.choices[:1]:
            finished = choice.finish_reason or finished
            refusal += choice.delta.refusal or ""
            thoughts += choice.delta.thoughts or ""
            text += choice.delta.content or ""
            if on_text is not None and choice.delta.content:
                said = answer_so_far(text, unopened=unopened and not thoughts)
                if said != shown:
                    shown = said
                    on_text(said)
    if finished is None:
        raise ProviderUnavailable(provider=provider, reason="the stream ended early")
    message = AnswerMessage.model_construct(content=text, thoughts=thoughts or None, refusal=refusal or None)
    return ChatAnswer(choices=[AnswerChoice(message=message, finish_reason=finished)], usage=usage)


async def _next(stream: Stream, provider: str, limit_s: float | None) -> Any:
    """Return the next event's data; None at the end."""
    try:
        async with asyncio.timeout(limit_s):
            return await anext(stream, None)
    except TimeoutError as exc:
        raise ProviderUnavailable(provider=provider, reason=f"the stream stood still for {limit_s:g} s") from exc
