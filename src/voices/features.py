"""Mel features as Kaldi computes them: what CAM++ was trained on."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from constants import SAMPLE_RATE
from voices.arrays import Float32Array

CHANNELS = 80
_FRAME = SAMPLE_RATE * 25 // 1000
_HOP = SAMPLE_RATE * 10 // 1000
_FFT = 512
_LOWEST_HZ = 20.0
_PREEMPHASIS = 0.97
_FLOOR = np.finfo(np.float32).eps
_FULL_SCALE = 32768


def _mel(hz: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(1127 * np.log1p(np.asarray(hz) / 700))


def mel_filters() -> Float32Array:
    """Return triangles (80, 257), evenly spaced in mel from 20 Hz to Nyquist, over the bins of the spectrum."""
    bins = _mel(np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT)
    edges = np.linspace(_mel(_LOWEST_HZ), _mel(SAMPLE_RATE / 2), CHANNELS + 2)
    steps = np.diff(edges)
    rising = (bins - edges[:-2, None]) / steps[:-1, None]
    falling = (edges[2:, None] - bins) / steps[1:, None]
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)), np.float32)


_FILTERS = np.ascontiguousarray(mel_filters().T)
_POVEY = np.hanning(_FRAME).astype(np.float32) ** np.float32(0.85)


def mel_features(windows: Float32Array) -> Float32Array:
    """Return the log energies (n, frames, 80) of windows (n, samples) in [-1, 1], each channel without its mean."""
    frames = np.lib.stride_tricks.sliding_window_view(windows, _FRAME, axis=1)[:, ::_HOP] * np.float32(_FULL_SCALE)
    frames -= frames.mean(axis=2, keepdims=True)
    before = np.concatenate([frames[:, :, :1], frames[:, :, :-1]], axis=2)
    spectrum = np.fft.rfft((frames - np.float32(_PREEMPHASIS) * before) * _POVEY, _FFT, axis=2)
    energy = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ _FILTERS
    logs = np.log(np.maximum(energy, _FLOOR))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True), np.float32)
