"""Recordings that are hard to hear: two voices, two languages, one voice softer, another language first.

Each comes from one of two halves of the corpus, which share no prompt and no English clip: what is chosen is chosen on
``DEV``, what is told is measured on ``HELD_OUT``. The second Russian voice is the first, read lower and slower.
"""

import random
from collections.abc import Iterator
from itertools import count, cycle

import numpy as np

from speech_corpus import (
    SAMPLE_RATE,
    Clip,
    Samples,
    all_prompts,
    at_loudness,
    librivox,
    normalised,
    silence,
    trimmed,
)

DEV, HELD_OUT = "dev", "held-out"
_LOWER = 0.87
"""The second voice's pitch and pace, as a share of the first's."""


def russian(half: str, minutes: float, gap_s: float = 0.5) -> Clip:
    """One Russian voice; prompts repeat, in another order, when the half has too few."""
    pieces: list[tuple[Samples, str]] = []
    for prompt in _prompts(half):
        if _seconds(pieces) >= minutes * 60:
            break
        pieces.append((np.concatenate([prompt.samples, silence(gap_s)]), _said(prompt)))
    return _clip(f"{half}: Russian, {minutes:g} min", pieces)


def two_voices(half: str, minutes: float, softer_db: float = 0.0, gap_s: float = 0.3) -> Clip:
    """Two Russian voices in turns of 3 to 10 s, the second ``softer_db`` softer."""
    prompts, pieces = _prompts(half), list[tuple[Samples, str]]()
    for turn in count():
        if _seconds(pieces) >= minutes * 60:
            break
        loudness = 0.06 * 10 ** (-softer_db / 20) if turn % 2 else 0.06
        samples, text = _turn(prompts, 3.0 + 7.0 * (turn * 7 % 10) / 10)
        sound = at_loudness(_lower(samples) if turn % 2 else samples, loudness)
        pieces.append((np.concatenate([sound, silence(gap_s)]), text))
    return _clip(f"{half}: two voices, {softer_db:g} dB softer", pieces)


def two_languages(half: str, minutes: float, gap_s: float = 0.4) -> Clip:
    """Russian and English in turns of about 5 to 10 s."""
    prompts, readings, pieces = _prompts(half), cycle(_readings(half)), list[tuple[Samples, str]]()
    while _seconds(pieces) < minutes * 60:
        samples, text = _turn(prompts, 5.0)
        reading = next(readings)
        pieces.append((np.concatenate([at_loudness(samples), silence(gap_s)]), text))
        pieces.append((np.concatenate([at_loudness(trimmed(reading.samples)), silence(gap_s)]), _said(reading)))
    return _clip(f"{half}: Russian and English in turns", pieces)


def english_first(half: str) -> Clip:
    """25 s of English, a pause, a minute of Russian."""
    pieces: list[tuple[Samples, str]] = []
    for reading in cycle(_readings(half)):
        if _seconds(pieces) >= 25:
            break
        pieces.append((np.concatenate([at_loudness(trimmed(reading.samples)), silence(0.4)]), _said(reading)))
    later = russian(half, 1.0)
    return _clip(f"{half}: English, then a Russian minute", [*pieces, (silence(2.0), ""), (later.samples, later.text)])


def _prompts(half: str) -> Iterator[Clip]:
    own = [prompt for number, prompt in enumerate(all_prompts()) if (number % 2 == 0) == (half == DEV)]
    order = random.Random(0)  # noqa: S311 - a reproducible shuffle
    while True:
        order.shuffle(own)
        yield from own


def _readings(half: str) -> list[Clip]:
    readings = librivox()
    return readings[:2] if half == DEV else readings[2:]


def _turn(prompts: Iterator[Clip], least_s: float) -> tuple[Samples, str]:
    pieces: list[tuple[Samples, str]] = []
    while _seconds(pieces) < least_s:
        prompt = next(prompts)
        pieces.append((trimmed(prompt.samples), _said(prompt)))
    clip = _clip("", pieces)
    return clip.samples, clip.text


def _lower(samples: Samples) -> Samples:
    times = np.arange(0, len(samples) - 1, _LOWER)
    slower: Samples = np.interp(times, np.arange(len(samples)), samples).astype(np.float32)
    return slower


def _said(clip: Clip) -> str:
    return normalised(clip.text, clip.language)


def _seconds(pieces: list[tuple[Samples, str]]) -> float:
    return sum(len(samples) for samples, _ in pieces) / SAMPLE_RATE


def _clip(name: str, pieces: list[tuple[Samples, str]]) -> Clip:
    return Clip(name, "ru", " ".join(text for _, text in pieces if text), np.concatenate([each for each, _ in pieces]))
