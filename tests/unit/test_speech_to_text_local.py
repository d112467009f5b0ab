import asyncio
import os
import sys
import threading
from pathlib import Path
from threading import Event

import numpy as np
import pytest

import speech_corpus
from constants import SAMPLE_RATE
from speech_to_text.local import EngineThread, end_when_stopped, joined_at_pauses, read_samples, speech_chunks


def test_samples_are_those_of_the_stretch(tmp_path: Path) -> None:
    pcm = tmp_path / "prepared.pcm"
    np.arange(32_000, dtype="<i2").tofile(pcm)
    samples = read_samples(pcm, 0.5, 1.25)
    assert samples.dtype == np.float32
    assert np.array_equal(np.round(samples * 32768), np.arange(8_000, 20_000))


def test_a_stretch_beyond_the_end_is_as_long_as_there_is_sound(tmp_path: Path) -> None:
    pcm = tmp_path / "prepared.pcm"
    np.zeros(16_000, "<i2").tofile(pcm)
    assert read_samples(pcm, 0.5, 3.0).size == 8_000


def test_silence_has_no_chunks() -> None:
    assert speech_chunks(speech_corpus.silence(3.0), 22.0) == ()


def test_chunks_are_short_ordered_and_hold_all_speech() -> None:
    speech = speech_corpus.russian_prompts(minutes=1.0)
    chunks = speech_chunks(speech.samples, 10.0)
    ends = [0, *(end for _, end in chunks)]
    assert all(before <= start < end for before, (start, end) in zip(ends, chunks, strict=False))
    assert all(end - start <= 10.0 * speech_corpus.SAMPLE_RATE for start, end in chunks)
    outside = speech.samples.copy()
    for start, end in chunks:
        outside[start:end] = 0.0
    assert float(np.sum(outside**2)) < 0.001 * float(np.sum(speech.samples**2))


async def test_work_whose_caller_is_cancelled_is_told_to_stop() -> None:
    thread = EngineThread("test")
    begun, told = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(stop: Event) -> None:
        loop.call_soon_threadsafe(begun.set)
        stop.wait()
        loop.call_soon_threadsafe(told.set)
        end_when_stopped(stop)

    waiting = asyncio.create_task(thread.run(work))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await told.wait()
    assert await thread.run(lambda _: "works on") == "works on"
    await thread.close()


async def test_closing_stops_the_work_at_hand() -> None:
    thread = EngineThread("test")
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(stop: Event) -> None:
        loop.call_soon_threadsafe(begun.set)
        stop.wait()
        end_when_stopped(stop)

    waiting = asyncio.create_task(thread.run(work))
    await begun.wait()
    await thread.close()
    await asyncio.wait([waiting])
    assert waiting.exception() is not None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
@pytest.mark.skipif(os.nice(0) >= 10, reason="the tests themselves stand back as far")
async def test_the_thread_of_an_engine_stands_back_for_the_event_loop() -> None:
    thread = EngineThread("test")
    niceness = await thread.run(lambda _: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    await thread.close()
    assert niceness == 10


@pytest.mark.parametrize(
    ("stretches", "chunks"),
    [
        ([(0, 6), (7, 9), (12, 15), (16, 21), (23, 25)], [(0, 21), (23, 25)]),
        ([(0, 6), (7, 12), (15, 18), (19, 21), (22, 25)], [(0, 12), (15, 25)]),
        ([(0, 6), (9, 14), (15, 21), (22, 25)], [(0, 21), (22, 25)]),
        ([(0, 30), (31, 35)], [(0, 30), (31, 35)]),
        ([], []),
    ],
)
def test_chunks_end_at_the_longest_pause_of_their_second_half(
    stretches: list[tuple[int, int]], chunks: list[tuple[int, int]]
) -> None:
    def samples(seconds: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return [(start * SAMPLE_RATE, end * SAMPLE_RATE) for start, end in seconds]

    assert list(joined_at_pauses(samples(stretches), 22.0)) == samples(chunks)
