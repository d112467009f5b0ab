"""Real talk with who speaks when: excerpts of meetings, and mixes of real voices of one sex that interrupt each other.

The excerpts (AMI, 30 s each) come with the source archive of ``pyannote.audio==3.1.1``, which is unpacked by hand into
``persistent_data/test-corpus``: ``pip download --no-deps --no-binary pyannote.audio pyannote.audio==3.1.1``. Prompts of
other voices come from Debian packages and are fetched.
"""

import random
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import speech_corpus
from speech_corpus import CORPUS_DIR, SAMPLE_RATE, Samples, at_loudness, trimmed

ARCHIVE = CORPUS_DIR / "pyannote.audio-3.1.1"
EXCERPTS = (*(f"trn{number:02d}" for number in range(10)), "tst00", "tst01")
PROMPTS = {"en": "en_US_f_Allison", "fr": "fr_CA_f_June", "es": "es_MX_f_Allison", "it": "it_IT_m_Carlo"}
_PACKAGES = tuple(f"asterisk-core-sounds-{language}-g722" for language in PROMPTS)
_SOUNDS = CORPUS_DIR / "usr/share/asterisk/sounds"
_FRAME = SAMPLE_RATE // 100

PAIRS = (
    ("ru", "en"),
    ("ru", "fr"),
    ("en", "fr"),
    ("fr", "es"),
    ("MEE009", "MEE012"),
    ("MEO069", "MEE009"),
    ("FEE078", "FEE083"),
    ("speaker90", "speaker91"),
    ("reader", "MEO069"),
    ("it", "ru"),
)
"""Two women each, or two men; the last pair has the highest man's voice. Names in capitals are people of meetings."""
_WHERE = {
    "MEE009": ("dev00", "dev01"),
    "MEE012": ("dev00", "dev01"),
    "MEO069": ("trn03",),
    "FEE078": ("trn05",),
    "FEE083": ("trn09",),
    "speaker90": ("sample",),
    "speaker91": ("sample",),
}

Labelled = tuple[float, float, str]


@dataclass(frozen=True)
class Talk:
    """A recording and who speaks when in it, in seconds; several may speak at once."""

    name: str
    samples: Samples
    turns: list[Labelled]


def excerpt(name: str) -> Talk:
    """Return one of ``EXCERPTS``, ``dev00``, ``dev01`` or ``sample``; skips the test when the archive is not there."""
    if not ARCHIVE.is_dir():
        pytest.skip(f"unpack the source archive of pyannote.audio 3.1.1 to {ARCHIVE}")
    folder = ARCHIVE / ("tutorials/assets" if name == "sample" else "tests/data")
    turns = [
        (float(row[3]), float(row[3]) + float(row[4]), row[7])
        for file in sorted(folder.glob("*.rttm"))
        for row in map(str.split, file.read_text().splitlines())
        if row[1] == name
    ]
    return Talk(name, speech_corpus.decoded(folder / f"{name}.wav"), turns)


def two_men() -> Talk:
    """Two excerpts with the same two men, one after the other."""
    first, second = excerpt("dev00"), excerpt("dev01")
    length = len(first.samples) / SAMPLE_RATE
    later = [(start + length, end + length, who) for start, end, who in second.turns]
    return Talk("dev00 + dev01", np.concatenate([first.samples, second.samples]), first.turns + later)


def mix(people: tuple[str, ...], seed: int, seconds: float = 80.0) -> Talk:
    """People at one table: turns of 1 to 9 s, pauses, every fifth turn begins before the last one ends, nods."""
    chance = random.Random(seed)  # noqa: S311 - a reproducible mix
    tracks = {who: np.zeros(round((seconds + 20) * SAMPLE_RATE), np.float32) for who in people}
    turns: list[Labelled] = []

    def say(who: str, at: float, sound: Samples) -> None:
        first = round(at * SAMPLE_RATE)
        tracks[who][first : first + len(sound)] += sound
        turns.extend((at + start, at + end, who) for start, end in _loud(sound))

    now, speaker = 0.5, ""
    while now < seconds:
        speaker = chance.choice([who for who in people if who != speaker] or list(people))
        sound = _said(speaker, 9 ** chance.random(), chance)
        say(speaker, now, sound)
        length = len(sound) / SAMPLE_RATE
        if len(people) > 1 and length > 3 and chance.random() < 0.2:
            other = chance.choice([who for who in people if who != speaker])
            nod = _said(other, 0.1, chance)[: round(chance.uniform(0.4, 0.9) * SAMPLE_RATE)]
            say(other, now + chance.uniform(0.8, length - 1.2), nod)
        now += max(0.3, length + (-chance.uniform(0.2, 1) if chance.random() < 0.2 else chance.uniform(0.1, 1.2)))
    noise = np.random.default_rng(seed)
    room = noise.normal(0, 1, SAMPLE_RATE // 3) * np.exp(-23 * np.arange(SAMPLE_RATE // 3) / SAMPLE_RATE) * 0.05
    room[0] = 1
    whole = sum(tracks.values(), np.zeros(1, np.float32))[
        : round((max(end for _, end, _ in turns) + 0.5) * SAMPLE_RATE)
    ]
    size = len(whole) + len(room)
    heard = np.fft.irfft(np.fft.rfft(whole, size) * np.fft.rfft(room, size), size)[: len(whole)]
    heard += noise.normal(0, np.sqrt(np.mean(heard**2)) * 10 ** (-(20 + seed % 3 * 5) / 20), len(heard))
    return Talk(" + ".join(people), (heard / np.abs(heard).max() * 0.7).astype(np.float32), turns)


def _said(who: str, least_s: float, chance: random.Random) -> Samples:
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < least_s * SAMPLE_RATE:
        pause = speech_corpus.silence(chance.uniform(0.1, 0.4) if pieces else 0)
        pieces += [pause, chance.choice(_clips(who))]
    return at_loudness(np.concatenate(pieces), 0.06 * 10 ** (chance.uniform(-2, 2) / 20))


@cache
def _clips(who: str) -> list[Samples]:
    if who in _WHERE:
        return [clip for name in _WHERE[who] for clip in _alone(excerpt(name), who)]
    if who == "reader":
        return [trimmed(clip.samples) for clip in speech_corpus.librivox()]
    if who == "ru":
        return [trimmed(clip.samples) for clip, _ in zip(speech_corpus.all_prompts(), range(60), strict=False)]
    _fetch()
    files = sorted((_SOUNDS / PROMPTS[who]).glob("*.g722"))
    clips = [trimmed(speech_corpus.decoded(file)) for file in random.Random(0).sample(files, 120)]  # noqa: S311
    return [clip for clip in clips if SAMPLE_RATE < len(clip) < 12 * SAMPLE_RATE]


def _alone(talk: Talk, who: str) -> list[Samples]:
    """Where nobody else speaks, in pieces of at most 4 s."""
    frames = np.zeros((2, len(talk.samples) // _FRAME), bool)
    for start, end, name in talk.turns:
        frames[int(name != who), round(start * 100) : round(end * 100)] = True
    borders = np.flatnonzero(np.diff(np.concatenate([[0], frames[0] & ~frames[1], [0]])))
    pieces = [
        talk.samples[at * _FRAME : min(end, at + 400) * _FRAME]
        for start, end in borders.reshape(-1, 2)
        for at in range(start, end, 400)
    ]
    return [piece for piece in pieces if len(piece) > 0.8 * SAMPLE_RATE]


def _loud(sound: Samples) -> list[tuple[float, float]]:
    """Where somebody speaks in a clean clip; pauses below 0.3 s belong to the speech."""
    frames = sound[: len(sound) // _FRAME * _FRAME].reshape(-1, _FRAME)
    level = np.sqrt(np.mean(frames**2, axis=1))
    spans: list[tuple[float, float]] = []
    for frame in np.flatnonzero(level > level.max() * 0.02).tolist():
        if spans and frame / 100 - spans[-1][1] < 0.3:
            spans[-1] = (spans[-1][0], (frame + 1) / 100)
        else:
            spans.append((frame / 100, (frame + 1) / 100))
    return spans


@cache
def _fetch() -> None:
    if all((_SOUNDS / name).is_dir() for name in PROMPTS.values()):
        return
    for package in _PACKAGES:
        subprocess.run(["apt-get", "-q", "download", package], cwd=CORPUS_DIR, check=True, timeout=280)
        archive: Path = next(CORPUS_DIR.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg", "-x", archive, CORPUS_DIR], check=True, timeout=60)
        archive.unlink()
