"""Good and bad recordings, made by the real ffmpeg and read by the real libraries."""

import os
import socket
from pathlib import Path

import pytest

from audio import probe
from errors import BadInput, BrokenRecording, EmptyFile, NoSoundTrack, NotARecording, UnreadableFile
from recording_files import encode, encode_unseekable, film, image, silence, tone, truncated

AUDIO = tone(6)


async def refused(path: Path, error: type[BadInput]) -> BadInput:
    with pytest.raises(error) as caught:
        await probe(path, path.name)
    return caught.value


@pytest.mark.parametrize(
    ("name", "options", "codec"),
    [
        ("a.wav", (), "pcm_s16le"),
        ("a.flac", (), "flac"),
        ("a.mp3", (), "mp3float"),
        ("a.m4a", (), "aac"),
        ("a.mp4", (), "aac"),
        ("a.mov", (), "aac"),
        ("a.webm", ("-c:a", "libopus"), "opus"),
    ],
)
async def test_a_recording_tells_what_it_is_and_claims_its_duration(
    tmp_path: Path, name: str, options: tuple[str, ...], codec: str
) -> None:
    info = await probe(encode(tmp_path / name, AUDIO, *options), name)

    assert (info.codec, info.tracks, info.has_video) == (codec, (1,), False)
    assert info.size_bytes == (tmp_path / name).stat().st_size
    assert info.declared_s == pytest.approx(6, abs=0.15)
    assert info.duration_s == info.declared_s


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.ogg", ("-c:a", "libopus")),
        ("a.opus", ("-c:a", "libopus")),
        ("a.oga", ("-c:a", "libvorbis")),
        ("a.mp3", ("-write_xing", "0")),
        ("a.mpeg", ()),
    ],
)
async def test_what_claims_no_duration_is_measured(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    info = await probe(encode(tmp_path / name, AUDIO, *options), name)

    assert info.declared_s is None
    assert info.duration_s == pytest.approx(6, abs=0.15)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", ("-f", "wav")),
        ("a.webm", ("-c:a", "libopus", "-f", "webm")),
        ("a.mkv", ("-c:a", "libopus", "-f", "matroska")),
        ("a.mp3", ("-f", "mp3")),
    ],
)
async def test_a_stream_without_a_duration_in_its_header_is_measured(
    tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    info = await probe(encode_unseekable(tmp_path / name, AUDIO, *options), name)

    assert info.declared_s is None
    assert info.duration_s == pytest.approx(6, abs=0.15)


@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a.flac", "a.webm"])
async def test_a_truncated_file_still_claims_its_whole_duration(tmp_path: Path, name: str) -> None:
    options = ("-c:a", "libopus") if name.endswith("webm") else ()

    info = await probe(truncated(encode(tmp_path / name, AUDIO, *options), 0.6), name)

    assert info.declared_s == pytest.approx(6, abs=0.15)


async def test_a_film_with_sound_is_a_recording(tmp_path: Path) -> None:
    info = await probe(film(tmp_path / "film.mp4", 3, AUDIO), "film.mp4")

    assert (info.codec, info.has_video) == ("aac", True)
    assert info.duration_s == pytest.approx(6, abs=0.15)


async def test_a_film_without_sound_has_no_sound_track(tmp_path: Path) -> None:
    error = await refused(film(tmp_path / "film.mp4", 3, None), NoSoundTrack)

    assert error.user_text == "В файле «film.mp4» нет звуковой дорожки. Отправьте запись со звуком."


async def test_the_name_counts_for_nothing(tmp_path: Path) -> None:
    recording = encode(tmp_path / "a.mp3", AUDIO)

    assert (await probe(recording.rename(tmp_path / "a.ogg"), "a.ogg")).codec == "mp3float"


async def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.ogg"
    path.touch()

    assert (await refused(path, EmptyFile)).exit_status == 2


@pytest.mark.parametrize("content", [b"x", b"\xff", b"O", b"Not a recording at all\n", b"text " * 20_000])
@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
async def test_what_is_no_recording(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    assert (await refused(path, NotARecording)).exit_status == 2


@pytest.mark.parametrize("name", ["picture.png", "picture.mp3"])
async def test_a_picture(tmp_path: Path, name: str) -> None:
    await refused(image(tmp_path / name), NotARecording)


async def test_an_m4a_cut_before_its_index_is_broken(tmp_path: Path) -> None:
    error = await refused(truncated(encode(tmp_path / "a.m4a", AUDIO), 0.6), BrokenRecording)

    assert "повреждена или обрезана" in error.user_text


async def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    error = await refused(tmp_path / "нет.ogg", UnreadableFile)

    assert error.user_text.startswith("Файл «нет.ogg» не читается: такого файла нет.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
async def test_a_file_without_permission(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", AUDIO)
    path.chmod(0)

    assert "нет прав" in (await refused(path, UnreadableFile)).user_text


async def test_a_folder_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ogg")

    await refused(tmp_path, UnreadableFile)
    await refused(tmp_path / "pipe.ogg", UnreadableFile)


async def test_a_name_as_long_as_names_may_be(tmp_path: Path) -> None:
    name = "ю" * 125 + ".wav"
    info = await probe(encode(tmp_path / name, AUDIO), "ю" * 255)

    assert info.duration_s == pytest.approx(6)
    assert "длинное имя" in (await refused(tmp_path / ("ю" * 255 + ".wav"), UnreadableFile)).user_text


async def test_a_short_recording_tells_its_duration(tmp_path: Path) -> None:
    assert (await probe(encode(tmp_path / "a.wav", tone(0.2)), "a.wav")).duration_s == pytest.approx(0.2)


async def test_silence_is_a_recording(tmp_path: Path) -> None:
    info = await probe(encode(tmp_path / "a.ogg", silence(5), "-c:a", "libopus"), "a.ogg")

    assert info.duration_s == pytest.approx(5, abs=0.1)


HOSTILE = {
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation>'
    "<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\nc=IN IP4 127.0.0.1\nm=audio {port} RTP/AVP 0\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", ["evil.mp3", "evil.m3u8"])
async def test_a_file_that_names_others_is_refused_and_nobody_is_called(tmp_path: Path, kind: str, name: str) -> None:
    secret = encode(tmp_path / "secret.wav", AUDIO)
    path = tmp_path / name
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        for target in ("file:///etc/passwd", secret.name, f"http://127.0.0.1:{port}/a.wav"):
            path.write_text(HOSTILE[kind].format(target=target, port=port))
            await refused(path, NotARecording)
        with pytest.raises(BlockingIOError):
            server.accept()
