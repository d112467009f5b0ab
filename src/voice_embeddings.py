"""Voice embeddings: the GE2E speaker encoder (Wan et al. 2018) of Resemblyzer, run with numpy.

Three LSTM layers of 256 read 40 mel channels; a linear layer and ReLU turn the last hidden state into a unit vector.
Two windows of one voice have a cosine similarity near 0.9, those of two voices near 0.6.
"""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from constants import SAMPLE_RATE
from errors import WeightsRefused

Float32Array = NDArray[np.float32]

EMBEDDING_SIZE = 256
MEL_CHANNELS = 40
LAYERS = 3
FFT_SAMPLES = SAMPLE_RATE * 25 // 1000
HOP_SAMPLES = SAMPLE_RATE * 10 // 1000
WINDOW_SAMPLES = SAMPLE_RATE * 1600 // 1000
"""1.6 s, 160 frames: what the encoder was trained on. Other lengths work, less well."""

TARGET_RMS = 10 ** (-30 / 20)
"""-30 dBFS. The encoder reads power, not its logarithm, and was trained on voices at this level only."""

BATCH = 64
"""Windows at once: large enough for the matrix products, small enough to stay near the cache (measured)."""


def mel_filterbank(
    sample_rate: int = SAMPLE_RATE, fft_samples: int = FFT_SAMPLES, channels: int = MEL_CHANNELS
) -> Float32Array:
    """Return Slaney's triangular filters of equal area, (channels, fft_samples // 2 + 1), from 0 Hz to Nyquist.

    The scale is the Auditory Toolbox's (Slaney 1998): linear at 200/3 Hz a mel up to 1 kHz, then 27 mels for each
    factor of 6.4.
    """
    hz_per_mel, knee_hz, log_step = 200 / 3, 1000.0, np.log(6.4) / 27
    knee_mel = knee_hz / hz_per_mel
    top = knee_mel + np.log(sample_rate / 2 / knee_hz) / log_step
    mels = np.linspace(0.0, top, channels + 2)
    edges = np.where(mels < knee_mel, mels * hz_per_mel, knee_hz * np.exp(log_step * (mels - knee_mel)))
    bins = np.fft.rfftfreq(fft_samples, 1 / sample_rate)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2 / (edges[2:] - edges[:-2]))[:, None], dtype=np.float32)


class VoiceEncoder:
    """Embeds windows of sound; keeps no state between calls, so several threads may share one."""

    def __init__(self, npz: Path) -> None:
        """Read the weights, named as in the published state dict: ``lstm.weight_ih_l0`` …, ``linear.bias``.

        Raises:
            WeightsRefused: the file is absent, is no npz, or its arrays have other names or shapes.
        """
        weights = _read_weights(npz)
        # For the whole process: a second thread makes these small products a quarter faster on an idle machine, and
        # where other engines work it waits by spinning, which cost four to ten times the processor (measured).
        threadpool_limits(limits=1, user_api="blas")
        # sigmoid(x) = (1 + tanh(x / 2)) / 2: with the input, forget and output gates halved beforehand one tanh over
        # all four gates does, and numpy has a vectorised tanh but no sigmoid.
        gates = np.full((4 * EMBEDDING_SIZE, 1), 0.5, dtype=np.float32)
        gates[2 * EMBEDDING_SIZE : 3 * EMBEDDING_SIZE] = 1.0
        self._layers = [
            (
                np.ascontiguousarray((weights[f"lstm.weight_ih_l{layer}"] * gates).T),
                np.ascontiguousarray((weights[f"lstm.weight_hh_l{layer}"] * gates).T),
                (weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"]) * gates[:, 0],
            )
            for layer in range(LAYERS)
        ]
        self._projection = np.ascontiguousarray(weights["linear.weight"].T)
        self._projection_bias = weights["linear.bias"]
        self._filters = np.ascontiguousarray(mel_filterbank().T)
        positions = np.arange(FFT_SAMPLES)
        self._hann = (0.5 - 0.5 * np.cos(2 * np.pi * positions / FFT_SAMPLES)).astype(np.float32)

    def embed(self, windows: Float32Array) -> Float32Array:
        """Embed windows (n, samples) at 16 kHz within [-1, 1]; return unit vectors (n, 256).

        Each window is scaled to the loudness of the encoder's training. The vector of a silent window has no meaning.
        """
        batches = [self._embed_batch(windows[at : at + BATCH]) for at in range(0, len(windows), BATCH)]
        return np.concatenate(batches) if batches else np.zeros((0, EMBEDDING_SIZE), dtype=np.float32)

    def _embed_batch(self, windows: Float32Array) -> Float32Array:
        rms = np.sqrt(np.mean(windows**2, axis=1, keepdims=True))
        loud: Float32Array = (windows * (TARGET_RMS / np.maximum(rms, 1e-5))).astype(np.float32, copy=False)
        sequence = self._mel_frames(loud)
        for weight_in, weight_hidden, bias in self._layers:
            sequence = _lstm(sequence, weight_in, weight_hidden, bias)
        raw = np.maximum(sequence[-1] @ self._projection + self._projection_bias, 0.0)
        return np.asarray(raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    def _mel_frames(self, windows: Float32Array) -> Float32Array:
        """Return the power mel spectrogram, (frames, n, 40), frames centred 10 ms apart."""
        padded = np.pad(windows, ((0, 0), (FFT_SAMPLES // 2, FFT_SAMPLES // 2)))
        frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES, axis=1)[:, ::HOP_SAMPLES]
        frames = frames[:, : windows.shape[1] // HOP_SAMPLES].transpose(1, 0, 2)
        spectrum = np.fft.rfft(frames * self._hann, axis=2)
        power = spectrum.real**2 + spectrum.imag**2
        return np.asarray(power @ self._filters, dtype=np.float32)


def _lstm(
    sequence: Float32Array, weight_in: Float32Array, weight_hidden: Float32Array, bias: Float32Array
) -> Float32Array:
    """Run one layer over (frames, n, inputs); return its hidden states (frames, n, 256)."""
    frames, count, inputs = sequence.shape
    # The input's share of every gate in one product; what is left in the loop is the hidden state's.
    driven = (sequence.reshape(-1, inputs) @ weight_in).reshape(frames, count, -1)
    driven += bias
    hidden = np.zeros((count, EMBEDDING_SIZE), dtype=np.float32)
    cell = np.zeros_like(hidden)
    states = np.empty((frames, count, EMBEDDING_SIZE), dtype=np.float32)
    half = np.float32(0.5)
    for step in range(frames):
        gates = driven[step]
        gates += hidden @ weight_hidden
        np.tanh(gates, out=gates)
        enter, forget, candidate, leave = np.split(gates, 4, axis=1)
        cell = (forget * half + half) * cell + (enter * half + half) * candidate
        hidden = np.multiply(leave * half + half, np.tanh(cell), out=states[step])
    return states


def _read_weights(npz: Path) -> dict[str, Float32Array]:
    gates = 4 * EMBEDDING_SIZE
    shapes: dict[str, tuple[int, ...]] = {"linear.weight": (EMBEDDING_SIZE, EMBEDDING_SIZE), "linear.bias": (256,)}
    for layer in range(LAYERS):
        shapes[f"lstm.weight_ih_l{layer}"] = (gates, EMBEDDING_SIZE if layer else MEL_CHANNELS)
        shapes[f"lstm.weight_hh_l{layer}"] = (gates, EMBEDDING_SIZE)
        shapes[f"lstm.bias_ih_l{layer}"] = shapes[f"lstm.bias_hh_l{layer}"] = (gates,)
    try:
        # Opened here: given a path, numpy leaves the file open when it is no archive.
        with npz.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            weights = {name: np.asarray(archive[name], dtype=np.float32) for name in shapes}
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as exc:
        raise WeightsRefused(name=npz.name, reason=str(exc)) from exc
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise WeightsRefused(name=npz.name, reason=f"{name}: {weights[name].shape}, not {shape}")
    return weights
