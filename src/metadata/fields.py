"""The fields of a recording's metadata, as the bot asks for them, shows them and finds them in captions."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum

import texts.metadata
from datamodels import RecordingMetadata, ScenarioId
from metadata.dates import parse_date
from metadata.parsing import (
    INTERVIEW,
    MEETING,
    FieldProblem,
    parse_audio_number,
    parse_building_and_zones,
    parse_caption,
    parse_name,
    parse_place,
    parse_zones,
    told_in_one_line,
)


class Field(StrEnum):
    """A field, in the order of the questions; buttons and steps name it by its value."""

    AUDIO_NUMBER = "audio_number"
    DATE = "date"
    EMPLOYEE = "employee"
    PLACE_NAME = "place_name"
    BUILDING_TYPE = "building_type"
    ZONE = "zone"
    CLIENT = "client"
    CITY = "city"


PROMPTS: Mapping[Field, str] = {field: texts.metadata.QUESTIONS[field] for field in Field}
"""The question for each field, with an example."""

_TITLES = {
    Field.AUDIO_NUMBER: texts.metadata.AUDIO_NUMBER,
    Field.DATE: texts.metadata.DATE,
    Field.EMPLOYEE: texts.metadata.EMPLOYEE,
    Field.PLACE_NAME: texts.metadata.PLACE,
    Field.BUILDING_TYPE: texts.metadata.BUILDING,
    Field.ZONE: texts.metadata.ZONE,
    Field.CLIENT: texts.metadata.CLIENT,
    Field.CITY: texts.metadata.CITY,
}


VALUE_OF: Mapping[Field, str] = {
    Field.AUDIO_NUMBER: "audio_number",
    Field.DATE: "recorded_on",
    Field.EMPLOYEE: "employee",
    Field.PLACE_NAME: "place",
    Field.BUILDING_TYPE: "building",
    Field.ZONE: "zones",
    Field.CLIENT: "client",
    Field.CITY: "city",
}
"""The attribute of ``RecordingMetadata`` that holds each field."""


def title(field: Field) -> str:
    """Return the field's Russian name, such as «дата»."""
    return _TITLES[field]


def fields_of(scenario_id: str) -> tuple[Field, ...]:
    """Return the scenario's fields in the order of the questions: an interview has a client, any other a city.

    A meeting has its day alone, from which «до пятницы» counts.
    """
    if scenario_id == MEETING:
        return (Field.DATE,)
    absent = Field.CITY if scenario_id == INTERVIEW else Field.CLIENT
    return tuple(field for field in Field if field is not absent)


def is_required(field: Field) -> bool:
    """Tell whether the field has to have a value."""
    return field is not Field.ZONE


def missing(scenario_id: str, metadata: RecordingMetadata) -> tuple[Field, ...]:
    """Return the scenario's required fields that have no value."""
    return tuple(field for field in fields_of(scenario_id) if is_required(field) and shown(field, metadata) is None)


def parse(field: Field, text: str, known: RecordingMetadata, today: date) -> RecordingMetadata:
    """Return a copy of ``known`` with the field's value parsed from ``text``; for the zones, «-» means none.

    A zone given with the building type, as in «центр здоровья при отеле», replaces the zones.

    Raises:
        BadText: the text gives no value.
    """
    match field:
        case Field.AUDIO_NUMBER:
            update: dict[str, object] = {"audio_number": parse_audio_number(text)}
        case Field.DATE:
            update = {"recorded_on": parse_date(text, today)}
        case Field.EMPLOYEE:
            update = {"employee": parse_name(text)}
        case Field.PLACE_NAME:
            update = {"place": parse_place(text)}
        case Field.BUILDING_TYPE:
            building, zones = parse_building_and_zones(text)
            update = {"building": building, "zones": zones or known.zones}
        case Field.ZONE:
            update = {"zones": parse_zones(text)}
        case Field.CLIENT:
            update = {"client": parse_name(text)}
        case Field.CITY:
            update = {"city": parse_name(text)}
    return known.model_copy(update=update)


def shown(field: Field, metadata: RecordingMetadata) -> str | None:
    """Return the field's value as people read it; None when the field is empty."""
    day, number, building = metadata.recorded_on, metadata.audio_number, metadata.building
    values = {
        Field.AUDIO_NUMBER: None if number is None else str(number),
        Field.DATE: None if day is None else f"{day:%d.%m.%Y}",
        Field.EMPLOYEE: metadata.employee,
        Field.PLACE_NAME: metadata.place,
        Field.BUILDING_TYPE: None if building is None else texts.metadata.BUILDINGS[building],
        Field.ZONE: ", ".join(metadata.zones) or None,
        Field.CLIENT: metadata.client,
        Field.CITY: metadata.city,
    }
    return values[field]


_MOST_PROBLEMS = 2


def scenario_of_caption(caption: str, scenarios: Sequence[ScenarioId], today: date) -> ScenarioId | None:
    """Return the one scenario that the caption's lines fit best; None when none fits, or several fit equally well.

    Seven lines are an audit's. Six lines are an interview's when they name a zone, which an audit of six lines lacks;
    otherwise both are possible, since any name can be a client or a city, and the person has to say. A line or two that
    do not parse, such as a date that does not exist, do not matter here: they are asked for later. No caption is a
    meeting's.
    """
    results = {each: parse_caption(caption, each, today) for each in scenarios if each != MEETING}
    fewest = min((len(result.problems) for result in results.values()), default=0)
    if fewest > _MOST_PROBLEMS:
        return None
    fitting = [each for each, result in results.items() if len(result.problems) == fewest]
    with_zone = [each for each in fitting if each == INTERVIEW and results[each].metadata.zones]
    chosen = with_zone or fitting
    return chosen[0] if len(chosen) == 1 else None


def problems_of_caption(
    caption: str, scenario: ScenarioId, metadata: RecordingMetadata, today: date
) -> tuple[FieldProblem, ...]:
    """Return the problems of the caption's lines that do not parse and whose required fields have no value.

    While fields have none, a caption that tells several things in one line is a problem, too.

    Blocking: the dictionary of word forms is loaded with the first zone.
    """
    if not caption.strip():
        return ()
    wanted = {title(field) for field in missing(scenario, metadata)}
    in_one_line = told_in_one_line(caption) if wanted and scenario != MEETING else None
    problems = parse_caption(caption, scenario, today).problems
    unread = tuple(each for each in problems if each.field in wanted and not each.absent)
    return unread if in_one_line is None else (*unread, in_one_line)
