"""Which endpoint fills a slot, by the settings alone."""

from importlib import import_module
from typing import Any

import pytest

from application.engines import (
    LOCAL_SPEECH,
    Endpoint,
    language_endpoint,
    language_in_use,
    speech_endpoint,
    speech_in_use,
)
from config import AsrEngine, LlmEngine, Settings
from errors import BadSettings
from prices import is_free


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


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


@pytest.mark.parametrize("address", ["asr:1/v1", "ftp://asr/v1", "http://", "http://asr:0/v1", "http://asr:99999/v1"])
def test_what_is_no_address_is_named(address: str) -> None:
    with pytest.raises(BadSettings, match="ASR_BASE_URL"):
        speech_endpoint(settings(asr_base_url=address, asr_model="m"))


def test_a_missing_model_is_named() -> None:
    with pytest.raises(BadSettings, match="ASR_MODEL"):
        speech_endpoint(settings(asr_base_url="http://asr:1/v1"))


@pytest.mark.parametrize("engine", [each for each in AsrEngine if each is not AsrEngine.OPENAI])
def test_every_local_speech_engine_can_be_made(engine: AsrEngine) -> None:
    assert engine in LOCAL_SPEECH, "give it a row in LOCAL_SPEECH of application.engines"
    made = getattr(import_module(LOCAL_SPEECH[engine].module), LOCAL_SPEECH[engine].engine)
    assert callable(made.transcribe)


@pytest.mark.parametrize("row", set(LOCAL_SPEECH.values()))
def test_every_local_speech_engine_is_known_to_cost_nothing(row: Any) -> None:
    assert is_free(import_module(row.module).ENGINE_NAME), "name it in engines of resources/prices.yaml"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, ("whisper-base", None)),
        ({"asr_model_dir": "/models/whisper-large-v3-turbo"}, ("whisper-large-v3-turbo", None)),
        ({"asr_engine": "onnx", "asr_model_dir": "/models/gigaam-v3"}, ("gigaam-v3", None)),
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
