"""What is cut fits, begins as it did, and is cut between words."""

import html

from hypothesis import given
from hypothesis import strategies as st

from constants import MESSAGE_UTF16_UNITS
from markups.text import fits, preview, utf16_units

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


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_length_is_counted_as_telegram_counts_it(text: str) -> None:
    assert utf16_units(text) == sum(1 + (ord(character) > 0xFFFF) for character in text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.integers(min_value=0, max_value=5000))
def test_tags_and_entities_take_no_room(text: str, repeated: int) -> None:
    shown = f"<b>{html.escape(text)}</b><pre>{'&lt;' * repeated}</pre>"
    assert fits(shown) == (utf16_units(text) + repeated <= MESSAGE_UTF16_UNITS)
