"""How long a screen is for Telegram."""

import html

from hypothesis import given
from hypothesis import strategies as st

from constants import MESSAGE_UTF16_UNITS
from markups.text import fits, utf16_units


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_length_is_counted_as_telegram_counts_it(text: str) -> None:
    assert utf16_units(text) == sum(1 + (ord(character) > 0xFFFF) for character in text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.integers(min_value=0, max_value=5000))
def test_tags_and_entities_take_no_room(text: str, repeated: int) -> None:
    shown = f"<b>{html.escape(text)}</b><pre>{'&lt;' * repeated}</pre>"
    assert fits(shown) == (utf16_units(text) + repeated <= MESSAGE_UTF16_UNITS)
