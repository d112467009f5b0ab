"""How long the interpreter is kept from the event loop while Whisper loads: our way, and faster-whisper's own.

Both load the model in a thread, as the bot does with its first recording.
Run with ``scripts/benchmark -k loading_lag``.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from faster_whisper import WhisperModel  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

from config import ROOT
from speech_to_text.whisper import WhisperSpeechToText
from weights.installer import ensure_weights

pytestmark = pytest.mark.weights

ROUNDS = 5
BAR_MS = 100.0
PAUSE_S = 0.002


async def worst_ms(load: Callable[[], Awaitable[object]]) -> float:
    """Return how late a short sleep ended at most while ``load`` ran."""
    loading, worst = asyncio.ensure_future(load()), 0.0
    while not loading.done():
        began = time.perf_counter()
        await asyncio.sleep(PAUSE_S)
        worst = max(worst, time.perf_counter() - began - PAUSE_S)
    await loading
    return 1000 * worst


async def test_loading_lag() -> None:
    folder = await ensure_weights("whisper-base", ROOT / "persistent_data" / "models")

    async def ours() -> None:
        engine = WhisperSpeechToText(folder, 2)
        await engine.check()
        await engine.close()

    async def its_own() -> None:
        await asyncio.to_thread(WhisperModel, str(folder), device="cpu", compute_type="int8_float32", cpu_threads=2)

    table = Table("ms in the worst moment", *(f"round {each + 1}" for each in range(ROUNDS)), "bar")
    found = {
        name: [await worst_ms(load) for _ in range(ROUNDS)] for name, load in (("ours", ours), ("its own", its_own))
    }
    for name, each in found.items():
        table.add_row(name, *(f"{ms:.0f}" for ms in each), f"{BAR_MS:.0f}" if name == "ours" else "")
    Console(width=100).print(table)
    assert max(found["ours"]) <= BAR_MS
