"""The language model's server as a real process."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import urllib3

from config import ROOT
from embedded.engines import Engines
from embedded.llm import LlmEndpoint
from errors import EngineFailed
from weights.installer import ensure_weights

MODELS = ROOT / "persistent_data" / "models"
ANSWER_LIMIT_S = 250
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
async def server(engines: Engines) -> LlmEndpoint:
    weights = await ensure_weights("llm-1.5b", MODELS)
    return await engines.llm(weights, context_tokens=512, threads=2, parallel=1)


@pytest.fixture
def state_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="voxpersona-test-") as directory:
        yield Path(directory)


async def post(server: LlmEndpoint, path: str, body: dict[str, object], key: str | None = None) -> tuple[int, bytes]:
    url = server.base_url.removesuffix("/v1") + path
    headers = {"Authorization": f"Bearer {server.api_key if key is None else key}"}
    response = await asyncio.to_thread(
        urllib3.request, "POST", url, json=body, headers=headers, retries=False, timeout=ANSWER_LIMIT_S
    )
    return response.status, response.data


async def test_a_file_that_is_no_model_is_said_so_and_leaves_no_process(state_dir: Path) -> None:
    (state_dir / "model.gguf").write_bytes(b"GGUF, or so it says")
    with pytest.raises(EngineFailed):
        async with Engines(state_dir) as engines:
            await engines.llm(state_dir / "model.gguf", context_tokens=512, threads=1, parallel=1)
    assert not [
        process for process in psutil.process_iter(["cmdline"]) if str(state_dir) in str(process.info["cmdline"])
    ]


@pytest.mark.weights
async def test_an_answer_follows_the_json_schema_and_tells_its_tokens(server: LlmEndpoint) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}}
    messages = [{"role": "user", "content": "Имя и возраст: Анна, 31 год."}]
    body = {"messages": messages, "response_format": schema, "temperature": 0, "max_tokens": 40}
    status, answer = await post(server, "/v1/chat/completions", body)
    assert status == 200
    completion = json.loads(answer)
    assert json.loads(completion["choices"][0]["message"]["content"]) == {"name": "Анна", "age": 31}
    assert completion["usage"]["prompt_tokens"] > 0
    assert completion["model"] == server.model


@pytest.mark.weights
async def test_a_request_beyond_the_context_is_refused(server: LlmEndpoint) -> None:
    messages = [{"role": "user", "content": "слово " * server.context_tokens}]
    status, _ = await post(server, "/v1/chat/completions", {"messages": messages})
    assert status == 400


@pytest.mark.weights
async def test_tokens_are_counted_by_the_server(server: LlmEndpoint) -> None:
    status, answer = await post(server, "/tokenize", {"content": "Привет, мир"})
    assert (status, len(json.loads(answer)["tokens"])) == (200, 5)


@pytest.mark.weights
async def test_strangers_without_the_key_get_nothing(server: LlmEndpoint) -> None:
    status, _ = await post(server, "/v1/chat/completions", {"messages": []}, key="guessed")
    assert status == 401


@pytest.mark.weights
async def test_it_listens_on_loopback_only(server: LlmEndpoint, engines_dir: Path) -> None:
    pid = json.loads((engines_dir / "run" / "llm.json").read_text())["pid"]
    sockets = psutil.Process(pid).net_connections(kind="inet")
    assert {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
