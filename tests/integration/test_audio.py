"""Decoding to samples and encoding pieces, with the real ffmpeg."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from audio import find_ffmpeg, missing_tail, opus, prepare, probe
from constants import SAMPLE_RATE
from errors import BrokenRecording, DiskFull, MissingProgram, OutOfResources
from recording_files import encode, encode_unseekable, read_pcm, silence, tone, truncated, write_pcm
from system.programs import ProcessLimits, running
from voices.activity import speech_intervals

FFMPEG = find_ffmpeg(None)
AUDIO = tone(6)


async def decoded(path: Path, pcm: Path, ffmpeg: Path = FFMPEG) -> float:
    return await prepare(path, pcm, file_name=path.name, ffmpeg=ffmpeg, time_limit_s=60)


def names(folder: Path) -> set[str]:
    return {item.name for item in folder.iterdir()}


async def test_lossless_audio_comes_out_sample_by_sample(tmp_path: Path) -> None:
    seconds = await decoded(encode(tmp_path / "a.flac", AUDIO), tmp_path / "a.pcm")

    assert seconds == 6
    assert np.array_equal(np.fromfile(tmp_path / "a.pcm", "<i2"), AUDIO)


async def test_stereo_at_another_rate_becomes_mono_at_ours(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", AUDIO, "-ac", "2", "-ar", "44100")

    assert await decoded(path, tmp_path / "a.pcm") == pytest.approx(6, abs=0.01)


async def test_a_gap_in_the_times_becomes_silence_so_that_later_times_stay_right(tmp_path: Path) -> None:
    gap = encode(tmp_path / "gap.mkv", tone(30), "-af", "aselect='not(between(t,10,20))'", "-c:a", "pcm_s16le")

    assert await decoded(gap, tmp_path / "a.pcm") == pytest.approx(30, abs=0.1)
    assert np.abs(read_pcm(tmp_path / "a.pcm", 12, 18)).max() == 0
    assert np.abs(read_pcm(tmp_path / "a.pcm", 21, 29)).max() > 0.4


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", ()),
        ("a.mp3", ("-write_xing", "0")),
        ("a.mp3", ("-q:a", "5")),
        ("a.m4a", ()),
        ("a.ogg", ("-c:a", "libopus")),
        ("a.oga", ("-c:a", "libvorbis")),
        ("a.webm", ("-c:a", "libopus")),
        ("a.flac", ()),
        ("a.wav", ()),
        ("a.mpeg", ()),
    ],
)
async def test_a_whole_recording_misses_nothing(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    path = encode(tmp_path / name, AUDIO, *options)

    decoded_s = await decoded(path, tmp_path / "a.pcm")

    assert decoded_s == pytest.approx(6, abs=0.15)
    assert missing_tail((await probe(path, name)).declared_s, decoded_s) is None


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", ()),
        ("a.m4a", ("-movflags", "+faststart")),
        ("a.wav", ()),
        ("a.flac", ()),
        ("a.webm", ("-c:a", "libopus")),
    ],
)
async def test_a_truncated_recording_is_decoded_and_its_missing_tail_known(
    tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    path = truncated(encode(tmp_path / name, tone(20), *options), 0.6)

    decoded_s = await decoded(path, tmp_path / "a.pcm")
    tail = missing_tail((await probe(path, name)).declared_s, decoded_s)

    assert 6 < decoded_s < 15
    assert tail is not None
    assert tail.start == decoded_s
    assert tail.end == pytest.approx(20, abs=0.15)
    assert tail.reason == "Файл обрезан: этой части записи в нём нет."


async def test_a_stream_without_a_duration_misses_nothing(tmp_path: Path) -> None:
    path = encode_unseekable(tmp_path / "a.webm", AUDIO, "-c:a", "libopus", "-f", "webm")

    assert missing_tail((await probe(path, "a.webm")).declared_s, await decoded(path, tmp_path / "a.pcm")) is None


@pytest.mark.parametrize(("declared_s", "decoded_s"), [(None, 5), (6, 6), (6, 5.2), (3600, 3597), (6, 60)])
def test_inaccuracy_is_no_missing_tail(declared_s: float | None, decoded_s: float) -> None:
    assert missing_tail(declared_s, decoded_s) is None


async def test_what_does_not_decode_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"nothing " * 1000)

    with pytest.raises(BrokenRecording):
        await decoded(path, tmp_path / "a.pcm")

    assert names(tmp_path) == {"a.mp3"}


async def test_a_failed_decoding_keeps_the_samples_that_were_there(tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "a.pcm", AUDIO)
    (tmp_path / "a.mp3").write_bytes(b"nothing " * 1000)

    with pytest.raises(BrokenRecording):
        await decoded(tmp_path / "a.mp3", pcm)

    assert np.array_equal(np.fromfile(pcm, "<i2"), AUDIO)


def program(path: Path, script: str) -> Path:
    """A program in ffmpeg's place."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


async def test_a_decoder_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "child"
    hanging = program(tmp_path / "hanging", f"sleep 1000 & echo $! > {pid_file}; wait")

    with pytest.raises(BrokenRecording, match="within"):
        await prepare(
            encode(tmp_path / "a.wav", AUDIO), tmp_path / "a.pcm", file_name="a", ffmpeg=hanging, time_limit_s=0.5
        )

    assert is_dead(int(pid_file.read_text()))
    assert names(tmp_path) == {"a.wav", "child", "hanging"}


def is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_cancelling_ends_the_decoder_and_leaves_nothing(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    endless = program(tmp_path / "endless", f"echo $$ > {pid_file}; exec cat /dev/zero")
    os.mkfifo(pid_file)
    path = encode(tmp_path / "a.wav", AUDIO)
    work = asyncio.create_task(
        prepare(
            path,
            tmp_path / "a.pcm",
            file_name="a",
            ffmpeg=endless,
            time_limit_s=60,
        )
    )
    pid = int(await asyncio.to_thread(pid_file.read_text))

    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    assert is_dead(pid)
    assert names(tmp_path) == {"a.wav", "endless", "pid"}


async def test_a_program_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingProgram):
        await decoded(encode(tmp_path / "a.wav", AUDIO), tmp_path / "a.pcm", tmp_path / "ffmpeg")

    assert names(tmp_path) == {"a.wav"}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'a.wav: Too many open files in system' >&2; exit 1", OutOfResources),
        ("echo 'sh: 1: Cannot fork' >&2; exit 2", OutOfResources),
        ("echo 'nice: ffmpeg: Cannot allocate memory' >&2; exit 126", OutOfResources),
        ("echo 'a.wav: Cannot allocate memory' >&2; exit 1", BrokenRecording),  # the limit of its own: the file's doing
    ],
)
async def test_a_recording_is_not_called_broken_for_what_the_machine_lacks(
    tmp_path: Path, script: str, expected: type[Exception]
) -> None:
    path = encode(tmp_path / "a.wav", AUDIO)
    with pytest.raises(expected):
        await decoded(path, tmp_path / "a.pcm", program(tmp_path / "short", script))


async def test_the_decoder_sees_none_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    seen = tmp_path / "seen"
    spy = program(tmp_path / "spy", f"env > {seen}; head -c 32000 /dev/zero")

    await decoded(encode(tmp_path / "a.wav", AUDIO), tmp_path / "a.pcm", spy)

    assert "secret" not in seen.read_text()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(mount)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("only root mounts a small disk")
    yield mount
    subprocess.run(["umount", "--lazy", str(mount)], check=True)


async def test_a_full_disk_is_named_and_nothing_half_written_is_left(tmp_path: Path, small_disk: Path) -> None:
    recording = encode(tmp_path / "a.wav", tone(120))

    with pytest.raises(DiskFull) as caught:
        await decoded(recording, small_disk / "a.pcm")

    assert caught.value.exit_status == 2
    assert "На диске не хватило места" in caught.value.user_text
    assert names(small_disk) == set()


async def test_opus_holds_exactly_the_stretch_asked_for(tmp_path: Path) -> None:
    pcm = write_pcm(tmp_path / "a.pcm", np.concatenate((silence(10), tone(1.5), silence(10))))
    (tmp_path / "piece.ogg").write_bytes(await opus(pcm, 9.0, 12.5, ffmpeg=FFMPEG))

    info = await probe(tmp_path / "piece.ogg", "piece.ogg")
    assert (info.container, info.codec, info.tracks) == ("ogg", "opus", (1,))
    assert await decoded(tmp_path / "piece.ogg", tmp_path / "piece.pcm") == pytest.approx(3.5, abs=0.02)
    loud = np.abs(read_pcm(tmp_path / "piece.pcm", 0, 4)) > 0.2
    assert np.flatnonzero(loud)[0] / SAMPLE_RATE == pytest.approx(1.0, abs=0.03)
    assert np.flatnonzero(loud)[-1] / SAMPLE_RATE == pytest.approx(2.5, abs=0.03)


async def test_an_hour_of_opus_is_ten_megabytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-8000, 8000, 60 * SAMPLE_RATE, dtype=np.int16)

    minute = await opus(write_pcm(tmp_path / "a.pcm", noise), 0, 60, ffmpeg=FFMPEG)

    assert len(minute) * 60 < 15 * 1024 * 1024


async def test_five_minutes_of_silence_have_no_speech(tmp_path: Path) -> None:
    pcm = tmp_path / "silence.pcm"
    with pcm.open("wb") as file:
        file.truncate(300 * SAMPLE_RATE * 2)

    assert await speech_intervals(pcm) == ()


def test_a_set_program_is_taken_or_missed(tmp_path: Path) -> None:
    own = program(tmp_path / "my-ffmpeg", "true")

    assert find_ffmpeg(str(own)) == own
    with pytest.raises(MissingProgram, match="nowhere"):
        find_ffmpeg("nowhere/ffmpeg")


@pytest.mark.parametrize("child", ["sleep 60", "setsid sleep 60"])
async def test_a_child_that_holds_the_pipes_of_a_program_does_not_hold_up_its_end(child: str) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with running(["sh", "-c", f"{child} & exit 0"], ProcessLimits(1.0, 1 << 30)) as process:
            assert [block async for block in process.output()] == []
    assert time.monotonic() - began < 30
