"""What a caller may rely on, whichever engine transcribes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import speech_corpus
import tiny_gigaam
from audio import find_ffmpeg, opus
from datamodels import PartTranscript
from openai_answers import Script, heard_sentence
from openai_server import OpenAIServer
from speech_to_text.onnx import OnnxSpeechToText
from speech_to_text.openai import OpenAISpeechToText
from speech_to_text.port import SpeechToText
from speech_to_text.whisper import WhisperSpeechToText
from weights.installer import ensure_weights

MODELS = Path(__file__).resolve().parents[2] / "persistent_data" / "models"
STARTS = (0.0, 15.0)
"""Where two parts of ten seconds begin."""


@pytest.fixture(scope="module")
def speech() -> speech_corpus.Clip:
    return speech_corpus.russian_prompts(minutes=0.5)


@pytest.fixture(scope="module")
def pcm(speech: speech_corpus.Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of Russian speech, then ten seconds of silence."""
    path = tmp_path_factory.mktemp("audio") / "prepared.pcm"
    path.write_bytes(speech_corpus.pcm_bytes(np.concatenate([speech.samples, speech_corpus.silence(10.0)])))
    return path


async def endpoint(speech: speech_corpus.Clip, stack: AsyncExitStack) -> SpeechToText:
    lines = speech.text.splitlines()
    step = speech.duration_s / len(lines)
    said = [heard_sentence(step * index, step * (index + 1), line) for index, line in enumerate(lines)]
    server = await stack.enter_async_context(OpenAIServer(transcriber=Script(speech.samples, said)))
    encode = partial(opus, ffmpeg=find_ffmpeg(None))
    return OpenAISpeechToText(server.base_url, server.api_key, "loopback-asr", "loopback", 2, 60.0, encode)


async def whisper(speech: speech_corpus.Clip, stack: AsyncExitStack) -> SpeechToText:
    return WhisperSpeechToText(await ensure_weights("whisper-base", MODELS), threads=2)


async def onnx(speech: speech_corpus.Clip, stack: AsyncExitStack) -> SpeechToText:
    """Return the engine with a stand-in for GigaAM's weights, which are large: all is as with them but the words."""
    directory = Path(stack.enter_context(TemporaryDirectory()))
    tiny_gigaam.write_model(directory, inventing=True)
    return OnnxSpeechToText(directory, threads=1)


Make = Callable[[speech_corpus.Clip, AsyncExitStack], Awaitable[SpeechToText]]

ENGINES = (endpoint, pytest.param(whisper, marks=pytest.mark.weights), onnx)
"""Every engine: what it is asked here is in the docstrings of the port."""


@pytest.fixture(scope="module", params=ENGINES, ids=lambda make: make.__name__)
async def engine(request: pytest.FixtureRequest, speech: speech_corpus.Clip) -> AsyncIterator[SpeechToText]:
    make: Make = request.param
    async with AsyncExitStack() as stack:
        engine = await make(speech, stack)
        yield engine
        await engine.close()


@pytest.fixture(scope="module")
async def alone(engine: SpeechToText, pcm: Path) -> list[PartTranscript]:
    """What the engine hears in two parts, of which it is given one after the other."""
    return [await engine.transcribe(pcm, start, start + 10.0, "ru") for start in STARTS]


@pytest.fixture(scope="module")
async def cut(engine: SpeechToText, pcm: Path) -> tuple[PartTranscript, list[float]]:
    """What the engine hears in 25 seconds that begin and end in the middle of speech, and how far it said it was."""
    told: list[float] = []
    return await engine.transcribe(pcm, 5.0, 30.0, "ru", (), told.append), told


def test_an_engine_of_this_machine_tells_how_far_it_is(
    engine: SpeechToText, cut: tuple[PartTranscript, list[float]]
) -> None:
    _, told = cut
    assert all(0 < each <= 1 for each in told)
    assert (len(told) >= 2) == (not isinstance(engine, OpenAISpeechToText))


async def test_a_check_of_a_working_engine_passes(engine: SpeechToText) -> None:
    await engine.check()


def test_times_are_inside_the_part_and_in_order(cut: tuple[PartTranscript, list[float]]) -> None:
    heard, _ = cut
    assert heard.segments
    starts = [segment.start for segment in heard.segments]
    assert starts == sorted(starts)
    for segment in heard.segments:
        assert segment.text.strip() == segment.text != ""
        assert 0.0 <= segment.start <= segment.end <= 25.0
        for word in segment.words or ():
            assert 0.0 <= word.start <= word.end <= 25.0


def test_the_language_asked_for_is_the_one_answered(alone: list[PartTranscript]) -> None:
    assert {heard.language for heard in alone} == {"ru"}


async def test_the_language_of_clear_speech_is_detected(engine: SpeechToText, pcm: Path) -> None:
    assert (await engine.transcribe(pcm, 0.0, 10.0, None)).language == "ru"


async def test_the_same_parts_have_the_same_text_and_at_once_do_not_mix(
    engine: SpeechToText, pcm: Path, alone: list[PartTranscript]
) -> None:
    together = await asyncio.gather(*(engine.transcribe(pcm, start, start + 10.0, "ru") for start in STARTS))
    assert together == alone
    assert together[0].segments != together[1].segments


async def test_silence_has_no_segments(engine: SpeechToText, pcm: Path, speech: speech_corpus.Clip) -> None:
    begin = speech.duration_s + 1.0
    assert (await engine.transcribe(pcm, begin, begin + 8.0, "ru")).segments == ()


async def test_a_cancelled_part_leaves_the_engine_working(engine: SpeechToText, pcm: Path) -> None:
    task = asyncio.create_task(engine.transcribe(pcm, 0.0, 30.0, "ru"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await engine.transcribe(pcm, 0.0, 10.0, "ru")).segments


def test_limits_and_names_are_told(engine: SpeechToText) -> None:
    assert 0 < engine.limits.target_s <= engine.limits.longest_s
    assert engine.concurrency >= 1
    assert engine.info.name
    assert engine.info.model
    assert engine.info.fingerprint


@pytest.mark.parametrize("make", ENGINES, ids=lambda make: make.__name__)
async def test_closing_twice_is_allowed(make: Make, speech: speech_corpus.Clip) -> None:
    async with AsyncExitStack() as stack:
        engine = await make(speech, stack)
        await engine.close()
        await engine.close()
