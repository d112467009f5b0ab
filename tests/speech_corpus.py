"""Real speech with reference texts for tests and benchmarks, from three Debian packages.

``asterisk-core-sounds-ru-g722`` is one Russian studio voice (CC-BY-3.0, Maxim Topal, ivrvoice.ru), its texts are in
``asterisk-core-sounds-ru``; ``pocketsphinx-testdata`` carries five clips of an English LibriVox reader. The packages
are unpacked into ``persistent_data/test-corpus``, not installed; installed ones are used where they are.

All samples are float32 in [-1, 1], mono, 16 kHz.
"""

import fcntl
import gzip
import random
import re
import shutil
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from num2words import num2words  # type: ignore[import-untyped]

SAMPLE_RATE = 16_000
PACKAGES = ("asterisk-core-sounds-ru-g722", "asterisk-core-sounds-ru", "pocketsphinx-testdata")
CORPUS_DIR = Path(__file__).resolve().parent.parent / "persistent_data" / "test-corpus"

_SOUNDS = Path("usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU")
_TEXTS = Path("usr/share/doc/asterisk-core-sounds-ru/core-sounds-ru.txt.gz")
_LIBRIVOX = Path("usr/share/pocketsphinx/test/data/librivox")
_NEEDED = (_SOUNDS, _TEXTS, _LIBRIVOX / "transcription")

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """A recording and what is said in it."""

    name: str
    language: str
    text: str
    samples: Samples

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    def write_pcm(self, path: Path) -> Path:
        """Write the prepared form: signed 16-bit little-endian, no header."""
        path.write_bytes(pcm_bytes(self.samples))
        return path

    def write_wav(self, path: Path) -> Path:
        return write_wav(path, self.samples)


@dataclass(frozen=True)
class Turn:
    """One speaker talking, in seconds."""

    start: float
    end: float
    speaker: str
    text: str


@dataclass(frozen=True)
class Mix:
    """Alternating speakers and who speaks when."""

    samples: Samples
    turns: tuple[Turn, ...]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    def write_pcm(self, path: Path) -> Path:
        path.write_bytes(pcm_bytes(self.samples))
        return path

    def write_wav(self, path: Path) -> Path:
        return write_wav(path, self.samples)


def pcm_bytes(samples: Samples) -> bytes:
    """Return signed 16-bit little-endian PCM."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()


def write_wav(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm_bytes(samples))
    return path


def russian_prompts(minutes: float = 5.0, gap_s: float = 0.5) -> Clip:
    """Join Russian prompts in name order until ``minutes`` are full.

    The rule: every prompt whose text has three words or more and nothing but Cyrillic words and numerals (a Latin word,
    a ``[beep]`` or a ``<beep>`` has no defined spelling). Nothing is chosen by how well it is recognised.
    """
    pieces: list[Samples] = []
    texts: list[str] = []
    missing = int(minutes * 60 * SAMPLE_RATE)
    for prompt in all_prompts():
        pieces += [prompt.samples, silence(gap_s)]
        texts.append(prompt.text)
        missing -= len(pieces[-2]) + len(pieces[-1])
        if missing <= 0:
            break
    return Clip("russian-prompts", "ru", "\n".join(texts), np.concatenate(pieces))


def all_prompts() -> Iterator[Clip]:
    """Yield every Russian prompt, in name order; ``russian_prompts`` has the rule."""
    for name in _prompt_names(corpus_root()):
        yield russian_prompt(name)


def russian_prompt(name: str) -> Clip:
    """Return one prompt by its name, such as ``basic-pbx-ivr-main``."""
    root = corpus_root()
    return Clip(name, "ru", _texts(root)[name], decoded(root / _SOUNDS / f"{name}.g722"))


def librivox() -> list[Clip]:
    """Return the five English clips, in order."""
    root = corpus_root() / _LIBRIVOX
    clips = []
    for line in (root / "transcription").read_text().splitlines():
        match = re.fullmatch(r"<s> (.+) </s> \((.+)\)", line.strip())
        if match is None:
            pytest.fail(f"the transcription of pocketsphinx-testdata has an unknown line: {line!r}")
        clips.append(Clip(match[2], "en", match[1], decoded(root / f"{match[2]}.wav")))
    return clips


def two_speaker_mix(turns: int = 20, gap_s: float = 0.4, least_turn_s: float = 3.0) -> Mix:
    """Alternate the Russian voice (``A``) and the LibriVox reader (``B``), equally loud.

    A turn of A is as many prompts as make ``least_turn_s``; a turn of B is one clip, and the five repeat. A turn's
    times are those of its sound: silence at the ends of a clip is cut off first.
    """
    prompts = all_prompts()
    readings = librivox()
    pieces: list[Samples] = []
    reference: list[Turn] = []
    position = 0
    for number in range(turns):
        if number % 2 == 0:
            speaker, (samples, text) = "A", _turn_of_prompts(prompts, least_turn_s)
        else:
            reading = readings[number // 2 % len(readings)]
            speaker, samples, text = "B", trimmed(reading.samples), reading.text
        samples = at_loudness(samples)
        start = position / SAMPLE_RATE
        position += len(samples)
        reference.append(Turn(start, position / SAMPLE_RATE, speaker, text))
        pieces += [samples, silence(gap_s)]
        position += len(pieces[-1])
    return Mix(np.concatenate(pieces), tuple(reference))


def write_long_recording(pcm: Path, minutes: float, seed: int = 0) -> str:
    """Write ``minutes`` of shuffled Russian prompts with pauses of 0.2 to 2 s as PCM; return the text.

    Written piece by piece, so that the caller's memory does not grow with the length.
    """
    order = random.Random(seed)  # noqa: S311 - a reproducible shuffle
    names = _prompt_names(corpus_root())
    texts: list[str] = []
    missing = int(minutes * 60 * SAMPLE_RATE)
    with pcm.open("wb") as file:
        while missing > 0:
            for name in order.sample(names, len(names)):
                prompt = russian_prompt(name)
                piece = np.concatenate([prompt.samples, silence(order.uniform(0.2, 2.0))])[:missing]
                file.write(pcm_bytes(piece))
                texts.append(prompt.text)
                missing -= len(piece)
                if missing <= 0:
                    break
    return "\n".join(texts)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def trimmed(samples: Samples, floor_db: float = -40.0) -> Samples:
    """Cut off what is ``floor_db`` below the loudest 20 ms at both ends."""
    frame = SAMPLE_RATE // 50
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    level = np.sqrt(np.mean(frames**2, axis=1))
    loud = np.flatnonzero(level > level.max() * 10 ** (floor_db / 20))
    return samples[loud[0] * frame : (loud[-1] + 1) * frame]


def at_loudness(samples: Samples, rms: float = 0.06) -> Samples:
    scaled: Samples = np.clip(samples * np.float32(rms / np.sqrt(np.mean(samples**2))), -1.0, 1.0)
    return scaled


def normalised(text: str, language: str) -> str:
    """Return the words that WER compares: lower case, ё as е, numerals as words, no punctuation."""
    spelled = re.sub(r"\d+", lambda match: f" {num2words(int(match[0]), lang=language)} ", text.lower())
    return " ".join(re.findall(r"\w+", spelled.replace("ё", "е")))


@cache
def corpus_root() -> Path:
    """Return the directory below which the packages' files lie, fetching them when they are nowhere.

    Skips the test where there is no apt-get; fails it, saying what to do, where apt-get does not get them.
    """
    for root in (CORPUS_DIR, Path("/")):
        if all((root / needed).exists() for needed in _NEEDED):
            return root
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        pytest.skip(
            f"real speech comes from Debian packages and there is no apt-get; unpack {PACKAGES} to {CORPUS_DIR}"
        )
    CORPUS_DIR.mkdir(parents=True, exist_ok=True)
    with (CORPUS_DIR / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all((CORPUS_DIR / needed).exists() for needed in _NEEDED):
            _fetch()
    return CORPUS_DIR


def _fetch() -> None:
    try:
        _apt("download", *PACKAGES)
    except subprocess.CalledProcessError:  # no package lists yet, as in a fresh container
        try:
            _apt("update")
            _apt("download", *PACKAGES)
        except subprocess.CalledProcessError as exc:
            pytest.fail(f"apt-get could not download {PACKAGES}; run `sudo apt-get update` and try again: {exc.stderr}")
    for package in PACKAGES:
        archive = next(CORPUS_DIR.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg", "-x", archive, CORPUS_DIR], check=True, timeout=60)
        archive.unlink()


def _apt(*arguments: str) -> None:
    command = ["apt-get", "-q", *arguments]
    subprocess.run(command, cwd=CORPUS_DIR, check=True, capture_output=True, text=True, timeout=280)


def _turn_of_prompts(prompts: Iterator[Clip], least_s: float) -> tuple[Samples, str]:
    pieces: list[Samples] = []
    texts: list[str] = []
    while sum(map(len, pieces)) < least_s * SAMPLE_RATE:
        prompt = next(prompts)
        pieces.append(trimmed(prompt.samples))
        texts.append(prompt.text)
    return np.concatenate(pieces), " ".join(texts)


@cache
def _prompt_names(root: Path) -> list[str]:
    return [
        name
        for name, text in sorted(_texts(root).items())
        if len(re.findall(r"\w+", text)) >= 3
        and not re.search(r"[A-Za-z<\[]", text)
        and (root / _SOUNDS / f"{name}.g722").exists()
    ]


@cache
def _texts(root: Path) -> dict[str, str]:
    lines = gzip.decompress((root / _TEXTS).read_bytes()).decode().splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith(";"))
    return {name.strip(): text.strip() for name, text in pairs}


def decoded(path: Path) -> Samples:
    """Return the samples of a file of 16 kHz, mono."""
    whole = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(path)) as container:
        frames = [part.to_ndarray() for frame in container.decode(audio=0) for part in whole.resample(frame)]
    samples: Samples = np.concatenate(frames, axis=1).ravel().astype(np.float32) / np.float32(32768.0)
    return samples
