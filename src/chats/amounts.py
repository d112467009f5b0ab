"""Numbers in a text, in digits or in words, and what they count."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from chats.tokens import Part, Reading, Token
from chats.vocabulary import INDEFINITE, MULTIPLIERS, NUMERALS, ORDINAL_ENDINGS, ORDINALS

_HALF = Decimal("0.5")
_TENS = frozenset(range(20, 100, 10))
_HUNDREDS = frozenset(range(100, 1000, 100))


@dataclass(frozen=True)
class Amount:
    """A number. ``counted`` are the lemmas of the noun behind it, ``labelled`` those of the noun or «№» before it.

    ``sure`` is False for words that are no numbers more often than not: «один из гостей», «в первую очередь».
    """

    value: Decimal
    counted: frozenset[str] = frozenset()
    labelled: frozenset[str] = frozenset()
    sure: bool = True


def joined(tokens: Sequence[Token]) -> list[Token]:
    """Put the words of each number into one token: «две тысячи двести», «1,5 тыс», «двадцать пятый», «5-й»."""
    whole: list[Token] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.part is not Part.NUMBER:
            whole.append(token)
            place += 1
            continue
        value, after = _value(tokens, place)
        lemmas = token.lemmas if after == place + 1 else frozenset[str]()
        whole.append(replace(token, reading=Reading(lemmas, Part.NUMBER), value=value))
        is_in_digits = tokens[after - 1].text[0].isdecimal()
        place = after + (is_in_digits and after < len(tokens) and tokens[after].text in ORDINAL_ENDINGS)
    return whole


def amounts_of(tokens: Sequence[Token]) -> tuple[list[Amount], set[int]]:
    """Return the numbers among joined tokens, and the places of the nouns that the sure ones count."""
    amounts, units = [], set[int]()
    for place, token in enumerate(tokens):
        if token.value is None:
            continue
        unit = _unit(tokens, place)
        sure = not token.lemmas & INDEFINITE
        if unit is not None and sure:
            units.add(unit)
        counted = frozenset[str]() if unit is None else tokens[unit].lemmas
        before = tokens[place - 1] if place else None
        is_label = before is not None and (before.part is Part.NOUN or "№" in before.lemmas)
        labelled = before.lemmas if before is not None and is_label else frozenset[str]()
        amounts.append(Amount(token.value, counted, labelled, sure))
    return amounts, units


def _value(tokens: Sequence[Token], place: int) -> tuple[Decimal, int]:
    """Return the number that begins at ``place``, and where the next token stands."""
    total = Decimal(0)
    group: Decimal | None = None
    limit = Decimal("Infinity")
    while place < len(tokens):
        token = tokens[place]
        if group is not None and _is_half(tokens, place):
            group += _HALF
            place += 2
            limit = Decimal(0)
            continue
        if token.part is not Part.NUMBER:
            break
        multiplier = next((MULTIPLIERS[lemma] for lemma in token.lemmas & MULTIPLIERS.keys()), None)
        value = _of_word(token) if multiplier is None else multiplier
        if multiplier is not None and (total == 0 or multiplier < total):
            total += (Decimal(1) if group is None else group) * multiplier
            group, limit = None, multiplier
        elif multiplier is None and 0 <= value < limit and (value > 0 or group is None):
            group = (group or Decimal(0)) + value
            limit = _limit_behind(value)
        else:
            break
        place += 1
    return total + (group or Decimal(0)), place


def _is_half(tokens: Sequence[Token], place: int) -> bool:
    """Tell whether «с половиной» stands at ``place``."""
    return (
        place + 1 < len(tokens) and tokens[place].text.lower() == "с" and tokens[place + 1].text.lower() == "половиной"
    )


def _of_word(token: Token) -> Decimal:
    if token.value is not None:
        return token.value
    [lemma] = token.lemmas
    return NUMERALS[lemma] if lemma in NUMERALS else ORDINALS[lemma]


def _limit_behind(value: Decimal) -> Decimal:
    """Return what the next word of a number is below: «двадцать» + «пять», but not «десять» + «тридцать»."""
    if value in _HUNDREDS:
        return Decimal(100)
    return Decimal(10) if value in _TENS else Decimal(0)


def _unit(tokens: Sequence[Token], place: int) -> int | None:
    """Return the place of the noun that the number at ``place`` counts; one quality may stand between the two."""
    for near in range(place + 1, min(place + 3, len(tokens))):
        if tokens[near].part is Part.NOUN:
            return near
        if tokens[near].part is not Part.QUALITY:
            return None
    return None
