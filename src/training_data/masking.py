"""Personal data in Russian text replaced by placeholders, so that others may have the text.

Rooms, dates, places and the names of hotels stay. These are not found: numbers written in words, names in Latin letters
that are not among the known ones, and what no list of words can decide, such as a name that is also a common word and
begins a sentence.
"""

from collections.abc import Iterable

import texts.training_data as placeholders
from training_data.names import Names
from training_data.patterns import masked, plain


class Masker:
    """Masks texts; ``known_names`` of people are found in every grammatical case. Blocking: use it in a thread.

    The dictionary is loaded when the first ``Masker`` is made.
    """

    def __init__(self, known_names: Iterable[str] = ()) -> None:
        self._names = Names(known_names)

    def masked(self, text: str) -> str:
        """Return the text as ``plain`` makes it, with placeholders; an already masked text comes back as it is."""
        text = plain(text)
        while (masked_once := self._masked_names(masked(text))) != text:
            # Beside a new placeholder another word may count as a name. It is rare, and each round leaves less to find.
            text = masked_once
        return text

    def _masked_names(self, text: str) -> str:
        pieces, position = [], 0
        for start, end in self._names.spans(text):
            pieces += [text[position:start], placeholders.NAME]
            position = end
        return "".join([*pieces, text[position:]])
