"""The adapter over onnx-asr, with a tiny model that says «да» for each stretch of sound."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import speech_corpus
import tiny_gigaam
from datamodels import PartTranscript
from errors import MissingProgram, ProviderRejectedRequest, WeightsRefused
from speech_to_text.onnx import OnnxSpeechToText, words_of


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("gigaam")
    tiny_gigaam.write_model(directory)
    return directory


@pytest.fixture(scope="module")
def speech() -> speech_corpus.Clip:
    return speech_corpus.russian_prompts(minutes=1.0)


async def transcribed(model_dir: Path, speech: speech_corpus.Clip, pcm: Path, language: str | None) -> PartTranscript:
    engine = OnnxSpeechToText(model_dir, threads=1)
    speech.write_pcm(pcm)
    try:
        return await engine.transcribe(pcm, 0.0, speech.duration_s, language)
    finally:
        await engine.close()


async def test_words_have_the_times_at_which_they_sound(
    model_dir: Path, speech: speech_corpus.Clip, tmp_path: Path
) -> None:
    heard = await transcribed(model_dir, speech, tmp_path / "prepared.pcm", None)
    words = [word for segment in heard.segments for word in segment.words or ()]
    assert heard.language == "ru"
    assert {word.text for word in words} == {"да"}
    loudness = np.abs(speech.samples)
    for word in words:
        first, last = round(word.start * 16_000), round(word.end * 16_000)
        assert loudness[max(first - 800, 0) : last + 800].max() > 0.005
    # Speech all along, and longer than one chunk: words come from every stretch of ten seconds.
    assert {int(word.start // 10) for word in words} == set(range(int(speech.duration_s // 10) + 1))


async def test_silence_has_no_words(model_dir: Path, tmp_path: Path) -> None:
    silence = speech_corpus.Clip("silence", "ru", "", speech_corpus.silence(4.0))
    assert (await transcribed(model_dir, silence, tmp_path / "prepared.pcm", "ru")).segments == ()


async def test_another_language_is_refused(model_dir: Path, speech: speech_corpus.Clip, tmp_path: Path) -> None:
    with pytest.raises(ProviderRejectedRequest):
        await transcribed(model_dir, speech, tmp_path / "prepared.pcm", "en")


async def test_a_model_that_does_not_load_is_refused(model_dir: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(model_dir, tmp_path / "broken")
    (broken / "v3_e2e_ctc.onnx").write_bytes(b"no model")
    engine = OnnxSpeechToText(broken, threads=1)
    with pytest.raises(WeightsRefused):
        await engine.check()
    await engine.close()


async def test_a_model_without_its_vocabulary_is_refused(model_dir: Path, tmp_path: Path) -> None:
    incomplete = shutil.copytree(model_dir, tmp_path / "incomplete")
    (incomplete / "v3_e2e_ctc_vocab.txt").unlink()
    engine = OnnxSpeechToText(incomplete, threads=1)
    with pytest.raises(WeightsRefused):
        await engine.check()
    await engine.close()


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsRefused):
        OnnxSpeechToText(tmp_path, threads=1)


def test_a_missing_package_says_what_to_install(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx_asr", None)
    with pytest.raises(MissingProgram) as raised:
        OnnxSpeechToText(model_dir, threads=1)
    assert "requirements-local.txt" in raised.value.user_text


def test_the_quantized_model_is_another_engine(model_dir: Path, tmp_path: Path) -> None:
    quantized = shutil.copytree(model_dir, tmp_path / "quantized")
    (quantized / "v3_e2e_ctc.onnx").rename(quantized / "v3_e2e_ctc.int8.onnx")
    full, small = (OnnxSpeechToText(directory, threads=1).info for directory in (model_dir, quantized))
    assert full.model == small.model == "gigaam-v3-e2e-ctc"
    assert full.fingerprint != small.fingerprint


@pytest.mark.parametrize("config", [None, "{}", '{"version": "v2"}', "no JSON", "[]"])
def test_a_model_whose_features_would_be_those_of_another_is_refused(
    config: str | None, model_dir: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(model_dir, tmp_path / "other")
    (folder / "config.json").unlink()
    if config is not None:
        (folder / "config.json").write_text(config)
    with pytest.raises(WeightsRefused, match=r"config\.json"):
        OnnxSpeechToText(folder, threads=1)


@pytest.mark.parametrize("name", ["v3_e2e_ctc.onnx", "v3_e2e_ctc_vocab.txt", "config.json"])
def test_the_fingerprint_covers_every_file(name: str, model_dir: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_dir, tmp_path / "changed")
    before = OnnxSpeechToText(folder, threads=1).info.fingerprint
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    assert OnnxSpeechToText(folder, threads=1).info.fingerprint != before


async def test_three_networks_as_on_the_hub_are_one_model(speech: speech_corpus.Clip, tmp_path: Path) -> None:
    tiny_gigaam.write_transducer(tmp_path)
    heard = await transcribed(tmp_path, speech, tmp_path / "prepared.pcm", "ru")
    assert {word.text for segment in heard.segments for word in segment.words or ()} == {"да."}


def test_letters_become_words() -> None:
    tokens = ["д", "а", " ", "н", "е", "т"]
    words = words_of(tokens, [0.1, 0.2, 0.3, 0.5, 0.6, 0.9], [0.0] * 6, 10.0, 11.0)
    assert [(word.text, round(word.start, 2), round(word.end, 2)) for word in words] == [
        (" да", 10.1, 10.32),
        (" нет", 10.5, 11.0),
    ]


def test_word_pieces_become_words() -> None:
    tokens = [" до", "бро", ",", " день", "."]
    words = words_of(tokens, [0.0, 0.1, 0.2, 0.24, 0.4], [-0.1] * 5, 0.0, 5.0)
    assert [word.text for word in words] == [" добро,", " день."]
    assert words[0].end == words[1].start
