"""Foreign text on screens: one line, short, unable to break the markup, and cut to what a message takes."""

import html
import re
from html import escape

from constants import MESSAGE_UTF16_UNITS
from text_cleaning import one_line, shortened

LONGEST_SHOWN = 100
"""Characters of a name or a value on a screen: eight of them and their titles stay far below a message's limit."""
LONGEST_REASON = 400
"""Characters of a sentence that tells what went wrong."""
LONGEST_ON_BUTTON = 48


def plain(text: str, longest: int = LONGEST_SHOWN) -> str:
    """The text as one line without invisible signs, at most ``longest`` characters: for buttons and file names."""
    return shortened(one_line(text), longest)


def escaped(text: str, longest: int = LONGEST_SHOWN) -> str:
    """The text as ``plain`` makes it, for a screen's HTML."""
    return escape(plain(text, longest), quote=False)


_TAG = re.compile(r"</?[a-z][^<>]*>")


def utf16_units(text: str) -> int:
    """The length that Telegram counts: most emoji are two."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def fits(screen_text: str, limit: int = MESSAGE_UTF16_UNITS) -> bool:
    """Tell whether HTML, its tags and entities read, is no longer than a message or, by ``limit``, a caption."""
    return utf16_units(html.unescape(_TAG.sub("", screen_text))) <= limit
