"""How many tokens a model takes, as its endpoint tells it, and which models the endpoint has."""

import re
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from pydantic import BaseModel, ConfigDict, ValidationError

OLLAMA_CONTEXT = 4096
"""Ollama's smallest default for a model that is not loaded, https://docs.ollama.com/context-length."""

_CONTEXT_FIELDS = ("max_model_len", "context_length", "context_window")
"""What vLLM, OpenRouter with Together, and Groq call it in ``/models``."""
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
    """What ``GET /models`` lists; empty when the answer is of another shape.

    Raises:
        openai.OpenAIError, json.JSONDecodeError: for the adapter to map.
    """
    response = await client.get("/models", cast_to=httpx2.Response)
    try:
        return _Listing.model_validate(response.json()).data or []
    except ValidationError:
        return []


def find_model(models: list[ListedModel], model: str) -> ListedModel | None:
    """The entry of ``model``; Ollama lists an untagged name as ``:latest``."""
    return next((entry for entry in models if entry.id in {model, f"{model}:latest"}), None)


async def server_context_tokens(client: openai.AsyncOpenAI, model: str) -> int | None:
    """Ask a llama.cpp or Ollama server how long a context it runs ``model`` with; None when it is neither.

    What the weights could hold is not asked: these servers cut a longer prompt to what they were started with.
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
    """The JSON object at ``url``, empty when there is none: not every server knows every address."""
    try:
        if method == "GET":
            response = await client.get(url, cast_to=httpx2.Response)
        else:
            response = await client.post(url, cast_to=httpx2.Response, body=body)
        data = response.json()
    except (openai.APIStatusError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
