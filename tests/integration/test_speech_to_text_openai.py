"""Speech to text over real HTTP: what endpoints differ in, and what goes wrong at them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import openai_faults
from audio import find_ffmpeg, opus
from errors import (
    EngineFailed,
    ProviderError,
    ProviderInvalidAnswer,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from openai_answers import SAMPLE_RATE, Samples, Script, heard_sentence
from openai_faults import TRANSCRIPTIONS, Fault, Kind
from openai_server import OpenAIServer, Pauses, Recorded
from provider_calls.policy import Time
from speech_to_text.openai import OpenAISpeechToText
from speech_to_text.port import PartLimits

TIMED_LIMITS = PartLimits(target_s=300, longest_s=700)
UNTIMED_LIMITS = PartLimits(target_s=25, longest_s=30)
TURN_S = 5.0
LENGTH_S = 70.0
LINES = [
    heard_sentence(start + 0.5, start + 4.0, f"Реплика номер {int(start / TURN_S)} о гостинице.")
    for start in np.arange(0.0, LENGTH_S, TURN_S)
]


@pytest.fixture(scope="module")
def sound() -> Samples:
    """Noise where the lines are, as uneven as speech so that a part is found again, and silence between them."""
    samples = np.zeros(int(LENGTH_S * SAMPLE_RATE), np.float32)
    noise = np.random.default_rng(1)
    syllable = SAMPLE_RATE // 5
    for line in LINES:
        for begin in range(int(line.start * SAMPLE_RATE), int(line.end * SAMPLE_RATE), syllable):
            samples[begin : begin + syllable] = noise.normal(0.0, noise.uniform(0.02, 0.3), syllable)
    return np.clip(samples, -1.0, 1.0)


@pytest.fixture(scope="module")
def pcm(sound: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio") / "prepared.pcm"
    path.write_bytes((sound * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture
async def server(sound: Samples) -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(transcriber=Script(sound, LINES)) as server:
        yield server


Connect = Callable[..., OpenAISpeechToText]


@pytest.fixture
async def connect(server: OpenAIServer, pauses: Pauses) -> AsyncIterator[Connect]:
    """Makes engines at the server, and closes them."""
    made: list[OpenAISpeechToText] = []

    def connect(**changes: Any) -> OpenAISpeechToText:
        options: dict[str, Any] = {
            "base_url": server.base_url,
            "api_key": server.api_key,
            "model": "loopback-asr",
            "provider_name": "loopback",
            "concurrency": 2,
            "timeout_s": 20.0,
            "encode": partial(opus, ffmpeg=find_ffmpeg(None)),
            "time": Time(sleep=pauses.sleep),
        }
        made.append(OpenAISpeechToText(**(options | changes)))
        return made[-1]

    yield connect
    for engine in made:
        await engine.close()


def sent(server: OpenAIServer, index: int = -1) -> Recorded:
    return server.asked(TRANSCRIPTIONS)[index]


async def test_a_part_is_sent_as_small_opus_of_its_length(server: OpenAIServer, connect: Connect, pcm: Path) -> None:
    await connect().transcribe(pcm, 10.0, 40.0, "ru")
    assert sent(server).seconds == pytest.approx(30.0, abs=0.05)
    assert sent(server).body["bytes"] < 30.0 * 28_000 / 8 * 1.3
    assert sent(server).body["language"] == "ru"
    assert sent(server).body["response_format"] == "verbose_json"


async def test_times_are_from_the_start_of_the_part(connect: Connect, pcm: Path) -> None:
    heard = await connect().transcribe(pcm, 10.0, 40.0, "ru")
    assert [segment.text for segment in heard.segments] == [line.text for line in LINES[2:8]]
    assert heard.segments[0].start == pytest.approx(LINES[2].start - 10.0, abs=0.05)
    assert heard.segments[-1].end == pytest.approx(LINES[7].end - 10.0, abs=0.05)


async def test_words_find_their_segments(connect: Connect, pcm: Path) -> None:
    heard = await connect().transcribe(pcm, 0.0, 20.0, "ru")
    for segment in heard.segments:
        assert segment.words is not None
        assert [word.text for word in segment.words] == segment.text.split()


async def test_the_language_comes_as_a_code(server: OpenAIServer, connect: Connect, pcm: Path) -> None:
    assert (await connect().transcribe(pcm, 0.0, 20.0, None)).language == "ru"
    assert "language" not in sent(server).body


async def test_a_language_that_nobody_tells_is_left_empty(server: OpenAIServer, connect: Connect, pcm: Path) -> None:
    server.transcription_fields = {"language": None}
    assert (await connect().transcribe(pcm, 0.0, 20.0, None)).language == ""


async def test_an_endpoint_without_word_times_still_gives_segments(
    server: OpenAIServer, connect: Connect, pcm: Path
) -> None:
    message = "timestamp_granularities[]: word timestamps are not supported"
    server.faults.add(openai_faults.unsupported("timestamp_granularities", path=TRANSCRIPTIONS, message=message))
    engine = connect()
    heard = await engine.transcribe(pcm, 0.0, 20.0, "ru")
    assert [segment.text for segment in heard.segments] == [line.text for line in LINES[:4]]
    assert sent(server).body["timestamp_granularities"] == ["segment"]
    assert engine.limits == TIMED_LIMITS


async def test_words_alone_make_segments_at_pauses(server: OpenAIServer, connect: Connect, pcm: Path) -> None:
    server.transcription_fields = {"segments": None}
    heard = await connect().transcribe(pcm, 0.0, 20.0, "ru")
    assert [segment.text for segment in heard.segments] == [line.text for line in LINES[:4]]


async def test_models_known_to_answer_with_text_alone_get_short_parts(
    server: OpenAIServer, connect: Connect, pcm: Path
) -> None:
    engine = connect(model="gpt-4o-transcribe")
    assert engine.limits == UNTIMED_LIMITS
    heard = await engine.transcribe(pcm, 0.0, 25.0, "ru")
    assert len(server.asked(TRANSCRIPTIONS)) == 1
    assert sent(server).body["response_format"] == "json"
    assert [segment.text for segment in heard.segments] == [line.text for line in LINES[:5]]
    for segment, line in zip(heard.segments, LINES, strict=False):
        assert abs(segment.start - line.start) < TURN_S


async def test_a_check_finds_out_that_a_model_answers_with_text_alone(
    server: OpenAIServer, connect: Connect, pcm: Path
) -> None:
    engine = connect(model="text-only")
    server.faults.add(openai_faults.unsupported("response_format", path=TRANSCRIPTIONS))
    await engine.check()
    assert engine.limits == UNTIMED_LIMITS


async def test_hints_are_a_prompt_and_are_left_out_where_the_model_takes_none(
    server: OpenAIServer, connect: Connect, pcm: Path
) -> None:
    engine = connect()
    await engine.transcribe(pcm, 0.0, 10.0, "ru", ("Заря", "Рэдиссон"))
    await engine.transcribe(pcm, 0.0, 10.0, "ru")
    server.faults.add(openai_faults.unsupported("prompt", path=TRANSCRIPTIONS))
    for _ in range(2):
        await engine.transcribe(pcm, 0.0, 10.0, "ru", ("Заря",))
    prompts = [asked.body.get("prompt") for asked in server.asked(TRANSCRIPTIONS)]
    assert prompts == ["Заря, Рэдиссон", None, "Заря", None, None]
    assert {asked.body["response_format"] for asked in server.asked(TRANSCRIPTIONS)} == {"verbose_json"}


async def test_a_part_planned_too_long_for_a_model_without_times_is_asked_in_pieces(
    server: OpenAIServer, connect: Connect, pcm: Path
) -> None:
    server.transcription_fields = {"segments": None, "words": None}
    engine = connect()
    heard = await engine.transcribe(pcm, 0.0, LENGTH_S, "ru")
    pieces = server.asked(TRANSCRIPTIONS)[1:]
    assert all(piece.seconds <= 30.1 for piece in pieces)
    assert sum(piece.seconds for piece in pieces) == pytest.approx(LENGTH_S, abs=0.2)
    assert [segment.text for segment in heard.segments] == [line.text for line in LINES], "cut in pauses"
    for segment, line in zip(heard.segments, LINES, strict=True):
        assert abs(segment.start - line.start) < TURN_S
    assert engine.limits == TIMED_LIMITS, "a process that goes on after a kill plans the same parts"


async def test_silence_has_no_segments(server: OpenAIServer, connect: Connect, pcm: Path) -> None:
    server.transcriber = lambda _samples, _language: []
    engine = connect()
    assert (await engine.transcribe(pcm, 0.0, 20.0, "ru")).segments == ()
    assert engine.limits == TIMED_LIMITS


async def test_a_part_too_short_to_say_anything_is_not_sent(server: OpenAIServer, connect: Connect, pcm: Path) -> None:
    assert (await connect().transcribe(pcm, 1.0, 1.05, "ru")).segments == ()
    assert server.requests == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (openai_faults.status(500, times=3), ProviderUnavailable),
        (openai_faults.status(429, times=3), ProviderRateLimited),
        (Fault(Kind.RESET, times=3), ProviderUnavailable),
        (Fault(Kind.TRUNCATED_BODY, times=3), ProviderUnavailable),
        (Fault(Kind.INVALID_JSON, times=3), ProviderInvalidAnswer),
        (Fault(Kind.BODY, body={"segments": "none"}, times=3), ProviderInvalidAnswer),
    ],
    ids=["500", "429", "reset", "truncated", "no JSON", "other shape"],
)
async def test_what_passes_is_tried_three_times(
    server: OpenAIServer, connect: Connect, pcm: Path, fault: Fault, error: type[ProviderError]
) -> None:
    server.faults.add(fault)
    engine = connect()
    with pytest.raises(error):
        await engine.transcribe(pcm, 0.0, 5.0, "ru")
    assert len(server.asked(TRANSCRIPTIONS)) == 3
    assert (await engine.transcribe(pcm, 0.0, 5.0, "ru")).segments


async def test_a_rate_limit_is_waited_out_and_the_same_sound_sent_again(
    server: OpenAIServer, connect: Connect, pauses: Pauses, pcm: Path
) -> None:
    server.faults.add(openai_faults.status(429, retry_after="2"))
    assert (await connect().transcribe(pcm, 0.0, 5.0, "ru")).segments
    assert pauses.slept == [2.0]
    assert len({request.sha256 for request in server.asked(TRANSCRIPTIONS)}) == 1


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        (openai_faults.status(401), ProviderRefusedKey, "key"),
        (openai_faults.status(413), ProviderRejectedRequest, "слишком большой"),
        (openai_faults.status(429, code="insufficient_quota"), ProviderRejectedRequest, "средства"),
        (openai_faults.status(404, code="model_not_found"), ProviderRejectedRequest, "loopback-asr"),
    ],
    ids=["401", "413", "no funds", "no model"],
)
async def test_what_stays_is_asked_once(
    server: OpenAIServer, connect: Connect, pcm: Path, fault: Fault, error: type[ProviderError], reason: str
) -> None:
    server.faults.add(fault)
    with pytest.raises(error, match=reason):
        await connect().transcribe(pcm, 0.0, 5.0, "ru")
    assert len(server.asked(TRANSCRIPTIONS)) == 1


async def test_sound_above_the_limit_is_not_sent(server: OpenAIServer, connect: Connect, pcm: Path) -> None:
    async def encode(_pcm: Path, _start_s: float, _end_s: float) -> bytes:
        return bytes(25 * 1024 * 1024 + 1)

    with pytest.raises(ProviderRejectedRequest, match="слишком большой"):
        await connect(encode=encode).transcribe(pcm, 0.0, 5.0, "ru")
    assert server.requests == []


async def test_a_failure_of_the_encoder_is_not_taken_for_the_providers(connect: Connect, pcm: Path) -> None:
    async def encode(_pcm: Path, _start_s: float, _end_s: float) -> bytes:
        raise EngineFailed(engine="ffmpeg", reason="broken")

    with pytest.raises(EngineFailed):
        await connect(encode=encode).transcribe(pcm, 0.0, 5.0, "ru")


async def test_a_check_sends_a_second_of_silence(server: OpenAIServer, connect: Connect) -> None:
    await connect().check()
    assert sent(server).seconds == pytest.approx(1.0, abs=0.05)


async def test_parts_at_once_are_limited(server: OpenAIServer, connect: Connect, pcm: Path) -> None:
    encoded = await opus(pcm, 0.0, 5.0, ffmpeg=find_ffmpeg(None))

    async def encode(_pcm: Path, _start_s: float, _end_s: float) -> bytes:
        return encoded

    server.faults.add(Fault(Kind.HANG, times=2))
    engine = connect(concurrency=2, encode=encode)
    tasks = [asyncio.create_task(engine.transcribe(pcm, 0.0, 5.0, "ru")) for _ in range(3)]
    await server.until_asked(TRANSCRIPTIONS, 2)
    tasks[0].cancel()
    assert (await asyncio.wait_for(tasks[2], 20)).segments
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(server.asked(TRANSCRIPTIONS)) == 3
