"""What a text denies: the word behind «не», what «нет», «не было» and «отсутствует» are said of, what follows «без»."""

from collections.abc import Sequence

from chats.tokens import SIGN, Part, Token
from chats.vocabulary import ABSENT, CARRIERS, DEGREES, LACKING, TURNS

_MEANINGFUL = frozenset([Part.NOUN, Part.QUALITY, Part.VERB])
_NOT = frozenset(["не", "ни"])
_NOT_ONLY = frozenset(["только", "просто"])


def denials(tokens: Sequence[Token]) -> list[bool | None]:
    """Tell of each token whether it is denied; None where the text can be read in both ways."""
    denied: list[bool | None] = [token.reading.denies for token in tokens]
    begin = 0
    for place, token in enumerate([*tokens, Token(".", SIGN)]):
        if token.part is Part.SIGN or token.text.lower() in TURNS:
            clause = range(begin, place)
            lacking = _deny_words(tokens, clause, denied)
            if any(_says_absent(tokens, each) for each in clause):
                _deny_nouns(tokens, clause, denied, True)
            elif lacking:
                _deny_nouns(tokens, clause, denied, None)
            begin = place + 1
    return denied


def _deny_words(tokens: Sequence[Token], clause: range, denied: list[bool | None]) -> bool:
    """Note which words «не» and «без» deny in a clause. Tell whether one is «хватать», as in «не хватало блюд»."""
    is_denied = without = lacking = False
    for place in clause:
        token = tokens[place]
        word = token.text.lower()
        if word in _NOT or word == "без":
            if place > clause.start and _is_not_being(tokens, place + 1) and tokens[place - 1].part is Part.QUALITY:
                denied[place - 1] = not tokens[place - 1].reading.denies
            is_denied, without = is_denied or word in _NOT, without or word == "без"
        elif word in _NOT_ONLY:
            is_denied = False
        elif token.part in _MEANINGFUL and (is_denied or without) and not token.lemmas & (DEGREES | {"быть"}):
            denied[place] = not token.reading.denies
            lacking = lacking or bool(token.lemmas & LACKING)
            is_denied = is_denied and bool(token.lemmas & CARRIERS)
            without = without and token.part is not Part.NOUN
    return lacking


def _says_absent(tokens: Sequence[Token], place: int) -> bool:
    token = tokens[place]
    if token.lemmas & ABSENT or "нет" in token.lemmas:
        return True
    return _is_not_being(tokens, place)


def _is_not_being(tokens: Sequence[Token], place: int) -> bool:
    """Tell whether the word at ``place`` ends «не было», «не будет», …"""
    return 0 < place < len(tokens) and "быть" in tokens[place].lemmas and tokens[place - 1].text.lower() == "не"


def _deny_nouns(
    tokens: Sequence[Token],
    clause: range,
    denied: list[bool | None],
    denial: bool | None,
) -> None:
    """Give this ``denial`` to the nouns that may be what is absent: those in the genitive that follow no preposition.

    With «отсутствует» the noun is in the nominative.
    """
    absent = any(tokens[place].lemmas & ABSENT for place in clause)
    governed = False
    for place in clause:
        token = tokens[place]
        if token.part is Part.PREPOSITION:
            governed = True
        elif token.part is Part.NOUN:
            if not governed and (absent or token.reading.genitive):
                denied[place] = denial
            governed = False
