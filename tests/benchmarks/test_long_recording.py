"""Memory, own overhead and first progress line on long recordings, through the real command and the real engine.

Own overhead is the command's whole time without the recogniser's: start, decoding, voice activity, joining, speakers,
storing, artefacts. No language model works here. Run with ``scripts/benchmark -k long_recording``.
"""

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

import speech_corpus
from product import Product

pytestmark = [pytest.mark.weights, pytest.mark.timeout(3600)]

MEMORY_BAR_MB = 1200
MEMORY_GROWTH_BAR = 1.15
OVERHEAD_BAR = 0.03
FIRST_LINE_BAR_S = 2.0
WARM_START_BAR_S = 5.0
SHORT_MIN, LONG_MIN = 15, 60


@dataclass(frozen=True)
class Run:
    minutes: int
    wall_s: float
    engine_s: float
    peak_mb: float
    first_line_s: float
    accepted_s: float

    @property
    def overhead(self) -> float:
        return (self.wall_s - self.engine_s) / (self.minutes * 60)


@pytest.fixture(scope="module")
def installation() -> Iterator[Product]:
    """Empty but for the weights."""
    with tempfile.TemporaryDirectory(prefix="voxpersona-benchmark-") as folder:
        yield Product(Path(folder) / "state", {"LLM_ENGINE": "none"})


def measured(product: Product, minutes: int, folder: Path) -> Run:
    """Process a recording of so many minutes as a newcomer's command does."""
    pcm = folder / f"{minutes}.pcm"
    speech_corpus.write_long_recording(pcm, minutes, seed=minutes)
    recording = folder / f"{minutes}.ogg"
    raw = ["-f", "s16le", "-ar", str(speech_corpus.SAMPLE_RATE), "-ac", "1", "-i", str(pcm)]
    subprocess.run(["ffmpeg", "-v", "error", *raw, "-c:a", "libopus", "-b:a", "28k", str(recording)], check=True)
    pcm.unlink()
    started = time.monotonic()
    with product.start("process", recording, "--report", "none", "--json", "--out", folder / "out") as process:
        peak = Peak(process.pid)
        assert process.stderr is not None
        assert process.stdout is not None
        said: list[tuple[float, str]] = [(time.monotonic() - started, line) for line in process.stderr]
        printed = process.stdout.read()
    wall_s = time.monotonic() - started
    assert process.returncode == 0, said
    (manifest,) = json.loads(printed)
    accepted_s = next(at for at, line in said if "Принято" in line)
    return Run(minutes, wall_s, manifest["speech_to_text"]["seconds"], peak.stop(), said[0][0], accepted_s)


class Peak:
    """The largest resident set of one process, as the kernel keeps it (VmHWM), read until the process ends."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._peak_kb = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._thread.join(timeout=10)
        return self._peak_kb / 1024

    def _watch(self) -> None:
        while True:
            try:
                lines = self._status.read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                return
            found = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
            if not found:
                return
            self._peak_kb = found[0]
            time.sleep(0.1)


def test_long_recording(installation: Product, tmp_path: Path) -> None:
    measured(installation, 1, tmp_path)  # makes the database and fetches what is missing
    short, long = (measured(installation, minutes, tmp_path) for minutes in (SHORT_MIN, LONG_MIN))
    table = Table("recording", "wall, s", "engine, s", "own overhead", "peak MB", "first line, s", "accepted, s")
    for run in (short, long):
        table.add_row(
            f"{run.minutes} min",
            f"{run.wall_s:.1f}",
            f"{run.engine_s:.1f}",
            f"{run.overhead:.2%}",
            f"{run.peak_mb:.0f}",
            f"{run.first_line_s:.2f}",
            f"{run.accepted_s:.2f}",
        )
    table.add_row(
        "bar", "", "", f"{OVERHEAD_BAR:.0%}", str(MEMORY_BAR_MB), str(FIRST_LINE_BAR_S), str(WARM_START_BAR_S)
    )
    Console(width=110).print(table)
    assert long.peak_mb <= MEMORY_BAR_MB
    assert long.peak_mb <= short.peak_mb * MEMORY_GROWTH_BAR
    assert long.overhead <= OVERHEAD_BAR
    assert short.first_line_s <= FIRST_LINE_BAR_S
    assert short.accepted_s <= WARM_START_BAR_S
