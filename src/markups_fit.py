"""How much text a message takes, in Telegram's unit, and how longer text is cut."""

import html
import re

from constants import MESSAGE_UTF16_UNITS
from markups_text import ELLIPSIS

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
