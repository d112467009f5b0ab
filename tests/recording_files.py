"""Makes recordings for tests, good and bad ones. All blocking: they take a fraction of a second."""

import math
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config import ROOT
from constants import SAMPLE_RATE


def tone(seconds: float, hertz: float = 220.0) -> NDArray[np.int16]:
    """A tone at half volume, shape (samples,). No speech, but sound."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (np.sin(2 * math.pi * hertz * time) * 16384).astype(np.int16)


def silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def write_pcm(path: Path, samples: NDArray[np.int16]) -> Path:
    """Write prepared audio, as ``audio.prepare`` does."""
    samples.astype("<i2").tofile(path)
    return path


def read_pcm(path: Path, start_s: float, end_s: float) -> NDArray[np.float32]:
    """Read a stretch of prepared audio, from -1 to 1."""
    samples = np.fromfile(path, "<i2")[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
    return samples.astype(np.float32) / np.float32(32768)


def encode(path: Path, samples: NDArray[np.int16], *options: str) -> Path:
    """Encode to what the name's extension says; ``options`` are ffmpeg's, for the output."""
    _ffmpeg("-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0", *options, str(path), stdin=samples)
    return path


def encode_unseekable(path: Path, samples: NDArray[np.int16], *options: str) -> Path:
    """Encode as a recorder does that writes to a stream: the header never learns the duration."""
    raw = ("-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0")
    path.write_bytes(_ffmpeg(*raw, *options, "pipe:1", stdin=samples))
    return path


def speech(path: Path, seconds: float, *options: str) -> Path:
    """Real Russian speech, encoded to what the name's extension says; no two names have the same bytes.

    ``options`` are ffmpeg's, for the output.
    """
    source = ("-t", str(seconds), "-i", str(ROOT / "samples" / "demo.ogg"))
    _ffmpeg(*source, "-metadata", f"title={path.name}", *options, str(path))
    return path


def call(path: Path, seconds: float) -> Path:
    """A call whose sides are two channels: on the second something else is said at the same time."""
    demo = str(ROOT / "samples" / "demo.ogg")
    sides = ("-t", str(seconds), "-i", demo, "-ss", "20", "-t", str(seconds), "-i", demo)
    _ffmpeg(*sides, "-filter_complex", "[0:a][1:a]join=inputs=2:channel_layout=stereo", str(path))
    return path


def truncated(path: Path, share: float) -> Path:
    """Cut a file to a share of its bytes, as a broken transfer does."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def film(path: Path, seconds: float, sound: NDArray[np.int16] | None) -> Path:
    """A film of a test picture, with sound or without."""
    picture = ("-f", "lavfi", "-i", f"testsrc=size=64x48:rate=5:duration={seconds}")
    if sound is None:
        _ffmpeg(*picture, str(path))
    else:
        raw = ("-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0")
        _ffmpeg(*picture, *raw, str(path), stdin=sound)
    return path


def image(path: Path) -> Path:
    """A picture; the format is PNG whatever the name's extension."""
    source = ("-f", "lavfi", "-i", "testsrc=size=64x48:duration=1")
    _ffmpeg(*source, "-frames:v", "1", "-f", "image2", "-c:v", "png", "-update", "1", str(path))
    return path


def _ffmpeg(*arguments: str, stdin: NDArray[np.int16] | None = None) -> bytes:
    return subprocess.run(
        ["ffmpeg", "-hide_banner", "-v", "error", "-y", *arguments],
        input=None if stdin is None else stdin.tobytes(),
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        check=True,
    ).stdout
