"""What a search was narrowed to, in words."""

import texts.asking
import texts.knowledge
from datamodels_search import Condition, Narrowing, When
from texts.across import BUILDINGS, MONTHS


def condition_label(narrowing: Narrowing, condition: Condition) -> str:
    """Return a condition in words: «Казань», «октябрь 2026», «говорит Клиент»."""
    named, chat = narrowing.named, narrowing.chat
    values = {
        Condition.PLACES: [texts.asking.PLACE.format(value=each) for each in named.places],
        Condition.CITIES: named.cities,
        Condition.PEOPLE: named.people,
        Condition.BUILDINGS: [BUILDINGS[each] for each in named.buildings],
        Condition.NUMBERS: [texts.asking.NUMBER.format(value=each) for each in named.numbers],
        Condition.WHEN: [_when(each) for each in named.when],
        Condition.ROLES: [
            *(texts.asking.SAID_BY.format(value=each) for each in narrowing.roles),
            *([texts.asking.SAID_BY_ROLELESS] if narrowing.roleless else []),
        ],
        Condition.CORPORA: [texts.asking.CORPORA[each] for each in chat.corpora],
        Condition.SCENARIO: [chat.scenario_label],
        Condition.MINE: [texts.asking.MINE],
    }
    return texts.asking.ALTERNATIVE.join(values[condition])


def _when(when: When) -> str:
    if when.month is None:
        return str(when.year)
    if when.day is None:
        month = MONTHS[when.month - 1]
        return month if when.year is None else texts.asking.MONTH.format(month=month, year=when.year)
    template = texts.asking.DAY_OF_ANY_YEAR if when.year is None else texts.asking.DAY
    return template.format(day=when.day, month=texts.knowledge.MONTHS[when.month - 1], year=when.year)
