"""Writes the graph of a network in the ONNX format, for onnxruntime to run.

Only what our networks need, in the protobuf encoding of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. The
package ``onnx`` would do it, too, at 35 MB in every installation; a test compares with its checker.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

OPSET = 17
IR_VERSION = 8

_VARINT, _BYTES, _FIXED32 = 0, 2, 5
_FLOATS, _INTEGERS = 1, 7
"""TensorProto.DataType."""
_AS_FLOAT, _AS_INT, _AS_STRING, _AS_INTS = 1, 2, 3, 7
"""AttributeProto.AttributeType."""

Attribute = int | float | str | Sequence[int]


class Graph:
    """Collects operations; values are known by the names that are returned."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, numbers: ArrayLike) -> str:
        """Add float32 numbers, or int64 ones when all are integers; return their name."""
        array = np.asarray(numbers)
        whole = np.issubdtype(array.dtype, np.integer)
        name = f"w{len(self._constants)}"
        fields = [_number(1, size) for size in array.shape]
        fields.append(_number(2, _INTEGERS if whole else _FLOATS))
        fields.append(_text(8, name))
        fields.append(_field(9, np.ascontiguousarray(array, dtype="<i8" if whole else "<f4").tobytes()))
        self._constants.append(b"".join(fields))
        return name

    def add(self, operation: str, *inputs: str, output: str | None = None, **attributes: Attribute) -> str:
        """Add an operation of one output; return its name. An input that is left out is empty."""
        name = output or f"t{len(self._nodes)}"
        fields = [_text(1, each) for each in inputs]
        fields += [_text(2, name), _text(4, operation)]
        fields += [_field(5, _attribute(key, value)) for key, value in attributes.items()]
        self._nodes.append(b"".join(fields))
        return name

    def model(self, given: str, rank: int, wanted: str, rank_wanted: int) -> bytes:
        """Return the model with one input and one output of floats, whose sizes are free in all dimensions."""
        graph = [_field(1, node) for node in self._nodes]
        graph.append(_text(2, "voices"))
        graph += [_field(5, constant) for constant in self._constants]
        graph += [_field(11, _value(given, rank)), _field(12, _value(wanted, rank_wanted))]
        return b"".join([_number(1, IR_VERSION), _field(8, _number(2, OPSET)), _field(7, b"".join(graph))])


def _value(name: str, rank: int) -> bytes:
    shape = b"".join(_field(1, _text(2, f"{name}{dimension}")) for dimension in range(rank))
    tensor = _number(1, _FLOATS) + _field(2, shape)
    return _text(1, name) + _field(2, _field(1, tensor))


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _AS_INT)
    if isinstance(value, float):
        return _text(1, name) + _tag(2, _FIXED32) + np.float32(value).tobytes() + _number(20, _AS_FLOAT)
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, _AS_STRING)
    return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, _AS_INTS)


def _field(number: int, content: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _number(number: int, value: int) -> bytes:
    return _tag(number, _VARINT) + _varint(value)


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    return bytes(_sevens(value))


def _sevens(value: int) -> Iterator[int]:
    while value > 0x7F:
        yield value & 0x7F | 0x80
        value >>= 7
    yield value
