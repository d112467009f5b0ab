"""Foreign text on screens: one line, short, unable to break the markup, and cut to what a message takes."""

import html
import re
import unicodedata
from html import escape

from constants import MESSAGE_UTF16_UNITS

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


_TAG = re.compile(r"</?[a-z][^<>]*>")


def utf16_units(text: str) -> int:
    """The length that Telegram counts: most emoji are two."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def fits(screen_text: str, limit: int = MESSAGE_UTF16_UNITS) -> bool:
    """Tell whether HTML, its tags and entities read, is no longer than a message or, by ``limit``, a caption."""
    return utf16_units(html.unescape(_TAG.sub("", screen_text))) <= limit


def preview(text: str, characters: int) -> str:
    """The text, or its beginning cut between words, with «…», at most so many characters in all."""
    text = text.strip()
    if len(text) <= characters:
        return text
    room = characters - len(ELLIPSIS)
    head = text[: room + 1]
    # A word that is longer than the whole room is cut inside.
    cut = max(head.rfind(space) for space in (" ", "\n"))
    return (head[:cut] if cut > 0 else head[:room]).rstrip() + ELLIPSIS
