"""Foreign text on screens: on one line, short, escaped, and cut to the length of a message."""

import html
import re
from html import escape

from constants import MESSAGE_UTF16_UNITS
from text_cleaning import one_line, shortened

LONGEST_SHOWN = 100
"""Characters of a name or a value on a screen: eight such values with titles stay far below a message's limit."""
LONGEST_REASON = 400
"""Characters of a sentence that says what went wrong."""
LONGEST_ON_BUTTON = 48


def plain(text: str, longest: int = LONGEST_SHOWN) -> str:
    """Return one line of at most ``longest`` characters, none of them invisible, for buttons and file names."""
    return shortened(one_line(text), longest)


def first_line(screen_text: str) -> str:
    """Return the first line of a screen's HTML as a person reads it."""
    return html.unescape(_TAG.sub("", screen_text)).strip().partition("\n")[0]


def escaped(text: str, longest: int = LONGEST_SHOWN) -> str:
    """Return the text as ``plain`` does, escaped for a screen's HTML."""
    return escape(plain(text, longest), quote=False)


_TAG = re.compile(r"</?[a-z][^<>]*>")


def utf16_units(text: str) -> int:
    """Return the length as Telegram counts it, in UTF-16 units: most emoji count as two."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def fits(screen_text: str, limit: int = MESSAGE_UTF16_UNITS) -> bool:
    """Tell whether the HTML's text has at most ``limit`` UTF-16 units, the length of a message or a caption."""
    return utf16_units(html.unescape(_TAG.sub("", screen_text))) <= limit
