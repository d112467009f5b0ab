"""Find out what is in a file that somebody sent: ``python -E -s audio_probe.py FILE`` prints one JSON object.

This is a program of its own, because a hostile file may hang or crash the libraries that read it. ``audio.probe`` runs
the program under limits of time, processor and memory. To start fast, it imports nothing of ours but ``constants``.

The object has either the fields of ``AudioInfo``, or ``fault``, a value of ``Fault``, and ``reason``.
"""

import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from constants import RECORDING_DEMUXERS, UNTIMED_DEMUXERS

_MAGIC = (
    *(b"OggS", b"fLaC", b"ID3", b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"),
    *(b"FORM", b"caff", b"#!AMR", b"riff\x2e\x91\xcf\x11", b".snd", b"MAC ", b"wvpk", b"TTA1", b"tBaK", b".RMF"),
    *(b"\x0b\x77", b"FLV\x01", b"Creative Voice File", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
)
_MOV_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")

_HEAD_BYTES = 256 * 1024
_FIRST_PACKETS = 200
"""How many packets are tried, since mp3 files may start with unusable ones. A file is broken if none gives sound."""

_UNKNOWN_SIZE = 0x7FFF0000
"""Recorders that cannot go back to the header leave a size near 2 or 4 GB in it, each its own, or 0."""

_PADDING_S = 0.15
_JOINED_S = 0.1
"""Times that go back by more begin anew: another recording was put behind."""

_MPEG_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Sampling rates, keyed by the version bits of an MPEG audio header; see ISO/IEC 11172-3 and 13818-3."""


class Fault(StrEnum):
    NOT_A_RECORDING = "not_a_recording"
    NO_SOUND_TRACK = "no_sound_track"
    BROKEN = "broken"


class _Unusable(Exception):
    """Tells why a file cannot be used. Not raised out of this module, which returns a ``fault`` instead."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault


def probe_file(path: Path) -> dict[str, Any]:
    """Return the fields of ``AudioInfo``; when the file cannot be used, return ``fault`` and ``reason`` instead."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    # A file that cannot be read is broken when it starts like a recording; otherwise it is not a recording.
    fault = Fault.BROKEN if _is_known(head) else Fault.NOT_A_RECORDING
    try:
        with _open(path) as container:
            stream = _audio_stream(container)
            _decode_something(container, stream)
            wav = _WavEnd.of(path, head) if container.format.name == "wav" else None
            declared_s = wav.declared_s if wav else _declared_s(container, stream, head)
            fields = {
                "container": container.format.name,
                "codec": stream.codec_context.name,
                "declared_s": declared_s,
                "tracks": _tracks(container),
                "goes_on": wav is not None and wav.goes_on,
                "size_bytes": path.stat().st_size,
                "has_video": bool(_videos(container)),
            }
        measured_s = wav.measured_s if wav and wav.goes_on else _measured_s(path)
    except _Unusable as exc:
        return {"fault": fault if exc.fault is Fault.BROKEN else exc.fault, "reason": str(exc)}
    except FFmpegError as exc:
        return {"fault": fault, "reason": exc.strerror or "unknown"}
    except (ValueError, OverflowError) as exc:
        return {"fault": fault, "reason": str(exc)}
    # Encoders pad: where both nearly agree, people see what the file says.
    close = declared_s is not None and abs(declared_s - measured_s) <= _PADDING_S
    return {**fields, "duration_s": declared_s if close else measured_s}


def _open(path: Path) -> InputContainer:
    # "file:" keeps a name like "concat:a|b" from being read as a protocol.
    options = {"protocol_whitelist": "file", "format_whitelist": RECORDING_DEMUXERS}
    return av.open(f"file:{path}", options=options)


def _is_known(head: bytes) -> bool:
    """Tell whether the first bytes are those of a container or stream that recordings come in."""
    return (
        head.startswith(_MAGIC)
        or head[4:8] in _MOV_BOXES
        or (head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE")
        or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")  # MPEG audio, AAC
        or (head[:1] == b"\x47" and head[188:189] == b"\x47")  # MPEG transport stream
    )


def _videos(container: InputContainer) -> list[VideoStream]:
    """Return the streams of moving pictures; the cover inside an mp3 is not one."""
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def _audio_stream(container: InputContainer) -> AudioStream:
    if container.streams.audio:
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise _Unusable(Fault.BROKEN, "the codec is unknown")
        return stream
    if _videos(container):
        raise _Unusable(Fault.NO_SOUND_TRACK, "video only")
    raise _Unusable(Fault.NOT_A_RECORDING, "no audio stream")


def _decode_something(container: InputContainer, stream: AudioStream) -> None:
    """Decode up to the first sound: many files that are no recording can be opened, but not decoded."""
    for packets, packet in enumerate(container.demux(stream)):
        if packets > _FIRST_PACKETS:
            break
        try:
            if any(frame.samples for frame in packet.decode()):
                return
        except FFmpegError:
            continue
    raise _Unusable(Fault.BROKEN, "nothing decodes")


def _declared_s(container: InputContainer, stream: AudioStream, head: bytes) -> float | None:
    """Return the duration in seconds that the file declares; None where libav would guess it from bit rate or size."""
    name = container.format.name
    if name == "mp3":
        return _mp3_declared_s(head)
    if not name.startswith(("mov", "matroska", "flac")):
        return None
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base) or None
    # The duration of the whole file is that of the sound only when the file has no other stream.
    if container.duration and len(container.streams) == 1:
        # A piece of a stream may keep the stream's times: then the duration is the time of its end.
        start = container.start_time or 0
        return (container.duration - (start if container.duration > start else 0)) / av.time_base
    return None


def _tracks(container: InputContainer) -> list[int]:
    """Return the channels of each sound track that can be decoded; the first is taken whether it tells them or not."""
    contexts = [stream.codec_context for stream in container.streams.audio]
    return [context.channels if context is not None else 0 for context in contexts]


def _mp3_declared_s(head: bytes) -> float | None:
    """Return the duration in seconds that a Xing, Info or VBRI header declares; None without such a header.

    libav ignores the header when the file is truncated.
    """
    start = 0
    if head.startswith(b"ID3") and len(head) > 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    while start + 4 <= len(head) and not (head[start] == 0xFF and head[start + 1] & 0xE6 == 0xE2):
        start += 1
    if start + 200 > len(head):
        return None
    version, rate_index = head[start + 1] >> 3 & 3, head[start + 2] >> 2 & 3
    if version not in _MPEG_RATES or rate_index > 2:
        return None
    mono = head[start + 3] >> 6 == 3
    side_info = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    xing = head[start + 4 + side_info :][:12]
    vbri = head[start + 36 :][:18]
    if xing[:4] in (b"Xing", b"Info") and xing[7] & 1:
        frames = int.from_bytes(xing[8:12], "big")
    elif vbri[:4] == b"VBRI":
        frames = int.from_bytes(vbri[14:18], "big")
    else:
        return None
    return frames * (1152 if version == 3 else 576) / _MPEG_RATES[version][rate_index] or None


@dataclass(frozen=True)
class _WavEnd:
    """Where the sound of a WAV file ends, by its header and by its bytes.

    libav can tell neither: it stops where the header says, or at the file's end.
    """

    declared_s: float | None
    measured_s: float
    goes_on: bool

    @classmethod
    def of(cls, path: Path, head: bytes) -> "_WavEnd | None":
        """Return None for a file that has no plain header, which is left to libav."""
        at, bytes_per_s = 12, 0
        while at + 8 <= len(head):
            chunk, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
            if chunk == b"fmt ":
                bytes_per_s = int.from_bytes(head[at + 16 : at + 20], "little")
            if chunk == b"data":
                return cls._of_data(path, at + 8, size, bytes_per_s) if bytes_per_s else None
            at += 8 + size + size % 2
        return None

    @classmethod
    def _of_data(cls, path: Path, begin: int, size: int, bytes_per_s: int) -> "_WavEnd":
        there = path.stat().st_size - begin
        if size == 0 or (size >= _UNKNOWN_SIZE and size > there):
            return cls(None, there / bytes_per_s, goes_on=True)
        goes_on = there > size and not _chunks_follow(path, begin + size + size % 2)
        return cls(size / bytes_per_s, there / bytes_per_s if goes_on else size / bytes_per_s, goes_on)


def _chunks_follow(path: Path, at: int) -> bool:
    """Tell whether chunks of RIFF follow up to the file's end, and not the rest of the sound."""
    size = path.stat().st_size
    with path.open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            chunk = file.read(8)
            if not all(0x20 <= letter < 0x7F for letter in chunk[:4]):
                return not any(chunk)
            length = int.from_bytes(chunk[4:], "little")
            at += 8 + length + length % 2
            if at > size + 1:
                return False
    return True


class _Clock:
    """Adds up the sound of one track by the times of its packets; where they begin anew, what follows is added."""

    def __init__(self) -> None:
        self._before = self._now = 0.0
        self._begin: float | None = None

    def count(self, start: float | None, length: float) -> None:
        """Count a packet of ``length`` seconds; without a ``start`` it follows the one before."""
        begin = self._now if start is None else start
        if self._begin is None or begin < self._now - _JOINED_S:
            self._before = self.seconds
            self._begin = self._now = begin
        self._now = max(self._now, begin + length)

    @property
    def seconds(self) -> float:
        return self._before + self._now - (self._begin or 0.0)


def _measured_s(path: Path) -> float:
    """Read through the packets, without decoding, and return the seconds of the longest track, gaps included."""
    with _open(path) as container:
        untimed = container.format.name in UNTIMED_DEMUXERS
        clocks = {stream.index: _Clock() for stream in container.streams.audio}
        for packet in container.demux(container.streams.audio):
            if packet.size and packet.time_base is not None:
                start = None if untimed or packet.pts is None else float(packet.pts * packet.time_base)
                clocks[packet.stream_index].count(start, float((packet.duration or 0) * packet.time_base))
    return max(clock.seconds for clock in clocks.values())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe_file(Path(sys.argv[1]))))
