"""Voices: what is sent to an endpoint and what goes wrong there, and the programs of this machine."""

import os
import wave
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import openai_faults
from application.speaking import Speaking
from config import Settings
from errors import (
    BadSettings,
    EngineFailed,
    ProviderError,
    ProviderInvalidAnswer,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from openai_faults import MODELS, SPEECH, Fault, Kind
from openai_server import OpenAIServer, Pauses
from provider_calls.policy import Time
from text_to_speech.festival import FestivalTextToSpeech, installed, readable
from text_to_speech.openai import OpenAITextToSpeech
from text_to_speech.sherpa import SherpaTextToSpeech

Connect = Callable[..., OpenAITextToSpeech]


@pytest.fixture
async def connect(server: OpenAIServer, pauses: Pauses) -> AsyncIterator[Connect]:
    """Makes voices at the server, and closes them."""
    made: list[OpenAITextToSpeech] = []

    def connect(**changes: Any) -> OpenAITextToSpeech:
        options: dict[str, Any] = {
            "base_url": server.base_url,
            "api_key": server.api_key,
            "model": "tts-1",
            "voice": "alloy",
            "provider_name": "loopback",
            "concurrency": 2,
            "timeout_s": 20.0,
            "time": Time(sleep=pauses.sleep),
        }
        made.append(OpenAITextToSpeech(**(options | changes)))
        return made[-1]

    yield connect
    for voice in made:
        await voice.close()


async def test_a_text_is_said_by_the_voice_that_is_set(server: OpenAIServer, connect: Connect) -> None:
    voice = connect()
    sound = await voice.speak("Тихо было.")
    assert sound.startswith((b"ID3", b"\xff"))
    assert [each.body for each in server.asked(SPEECH)] == [
        {"model": "tts-1", "voice": "alloy", "input": "Тихо было.", "response_format": "mp3"}
    ]
    assert voice.voice == "tts-1/alloy@loopback"


async def test_a_server_without_mp3_is_asked_for_wav_from_then_on(server: OpenAIServer, connect: Connect) -> None:
    server.speech_formats = frozenset(["wav"])
    voice = connect()
    for _ in range(2):
        assert (await voice.speak("Да.")).startswith(b"RIFF")
    assert [each.body["response_format"] for each in server.asked(SPEECH)] == ["mp3", "wav", "wav"]


@pytest.mark.parametrize(
    ("fault", "error", "requests"),
    [
        (openai_faults.status(401), ProviderRefusedKey, 1),
        (openai_faults.status(400), ProviderRejectedRequest, 2),
        (openai_faults.status(429, retry_after="0"), ProviderRateLimited, 3),
        (openai_faults.status(500), ProviderUnavailable, 3),
        (Fault(Kind.RESET), ProviderUnavailable, 3),
        (Fault(Kind.TRUNCATED_BODY), ProviderUnavailable, 3),
        (Fault(Kind.BODY, body={"error": {"message": "no voice"}}), ProviderInvalidAnswer, 3),
    ],
)
async def test_what_goes_wrong_at_an_endpoint(
    server: OpenAIServer, connect: Connect, fault: Fault, error: type[ProviderError], requests: int
) -> None:
    server.faults.add(*[fault] * 3)
    with pytest.raises(error):
        await connect().speak("Да.")
    assert len(server.asked(SPEECH)) == requests


async def test_a_passing_failure_is_tried_again(server: OpenAIServer, connect: Connect) -> None:
    server.faults.add(openai_faults.status(503), Fault(Kind.BODY, body={}))
    assert await connect().speak("Да.")
    assert len(server.asked(SPEECH)) == 3


async def test_a_check_is_not_paid_for(server: OpenAIServer, connect: Connect) -> None:
    await connect().check()
    with pytest.raises(ProviderRefusedKey):
        await connect(api_key="sk-wrong").check()
    assert not server.asked(SPEECH)
    assert server.asked(MODELS)


# --- festival --------------------------------------------------------------------------------------------------------


def program(folder: Path, script: str) -> FestivalTextToSpeech:
    """A program in festival's place."""
    path = folder / "text2wave"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return FestivalTextToSpeech(path)


async def test_the_program_gets_a_file_and_no_environment_of_ours(tmp_path: Path) -> None:
    script = f'[ -z "$OF_OURS" ] || exit 1; for last; do :; done; cp "$last" {tmp_path}/said; head -c 9001 /dev/zero'
    os.environ["OF_OURS"] = "secret"
    try:
        sound = await program(tmp_path, script).speak("«Тихо» — 5 ☺ раз.")
    finally:
        del os.environ["OF_OURS"]
    with wave.open(BytesIO(sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (16_000, 1, 4500)
    assert (tmp_path / "said").read_text() == "Тихо, раз."


@pytest.mark.parametrize("script", ["exit 0", "exit 3", "echo SIOD ERROR >&2", "head -c 999 /dev/zero"])
async def test_a_program_that_says_nothing_has_failed(tmp_path: Path, script: str) -> None:
    with pytest.raises(EngineFailed):
        await program(tmp_path, script).speak("Да.")


async def test_a_program_that_is_missing_has_failed(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed):
        await FestivalTextToSpeech(tmp_path / "none").speak("Да.")


@pytest.mark.parametrize(
    ("text", "given"),
    [("☺", "да"), ("тест — два (три)", "тест, два, три,"), ("… Wi-Fi: «да»!", "Wi-Fi, да!"), ("а - б , в", "а, б, в")],
)
def test_only_what_the_rules_know_is_given(text: str, given: str) -> None:
    assert readable(text) == given


@pytest.mark.skipif(installed() is None, reason="festival with its Russian voice is not installed")
async def test_festival_says_a_sentence() -> None:
    found = installed()
    assert found is not None
    with wave.open(BytesIO(await FestivalTextToSpeech(found).speak("Тихо было."))) as file:
        assert file.getnframes() > 10_000


# --- which voice -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"tts_model": "m"}, "TTS_BASE_URL"),
        ({"tts_base_url": "http://tts:1/v1"}, "TTS_MODEL"),
        ({"tts_engine": "openai"}, "TTS_MODEL, TTS_BASE_URL"),
        ({"tts_engine": "folder"}, "TTS_MODEL_DIR"),
    ],
)
def test_what_is_missing_is_named(settings: dict[str, Any], names: str) -> None:
    with pytest.raises(BadSettings) as raised:
        Speaking(Settings(_env_file=None, **settings))
    assert raised.value.details["names"] == names


async def test_the_configured_endpoint_speaks(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "tts_base_url": "http://tts:1/v1",
        "tts_model": "m",
        "tts_voice": "v",
        "tts_model_dir": tmp_path,
    }
    speaking = Speaking(Settings(_env_file=None, **settings))
    voice = await speaking.voice()
    assert voice is not None
    assert voice.voice == "m/v@tts:1"
    await speaking.close()


async def test_nothing_speaks_when_it_is_switched_off(tmp_path: Path) -> None:
    speaking = Speaking(Settings(_env_file=None, tts_engine="off", tts_model="m", tts_model_dir=tmp_path))
    assert not speaking.is_possible
    assert await speaking.voice() is None


def test_a_folder_without_a_voice_is_named(tmp_path: Path) -> None:
    pytest.importorskip("sherpa_onnx")
    (tmp_path / "a.onnx").touch()
    with pytest.raises(BadSettings) as raised:
        SherpaTextToSpeech(tmp_path)
    assert raised.value.details["names"] == "TTS_MODEL_DIR"


async def test_a_file_that_is_no_voice_is_told_so(tmp_path: Path) -> None:
    pytest.importorskip("sherpa_onnx")
    for name in ("a.onnx", "tokens.txt"):
        (tmp_path / name).write_text("x")
    voice = SherpaTextToSpeech(tmp_path)
    with pytest.raises((BadSettings, EngineFailed)):
        await voice.check()
    await voice.close()
