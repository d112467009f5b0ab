"""Foreign text on screens: one line, short, and unable to break the markup."""

import unicodedata
from html import escape

LONGEST_SHOWN = 100
"""Characters of a name or a value on a screen: eight of them and their titles stay far below a message's limit."""
LONGEST_REASON = 400
"""Characters of a sentence that tells what went wrong."""
LONGEST_ON_BUTTON = 48
ELLIPSIS = "…"
_JOINER = "\u200d"
"""Holds composed emoji together; the other signs that nobody sees could turn a line round or hide in it."""


def plain(text: str, longest: int = LONGEST_SHOWN) -> str:
    """The text as one line without invisible signs, at most ``longest`` characters: for buttons and file names."""
    visible = "".join(_visible(character) for character in text)
    line = " ".join(visible.split())
    return line if len(line) <= longest else line[: longest - len(ELLIPSIS)].rstrip() + ELLIPSIS


def escaped(text: str, longest: int = LONGEST_SHOWN) -> str:
    """The text as ``plain`` makes it, for a screen's HTML."""
    return escape(plain(text, longest), quote=False)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    return "" if category in {"Cf", "Cs", "Cn", "Co"} and character != _JOINER else character
