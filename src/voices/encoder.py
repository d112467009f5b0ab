"""The two networks of diarization, run by onnxruntime on one thread each."""

import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from onnxruntime.capi.onnxruntime_pybind11_state import (  # type: ignore[import-untyped]
    Fail,
    InvalidArgument,
    InvalidGraph,
)
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from constants import SAMPLE_RATE
from errors import WeightsRefused
from voices.arrays import Float32Array
from voices.campplus import campplus_model
from voices.features import mel_features
from voices.segmentation import segmentation_model

VOICE_SAMPLES = SAMPLE_RATE * 3 // 2
"""1.5 s: shorter windows tell voices apart less well, longer ones have more changes of speaker in them."""

BATCH = 16
"""Windows at once. Larger batches are no faster, and need more memory."""


_REFUSED = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    zipfile.BadZipFile,
    Fail,
    InvalidArgument,
    InvalidGraph,
)
"""What numpy and onnxruntime raise about a file that is something else."""


_TRIES = 5


def _arrays(npz: Path) -> dict[str, Float32Array]:
    """Read all arrays of a file.

    Python before 3.11.8 fails now and then when two threads read literals, as numpy does here and the log of a
    traceback there (python/cpython#106905): that is tried again.
    """
    for _ in range(_TRIES - 1):
        with suppress(SystemError):
            return _read(npz)
    return _read(npz)


def _read(npz: Path) -> dict[str, Float32Array]:
    # Opened here: given a path, numpy leaves the file open when it is no archive.
    with npz.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {name: np.asarray(archive[name], dtype=np.float32) for name in archive.files}


class VoiceEncoder:
    """Tells where people speak, and turns voices into vectors; keeps no state, so several threads may share one."""

    def __init__(self, npz: Path) -> None:
        """Read the weights of both networks, named as in the published checkpoints.

        Raises:
            WeightsRefused: the file is absent, is no npz, or its arrays have other names or shapes.
        """
        # For the whole process: a second thread spins where other engines work, for products as small as ours.
        threadpool_limits(limits=1, user_api="blas")
        try:
            weights = _arrays(npz)
            self._segmentation = _session(segmentation_model(weights))
            self._voices = _session(campplus_model(weights))
        except _REFUSED as exc:
            raise WeightsRefused(name=npz.name, reason=str(exc)) from exc

    def who_speaks(self, windows: Float32Array) -> Float32Array:
        """Return probabilities (n, 589, 7) of ``segmentation``'s classes in windows (n, 160,000) within [-1, 1]."""
        batches = [
            np.exp(self._segmentation.run(None, {"sound": windows[at : at + BATCH, None]})[0])
            for at in range(0, len(windows), BATCH)
        ]
        return np.concatenate(batches)

    def embed(self, windows: Float32Array) -> Float32Array:
        """Return unit vectors (n, 192) of windows (n, ``VOICE_SAMPLES``) within [-1, 1]; loudness does not matter."""
        batches = [
            self._voices.run(None, {"features": mel_features(windows[at : at + BATCH])})[0]
            for at in range(0, len(windows), BATCH)
        ]
        vectors = np.concatenate(batches)
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"], sess_options=options)
