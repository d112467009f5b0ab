"""What a server says of its models: which there are, how long their context is, when they end."""

import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
import openai
from pydantic import BaseModel, ConfigDict, ValidationError

OLLAMA_CONTEXT = 4096
"""Ollama's smallest default for a model that is not loaded, https://docs.ollama.com/context-length."""

_CONTEXT_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")
"""Names of the context length in ``/models`` of vLLM, of OpenRouter and Together, of Groq, and of Mistral."""
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
    """Return the entry of ``model``; Ollama lists an untagged name as ``:latest``, Gemini each as ``models/…``."""
    return next((entry for entry in models if entry.id in {model, f"{model}:latest", f"models/{model}"}), None)


class ServerContext(NamedTuple):
    """With how many tokens a server runs a model; ``cuts`` when it leaves out what does not fit without a word."""

    tokens: int
    cuts: bool = False


async def server_context(client: openai.AsyncOpenAI, model: str) -> ServerContext | None:
    """Return the context with which a llama.cpp, Ollama or LM Studio server runs ``model``; None for other servers.

    The weights' own limit does not count: these servers cut longer prompts to the context they were started with.
    """
    url = urlsplit(str(client.base_url))
    root = f"{url.scheme}://{url.netloc}"
    props = await _json(client, "GET", f"{root}/props")
    settings = props.get("default_generation_settings")
    if isinstance(settings, dict) and isinstance(settings.get("n_ctx"), int):
        return ServerContext(settings["n_ctx"])
    running = (await _json(client, "GET", f"{root}/api/ps")).get("models")
    for entry in running if isinstance(running, list) else []:
        named = entry.get("name") in {model, f"{model}:latest"}
        if named and isinstance(entry.get("context_length"), int):
            return ServerContext(entry["context_length"], cuts=True)
    shown = await _json(client, "POST", f"{root}/api/show", {"model": model})
    if "model_info" in shown:
        number = _NUM_CTX.search(str(shown.get("parameters", "")))
        return ServerContext(int(number[1]) if number else OLLAMA_CONTEXT, cuts=True)
    loaded = (await _json(client, "GET", f"{root}/api/v0/models/{model}")).get("loaded_context_length")
    return ServerContext(loaded) if isinstance(loaded, int) else None


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
