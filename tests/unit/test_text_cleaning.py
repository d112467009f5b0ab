"""Foreign text: nothing hidden survives, and what people see as one character is never taken apart."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import texts.units
from screens import nasty_text
from text_cleaning import (
    ELLIPSIS,
    as_data,
    cut,
    folded,
    one_line,
    preview,
    printable,
    safe_file_name,
    shortened,
)

CLUSTERS = [
    "я",
    "👨‍👩‍👧",  # joined by U+200D
    "👩🏽‍🚒",  # with a skin tone
    "👍🏿",
    "❤️‍🔥",  # with a variation selector
    "🙂‍↔️",
    "🏳️‍🌈",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",  # England, by tags
    "🇷🇺",
    "🇰🇿",
    "1️⃣",
    "и\u0306",  # «й» of two code points
    "е\u0308\u0301",
    "\u1112\u1161\u11ab",  # a Korean syllable of three letters
    "\U0001fae8",  # later than the Unicode of Python 3.11
]
"""Each is one character for who reads it."""
clusters = st.lists(st.sampled_from(CLUSTERS), max_size=30)
with_invisible = st.text(
    st.one_of(st.characters(), st.sampled_from("\u200d\u200b\u202e\u2028\U000e0067\U000e007f👨🏴❤\ufe0f<. "))
)


@given(st.one_of(nasty_text, with_invisible))
def test_one_line_has_nothing_that_moves_the_cursor_turns_the_line_or_hides(text: str) -> None:
    line = one_line(text)
    assert line == " ".join(line.split())
    hidden = {
        character for character in line if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    }
    assert hidden <= {"\u200d", *map(chr, range(0xE0020, 0xE0080))}
    assert not line.startswith("\u200d")
    assert not line.endswith("\u200d")
    assert one_line(line) == line


@given(st.lists(st.sampled_from(CLUSTERS), min_size=1).map("".join))
def test_one_line_keeps_what_people_see_as_it_is(text: str) -> None:
    assert one_line(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" раз\r\nдва\tтри\u2028четыре\x00пять\u00a0шесть ", "раз два три четыре пять шесть"),
        ("\u202eгроб.exe\u202c", "гроб.exe"),
        ("при\u00adвет", "привет"),
        ("па\u200dро\u200dль", "пароль"),
        ("\u200d", ""),
        ("👨\u200d", "👨"),
        ("👨\u200d\u200d👧", "👨👧"),
        ("а\U000e0067\U000e007fб", "аб"),
        ("🏴\U000e0067", "🏴"),
        ("\ud83d\ufffe\uffff\U0001ffff\ue000", ""),
        ("\U00018d09", "\U00018d09"),
    ],
)
def test_what_nobody_sees_goes_unless_it_holds_an_emoji_together(text: str, line: str) -> None:
    assert one_line(text) == line


@given(clusters, st.integers(min_value=0, max_value=120))
def test_a_cut_text_ends_with_the_last_whole_cluster_that_fits(parts: list[str], longest: int) -> None:
    beginnings = ["".join(parts[:number]) for number in range(len(parts) + 1)]
    assert cut("".join(parts), longest) == [each for each in beginnings if len(each) <= longest][-1]


@given(clusters.map("".join), st.integers(min_value=1, max_value=120))
def test_a_shortened_text_says_so_and_takes_no_more_room_than_asked(text: str, longest: int) -> None:
    shown = shortened(text, longest)
    assert len(shown) <= longest
    assert shortened(shown, longest) == shown
    assert shown == (text if len(text) <= longest else cut(text, longest - 1).rstrip() + ELLIPSIS)


@given(with_invisible, st.integers(min_value=0, max_value=50))
def test_whatever_is_cut_is_a_beginning_that_fits(text: str, longest: int) -> None:
    shown = cut(text, longest)
    assert text.startswith(shown)
    assert len(shown) <= longest


_WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=30)).map(" ".join)


@given(st.text(), st.integers(min_value=2, max_value=400))
def test_a_preview_is_never_longer_than_asked(text: str, characters: int) -> None:
    assert len(preview(text, characters)) <= characters


@given(_WORDS, st.integers(min_value=40, max_value=400))
def test_a_preview_ends_with_a_whole_word(text: str, characters: int) -> None:
    shown = preview(text, characters)
    whole = text.split()
    words = shown.removesuffix("…").split() if shown != text.strip() else shown.split()
    assert words == whole[: len(words)]


@given(st.text())
def test_text_that_is_short_enough_is_shown_whole(text: str) -> None:
    assert preview(text, max(2, len(text))) == text.strip()


def test_a_word_without_end_is_cut_inside() -> None:
    assert preview("а" * 500, 300) == "а" * 299 + "…"


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_preview_of_one_long_word_ends_with_a_whole_cluster(cluster: str) -> None:
    for longest in range(2, 60):
        shown = preview(cluster * 100, longest)
        assert shown == cluster * ((longest - 1) // len(cluster)) + ELLIPSIS


@given(with_invisible)
def test_data_of_a_prompt_has_no_signs_of_its_markers(text: str) -> None:
    assert not set(as_data(text)) & set("<>[]\n\u202e")


@given(with_invisible)
@example("кофе \u202eоборот\u202c, \u2066ужин\u2069")
def test_printable_text_keeps_its_lines_and_nothing_that_xml_forbids(text: str) -> None:
    shown = printable(text)
    assert all(character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs"} for character in shown)
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067")
    assert shown.count("\n") == text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def test_folded_texts_are_equal_however_they_are_written() -> None:
    assert folded("ЕЩЁ") == folded("еще\u0308") == folded("еще")


@given(st.sampled_from(CLUSTERS), st.integers(min_value=1, max_value=200))
def test_a_file_name_is_never_cut_inside_a_cluster(cluster: str, count: int) -> None:
    composed = unicodedata.normalize("NFC", cluster)
    stem = safe_file_name(f"{cluster * count}.ogg").removesuffix(".ogg")
    assert stem.replace(composed, "") == ""


@given(name=st.one_of(st.text(), with_invisible))
@example("я" * 255)
@example("я" * 255 + ".ogg")
@example("." * 300)
@example("../../etc/passwd")
@example("запись\x00.ogg")
@example("\udcff\udcfe.mp3")
@example("a." + "b" * 300)
@example("до\r\u200b\rпосле")
@example("и\u200b\u0306")
@example("👩\u200d<")
def test_any_text_becomes_a_name_that_the_file_system_takes(name: str) -> None:
    safe = safe_file_name(name)
    assert 0 < len(safe.encode()) <= 255
    assert safe not in {".", ".."}
    assert not set(safe) & set('/\\\0\n<>:"|?*')
    assert safe_file_name(safe) == safe


@given(stem=st.text(alphabet="абвгдежзийклмн", min_size=1, max_size=400), extension=st.sampled_from(["ogg", "m4a"]))
def test_the_extension_survives_the_cut(stem: str, extension: str) -> None:
    assert safe_file_name(f"{stem}.{extension}").endswith(f".{extension}")


@pytest.mark.parametrize("name", ["interview_17.ogg", "Запись №5, отель «Заря».m4a", "Встреча 3. Гость о сервисе"])
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert safe_file_name(name) == name


def test_a_name_that_loses_everything_gets_one() -> None:
    assert safe_file_name("///") == "___"
    assert safe_file_name("\x00") == texts.units.UNNAMED_FILE
