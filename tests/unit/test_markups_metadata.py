"""The screens of metadata as people see them."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

import markups.metadata
from datamodels import BuildingType, RecordingMetadata, ScenarioId
from metadata.fields import Field
from screens import check, drawn, nasty_text

INTERVIEW, DESIGN = ScenarioId("interview"), ScenarioId("design")
METADATA = RecordingMetadata(
    audio_number=17, recorded_on=date(2026, 11, 3), employee="Иванова Анна", place="Гранд", zones=("лобби", "бар")
)


def test_a_question_can_be_skipped_alone_or_with_all_that_follow() -> None:
    screen = markups.metadata.question(12, Field.DATE)
    assert drawn(screen).startswith("🏷 <b>Запись №12</b>\n")
    assert drawn(screen).endswith("[⏭ Пропустить] [Пропустить все]")
    assert [button.data for button in screen.keyboard[0]] == ["skip_field||12||date", "skip_all_fields||12"]


def test_the_building_type_is_asked_with_buttons() -> None:
    screen = markups.metadata.question(12, Field.BUILDING_TYPE)
    assert "\n[Отель] [Ресторан] [Центр здоровья]\n[⏭ Пропустить]" in drawn(screen)
    assert screen.keyboard[0][2].data == "set_building||spa||12"


def test_an_answer_that_did_not_do_is_explained_and_the_question_asked_again() -> None:
    screen = markups.metadata.question(12, Field.DATE, "даты 31.02.2026 нет в календаре")
    assert screen.text.startswith("⚠️ Не получилось: даты 31.02.2026 нет в календаре.\n🏷 <b>Запись №12</b>")
    hinted = markups.metadata.question(12, Field.DATE, "строка пустая", hint=True)
    assert "нажать «⏭ Пропустить»" in hinted.text


def test_the_confirmation_shows_every_field_of_an_interview() -> None:
    assert drawn(markups.metadata.confirmation(12, "interview_17.ogg", INTERVIEW, METADATA)) == (
        "<b>Проверка введённых данных</b>\n"
        "Запись №12 · interview_17.ogg\n\n"
        "номер файла: <b>17</b>\n"
        "дата: <b>03.11.2026</b>\n"
        "ФИО сотрудника: <b>Иванова Анна</b>\n"
        "заведение: <b>Гранд</b>\n"
        "тип заведения: <b>—</b>\n"
        "зона: <b>лобби, бар</b>\n"
        "ФИО клиента: <b>—</b>\n"
        "[Подтвердить] [Изменить]"
    )


def test_text_at_the_confirmation_is_told_of_the_buttons() -> None:
    screen = markups.metadata.confirmation(12, "a.ogg", DESIGN, METADATA, buttons_only=True)
    assert screen.text.startswith("Здесь нужна кнопка, а не текст")
    assert "<b>Проверка введённых данных</b>" in screen.text


def test_every_field_has_a_button_to_change_it() -> None:
    screen = markups.metadata.edit_menu(12, DESIGN)
    assert drawn(screen) == (
        "✏️ <b>Запись №12</b>\nЧто изменить?\n"
        "[Номер файла] [Дата]\n"
        "[ФИО сотрудника] [Заведение]\n"
        "[Тип заведения] [Зона]\n"
        "[Город]\n"
        "[« Назад]"
    )
    assert screen.keyboard[0][0].data == "edit_audio_number||12"
    assert screen.keyboard[-1][0].data == "back_to_confirm||12"


def test_a_change_shows_what_is_there_and_leads_back() -> None:
    screen = markups.metadata.edit_question(12, Field.PLACE_NAME, METADATA)
    assert screen.text.endswith("Сейчас: Гранд")
    assert drawn(screen).endswith("[« Назад]")
    assert "Сейчас" not in markups.metadata.edit_question(12, Field.CITY, METADATA).text


@given(
    field=st.sampled_from(Field),
    name=nasty_text,
    number=st.integers(1, 2**31 - 1),
    scenario=st.sampled_from([INTERVIEW, DESIGN]),
)
def test_any_value_and_number_fit(field: Field, name: str, number: int, scenario: ScenarioId) -> None:
    metadata = RecordingMetadata(
        audio_number=2**31 - 1,
        recorded_on=date(2026, 1, 1),
        employee=name,
        client=name,
        place=name,
        building=BuildingType.SPA,
        zones=(name,) * 20,
        city=name,
    )
    for screen in (
        markups.metadata.question(number, field, name, hint=True),
        markups.metadata.edit_question(number, field, metadata, name, hint=True),
        markups.metadata.confirmation(number, name, scenario, metadata, buttons_only=True),
        markups.metadata.edit_menu(number, scenario),
    ):
        check(screen)
