"""What comes back from a chat endpoint: text without the model's thinking, valid JSON, and the limits of its models."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import openai
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import BaseModel, ConfigDict, ValidationError

_TAGS = r"(?:seed:)?think(?:ing)?|thoughts?|reasoning"
_OPEN = rf"(?:<(?:{_TAGS})>|\[think(?:ing)?\]|◁think▷)"
_CLOSE = rf"(?:</(?:{_TAGS})>|\[/think(?:ing)?\]|◁/think▷)"
"""The tags of Qwen and DeepSeek, of Claude, of Seed, of Magistral («[THINK]») and of Kimi («◁think▷»)."""
_CLOSING = re.compile(_CLOSE, re.IGNORECASE)
_THINKING = re.compile(rf"{_OPEN}.*?{_CLOSE}\s*", re.DOTALL | re.IGNORECASE)
_UNCLOSED = re.compile(rf"^[ \t]*{_OPEN}", re.MULTILINE | re.IGNORECASE)
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_WANTED_CHARS = 200


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class AnswerMessage(_Lenient):
    content: str | None = None
    refusal: str | None = None


class AnswerChoice(_Lenient):
    message: AnswerMessage
    finish_reason: str | None = None


class AnswerUsage(_Lenient):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class ChatAnswer(_Lenient):
    """The used fields of a ``chat.completion`` object; servers leave others out or add some."""

    choices: list[AnswerChoice]
    usage: AnswerUsage | None = None


class ParsedJson(NamedTuple):
    """The value that a text holds, or the ``problem``: which rule the text breaks and where, without quoting it."""

    value: Any = None
    problem: str | None = None


def without_thinking(text: str) -> str:
    """Return the text without a reasoning model's ``<think>…</think>``, in every spelling of these tags, and stripped.

    Some templates leave the opening tag out: then all before the closing tag is thinking. After an opening tag that
    begins a line and is never closed, all is thinking.
    """
    end = max((match.end() for match in _CLOSING.finditer(text)), default=0)
    # Only where a closing tag follows: a search for one from every opening tag could take long.
    closed = _CLOSING.split(_THINKING.sub("", text[:end]))[-1]
    text = closed + text[end:]
    unclosed = _UNCLOSED.search(text)
    return text[: unclosed.start() if unclosed else None].strip()


def parse_json(text: str, schema: Mapping[str, Any]) -> ParsedJson:
    """Return the JSON value of ``text``, bare or in a Markdown fence, or why it is missing or invalid."""
    body = text.strip()
    if not body.startswith(("{", "[")) and (fence := _FENCE.search(body)):
        body = fence[1]
    try:
        data = json.loads(body)
    except json.JSONDecodeError as exc:
        return ParsedJson(problem=f"no JSON: {exc.msg} at character {exc.pos} of {len(body)}")
    error = best_match(Draft202012Validator(schema).iter_errors(data))
    if error is not None:
        wanted = json.dumps(error.validator_value, ensure_ascii=False, default=str)[:_WANTED_CHARS]
        return ParsedJson(problem=f"{error.json_path} breaks {error.validator}: {wanted}")
    return ParsedJson(data)


OLLAMA_CONTEXT = 4096
"""Ollama's smallest default for a model that is not loaded, https://docs.ollama.com/context-length."""

_CONTEXT_FIELDS = ("max_model_len", "context_length", "context_window")
"""Names of the context length in ``/models`` of vLLM, of OpenRouter and Together, and of Groq."""
_NUM_CTX = re.compile(r"^num_ctx\s+(\d+)", re.MULTILINE)


class ListedModel(BaseModel):
    """An entry of ``/models``."""

    model_config = ConfigDict(extra="allow")

    id: str
    shutdown_date: str | None = None

    @property
    def context_tokens(self) -> int | None:
        extra = self.model_extra or {}
        return next((extra[name] for name in _CONTEXT_FIELDS if isinstance(extra.get(name), int)), None)


class _Listing(BaseModel):
    data: list[ListedModel] | None = None


async def listed_models(client: openai.AsyncOpenAI) -> list[ListedModel]:
    """Return what ``GET /models`` lists; nothing when the answer has another shape.

    Raises:
        openai.OpenAIError, json.JSONDecodeError: for the adapter to map.
    """
    response = await client.get("/models", cast_to=httpx2.Response)
    try:
        return _Listing.model_validate(response.json()).data or []
    except ValidationError:
        return []


def find_model(models: list[ListedModel], model: str) -> ListedModel | None:
    """Return the entry of ``model``; Ollama lists an untagged name as ``:latest``."""
    return next((entry for entry in models if entry.id in {model, f"{model}:latest"}), None)


async def server_context_tokens(client: openai.AsyncOpenAI, model: str) -> int | None:
    """Return the context in tokens with which a llama.cpp or Ollama server runs ``model``; None for other servers.

    The weights' own limit does not count: these servers cut longer prompts to the context they were started with.
    """
    url = urlsplit(str(client.base_url))
    root = f"{url.scheme}://{url.netloc}"
    props = await _json(client, "GET", f"{root}/props")
    settings = props.get("default_generation_settings")
    if isinstance(settings, dict) and isinstance(settings.get("n_ctx"), int):
        return int(settings["n_ctx"])
    running = (await _json(client, "GET", f"{root}/api/ps")).get("models")
    for entry in running if isinstance(running, list) else []:
        named = entry.get("name") in {model, f"{model}:latest"}
        if named and isinstance(entry.get("context_length"), int):
            return int(entry["context_length"])
    shown = await _json(client, "POST", f"{root}/api/show", {"model": model})
    if "model_info" not in shown:
        return None
    number = _NUM_CTX.search(str(shown.get("parameters", "")))
    return int(number[1]) if number else OLLAMA_CONTEXT


async def _json(client: openai.AsyncOpenAI, method: str, url: str, body: object = None) -> dict[str, Any]:
    """Return the JSON object at ``url``, or an empty one: not every server has every address."""
    try:
        if method == "GET":
            response = await client.get(url, cast_to=httpx2.Response)
        else:
            response = await client.post(url, cast_to=httpx2.Response, body=body)
        data = response.json()
    except (openai.APIStatusError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
