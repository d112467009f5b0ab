"""Reads the arrays out of a torch checkpoint of the old format, without torch and without running what is in it.

The format (torch before 1.6): five pickles one after another (magic number, protocol, system, the object with its
references to storages, the storages' keys), then for each key a 64-bit count and that many little-endian numbers.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from errors import WeightsRefused

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
FLOAT = np.dtype("<f4")


@dataclass(frozen=True)
class _Tensor:
    """A view of the storage ``key``. ``offset`` and ``strides`` count elements."""

    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _FloatStorage:
    """Stands for ``torch.FloatStorage``, the only kind that is read."""


def _rebuild_tensor(
    storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_gradients: object
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


_ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "FloatStorage"): _FloatStorage,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
}


class _Unpickler(pickle.Unpickler):
    """Knows only the names in ``_ALLOWED``, so that a file cannot make us call anything else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed") from None

    def persistent_load(self, reference: object) -> str:
        match reference:
            case ("storage", storage, str(key), str(), int(), None) if storage is _FloatStorage:
                return key
        raise pickle.UnpicklingError("a reference to something else than a storage of floats")


def read_checkpoint(path: Path, entry: str) -> dict[str, npt.NDArray[np.float32]]:
    """Return the tensors of the checkpoint's ``entry`` (a state dictionary), by name. Blocking.

    Raises:
        WeightsRefused: the file is damaged, is something else, or asks for more than arrays.
    """
    try:
        return _read_arrays(path, entry)
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as exc:
        raise WeightsRefused(name=path.name, reason=str(exc)) from exc


def _read_arrays(path: Path, entry: str) -> dict[str, npt.NDArray[np.float32]]:
    with path.open("rb") as file:
        magic, protocol, _, objects, keys = (_Unpickler(file).load() for _ in range(5))
        if (magic, protocol) != (MAGIC, PROTOCOL):
            raise pickle.UnpicklingError("another format")
        storages = {key: _read_storage(file) for key in keys}
    tensors = {name: tensor for name, tensor in objects[entry].items() if isinstance(tensor, _Tensor)}
    return {name: _view(storages[tensor.key], tensor) for name, tensor in tensors.items()}


def _read_storage(file: BinaryIO) -> npt.NDArray[np.float32]:
    count = int.from_bytes(file.read(8), "little")
    data = file.read(count * FLOAT.itemsize)
    if len(data) != count * FLOAT.itemsize:
        raise pickle.UnpicklingError("it ends too early")
    return np.frombuffer(data, dtype=FLOAT)


def _view(storage: npt.NDArray[np.float32], tensor: _Tensor) -> npt.NDArray[np.float32]:
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, last, *tensor.strides)) < 0 or last >= len(storage):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    strides = tuple(stride * FLOAT.itemsize for stride in tensor.strides)
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides)
    return np.array(view, dtype=np.float32)
