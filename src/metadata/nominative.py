"""Names of places that stand after a preposition, put back into the nominative: «о ресторане «заря»»."""

import re
from typing import Any

from morphology import parses

_PREPOSITION = re.compile(r"^(?:(?:об|о|про|по)\s+)+(?=\S)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_CASES = {"об": "loct", "о": "loct", "про": "accs", "по": "datv"}
"""The case that each preposition takes."""


def without_preposition(text: str) -> str:
    """Return the text without prepositions before it, and its first noun in the nominative with what agrees with it.

    What follows the noun stays as it is, and so do words that are in no such case. Blocking: the dictionary of word
    forms is loaded with the first preposition.
    """
    found = _PREPOSITION.match(text)
    if found is None:
        return text
    case = _CASES[found[0].lower().split()[-1]]
    rest = text[found.end() :]
    words = list(_WORD.finditer(rest))
    before: list[re.Match[str]] = []
    for word in words:
        # The last part of a «спа-отель» is its noun.
        is_noun = not _reading(word[0], "ADJF", case) and not rest.startswith("-", word.end())
        noun = _reading(word[0], "NOUN", case) if is_noun else None
        if noun is not None:
            form = {"nomn", noun.tag.number, *([noun.tag.gender] if noun.tag.number == "sing" else [])} - {None}
            changed = [(each, _inflected(each[0], "ADJF", case, form)) for each in before]
            return _replaced(rest, [*changed, (word, _inflected(word[0], "NOUN", case, {"nomn", noun.tag.number}))])
        before.append(word)
    # A name may be an adjective alone: «о Русском».
    return _replaced(rest, [(each, _inflected(each[0], "ADJF", case, {"nomn"})) for each in words[:1]])


def _reading(word: str, part_of_speech: str, case: str) -> Any | None:
    """Return the likeliest such reading of a word; None, too, for a word that is not in the dictionary."""
    readings = parses(word.lower())
    return next((each for each in readings if {part_of_speech, case} in each.tag and each.is_known), None)


def _inflected(word: str, part_of_speech: str, case: str, form: set[str]) -> str | None:
    reading = _reading(word, part_of_speech, case)
    inflected = None if reading is None else reading.inflect(form)
    return None if inflected is None else str(inflected.word)


def _replaced(text: str, words: list[tuple[re.Match[str], str | None]]) -> str:
    for found, word in reversed(words):
        if word is not None:
            text = text[: found.start()] + word + text[found.end() :]
    return text
