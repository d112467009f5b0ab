"""The words of a text in their dictionary forms, by which names, numbers and rare words are found."""

import re
from functools import lru_cache

from morphology import parses

_WORD = re.compile(r"\w+")
_LONGEST_WORD = 60
"""Characters of the longest word that is looked up; nobody asks for longer ones."""


def lemmas(text: str) -> tuple[str, ...]:
    """Return the lemmas of the words of ``text``, each once, in the order of their first places. Blocking.

    «е» stands for «ё», all is in lower case, and numbers are as they are written.
    """
    return tuple(dict.fromkeys(map(_lemma, _WORD.findall(text.casefold()))))


@lru_cache(50_000)
def _lemma(word: str) -> str:
    readable = word[:_LONGEST_WORD]
    form = readable if readable.isdecimal() else str(parses(readable)[0].normal_form)
    return form.replace("ё", "е")
