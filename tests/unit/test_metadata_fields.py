"""The fields of metadata as people are asked for them, one by one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import BuildingType, RecordingMetadata
from errors import BadText
from metadata.fields import PROMPTS, Field, fields_of, is_required, missing, parse, shown, title

TODAY = date(2026, 11, 21)
NOTHING = RecordingMetadata()
FULL = RecordingMetadata(
    audio_number=0,
    recorded_on=date(2026, 11, 3),
    employee="Иванова Мария",
    client="Петров Иван",
    place="Заря",
    building=BuildingType.SPA,
    zones=("номер", "лобби"),
    city="Ростов-на-Дону",
)
SHOWN = {
    Field.AUDIO_NUMBER: "0",
    Field.DATE: "03.11.2026",
    Field.EMPLOYEE: "Иванова Мария",
    Field.PLACE_NAME: "Заря",
    Field.BUILDING_TYPE: "Центр здоровья",
    Field.ZONE: "номер, лобби",
    Field.CLIENT: "Петров Иван",
    Field.CITY: "Ростов-на-Дону",
}


def test_an_interview_is_asked_for_the_client_and_an_audit_for_the_city() -> None:
    common = (Field.AUDIO_NUMBER, Field.DATE, Field.EMPLOYEE, Field.PLACE_NAME, Field.BUILDING_TYPE, Field.ZONE)
    assert fields_of("interview") == (*common, Field.CLIENT)
    assert fields_of("design") == (*common, Field.CITY)


def test_only_the_zone_may_stay_empty() -> None:
    assert [field for field in Field if not is_required(field)] == [Field.ZONE]
    assert missing("interview", NOTHING) == tuple(field for field in fields_of("interview") if field is not Field.ZONE)
    assert missing("design", FULL) == ()
    assert missing("design", FULL.model_copy(update={"city": None, "client": None})) == (Field.CITY,)


@pytest.mark.parametrize("field", Field)
def test_a_value_is_shown_as_people_read_it_and_parses_back(field: Field) -> None:
    assert shown(field, FULL) == SHOWN[field]
    assert shown(field, NOTHING) is None
    parsed = parse(field, SHOWN[field], NOTHING, TODAY)
    assert shown(field, parsed) == SHOWN[field]


@pytest.mark.parametrize("field", Field)
def test_a_value_leaves_the_other_fields_alone(field: Field) -> None:
    changed = parse(field, SHOWN[field], FULL, TODAY)
    assert changed == FULL


@pytest.mark.parametrize("field", Field)
def test_every_question_has_a_name_and_an_example_that_parses(field: Field) -> None:
    question, _, example = PROMPTS[field].partition("? ")
    assert question
    assert title(field)
    example = example.removeprefix("Например ").partition(";")[0]
    assert shown(field, parse(field, example, NOTHING, TODAY))


def test_a_dash_takes_the_zones_away_and_nothing_else() -> None:
    assert parse(Field.ZONE, " - ", FULL, TODAY) == FULL.model_copy(update={"zones": ()})
    for field in Field:
        if is_required(field):
            with pytest.raises(BadText):
                parse(field, "-", FULL, TODAY)


def test_a_zone_inside_of_a_building_type_is_both() -> None:
    parsed = parse(Field.BUILDING_TYPE, "центр здоровья при отеле", FULL, TODAY)
    assert (parsed.building, parsed.zones) == (BuildingType.HOTEL, ("центр здоровья",))
    assert parse(Field.BUILDING_TYPE, "ресторан", FULL, TODAY).zones == FULL.zones


@pytest.mark.parametrize("text", ["31.02.2026", "22.11.2026", "утром"])
def test_a_day_that_is_not_or_not_yet_is_refused(text: str) -> None:
    with pytest.raises(BadText, match=r"[а-я]"):
        parse(Field.DATE, text, NOTHING, TODAY)


@pytest.mark.parametrize("field", Field)
@pytest.mark.parametrize("text", ["", " \n ", "🎙🎙🎙", "👩‍🔬", "я" * 5000, "🎙" * 5000, "9" * 5000])
def test_nothing_emoji_and_five_thousand_characters_are_refused(field: Field, text: str) -> None:
    if field is Field.ZONE and not text.strip():
        assert parse(field, text, FULL, TODAY).zones == ()
        return
    with pytest.raises(BadText, match=r"[а-я]") as refused:
        parse(field, text, NOTHING, TODAY)
    assert len(str(refused.value)) < 300


@given(st.sampled_from(Field), st.text())
def test_any_text_gives_a_value_that_can_be_shown_or_a_reason(field: Field, text: str) -> None:
    try:
        parsed = parse(field, text, NOTHING, TODAY)
    except BadText as exc:
        said = exc.user_text
    else:
        said = shown(field, parsed) or title(field)
        assert is_required(field) <= (shown(field, parsed) is not None)
    assert said


@given(st.dates(TODAY + timedelta(days=1)))
def test_no_recording_is_of_a_day_that_is_still_to_come(day: date) -> None:
    with pytest.raises(BadText):
        parse(Field.DATE, f"{day:%Y-%m-%d}", NOTHING, TODAY)
