"""Reports in the chat: chosen, ordered once, told apart by building type."""

import pytest

import cards_store
import recordings_store
import reports_store
from datamodels import BuildingType, Recording, RecordingMetadata, ReportOutcome, ReportRun, Stage, Usage
from datamodels_telegram import MessageKind, ProgressCard, WizardStep
from errors import NotFound, OutdatedButton
from handlers_world import Person
from markups.reports import more_reports
from reports.estimate import ModelSize

HOTEL = RecordingMetadata(place="Заря", building=BuildingType.HOTEL)


async def ordered(person: Person, recording: Recording) -> list[ReportRun]:
    async with person.bot.database.transaction() as connection:
        return await reports_store.list_runs(connection, recording.id)


async def cards(person: Person) -> list[ProgressCard]:
    async with person.bot.database.transaction() as connection:
        return [card for card in await cards_store.undelivered(connection) if card.owner_id == person.user.id]


async def test_one_report_is_ordered_with_a_card(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    await person.press("2) Отчет о связках")
    [run] = await ordered(person, recording)
    [card] = await cards(person)
    assert (run.report_id, run.building, card.run_ids) == ("report_int_links", None, (run.id,))
    assert "Заказано по записи №1: 2) Отчет о связках." in person.sees
    assert "[📊 Ещё отчёт]" in person.sees


async def test_all_reports_are_ordered_with_one_card(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    await person.press("Все отчёты сразу")
    runs = await ordered(person, recording)
    [card] = await cards(person)
    assert len(runs) == 6
    assert set(card.run_ids) == {run.id for run in runs}
    assert {run.building for run in runs} == {None, BuildingType.HOTEL}
    assert "6 отчётов" in person.sees


async def test_what_all_reports_take_stands_above_the_button_and_on_the_card(person: Person) -> None:
    person.bot.size = ModelSize(engine="hosted", model="gpt-6-luna", context_tokens=131_072, max_output_tokens=2048)
    await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    assert "Все отчёты сразу: ≈ 7 запросов к модели, " in person.sees
    await person.press("2) Отчет о связках")
    [card] = await cards(person)
    assert card.expected is not None
    assert card.expected.startswith("≈ 1 запрос к модели, ")


async def test_nothing_is_told_of_a_model_nobody_knows(person: Person) -> None:
    await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    assert "≈" not in person.sees


@pytest.mark.parametrize("wanted", ["3) Общие факторы", "Все отчёты сразу"])
async def test_the_building_type_is_asked_when_it_matters_and_kept(person: Person, wanted: str) -> None:
    recording = await person.has_recording(metadata=RecordingMetadata(place="Заря"), step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    await person.press(wanted)
    assert "Выберите тип заведения:" in person.sees
    assert await ordered(person, recording) == []
    await person.press("Центр здоровья")
    runs = await ordered(person, recording)
    assert BuildingType.SPA in {run.building for run in runs}
    assert (await person.metadata(recording)).building is BuildingType.SPA
    assert (await person.metadata(recording)).place == "Заря"


@pytest.mark.parametrize("wanted", ["3) Общие факторы", "Все отчёты сразу"])
async def test_of_two_building_types_tapped_one_after_the_other_the_first_stands(person: Person, wanted: str) -> None:
    recording = await person.has_recording(metadata=RecordingMetadata(place="Заря"), step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    await person.press(wanted)
    [(message, hotel), (_, restaurant)] = [each for each in person.buttons if each[1].text in {"Отель", "Ресторан"}]
    for update, button in enumerate((hotel, restaurant, hotel)):
        await person.press_data(button.data, message, update=f"button:1:{update}")
    assert {run.building for run in await ordered(person, recording)} - {None} == {BuildingType.HOTEL}
    assert (await person.metadata(recording)).building is BuildingType.HOTEL
    assert len(await cards(person)) == 1
    assert person.heard == [
        "Уже заказано, тип заведения: Отель. Другой укажите в «🏷 Данные» записи.",
        "Этот отчёт уже заказан",
    ]
    assert "Заказано по записи №1" in person.sees


async def test_a_report_without_building_type_is_not_held_up_by_one(person: Person) -> None:
    recording = await person.has_recording(step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    await person.press("1) Оценка методологии интервью")
    assert len(await ordered(person, recording)) == 1


async def test_a_press_that_is_handled_again_after_a_crash_does_not_say_that_it_was_there(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    message = max(person.bot.telegram.chats[person.chat])
    for update in ("button:1:1", "button:1:1", "button:1:2"):
        await person.press_data("reports_all||1", message, update=update)
    assert len(await ordered(person, recording)) == 6
    assert person.heard == ["Этот отчёт уже заказан"]


async def test_ten_taps_order_once_and_a_handled_press_that_comes_again_too(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    message = max(person.bot.telegram.chats[person.chat])
    for _ in range(5):
        await person.press_data("report_int_links||1", message)
        await person.press_data("reports_all||1", message)
    assert len(await ordered(person, recording)) == 6
    assert sum(len(card.run_ids) for card in await cards(person)) == 6
    assert person.heard == ["Этот отчёт уже заказан"] * 8


async def test_an_order_that_a_crash_kept_from_being_shown_is_shown_when_it_is_handled_again(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    chat = person.bot.telegram.chats[person.chat]
    message, menu = max(chat.items())
    await person.press_data("report_int_links||1", message)
    assert "Заказано" in person.sees

    chat[message] = menu
    await person.press_data("report_int_links||1", message)

    assert "Заказано" in person.sees
    assert len(await ordered(person, recording)) == 1


async def test_what_is_on_its_way_is_not_delivered_twice(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    for message in (None, None):
        await person.press_data("choose_reports||1", message)
        await person.press("2) Отчет о связках")
    assert len(await ordered(person, recording)) == 1
    assert len(await cards(person)) == 1


async def test_what_is_done_and_delivered_can_be_had_again(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    for deliveries in (1, 2):
        await person.press_data("choose_reports||1")
        await person.press("2) Отчет о связках")
        [card] = await cards(person)
        async with person.bot.database.transaction() as connection:
            assert await cards_store.note_delivered(connection, card.id, card.run_ids[0]), deliveries
    assert len(await ordered(person, recording)) == 1


async def test_the_menu_in_the_place_of_an_order_orders_the_same_again(person: Person) -> None:
    await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    await person.press("2) Отчет о связках")
    [card] = await cards(person)
    async with person.bot.database.transaction() as connection:
        assert await cards_store.note_delivered(connection, card.id, card.run_ids[0])
    await person.press("📊 Ещё отчёт")
    await person.press("2) Отчет о связках")
    assert person.heard == []
    assert len(await cards(person)) == 1


async def test_the_offer_of_more_takes_the_place_of_what_was_ordered(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    await person.press("2) Отчет о связках")
    await person.bot.messages.send(person.chat, MessageKind.STATUS_MESSAGE, more_reports(recording))
    assert person.sees == "Ещё отчёт по записи №1?\n[📊 Выбрать отчёт]"


async def test_without_a_language_model_there_is_a_sentence(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    person.bot.engines.model = None
    await person.press_data("choose_reports||1")
    await person.press("Все отчёты сразу")
    assert "Отчёты сейчас недоступны" in person.sees
    assert await ordered(person, recording) == []


async def test_a_demonstration_model_is_told_of_once(person: Person) -> None:
    await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    person.bot.demonstration = True
    await person.press_data("choose_reports||1")
    await person.press("2) Отчет о связках")
    assert "демонстрационная модель" in person.sees
    await person.press("📊 Ещё отчёт")
    await person.press("3) Общие факторы")
    assert "демонстрационная модель" not in person.sees


async def test_a_recording_of_no_scenario_is_asked_what_it_is_first(person: Person) -> None:
    recording = await person.has_recording("none", step=WizardStep.CLOSED)
    await person.press_data("recording_reports||1")
    assert "Отчёты зависят от вида записи." in person.sees
    await person.press("Дизайн")
    assert await person.step(recording) is WizardStep.PROPOSAL


async def test_the_transcript_alone_may_be_enough(person: Person) -> None:
    recording = await person.has_recording(step=WizardStep.REPORTS)
    await person.press_data("choose_reports||1")
    await person.press("Только расшифровка")
    assert "только расшифровка" in person.sees
    assert await person.step(recording) is WizardStep.CLOSED


async def test_reports_wait_for_the_transcript(person: Person) -> None:
    await person.has_recording(stage=Stage.TRANSCRIBED, step=WizardStep.TRANSCRIPT)
    for data in ("choose_reports||1", "report_int_links||1", "reports_all||1", "choose_building||hotel||1||all"):
        await person.press_data(data)
        assert "Запись ещё обрабатывается." in person.sees


async def test_from_the_form_to_all_reports_it_is_three_taps(person: Person) -> None:
    """The fourth is the scenario, at the recording's card."""
    recording = await person.has_recording()
    await person.press_data("back_to_confirm||1")
    for button in ("Подтвердить", "Все отчёты сразу", "Отель"):
        await person.press(button)
    assert len(await ordered(person, recording)) == 6


async def test_nobody_orders_of_anothers_recording(person: Person) -> None:
    await person.has_recording(metadata=HOTEL)
    stranger = await Person.come(person.bot)
    for data in (
        "choose_reports||1",
        "recording_reports||1",
        "report_int_links||1",
        "reports_all||1",
        "choose_building||hotel||1||all",
        "choose_building||hotel||1||3",
        "transcript_only||1",
        "recording_written||1",
    ):
        with pytest.raises(NotFound):
            await stranger.press_data(data)
    await person_has_report(person, number=1)
    await stranger.press_data("report_file||1||docx")
    assert stranger.heard == ["Отчета №1 нет: возможно, он удален."]


async def person_has_report(person: Person, number: int) -> None:
    """Order the links of the person's first recording, and finish them under this number."""
    await person.press_data("choose_reports||1")
    await person.press("2) Отчет о связках")
    [card] = await cards(person)
    outcome = ReportOutcome(
        number=number,
        text="Отчёт.",
        indices=None,
        indices_error=None,
        warnings=(),
        usage=Usage(),
        cost_usd=None,
        duration_s=1.0,
    )
    async with person.bot.database.transaction() as connection:
        assert await reports_store.finish_run(connection, card.run_ids[0], outcome)
        assert await cards_store.note_delivered(connection, card.id, card.run_ids[0])


async def written(person: Person) -> Recording:
    """Let all that is ordered of the person's recording №1 be written and delivered."""
    async with person.bot.database.transaction() as connection:
        await connection.execute("UPDATE report_runs SET status = 'done'")
        await connection.execute("UPDATE progress_cards SET delivered = run_ids")
        return await recordings_store.get_by_number(connection, person.user.id, 1)


async def test_ready_reports_are_opened_from_the_recording_and_said_to_be_ready(person: Person) -> None:
    await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    await person.press_data("recording||1")
    assert "📁 Готовые отчёты" not in person.sees
    await person_has_report(person, number=7)

    await person.press_data("recording||1")
    await person.press("📁 Готовые отчёты")
    await person.press("№7 · Отчет о связках")
    assert person.heard == ["Отправляю файл…"]

    await person.press_data("choose_reports||1")
    await person.press("2) Отчет о связках")
    assert "📊 По записи №1 уже есть: 2) Отчет о связках. С тех пор ничего не изменилось" in person.sees
    await person.press_data("choose_reports||1")
    await person.press("Все отчёты сразу")
    assert "Заказано по записи №1: 5 отчётов." in person.sees
    assert "уже готовы: 2) Отчет о связках." in person.sees
    recording = await written(person)
    orders, sent = len(await ordered(person, recording)), await cards(person)
    for _ in range(2):
        await person.press_data("reports_all||1")
        assert "📊 По записи №1 уже готовы: 6 отчётов. Заказывать нечего" in person.sees
        assert "[📁 Готовые отчёты]" in person.sees
    assert (len(await ordered(person, recording)), await cards(person)) == (orders, sent), "nothing is sent again"


@pytest.mark.parametrize(
    "data",
    [
        "report_design_compliance||1",
        "report_unknown||1",
        "choose_building||cinema||1||all",
        "choose_building||hotel||1||9",
        "choose_building||hotel||1||report_int_links",
        "choose_building||1",
        "report_file||1||exe",
    ],
)
async def test_forged_buttons_are_outdated_ones(person: Person, data: str) -> None:
    await person.has_recording(metadata=HOTEL)
    with pytest.raises(OutdatedButton):
        await person.press_data(data)
