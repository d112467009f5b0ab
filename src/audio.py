"""Recordings as sound: probes a file, decodes it to 16 kHz samples, and encodes stretches of the samples for endpoints.

The prepared audio is a file of mono 16 kHz signed 16-bit little-endian samples without a header. A second is always
32,000 bytes, so every later step reads its stretch by position, and nothing ever holds a whole recording in memory.
"""

import asyncio
import json
import math
import os
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

import structlog
from pydantic import ValidationError

import texts.errors
import texts.transcript
from constants import (
    KEEP_TIME,
    MOST_CHANNELS,
    OPUS_BITRATE,
    RECORDING_DEMUXERS,
    SAMPLE_RATE,
    UNTIMED_DEMUXERS,
)
from datamodels import AudioInfo, MissingInterval
from errors import (
    BadInput,
    BrokenRecording,
    EmptyFile,
    EngineFailed,
    MissingProgram,
    NoSoundTrack,
    NotARecording,
    RecordingTooLong,
    UnreadableFile,
)
from system.programs import NOT_STARTED, ProcessLimits, RunningProcess, check_machine, running
from system.shortages import shortage_in
from utils import disk_full_mapped, file_problem

log = structlog.get_logger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")

_BYTES_PER_S = SAMPLE_RATE * 2

_PROBE_LIMITS = ProcessLimits(time_s=60, memory_bytes=2 * 1024**3)
_DECODER_MEMORY = 2 * 1024**3
_OPUS_LIMITS = ProcessLimits(time_s=300, memory_bytes=_DECODER_MEMORY)

_WRITE_BYTES = 1024 * 1024
_LONGEST_S = 24 * 3600
"""Seconds of sound that are decoded at most: leaps in time that a hostile file invents must not fill the disk."""

_TAIL_TOLERANCE_S = 1.0
_TAIL_TOLERANCE = 0.001
"""How much of a recording's end may be missing, as encoders pad and headers round: this share of the declared duration
or ``_TAIL_TOLERANCE_S``, whichever is more. In honest files less than a second is missing (measured over the
formats)."""

_FAULTS: dict[str, type[BadInput]] = {
    "not_a_recording": NotARecording,
    "no_sound_track": NoSoundTrack,
    "broken": BrokenRecording,
}


BUILT_IN = Path(__file__).with_name("audio_transcoder.py")
"""Stands for ffmpeg where none is installed."""


@dataclass(frozen=True)
class Track:
    """Which sound of a file is decoded, mixed into how many ``channels``.

    ``timed`` tells that packets have times of their own, ``goes_on`` that the end in the header is not the sound's.
    """

    number: int = 0
    channels: int = 1
    timed: bool = True
    goes_on: bool = False


def tracks_of(info: AudioInfo) -> tuple[Track, ...]:
    """Return the tracks of a file with the channels that are looked at one by one, ``MOST_CHANNELS`` at most."""
    numbered = [(number, channels) for number, channels in enumerate(info.tracks) if channels]
    whole = sum(channels for _, channels in numbered) <= MOST_CHANNELS
    return tuple(
        Track(number, channels if whole else 1, info.container not in UNTIMED_DEMUXERS, info.goes_on)
        for number, channels in numbered[:MOST_CHANNELS]
    ) or (Track(),)


def find_ffmpeg(setting: str | None) -> Path:
    """Return the ffmpeg to use: the configured one, else the system's, else ``BUILT_IN``.

    Raises:
        MissingProgram: it is not where the setting says.
    """
    found = shutil.which(setting or "ffmpeg")
    if found is not None:
        return Path(found).absolute()
    if setting:
        raise MissingProgram(program=setting)
    return BUILT_IN


async def probe(path: Path, file_name: str) -> AudioInfo:
    """Find out what is in a file from its headers, and decode the beginning of its first sound track.

    ``file_name`` is only for the errors.

    Raises:
        UnreadableFile, EmptyFile: the file cannot be read, or has nothing in it.
        NotARecording, NoSoundTrack: the file is no recording, or has no sound.
        BrokenRecording: no sound could be decoded, or probing crashed or took longer than a minute.
    """
    await asyncio.to_thread(check_readable, path, file_name)
    try:
        async with running(_probe_command(path), _PROBE_LIMITS) as process:
            printed = b"".join([block async for block in process.output()])
    except TimeoutError as exc:
        raise BrokenRecording(file_name=file_name, reason="probing takes too long") from exc
    if not printed:
        check_machine(process)
    try:
        answer = json.loads(printed)
        if "fault" in answer:
            raise _FAULTS[answer["fault"]](file_name=file_name, reason=answer["reason"])
        return AudioInfo.model_validate(answer)
    except (ValidationError, ValueError) as exc:
        raise BrokenRecording(file_name=file_name, reason=f"probing ended with {process.returncode}") from exc


def _probe_command(path: Path) -> list[str]:
    return [*_python(Path(__file__).with_name("audio_probe.py")), str(path.absolute())]


def _python(program: Path) -> list[str]:
    return [sys.executable, "-E", "-s", str(program)]


def check_readable(path: Path, file_name: str) -> None:
    """Refuse a file that is not there, cannot be read or has nothing in it. Blocking.

    Raises:
        UnreadableFile, EmptyFile: with the reason.
    """
    try:
        status = path.stat()
        # A pipe or device would be waited for without end.
        if not stat.S_ISREG(status.st_mode):
            problem = texts.errors.IS_A_FOLDER if stat.S_ISDIR(status.st_mode) else texts.errors.IS_NO_FILE
            raise UnreadableFile(file_name=file_name, reason=problem)
        with path.open("rb"):
            pass
    except OSError as exc:
        raise shortage_in(exc) or UnreadableFile(file_name=file_name, reason=file_problem(exc)) from exc
    if status.st_size == 0:
        raise EmptyFile(file_name=file_name)


async def prepare(
    path: Path,
    pcm: Path,
    *,
    file_name: str,
    ffmpeg: Path,
    time_limit_s: float,
    track: Track | None = None,
    longest_s: float = _LONGEST_S,
) -> float:
    """Decode a sound track of ``path``, the first unless told, into samples ``pcm``; return its length in seconds.

    The samples of one channel are prepared audio; those of several channels alternate. What comes after ``longest_s``
    is left out. ``pcm`` appears whole or not at all. A damaged recording is decoded as far as possible: see
    ``missing_tail``.

    Raises:
        BrokenRecording: nothing decodes, ffmpeg was killed, or ``time_limit_s`` was not enough.
        RecordingTooLong: the recording lasts a day or longer.
        DiskFull: no space for the samples.
        MissingProgram: ``ffmpeg`` cannot be run.
    """
    track = track or Track()
    unfinished = pcm.with_name(f"{pcm.name}.unfinished")
    try:
        with disk_full_mapped(pcm):
            file = await _in_thread(unfinished.open, "wb")
            try:
                command = _decode_command(ffmpeg, path, track, math.ceil(longest_s))
                async with running(command, ProcessLimits(time_limit_s, _DECODER_MEMORY)) as process:
                    decoded_s = await _write(process, file) / track.channels
                _check_started(process, ffmpeg)
                if not decoded_s or process.returncode < 0:
                    raise BrokenRecording(file_name=file_name, reason=process.errors or f"ffmpeg {process.returncode}")
                if decoded_s >= _LONGEST_S:
                    raise RecordingTooLong(
                        file_name=file_name, duration=texts.errors.OVER_A_DAY, maximum=texts.errors.A_DAY
                    )
                await _in_thread(_flush, file)
            finally:
                await _in_thread(file.close)
            await _in_thread(unfinished.replace, pcm)
    except TimeoutError as exc:
        raise BrokenRecording(file_name=file_name, reason=f"not decoded within {time_limit_s:.0f} s") from exc
    finally:
        await _in_thread(lambda: unfinished.unlink(missing_ok=True))
    return decoded_s


def _decode_command(ffmpeg: Path, path: Path, track: Track, longest_s: int) -> list[str]:
    file = str(path.absolute())
    if ffmpeg == BUILT_IN:
        options = [str(longest_s), str(track.number), str(track.channels), str(int(track.goes_on))]
        return [*_python(BUILT_IN), "decode", file, *options]
    return [
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-v", "error"),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", RECORDING_DEMUXERS),
        *(("-ignore_length", "1") if track.goes_on else ()),
        *("-i", f"file:{file}", "-map", f"0:a:{track.number}"),
        *("-af", f"aresample={KEEP_TIME if track.timed else SAMPLE_RATE}"),
        *("-ac", str(track.channels), "-ar", str(SAMPLE_RATE), "-t", str(longest_s), "-f", "s16le", "pipe:1"),
    ]


def _opus_command(ffmpeg: Path, pcm: Path, start_s: float, end_s: float) -> list[str]:
    if ffmpeg == BUILT_IN:
        return [*_python(BUILT_IN), "encode", str(pcm.absolute()), f"{start_s:.6f}", f"{end_s:.6f}"]
    return [
        *(str(ffmpeg), "-nostdin", "-hide_banner", "-v", "error", "-protocol_whitelist", "file,pipe"),
        *("-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1"),
        *("-ss", f"{start_s:.6f}", "-t", f"{end_s - start_s:.6f}", "-i", f"file:{pcm.absolute()}"),
        *("-c:a", "libopus", "-b:a", str(OPUS_BITRATE), "-application", "voip", "-f", "ogg", "pipe:1"),
    ]


def _check_started(process: RunningProcess, ffmpeg: Path) -> None:
    if process.returncode:
        check_machine(process)
    if process.returncode in NOT_STARTED:
        raise MissingProgram(program=ffmpeg)


async def _write(process: RunningProcess, file: BinaryIO) -> float:
    written = 0
    waiting = bytearray()

    async def write() -> None:
        nonlocal written
        await _in_thread(file.write, bytes(waiting))
        written += len(waiting)
        waiting.clear()

    async for block in process.output():
        waiting += block
        # Opus comes in pieces of 20 ms: a thread for each would cost more than the decoding.
        if len(waiting) >= _WRITE_BYTES:
            await write()
    await write()
    return written / _BYTES_PER_S


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


async def _in_thread(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run a function in a thread; wait for its end even when cancelled, so that no file is closed during a write."""
    task = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def missing_tail(declared_s: float | None, decoded_s: float) -> MissingInterval | None:
    """Return the stretch at the end of a recording that was not decoded, though its file declares it.

    Return None when the file declares no duration, or when the missing stretch is within the usual inaccuracy.
    """
    if declared_s is None or declared_s - decoded_s <= max(_TAIL_TOLERANCE_S, declared_s * _TAIL_TOLERANCE):
        return None
    return MissingInterval(start=decoded_s, end=declared_s, reason=texts.transcript.CUT_OFF)


async def opus(pcm: Path, start_s: float, end_s: float, *, ffmpeg: Path) -> bytes:
    """Return ``[start_s, end_s)`` of prepared audio as Ogg Opus, the format that endpoints accept.

    Raises:
        EngineFailed: ffmpeg failed, or took too long.
        MissingProgram: ``ffmpeg`` cannot be run.
    """
    try:
        async with running(_opus_command(ffmpeg, pcm, start_s, end_s), _OPUS_LIMITS) as process:
            encoded = b"".join([block async for block in process.output()])
    except TimeoutError as exc:
        raise EngineFailed(engine="ffmpeg", reason="not encoded in time") from exc
    _check_started(process, ffmpeg)
    if process.returncode != 0 or not encoded:
        raise EngineFailed(engine="ffmpeg", reason=process.errors)
    return encoded
