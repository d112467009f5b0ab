"""Screens as a person sees them, and names that try to break them."""

import re
from html import unescape

from hypothesis import strategies as st

from constants import MESSAGE_UTF16_UNITS
from datamodels_telegram import Screen
from markups.callback_data import unpack

NASTY = [
    "<b>жирный</b> & \"кавычки\" <script>alert('x')</script>",
    "👩‍👩‍👧‍👦🏳️‍🌈" * 40,
    "Я" * 5000,
    "&" * 5000,
    "строка\nвторая\r\nтретья\u2028четвёртая\x00\x07",
    "\u202eгроб.exe\u202c\u200b",
    " \n\t ",
    "",
    "||confirm_data||1",
    "{number} %s {0}",
]

nasty_text = st.one_of(st.sampled_from(NASTY), st.text(max_size=300))

_TAG = re.compile(r"</?(?:b|i|u|s|code|pre|a|blockquote|tg-spoiler)(?: [^<>]*)?>")


def drawn(screen: Screen) -> str:
    """The text, then the buttons row by row."""
    rows = [" ".join(f"[{button.text}]" for button in row) for row in screen.keyboard]
    return "\n".join([screen.text, *rows])


def read(screen: Screen) -> str:
    """The text as it is read: without markup."""
    return unescape(_TAG.sub("", screen.text))


def check(screen: Screen) -> None:
    """What Telegram asks of every message."""
    assert 0 < len(read(screen).encode("utf-16-le")) // 2 <= MESSAGE_UTF16_UNITS
    left = _TAG.sub("", screen.text)
    assert "<" not in left, "unescaped markup"
    assert ">" not in left, "unescaped markup"
    assert re.search(r"&(?!(?:amp|lt|gt);)", left) is None, "unescaped ampersand"
    for button in (button for row in screen.keyboard for button in row):
        assert button.text.strip()
        assert "\n" not in button.text
        assert len(button.text) <= 70
        assert 1 <= len(button.data.encode()) <= 64
        unpack(button.data)
