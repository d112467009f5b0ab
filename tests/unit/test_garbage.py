"""The garbage of a process that people wait for: when it is collected, and what is known of the pauses."""

import asyncio
import gc
import subprocess
import sys
import time
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from datamodels import Word
from metrics import CollectionPauses
from system.garbage import collect_when_idle

HOURS = """
import gc
from datamodels import Word
from system import garbage

gc.disable()
garbage.settle()
before = gc.get_stats()[2]["collections"]
words = [Word(start=number, end=number + 1, text="слово") for number in range(40_000)]
print(gc.isenabled(), gc.get_stats()[2]["collections"] - before)
"""
"""What a bot does at its start, then the words of four hours."""


def test_the_words_of_hours_do_not_stop_the_process() -> None:
    printed = subprocess.run([sys.executable, "-c", HOURS], env={"PYTHONPATH": "src"}, capture_output=True, check=True)
    assert printed.stdout.decode().split() == ["True", "0"]


class Knot:
    """Refers to itself, so that only a collection ends it."""

    def __init__(self) -> None:
        self.knot = self


async def be_idle(_: weakref.ref[Knot]) -> None:
    await asyncio.sleep(0.2)


async def be_busy(knot: weakref.ref[Knot]) -> None:
    for _ in range(20):
        until = time.process_time() + 0.01
        while time.process_time() < until and knot() is not None:
            pass
        await asyncio.sleep(0)


@pytest.mark.parametrize(("spend", "is_collected"), [(be_idle, True), (be_busy, False)])
async def test_everything_is_collected_in_idle_minutes(
    spend: Callable[[weakref.ref[Knot]], Awaitable[None]], is_collected: bool
) -> None:
    gc.collect()
    gc.disable()
    try:
        knot = weakref.ref(Knot())
        collecting = asyncio.create_task(collect_when_idle(0.05))
        await spend(knot)
        collecting.cancel()
        with suppress(asyncio.CancelledError):
            await collecting
        assert (knot() is None) is is_collected
    finally:
        gc.enable()


def test_the_longest_pause_is_known_once() -> None:
    pauses = CollectionPauses()
    words = [Word(start=number, end=number + 1, text="слово") for number in range(1000)]
    gc.collect()
    assert len(words) == 1000
    assert pauses.take_worst_s() > 0
    gc.disable()
    try:
        pauses.take_worst_s()
        assert pauses.take_worst_s() == 0
    finally:
        gc.enable()
