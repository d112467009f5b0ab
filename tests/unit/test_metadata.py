"""Captions as people write them."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import metadata.dates
import metadata.parsing
import texts.metadata
from datamodels import BuildingType, RecordingMetadata
from errors import BadText
from metadata.parsing import parse_caption

TODAY = date(2026, 11, 21)

INTERVIEW = """17
03.11.2026
анна-мария салтыкова-щедрина
ИВАН ПЕТРОВ
ресторан при отеле
о гранд отеле «Заря»"""

AUDIT = """Файл №5
2026-11-03
петров иван
про морскую звезду
спа
номера, летние веранды
ростов-на-дону"""


def test_an_interview_has_six_lines() -> None:
    result = parse_caption(INTERVIEW, "interview", TODAY)
    assert result.problems == ()
    assert result.metadata == RecordingMetadata(
        audio_number=17,
        recorded_on=date(2026, 11, 3),
        employee="Анна-Мария Салтыкова-Щедрина",
        client="Иван Петров",
        place="Гранд Отель «Заря»",
        building=BuildingType.HOTEL,
        zones=("ресторан",),
    )


def test_an_audit_has_seven_lines() -> None:
    result = parse_caption(AUDIT, "design", TODAY)
    assert result.problems == ()
    assert result.metadata == RecordingMetadata(
        audio_number=5,
        recorded_on=date(2026, 11, 3),
        employee="Петров Иван",
        place="Морская Звезда",
        building=BuildingType.SPA,
        zones=("номер", "летняя веранда"),
        city="Ростов-на-Дону",
    )


def test_an_audit_of_six_lines_has_no_zone() -> None:
    lines = AUDIT.splitlines()
    result = parse_caption("\n".join([*lines[:5], lines[6]]), "design", TODAY)
    assert result.problems == ()
    assert (result.metadata.zones, result.metadata.city) == ((), "Ростов-на-Дону")


def test_a_zone_in_the_line_of_the_type_joins_the_others() -> None:
    lines = AUDIT.splitlines()
    lines[4] = "центр здоровья при отеле"
    result = parse_caption("\n".join(lines), "design", TODAY)
    assert result.metadata.building == BuildingType.HOTEL
    assert result.metadata.zones == ("центр здоровья", "номер", "летняя веранда")


@pytest.mark.parametrize("position", range(6))
def test_a_line_that_does_not_parse_is_named_and_the_others_are_kept(position: int) -> None:
    whole = parse_caption(INTERVIEW, "interview", TODAY).metadata.model_dump()
    lines = INTERVIEW.splitlines()
    lines[position] = "***"
    result = parse_caption("\n".join(lines), "interview", TODAY)
    assert len(result.problems) == 1
    kept = {name: value for name, value in result.metadata.model_dump().items() if value}
    assert kept.items() <= whole.items()
    assert len(kept) >= 5


def test_missing_lines_are_named_one_by_one() -> None:
    result = parse_caption("17\n03.11.2026", "interview", TODAY)
    assert [problem.field for problem in result.problems] == [
        "ФИО сотрудника",
        "ФИО клиента",
        "тип заведения",
        "заведение",
    ]
    assert result.metadata.audio_number == 17
    assert "строк 2, а нужно 6" in result.problems[0].reason


def test_an_audit_without_its_last_lines_is_not_asked_for_the_zone() -> None:
    result = parse_caption("\n".join(AUDIT.splitlines()[:5]), "design", TODAY)
    assert [problem.field for problem in result.problems] == ["город"]


def test_extra_lines_are_reported_and_the_rest_is_kept() -> None:
    result = parse_caption(INTERVIEW + "\nещё что-то", "interview", TODAY)
    assert [problem.field for problem in result.problems] == ["подпись"]
    assert result.metadata == parse_caption(INTERVIEW, "interview", TODAY).metadata


@given(st.text(), st.sampled_from(["interview", "design", "own"]))
def test_any_caption_gives_a_result(caption: str, scenario: str) -> None:
    result = parse_caption(caption, scenario, TODAY)
    known = {texts.metadata.CAPTION} | {name for name, _ in metadata_fields()}
    assert {problem.field for problem in result.problems} <= known


def metadata_fields() -> list[tuple[str, str]]:
    return [(value, name) for name, value in vars(texts.metadata).items() if name.isupper() and isinstance(value, str)]


# --- one field -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("17", 17),
        ("Файл №17", 17),
        ("запись 0042, дубль 2", 42),
        ("№ 3-бис", 3),
        ("0", 0),
        ("- 17", 17),
        ("3.11.2026, № 17", 17),
        ("Запись 17 от 3 Ноября", 17),
        ("12.11 интервью 17", 17),
        ("12/2", 12),
        ("запись 45.20", 45),
    ],
)
def test_the_number_is_the_first_integer(text: str, number: int) -> None:
    assert metadata.parsing.parse_audio_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "семнадцать", "9" * 30, str(2**31), "²", "-5", " −5", "17.05.2025", "2026-11-03", "12.11 интервью с гостем"],
)
def test_no_number_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        metadata.parsing.parse_audio_number(text)


@given(st.dates(date(1000, 1, 1), TODAY), st.sampled_from(["%Y.%m.%d", "%Y-%m-%d", "%d.%m.%Y"]))
def test_a_date_is_read_in_three_forms(day: date, form: str) -> None:
    assert metadata.dates.parse_date(f"Дата: {day.strftime(form)} г.", TODAY) == day


@given(st.dates(TODAY + timedelta(days=1)))
def test_a_date_that_has_not_come_is_refused(day: date) -> None:
    with pytest.raises(BadText, match="ещё не наступила"):
        metadata.dates.parse_date(f"{day:%d.%m.%Y}", TODAY)


@pytest.mark.parametrize("text", ["30.02.2026", "2026.13.01", "29.02.2025", "00.01.2026"])
def test_a_date_that_is_in_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(BadText, match="нет в календаре"):
        metadata.dates.parse_date(text, TODAY)


@pytest.mark.parametrize("text", ["", "утром", "ноябрь", "2026.11-03", "12345.11.2026", "1.2.3.4", "3 маршрута"])
def test_other_forms_of_dates_are_refused(text: str) -> None:
    with pytest.raises(BadText, match="не похоже на дату"):
        metadata.dates.parse_date(text, TODAY)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Сегодня", date(2026, 11, 21)),
        ("вчера вечером", date(2026, 11, 20)),
        ("позавчера", date(2026, 11, 19)),
        ("3 ноября", date(2026, 11, 3)),
        ("3-го ноября 2025 года", date(2025, 11, 3)),
        ("30 дек.", date(2025, 12, 30)),
        ("1 мая", date(2026, 5, 1)),
        ("29 февраля", date(2024, 2, 29)),
        ("3.11", date(2026, 11, 3)),
        ("22.11", date(2025, 11, 22)),
        ("03.11.26", date(2026, 11, 3)),
        ("03/11/2026", date(2026, 11, 3)),
    ],
)
def test_dates_are_read_as_people_write_them(text: str, day: date) -> None:
    assert metadata.dates.parse_date(text, TODAY) == day


@pytest.mark.parametrize("text", ["31 ноября", "30 фев"])
def test_a_day_that_no_month_has_is_refused(text: str) -> None:
    with pytest.raises(BadText, match="нет в календаре"):
        metadata.dates.parse_date(text, TODAY)


@pytest.mark.parametrize("text", ["3 ноября", "вчера"])
def test_where_days_to_come_count_the_year_is_needed(text: str) -> None:
    with pytest.raises(BadText, match="не похоже на дату"):
        metadata.dates.parse_date(text, date.max)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ИВАНОВ иван", "Иванов Иван"),
        ("римский-корсаков", "Римский-Корсаков"),
        ("иван фон дер лейен", "Иван фон дер Лейен"),
        ("ван дейк", "Ван Дейк"),
        ("алиев гейдар алирза оглы", "Алиев Гейдар Алирза оглы"),
        ("  пётр\t ильич ", "Пётр Ильич"),
        ("комсомольск-на-амуре", "Комсомольск-на-Амуре"),
        ("о. бендер", "О. Бендер"),
    ],
)
def test_names_are_in_title_case(text: str, name: str) -> None:
    assert metadata.parsing.parse_name(text) == name


@given(st.text(alphabet=st.sampled_from("абвгдеёжзийклмнопрстуфхцчшщъыьэюя- АБВГ«»."), min_size=1))
def test_title_case_changes_no_letter_and_does_it_once(text: str) -> None:
    titled = metadata.parsing.title_case(text)
    assert titled.lower() == text.lower()
    assert metadata.parsing.title_case(titled) == titled


@pytest.mark.parametrize("text", ["", "   ", "-", "\x00", "…", "а" * 201, "12345", "№ 7"])
def test_a_name_without_letters_or_without_end_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        metadata.parsing.parse_name(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("о Заре", "Заря"),
        ("ОБ отеле", "Отель"),
        ("про по морю", "Море"),
        ("о ресторане «заря»", "Ресторан «Заря»"),
        ("о гранд отеле «Заря»", "Гранд Отель «Заря»"),
        ("о новом спа-центре", "Новый Спа-Центр"),
        ("про большую Асторию", "Большая Астория"),
        ("о Русском", "Русский"),
        ("о Соснах", "Сосны"),
        ("о доме отдыха", "Дом Отдыха"),
        ("о кафе Пушкинъ", "Кафе Пушкинъ"),
        ("об Англетере", "Англетере"),
        ("о Plaza", "Plaza"),
        ("Прованс", "Прованс"),
        ("Обломов", "Обломов"),
        ("поплавок", "Поплавок"),
        ("о", "О"),
    ],
)
def test_leading_prepositions_of_a_place_are_removed(text: str, place: str) -> None:
    assert metadata.parsing.parse_place(text) == place


@pytest.mark.parametrize(
    ("text", "building"),
    [
        ("отель", BuildingType.HOTEL),
        ("в Отеле", BuildingType.HOTEL),
        ("РЕСТОРАН", BuildingType.RESTAURANT),
        ("рестораны", BuildingType.RESTAURANT),
        ("центр здоровья", BuildingType.SPA),
        ("центра здоровья", BuildingType.SPA),
        ("СПА", BuildingType.SPA),
        ("spa-центр", BuildingType.SPA),
        ("спа-отель", BuildingType.HOTEL),
        ("ресторан в отеле", BuildingType.RESTAURANT),
    ],
)
def test_the_building_is_told_by_its_stem(text: str, building: BuildingType) -> None:
    assert metadata.parsing.parse_building(text) == building


@pytest.mark.parametrize("text", ["", "кафе", "спальня", "мотель"])
def test_an_unknown_building_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        metadata.parsing.parse_building(text)


@pytest.mark.parametrize(
    ("text", "building", "zones"),
    [
        ("центр здоровья при отеле", BuildingType.HOTEL, ("центр здоровья",)),
        ("бары, бассейны при отеле", BuildingType.HOTEL, ("бар", "бассейн")),
        ("ресторан при вокзале", BuildingType.RESTAURANT, ()),
        ("отель", BuildingType.HOTEL, ()),
    ],
)
def test_a_zone_may_stand_before_the_building(text: str, building: BuildingType, zones: tuple[str, ...]) -> None:
    assert metadata.parsing.parse_building_and_zones(text) == (building, zones)


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        ("-", ()),
        ("—", ()),
        ("", ()),
        ("Номера, номер; лобби", ("номер", "лобби")),
        ("зоны отдыха", ("зона отдыха",)),
        ("входной группы, ", ("входная группа",)),
        ("wi-fi", ("wi-fi",)),
        ("лобби, ---а", ("лобби", "---а")),
    ],
)
def test_zones_are_lemmas_and_each_is_named_once(text: str, zones: tuple[str, ...]) -> None:
    assert metadata.parsing.parse_zones(text) == zones


@given(st.text(alphabet="абвгд -,—!", max_size=60).map("а,{}".format))
def test_a_zone_is_never_empty(text: str) -> None:
    assert all(re.search(r"\w", zone) for zone in metadata.parsing.parse_zones(text))


def test_what_is_known_is_shown_in_the_order_of_a_caption() -> None:
    known = parse_caption(INTERVIEW, "interview", TODAY).metadata
    assert metadata.parsing.metadata_lines(known)[:2] == ("номер файла: 17", "дата: 03.11.2026")
    assert metadata.parsing.metadata_lines(RecordingMetadata()) == ()
