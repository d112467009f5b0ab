"""What six people send who give the bot as much work as it is made for: a recording of an hour each."""

import subprocess
from pathlib import Path

import speech_corpus

PEOPLE = 6
_MINUTES = 60


def six_hours(folder: Path) -> list[Path]:
    """Make the recordings in ``folder``, each of bytes of its own. Takes about a minute."""
    pcm = folder / "hour.pcm"
    speech_corpus.write_long_recording(pcm, _MINUTES)
    made: list[Path] = []
    for number in range(PEOPLE):
        path = folder / f"hour-{number}.ogg"
        raw = ["-f", "s16le", "-ar", str(speech_corpus.SAMPLE_RATE), "-ac", "1", "-i", str(pcm)]
        if made:
            source = ["-i", str(made[0]), "-c", "copy", "-metadata", f"comment={number}"]
        else:
            source = [*raw, "-c:a", "libopus", "-b:a", "28k"]
        subprocess.run(["ffmpeg", "-v", "error", *source, str(path)], check=True)
        made.append(path)
    pcm.unlink()
    return made
