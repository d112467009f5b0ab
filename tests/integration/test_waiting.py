"""What waits for a person: it is listed, reached in two taps, and no card of one recording takes away another's.

At the end two people do whatever they like over the real handlers, and three things hold all the time.
"""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import metadata_store
import user_states
from access import Team
from datamodels import BuildingType, Recording, RecordingMetadata
from datamodels_telegram import ChatId, MessageId, MessageKind, OutgoingMessage, SeenUpdate, WizardStep
from db import Database
from default_pack import PACK
from dialogs import Dialog, Dialogs
from errors import NotFound, OutdatedButton
from followers_world import look
from handlers_world import TODAY, Bot, Person
from inbox import Inbox
from markups.callback_data import Action, unpack
from markups.menus import main_menu
from metadata.fields import PROMPTS, VALUE_OF
from metadata.form import ASKED, EDITED
from object_store import ObjectStore
from recording_wizard import RecordingWizards
from reviewed_storyboards import is_as_reviewed
from telegram_handlers.beside import Steps
from telegram_handlers.context import Context
from telegram_handlers.shared import awaited
from told_double import ToldDouble
from updates_journal import UpdatesJournal

WHOLE = RecordingMetadata(
    audio_number=17,
    recorded_on=date(2026, 11, 3),
    employee="Иванова Мария",
    client="Петров Иван",
    place="Заря",
    building=BuildingType.HOTEL,
)


async def is_proposed(person: Person, recording: Recording) -> None:
    async with person.bot.database.transaction() as connection:
        await metadata_store.set_proposed(connection, recording.id, proposed=True)


async def test_two_described_recordings_never_take_away_each_others_cards(person: Person) -> None:
    for _ in range(2):
        await person.has_recording(metadata=WHOLE)
    await person.press_data("back_to_confirm||1")
    first = max(person.bot.telegram.chats[person.chat])
    await person.press_data("back_to_confirm||2")
    assert person.sees.count("Проверка введённых данных") == 2
    await person.press_data("confirm_data||1", first)
    await person.press_data("report_int_links||1", first)
    assert "Запись №2 · interview_17.ogg" in person.sees
    await person.press("Подтвердить")
    assert "✅ Данные записи №2 сохранены." in person.sees


async def test_a_choice_of_reports_stays_when_another_recording_is_confirmed(person: Person) -> None:
    for _ in range(2):
        await person.has_recording(metadata=WHOLE)
        await person.press_data(f"back_to_confirm||{_ + 1}")
        await person.press("Подтвердить")
    assert person.sees.count("Какой отчёт подготовить?") == 2
    await person.command("start")
    assert person.sees.count("Какой отчёт подготовить?") == 2


async def test_status_and_menu_name_what_waits_and_each_is_two_taps_away(person: Person) -> None:
    stranger = await Person.come(person.bot)
    await stranger.has_recording(metadata=WHOLE)
    await person.has_recording("none", step=WizardStep.SCENARIO)
    await is_proposed(person, await person.has_recording(metadata=WHOLE.model_copy(update={"client": None})))
    await person.has_recording("design", metadata=WHOLE.model_copy(update={"city": "Казань"}))
    await person.has_recording(metadata=WHOLE, step=WizardStep.REPORTS)
    await person.has_recording(metadata=WHOLE, step=WizardStep.CLOSED)
    await person.has_recording(file_name="Беседа 6.ogg", step=WizardStep.PROPOSAL)
    await person.command("status")
    assert "№6 · Беседа 6.ogg — дополнить данные" in person.sees, "nothing is proposed yet"
    assert "📌 <b>Ждут вас: 5</b>\n\n№1 · interview_17.ogg — сказать, что на записи\n" in person.sees
    assert "№2 · Заря — дополнить данные\n№3 · Заря — проверить данные\n№4 · Заря — выбрать отчёты" in person.sees
    for button, seen in (
        ("№1 · Вид записи", "Что на записи №1?"),
        ("№2 · Данные", "Запись №2 · interview_17.ogg"),
        ("№3 · Проверить", "Запись №3 · interview_17.ogg"),
        ("№4 · Отчёты", "Отчёты по записи №4"),
        ("№6 · Данные", "номер файла: <b>6</b> ↩"),
    ):
        await person.command("status")
        await person.press(button)
        assert seen in person.sees
    await person.command("start")
    await person.press("📌 Ждут вас: 5")
    assert "[№1 · Вид записи] [№2 · Данные]" in person.sees


async def test_what_was_ordered_or_declined_waits_no_more(person: Person) -> None:
    for _ in range(2):
        await person.has_recording(metadata=WHOLE, step=WizardStep.REPORTS)
    await person.press_data("report_int_links||1")
    await person.press_data("transcript_only||2")
    await person.command("status")
    assert "Ждут вас" not in person.sees
    with pytest.raises(NotFound):
        await person.press_data("go_on||1")


async def test_after_a_cancel_its_form_is_gone_and_the_reports_wait(person: Person) -> None:
    await person.has_recording(metadata=WHOLE)
    await person.press_data("back_to_confirm||1")
    await person.command("cancel")
    assert "Проверка введённых данных" not in person.sees
    await person.press("📌 Ждут вас: 1")
    await person.press("№1 · Отчёты")
    assert "Какой отчёт подготовить?" in person.sees


async def test_a_form_that_is_put_aside_comes_back_once_and_to_a_person_who_is_quiet(
    followed: Database, tmp_path: Path, objects: ObjectStore
) -> None:
    person = await Person.come(Bot(followed, tmp_path, objects))
    await is_proposed(person, await person.has_recording(metadata=WHOLE))
    await person.press_data("back_to_confirm||1")
    await does_something(person, UpdatesJournal(tmp_path / "journal"))
    await person.press_data("words||1")
    await person.command("cancel")
    await minutes_pass(person, "questions_aside")
    assert not await person.is_asked(), "they have just done something"
    await minutes_pass(person, "questions_aside", "active")
    assert await person.is_asked()
    await person.press_data("words||1")
    await person.command("cancel")
    await minutes_pass(person, "questions_aside", "active")
    assert not await person.is_asked(), "it has come back before"
    await person.press("📌 Ждут вас: 1")
    await person.press("№1 · Проверить")
    assert await person.is_asked()


async def test_the_form_is_filled_from_the_last_recording_of_the_day(
    followed: Database, tmp_path: Path, objects: ObjectStore
) -> None:
    bot = Bot(followed, tmp_path, objects)
    person, stranger = await Person.come(bot), await Person.come(bot)
    today = WHOLE.model_copy(update={"recorded_on": TODAY})
    for somebody, name in ((stranger, "Чужая Анна"), (person, "Иванова Мария")):
        await somebody.has_recording(metadata=today.model_copy(update={"employee": name, "client": "Другой Гость"}))
        await somebody.press_data("confirm_data||1")
    said = RecordingMetadata(recorded_on=TODAY, client="Петров Иван")
    new = await person.has_recording(file_name="голосовое.ogg", metadata=said, step=WizardStep.PROPOSAL)
    await is_proposed(person, new)
    await time_passes(person)
    filled = today.model_copy(update={"audio_number": 18})
    assert await person.metadata(new) == filled
    assert "ФИО сотрудника: <b>Иванова Мария</b> ↩" in person.sees
    assert "ФИО клиента: <b>Петров Иван</b>\n" in person.sees
    assert "как в записи №1 того же дня" in person.sees
    await person.press_data("edit_employee||2")
    await person.type("сидорова анна")
    assert "ФИО сотрудника: <b>Сидорова Анна</b>\n" in person.sees, "somebody has looked at it"
    assert "номер файла: <b>18</b> ↩" in person.sees
    # The file's own number is taken: no two recordings are offered the same.
    newer = await person.has_recording(file_name="18.ogg", metadata=said, step=WizardStep.PROPOSAL)
    await is_proposed(person, newer)
    await person.press("Подтвердить")
    await person.press_data("back_to_confirm||2")
    assert "↩" not in person.sees
    await person.press("Подтвердить")
    await time_passes(person)
    assert "номер файла: <b>19</b> ↩" in person.sees


async def test_text_below_a_menu_is_a_question_although_a_form_is_open_above(person: Person) -> None:
    await person.has_recording(metadata=WHOLE)
    await person.press_data("back_to_confirm||1")
    await says(person, "завтраки в Заре")
    assert person.bot.asked == []
    assert "Здесь нужна кнопка" in person.sees
    await person.command("start")
    await says(person, "завтраки в Заре")
    assert person.bot.asked == ["завтраки в Заре"]
    assert await person.is_asked()


async def test_from_a_voice_note_to_its_first_report_it_is_three_taps_and_nothing_typed(
    followed: Database, tmp_path: Path, objects: ObjectStore
) -> None:
    person = await Person.come(Bot(followed, tmp_path, objects))
    recording = await person.has_recording("none", metadata=WHOLE, step=WizardStep.SCENARIO)
    await is_proposed(person, recording)
    await person.press_data("scenario||1||interview")
    await time_passes(person)
    await person.press("Подтвердить")
    await person.press("2) Отчет о связках")
    assert "📊 Заказано по записи №1: 2) Отчет о связках" in person.sees


async def test_the_storyboard_of_what_waits_is_as_it_was_reviewed(
    followed: Database, tmp_path: Path, objects: ObjectStore
) -> None:
    telegram = ToldDouble()
    anna = await Person.come(Bot(followed, tmp_path, objects, telegram), "Анна")
    await is_proposed(anna, await anna.has_recording("none", file_name="Беседа.ogg", step=WizardStep.SCENARIO))
    await anna.has_recording("design", file_name="Обход.m4a", metadata=WHOLE.model_copy(update={"city": "Казань"}))
    await anna.has_recording(metadata=WHOLE, step=WizardStep.REPORTS)
    for label in ("№1 · Вид записи", "Интервью"):
        if label != "Интервью":
            await anna.command("status")
        await anna.press(label)
    await time_passes(anna)
    await anna.press("➕ ФИО сотрудника")
    await anna.type("12345")
    await anna.type("как гости о завтраке")
    await anna.press("✍️ Это ответ")
    await anna.command("cancel")
    await anna.press("📌 Ждут вас: 3")
    await anna.press("№2 · Проверить")
    await says(anna, "завтраки в Заре")
    await anna.press("Подтвердить")
    await anna.press("Только расшифровка")
    await anna.command("status")
    await anna.press("№3 · Отчёты")
    await anna.press("2) Отчет о связках")
    is_as_reviewed("waiting", telegram.told)


# --- whatever two people do ---------------------------------------------------------------------------------------

_OF_FILES = frozenset([Action.RECORDING_PLAY, Action.RECORDING_TRANSCRIPT, Action.TRANSCRIPT_FILE])
_MOST_RECORDINGS = 3
_TYPED = (
    "мария иванова",
    "что гости говорят о завтраке?",
    "как дела у гостей",
    "3 ноября",
    "31.02.2026",
    "отель",
    "17",
)
_OPEN = ("fill_in", "edit_employee", "edit_date", "back_to_confirm", "edit_data", "recording_metadata", "go_on")
"""Buttons of forms and cards: what is above in the chat can be pressed at any time."""
_ASKED_ELSEWHERE = {
    "words||1": "✏️ <b>Исправить слова в записи №",
    "turn||1": "↔ Какая реплика записи №",
    "speaker_name||1||1": "👤 Как зовут этого говорящего?",
    "glossary_add": "📖 Пришлите названия или имена",
    "my_zone": "🕒 <b>Ваше время</b>",
}
"""Other buttons after which text is waited for, and how the question reads."""
_moves = st.one_of(
    st.tuples(st.just("comes"), st.sampled_from(["none", "interview", "design"])),
    st.tuples(st.just("waits"), st.just(0)),
    st.tuples(st.just("presses"), st.integers(0, 60)),
    st.tuples(st.just("opens"), st.tuples(st.sampled_from(_OPEN), st.integers(1, 2), st.integers(0, 5))),
    st.tuples(st.just("asks"), st.sampled_from(list(_ASKED_ELSEWHERE))),
    st.tuples(st.just("types"), st.sampled_from(_TYPED)),
    st.tuples(st.just("types"), st.sampled_from(_TYPED)),
    st.tuples(st.just("commands"), st.sampled_from(["start", "status", "cancel", "help"])),
    st.tuples(st.just("restarts"), st.just(0)),
)


async def time_passes(person: Person) -> None:
    """Let the work on recordings end, the wizards look, and what they say come."""
    database = person.bot.database
    async with database.transaction() as connection:
        await connection.execute("UPDATE recordings SET stage = 'done'")

    async def enqueue(*_: object) -> None:
        raise AssertionError("all was proposed")

    await look(RecordingWizards(database, PACK, enqueue, lambda: None, lambda: TODAY))
    async with database.transaction() as connection:
        query = "UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL RETURNING id, chat_id, message"
        rows = await (await connection.execute(query)).fetchall()
    for row in sorted(rows, key=lambda each: int(each["id"])):
        message = OutgoingMessage.model_validate(row["message"])
        await person.bot.messages.send(ChatId(row["chat_id"]), message.kind, message.screen, subject=message.subject)


async def does_something(person: Person, journal: UpdatesJournal) -> None:
    message = person.written("/status")
    await Inbox(person.bot.database, Team(None, frozenset([person.chat])), journal).begin(SeenUpdate.of(message))


async def minutes_pass(person: Person, *over: str) -> None:
    """Let these states of the person expire, and the wizards look."""
    async with person.bot.database.transaction() as connection:
        await connection.execute("DELETE FROM user_states WHERE key = ANY(%s)", (list(over),))
    await time_passes(person)


async def says(person: Person, text: str) -> None:
    """Type text as the router takes it: to the question that is in the chat, else to the archive."""
    person.bot.telegram.tell(f"{person.user.name}: {text}")
    message = person.written(text)
    dialogs = Dialogs(person.bot.database)
    dialog: Any = await awaited(dialogs, person.bot.messages, person.user.id, message)
    answers = {step: taken for routes in person.bot.routes for step, taken in routes.answers.items()}
    again = {step: asked for routes in person.bot.routes for step, asked in routes.again.items()}
    steps = Steps(answers, again, person.bot.messages, person.bot.ask)
    handler = person.bot.ask if dialog is None else steps.at(dialog.step)[1]
    await handler(Context(person.user, person.chat, person.hear), message)


async def presses(person: Person, which: int) -> None:
    routed = {action for routes in person.bot.routes for action in routes.presses} - _OF_FILES
    buttons = [each for each in person.buttons if unpack(each[1].data).action in routed]
    if not buttons:
        return
    message, button = buttons[which % len(buttons)]
    await presses_data(person, button.data, message)


async def presses_data(person: Person, data: str, message: MessageId | None) -> None:
    try:
        await person.press_data(data, message)
    except (OutdatedButton, NotFound):
        await person.bot.messages.send(person.chat, MessageKind.MENU, main_menu("", 0, avatars=False))


async def moves(person: Person, what: str, value: Any, recordings: list[Recording]) -> None:
    match what:
        case "comes" if len(recordings) < _MOST_RECORDINGS:
            step = WizardStep.SCENARIO if value == "none" else WizardStep.PROPOSAL
            recordings.append(await person.has_recording(value, step=step))
            await is_proposed(person, recordings[-1])
        case "waits":
            await minutes_pass(person, "questions_aside")
        case "presses":
            await presses(person, value)
        case "opens":
            opened, number, where = value
            shown = list(person.bot.telegram.chats.get(person.chat, {}))
            await presses_data(person, f"{opened}||{number}", shown[where % len(shown)] if shown else None)
        case "asks":
            await presses_data(person, value, None)
        case "types":
            await says(person, value)
        case "commands":
            await person.command(value)


async def dialog_of(person: Person) -> Dialog | None:
    async with person.bot.database.transaction() as connection:
        return await user_states.get(connection, person.user.id, Dialog)


async def no_step_is_open_unseen(person: Person) -> None:
    dialog = await dialog_of(person)
    shown = person.bot.telegram.chats.get(person.chat, {})
    asked = [screen.text for screen in shown.values() if "🏷 <b>Запись №" in screen.text]
    assert len(asked) <= 1, "two questions wait for the same typed text"
    if dialog is None:
        assert not asked, f"a question that nobody waits for:\n{person.sees}"
        return
    message = await person.bot.messages.question(person.chat, dialog.recording_id)
    assert message in shown, f"{dialog.step} is open unseen:\n{person.sees}"
    field = ASKED.get(dialog.step) or EDITED.get(dialog.step)
    assert (PROMPTS[field] if field else "Проверка введённых данных") in shown[message].text


async def known(person: Person, recordings: list[Recording]) -> list[tuple[Recording, RecordingMetadata]]:
    return [(each, await person.metadata(each)) for each in recordings]


async def everything_that_waits_is_two_taps_away(person: Person) -> None:
    async with person.bot.database.transaction() as connection:
        query = """
            SELECT number FROM recording_wizards JOIN recordings ON id = recording_id
            WHERE recordings.owner_id = %s AND step <> 'closed' ORDER BY number
        """
        rows = await (await connection.execute(query, (person.user.id,))).fetchall()
    for number in (row["number"] for row in rows):
        await person.command("status")
        [tap] = [(message, each) for message, each in person.buttons if each.data == f"go_on||{number}"]
        await person.press_data(tap[1].data, tap[0])
        assert f"№{number}" in person.bot.telegram.chats[person.chat][tap[0]].text
        await no_step_is_open_unseen(person)


async def kept(person: Person) -> tuple[int, int]:
    """How many corrections of transcripts and terms of the glossary a person has."""
    async with person.bot.database.transaction() as connection:
        query = """
            SELECT
                (SELECT count(*) FROM transcript_versions WHERE author_id = %(id)s) AS versions,
                (SELECT count(*) FROM glossary_terms WHERE owner_id = %(id)s) AS terms
        """
        row = await (await connection.execute(query, {"id": person.user.id})).fetchone()
    assert row is not None
    return row["versions"], row["terms"]


async def is_stored_only_where_it_was_asked(
    owner: Person, before: list[tuple[Recording, RecordingMetadata]], dialog: Dialog | None, seen: str
) -> None:
    """Compare with the metadata before somebody typed; ``dialog`` and ``seen`` are what the owner had open and saw."""
    for recording, metadata in before:
        if await owner.metadata(recording) != metadata:
            assert dialog is not None
            assert dialog.recording_id == recording.id
            field = ASKED.get(dialog.step) or EDITED[dialog.step]
            assert PROMPTS[field] in seen, f"a text was stored as {VALUE_OF[field]}, which was not visible"


async def was_kept_only_where_it_was_asked(
    people: list[Person],
    before: list[list[tuple[Recording, RecordingMetadata]]],
    learnt: list[tuple[int, int]],
    typed: Person,
    dialog: Dialog | None,
    seen: str,
) -> None:
    """Compare what all have with what they had before ``typed`` typed, who had ``dialog`` open and saw ``seen``."""
    for owner, mine_before, had in zip(people, before, learnt, strict=True):
        await is_stored_only_where_it_was_asked(owner, mine_before, dialog if owner is typed else None, seen)
        asked = owner is typed and any(question in seen for question in _ASKED_ELSEWHERE.values())
        assert asked or await kept(owner) == had, f"something was kept though nobody was asked:\n{seen}"


@pytest.fixture
async def town(followed: Database, tmp_path: Path, objects: ObjectStore) -> Bot:
    return Bot(followed, tmp_path, objects)


@example(script=[(0, ("asks", "glossary_add")), (0, ("commands", "status")), (0, ("types", "мария иванова"))])
@given(script=st.lists(st.tuples(st.integers(0, 1), _moves), max_size=16))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_people_do_no_step_is_open_unseen_and_no_text_goes_astray(
    town: Bot, tmp_path: Path, script: list[tuple[int, tuple[str, Any]]]
) -> None:
    people = [await Person.come(town), await Person.come(town, "Борис")]
    recordings: list[list[Recording]] = [[], []]
    for person, mine in zip(people, recordings, strict=True):
        for kind in ("interview", "design"):
            await moves(person, "comes", kind, mine)
    await time_passes(people[0])
    for who, (what, value) in script:
        person, mine = people[who], recordings[who]
        if what == "restarts":
            again = Bot(town.database, tmp_path, town.objects, town.telegram)
            for each in people:
                each.bot = again
            continue
        learnt = [await kept(each) for each in people]
        before, dialog = [await known(*each) for each in zip(people, recordings, strict=True)], await dialog_of(person)
        seen = person.sees
        await moves(person, what, value, mine)
        for each in people:
            await no_step_is_open_unseen(each)
        if what == "types":
            await was_kept_only_where_it_was_asked(people, before, learnt, person, dialog, seen)
    await time_passes(people[0])
    for person in people:
        await everything_that_waits_is_two_taps_away(person)
    async with town.database.transaction() as connection:
        await connection.execute("TRUNCATE recording_wizards")
