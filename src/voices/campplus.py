"""Whose voice it is: the network CAM++ of 3D-Speaker (Wang et al. 2023), trained on 200,000 people.

A small two-dimensional convolution reads the mel features; three blocks of densely connected layers follow, each of
which weighs its channels by the sound around; the mean and deviation over time become a vector of 192 numbers.
"""

from collections.abc import Mapping

import numpy as np

from voices.arrays import Float32Array
from voices.onnx_graph import Graph

SIZE = 192
_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each block."""
_SEGMENT = 100
"""Frames of context that are averaged for the weights of channels."""
_EPSILON = 1e-5


class _Network:
    """Adds the layers of CAM++ to a graph; batch normalisation is folded into what it follows where it can be."""

    def __init__(self, weights: Mapping[str, Float32Array]) -> None:
        self._weights = weights
        self.graph = Graph()

    def constant(self, name: str) -> str:
        return self.graph.constant(self._weights[name])

    def _scale_and_shift(self, name: str) -> tuple[Float32Array, Float32Array]:
        variance, mean = (self._weights[f"{name}.running_{which}"] for which in ("var", "mean"))
        scale = self._weights.get(f"{name}.weight", np.ones_like(mean)) / np.sqrt(variance + np.float32(_EPSILON))
        return scale, self._weights.get(f"{name}.bias", np.zeros_like(mean)) - mean * scale

    def normalised(self, now: str, name: str) -> str:
        scale, shift = (self.graph.constant(each[:, None]) for each in self._scale_and_shift(name))
        return self.graph.add("Add", self.graph.add("Mul", now, scale), shift)

    def rectified(self, now: str, name: str) -> str:
        return self.graph.add("Relu", self.normalised(now, name))

    def convolved(self, now: str, name: str, norm: str, pads: tuple[int, ...], strides: tuple[int, ...]) -> str:
        kernel = self._weights[f"{name}.weight"]
        scale, shift = self._scale_and_shift(norm)
        folded = kernel * scale.reshape(-1, *[1] * (kernel.ndim - 1))
        constants = self.graph.constant(folded), self.graph.constant(shift)
        return self.graph.add("Conv", now, *constants, pads=pads, strides=strides)

    def residual(self, now: str, name: str, stride: int) -> str:
        wide = (1, 1, 1, 1)
        inner = self.graph.add("Relu", self.convolved(now, f"{name}.conv1", f"{name}.bn1", wide, (stride, 1)))
        inner = self.convolved(inner, f"{name}.conv2", f"{name}.bn2", wide, (1, 1))
        if stride > 1:
            now = self.convolved(now, f"{name}.shortcut.0", f"{name}.shortcut.1", (0, 0, 0, 0), (stride, 1))
        return self.graph.add("Relu", self.graph.add("Add", inner, now))

    def masked(self, now: str, name: str, dilation: int) -> str:
        """A convolution over time whose channels are weighed by the means of a segment and of the whole."""
        graph = self.graph
        local = graph.add(
            "Conv", now, self.constant(f"{name}.linear_local.weight"), pads=(dilation, dilation), dilations=(dilation,)
        )
        segments = graph.add("AveragePool", now, kernel_shape=(_SEGMENT,), strides=(_SEGMENT,), ceil_mode=1)
        context = graph.add("Add", segments, graph.add("ReduceMean", now, axes=(2,)))
        for layer, activation in (("linear1", "Relu"), ("linear2", "Sigmoid")):
            kernel, bias = (self.constant(f"{name}.{layer}.{which}") for which in ("weight", "bias"))
            context = graph.add(activation, graph.add("Conv", context, kernel, bias))
        each = graph.add("Unsqueeze", context, graph.constant([3]))
        repeated = graph.add("Tile", each, graph.constant([1, 1, 1, _SEGMENT]))
        long = graph.add("Reshape", repeated, graph.constant([0, 0, -1]))
        length = graph.add("Gather", graph.add("Shape", now), graph.constant([2]))
        mask = graph.add("Slice", long, graph.constant([0]), length, graph.constant([2]))
        return graph.add("Mul", local, mask)

    def pooled(self, now: str) -> str:
        """The mean and the deviation (with n - 1) over time."""
        graph = self.graph
        mean = graph.add("ReduceMean", now, axes=(2,))
        off = graph.add("Sub", now, mean)
        squares = graph.add("ReduceSum", graph.add("Mul", off, off), graph.constant([2]))
        length = graph.add("Cast", graph.add("Gather", graph.add("Shape", now), graph.constant([2])), to=1)
        variance = graph.add("Div", squares, graph.add("Sub", length, graph.constant([1.0])))
        return graph.add("Concat", mean, graph.add("Sqrt", variance), axis=1)


def campplus_model(weights: Mapping[str, Float32Array]) -> bytes:
    """Return the network in the ONNX format: mel features (n, frames, 80) to vectors (n, 192).

    Raises:
        KeyError, IndexError, ValueError: weights are missing, or of another shape.
    """
    network = _Network(weights)
    graph, wide = network.graph, (1, 1, 1, 1)
    now = graph.add("Unsqueeze", graph.add("Transpose", "features", perm=(0, 2, 1)), graph.constant([1]))
    now = graph.add("Relu", network.convolved(now, "head.conv1", "head.bn1", wide, (1, 1)))
    for layer in ("layer1", "layer2"):
        for number, stride in enumerate((2, 1)):
            now = network.residual(now, f"head.{layer}.{number}", stride)
    now = graph.add("Relu", network.convolved(now, "head.conv2", "head.bn2", wide, (2, 1)))
    sizes = graph.add("Shape", now)
    count, length = (graph.add("Gather", sizes, graph.constant([axis])) for axis in (0, 3))
    now = graph.add("Reshape", now, graph.add("Concat", count, graph.constant([-1]), length, axis=0))
    first = "xvector.tdnn"
    now = graph.add("Relu", network.convolved(now, f"{first}.linear", f"{first}.nonlinear.batchnorm", (2, 2), (2,)))
    for block, (layers, dilation) in enumerate(_BLOCKS, 1):
        for number in range(1, layers + 1):
            name = f"xvector.block{block}.tdnnd{number}"
            inner = network.rectified(now, f"{name}.nonlinear1.batchnorm")
            inner = network.convolved(inner, f"{name}.linear1", f"{name}.nonlinear2.batchnorm", (0, 0), (1,))
            inner = network.masked(graph.add("Relu", inner), f"{name}.cam_layer", dilation)
            now = graph.add("Concat", now, inner, axis=1)
        name = f"xvector.transit{block}"
        now = network.rectified(now, f"{name}.nonlinear.batchnorm")
        now = graph.add("Conv", now, network.constant(f"{name}.linear.weight"))
    now = network.pooled(network.rectified(now, "xvector.out_nonlinear.batchnorm"))
    now = graph.add("Conv", now, network.constant("xvector.dense.linear.weight"))
    now = network.normalised(now, "xvector.dense.nonlinear.batchnorm")
    graph.add("Squeeze", now, graph.constant([2]), output="voices")
    return graph.model("features", 3, "voices", 2)
