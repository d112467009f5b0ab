"""Decoding and encoding without an ffmpeg program: the same samples as with it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

import audio_transcoder
from audio import BUILT_IN, find_ffmpeg, missing_tail, opus, prepare, probe
from constants import SAMPLE_RATE
from errors import BrokenRecording, EngineFailed
from recording_files import encode, encode_unseekable, film, read_pcm, silence, speech, tone, truncated, write_pcm

SYSTEM = Path(shutil.which("ffmpeg") or "")


async def decoded(path: Path, ffmpeg: Path | None = None) -> NDArray[np.float32]:
    """Decode with ``ffmpeg``, else in this process."""
    pcm = path.with_suffix(".pcm")
    if ffmpeg is None:
        with pcm.open("wb") as output:
            audio_transcoder.decode(path, 60, output)
        return read_pcm(pcm, 0, pcm.stat().st_size / 2 / SAMPLE_RATE)
    seconds = await prepare(path, pcm, file_name=path.name, ffmpeg=ffmpeg, time_limit_s=60)
    return read_pcm(pcm, 0, seconds)


async def assert_same(path: Path) -> None:
    """Compare with ffmpeg; its version differs from that of the libav that came with us, hence not bit by bit."""
    ours, theirs = await decoded(path), await decoded(path, SYSTEM)
    assert len(ours) == pytest.approx(len(theirs), abs=0.03 * SAMPLE_RATE)
    # Older ones keep the 7 ms in WebM that Opus starts with before the sound.
    apart = min(_apart(ours, theirs), _apart(ours, theirs[112:]))
    assert apart < 0.02 * max(_apart(theirs, np.zeros_like(theirs)), 0.01)


def _apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    shared = min(len(one), len(other))
    return float(np.sqrt(np.mean((one[:shared] - other[:shared]) ** 2)))


def test_it_is_taken_where_no_ffmpeg_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert find_ffmpeg(None) == BUILT_IN


FORMS = [
    ("a.mp3", ()),
    ("a.mp3", ("-write_xing", "0")),
    ("a.mp3", ("-ar", "44100", "-ac", "2")),
    ("a.m4a", ()),
    ("a.aac", ()),
    ("a.mov", ()),
    ("a.ogg", ("-c:a", "libopus")),
    ("a.oga", ("-c:a", "libvorbis")),
    ("a.webm", ("-c:a", "libopus")),
    ("a.mkv", ("-ac", "6", "-c:a", "flac")),
    ("a.flac", ()),
    ("a.wav", ()),
    ("a.wav", ("-c:a", "pcm_f32le", "-ar", "48000")),
    ("a.aiff", ()),
    ("a.mpeg", ()),
    ("a.ts", ()),
]


@pytest.mark.parametrize(("name", "options"), FORMS)
async def test_every_form_gives_the_same_samples(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    await assert_same(speech(tmp_path / name, 12, *options))


@pytest.mark.parametrize(("name", "options"), FORMS)
async def test_a_truncated_file_gives_the_same_samples(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    options = (*options, "-movflags", "+faststart") if name in {"a.m4a", "a.mov"} else options
    await assert_same(truncated(speech(tmp_path / name, 12, *options), 0.6))


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.m4a", "a.wav", "a.ts"])
async def test_a_file_with_damaged_places_gives_nearly_as_much(tmp_path: Path, name: str) -> None:
    path = speech(tmp_path / name, 20, *(("-movflags", "+faststart") if name == "a.m4a" else ()))
    damaged = bytearray(path.read_bytes())
    for place in range(len(damaged) // 3, len(damaged), len(damaged) // 4):
        damaged[place : place + 200] = bytes(200)
    path.write_bytes(damaged)

    assert len(await decoded(path)) == pytest.approx(len(await decoded(path, SYSTEM)), abs=0.3 * SAMPLE_RATE)


async def test_lossless_audio_comes_out_sample_by_sample(tmp_path: Path) -> None:
    await decoded(encode(tmp_path / "a.flac", tone(6)), BUILT_IN)

    assert np.array_equal(np.fromfile(tmp_path / "a.pcm", "<i2"), tone(6))


async def test_the_last_sample_comes_out_at_another_rate_too(tmp_path: Path) -> None:
    assert len(await decoded(encode(tmp_path / "a.flac", tone(6), "-ar", "44100"))) == 6 * SAMPLE_RATE


async def test_a_script_that_names_another_file_is_not_followed(tmp_path: Path) -> None:
    encode(tmp_path / "secret.wav", tone(6))
    (tmp_path / "a.mp3").write_text("ffconcat version 1.0\nfile 'secret.wav'\n")

    with pytest.raises(BrokenRecording):
        await decoded(tmp_path / "a.mp3", BUILT_IN)


async def test_a_gap_in_the_times_becomes_silence_so_that_later_times_stay_right(tmp_path: Path) -> None:
    gap = encode(tmp_path / "gap.mkv", tone(30), "-af", "aselect='not(between(t,10,20))'", "-c:a", "pcm_s16le")

    samples = await decoded(gap)

    assert len(samples) / SAMPLE_RATE == pytest.approx(30, abs=0.1)
    assert np.abs(samples[12 * SAMPLE_RATE : 18 * SAMPLE_RATE]).max() == 0
    assert np.abs(samples[21 * SAMPLE_RATE : 29 * SAMPLE_RATE]).max() > 0.4


async def test_sound_that_begins_after_the_picture_keeps_its_place(tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    picture, sound = film(tmp_path / "picture.mkv", 8, None), encode(tmp_path / "sound.wav", tone(4))
    _mux(
        "-i", str(picture), "-itsoffset", "3", "-i", str(sound), "-map", "0:v", "-map", "1:a", "-c:v", "copy", str(late)
    )

    await assert_same(late)
    assert np.flatnonzero(np.abs(await decoded(late)) > 0.2)[0] / SAMPLE_RATE == pytest.approx(3, abs=0.05)


async def test_times_that_do_not_begin_at_zero_add_no_silence(tmp_path: Path) -> None:
    shifted = tmp_path / "shifted.ts"
    _mux("-i", str(encode(tmp_path / "a.wav", tone(4))), "-output_ts_offset", "5000", str(shifted))

    await assert_same(shifted)
    assert len(await decoded(shifted)) / SAMPLE_RATE == pytest.approx(4, abs=0.15)


async def test_times_that_start_anew_are_joined(tmp_path: Path) -> None:
    first, second = tmp_path / "1.ts", tmp_path / "2.ts"
    _mux("-i", str(encode(tmp_path / "a.wav", tone(4))), "-output_ts_offset", "5000", str(first))
    _mux("-i", str(tmp_path / "a.wav"), str(second))
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())

    await assert_same(both)
    assert len(await decoded(both)) / SAMPLE_RATE == pytest.approx(8, abs=0.3)


async def test_a_recording_that_changes_its_rate_goes_on(tmp_path: Path) -> None:
    both = tmp_path / "both.mp3"
    parts = [speech(tmp_path / f"{rate}.mp3", 5, "-ar", rate, "-write_xing", "0") for rate in ("44100", "48000")]
    both.write_bytes(b"".join(part.read_bytes() for part in parts))

    assert len(await decoded(both)) / SAMPLE_RATE == pytest.approx(10, abs=0.3)


async def test_a_stream_without_a_duration_misses_nothing(tmp_path: Path) -> None:
    path = encode_unseekable(tmp_path / "a.webm", tone(6), "-c:a", "libopus", "-f", "webm")

    seconds = len(await decoded(path)) / SAMPLE_RATE

    assert seconds == pytest.approx(6, abs=0.15)
    assert missing_tail((await probe(path, "a.webm")).declared_s, seconds) is None


@pytest.mark.parametrize("content", [b"nothing " * 1000, b"\x1aE\xdf\xa3" + bytes(1000), b"#EXTM3U\n/etc/passwd\n"])
async def test_what_does_not_decode_is_broken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp3").write_bytes(content)

    with pytest.raises(BrokenRecording):
        await decoded(tmp_path / "a.mp3", BUILT_IN)


async def test_a_film_without_sound_is_broken(tmp_path: Path) -> None:
    with pytest.raises(BrokenRecording):
        await decoded(film(tmp_path / "a.mp4", 1, None), BUILT_IN)


async def test_no_more_is_decoded_than_was_asked_for(tmp_path: Path) -> None:
    with (tmp_path / "a.pcm").open("wb") as output:
        audio_transcoder.decode(encode(tmp_path / "a.flac", tone(6)), 2, output)

    assert np.array_equal(np.fromfile(tmp_path / "a.pcm", "<i2"), tone(6)[: 2 * SAMPLE_RATE])


def test_what_goes_wrong_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mp3").write_bytes(b"nothing " * 1000)

    assert audio_transcoder.main("decode", str(tmp_path / "a.mp3"), "60") == 1
    assert audio_transcoder.main("encode", str(tmp_path / "nothing.pcm"), "0", "1") == 1

    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_packet_with_nothing_in_it_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = audio_transcoder._packets
    empty = av.Packet(b"")

    class Container:
        def __init__(self, container: InputContainer) -> None:
            self.format = container.format
            self._container = container

        def demux(self, stream: AudioStream) -> Iterator[object]:
            for packet in self._container.demux(stream):
                yield empty
                yield packet

    monkeypatch.setattr(audio_transcoder, "_packets", lambda container, stream: whole(Container(container), stream))  # type: ignore[arg-type]
    with (tmp_path / "a.pcm").open("wb") as output:
        audio_transcoder.decode(encode(tmp_path / "a.flac", tone(6)), 60, output)

    assert np.array_equal(np.fromfile(tmp_path / "a.pcm", "<i2"), tone(6))


async def test_opus_comes_out_of_the_program_as_out_of_the_function(tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "a.pcm", tone(25))
    with (tmp_path / "a.ogg").open("wb") as output:
        audio_transcoder.encode(pcm, 1, 23, output)
    (tmp_path / "b.ogg").write_bytes(await opus(pcm, 1, 23, ffmpeg=BUILT_IN))

    assert np.array_equal(await decoded(tmp_path / "a.ogg"), await decoded(tmp_path / "b.ogg"))


async def test_opus_holds_exactly_the_stretch_asked_for(tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "a.pcm", np.concatenate((silence(10), tone(1.5), silence(10))))
    (tmp_path / "piece.ogg").write_bytes(await opus(pcm, 9.0, 12.5, ffmpeg=BUILT_IN))

    info = await probe(tmp_path / "piece.ogg", "piece.ogg")
    assert (info.container, info.codec, info.tracks) == ("ogg", "opus", (1,))
    samples = await decoded(tmp_path / "piece.ogg", SYSTEM)
    assert len(samples) / SAMPLE_RATE == pytest.approx(3.5, abs=0.02)
    loud = np.flatnonzero(np.abs(samples) > 0.2) / SAMPLE_RATE
    assert (loud[0], loud[-1]) == (pytest.approx(1.0, abs=0.03), pytest.approx(2.5, abs=0.03))


async def test_opus_is_as_small_as_ffmpegs(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-8000, 8000, 60 * SAMPLE_RATE, dtype=np.int16)
    pcm = write_pcm(tmp_path / "a.pcm", noise)

    ours, theirs = await opus(pcm, 0, 60, ffmpeg=BUILT_IN), await opus(pcm, 0, 60, ffmpeg=SYSTEM)

    assert len(ours) == pytest.approx(len(theirs), rel=0.05)


async def test_samples_that_are_not_there_are_not_encoded(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed):
        await opus(tmp_path / "nothing.pcm", 0, 1, ffmpeg=BUILT_IN)


def _mux(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-hide_banner", "-v", "error", "-y", *arguments], check=True)
