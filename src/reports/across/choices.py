"""What people can choose of interviews (place, employee, period, building type), and which interviews fit."""

from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

import texts.across
from datamodels import BuildingType
from reports.across.values import Choice, Interview, Kind, Overview, Subject, Wanted
from text_cleaning import folded, one_line

_FIELDS = {
    Kind.PLACE: ("place",),
    Kind.EMPLOYEE: ("employee",),
    Kind.PERIOD: ("first", "last"),
    Kind.BUILDING: ("building",),
}
_MONTH = "m"
_DAYS = "d"
_ID = "a"
"""Begins a choice that is an id: choices begin with a letter, as words of buttons do."""


def fits(interview: Interview, wanted: Wanted) -> bool:
    """Tell whether an interview meets all conditions."""
    return (
        (wanted.place is None or interview.place_id == wanted.place)
        and (wanted.employee is None or interview.employee_id == wanted.employee)
        and (wanted.building is None or interview.building is wanted.building)
        and (wanted.first is None or interview.day >= wanted.first)
        and (wanted.last is None or interview.day <= wanted.last)
    )


def without(wanted: Wanted, kind: Kind) -> Wanted:
    """Return the conditions but for those of a kind."""
    return wanted.model_copy(update={field: Wanted.model_fields[field].default for field in _FIELDS[kind]})


def chosen(wanted: Wanted, kind: Kind, choice: str | None, today: date) -> Wanted:
    """Return the conditions with ``choice``, the id of a ``Choice`` or ``period_of`` days; None takes a kind away.

    Raises:
        ValueError: there is no such choice.
    """
    cleared = without(wanted, kind)
    if choice is None:
        return cleared
    return cleared.model_copy(update=_update(kind, choice, today))


def period_of(days: int) -> str:
    """Return the choice of the last ``days`` days, today included."""
    return f"{_DAYS}{days}"


def id_choice(id_: UUID) -> str:
    """Return the choice of a place or an employee."""
    return f"{_ID}{id_.hex}"


def named(choices: Sequence[Choice], label: str) -> Choice | None:
    """Return the choice with this label, in any case."""
    wanted = folded(one_line(label))
    return next((each for each in choices if folded(each.label) == wanted), None)


def overview(
    subjects: Sequence[Subject], subject: Subject | None, wanted: Wanted, interviews: Sequence[Interview]
) -> Overview:
    """Return what can be chosen of all ``interviews`` that a person may see, when ``wanted`` is chosen already."""
    choices = {
        kind: _choices(kind, [each for each in interviews if fits(each, without(wanted, kind))]) for kind in Kind
    }
    return Overview(
        subjects=subjects,
        subject=subject,
        interviews=sum(fits(each, wanted) for each in interviews),
        any=bool(interviews),
        choices=choices,
        conditions=conditions(wanted, interviews),
    )


def conditions(wanted: Wanted, interviews: Sequence[Interview]) -> Sequence[str]:
    """Return the conditions in words, one a line; names come from ``interviews``."""
    lines = []
    if wanted.place is not None:
        place = _place_names(interviews).get(wanted.place, texts.across.GONE_NAME)
        lines.append(texts.across.CONDITION_PLACE.format(name=place))
    if wanted.employee is not None:
        name = next((each.employee for each in interviews if each.employee_id == wanted.employee), None)
        lines.append(texts.across.CONDITION_EMPLOYEE.format(name=name or texts.across.GONE_NAME))
    if wanted.building is not None:
        lines.append(texts.across.CONDITION_BUILDING.format(name=texts.across.BUILDINGS[wanted.building]))
    ends = [(texts.across.FROM, wanted.first), (texts.across.TO, wanted.last)]
    if period := " ".join(text.format(date=f"{day:%d.%m.%Y}") for text, day in ends if day is not None):
        lines.append(texts.across.CONDITION_PERIOD.format(period=period))
    return lines


def _update(kind: Kind, choice: str, today: date) -> Mapping[str, object]:
    if kind is Kind.BUILDING:
        return {"building": BuildingType(choice)}
    sign, value = choice[:1], choice[1:]
    if kind is Kind.PERIOD and sign == _DAYS and int(value) in texts.across.PERIODS:
        return {"first": today - timedelta(days=int(value) - 1), "last": today}
    if kind is Kind.PERIOD and sign == _MONTH:
        year, month = int(value[:-2]), int(value[-2:])
        first = date(year, month, 1)
        return {"first": first, "last": first.replace(day=monthrange(year, month)[1])}
    if kind is not Kind.PERIOD and sign == _ID:
        return {kind.value: UUID(hex=value)}
    raise ValueError(choice)


def _choices(kind: Kind, interviews: Sequence[Interview]) -> Sequence[Choice]:
    if kind is Kind.PERIOD:
        months = Counter((each.day.year, each.day.month) for each in interviews)
        return [
            Choice(f"{_MONTH}{year:04}{month:02}", f"{texts.across.MONTHS[month - 1]} {year}", months[year, month])
            for year, month in sorted(months, reverse=True)
        ]
    if kind is Kind.BUILDING:
        types = Counter(each.building for each in interviews if each.building is not None)
        return _frequent(Choice(each.value, texts.across.BUILDINGS[each], count) for each, count in types.items())
    if kind is Kind.EMPLOYEE:
        people = Counter((each.employee_id, each.employee or "") for each in interviews if each.employee_id is not None)
        return _frequent(Choice(id_choice(id_), name, count) for (id_, name), count in people.items())
    places = Counter(each.place_id for each in interviews if each.place_id is not None)
    names = _place_names(interviews)
    return _frequent(Choice(id_choice(id_), names[id_], count) for id_, count in places.items())


def _place_names(interviews: Sequence[Interview]) -> Mapping[UUID, str]:
    """Return the names of places; places of one name are named with their types."""
    places = {each.place_id: each for each in interviews if each.place_id is not None}
    namesakes = Counter(each.place for each in places.values())

    def name(of: Interview) -> str:
        if namesakes[of.place] == 1:
            return of.place or ""
        building = texts.across.BUILDINGS.get(of.place_building or "", texts.across.NO_TYPE)
        return texts.across.OF_TYPE.format(name=of.place, building=building)

    return {id_: name(each) for id_, each in places.items()}


def _frequent(choices: Iterable[Choice]) -> Sequence[Choice]:
    return sorted(choices, key=lambda choice: (-choice.interviews, choice.label, choice.id))
