"""The local recogniser with its real model on real speech, beyond what every engine is held to."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from itertools import groupby, pairwise
from pathlib import Path

import jiwer
import numpy as np
import pytest
from tokenizers import Tokenizer

import speech_corpus
import tiny_gigaam
from datamodels import PartTranscript, Word
from errors import WeightsRefused
from product import MODELS
from speech_to_text.onnx import OnnxSpeechToText
from speech_to_text.two_models import TwoModelsSpeechToText
from speech_to_text.whisper import WhisperSpeechToText
from speech_to_text.whisper_loading import load_tokenizer
from weights.installer import ensure_weights

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
async def model_dir() -> Path:
    return await ensure_weights("whisper-base", MODELS)


@pytest.fixture(scope="module")
async def engine(model_dir: Path) -> AsyncIterator[WhisperSpeechToText]:
    engine = WhisperSpeechToText(model_dir, threads=2)
    yield engine
    await engine.close()


@pytest.fixture(scope="module")
async def heard(engine: WhisperSpeechToText, tmp_path_factory: pytest.TempPathFactory) -> PartTranscript:
    speech = speech_corpus.russian_prompts(minutes=0.5)
    pcm = speech.write_pcm(tmp_path_factory.mktemp("heard") / "prepared.pcm")
    return await engine.transcribe(pcm, 0.0, speech.duration_s, "ru")


def words_of(transcript: PartTranscript) -> list[Word]:
    return [word for segment in transcript.segments for word in segment.words or ()]


async def transcribed(engine: WhisperSpeechToText, pcm: Path, clip: speech_corpus.Clip) -> PartTranscript:
    return await engine.transcribe(clip.write_pcm(pcm), 0.0, clip.duration_s, None)


def test_russian_speech_is_understood(heard: PartTranscript) -> None:
    said = speech_corpus.normalised(speech_corpus.russian_prompts(minutes=0.5).text, "ru")
    text = " ".join(segment.text for segment in heard.segments)
    assert jiwer.wer(said, speech_corpus.normalised(text, "ru")) <= 0.25


def test_segments_are_utterances(heard: PartTranscript) -> None:
    prompts = len(speech_corpus.russian_prompts(minutes=0.5).text.splitlines())
    assert len(heard.segments) >= prompts
    assert all(segment.end - segment.start <= 12 for segment in heard.segments)


def test_every_word_has_a_time_and_a_probability(heard: PartTranscript) -> None:
    words = words_of(heard)
    assert [word.text for word in words] == " ".join(segment.text for segment in heard.segments).split()
    assert all(word.probability is not None and 0.0 <= word.probability <= 1.0 for word in words)
    assert all(before.end <= after.start for before, after in pairwise(words))


async def test_words_are_timed_when_they_are_said(engine: WhisperSpeechToText, tmp_path: Path) -> None:
    prompts = [speech_corpus.russian_prompt(name) for name in ("vm-nobodyavail", "vm-intro", "queue-youarenext")]
    sounds = [speech_corpus.trimmed(prompt.samples) for prompt in prompts]
    gap = speech_corpus.silence(1.0)
    samples = np.concatenate([piece for sound in sounds for piece in (gap, sound)])
    clip = speech_corpus.Clip("prompts", "ru", "", samples)
    words = words_of(await transcribed(engine, tmp_path / "prepared.pcm", clip))
    end = 0.0
    for sound in sounds:
        start = end + 1.0
        end = start + len(sound) / speech_corpus.SAMPLE_RATE
        said = [word for word in words if start < (word.start + word.end) / 2 < end]
        assert abs(said[0].start - start) < 0.5
        assert abs(said[-1].end - end) < 0.5


async def test_english_is_detected(engine: WhisperSpeechToText, tmp_path: Path) -> None:
    heard = await transcribed(engine, tmp_path / "prepared.pcm", speech_corpus.librivox()[0])
    assert heard.language == "en"


async def test_each_language_of_a_recording_is_heard_in_its_own(engine: WhisperSpeechToText, tmp_path: Path) -> None:
    readings = [speech_corpus.trimmed(clip.samples) for clip in speech_corpus.librivox()[:2]]
    prompts = [
        speech_corpus.trimmed(speech_corpus.russian_prompt(name).samples) for name in ("vm-intro", "vm-nobodyavail")
    ]
    gap = speech_corpus.silence(0.5)
    samples = np.concatenate([readings[0], gap, prompts[0], gap, readings[1], gap, prompts[1]])
    heard = await transcribed(engine, tmp_path / "prepared.pcm", speech_corpus.Clip("turns", "ru", "", samples))
    languages = [segment.language or heard.language for segment in heard.segments]
    assert [language for language, _ in groupby(languages)] == ["en", "ru", "en", "ru"]
    assert all(before.end <= after.start for before, after in pairwise(words_of(heard)))


async def test_russian_is_heard_by_the_model_for_it_and_all_else_by_whisper(
    model_dir: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("gigaam")
    tiny_gigaam.write_transducer(folder)
    both = TwoModelsSpeechToText(OnnxSpeechToText(folder, threads=2), WhisperSpeechToText(model_dir, threads=2))
    english = speech_corpus.trimmed(speech_corpus.librivox()[0].samples)
    russian = speech_corpus.trimmed(speech_corpus.russian_prompt("vm-intro").samples)
    gap = speech_corpus.silence(0.5)
    clip = speech_corpus.Clip("turns", "ru", "", np.concatenate([russian, gap, english, gap, russian, gap, russian]))
    pcm = clip.write_pcm(tmp_path / "prepared.pcm")
    try:
        mixed = await both.transcribe(pcm, 0.0, clip.duration_s, None)
        asked_for = await both.transcribe(pcm, 0.0, 10.0, "en")
    finally:
        await both.close()
    told = [(segment.language or mixed.language, segment.text) for segment in mixed.segments]
    assert [language for language, _ in groupby(told, key=lambda each: each[0])] == ["ru", "en", "ru"]
    assert {word.strip(".") for language, text in told if language == "ru" for word in text.split()} == {"да"}
    assert all("да" not in text for language, text in told if language == "en")
    assert all(before.end <= after.start for before, after in pairwise(words_of(mixed)))
    assert "да." not in " ".join(segment.text for segment in asked_for.segments)


async def test_a_language_that_is_asked_for_is_that_of_every_passage(
    engine: WhisperSpeechToText, tmp_path: Path
) -> None:
    clip = speech_corpus.librivox()[2]
    heard = await engine.transcribe(clip.write_pcm(tmp_path / "prepared.pcm"), 0.0, clip.duration_s, "en")
    assert (heard.language, heard.sure) == ("en", True)
    assert {segment.language for segment in heard.segments} == {None}


async def test_noise_has_neither_language_nor_words(engine: WhisperSpeechToText, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.05, 10 * speech_corpus.SAMPLE_RATE).astype(np.float32)
    heard = await transcribed(engine, tmp_path / "prepared.pcm", speech_corpus.Clip("noise", "ru", "", noise))
    assert heard == PartTranscript(language="", segments=())


async def test_the_event_loop_runs_on_while_a_part_is_transcribed(engine: WhisperSpeechToText, tmp_path: Path) -> None:
    clip = speech_corpus.librivox()[1]
    pcm = clip.write_pcm(tmp_path / "prepared.pcm")
    work = asyncio.create_task(engine.transcribe(pcm, 0.0, clip.duration_s, "en"))
    turns = 0
    while not work.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 100


async def test_a_transcription_ends_when_the_engine_is_closed(model_dir: Path, tmp_path: Path) -> None:
    engine = WhisperSpeechToText(model_dir, threads=1)
    speech = speech_corpus.russian_prompts(minutes=5.0)
    pcm = speech.write_pcm(tmp_path / "prepared.pcm")
    await engine.check()
    work = asyncio.create_task(engine.transcribe(pcm, 0.0, speech.duration_s, "ru"))
    await asyncio.sleep(0)
    await engine.close()
    (ended,) = await asyncio.gather(work, return_exceptions=True)
    assert isinstance(ended, BaseException)


async def test_a_copy_of_the_model_has_the_same_fingerprint_another_model_has_not(
    model_dir: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(model_dir, tmp_path / "copy")
    original = WhisperSpeechToText(model_dir, threads=1).info.fingerprint
    assert WhisperSpeechToText(copy, threads=4).info.fingerprint == original
    with (copy / "model.bin").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    assert WhisperSpeechToText(copy, threads=1).info.fingerprint != original


@pytest.mark.parametrize("missing", ["model.bin", "config.json", "tokenizer.json"])
def test_an_incomplete_model_is_refused_by_name(model_dir: Path, tmp_path: Path, missing: str) -> None:
    incomplete = shutil.copytree(model_dir, tmp_path / "model", ignore=shutil.ignore_patterns(missing))
    with pytest.raises(WeightsRefused) as raised:
        WhisperSpeechToText(incomplete, threads=1)
    assert missing in raised.value.user_text


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("model.bin", "no model"),
        ("tokenizer.json", "{"),
        ("tokenizer.json", "{}"),
        ("tokenizer.json", '{"added_tokens": [], "model": {"type": "BPE", "vocab": 1, "merges": []}}'),
    ],
)
async def test_a_broken_model_is_refused(model_dir: Path, tmp_path: Path, file: str, damage: str) -> None:
    broken = shutil.copytree(model_dir, tmp_path / "model", ignore=shutil.ignore_patterns(file))
    (broken / file).write_text(damage, encoding="utf-8")
    engine = WhisperSpeechToText(broken, threads=1)
    with pytest.raises(WeightsRefused):
        await engine.check()
    await engine.close()


@pytest.mark.parametrize("left_out", [None, 7], ids=["whole", "a number left out"])
def test_the_tokenizer_that_is_built_in_steps_is_the_library_s(
    model_dir: Path, tmp_path: Path, left_out: int | None
) -> None:
    told = json.loads((model_dir / "tokenizer.json").read_bytes())
    if left_out is not None:
        del told["added_tokens"][left_out]
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    assert load_tokenizer(file).to_str() == Tokenizer.from_file(str(file)).to_str()
