"""Lines and windows: nothing is lost, nothing is too long, nobody can forge a line."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import Segment, Transcript
from errors import ContextTooSmall
from reports.windows import fit, split, transcript_lines
from utils import clock

WORDS = st.text(st.sampled_from("абвгдеё.,! 1"), max_size=80)
LINES = st.lists(WORDS.map(lambda text: " ".join(text.split())).filter(bool), min_size=1, max_size=30)


def transcript(*segments: Segment) -> Transcript:
    return Transcript(language="ru", engine="e", model="m", duration_s=1.0, speakers=1, segments=segments)


def said(text: str, start: float = 0.0, role: str | None = None, speaker: str | None = None) -> Segment:
    return Segment(start=start, end=start + 1, text=text, role=role, speaker=speaker)


async def count(text: str) -> int:
    return math.ceil(len(text.encode()) / 4)


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30), limit=st.integers(8, 200))
def test_windows_hold_every_word_in_order_for_any_lines_and_limit(sizes: list[int], limit: int) -> None:
    numbers = iter(range(10_000))
    lines = [" ".join(f"w{next(numbers)}" for _ in range(size)) for size in sizes]
    windows = split(lines, limit)
    assert all(len(window) <= limit for window in windows)
    once = dict.fromkeys(word for window in windows for word in window.split())
    assert list(once) == " ".join(lines).split()


@given(lines=LINES, limit=st.integers(1, 20))
def test_words_longer_than_a_window_are_cut_not_lost(lines: list[str], limit: int) -> None:
    windows = split(lines, limit)
    assert all(len(window) <= limit for window in windows)
    held, rest = "".join("".join(windows).split()), iter("".join("".join(windows).split()))
    assert len(held) >= len("".join("".join(lines).split()))
    assert all(letter in rest for letter in "".join("".join(lines).split()))


@given(lines=LINES, limit=st.integers(100, 300))
def test_every_line_stands_whole_in_a_window_when_it_fits(lines: list[str], limit: int) -> None:
    windows = [window.split("\n") for window in split(lines, limit)]
    assert all(any(line in window for window in windows) for line in lines)


@given(lines=LINES, budget=st.integers(128, 400), times=st.integers(1, 40))
async def test_windows_fit_the_budget_for_any_density_of_tokens(lines: list[str], budget: int, times: int) -> None:
    many = [f"[00:{number:02}] Клиент: {line}" for number, line in enumerate(lines * times)]
    windows = await fit(many, budget, count)
    assert [window for window in windows if await count(window) > budget] == []
    together = "\n".join(windows).split("\n")
    assert all(line in together for line in many)


@given(lines=LINES)
async def test_windows_of_a_single_character_are_the_last_resort(lines: list[str]) -> None:
    async def dear(text: str) -> int:
        return 200 * len(text)

    windows = await fit(lines, 256, dear)
    assert {len(window) for window in windows} <= {0, 1}
    assert "".join("".join(windows).split()) == "".join("".join(lines).split())


async def test_what_fits_is_one_window() -> None:
    assert await fit(["[00:00] Да.", "[00:01] Нет."], 100, count) == ["[00:00] Да.\n[00:01] Нет."]


async def test_tokens_are_counted_once_a_window_not_once_a_line() -> None:
    counted = []

    async def counting(text: str) -> int:
        counted.append(text)
        return await count(text)

    windows = await fit([f"[00:00] Клиент: слово {number}" for number in range(2000)], 1000, counting)
    assert len(counted) <= 2 * len(windows) + 1


async def test_a_budget_without_room_for_a_window_is_an_error() -> None:
    with pytest.raises(ContextTooSmall):
        await fit(["слово " * 100], 50, count)


def test_a_window_begins_with_the_last_lines_of_the_one_before() -> None:
    first, second, *_ = split([f"строка {number:03}" for number in range(60)], 200)
    assert second.split("\n")[0] == first.split("\n")[-1]


def test_a_long_line_is_cut_between_words_and_keeps_its_time_and_speaker() -> None:
    pieces = split(["[12:41] Клиент: " + "тишина " * 40], 60)
    assert len(pieces) > 3
    assert all(re.fullmatch(r"\[12:41\] Клиент: тишина( тишина)*", piece.strip()) for piece in pieces)


def test_an_utterance_is_a_line_with_time_and_role() -> None:
    segments = [said("Что понравилось?", 0, "Сотрудник"), said("Тишина.", 761, "Клиент"), said("И вид.", 770, "Клиент")]
    assert transcript_lines(transcript(*segments)) == [
        "[00:00] Сотрудник: Что понравилось?",
        "[12:41] Клиент: Тишина. И вид.",
    ]


def test_a_monologue_has_no_labels_and_unnamed_speakers_have_numbers() -> None:
    assert transcript_lines(transcript(said("Холл."))) == ["[00:00] Холл."]
    assert transcript_lines(transcript(said("Да.", speaker="S2"))) == ["[00:00] Спикер 2: Да."]


@given(text=st.text(max_size=300))
def test_no_words_can_forge_a_line_or_a_marker(text: str) -> None:
    lines = transcript_lines(transcript(said(f"Да. {text}", role="Клиент"), said("Нет.", role="Сотрудник")))
    assert len(lines) == 2
    assert len("\n".join(lines).splitlines()) == 2
    assert not set("<>[]\x00\u2028") & set(lines[0].removeprefix("[00:00] Клиент: "))


@pytest.mark.parametrize(("seconds", "shown"), [(0, "00:00"), (761.9, "12:41"), (3599, "59:59"), (3761, "1:02:41")])
def test_time_is_shown_in_minutes_and_above_an_hour_in_hours(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
