"""The fields of a recording's metadata one by one, as the bot asks for them and shows them."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import texts_metadata as texts
from datamodels import RecordingMetadata
from metadata import (
    INTERVIEW,
    parse_audio_number,
    parse_building_and_zones,
    parse_date,
    parse_name,
    parse_place,
    parse_zones,
)


class Field(StrEnum):
    """A field, in the order of the questions; the value is what buttons and steps call it."""

    AUDIO_NUMBER = "audio_number"
    DATE = "date"
    EMPLOYEE = "employee"
    PLACE_NAME = "place_name"
    BUILDING_TYPE = "building_type"
    ZONE = "zone"
    CLIENT = "client"
    CITY = "city"


PROMPTS: Mapping[Field, str] = {field: texts.QUESTIONS[field] for field in Field}
"""The question for each field, with an example."""

_TITLES = {
    Field.AUDIO_NUMBER: texts.AUDIO_NUMBER,
    Field.DATE: texts.DATE,
    Field.EMPLOYEE: texts.EMPLOYEE,
    Field.PLACE_NAME: texts.PLACE,
    Field.BUILDING_TYPE: texts.BUILDING,
    Field.ZONE: texts.ZONE,
    Field.CLIENT: texts.CLIENT,
    Field.CITY: texts.CITY,
}


def title(field: Field) -> str:
    """What people call the field: «дата»."""
    return _TITLES[field]


def fields_of(scenario_id: str) -> tuple[Field, ...]:
    """The fields of the scenario in the order of the questions: an interview has a client, any other a city."""
    absent = Field.CITY if scenario_id == INTERVIEW else Field.CLIENT
    return tuple(field for field in Field if field is not absent)


def is_required(field: Field) -> bool:
    """Tell whether the field has to have a value."""
    return field is not Field.ZONE


def missing(scenario_id: str, metadata: RecordingMetadata) -> tuple[Field, ...]:
    """The scenario's required fields that have no value."""
    return tuple(field for field in fields_of(scenario_id) if is_required(field) and shown(field, metadata) is None)


def parse(field: Field, text: str, known: RecordingMetadata, today: date) -> RecordingMetadata:
    """Return what is ``known`` with the value that ``text`` gives the field; «-» takes the zones away.

    A zone in a building type, «центр здоровья при отеле», takes the place of the zones.

    Raises:
        BadField: the text gives no value; the message is the Russian reason.
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
    """The field's value as people read it; None when it has none."""
    day, number, building = metadata.recorded_on, metadata.audio_number, metadata.building
    values = {
        Field.AUDIO_NUMBER: None if number is None else str(number),
        Field.DATE: None if day is None else f"{day:%d.%m.%Y}",
        Field.EMPLOYEE: metadata.employee,
        Field.PLACE_NAME: metadata.place,
        Field.BUILDING_TYPE: None if building is None else texts.BUILDINGS[building],
        Field.ZONE: ", ".join(metadata.zones) or None,
        Field.CLIENT: metadata.client,
        Field.CITY: metadata.city,
    }
    return values[field]
