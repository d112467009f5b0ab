"""People are told where a recording is in another language."""

from datamodels import Segment
from transcription.languages import language_warnings


def said(*segments: tuple[float, float, str | None]) -> list[Segment]:
    return [Segment(start=start, end=end, text="…", language=language) for start, end, language in segments]


def test_a_recording_in_one_language_has_no_warning() -> None:
    assert language_warnings(said((0, 5, None), (6, 9, None))) == ()


def test_each_language_is_named_with_its_intervals() -> None:
    segments = said((0, 12, "en"), (13, 25, "en"), (40, 50, None), (51, 52, "fr"), (53, 60, None), (61, 75, "en"))

    assert language_warnings(segments) == (
        "В записи звучит и другой язык, английский: 00:00–00:25, 01:01–01:15."
        " Эти места распознаны на нём: проверьте их.",
        "В записи звучит и другой язык, французский: 00:51–00:52. Эти места распознаны на нём: проверьте их.",
    )


def test_what_lies_between_ends_an_interval_and_so_does_a_long_pause() -> None:
    (warning,) = language_warnings(said((0, 5, "de"), (6, 7, None), (8, 9, "de"), (30, 40, "de")))

    assert "00:00–00:05, 00:08–00:09, 00:30–00:40." in warning


def test_of_many_intervals_the_first_are_named() -> None:
    turns = said(*((10.0 * turn, 10.0 * turn + 5, None if turn % 2 else "la") for turn in range(20)))

    (warning,) = language_warnings(turns)

    assert warning.count("–") == 5
    assert "другой язык, la: 00:00–00:05" in warning
    assert "01:20–01:25 и ещё 5." in warning
