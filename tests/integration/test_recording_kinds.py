"""Files as phones, recorders and call programs write them: what is in them is heard, at its time, and nothing else.

The real ffmpeg makes them and decodes them, and so does PyAV, which stands in where none is installed. ``tests/cases``
has what neither can make.
"""

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from audio import BUILT_IN, find_ffmpeg, missing_tail, probe
from config import ROOT
from constants import SAMPLE_RATE
from datamodels import AudioInfo, Interval, MissingInterval
from speakers.channels import Layout, prepare_channels

DEMO = ROOT / "samples" / "demo.ogg"
CASES = Path(__file__).parent.parent / "cases"
SPEECH_S = 9.2
DECODERS = {"ffmpeg": find_ffmpeg(None), "built in": BUILT_IN}


@dataclass(frozen=True)
class Heard:
    info: AudioInfo
    layout: Layout
    speech: tuple[Interval, ...]
    samples: NDArray[np.int16]

    @property
    def missing(self) -> MissingInterval | None:
        return missing_tail(self.info.declared_s, self.layout.duration_s)

    @property
    def speech_s(self) -> float:
        return sum(each.end - each.start for each in self.speech)

    def likeness(self, other: NDArray[np.int16], at_s: float = 0.0) -> float:
        """How much the loudness here, from ``at_s`` on, rises and falls with that of ``other``, up to 1.

        Encoders shift sound by up to a tenth of a second.
        """
        theirs = loudness(other)
        shifts = (round((at_s + number * 0.02) * SAMPLE_RATE) for number in range(-6, 7))
        return max(_correlation(loudness(self.samples[max(shift, 0) :]), theirs) for shift in shifts)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    frames = min(len(one), len(other))
    return float(np.corrcoef(one[:frames], other[:frames])[0, 1])


def loudness(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """The loudness of frames of 50 ms in decibels, from 40 below the loudest on."""
    frames = samples[: len(samples) // 800 * 800].reshape(-1, 800).astype(np.float64)
    decibels: NDArray[np.float64] = 20 * np.log10(np.sqrt((frames**2).mean(axis=1)) + 1)
    return np.asarray(np.maximum(decibels, decibels.max() - 40))


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-hide_banner", "-v", "error", "-y", *map(str, arguments)], check=True)


def samples_of(path: Path) -> NDArray[np.int16]:
    return np.fromfile(path, "<i2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the speech as ``one.wav``, other speech as ``two.wav``, and both as samples."""
    folder = tmp_path_factory.mktemp("kinds")
    for name, start in (("one", 0), ("two", 20)):
        for form in ("wav", "s16le"):
            ffmpeg(
                "-ss",
                start,
                "-t",
                SPEECH_S,
                "-i",
                DEMO,
                "-ac",
                1,
                "-ar",
                SAMPLE_RATE,
                "-f",
                form,
                folder / f"{name}.{form}",
            )
    return folder


@pytest.fixture(scope="module")
def one(folder: Path) -> NDArray[np.int16]:
    return samples_of(folder / "one.s16le")


@pytest.fixture(scope="module")
def two(folder: Path) -> NDArray[np.int16]:
    return samples_of(folder / "two.s16le")


async def heard(path: Path, tmp_path: Path, decoder: str = "ffmpeg") -> Heard:
    info = await probe(path, path.name)
    pcm = tmp_path / "audio.pcm"
    layout, speech = await prepare_channels(
        path, pcm, info, file_name=path.name, ffmpeg=DECODERS[decoder], time_limit_s=60
    )
    assert half_done(tmp_path) == {"audio.pcm"}
    return Heard(info, layout, speech, samples_of(pcm))


def half_done(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir() if each.suffix in {".pcm", ".unfinished"}}


KINDS = {
    "memo.aiff": (),
    "book.m4b": ("-f", "ipod"),
    "film.m4v": ("-f", "ipod"),
    "memo.qta": ("-c:a", "aac", "-f", "mov"),
    "memo.wma": (),
    "call.gsm": ("-ar", "8000"),
    "film.ac3": (),
    "call.aac": (),
    "memo.caf": ("-c:a", "pcm_s16le"),
    "memo.au": (),
    "film.avi": (),
    "film.flv": ("-ar", "44100"),
    "film.mts": ("-c:a", "ac3", "-f", "mpegts"),
    "memo.spx": ("-c:a", "libspeex"),
    "radio.wav": ("-f", "wav", "-rf64", "always"),
    "gsm.wav": ("-c:a", "gsm_ms", "-ar", "8000"),
}


@pytest.mark.parametrize("name", KINDS)
async def test_a_file_of_every_kind_is_heard_whole(
    folder: Path, one: NDArray[np.int16], tmp_path: Path, name: str
) -> None:
    ffmpeg("-i", folder / "one.wav", *KINDS[name], tmp_path / name)

    found = await heard(tmp_path / name, tmp_path)

    assert found.layout.channels == 1
    assert found.layout.duration_s == pytest.approx(SPEECH_S, abs=0.2)
    assert found.info.duration_s == pytest.approx(SPEECH_S, abs=0.2)
    assert found.missing is None
    assert found.likeness(one) > 0.8


@pytest.mark.parametrize(
    ("name", "decoder"), [("call.amr", "ffmpeg"), ("call.amr", "built in"), ("call.3gp", "ffmpeg")]
)
async def test_what_a_telephone_recorded_is_heard_whole(
    one: NDArray[np.int16], tmp_path: Path, name: str, decoder: str
) -> None:
    found = await heard(CASES / name, tmp_path, decoder)

    assert found.info.duration_s == pytest.approx(SPEECH_S, abs=0.1)
    assert found.layout.duration_s == pytest.approx(SPEECH_S, abs=0.1)
    assert found.missing is None
    assert found.likeness(one) > 0.8


@pytest.mark.parametrize("name", ["без имени", "Запись 12.11.2026", "звонок.pdf"])
async def test_the_name_does_not_decide(folder: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes((folder / "one.wav").read_bytes())

    assert (await heard(path, tmp_path)).layout.duration_s == pytest.approx(SPEECH_S)


@pytest.mark.parametrize(
    ("rates", "decoder"),
    [((44100, 16000, 24000), "ffmpeg"), ((44100, 16000, 24000), "built in"), ((8000, 48000), "ffmpeg")],
)
async def test_an_mp3_joined_of_pieces_of_different_rates_keeps_its_times(
    folder: Path, one: NDArray[np.int16], tmp_path: Path, rates: tuple[int, ...], decoder: str
) -> None:
    pieces = []
    for rate in rates:
        ffmpeg("-i", folder / "one.wav", "-ar", rate, tmp_path / f"{rate}.mp3")
        pieces.append((tmp_path / f"{rate}.mp3").read_bytes())
    (tmp_path / "joined.mp3").write_bytes(b"".join(pieces))

    found = await heard(tmp_path / "joined.mp3", tmp_path, decoder)

    whole = found.layout.duration_s
    assert whole == pytest.approx(SPEECH_S * len(rates), abs=0.4)
    assert found.info.duration_s == pytest.approx(whole, abs=0.4)
    assert found.missing is None
    assert found.likeness(one, whole - SPEECH_S) > 0.8


def wav_with_size(folder: Path, size: int | None) -> bytes:
    """The speech as a WAV whose header declares ``size`` bytes of sound; None is the true size."""
    data = (folder / "one.s16le").read_bytes()
    size = len(data) if size is None else size
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", min(size + 36, 0xFFFFFFFF), b"WAVE")
    return head + form + struct.pack("<4sI", b"data", size) + data


@pytest.mark.parametrize(
    ("size", "declared_s", "decoder"),
    [
        (0, None, "ffmpeg"),
        (0x7FFFF000, None, "ffmpeg"),  # sox
        (0x80000000, None, "built in"),  # arecord
        (0xFFFFFFFF, None, "ffmpeg"),
        (64_000, 2.0, "ffmpeg"),  # a recorder that was switched off
        (64_000, 2.0, "built in"),
    ],
)
async def test_a_wav_is_heard_to_its_end_whatever_its_header_says(
    folder: Path, one: NDArray[np.int16], tmp_path: Path, size: int, declared_s: float | None, decoder: str
) -> None:
    (tmp_path / "a.wav").write_bytes(wav_with_size(folder, size))

    found = await heard(tmp_path / "a.wav", tmp_path, decoder)

    assert found.info.declared_s == declared_s
    assert found.info.duration_s == found.layout.duration_s == pytest.approx(SPEECH_S)
    assert found.missing is None
    assert np.array_equal(found.samples[: len(one)], one)


async def test_what_a_wav_has_behind_its_sound_is_not_heard(
    folder: Path, one: NDArray[np.int16], tmp_path: Path
) -> None:
    note = struct.pack("<4sI", b"LIST", 5000) + b"INFOICMT" + b"\x7f\x20" * 2496
    (tmp_path / "a.wav").write_bytes(wav_with_size(folder, None) + note)

    found = await heard(tmp_path / "a.wav", tmp_path)

    assert np.array_equal(found.samples, one)


async def test_a_wav_cut_by_a_broken_transfer_misses_its_end(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_with_size(folder, None)[:100_000])

    found = await heard(tmp_path / "a.wav", tmp_path)

    assert found.info.duration_s == found.layout.duration_s == pytest.approx(3.12, abs=0.01)
    assert found.missing is not None
    assert found.missing.end == pytest.approx(SPEECH_S)


@pytest.mark.parametrize("samples", [0, SAMPLE_RATE, SAMPLE_RATE * 3600 * 30])
async def test_a_flac_is_as_long_as_its_frames_whatever_streaminfo_says(
    folder: Path, tmp_path: Path, samples: int
) -> None:
    ffmpeg("-i", folder / "one.wav", tmp_path / "a.flac")
    content = bytearray((tmp_path / "a.flac").read_bytes())
    told = int.from_bytes(content[18:26], "big") >> 36 << 36 | samples
    content[18:26] = told.to_bytes(8, "big")
    (tmp_path / "a.flac").write_bytes(content)

    found = await heard(tmp_path / "a.flac", tmp_path)

    assert found.layout.duration_s == pytest.approx(SPEECH_S, abs=0.1)
    assert found.info.duration_s == pytest.approx(SPEECH_S, abs=0.3)


@pytest.mark.parametrize("frames", [10, 4_000_000])
async def test_an_mp3_is_as_long_as_its_frames_whatever_xing_says(folder: Path, tmp_path: Path, frames: int) -> None:
    ffmpeg("-i", folder / "one.wav", "-q:a", "5", tmp_path / "a.mp3")
    content = bytearray((tmp_path / "a.mp3").read_bytes())
    at = max(content.find(b"Xing"), content.find(b"Info"))
    content[at + 8 : at + 12] = frames.to_bytes(4, "big")
    (tmp_path / "a.mp3").write_bytes(content)

    found = await heard(tmp_path / "a.mp3", tmp_path)

    assert found.info.duration_s == pytest.approx(SPEECH_S, abs=0.2)
    assert found.layout.duration_s == pytest.approx(SPEECH_S, abs=0.2)


@pytest.mark.parametrize(
    ("codec", "seconds", "decoder"),
    [
        ("libopus", (12, 9), "ffmpeg"),
        ("libopus", (4, 7, 3), "built in"),
        ("libvorbis", (9, 9), "ffmpeg"),
        ("flac", (4, 7), "built in"),
    ],
)
async def test_streams_of_ogg_one_after_another_are_heard_whole(
    tmp_path: Path, codec: str, seconds: tuple[int, ...], decoder: str
) -> None:
    pieces = []
    for number, length in enumerate(seconds):
        ffmpeg("-t", length, "-i", DEMO, "-c:a", codec, tmp_path / f"{number}.oga")
        pieces.append((tmp_path / f"{number}.oga").read_bytes())
    (tmp_path / "chained.oga").write_bytes(b"".join(pieces))

    found = await heard(tmp_path / "chained.oga", tmp_path, decoder)

    assert found.layout.duration_s == pytest.approx(sum(seconds), abs=0.4)
    assert found.info.duration_s == pytest.approx(sum(seconds), abs=0.4)
    assert found.missing is None


@pytest.mark.parametrize(
    ("name", "codec", "decoder"),
    [
        ("a.webm", "libopus", "ffmpeg"),
        ("a.mkv", "flac", "built in"),
        ("a.ts", "aac", "ffmpeg"),
        ("a.mp4", "aac", "ffmpeg"),
    ],
)
async def test_times_that_do_not_begin_at_0_count_from_their_first(
    folder: Path, one: NDArray[np.int16], tmp_path: Path, name: str, codec: str, decoder: str
) -> None:
    ffmpeg("-i", folder / "one.wav", "-c:a", codec, "-output_ts_offset", 300, tmp_path / name)

    found = await heard(tmp_path / name, tmp_path, decoder)

    assert found.info.duration_s == pytest.approx(SPEECH_S, abs=0.2)
    assert found.layout.duration_s == pytest.approx(SPEECH_S, abs=0.2)
    assert found.missing is None
    assert found.likeness(one) > 0.8


STEREO = {
    "the other side upside down": (
        "[0:a]asplit[a][b];[b]aeval=-val(0):c=same[c];[a][c]join=inputs=2:channel_layout=stereo",
        1,
    ),
    "the other side silent": ("[0:a]asplit[a][b];[b]volume=0[c];[c][a]join=inputs=2:channel_layout=stereo", 1),
    "the other side softer": ("[0:a]asplit[a][b];[b]volume=-15dB[c];[c][a]join=inputs=2:channel_layout=stereo", 1),
    "the other side late, as in a room": (
        "[0:a]asplit[a][b];[b]adelay=12,volume=-4dB[c];[a][c]join=inputs=2:channel_layout=stereo",
        1,
    ),
    "a hum on the other side": (
        "sine=50:duration=9.2:sample_rate=16000,volume=6dB[h];[h][0:a]join=inputs=2:channel_layout=stereo",
        1,
    ),
    "noise on the other side": (
        "anoisesrc=duration=9.2:sample_rate=16000:amplitude=0.02[n];[n][0:a]join=inputs=2:channel_layout=stereo",
        1,
    ),
    "a person on each side": ("[0:a][1:a]join=inputs=2:channel_layout=stereo", 2),
    "a person on each side, one softer": ("[1:a]volume=-22dB[b];[0:a][b]join=inputs=2:channel_layout=stereo", 2),
}


@pytest.mark.parametrize(("kind", "codec"), [*((kind, "mp3") for kind in STEREO), ("a person on each side", "wav")])
async def test_each_side_that_has_a_person_of_its_own_is_heard(
    folder: Path, one: NDArray[np.int16], two: NDArray[np.int16], tmp_path: Path, kind: str, codec: str
) -> None:
    graph, channels = STEREO[kind]
    path = tmp_path / f"call.{codec}"
    options = ("-joint_stereo", 0, "-b:a", "128k") if codec == "mp3" else ()
    ffmpeg("-i", folder / "one.wav", "-i", folder / "two.wav", "-filter_complex", graph, *options, path)

    found = await heard(path, tmp_path)

    assert found.info.tracks == (2,)
    assert found.layout.channels == channels
    assert found.likeness(one) > 0.8
    if channels == 2:
        assert found.likeness(two, found.layout.duration_s + 15) > 0.8


TRACKS = {
    "the first silent": (("anullsrc=sample_rate=16000,atrim=duration=9.2[s]", "[s]", "0:a"), 1),
    "a person on each": (("", "0:a", "1:a"), 2),
    "all of it, and a person on each": (("[0:a][1:a]amix=normalize=0[m]", "[m]", "0:a", "1:a"), 2),
    "the same twice": (("", "0:a", "0:a"), 1),
}


@pytest.mark.parametrize(
    ("kind", "decoder"), [*((kind, "ffmpeg") for kind in TRACKS), ("a person on each", "built in")]
)
async def test_each_track_that_has_a_person_of_its_own_is_heard(
    folder: Path, one: NDArray[np.int16], two: NDArray[np.int16], tmp_path: Path, kind: str, decoder: str
) -> None:
    (graph, *maps), channels = TRACKS[kind]
    told = ("-filter_complex", graph) if graph else ()
    mapped = [word for each in maps for word in ("-map", each)]
    ffmpeg("-i", folder / "one.wav", "-i", folder / "two.wav", *told, *mapped, "-c:a", "aac", tmp_path / "two.mkv")

    found = await heard(tmp_path / "two.mkv", tmp_path, decoder)

    assert found.layout.channels == channels
    assert found.likeness(one) > 0.8
    if channels == 2:
        assert found.likeness(two, found.layout.duration_s + 15) > 0.8


NOISE = "apad=whole_dur=100,aeval=val(0)+0.002*(random(0)-0.5)"


@pytest.mark.parametrize(
    ("change", "share"), [("volume=-45dB", 0.3), ("volume=20dB", 1.0), ("volume=0dB", 1.0), (NOISE, 1.0)]
)
async def test_quiet_speech_is_made_louder_and_other_speech_is_left(
    folder: Path, one: NDArray[np.int16], tmp_path: Path, change: str, share: float
) -> None:
    ffmpeg("-i", folder / "one.wav", "-af", change, tmp_path / "a.flac")

    found = await heard(tmp_path / "a.flac", tmp_path)

    loudest, own = (float(np.abs(each.astype(np.float64)).max()) for each in (found.samples, one))
    assert loudest >= share * own * 0.98
    assert loudest <= own * 1.1 or change == "volume=20dB"
    assert found.speech_s > 0.5 * SPEECH_S
