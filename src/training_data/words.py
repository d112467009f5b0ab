"""Which part of a person's name a single word may be, by the dictionary."""

import re
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import Any

from morphology import parses
from training_data.vocabulary import NOT_PEOPLE

LONGEST_WORD = 40
"""Letters. Longer words are no names, and the dictionary takes long over them."""
_CACHED = 65_536
_RARE = 0.1
_SOME = 0.25
_EVEN = 0.5


class Likelihood(IntEnum):
    """How sure it is that a word with a capital letter is part of a name."""

    NEVER = 0
    BESIDE_A_NAME = 1
    """Only where another part of a name stands beside it: «Анна Сорока»."""
    INSIDE_A_SENTENCE = 2
    """Where the capital does not come from the beginning of a sentence: «спасибо Вере»."""
    ALWAYS = 3


@dataclass(frozen=True)
class Reading:
    """What a word may be. It may be several of these: a surname, say, that is also a place and a verb."""

    likelihood: Likelihood
    lemmas: frozenset[str]
    """Its dictionary forms, with «е» for «ё»."""
    names: frozenset[str]
    """Those of the lemmas that are names; all lemmas when none is a name."""
    given: bool
    """A first name or a patronymic, among other things."""
    patronymic: bool
    """Known as a patronymic by its ending, which the dictionary lacks."""
    surname: bool
    """A surname, among other things; also one that the dictionary lacks and that is known by its ending."""
    adjectival: bool
    """Declined as an adjective: «Маяковская» is a person, and much more often a street or a station."""
    nominative: bool
    function: bool
    """A verb, an adverb or a word of grammar, among other things: no part of a name, even beside one."""
    unknown: bool
    """The dictionary lacks the word."""
    place: bool
    """The name of a place or a firm, among other things."""
    animate: bool
    """A noun for somebody, in the singular."""
    inanimate: bool
    preposition: bool


_NO_NAME = frozenset(["NPRO", "PREP", "CONJ", "PRCL", "INTJ", "ADVB", "PRED", "VERB", "INFN", "GRND", "COMP", "PRTS"])
_SURNAME = re.compile(
    r"(?:[оеё]в|[ыи]н)(?:а|у|ым|е|ой|ы|ых|ым|ыми)?$"
    r"|[сц]к(?:ий|ого|ому|им|ом|ая|ой|ую|ие|их|ими)$"
    r"|(?:нко|швили|дзе|иани|[ыи]х|ян(?:а|у|ом|е|ы)?|[уюиеа]к(?:а|у|ом|е|и)?)$"
)
"""Endings by which a surname is known that the dictionary lacks."""
_PATRONYMIC = re.compile(r"..(?:[ое]вич(?:а|у|ем|е)?|[ое]вн(?:а|ы|е|у|ой|ою))$")
"""Endings by which a patronymic is known that the dictionary lacks."""
_ADJECTIVAL = re.compile(r"[сц]к(?:ий|ого|ому|им|ом|ая|ой|ую|ие|их|ими)$")


@lru_cache(_CACHED)
def reading_of(word: str) -> Reading:
    """Tell what a word may be. Blocking; the dictionary is loaded at the first call."""
    found = parses(word.lower())
    known = [each for each in found if _is_from_dictionary(each)]
    halves = word.split("-")
    if not known and len(halves) > 1 and all(half[0].isupper() for half in halves):
        # «Анна-Мария»: as much a name as one of its parts. «Салтыков-Щедрин»: no plural of salt marshes.
        parts = list(map(reading_of, halves))
        best = max(parts, key=lambda reading: reading.likelihood)
        return replace(best, likelihood=Likelihood.ALWAYS) if all(part.surname for part in parts) else best
    readings = known or found
    personal = [each for each in readings if _is_given(each) or "Surn" in each.tag]
    lemmas = _lemmas(readings)
    patronymic = not known and _PATRONYMIC.search(word.lower()) is not None
    likelihood = Likelihood.ALWAYS if patronymic else _likelihood(word.lower(), readings, personal)
    return Reading(
        likelihood=Likelihood.NEVER if lemmas & NOT_PEOPLE else likelihood,
        lemmas=lemmas,
        names=_lemmas(personal or readings),
        given=patronymic or (bool(known) and any(_is_given(each) for each in readings)),
        patronymic=patronymic,
        surname=any("Surn" in each.tag for each in readings)
        or (not known and _SURNAME.search(word.lower()) is not None),
        adjectival=_ADJECTIVAL.search(word.lower()) is not None,
        nominative=any("nomn" in each.tag for each in readings),
        function=any(each.tag.POS in _NO_NAME and each.score > _RARE for each in readings),
        unknown=not known,
        place=any(map(_is_place, readings)),
        animate=any({"NOUN", "anim", "sing"} in each.tag for each in readings),
        inanimate=any({"NOUN", "inan"} in each.tag for each in readings),
        preposition=readings[0].tag.POS == "PREP",
    )


def _likelihood(word: str, readings: list[Any], personal: list[Any]) -> Likelihood:
    if not personal:
        return Likelihood.NEVER
    # «Петрова» is also «belonging to Peter», and «Вик» is «of several Vikas»: nobody says so.
    others = [each for each in readings if each not in personal and not {"Name", "Poss"} & each.tag.grammemes]
    weight = sum(each.score for each in personal)
    share = weight / (weight + sum(each.score for each in others))
    if not _is_from_dictionary(readings[0]):
        return _likelihood_of_guess(word, personal, share)
    given = any(map(_is_given, personal))
    if not others or (given and share >= _EVEN):
        return Likelihood.ALWAYS
    is_place = any(map(_is_place, others)) and not (given and share >= _SOME)
    if is_place or readings[0].tag.POS in _NO_NAME or not (given or share >= _EVEN):
        return Likelihood.BESIDE_A_NAME
    return Likelihood.INSIDE_A_SENTENCE


def _likelihood_of_guess(word: str, personal: list[Any], share: float) -> Likelihood:
    if not _SURNAME.search(word) or "Surn" not in personal[0].tag:
        return Likelihood.BESIDE_A_NAME
    return Likelihood.ALWAYS if share >= _EVEN else Likelihood.INSIDE_A_SENTENCE


def _is_place(parse: Any) -> bool:
    return bool({"Geox", "Orgn"} & parse.tag.grammemes)


def _lemmas(readings: list[Any]) -> frozenset[str]:
    return frozenset(each.normal_form.replace("ё", "е") for each in readings)


def _is_given(parse: Any) -> bool:
    """Tell whether this is a first name or a patronymic.

    A first name in the plural («Вас») or in the vocative («Свет!») does not count: it is another word far more often.
    """
    return "Patr" in parse.tag or ({"Name", "sing"} in parse.tag and "voct" not in parse.tag)


def _is_from_dictionary(parse: Any) -> bool:
    return type(parse.methods_stack[0][0]).__name__ == "DictionaryAnalyzer" and len(parse.methods_stack) == 1
