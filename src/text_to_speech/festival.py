"""Debian's festival with its Russian voice, as a program: intelligible, dated, offline.

Packages ``festival`` and ``festvox-ru``. The program reads a file and writes samples; a character that its Russian
rules do not know, or a mark without a word, costs the rest of the text: only what they know is given to it.
"""

import asyncio
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from errors import EngineFailed
from system.programs import ProcessLimits, check_machine, running
from text_to_speech.port import wav_of
from utils import disk_full_mapped

PROGRAM = "text2wave"
VOICE = "msu_ru_nsh_clunits"
VOICES = Path("/usr/share/festival/voices/russian")
_RATE = 16_000
_LIMITS = ProcessLimits(time_s=120, memory_bytes=2 * 1024**3)
"""800 characters take 8 seconds of an idle core (measured)."""
_LEAST_BYTES = 640
"""Of sound for each character: 0.02 s. It speaks four times as slowly; a shorter sound lacks a part of the text."""
_PAUSES = re.compile(r"\s[-–—]+\s|[;:()]")
_UNKNOWN = re.compile(r"[^А-Яа-яЁёA-Za-z.,!?\-\s]+|(?<!\w)-|-(?!\w)")
_MARKS = re.compile(r"\s*([.,!?])[\s.,!?]*")


def installed(voices: Path = VOICES) -> Path | None:
    """Return the program, if it is there together with a Russian voice."""
    program = shutil.which(PROGRAM)
    return Path(program) if program and (voices / VOICE).is_dir() else None


class FestivalTextToSpeech:
    """``TextToSpeech`` by ``program``. Each piece is a process, with limits and without our environment."""

    def __init__(self, program: Path) -> None:
        self._program = program

    @property
    def voice(self) -> str:
        return f"festival/{VOICE}"

    async def speak(self, text: str) -> bytes:
        with TemporaryDirectory(prefix="voxpersona-speech-") as folder:
            file = Path(folder) / "text"
            said = readable(text)
            with disk_full_mapped(file):
                await asyncio.to_thread(file.write_text, said, encoding="utf-8")
            samples = await self._samples(file)
        if len(samples) < _LEAST_BYTES * len(said):
            raise EngineFailed(engine="festival", reason=f"{len(samples)} bytes for {len(said)} characters")
        return wav_of(samples, _RATE)

    async def check(self) -> None:
        await self.speak("да")

    async def close(self) -> None:
        pass

    async def _samples(self, file: Path) -> bytes:
        command = [str(self._program), "-eval", f"(voice_{VOICE})", "-otype", "raw", "-F", str(_RATE), str(file)]
        try:
            async with running(command, _LIMITS) as process:
                samples = b"".join([block async for block in process.output()])
        except TimeoutError as exc:
            raise EngineFailed(engine="festival", reason="not said in time") from exc
        # It ends with the status 0 whatever goes wrong; what it says of that may quote the text.
        if process.returncode or not samples:
            check_machine(process)
            raise EngineFailed(engine="festival", reason=f"status {process.returncode}, no sound")
        return samples[: len(samples) // 2 * 2]


def readable(text: str) -> str:
    """Return what the Russian rules know of a text: words, each with one mark behind it at most; never nothing."""
    known = _MARKS.sub(r"\1 ", _UNKNOWN.sub(" ", _PAUSES.sub(",", text)))
    return " ".join(known.split()).lstrip(".,!? ") or "да"
