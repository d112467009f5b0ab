"""What of the archive's metadata a question names: places, cities, people, kinds of places, dates, numbers.

Words are compared in all their forms, so that «в «Кремлёвском»», «Соколовой» and «казанских» are understood. Only what
the archive has is found: nothing is guessed.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from chats.tokens import Token, tokens_of
from chats.vocabulary import MONTHS, NUMERALS
from datamodels import BuildingType, Value
from datamodels_search import Named, When
from morphology import parses
from text_cleaning import folded

_NUMBERED = frozenset("№ номер интервью запись аудит файл".split())  # noqa: SIM905
"""What stands before the number of a recording; «номер» only after another one of them: else it is a room."""
_BUILDINGS = {
    BuildingType.HOTEL: frozenset(["отель", "гостиница"]),
    BuildingType.RESTAURANT: frozenset(["ресторан"]),
    BuildingType.SPA: frozenset(["спа"]),
}
_OF_A_CITY = "ский"
_LONGEST_ENDING = 2
"""Letters that a city's name may lose before «-ский»: «Ярославль», «ярославский»."""
_FEWEST_LETTERS = 3
_WORD = re.compile(r"\w+")
_LAST_DAY = 31
_YEARS = (1990, 2100)


class Known(Value):
    """The different values that the metadata of the sources have which a person may find."""

    places: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


def named_in(question: str, known: Known) -> tuple[Named, frozenset[str]]:
    """Return what the question names, and the lemmas of the words by which it does. Blocking."""
    tokens = [token for token in tokens_of(question) if token.text.isalnum() or token.text == "№"]
    written = [folded(token.text) for token in tokens]
    capital = [token.text[0].isupper() for token in tokens]
    # Somebody who writes without capitals means names, too; places are left out, which are often words of everyday.
    may_be_name = capital if any(capital[1:]) else [True] * len(tokens)
    places = {each: _phrase_at(each, written, capital) for each in known.places}
    cities = {
        each: _phrase_at(each, written, may_be_name)
        | {place for place, token in enumerate(tokens) if _is_of_city(token, folded(each))}
        for each in known.cities
    }
    used = frozenset[int]().union(*places.values(), *cities.values())
    people = _people(known.people, written, may_be_name, used)
    buildings = {
        each: {place for place, token in enumerate(tokens) if token.lemmas & lemmas}
        for each, lemmas in _BUILDINGS.items()
    }
    numbers, when = _numbers(tokens), _dates(tokens)
    named = Named(
        places=tuple(each for each, at in places.items() if at),
        cities=tuple(each for each, at in cities.items() if at),
        people=tuple(people),
        buildings=tuple(each for each, at in buildings.items() if at),
        numbers=tuple(numbers),
        when=tuple(when),
    )
    used = used.union(*people.values(), *buildings.values(), *numbers.values(), *when.values())
    return named, frozenset[str]().union(*(tokens[at].lemmas for at in used))


def _phrase_at(name: str, written: Sequence[str], capital: Sequence[bool]) -> set[int]:
    """Return where the words of a name stand one after another in any of their forms, the first with a capital."""
    forms = [_forms(word) for word in _WORD.findall(folded(name))]
    for at in range(len(written) - len(forms) + 1):
        if forms and capital[at] and all(written[at + place] in each for place, each in enumerate(forms)):
            return set(range(at, at + len(forms)))
    return set()


def _is_of_city(token: Token, city: str) -> bool:
    """Tell whether the word is the adjective of a city: «казанский»."""
    for lemma in token.lemmas:
        stem = lemma.removesuffix(_OF_A_CITY).removesuffix("н")
        is_long = len(stem) >= max(_FEWEST_LETTERS, len(city) - _LONGEST_ENDING)
        if lemma.endswith(_OF_A_CITY) and is_long and city.startswith(stem):
            return True
    return False


def _people(
    people: Sequence[str], written: Sequence[str], capital: Sequence[bool], used: frozenset[int]
) -> dict[str, set[int]]:
    """Return the people whose surnames stand there, and where. First names tell namesakes apart.

    Words at the places ``used`` name something else.
    """
    fitting: dict[str, set[int]] = {}
    for person in people:
        at: set[int] = set()
        has_surname = False
        for word in _WORD.findall(folded(person)):
            forms = _forms(word, _gender_of(person))
            places = {place for place, each in enumerate(written) if each in forms and capital[place]} - used
            at |= places
            has_surname |= bool(places) and not _is_first_name(word)
        if has_surname:
            fitting[person] = at
    return {person: at for person, at in fitting.items() if not any(at < other for other in fitting.values())}


def _numbers(tokens: Sequence[Token]) -> dict[int, set[int]]:
    """Return the numbers of recordings, and where they stand: «интервью №17», but not «в номере 412»."""
    found: dict[int, set[int]] = {}
    for place, token in enumerate(tokens):
        number = _whole(token)
        before = [tokens[each].lemmas & _NUMBERED for each in range(max(0, place - 2), place)]
        if number is None or not before or not before[-1]:
            continue
        if "номер" not in before[-1] or (len(before) > 1 and before[0]):
            found.setdefault(number, set()).add(place)
    return found


def _dates(tokens: Sequence[Token]) -> dict[When, set[int]]:
    """Return the days and months, and where they stand."""
    found: dict[When, set[int]] = {}
    for place, token in enumerate(tokens):
        month = next((MONTHS.index(each) + 1 for each in token.lemmas if each in MONTHS), None)
        if month is None:
            continue
        day = _whole(tokens[place - 1]) if place else None
        year = _whole(tokens[place + 1]) if place + 1 < len(tokens) else None
        day = day if day is not None and 1 <= day <= _LAST_DAY else None
        year = year if year is not None and _YEARS[0] <= year <= _YEARS[1] else None
        at = {place, *([place - 1] if day else []), *([place + 1] if year else [])}
        found.setdefault(When(day=day, month=month, year=year), set()).update(at)
    return found


def _whole(token: Token) -> int | None:
    is_written = token.text in NUMERALS  # «пять мая» is no date of a recording
    return None if is_written or token.value is None or token.value % 1 else int(token.value)


@lru_cache(20_000)
def _forms(word: str, gender: str | None = None) -> frozenset[str]:
    """Return the forms of a word in the singular, itself included; of a surname those of the gender alone."""
    found = {word}
    for reading in _nominatives(word):
        for form in reading.lexeme:
            is_other = gender is not None and form.tag.gender not in {None, gender}
            if form.tag.number != "plur" and not is_other:
                found.add(folded(form.word))
    return frozenset(found)


def _nominatives(word: str) -> list[Any]:
    readings = parses(word)
    return [each for each in readings if "nomn" in each.tag] or readings[:1]


def _is_first_name(word: str) -> bool:
    found = frozenset[str]().union(*(each.tag.grammemes for each in _nominatives(word)))
    return bool(found & {"Name", "Patr"}) and "Surn" not in found


@lru_cache(20_000)
def _gender_of(person: str) -> str | None:
    """Return the grammatical gender of a person's first name; None when it does not tell."""
    for word in _WORD.findall(folded(person)):
        for reading in _nominatives(word):
            if "Name" in reading.tag.grammemes:
                return None if reading.tag.gender is None else str(reading.tag.gender)
    return None
