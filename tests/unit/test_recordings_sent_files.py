"""What a messenger tells of a file refuses only what neither its name nor its type calls sound or film."""

import pytest

from datamodels_telegram import AttachedFile, FileKind
from recordings.intake import IntakeLimits
from recordings.sent_files import named_by_clock, refusal
from system.local_time import in_zone, zone_named

LIMITS = IntakeLimits(10**9, 36_000)


def code(name: str, mime: str, kind: FileKind = FileKind.DOCUMENT) -> str | None:
    problem = refusal(AttachedFile(kind=kind, file_name=name, mime_type=mime, size_bytes=10), LIMITS, documents=True)
    return None if problem is None else problem.code


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("Запись 12.11.2026", "audio/mpeg"),
        ("файл", "audio/x-flac"),
        ("файл", "audio/vnd.wave"),
        ("файл", "AUDIO/mp3"),
        ("файл", "application/ogg"),
        ("файл", "video/3gpp"),
        *(
            (f"звонок.{end}", "")
            for end in ["amr", "3gp", "aac", "aiff", "m4b", "m4v", "qta", "wma", "gsm", "ac3", "caf", "mka", "MTS"]
        ),
        ("звонок.amr", "application/octet-stream"),
    ],
)
def test_what_name_or_type_call_sound_is_fetched(name: str, mime: str) -> None:
    assert code(name, mime) is None


@pytest.mark.parametrize("name", ["", "файл", "Запись 12.11.2026"])
@pytest.mark.parametrize("kind", [FileKind.AUDIO, FileKind.VIDEO, FileKind.VOICE, FileKind.VIDEO_NOTE])
def test_what_is_sent_as_sound_or_film_is_fetched(name: str, kind: FileKind) -> None:
    assert code(name, "", kind) is None


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("фото.png", "image/png"),
        ("архив.zip", "application/zip"),
        ("запись", ""),
        ("запись", "application/octet-stream"),
        ("программа.exe", "application/octet-stream"),
    ],
)
def test_what_nothing_calls_sound_is_refused(name: str, mime: str) -> None:
    assert code(name, mime) == "not_a_recording"


def test_a_name_that_was_made_up_has_the_senders_clock() -> None:
    file = AttachedFile(kind=FileKind.VOICE, file_name="voice_2026-11-21_14-03.ogg", size_bytes=1, named_at=1795269780)
    with in_zone(zone_named("Asia/Vladivostok")):
        assert named_by_clock(file).file_name == "voice_2026-11-22_00-03.ogg"
        own = file.model_copy(update={"named_at": None})
        assert named_by_clock(own) == own
