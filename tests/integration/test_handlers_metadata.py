"""Metadata in the chat: what a person is asked, says, and sees."""

from datetime import date

import pytest

import metadata_store
import recording_wizard_store
import texts.chats
from datamodels import BuildingType, Recording, RecordingMetadata
from datamodels_telegram import WizardStep
from errors import NotFound, OutdatedButton
from handlers_world import TODAY, Person

KNOWN = RecordingMetadata(
    audio_number=17, recorded_on=date(2026, 11, 3), employee="Иванова Мария", client="Петров Иван", place="Заря"
)


async def is_ready(person: Person, recording: Recording) -> bool:
    """Whether the questions about a recording begin at the next look."""
    async with person.bot.database.transaction() as connection:
        ready = await recording_wizard_store.list_ready(connection)
    return recording.id in [each.wizard.recording_id for each in ready if each.may_ask]


async def test_all_fields_are_asked_one_by_one_and_then_confirmed(person: Person) -> None:
    recording = await person.has_recording(metadata=RecordingMetadata(audio_number=17))
    await person.press_data("fill_in||1")
    answers = ["03.11.2026", "иванова мария", "об отеле заря", "отель", "петров иван"]
    for answer in answers:
        await person.type(answer)
    assert "<b>Проверка введённых данных</b>" in person.sees
    for line in ("17", "03.11.2026", "Иванова Мария", "Отель Заря", "Отель", "Петров Иван"):
        assert f"<b>{line}</b>" in person.sees
    assert "[⏭ Пропустить]" not in person.sees
    await person.press("Подтвердить")
    assert "✅ Данные записи №1 сохранены." in person.sees
    assert "[Все отчёты сразу]" in person.sees
    assert "Проверка" not in person.sees
    assert await person.step(recording) is WizardStep.REPORTS


async def test_a_field_that_does_not_parse_is_asked_again_and_nothing_is_lost(person: Person) -> None:
    recording = await person.has_recording(metadata=KNOWN.model_copy(update={"recorded_on": None}))
    await person.press_data("fill_in||1")
    for _ in range(3):
        assert "[⏭ Пропустить]" in person.sees
        assert "Можно нажать" not in person.sees
        await person.type("31.02.2026")
        assert "даты 31.02.2026 нет в календаре" in person.sees
    assert "Можно нажать «⏭ Пропустить»" in person.sees
    await person.type("01.01.2027")
    assert "ещё не наступила" in person.sees
    await person.type("28.02.2026")
    assert (await person.metadata(recording)).recorded_on == date(2026, 2, 28)
    assert (await person.metadata(recording)).employee == "Иванова Мария"
    assert "Тип заведения?" in person.sees


async def test_the_hint_of_one_field_is_not_carried_to_the_next(person: Person) -> None:
    await person.has_recording(metadata=KNOWN.model_copy(update={"recorded_on": None, "employee": None}))
    await person.press_data("fill_in||1")
    for _ in range(3):
        await person.type("31.02.2026")
    assert "Можно нажать «⏭ Пропустить»" in person.sees
    await person.type("28.02.2026")
    assert "Как зовут сотрудника?" in person.sees
    assert "Можно нажать" not in person.sees


async def test_a_message_that_is_handled_again_answers_no_second_question(person: Person) -> None:
    recording = await person.has_recording(metadata=KNOWN.model_copy(update={"employee": None, "client": None}))
    await person.press_data("fill_in||1")
    message = await person.type("Иванова Мария")
    await person.type("Иванова Мария", message)
    metadata = await person.metadata(recording)
    assert (metadata.employee, metadata.client) == ("Иванова Мария", None)
    assert "Тип заведения?" in person.sees


async def test_a_second_tap_skips_no_second_field(person: Person) -> None:
    await person.has_recording(metadata=KNOWN.model_copy(update={"client": None, "employee": None}))
    await person.press_data("fill_in||1")
    assert "Как зовут сотрудника?" in person.sees
    for _ in range(10):
        await person.press_data("skip_field||1||employee")
    assert "Тип заведения?" in person.sees


async def test_the_questions_can_be_left_for_the_form_and_what_is_missing_stays_open(person: Person) -> None:
    recording = await person.has_recording()
    await person.press_data("fill_in||1")
    assert "🏷 <b>Запись №1</b> · шаг 1 из 7\nНомер файла?" in person.sees
    await person.press("« Назад")
    assert "номер файла: <b>—</b>" in person.sees
    assert "[➕ ФИО клиента]\n[Подтвердить] [✍️ По порядку]" in person.sees
    await person.press("Подтвердить")
    assert await person.step(recording) is WizardStep.REPORTS


async def test_each_field_has_a_button_in_the_form_and_today_is_one_of_them(person: Person) -> None:
    recording = await person.has_recording(metadata=KNOWN.model_copy(update={"recorded_on": None, "client": None}))
    await person.press_data("back_to_confirm||1")
    await person.press("➕ Дата")
    await person.press("Сегодня")
    assert (await person.metadata(recording)).recorded_on == TODAY
    assert "дата: <b>21.11.2026</b>" in person.sees
    await person.press_data("set_today||1")
    assert (await person.metadata(recording)).recorded_on == TODAY
    await person.press("➕ Тип заведения")
    await person.press("Отель")
    await person.press("➕ ФИО клиента")
    await person.type("петров иван")
    assert "[Подтвердить] [Изменить]" in person.sees


async def test_today_is_taken_only_where_the_date_is_asked_for(person: Person) -> None:
    recording = await person.has_recording(metadata=KNOWN)
    await person.press_data("back_to_confirm||1")
    await person.press_data("set_today||1")
    assert await person.metadata(recording) == KNOWN


@pytest.mark.parametrize("is_value", [True, False])
async def test_a_value_that_reads_like_a_question_is_asked_about(person: Person, is_value: bool) -> None:
    recording = await person.has_recording(metadata=KNOWN.model_copy(update={"employee": None}))
    await person.press_data("edit_employee||1")
    await person.type("что гости говорят о завтраке")
    assert "Это ответ или вопрос?" in person.sees
    assert (await person.metadata(recording)).employee is None
    await person.press("✍️ Это ответ" if is_value else "❓ Это вопрос")
    said = "Что Гости Говорят О Завтраке"
    assert (await person.metadata(recording)).employee == (said if is_value else None)
    assert person.bot.asked == ([] if is_value else ["что гости говорят о завтраке"])
    assert await person.is_asked()
    # A second tap finds nothing in doubt.
    await person.press_data("reply_is||1||value")
    assert (await person.metadata(recording)).employee == (said if is_value else None)


async def test_another_reply_takes_the_place_of_a_doubtful_one(person: Person) -> None:
    recording = await person.has_recording(metadata=KNOWN.model_copy(update={"employee": None}))
    await person.press_data("edit_employee||1")
    await person.type("как дела у гостей")
    await person.type("сидорова анна")
    assert (await person.metadata(recording)).employee == "Сидорова Анна"
    await person.press_data("reply_is||1||question")
    assert person.bot.asked == []


async def test_the_building_type_is_chosen_or_typed(person: Person) -> None:
    first = await person.has_recording(metadata=KNOWN)
    await person.press_data("fill_in||1")
    await person.press("Ресторан")
    assert (await person.metadata(first)).building is BuildingType.RESTAURANT
    assert "Проверка введённых данных" in person.sees
    await person.press("Изменить")
    await person.press("Тип заведения")
    assert "Сейчас: Ресторан" in person.sees
    await person.type("в спа")
    assert (await person.metadata(first)).building is BuildingType.SPA
    assert "тип заведения: <b>Центр здоровья</b>" in person.sees


async def test_a_field_is_changed_and_a_change_can_be_left(person: Person) -> None:
    recording = await person.has_recording("design", metadata=KNOWN)
    await person.press_data("recording_metadata||1")
    assert "[➕ Город]" in person.sees
    assert "ФИО клиента" not in person.sees
    await person.press("➕ Город")
    await person.press("« Назад")
    assert "город: <b>—</b>" in person.sees
    await person.press("➕ Город")
    await person.type("нижний новгород")
    assert "город: <b>Нижний Новгород</b>" in person.sees
    assert (await person.metadata(recording)).city == "Нижний Новгород"


async def test_text_at_the_confirmation_points_to_the_buttons(person: Person) -> None:
    await person.has_recording(metadata=KNOWN)
    await person.press_data("back_to_confirm||1")
    await person.type("да, всё верно")
    assert "Здесь нужна кнопка, а не текст" in person.sees
    assert person.sees.count("Проверка введённых данных") == 1
    assert person.bot.asked == []


async def test_a_question_in_the_place_of_a_reply_is_asked_and_the_step_stays(person: Person) -> None:
    recording = await person.has_recording(metadata=RecordingMetadata(audio_number=17))
    await person.press_data("recording_metadata||1")
    for press in ("skip_field||1||date", "back_to_confirm||1"):
        await person.press_data(press)
        step = await person.dialog_step()
        await person.type("что гости говорят о завтраке?")
        assert await person.dialog_step() is step
    await person.press_data("edit_employee||1")
    await person.type("спасибо")
    assert f"{texts.chats.WELCOME}\n\n" in person.sees
    assert person.bot.asked == ["что гости говорят о завтраке?"] * 2
    assert await person.metadata(recording) == RecordingMetadata(audio_number=17)
    assert "Здесь нужна кнопка" not in person.sees


async def test_ten_taps_on_confirm_confirm_once(person: Person) -> None:
    recording = await person.has_recording(metadata=KNOWN)
    await person.press_data("back_to_confirm||1")
    message = max(person.bot.telegram.chats[person.chat])
    for _ in range(10):
        await person.press_data("confirm_data||1", message)
    assert person.sees.count("Какой отчёт подготовить?") == 1
    assert await person.step(recording) is WizardStep.REPORTS


async def test_who_turns_to_another_recording_finds_the_first_among_what_waits(person: Person) -> None:
    first = await person.has_recording(metadata=KNOWN)
    await knows_that_it_was_proposed(person, first)
    await person.has_recording(metadata=KNOWN)
    await person.press_data("fill_in||1")
    await person.press_data("edit_date||2")
    assert "Запись №2" in person.sees
    assert "Тип заведения?" not in person.sees, "two questions wait for the same typed text"
    assert await person.step(first) is WizardStep.PROPOSAL
    await person.type("04.11.2026")
    assert (await person.metadata(first)).recorded_on == KNOWN.recorded_on
    await person.press("📌 Ждут ещё: 1")
    await person.press("№1 · Данные")
    assert "Запись №1 · interview_17.ogg" in person.sees


async def test_cancel_leaves_the_dialog_for_the_main_menu(person: Person) -> None:
    recording = await person.has_recording(metadata=KNOWN)
    await person.press_data("fill_in||1")
    await person.command("cancel")
    assert "Вопросы отменены, введённое сохранено." in person.sees
    assert "Главное меню" in person.sees
    assert "Тип заведения?" not in person.sees
    assert await person.step(recording) is WizardStep.REPORTS
    await person.command("cancel")
    assert "Отменять нечего." in person.sees


async def test_what_is_done_with_one_recording_leaves_the_question_about_another(person: Person) -> None:
    await person.has_recording(metadata=KNOWN)
    await person.has_recording(metadata=KNOWN)
    await person.press_data("confirm_data||1")
    menu = max(person.bot.telegram.chats[person.chat])
    await person.press_data("fill_in||2")
    question = max(person.bot.telegram.chats[person.chat])
    for data in ("reports_all||1", "choose_reports||1", "report_int_links||1", "recording||1"):
        await person.press_data(data, menu)
        assert question in person.bot.telegram.chats[person.chat]
    await person.press_data("recording_delete||1", menu)
    assert "🏷 <b>Запись №2</b> · шаг 5 из 7\nТип заведения?" in person.sees
    assert await person.is_asked()


@pytest.mark.parametrize("turn", ["/start", "/help", "/status", "menu_main", "menu_storage", "recording||1"])
async def test_a_question_that_a_menu_takes_away_is_put_aside_and_waits(person: Person, turn: str) -> None:
    recording = await person.has_recording(metadata=KNOWN)
    await person.press_data("fill_in||1")
    await turn_to(person, turn)
    assert "Тип заведения?" not in person.sees
    assert not await person.is_asked(), "a step is open unseen"
    assert await person.metadata(recording) == KNOWN
    assert await person.step(recording) is WizardStep.PROPOSAL
    await knows_that_it_was_proposed(person, recording)
    assert not await is_ready(person, recording), "the person has just turned away"
    await person.command("status")
    assert "№1 · Заря — дополнить данные" in person.sees
    await person.send("ещё одна.ogg")
    assert await is_ready(person, recording)


@pytest.mark.parametrize("turn", ["/start", "/help", "/status", "menu_main", "menu_storage"])
async def test_a_form_stays_where_it_is_when_a_menu_comes(person: Person, turn: str) -> None:
    recording = await person.has_recording(metadata=KNOWN)
    await person.press_data("back_to_confirm||1")
    await turn_to(person, turn)
    assert "Проверка введённых данных" in person.sees
    await person.press("Подтвердить")
    assert await person.step(recording) is WizardStep.REPORTS


async def turn_to(person: Person, turn: str) -> None:
    """Turn to something else, by a command or by the button of another message."""
    if turn.startswith("/"):
        await person.command(turn[1:])
    else:
        await person.press_data(turn)


async def knows_that_it_was_proposed(person: Person, recording: Recording) -> None:
    async with person.bot.database.transaction() as connection:
        await metadata_store.set_proposed(connection, recording.id, proposed=True)


async def test_what_was_confirmed_after_it_was_put_aside_is_not_asked_again(person: Person) -> None:
    """As by somebody who presses while the answer to /status is on its way."""
    recording = await person.has_recording(metadata=KNOWN)
    await person.press_data("fill_in||1")
    await person.command("status")
    assert await person.step(recording) is WizardStep.PROPOSAL
    await person.press_data("confirm_data||1")
    assert "Данные записи №1 сохранены" in person.sees
    assert await person.step(recording) is WizardStep.REPORTS
    await person.send("ещё одна.ogg")
    assert not await is_ready(person, recording)


async def test_a_question_that_is_gone_when_its_button_is_pressed_is_put_aside(person: Person) -> None:
    await person.has_recording(metadata=KNOWN)
    await person.press_data("fill_in||1")
    shown = person.bot.telegram.chats[person.chat]
    [question] = [message for message, screen in shown.items() if "Тип заведения?" in screen.text]
    del shown[question]
    await person.press_data("menu_main", question)
    assert not await person.is_asked(), "a step is open unseen"


async def test_questions_that_were_put_aside_are_on_the_recording_s_card(person: Person) -> None:
    recording = await person.has_recording(metadata=KNOWN)
    await person.press_data("fill_in||1")
    await person.command("start")
    await person.press_data("recording||1")
    await person.press("🏷 Данные")
    await person.press("➕ Тип заведения")
    await person.type("ресторан")
    assert (await person.metadata(recording)).building is BuildingType.RESTAURANT
    await person.press("Подтвердить")
    assert "Данные записи №1 сохранены" in person.sees


async def test_cancel_is_not_followed_by_the_questions_about_the_next_recording(person: Person) -> None:
    await person.has_recording(metadata=KNOWN)
    second = await person.has_recording(metadata=KNOWN, step=WizardStep.PROPOSAL)
    third = await person.has_recording(metadata=KNOWN)
    assert await is_ready(person, second)
    await person.press_data("fill_in||1")
    await person.command("cancel")
    assert not await is_ready(person, second)
    await person.press_data("edit_date||3")
    assert "🏷 <b>Запись №3</b>" in person.sees
    await person.press_data("confirm_data||3")
    assert await person.step(third) is WizardStep.REPORTS
    assert await is_ready(person, second)


async def test_nobody_touches_the_metadata_of_another(person: Person) -> None:
    await person.has_recording(metadata=KNOWN)
    stranger = await Person.come(person.bot)
    for data in (
        "recording_metadata||1",
        "confirm_data||1",
        "edit_data||1",
        "edit_date||1",
        "skip_field||1||date",
        "fill_in||1",
        "set_today||1",
        "reply_is||1||value",
        "go_on||1",
        "set_building||hotel||1",
        "back_to_confirm||1",
    ):
        with pytest.raises(NotFound):
            await stranger.press_data(data)
    assert stranger.sees == ""


async def test_of_a_meeting_the_day_is_asked_and_nothing_else(person: Person) -> None:
    await person.has_recording("meeting", metadata=RecordingMetadata(recorded_on=date(2026, 11, 3)))
    await person.press_data("recording_metadata||1")
    assert "03.11.2026" in person.sees
    assert "аведение" not in person.sees
    await person.press("Подтвердить")
    assert "[1) Краткое содержание]\n[2) Список задач]\n[3) Протокол]" in person.sees


async def test_a_recording_of_no_scenario_is_asked_what_it_is(person: Person) -> None:
    await person.has_recording("none", step=WizardStep.CLOSED)
    await person.press_data("recording_metadata||1")
    assert "[Интервью] [Дизайн] [Совещание]" in person.sees
    for data in ("confirm_data||1", "edit_data||1", "edit_city||1", "back_to_confirm||1"):
        with pytest.raises(OutdatedButton):
            await person.press_data(data)
