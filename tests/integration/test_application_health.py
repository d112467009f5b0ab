"""Which check speech recognition and language model get, by the settings, and what it finds."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from application.health import Probes
from config import Settings
from embedded.engines import Engines
from embedded.running import Running
from health.board import OK, Level, Reading, Why
from openai_server import OpenAIServer
from outcomes import OUTCOMES

NOT_FETCHED = Reading(Level.DEGRADED, Why.WEIGHTS_MISSING)


@pytest.fixture(autouse=True)
def no_calls_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OUTCOMES, "_last", {})


@pytest.fixture
def embedded(tmp_path: Path) -> Engines:
    """Engines of which none runs."""
    return Engines(tmp_path)


@pytest.fixture
async def made(tmp_path: Path, embedded: Engines) -> AsyncIterator[Callable[..., Probes]]:
    open_probes: list[Probes] = []

    def make(**given: Any) -> Probes:
        open_probes.append(Probes(Settings(_env_file=None, persistent_dir=tmp_path, **given), embedded))
        return open_probes[-1]

    yield make
    for each in open_probes:
        await each.close()


@pytest.fixture
def voices(tmp_path: Path) -> None:
    """Have the weights that tell voices apart."""
    (tmp_path / "models" / "voice-encoder").mkdir(parents=True)


async def test_engines_on_this_machine_wait_for_their_weights(made: Callable[..., Probes], tmp_path: Path) -> None:
    speech, language = made().speech_check(), made().language_check()
    assert await speech() == NOT_FETCHED
    assert await language() == NOT_FETCHED
    for name in ("whisper-base", "llm-1.5b"):
        (tmp_path / "models" / name).mkdir(parents=True)
    assert await speech() == NOT_FETCHED
    (tmp_path / "models" / "voice-encoder").mkdir()
    assert await speech() == OK
    assert await language() == OK


async def test_weights_that_the_operator_brings_are_looked_for(
    made: Callable[..., Probes], tmp_path: Path, voices: None
) -> None:
    folder, file = tmp_path / "gigaam", tmp_path / "own.gguf"
    probes = made(asr_engine="onnx", asr_model_dir=folder, llm_model_file=file)
    assert await probes.speech_check()() == NOT_FETCHED
    assert await probes.language_check()() == NOT_FETCHED
    folder.mkdir()
    file.touch()
    assert await probes.speech_check()() == OK
    assert await probes.language_check()() == OK


async def test_without_a_language_model_nothing_is_missing(made: Callable[..., Probes]) -> None:
    assert await made(llm_engine="none").language_check()() == Reading(Level.OK, Why.OFF)


async def test_speech_at_an_endpoint_waits_for_the_weights_that_tell_voices_apart(
    made: Callable[..., Probes], server: OpenAIServer, tmp_path: Path
) -> None:
    given = {"openai_base_url": server.base_url, "asr_model": "loopback-asr"}
    well = made(**given, asr_api_key=server.api_key).speech_check()
    assert await well() == NOT_FETCHED
    # What is worse is told.
    refused = made(**given, asr_api_key="sk-wrong").speech_check()
    assert await refused() == Reading(Level.DOWN, Why.KEY_REFUSED)
    (tmp_path / "models" / "voice-encoder").mkdir(parents=True)
    assert await well() == OK


async def test_endpoints_are_asked_each_with_its_own_key(made: Callable[..., Probes], server: OpenAIServer) -> None:
    probes = made(
        openai_base_url=server.base_url,
        asr_model="loopback-asr",
        asr_api_key="sk-wrong",
        llm_model="loopback-chat",
        llm_api_key=server.api_key,
    )
    assert await probes.speech_check()() == Reading(Level.DOWN, Why.KEY_REFUSED)
    assert await probes.language_check()() == OK


async def test_the_embedded_model_is_asked_once_it_runs_and_is_known_to_have_died(
    made: Callable[..., Probes], embedded: Engines, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.base_url.split(":")[2].split("/")[0])
    running = Running(1, "1", {"llm": port}, {"api_key": "sk-wrong"}, {"model": "m.gguf", "context": 8192})
    check = made().language_check()
    assert await check() == NOT_FETCHED
    monkeypatch.setattr(embedded._llm, "_running", running)
    assert await check() == Reading(Level.DOWN, Why.KEY_REFUSED)
    monkeypatch.setattr(Engines, "down", {"llm": object()})
    assert await check() == Reading(Level.DOWN, Why.ENGINE_DIED)
