"""Turn a recording into prepared audio, or a stretch of prepared audio into Ogg Opus, where no ffmpeg is installed.

A program of its own, for the reasons that ``audio_probe`` gives; ``audio`` runs it under the same limits as ffmpeg:
``python -E -s audio_transcoder.py decode FILE LONGEST_S TRACK CHANNELS GOES_ON`` and ``python -E -s audio_transcoder.py
encode PCM START END`` write to standard output what ffmpeg would write there. libav, which ffmpeg is made of, comes
with PyAV.
"""

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.filter import Graph
from av.packet import Packet

from constants import KEEP_TIME, OPUS_BITRATE, RECORDING_DEMUXERS, SAMPLE_RATE, UNTIMED_DEMUXERS

_LEAP_S = 10
_JOINED_S = 0.1
"""In a format whose times may start anew, times that leap on or back by more are joined, as ffmpeg does."""
_SAMPLE_BYTES = 2
_CHUNK_SAMPLES = 10 * SAMPLE_RATE


def decode(
    path: Path, longest_s: int, output: BinaryIO, *, track: int = 0, channels: int = 1, goes_on: bool = False
) -> None:
    """Write a sound track as 16 kHz signed 16-bit little-endian samples, at most ``longest_s`` seconds.

    The samples of several ``channels`` alternate. What does not decode is left out; leaps in time are filled with
    silence. With ``goes_on``, a WAV file is read to its end, whatever its header says.

    Raises:
        FFmpegError: the file cannot be opened.
        IndexError: it has no such track.
    """
    left = longest_s * SAMPLE_RATE * _SAMPLE_BYTES * channels
    # "file:" keeps a name like "concat:a|b" from being read as a protocol.
    options = {"protocol_whitelist": "file", "format_whitelist": RECORDING_DEMUXERS}
    if goes_on:
        options["ignore_length"] = "1"
    with av.open(f"file:{path}", options=options) as container:
        converter = _Converter(channels)
        for frame in _frames(container, container.streams.audio[track]):
            for samples in converter.convert(frame):
                output.write(samples[:left])
                left -= len(samples)
            if left <= 0:
                return
        for samples in converter.end():
            output.write(samples[: max(left, 0)])


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield the frames that decode. Their times count from the start of the file, in samples of their own rate."""
    start = Fraction(container.start_time or 0, av.time_base)
    timed = container.format.name not in UNTIMED_DEMUXERS
    expected = Fraction(0)
    for packet in _packets(container, stream):
        try:
            frames = packet.decode() if packet is not None else stream.codec_context.decode(None)
        except FFmpegError as exc:
            _complain(exc)
            continue
        for frame in frames:
            assert isinstance(frame, AudioFrame)  # noqa: S101  # of a stream of sound
            if timed and frame.pts is not None and frame.time_base is not None:
                expected = frame.pts * frame.time_base - start
            frame.time_base = Fraction(1, frame.sample_rate)
            frame.pts = round(expected * frame.sample_rate)
            expected += Fraction(frame.samples, frame.sample_rate)
            yield frame


def _packets(container: InputContainer, stream: AudioStream) -> "Iterator[Packet[AudioStream] | None]":
    """Yield the packets up to the first place that cannot be read, then None."""
    joined = 0
    expected: int | None = None
    try:
        for packet in container.demux(stream):
            if packet.size == 0:  # at the end, and where a file has nothing in a packet
                continue
            if packet.dts is not None and stream.time_base is not None:
                leap = packet.dts + joined - expected if expected is not None else 0
                if _may_leap(container) and not -_JOINED_S <= leap * stream.time_base <= _LEAP_S:
                    joined -= leap
                packet.dts += joined
                packet.pts = packet.pts + joined if packet.pts is not None else None
                expected = packet.dts + (packet.duration or 0)
            yield packet
    except FFmpegError as exc:
        _complain(exc)
    yield None


def _may_leap(container: InputContainer) -> bool:
    return av.format.Flags.ts_discont in av.format.Flags(container.format.flags)


class _Converter:
    """Turns frames into prepared audio. A recording may change its rate or its channels on the way."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._graph: Graph | None = None
        self._shape: tuple[int, str, str] | None = None

    def convert(self, frame: AudioFrame) -> Iterator[bytes]:
        shape = (frame.sample_rate, frame.format.name, frame.layout.name)
        if shape != self._shape:
            yield from self.end()
            first, self._shape = self._shape is None, shape
            resampling = KEEP_TIME if first else KEEP_TIME.replace(":first_pts=0", "")
            self._graph = _graph(*shape, resampling, self._channels)
        assert self._graph is not None  # noqa: S101  # made above
        self._graph.push(frame)
        yield from _pulled(self._graph, self._channels)

    def end(self) -> Iterator[bytes]:
        """Yield what is left."""
        if self._graph is not None:
            self._graph.push(None)
            yield from _pulled(self._graph, self._channels)
            self._graph = None


def _graph(sample_rate: int, sample_format: str, layout: str, resampling: str, channels: int) -> Graph:
    graph = Graph()
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=sample_rate, format=sample_format, layout=layout, time_base=Fraction(1, sample_rate)
        ),
        graph.add("aresample", resampling),
        graph.add("aformat", f"sample_fmts=s16:sample_rates={SAMPLE_RATE}:channel_layouts={_layout(layout, channels)}"),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _layout(layout: str, channels: int) -> str:
    """Return the layout to convert to: the file's own where it has as many channels."""
    if AudioLayout(layout).nb_channels == channels:
        return layout
    return {1: "mono", 2: "stereo"}.get(channels, f"{channels}c")


def _pulled(graph: Graph, channels: int) -> Iterator[bytes]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):  # libav's words for "not yet" and "no more"
            return
        assert isinstance(frame, AudioFrame)  # noqa: S101  # out of a graph of sound
        yield bytes(frame.planes[0])[: frame.samples * _SAMPLE_BYTES * channels]


def encode(pcm: Path, start_s: float, end_s: float, output: BinaryIO) -> None:
    """Write ``[start_s, end_s)`` of prepared audio as Ogg Opus."""
    left = round(end_s * SAMPLE_RATE) - round(start_s * SAMPLE_RATE)
    with pcm.open("rb") as samples, av.open(output, "w", format="ogg") as container:
        samples.seek(round(start_s * SAMPLE_RATE) * _SAMPLE_BYTES)
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono", options={"application": "voip"})
        assert isinstance(stream.codec_context, AudioCodecContext)  # noqa: S101  # Opus is sound
        stream.codec_context.bit_rate = OPUS_BITRATE
        done = 0
        while left > 0 and (block := samples.read(min(left, _CHUNK_SAMPLES) * _SAMPLE_BYTES)):
            frame = AudioFrame.from_ndarray(np.frombuffer(block, "<i2")[np.newaxis], format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), done
            container.mux(stream.encode(frame))
            done += frame.samples
            left -= frame.samples
        container.mux(stream.encode(None))


def _complain(problem: FFmpegError) -> None:
    sys.stderr.write(f"{problem.strerror}\n")


def main(task: str, path: str, *limits: str) -> int:
    try:
        if task == "decode":
            longest_s, track, channels, goes_on = map(int, limits)
            decode(Path(path), longest_s, sys.stdout.buffer, track=track, channels=channels, goes_on=bool(goes_on))
        else:
            encode(Path(path), float(limits[0]), float(limits[1]), sys.stdout.buffer)
    except FFmpegError as exc:
        _complain(exc)
        return 1
    except (IndexError, ValueError, OverflowError, OSError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
