"""Passages of one language, and holes where somebody speaks and nothing was heard."""

import pytest

import speech_to_text.onnx
import speech_to_text.whisper
from constants import SAMPLE_RATE
from datamodels import Interval, Word
from speech_to_text.port import PartLimits
from speech_to_text.whisper_passages import (
    Chunk,
    chunks_by_language,
    chunks_of,
    holes,
    main_language,
    smoothed_languages,
    without_repeats,
)
from transcription.plan import plan_parts


def stretch(start: float, end: float) -> tuple[int, int]:
    return round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)


def words(*said: tuple[str, float, float]) -> list[Word]:
    return [Word(start=start, end=end, text=f" {text}", probability=0.9) for text, start, end in said]


def found(stretches: list[tuple[int, int]], said: list[Word]) -> list[tuple[float, float]]:
    return [(round(start / SAMPLE_RATE, 2), round(end / SAMPLE_RATE, 2)) for start, end in holes(stretches, said)]


def test_a_chunk_holds_neighbours_up_to_its_length() -> None:
    stretches = [stretch(0, 12), stretch(13, 25), stretch(26, 36), stretch(40, 65)]

    assert chunks_of(stretches, 30.0) == [
        Chunk((stretches[0], stretches[1])),
        Chunk((stretches[2],)),
        Chunk((stretches[3],)),
    ]


def test_times_in_a_chunk_skip_the_silence_that_it_leaves_out() -> None:
    chunk = Chunk((stretch(10, 12), stretch(20, 25)))

    assert [chunk.moment(time) for time in (0, 1.5, 2.5, 7, 9)] == [10, 11.5, 20.5, 25, 25]


def test_chunks_do_not_span_languages() -> None:
    stretches = [stretch(0, 5), stretch(6, 9), stretch(10, 15), stretch(16, 20)]

    assert chunks_by_language(stretches, ["en", "en", "ru", "en"], 30.0) == [
        ("en", Chunk((stretches[0], stretches[1]))),
        ("ru", Chunk((stretches[2],))),
        ("en", Chunk((stretches[3],))),
    ]


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([(30, {"ru": 0.99}), (5, {"en": 0.9})], ("ru", True)),
        ([(5, {"ru": 0.99}), (30, {"en": 0.9})], ("en", True)),
        ([(30, {"ru": 0.6, "uk": 0.4}), (30, {"ru": 0.5, "en": 0.5})], ("ru", True)),
        ([(10, {"fr": 0.9}), (12, {"de": 0.9}), (9, {"en": 0.9})], ("de", True)),
        ([(2, {"en": 0.3, "cy": 0.2})], ("ru", False)),
        ([(0, {})], ("ru", False)),
        ([], ("ru", False)),
    ],
)
def test_passages_vote_for_the_language_by_their_length(
    votes: list[tuple[float, dict[str, float]]], expected: tuple[str, bool]
) -> None:
    assert main_language(votes) == expected


RU, EN, UNSURE = {"ru": 0.97, "en": 0.001}, {"en": 0.97, "ru": 0.001}, {"nn": 0.3, "ru": 0.2, "en": 0.2}


@pytest.mark.parametrize(
    ("passages", "expected"),
    [
        ([], []),
        ([(5, RU), (6, RU), (4, RU)], ["ru", "ru", "ru"]),
        ([(5, EN), (6, RU), (4, EN)], ["en", "ru", "en"]),
        ([(6, RU), (0.6, {"ru": 0.3, "en": 0.6}), (4, RU), (5, EN)], ["ru", "ru", "ru", "en"]),
        ([(5, EN), (1, UNSURE), (4, EN)], ["en", "en", "en"]),
        ([(5, RU), (3, {"cy": 0.4, "ru": 0.3}), (4, RU)], ["ru", "ru", "ru"]),
        ([(5, RU), (9, {"uk": 0.7, "ru": 0.3}), (9, {"uk": 0.7, "ru": 0.3})], ["ru", "ru", "ru"]),
        ([(3, EN)], ["en"]),
        ([(5, RU), (2.5, EN), (4, RU)], ["ru", "ru", "ru"]),
        # Between two languages, one that is like the next.
        ([(5, EN), (2.5, {"uk": 0.85, "ru": 0.1}), (4, RU)], ["en", "ru", "ru"]),
    ],
)
def test_a_language_changes_where_that_is_sure(
    passages: list[tuple[float, dict[str, float]]], expected: list[str]
) -> None:
    assert smoothed_languages(passages, "ru") == expected


@pytest.mark.parametrize(
    ("stretches", "said", "expected"),
    [
        ([stretch(0, 10)], [], [(0.2, 9.8)]),
        ([stretch(0, 1.5)], [], []),
        ([stretch(0, 10)], words(("да", 0.5, 1), ("нет", 9, 9.5)), [(0.8, 9.2)]),
        # The word before a hole is drawn out over it.
        ([stretch(0, 10)], words(("да", 0.5, 8.5), ("нет", 9, 9.5)), [(1.04, 9.2)]),
        ([stretch(0, 3)], words(("да", 0.5, 1), ("нет", 2, 2.6)), []),
        # Stretches that touch are one: several short ones without a word are a hole.
        ([stretch(0, 1), stretch(1, 2), stretch(2, 3)], [], [(0.2, 2.8)]),
        ([stretch(0, 1), stretch(5, 6)], [], []),
        ([stretch(0, 4), stretch(20, 24)], words(("раз", 0.4, 3.6)), [(1.06, 3.8), (20.2, 23.8)]),
        ([], words(("да", 0.5, 1)), []),
    ],
)
def test_a_hole_is_speech_without_words(
    stretches: list[tuple[int, int]], said: list[Word], expected: list[tuple[float, float]]
) -> None:
    assert found(stretches, said) == expected


@pytest.mark.parametrize(
    ("before", "hole", "after", "left"),
    [
        (("мы", "жили"), ("Жили", "в", "центре"), ("и", "всё"), ["в", "центре"]),
        (("мы", "жили"), ("мы", "жили,", "хорошо"), (), ["хорошо"]),
        ((), ("в", "центре", "и", "всё"), ("и", "всё"), ["в", "центре"]),
        (("да",), ("да",), (), []),
        (("да",), ("нет",), ("да",), ["нет"]),
    ],
)
def test_what_the_neighbours_have_is_not_said_twice(
    before: tuple[str, ...], hole: tuple[str, ...], after: tuple[str, ...], left: list[str]
) -> None:
    timed = [words(*((text, 0.0, 1.0) for text in said)) for said in (before, hole, after)]

    assert [word.text.strip() for word in without_repeats(*timed)] == left


@pytest.mark.parametrize("limits", [speech_to_text.whisper.LIMITS, speech_to_text.onnx.LIMITS])
def test_progress_of_a_short_recording_moves_and_a_kill_costs_a_minute(limits: PartLimits) -> None:
    plan = plan_parts([Interval(start=0.0, end=300.0)], 300.0, limits)
    assert len(plan) >= 4
    assert all(part.end - part.start <= 90.0 for part in plan)
