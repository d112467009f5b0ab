"""The glossary as hints for an engine, which reads no more than some hundred of its tokens before what it hears."""

from collections.abc import Sequence

_MOST_CHARACTERS = 400


def hints(terms: Sequence[str]) -> tuple[str, ...]:
    """Return as many of the terms, the first ones, as an engine reads."""
    chosen: list[str] = []
    room = _MOST_CHARACTERS
    for term in dict.fromkeys(terms):
        if len(term) + 2 > room:
            break
        chosen.append(term)
        room -= len(term) + 2
    return tuple(chosen)
