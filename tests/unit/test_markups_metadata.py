"""The screens of metadata as people see them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import (
    BuildingType,
    ProcessingRequest,
    Recording,
    RecordingId,
    RecordingMetadata,
    ScenarioId,
    Stage,
    UserId,
)
from datamodels_telegram import MessageKind
from dialogs import Dialog, Step
from markups.metadata import form_card, form_kind, form_screen
from metadata.fields import Field
from metadata.form import FormTurn
from metadata_store import Offered
from screens import check, drawn, nasty_text

INTERVIEW, DESIGN = ScenarioId("interview"), ScenarioId("design")
METADATA = RecordingMetadata(
    audio_number=17, recorded_on=date(2026, 11, 3), employee="Иванова Анна", place="Гранд", zones=("лобби", "бар")
)
WHOLE = METADATA.model_copy(update={"building": BuildingType.HOTEL, "client": "Петров Иван", "city": "Казань"})


def turn_at(
    step: Step,
    metadata: RecordingMetadata = METADATA,
    scenario: ScenarioId = INTERVIEW,
    *,
    number: int = 12,
    name: str = "interview_17.ogg",
) -> FormTurn:
    """Where somebody is in the form of a recording."""
    recording = Recording(
        id=RecordingId(uuid4()),
        owner_id=UserId(uuid4()),
        number=number,
        sha256="0" * 64,
        size_bytes=1,
        file_name=name,
        extension="ogg",
        object_key="key",
        container="ogg",
        codec="opus",
        duration_s=1.0,
        request=ProcessingRequest(scenario=scenario),
        stage=Stage.DONE,
        error_code=None,
        error_text=None,
        warnings=(),
        stage_seconds={},
        created_at=datetime(2026, 11, 3, tzinfo=UTC),
    )
    return FormTurn(Dialog(step=step, recording_id=recording.id), recording, metadata, Offered())


def test_a_question_says_which_step_it_is_and_can_be_skipped_or_left() -> None:
    screen = form_screen(turn_at(Step.ASK_EMPLOYEE))
    assert drawn(screen).startswith("🏷 <b>Запись №12</b> · шаг 3 из 7\n")
    assert drawn(screen).endswith("[⏭ Пропустить] [« Назад] [❌ Отмена]")
    assert [button.data for button in screen.keyboard[0]] == [
        "skip_field||12||employee",
        "back_to_confirm||12",
        "cancel_dialog",
    ]


@pytest.mark.parametrize("step", [Step.ASK_DATE, Step.EDIT_DATE])
def test_the_date_can_be_today(step: Step) -> None:
    assert form_screen(turn_at(step)).keyboard[0][0].data == "set_today||12"


def test_the_building_type_is_asked_with_buttons() -> None:
    screen = form_screen(turn_at(Step.ASK_BUILDING_TYPE))
    assert "\n[Отель] [Ресторан] [Центр здоровья]\n[⏭ Пропустить]" in drawn(screen)
    assert screen.keyboard[0][2].data == "set_building||spa||12"


def test_an_answer_that_did_not_do_is_explained_and_the_question_asked_again() -> None:
    turn = replace(turn_at(Step.ASK_DATE), reason="даты 31.02.2026 нет в календаре")
    screen = form_screen(turn)
    assert screen.text.startswith("⚠️ Не получилось: даты 31.02.2026 нет в календаре.\n🏷 <b>Запись №12</b>")
    assert "Можно нажать" not in screen.text
    tried = replace(turn, dialog=turn.dialog.model_copy(update={"tries": 3}))
    assert "нажать «⏭ Пропустить»" in form_screen(tried).text


def test_the_form_has_every_field_and_while_one_is_empty_a_button_for_each() -> None:
    assert drawn(form_screen(turn_at(Step.CONFIRM_DATA))) == (
        "<b>Проверка введённых данных</b>\n"
        "Запись №12 · interview_17.ogg\n\n"
        "номер файла: <b>17</b>\n"
        "дата: <b>03.11.2026</b>\n"
        "ФИО сотрудника: <b>Иванова Анна</b>\n"
        "заведение: <b>Гранд</b>\n"
        "тип заведения: <b>—</b>\n"
        "зона: <b>лобби, бар</b>\n"
        "ФИО клиента: <b>—</b>\n\n"
        "➕ Не хватает: тип заведения, ФИО клиента. Нажмите поле, чтобы вписать; подтвердить можно и без них.\n"
        "[Номер файла] [Дата]\n"
        "[ФИО сотрудника] [Заведение]\n"
        "[➕ Тип заведения] [Зона]\n"
        "[➕ ФИО клиента]\n"
        "[Подтвердить] [✍️ По порядку]"
    )


def test_a_whole_form_is_confirmed_or_changed() -> None:
    assert drawn(form_screen(turn_at(Step.CONFIRM_DATA, WHOLE))).endswith("\n[Подтвердить] [Изменить]")


def test_what_was_filled_in_by_itself_is_marked_with_where_it_is_from() -> None:
    turn = replace(
        turn_at(Step.CONFIRM_DATA, WHOLE), offered=Offered(fields=("audio_number", "employee", "city"), by=4)
    )
    text = form_screen(turn).text
    assert "ФИО сотрудника: <b>Иванова Анна</b> ↩" in text
    assert text.count("</b> ↩") == 2
    assert text.endswith("↩ — подставлено само, проверьте: ФИО сотрудника — как в записи №4 того же дня.")
    proposed = replace(turn, offered=turn.offered.model_copy(update={"proposed": ("employee",)}))
    assert form_screen(proposed).text.endswith("↩ — подставлено само, проверьте: ФИО сотрудника — по расшифровке.")
    other = replace(turn, offered=Offered(fields=("city",)))
    assert "↩" not in form_screen(other).text, "an interview has no city"


def test_the_form_leads_to_what_else_waits() -> None:
    screen = form_screen(replace(turn_at(Step.CONFIRM_DATA, WHOLE), others=2))
    assert drawn(screen).endswith("[Подтвердить] [Изменить]\n[📌 Ждут ещё: 2]")


def test_text_at_the_form_is_told_of_the_buttons() -> None:
    screen = form_screen(replace(turn_at(Step.CONFIRM_DATA, scenario=DESIGN), buttons_only=True))
    assert screen.text.startswith("Здесь нужна кнопка, а не текст")
    assert "<b>Проверка введённых данных</b>" in screen.text


def test_every_field_has_a_button_to_change_it() -> None:
    screen = form_card(turn_at(Step.CONFIRM_DATA, WHOLE, DESIGN), to_change=True)
    assert drawn(screen).endswith(
        "[Номер файла] [Дата]\n[ФИО сотрудника] [Заведение]\n[Тип заведения] [Зона]\n[Город]\n[« Назад]"
    )
    assert screen.keyboard[0][0].data == "edit_audio_number||12"
    assert screen.keyboard[-1][0].data == "back_to_confirm||12"


def test_a_change_shows_what_is_there_and_leads_back() -> None:
    screen = form_screen(turn_at(Step.EDIT_PLACE_NAME))
    assert screen.text.endswith("Сейчас: Гранд")
    assert drawn(screen).endswith("[« Назад]")
    assert "Сейчас" not in form_screen(turn_at(Step.EDIT_CITY)).text


def test_a_doubtful_reply_is_asked_about_below_its_question() -> None:
    turn = turn_at(Step.ASK_EMPLOYEE)
    turn = replace(turn, dialog=turn.dialog.model_copy(update={"doubted": "что <гости> говорят"}))
    assert form_kind(turn) is MessageKind.INPUT_REQUEST
    screen = form_screen(turn)
    assert "Как зовут сотрудника?" in screen.text
    assert screen.text.endswith("❓ «что &lt;гости&gt; говорят»\nЭто ответ или вопрос?")
    assert [button.data for button in screen.keyboard[0]] == ["reply_is||12||value", "reply_is||12||question"]


@given(
    step=st.sampled_from(sorted(Dialog.STEPS)),
    name=nasty_text,
    number=st.integers(1, 2**31 - 1),
    scenario=st.sampled_from([INTERVIEW, DESIGN]),
    doubted=st.booleans(),
)
def test_any_value_and_number_fit(step: Step, name: str, number: int, scenario: ScenarioId, *, doubted: bool) -> None:
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
    turn = turn_at(step, metadata, scenario, number=number, name=name)
    doubt = name if doubted and step is not Step.CONFIRM_DATA else ""
    turn = replace(
        turn,
        dialog=turn.dialog.model_copy(update={"tries": 3, "doubted": doubt}),
        offered=Offered(fields=tuple(Field), by=number),
        others=number,
        reason=name,
        buttons_only=True,
    )
    check(form_screen(turn))
    check(form_card(turn, to_change=True))
