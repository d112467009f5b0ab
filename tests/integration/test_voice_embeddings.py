"""The GE2E encoder computes what its publication says, and with its weights tells voices apart."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import speech_corpus
from constants import SAMPLE_RATE
from datamodels import Interval
from errors import WeightsRefused
from product import MODELS
from speakers.diarization import diarize
from voice_embeddings import WINDOW_SAMPLES, VoiceEncoder, mel_filterbank
from weights.installer import ensure_weights

Weights = dict[str, NDArray[np.float32]]


def random_weights(seed: int = 1) -> Weights:
    randomness = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {"linear.weight": (256, 256), "linear.bias": (256,)}
    for layer in range(3):
        shapes[f"lstm.weight_ih_l{layer}"] = (1024, 256 if layer else 40)
        shapes[f"lstm.weight_hh_l{layer}"] = (1024, 256)
        shapes[f"lstm.bias_ih_l{layer}"] = shapes[f"lstm.bias_hh_l{layer}"] = (1024,)
    return {name: randomness.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}


def saved(path: Path, weights: Weights) -> Path:
    np.savez(path, **weights)  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
async def encoder() -> VoiceEncoder:
    return VoiceEncoder(await ensure_weights("voice-encoder", MODELS))


def mel_by_the_book(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)


def hz_by_the_book(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else float(1000 * 6.4 ** ((mel - 15) / 27))


def test_the_mel_filters_are_slaneys() -> None:
    top = mel_by_the_book(8000)
    edges = [hz_by_the_book(top * number / 41) for number in range(42)]
    filters = mel_filterbank()
    assert filters.shape == (40, 201)
    for number in range(40):
        low, peak, high = edges[number : number + 3]
        for bin_ in range(201):
            hz = bin_ * SAMPLE_RATE / 400
            slope = min((hz - low) / (peak - low), (high - hz) / (high - peak))
            assert filters[number, bin_] == pytest.approx(max(0.0, slope) * 2 / (high - low), abs=1e-8)


def embedded_by_the_book(window: NDArray[np.float32], weights: Weights) -> NDArray[np.float64]:
    """One window, in double precision, gate by gate."""
    sound = window.astype(np.float64) * 10 ** (-30 / 20) / np.sqrt(np.mean(window.astype(np.float64) ** 2))
    padded = np.pad(sound, 200)
    hann = np.hanning(401)[:400]
    inputs = np.array(
        [mel_filterbank() @ np.abs(np.fft.rfft(padded[at : at + 400] * hann)) ** 2 for at in range(0, len(sound), 160)]
    )
    for layer in range(3):
        hidden, cell, outputs = np.zeros(256), np.zeros(256), []
        for one in inputs:
            gates = weights[f"lstm.weight_ih_l{layer}"] @ one + weights[f"lstm.bias_ih_l{layer}"]
            gates = gates + weights[f"lstm.weight_hh_l{layer}"] @ hidden + weights[f"lstm.bias_hh_l{layer}"]
            enter, forget, leave = (1 / (1 + np.exp(-gates[at : at + 256])) for at in (0, 256, 768))
            cell = forget * cell + enter * np.tanh(gates[512:768])
            hidden = leave * np.tanh(cell)
            outputs.append(hidden)
        inputs = np.array(outputs)
    raw = np.maximum(weights["linear.weight"] @ inputs[-1] + weights["linear.bias"], 0)
    return np.asarray(raw / np.linalg.norm(raw))


def test_the_encoder_computes_an_lstm(tmp_path: Path) -> None:
    weights = random_weights()
    windows = np.random.default_rng(2).normal(0, 0.1, (3, WINDOW_SAMPLES)).astype(np.float32)
    embedded = VoiceEncoder(saved(tmp_path / "random.npz", weights)).embed(windows)
    for window, vector in zip(windows, embedded, strict=True):
        np.testing.assert_allclose(vector, embedded_by_the_book(window, weights), atol=2e-5)


def test_no_windows_give_no_vectors(tmp_path: Path) -> None:
    encoder = VoiceEncoder(saved(tmp_path / "random.npz", random_weights()))
    assert encoder.embed(np.zeros((0, WINDOW_SAMPLES), np.float32)).shape == (0, 256)


def test_silence_gives_numbers(tmp_path: Path) -> None:
    encoder = VoiceEncoder(saved(tmp_path / "random.npz", random_weights()))
    assert np.isfinite(encoder.embed(np.zeros((1, WINDOW_SAMPLES), np.float32))).all()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsRefused):
        VoiceEncoder(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsRefused):
        VoiceEncoder(tmp_path / "weights.npz")


def test_weights_of_another_shape_or_name_are_refused(tmp_path: Path) -> None:
    weights = random_weights()
    with pytest.raises(WeightsRefused, match=r"linear\.bias"):
        VoiceEncoder(saved(tmp_path / "a.npz", {**weights, "linear.bias": np.zeros(255, np.float32)}))
    del weights["linear.bias"]
    with pytest.raises(WeightsRefused, match=r"linear\.bias"):
        VoiceEncoder(saved(tmp_path / "b.npz", weights))


@pytest.mark.weights
def test_two_windows_of_a_voice_are_nearer_than_two_voices(encoder: VoiceEncoder) -> None:
    russian = speech_corpus.russian_prompt("demo-instruct").samples
    english = np.concatenate([clip.samples for clip in speech_corpus.librivox()])
    a, b = (
        sound[: len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
        for sound in (russian, english)
    )
    first, second = (encoder.embed(windows[:8]) for windows in (a, b))
    between = (first @ second.T).mean()
    assert (first @ first.T).mean() > between + 0.2
    assert (second @ second.T).mean() > between + 0.2


@pytest.mark.weights
def test_loudness_is_no_voice(encoder: VoiceEncoder) -> None:
    windows = speech_corpus.russian_prompt("demo-instruct").samples[: 2 * WINDOW_SAMPLES].reshape(2, -1)
    np.testing.assert_allclose(encoder.embed(windows), encoder.embed(windows * np.float32(0.05)), atol=1e-3)


def spans_of(mix: speech_corpus.Mix) -> list[Interval]:
    return [Interval(start=turn.start, end=turn.end) for turn in mix.turns]


@pytest.mark.weights
async def test_two_speakers_are_numbered_by_appearance(encoder: VoiceEncoder, tmp_path: Path) -> None:
    mix = speech_corpus.two_speaker_mix(turns=6)
    turns = await diarize(mix.write_pcm(tmp_path / "mix.pcm"), spans_of(mix), encoder)
    assert [turn.speaker for turn in turns[:2]] == ["S1", "S2"]
    assert {turn.speaker for turn in turns} == {"S1", "S2"}
    assert all(turn.start < turn.end for turn in turns)


@pytest.mark.weights
async def test_the_number_of_speakers_can_be_forced(encoder: VoiceEncoder, tmp_path: Path) -> None:
    mix = speech_corpus.two_speaker_mix(turns=6)
    pcm = mix.write_pcm(tmp_path / "mix.pcm")
    assert {turn.speaker for turn in await diarize(pcm, spans_of(mix), encoder, 1)} == {"S1"}


@pytest.mark.weights
async def test_a_short_recording_has_one_speaker(encoder: VoiceEncoder, tmp_path: Path) -> None:
    clip = speech_corpus.librivox()[0]
    pcm = clip.write_pcm(tmp_path / "clip.pcm")
    turns = await diarize(pcm, [Interval(start=0, end=clip.duration_s)], encoder)
    assert [turn.speaker for turn in turns] == ["S1"]


@pytest.mark.weights
@pytest.mark.parametrize("speakers", [None, 2])
async def test_no_speech_has_no_turns(encoder: VoiceEncoder, tmp_path: Path, speakers: int | None) -> None:
    pcm = tmp_path / "silence.pcm"
    pcm.write_bytes(b"")
    assert await diarize(pcm, [], encoder, speakers) == ()


@pytest.mark.weights
async def test_speech_beyond_the_end_of_the_file_is_survived(encoder: VoiceEncoder, tmp_path: Path) -> None:
    pcm = speech_corpus.librivox()[0].write_pcm(tmp_path / "clip.pcm")
    assert await diarize(pcm, [Interval(start=0, end=40)], encoder, 2)


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
    speech_corpus.write_long_recording(pcm, minutes=10)

    async def cancelled() -> None:
        task = asyncio.create_task(diarize(pcm, [Interval(start=0, end=600)], CountingEncoder()))
        await asyncio.to_thread(started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())  # a loop of its own, as closing it waits for the thread
    assert sum(batches) < 600 / 2
