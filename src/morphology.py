"""Russian word forms, as pymorphy3 reads them in the dictionary of OpenCorpora or guesses them by their endings."""

import threading
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymorphy3 import MorphAnalyzer  # type: ignore[import-untyped]

_loading = threading.Lock()


def parses(word: str) -> list[Any]:
    """Return the possible readings of a word, the likeliest first, at least one. Blocking, 5,000 words a second.

    A reading has ``tag``, ``score``, ``normal_form`` and ``inflect``. The first call loads the dictionary.
    """
    readings: list[Any] = _analyzer().parse(_readable(word))
    return readings


def is_known(word: str) -> bool:
    """Tell whether the dictionary has the word in this form. Blocking, as ``parses``."""
    return bool(_analyzer().word_is_known(_readable(word).lower()))


def _analyzer() -> "MorphAnalyzer":
    # One load only: a second one would replace the grammar under a thread that reads a word meanwhile.
    with _loading:
        return _loaded()


@cache
def _loaded() -> "MorphAnalyzer":
    # The dictionary takes 0.2 to 0.3 s to load, and most commands do not need it.
    from pymorphy3 import MorphAnalyzer  # noqa: PLC0415

    return MorphAnalyzer()


def _readable(word: str) -> str:
    """Return the word with «?» for characters without a Unicode name (rare scripts): the dictionary fails on them."""
    return "".join(sign if unicodedata.name(sign, "") else "?" for sign in word)
