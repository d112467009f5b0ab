"""The service by which every front door shows and changes the glossary.

A term counts for recordings that are recognised from then on: as a hint for engines that take hints, and for the
correction of what they heard.
"""

import re
from collections.abc import Sequence

import texts.glossary
from constants import LONGEST_TERM, MOST_TERMS
from datamodels import UserId
from db import Database
from errors import BadText, NotFound
from morphology import is_known, parses
from text_cleaning import folded, one_line, storable
from transcription.glossary import store
from transcription.glossary.store import Term

_SEPARATORS = re.compile(r"[\n;,]+")
_WORD = re.compile(r"[^\W_]+(?:[-’'][^\W_]+)*")
_FEWEST_LETTERS = 2
_MOST_WORDS = 4


class Glossary:
    """The terms of every person and of the team. Who may change the team's is asked from ``access`` by the caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, owner: UserId) -> Sequence[Term]:
        """Load the terms that count for a person: own ones, then the team's."""
        async with self._database.transaction() as connection:
            return await store.list_terms(connection, owner)

    async def add(self, owner: UserId, typed: str, *, for_team: bool = False) -> Sequence[str]:
        """Add the terms in ``typed``, which commas, semicolons or line breaks separate; return them as stored.

        Raises:
            BadText: there is none in it, one is no name, or it would become more than ``MOST_TERMS``.
        """
        terms = terms_in(typed)
        async with self._database.transaction() as connection:
            whose = None if for_team else owner
            count = await store.add_terms(connection, whose, [(term, folded(term)) for term in terms])
            if count > MOST_TERMS:
                raise BadText(reason=texts.glossary.TOO_MANY.format(most=MOST_TERMS))
        return terms

    async def remove(self, owner: UserId, term: int, *, curates: bool) -> str:
        """Remove a person's own term, or with ``curates`` one of the team; return it.

        Raises:
            NotFound: there is none that the person may remove.
        """
        async with self._database.transaction() as connection:
            removed = await store.delete_term(connection, owner, term)
            if removed is None and curates:
                removed = await store.delete_term(connection, None, term)
        if removed is None:
            raise NotFound(what=f"term {term}")
        return removed


def terms_in(typed: str) -> Sequence[str]:
    """Return the terms that a person typed, each once.

    Raises:
        BadText: there is none, or one of them has no letters or is too long.
    """
    terms = [one_line(each).strip(" .«»\"'") for each in _SEPARATORS.split(storable(typed))]
    terms = list(dict.fromkeys(filter(None, terms)))
    if not terms:
        raise BadText(reason=texts.glossary.NO_TERM)
    for term in terms:
        if len(term) > LONGEST_TERM:
            raise BadText(reason=texts.glossary.TOO_LONG.format(most=LONGEST_TERM))
        if sum(map(str.isalpha, term)) < _FEWEST_LETTERS:
            raise BadText(reason=texts.glossary.NO_LETTERS.format(term=term))
    return terms


def worth_keeping(corrected: str) -> str | None:
    """Return the name in what somebody corrected, «Заря» for «в «Заре»»; None where there is none. Blocking."""
    words = _WORD.findall(one_line(corrected))
    capitals = [place for place, word in enumerate(words) if word[:1].isupper()]
    if not capitals:
        return None
    name = words[capitals[0] : capitals[-1] + 1]
    if len(name) == 1 and is_known(name[0]):
        [word] = name
        name = [word if word.isupper() else parses(word)[0].normal_form.capitalize()]
    term = " ".join(name)
    return term if len(name) <= _MOST_WORDS and len(term) <= LONGEST_TERM else None
