"""What a text says, so that two texts can be compared: its words in any form, names, numbers and denials."""

from dataclasses import dataclass

from chats.amounts import Amount, amounts_of, joined
from chats.denials import denials
from chats.tokens import tokens_of
from chats.vocabulary import ABSENT


@dataclass(frozen=True)
class Term:
    """A word with a meaning of its own. ``noun`` and ``denied`` are None where the text can be read in both ways."""

    lemmas: frozenset[str]
    noun: bool | None
    name: bool
    denied: bool | None


@dataclass(frozen=True)
class Wording:
    """The words and numbers of a text, in their order. Nouns that a number counts are with the number."""

    terms: tuple[Term, ...]
    amounts: tuple[Amount, ...]


def wording_of(text: str) -> Wording:
    """Read a text in Russian. Blocking, see ``tokens.reading_of``."""
    tokens = joined(tokens_of(text))
    amounts, units = amounts_of(tokens)
    denied = denials(tokens)
    terms = [
        Term(token.lemmas, token.reading.noun, token.is_name, denied[place])
        for place, token in enumerate(tokens)
        if token.has_meaning and place not in units and not token.lemmas & ABSENT
    ]
    return Wording(tuple(terms), tuple(amounts))
