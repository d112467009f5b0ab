"""Who speaks when within ten seconds: the network segmentation-3.0 of pyannote.audio (Plaquet and Bredin 2023).

Learned band-pass filters and two convolutions turn 10 s of sound into 589 frames, four bidirectional LSTM layers read
them in both directions, and seven classes tell which of three people speak: nobody, one of them, or two at once.
"""

from collections.abc import Mapping

import numpy as np

from constants import SAMPLE_RATE
from voices.arrays import Float32Array
from voices.onnx_graph import Graph

WINDOW_S = 10.0
WINDOW = round(WINDOW_S * SAMPLE_RATE)
"""The samples that the network was trained on at once."""
FRAMES = 589
FRAME_S = 270 / SAMPLE_RATE
FIRST_FRAME_S = 495 / SAMPLE_RATE
"""The middle of the first frame, which covers 991 samples; then one every 270."""
CLASSES = 7
TWO_SPEAK = slice(4, 7)
"""Classes: 0 nobody, 1 to 3 one person, then two at once."""

_FILTER = 251
_LEAST_HZ = 50.0
_STRIDE = 10
_HIDDEN = 128
_LAYERS = 4
_SLOPE = 0.01
"""Of torch's leaky ReLU."""


def segmentation_model(weights: Mapping[str, Float32Array]) -> bytes:
    """Return the network in the ONNX format: samples (n, 1, 160,000) to log-probabilities (n, 589, 7).

    Raises:
        KeyError, IndexError, ValueError: weights are missing, or of another shape.
    """
    graph = Graph()
    now = _normalised(graph, "sound", weights, "sincnet.wav_norm1d")
    for layer in range(3):
        if layer == 0:
            name = "sincnet.conv1d.0.filterbank"
            filters = _band_pass(weights[f"{name}.low_hz_"], weights[f"{name}.band_hz_"])
            now = graph.add("Abs", graph.add("Conv", now, graph.constant(filters), strides=(_STRIDE,)))
        else:
            name = f"sincnet.conv1d.{layer}"
            kernel, bias = (graph.constant(weights[f"{name}.{which}"]) for which in ("weight", "bias"))
            now = graph.add("Conv", now, kernel, bias)
        now = graph.add("MaxPool", now, kernel_shape=(3,), strides=(3,))
        now = graph.add("LeakyRelu", _normalised(graph, now, weights, f"sincnet.norm1d.{layer}"), alpha=_SLOPE)
    now = graph.add("Transpose", now, perm=(2, 0, 1))
    for layer in range(_LAYERS):
        now = _lstm(graph, now, weights, layer)
    for name in ("linear.0", "linear.1"):
        now = graph.add("LeakyRelu", _linear(graph, now, weights, name), alpha=_SLOPE)
    now = graph.add("LogSoftmax", _linear(graph, now, weights, "classifier"), axis=2)
    graph.add("Transpose", now, perm=(1, 0, 2), output="classes")
    return graph.model("sound", 3, "classes", 3)


def _band_pass(low_hz: Float32Array, band_hz: Float32Array) -> Float32Array:
    """Return the filters (80, 1, 251) between learned edges (40, 1), even ones and odd ones (Ravanelli 2018)."""
    half = _FILTER // 2
    window = np.hamming(_FILTER)[:half]
    angle = 2 * np.pi * np.arange(-half, 0.0) / SAMPLE_RATE
    low = _LEAST_HZ + np.abs(low_hz.astype(np.float64))
    high = np.clip(low + _LEAST_HZ + np.abs(band_hz), _LEAST_HZ, SAMPLE_RATE / 2)
    band = high - low
    even = (np.sin(high * angle) - np.sin(low * angle)) / (angle / 2) * window
    odd = (np.cos(low * angle) - np.cos(high * angle)) / (angle / 2) * window
    evens = np.concatenate([even, 2 * band, even[:, ::-1]], axis=1)
    odds = np.concatenate([odd, np.zeros_like(band), -odd[:, ::-1]], axis=1)
    return np.asarray(np.concatenate([evens, odds]) / np.tile(2 * band, (2, 1)), np.float32)[:, None]


def _normalised(graph: Graph, now: str, weights: Mapping[str, Float32Array], name: str) -> str:
    scale, shift = (graph.constant(weights[f"{name}.{which}"]) for which in ("weight", "bias"))
    return graph.add("InstanceNormalization", now, scale, shift, epsilon=1e-5)


def _lstm(graph: Graph, now: str, weights: Mapping[str, Float32Array], layer: int) -> str:
    def both(name: str) -> Float32Array:
        return np.stack([_gates(weights[f"lstm.{name}_l{layer}{way}"]) for way in ("", "_reverse")])

    parts = both("weight_ih"), both("weight_hh"), np.concatenate([both("bias_ih"), both("bias_hh")], axis=1)
    constants = [graph.constant(part) for part in parts]
    states = graph.add("LSTM", now, *constants, hidden_size=_HIDDEN, direction="bidirectional")
    return graph.add("Reshape", graph.add("Transpose", states, perm=(0, 2, 1, 3)), graph.constant([0, 0, -1]))


def _gates(of_torch: Float32Array) -> Float32Array:
    """Turn torch's order of gates (input, forget, cell, output) into that of ONNX (input, output, forget, cell)."""
    enter, forget, cell, leave = np.split(of_torch, 4)
    return np.concatenate([enter, leave, forget, cell])


def _linear(graph: Graph, now: str, weights: Mapping[str, Float32Array], name: str) -> str:
    product = graph.add("MatMul", now, graph.constant(weights[f"{name}.weight"].T))
    return graph.add("Add", product, graph.constant(weights[f"{name}.bias"]))
