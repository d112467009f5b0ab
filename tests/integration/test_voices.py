"""The networks of diarization: written as ONNX says, fed as they were trained, and telling voices apart."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
from numpy.typing import NDArray

import speech_corpus
from constants import SAMPLE_RATE
from datamodels import Interval
from errors import WeightsRefused
from product import MODELS
from speakers.diarization import Diarization, diarize
from voices.encoder import VOICE_SAMPLES, VoiceEncoder
from voices.features import mel_features, mel_filters
from voices.onnx_graph import Graph
from voices.segmentation import TWO_SPEAK, WINDOW
from weights.installer import ensure_weights


@pytest.fixture(scope="module")
async def encoder() -> VoiceEncoder:
    return VoiceEncoder(await ensure_weights("voice-encoder", MODELS))


def features_by_the_book(window: NDArray[np.float32]) -> NDArray[np.float64]:
    """Kaldi's recipe, frame by frame, in double precision."""
    frames = []
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    for at in range(0, len(window) - 399, 160):
        frame = window[at : at + 400].astype(np.float64) * 32768
        frame -= frame.mean()
        emphasised = [frame[0] - 0.97 * frame[0], *(frame[1:] - 0.97 * frame[:-1])]
        power = np.abs(np.fft.rfft(np.array(emphasised) * povey, 512)) ** 2
        frames.append(np.log(np.maximum(mel_filters() @ power, 1.1920929e-07)))
    return np.asarray(np.array(frames) - np.mean(frames, axis=0), np.float64)


def test_features_are_kaldis() -> None:
    windows = np.random.default_rng(2).normal(0, 0.1, (2, VOICE_SAMPLES)).astype(np.float32)
    for window, features in zip(windows, mel_features(windows), strict=True):
        np.testing.assert_allclose(features, features_by_the_book(window), atol=2e-3)


def test_mel_filters_are_kaldis() -> None:
    def mel(hz: float) -> float:
        return float(1127.0 * np.log(1 + hz / 700))

    filters, width = mel_filters(), (mel(8000) - mel(20)) / 81
    for number in (0, 40, 79):
        peak = mel(20) + (number + 1) * width
        for bin_ in range(257):
            slope = 1 - abs(mel(bin_ * SAMPLE_RATE / 512) - peak) / width
            assert filters[number, bin_] == pytest.approx(max(0.0, slope), abs=1e-4)


def test_a_graph_is_as_onnx_says_and_computes() -> None:
    graph = Graph()
    now = graph.add("Transpose", "given", perm=(1, 0))
    now = graph.add("MatMul", now, graph.constant(np.ones((200, 300))))
    now = graph.add("LeakyRelu", now, alpha=0.25)
    graph.add("Reshape", now, graph.constant([300, -1]), output="wanted")
    model = graph.model("given", 2, "wanted", 2)
    onnx.checker.check_model(onnx.load_model_from_string(model), full_check=True)
    (computed,) = onnxruntime.InferenceSession(model).run(None, {"given": np.full((200, 1), -2.0, np.float32)})
    np.testing.assert_allclose(computed, np.full((300, 1), -100.0))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsRefused):
        VoiceEncoder(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsRefused):
        VoiceEncoder(tmp_path / "weights.npz")


def test_weights_of_other_names_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", allow_pickle=False, weight=np.zeros(3, np.float32))
    with pytest.raises(WeightsRefused, match=r"sincnet"):
        VoiceEncoder(tmp_path / "a.npz")


@pytest.mark.parametrize(("failures", "raised"), [(4, WeightsRefused), (5, SystemError)])
def test_a_reading_that_python_fails_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, raised: type[Exception]
) -> None:
    np.savez(tmp_path / "a.npz", allow_pickle=False, weight=np.zeros(3, np.float32))
    left, load = [SystemError("AST constructor recursion depth mismatch (before=42, after=108)")] * failures, np.load

    def fails_first(*arguments: Any, **named: Any) -> Any:
        if left:
            raise left.pop()
        return load(*arguments, **named)

    monkeypatch.setattr(np, "load", fails_first)
    with pytest.raises(raised):
        VoiceEncoder(tmp_path / "a.npz")


def two_voices() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    russian = speech_corpus.russian_prompt("demo-instruct").samples
    english = np.concatenate([speech_corpus.trimmed(clip.samples) for clip in speech_corpus.librivox()])
    return speech_corpus.at_loudness(russian[:WINDOW]), speech_corpus.at_loudness(english[:WINDOW])


@pytest.mark.weights
def test_nobody_one_and_two_are_told_apart(encoder: VoiceEncoder) -> None:
    one, other = two_voices()
    classes = encoder.who_speaks(np.stack([np.zeros(WINDOW, np.float32), one, one + other]))
    assert classes.shape == (3, 589, 7)
    np.testing.assert_allclose(classes.sum(axis=2), 1, atol=1e-4)
    nobody, both = classes[:, :, 0].mean(axis=1), classes[:, :, TWO_SPEAK].sum(axis=2).mean(axis=1)
    assert nobody[0] > 0.99
    assert nobody[1] < 0.3
    assert both[1] < 0.02
    assert both[2] > 0.3


@pytest.mark.weights
def test_two_windows_of_a_voice_are_nearer_than_two_voices_and_loudness_is_no_voice(encoder: VoiceEncoder) -> None:
    a, b = (sound[: 6 * VOICE_SAMPLES].reshape(-1, VOICE_SAMPLES) for sound in two_voices())
    first, second, soft = (encoder.embed(windows) for windows in (a, b, a * np.float32(0.05)))
    between = (first @ second.T).mean()
    assert (first @ first.T).mean() > between + 0.2
    assert (second @ second.T).mean() > between + 0.2
    np.testing.assert_allclose(first, soft, atol=1e-2)


def spans_of(mix: speech_corpus.Mix) -> list[Interval]:
    return [Interval(start=turn.start, end=turn.end) for turn in mix.turns]


@pytest.mark.weights
async def test_two_speakers_are_numbered_by_appearance(encoder: VoiceEncoder, tmp_path: Path) -> None:
    mix = speech_corpus.two_speaker_mix(turns=6)
    turns = (await diarize(mix.write_pcm(tmp_path / "mix.pcm"), spans_of(mix), encoder)).turns
    assert [turn.speaker for turn in turns[:2]] == ["S1", "S2"]
    assert {turn.speaker for turn in turns} == {"S1", "S2"}
    assert all(turn.start < turn.end for turn in turns)


@pytest.mark.weights
async def test_the_number_of_speakers_can_be_forced(encoder: VoiceEncoder, tmp_path: Path) -> None:
    mix = speech_corpus.two_speaker_mix(turns=6)
    pcm = mix.write_pcm(tmp_path / "mix.pcm")
    assert {turn.speaker for turn in (await diarize(pcm, spans_of(mix), encoder, 1)).turns} == {"S1"}


@pytest.mark.weights
async def test_a_short_recording_has_one_speaker(encoder: VoiceEncoder, tmp_path: Path) -> None:
    clip = speech_corpus.librivox()[0]
    pcm = clip.write_pcm(tmp_path / "clip.pcm")
    turns = (await diarize(pcm, [Interval(start=0, end=clip.duration_s)], encoder)).turns
    assert {turn.speaker for turn in turns} == {"S1"}


@pytest.mark.weights
@pytest.mark.parametrize("speakers", [None, 2])
async def test_no_speech_has_no_turns(encoder: VoiceEncoder, tmp_path: Path, speakers: int | None) -> None:
    pcm = tmp_path / "silence.pcm"
    pcm.write_bytes(b"")
    assert await diarize(pcm, [], encoder, speakers) == Diarization()


@pytest.mark.weights
async def test_speech_beyond_the_end_of_the_file_is_survived(encoder: VoiceEncoder, tmp_path: Path) -> None:
    pcm = speech_corpus.librivox()[0].write_pcm(tmp_path / "clip.pcm")
    assert (await diarize(pcm, [Interval(start=0, end=40)], encoder, 2)).turns


@pytest.mark.weights
def test_a_cancelled_diarization_stops_its_thread(encoder: VoiceEncoder, tmp_path: Path) -> None:
    batches: list[int] = []
    started = threading.Event()

    class CountingEncoder(VoiceEncoder):
        def __init__(self) -> None:
            self.__dict__.update(encoder.__dict__)

        def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
            batches.append(len(windows))
            started.set()
            return super().embed(windows)

    pcm = tmp_path / "long.pcm"
    speech_corpus.write_long_recording(pcm, minutes=3)

    async def cancelled() -> None:
        task = asyncio.create_task(diarize(pcm, [Interval(start=0, end=180)], CountingEncoder()))
        await asyncio.to_thread(started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())  # a loop of its own, as closing it waits for the thread
    assert sum(batches) < 180 / 2
