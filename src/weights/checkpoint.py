"""Reads the arrays out of a torch checkpoint, without torch and without running what is in it.

The format (torch 1.6 and later) is a zip archive: a pickle ``…/data.pkl`` of the object with references to storages,
and for each storage a member ``…/data/KEY`` of its little-endian numbers. What else the object has, say the settings of
a training, is read as something inert.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from errors import WeightsRefused

FLOAT = np.dtype("<f4")
STATE = "state_dict"
"""The entry of a checkpoint that has the tensors; where there is none, the checkpoint is the tensors."""


@dataclass(frozen=True)
class _Tensor:
    """A view of the storage ``key``; None when that is not of floats. ``offset`` and ``strides`` count elements."""

    key: str | None
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _FloatStorage:
    """Stands for ``torch.FloatStorage``, the only kind that is read."""


class _OtherStorage:
    """Stands for storages of other numbers, such as the counters of batches, which are passed over."""


class _Inert:
    """Stands for classes whose values nobody here asks for; takes anything and does nothing."""

    def __init__(self, *_arguments: object) -> None: ...

    def __setstate__(self, _state: object) -> None: ...


def _rebuild_tensor(
    storage: str | None, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_gradients: object
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


_ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "FloatStorage"): _FloatStorage,
    ("torch", "LongStorage"): _OtherStorage,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch.torch_version", "TorchVersion"): _Inert,
    ("pyannote.audio.core.task", "Specifications"): _Inert,
    ("pyannote.audio.core.task", "Problem"): _Inert,
    ("pyannote.audio.core.task", "Resolution"): _Inert,
}


class _Unpickler(pickle.Unpickler):
    """Knows only the names in ``_ALLOWED``, so that a file cannot make us call anything else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed") from None

    def persistent_load(self, reference: object) -> str | None:
        match reference:
            case ("storage", storage, str(key), str(), int()) if storage is _FloatStorage:
                return key
            case ("storage", storage, str(), str(), int()) if storage is _OtherStorage:
                return None
        raise pickle.UnpicklingError("a reference to something else than a storage of numbers")


def read_checkpoint(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Return the tensors of floats of the checkpoint, by name. Blocking.

    Raises:
        WeightsRefused: the file is damaged, is something else, or asks for more than arrays.
    """
    try:
        return _read_arrays(path)
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        NotImplementedError,
    ) as exc:
        raise WeightsRefused(name=path.name, reason=str(exc)) from exc


def _read_arrays(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    with zipfile.ZipFile(path) as archive:
        described = next(name for name in [*archive.namelist(), ""] if name.endswith("/data.pkl") or not name)
        with archive.open(described) as file:
            state = _Unpickler(file).load()
        if not isinstance(state, Mapping):
            raise pickle.UnpicklingError("another format")
        tensors = {
            name: tensor
            for name, tensor in state.get(STATE, state).items()
            if isinstance(tensor, _Tensor) and tensor.key is not None
        }
        root = described.removesuffix("data.pkl")
        storages = {
            tensor.key: np.frombuffer(archive.read(f"{root}data/{tensor.key}"), dtype=FLOAT)
            for tensor in tensors.values()
        }
    return {name: _view(storages[tensor.key], tensor) for name, tensor in tensors.items()}


def _view(storage: npt.NDArray[np.float32], tensor: _Tensor) -> npt.NDArray[np.float32]:
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, last, *tensor.strides)) < 0 or last >= len(storage):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    strides = tuple(stride * FLOAT.itemsize for stride in tensor.strides)
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides)
    return np.array(view, dtype=np.float32)
