"""Debian's festival with its Russian voice, as a program: intelligible, dated, offline.

Packages ``festival`` and ``festvox-ru``. The program reads a file and writes samples; a character that its Russian
rules do not know costs a whole sentence, so that only what they know is given to it.
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
_DASHES = re.compile(r"\s+[-–—]+\s+")
_UNKNOWN = re.compile(r"[^А-Яа-яЁёA-Za-z.,!?;:()\-\s]+")


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
            with disk_full_mapped(file):
                await asyncio.to_thread(file.write_text, readable(text), encoding="utf-8")
            samples = await self._samples(file)
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
        # It ends with the status 0 whatever goes wrong; what went wrong may quote the text.
        if process.returncode or not samples:
            check_machine(process)
            raise EngineFailed(engine="festival", reason=f"status {process.returncode}, no sound")
        return samples[: len(samples) // 2 * 2]


def readable(text: str) -> str:
    """Return what the Russian rules know of a text; never nothing."""
    known = _UNKNOWN.sub(" ", _DASHES.sub(", ", text))
    return " ".join(known.split()) or "."
