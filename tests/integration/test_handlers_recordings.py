"""Recordings in the chat: taken in, listed, opened, sent back, corrected, processed again, deleted."""

import re
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

import cards_store
import incoming_store
import outbox_store
import recordings_store
import texts.chats
import transcripts_store
from access import Permission, Team
from datamodels import BuildingType, Recording, RecordingMetadata, Role, Segment, Stage, Transcript, Visibility
from datamodels_telegram import (
    CardProgress,
    FileReference,
    FileSource,
    IncomingFile,
    IncomingState,
    MessageId,
    MessageKind,
    OutboxItem,
    OutgoingMessage,
    Screen,
    WizardStep,
)
from db import Database
from default_pack import PACK
from dialogs import Dialogs, SettingsDialog
from errors import AccessDenied, NoSpeech, NotFound, OutdatedButton
from handlers_world import MB, Bot, Person
from knowledge.search_store import load_archive
from markups.callback_data import Action, unpack
from markups.card_parts import Times
from markups.cards import card_view
from markups.recordings import which_scenario
from markups.settings import zone_question
from object_store import ObjectStore
from recordings import shares_store, spoken_store
from recordings.consents import Consents
from recordings.preferences import Preferences
from recordings.sharing import Sharing
from research_world import add_interview
from reviewed_storyboards import is_as_reviewed
from screens import drawn
from telegram_handlers.consents import ConsentHandlers
from telegram_handlers.context import Routes
from telegram_handlers.recordings import RecordingHandlers
from telegram_handlers.sharing import SharingHandlers
from telegram_handlers.voice_notes import VoiceNoteHandlers
from texts.telegram_recordings import ALREADY_SENT, SENDING
from texts.voice_notes import CHOSEN, DECIDED, LANGUAGE_SAME, LANGUAGE_SET, MADE_QUESTION, MADE_RECORDING, NO_QUESTION
from told_double import ToldDouble

AUDIT = "12\n2026.11.03\nИванова Мария\nЗаря\nотель\nлобби\nКазань"
SIX_LINES = "12\n2026.11.03\nИванова Мария\nПетров Иван\nотель\nЗаря"


async def cards(person: Person) -> list[CardProgress]:
    async with person.bot.database.transaction() as connection:
        return [each for each in await cards_store.open_cards(connection) if each.card.owner_id == person.user.id]


async def incoming(person: Person) -> list[IncomingFile]:
    files = [card.incoming for card in await cards(person)]
    return [file for file in files if file is not None]


async def outgoing(person: Person) -> OutboxItem | None:
    """The first message that waits to be sent to the person."""
    async with person.bot.database.transaction() as connection:
        items = await outbox_store.list_next(connection)
    return next((item for item in items if item.chat_id == person.chat), None)


async def finds(person: Person, recording: Recording) -> bool:
    """Whether the person finds the recording's transcript when asking."""
    async with person.bot.database.transaction() as connection:
        archive = await load_archive(connection, person.user.id)
        query = "SELECT id FROM chunk_sources WHERE recording_id = %s"
        row = await (await connection.execute(query, (recording.id,))).fetchone()
    return row is not None and row["id"] in archive.sources


async def test_a_file_is_taken_in_once_with_one_card(person: Person) -> None:
    await person.send("interview.ogg")
    [file] = await incoming(person)
    assert (file.state, file.scenario, file.file.file_name) == (IncomingState.WAITING, None, "interview.ogg")
    assert person.bot.woken == 1


async def test_the_notice_about_data_comes_once_with_the_first_file_and_that_it_was_read_is_recorded(
    bot: Bot, person: Person
) -> None:
    consents = Consents(bot.database, "О данных")
    work = replace(bot.work, consents=consents)
    [index] = [place for place, each in enumerate(bot.routes) if each.files is not None]
    bot.routes[index] = RecordingHandlers(bot.messages, work).routes()
    bot.routes.append(ConsentHandlers(bot.messages, consents).routes())
    await person.send("договор.xyz")
    assert await notices(bot, person) == [], "a file that is refused is no recording"
    for name in ("первая.ogg", "вторая.ogg"):
        await person.send(name)
    [notice] = await notices(bot, person)
    assert notice.screen.text == "О данных"
    [[button]] = notice.screen.keyboard
    with pytest.raises(NotFound):
        await person.press_data("privacy_consent||v000000000000")
    await person.press_data(button.data or "", await bot.messages.send(person.chat, MessageKind.RESULT, notice.screen))
    assert re.search(r"О данных\n\n✅ Прочитано \d\d\.", person.sees)
    async with bot.database.transaction() as connection:
        query = "SELECT version, text, accepted_at >= shown_at AS read FROM consents WHERE user_id = %s"
        rows = await (await connection.execute(query, (person.user.id,))).fetchall()
    assert rows == [{"version": consents.version, "text": "О данных", "read": True}]
    guest = await Person.come(bot, "Гость", Role.GUEST)
    with pytest.raises(NotFound):
        await guest.press_data(button.data or "")
    voices = VoiceNoteHandlers(bot.messages, work.files, work.changes, work.preferences, lambda: None, consents)
    asks = voices.routes().spoken
    assert asks is not None
    bot.routes[index] = Routes(files=(Permission.ASK, asks))
    for _ in range(2):
        await guest.speaks()
    assert [each.screen for each in await notices(bot, guest)] == [notice.screen], "who asks by voice is told as well"
    assert consents.version != Consents(bot.database, "О данных иначе").version


async def test_a_private_recording_is_shared_with_one_person_until_that_is_taken_back(bot: Bot) -> None:
    anna, boris, vera = [await Person.come(bot, name) for name in ("Анна", "Борис Делимый", "Вера")]
    team = Team(None, frozenset(each.user.telegram_id or 0 for each in (anna, boris, vera)))
    bot.routes.append(SharingHandlers(bot.messages, Sharing(bot.database, team)).routes())
    async with bot.database.transaction() as connection:
        recording = await add_interview(connection, anna.user.id, 1, "Астория", Visibility.PRIVATE)
    number = recording.number
    await anna.press_data(f"recording||{number}")
    await anna.press("🤝 Поделиться")
    await anna.press("Борис Делимый")
    assert "✅ Борис Делимый" in anna.sees
    assert [await finds(each, recording) for each in (anna, boris, vera)] == [True, True, False]
    async with bot.database.transaction() as connection:
        assert await shares_store.is_found_by(connection, recording.id, boris.user.id)
        assert not await shares_store.is_found_by(connection, recording.id, vera.user.id)
    with pytest.raises(NotFound):
        await boris.press_data(f"share_with||{number}||{vera.user.telegram_id}||1||on")
    await anna.press("✅ Борис Делимый")
    assert not await finds(boris, recording)
    await anna.press("Борис Делимый")
    for visibility in ("team", "private"):
        await anna.press_data(f"recording_visibility||{number}||{visibility}")
    assert not await finds(boris, recording), "what becomes private is shared with nobody"


async def notices(bot: Bot, person: Person) -> list[OutgoingMessage]:
    async with bot.database.transaction() as connection:
        query = "SELECT message FROM outbox WHERE owner_id = %s AND key LIKE 'notice:%%'"
        rows = await (await connection.execute(query, (person.user.id,))).fetchall()
    return [OutgoingMessage.model_validate(row["message"]) for row in rows]


async def test_an_album_is_taken_file_by_file_and_has_one_caption(person: Person) -> None:
    for number in range(3):
        await person.send(f"{number}.mp3", caption=AUDIT if number == 1 else "", album=7)
    await person.send("3.mp3", album=8)
    files = await incoming(person)
    assert [file.file.file_name for file in files] == ["0.mp3", "1.mp3", "2.mp3", "3.mp3"]
    assert [file.caption for file in files] == [AUDIT, AUDIT, AUDIT, ""]
    assert [file.scenario for file in files] == ["design", "design", "design", None]


async def shown(person: Person) -> str:
    """The latest card of the person, as it is drawn now."""
    return drawn(await card_of(person))


async def card_of(person: Person) -> Screen:
    progress = (await cards(person))[-1]
    return card_view(progress, Times(elapsed_s=0, remaining_s=None), PACK).screen


async def test_a_short_voice_note_is_asked_about_once_and_the_answer_is_the_persons_own(person: Person) -> None:
    stranger = await Person.come(person.bot)
    await person.speaks()
    assert "Это запись или вопрос?" in await shown(person)
    [file] = await incoming(person)
    with pytest.raises(NotFound):
        await stranger.press_data(f"voice_is||{file.id}||words")
    await person.press_data(f"voice_is||{file.id}||words")
    await person.press_data(f"voice_is||{file.id}||recording")
    assert person.heard == [CHOSEN["words"], DECIDED]
    assert "Слушаю" in await shown(person)
    await person.speaks()
    assert "Слушаю" in await shown(person), "nobody asks again"
    await person.speaks(60)
    assert "Получаю" in await shown(person)
    await stranger.speaks()
    assert "Это запись или вопрос?" in await shown(stranger)
    await person.press_data("my_voice_notes||ask")
    await person.speaks()
    assert "Это запись или вопрос?" in await shown(person)


async def test_what_was_said_is_shown_and_can_be_taken_in_as_a_recording_after_all(person: Person) -> None:
    database = person.bot.database
    await person.press_data("my_voice_notes||words")
    heard = []
    for error in (None, NoSpeech(file_name="voice.ogg")):
        await person.speaks()
        file = (await incoming(person))[-1]
        async with database.transaction() as connection:
            await incoming_store.set_state(connection, file.id, IncomingState.HEARING)
            words = await spoken_store.put_sound(connection, uuid4(), file.id, b"sound")
            found = await spoken_store.find_to_hear(connection, words)
            assert found is not None
            assert (found.owner_id, found.sound) == (person.user.id, b"sound")
            if error is None:
                await spoken_store.store_words(connection, words, "Что о <завтраке>?")
            else:
                await spoken_store.store_failure(connection, words, error.code, error.user_text, None)
            assert await spoken_store.find_to_hear(connection, words) is None
            heard.append(await spoken_store.list_heard(connection, 10))
        told = "Вы сказали: «Что о &lt;завтраке&gt;?»" if error is None else "В нём не слышно слов."
        assert told in await shown(person)
    [[first], [again]] = heard
    assert first == again
    assert (first.message.text, first.message.spoken, first.message.person.id) == (
        "Что о <завтраке>?",
        True,
        person.chat,
    )
    await person.press_data(f"voice_recording||{file.id}")
    await person.press_data(f"voice_recording||{file.id}")
    assert person.heard == [MADE_RECORDING, DECIDED]
    assert "Получаю" in await shown(person)


async def test_a_voice_note_that_was_taken_as_a_recording_can_be_asked_after_all(person: Person) -> None:
    stranger, database = await Person.come(person.bot), person.bot.database
    await person.press_data("my_voice_notes||recording")
    await person.speaks()
    [file] = await incoming(person)
    recording = await person.has_recording(file_name="voice.ogg")
    async with database.transaction() as connection:
        await incoming_store.finish_stored(connection, file.id, recording.id, known=False)
    assert "[❓ Это вопрос]" in await shown(person)
    with pytest.raises(NotFound):
        await stranger.press_data(f"voice_question||{file.id}")
    await person.press_data(f"voice_question||{file.id}")
    await person.press_data(f"voice_question||{file.id}")
    assert person.heard == [MADE_QUESTION, NO_QUESTION]
    assert "Слушаю" in await shown(person)
    async with database.transaction() as connection:
        with pytest.raises(NotFound):
            await recordings_store.get_recording(connection, person.user.id, recording.id)


async def test_a_person_sets_time_and_language_for_themselves_alone(person: Person) -> None:
    stranger = await Person.come(person.bot)
    recording = await person.has_recording()
    await person.press_data("my_settings")
    for label in ("🕒 Время", "Владивосток", "🌐 Язык записей", "английский", "🔔 Уведомления", "🌙 Ночью без звука"):
        await person.press(label)
    assert "Уведомления: <b>ночью без звука</b>" in person.sees
    assert "Время: <b>Владивосток</b>" in person.sees
    assert "Язык записей: <b>английский</b>" in person.sees
    await stranger.press_data("my_settings")
    assert "Время: <b>как на сервере</b>" in stranger.sees
    assert "Уведомления: <b>со звуком</b>" in stranger.sees
    after_restart = Preferences(person.bot.database)
    assert str(await after_restart.zone_of(person.user.id)) == "Asia/Vladivostok"
    assert (await after_restart.of(stranger.user.id)).language is None

    with pytest.raises(NotFound):
        await stranger.press_data("recording_language||1||en")
    await person.press_data("recording||1")
    await person.press("🌐 Язык: определять по записи")
    await person.press("английский")
    await person.press_data("recording_language||1||en")
    assert person.heard == [LANGUAGE_SET.format(language="английский"), LANGUAGE_SAME]
    async with person.bot.database.transaction() as connection:
        found = await recordings_store.get_recording(connection, person.user.id, recording.id)
    assert (found.request.language, found.stage) == ("en", Stage.STORED)


async def test_a_zone_may_be_typed_and_a_question_stays_one(person: Person) -> None:
    stranger = await Person.come(person.bot)
    await person.press_data("my_zone")
    await person.type("в чёрной дыре")
    assert "Не знаю такого времени: «в чёрной дыре»" in person.sees
    await person.type("Что говорят об отеле в Казани?")
    assert person.bot.asked == ["Что говорят об отеле в Казани?"]
    assert person.bot.asked_again == zone_question().text
    await person.type("ок")
    assert f"{texts.chats.UNDERSTOOD}\n\n🕒 <b>Ваше время</b>" in person.sees
    await person.type("МСК+7")
    assert "🕒 Понял «МСК+7» так: UTC+10." in person.sees
    assert "Время: <b>UTC+10</b>" in person.sees
    assert await Dialogs(person.bot.database).find(person.user.id, SettingsDialog) is None
    await stranger.press_data("my_settings")
    assert "Время: <b>как на сервере</b>" in stranger.sees


async def test_a_forwarded_recording_tells_who_wrote_it_first(person: Person) -> None:
    recording = await person.has_recording()
    await person.send("interview_17.ogg", origin="Борис <Петров>")
    async with person.bot.database.transaction() as connection:
        [file] = [each for each in await incoming_store.list_open(connection) if each.owner_id == person.user.id]
        await incoming_store.finish_stored(connection, file.id, recording.id, known=False)
    await person.press_data("recording||1")
    assert "↪ Переслано: Борис &lt;Петров&gt;" in person.sees


@pytest.mark.parametrize(
    ("file_name", "size", "code", "sentence"),
    [
        ("договор.xlsx", MB, "not_a_recording", "Файл «договор.xlsx» не похож на аудио или видео"),
        ("договор.pdf", MB, "document_not_allowed", "Документы, по которым я отвечаю, загружает владелец"),
        ("запись", MB, "not_a_recording", "незнакомое расширение"),
        ("огромный.mp4", 3000 * MB, "recording_too_large", "занимает 2,9 ГБ, а предел — 2 ГБ"),
        ("пусто.ogg", 0, "empty_file", "пустой"),
    ],
)
async def test_what_cannot_be_a_recording_is_refused_before_it_is_fetched(
    person: Person, file_name: str, size: int, code: str, sentence: str
) -> None:
    await person.send(file_name, size)
    [file] = await incoming(person)
    assert (file.state, file.error_code) == (IncomingState.REFUSED, code)
    assert sentence in (file.error_text or "")
    assert file.finished_at is not None


async def test_seven_lines_of_caption_say_that_it_is_an_audit(person: Person) -> None:
    await person.send("audit.ogg", caption=AUDIT)
    [file] = await incoming(person)
    assert file.scenario == "design"


async def test_looking_at_a_list_does_not_decide_what_the_next_recording_is(person: Person) -> None:
    await person.press_data("mode_interview||1")
    assert "Здесь пока пусто" in person.sees
    for caption in (SIX_LINES, "", AUDIT):
        await person.send("first.ogg", caption=caption)
    assert [file.scenario for file in await incoming(person)] == [None, None, "design"]


@pytest.mark.parametrize(("mode", "numbers"), [("interview", [1]), ("design", [2]), ("none", [3]), ("all", [3, 2, 1])])
async def test_every_recording_is_in_a_list(person: Person, mode: str, numbers: list[int]) -> None:
    stranger = await Person.come(person.bot)
    for somebody in (person, stranger):
        for scenario in ("interview", "design", "none"):
            await somebody.has_recording(scenario)
    await person.press_data(f"mode_{mode}||1")
    listed = [unpack(button.data) for _, button in person.buttons]
    assert [press.number for press in listed if press.action is Action.RECORDING] == numbers


async def test_a_kind_is_corrected_on_the_card_and_the_form_follows(person: Person) -> None:
    await person.has_recording(metadata=RecordingMetadata(place="Заря"))
    await person.press_data("fill_in||1")
    await person.press_data("recording||1")
    await person.press("🔀 Вид")
    assert "Что на самом деле на записи №1?" in person.sees
    await person.press("Дизайн")
    assert "Вид: Дизайн" in person.sees
    assert not await person.is_asked()
    await person.press_data("back_to_confirm||1")
    assert "город: <b>—</b>" in person.sees


async def test_the_list_shows_own_recordings_of_a_scenario_page_by_page(person: Person) -> None:
    for number in range(11):
        await person.has_recording(file_name=f"{number}.ogg", metadata=RecordingMetadata(place="Заря"))
    await person.has_recording("design")
    await person.press_data("mode_interview||1")
    assert "11 записей. Страница 1 из 2." in person.sees
    assert "[✅ №11 · Заря ·" in person.sees
    await person.press("▶")
    assert "[✅ №1 · Заря ·" in person.sees
    assert "№11" not in person.sees
    await person.press("◀")
    assert "№11" in person.sees
    await person.press_data("mode_interview||99")
    assert "Страница 2 из 2." in person.sees


async def test_a_card_leads_to_everything_about_a_recording(person: Person) -> None:
    await person.has_recording(metadata=RecordingMetadata(place="Заря", building=BuildingType.SPA))
    await person.press_data("recording||1")
    assert "🎙 <b>Запись №1</b>" in person.sees
    assert "заведение: Заря" in person.sees
    await person.press("🏷 Данные")
    assert "Проверка введённых данных" in person.sees
    await person.press_data("recording||1")
    await person.press("📊 Отчёты")
    assert "Какой отчёт подготовить?" in person.sees
    await person.press("« Назад")
    await person.press("« Назад")
    assert "Мои записи: Интервью" in person.sees


async def test_the_original_and_the_transcript_are_sent_as_files(person: Person) -> None:
    recording = await person.has_recording()
    await person.press_data("recording||1")
    await person.press("📄 Расшифровка")
    item = await outgoing(person)
    assert item is not None
    assert item.message.file is not None
    assert (item.message.file.source, item.message.file.subject) == ("transcript", recording.id)
    assert item.message.file.extension == "txt"
    assert [button.text for button in item.message.screen.keyboard[0]] == ["DOCX", "PDF", "SRT", "VTT", "JSON"]
    assert person.heard == ["Отправляю файл…"]


async def test_the_owner_keeps_a_recording_from_the_team_and_gives_it_back(person: Person) -> None:
    recording = await person.has_recording()
    colleague, guest = await Person.come(person.bot), await Person.come(person.bot, role=Role.GUEST)
    await person.press_data("recording||1")
    for label, said, others_find in (
        ("🔒 Только мне", "Теперь по записи №1 отвечаю только вам", False),
        ("👥 Всей команде", "Теперь по записи №1 отвечаю всей команде", True),
    ):
        [switch] = [button.data for _, button in person.buttons if button.text == label]
        await person.press(label)
        await person.press_data(switch)  # a second tap switches nothing back
        found = [await finds(each, recording) for each in (person, colleague, guest)]
        assert found == [True, others_find, others_find]
        assert person.heard[-2:] == [said, said]
        assert f"[{label}]" not in person.sees


@pytest.mark.parametrize(
    ("data", "source"), [("recording_play||1", "recording"), ("transcript_file||1||srt", "transcript")]
)
async def test_ten_taps_send_one_file(person: Person, data: str, source: str) -> None:
    await person.has_recording()
    for _ in range(10):
        await person.press_data(data)
    async with person.bot.database.transaction() as connection:
        cursor = await connection.execute("SELECT message FROM outbox WHERE owner_id = %s", (person.user.id,))
        [row] = await cursor.fetchall()
    assert row["message"]["file"]["source"] == source


async def test_what_is_not_ready_says_so(person: Person) -> None:
    await person.has_recording(stage=Stage.PREPARED, step=WizardStep.TRANSCRIPT)
    for button in ("📄 Расшифровка", "📊 Отчёты", "🏷 Данные"):
        await person.press_data("recording||1")
        assert "⏳ Расшифровка" in person.sees
        await person.press(button)
        assert "Запись ещё обрабатывается." in person.sees
    assert await outgoing(person) is None


async def test_a_recording_that_failed_is_processed_again_with_a_card_of_its_own(person: Person) -> None:
    recording = await person.has_recording(stage=Stage.PREPARED, step=WizardStep.TRANSCRIPT)
    async with person.bot.database.transaction() as connection:
        await recordings_store.record_failure(connection, recording.id, "provider_failed", "Сервис отказал.")
    await person.press_data("recording||1")
    assert "❌ Не обработана: Сервис отказал." in person.sees
    await person.press("🔁 Обработать ещё раз")
    await person.press("🔁 Обработать ещё раз")
    assert person.heard == ["Запись №1 обрабатывается заново.", "Запись уже обрабатывается"]
    [card] = await cards(person)
    assert (card.card.recording_id, card.stage) == (recording.id, Stage.STORED)


async def test_questions_about_a_recording_end_when_it_is_processed_again_or_deleted(person: Person) -> None:
    for data in ("recording_again||1", "recording_delete_confirm||1"):
        if data == "recording_again||1":
            await person.has_recording()
        await person.press_data("back_to_confirm||1")
        await person.press_data(data)
        await person.command("cancel")
        assert "Отменять нечего." in person.sees


async def test_a_recording_is_deleted_after_a_question_that_names_it(person: Person) -> None:
    recording = await person.has_recording()
    await person.bot.objects.put_bytes(recording.object_key, b"sound")
    await person.press_data("recording||1")
    await person.press("🗑 Удалить")
    assert "Удалить запись №1 «interview_17.ogg»?" in person.sees
    await person.press("❌ Отмена")
    assert "🎙 <b>Запись №1</b>" in person.sees
    await person.press("🗑 Удалить")
    await person.press("🗑 Да, удалить")
    assert "Запись №1 «interview_17.ogg» удалена." in person.sees
    assert not await person.bot.objects.exists(recording.object_key)
    with pytest.raises(NotFound):
        await person.press_data("recording||1")


async def test_what_a_press_that_is_handled_again_sends_is_sent_once(person: Person) -> None:
    await person.has_recording()
    for update in ("button:1:1", "button:1:2", "button:1:1"):
        for _ in range(2):
            await person.press_data("recording_play||1", MessageId(int(update[-1])), update)
            assert person.heard[-1] == SENDING
    async with person.bot.database.transaction() as connection:
        query = "SELECT count(*) AS sent FROM outbox WHERE owner_id = %s AND key LIKE 'press:%%'"
        row = await (await connection.execute(query, (person.user.id,))).fetchone()
    assert row == {"sent": 2}
    # A press of its own on the same message, seconds later.
    await person.press_data("recording_play||1", MessageId(1), "button:1:3")
    assert person.heard[-1] == ALREADY_SENT


async def test_a_deletion_that_is_handled_again_after_a_crash_is_told_of_again(person: Person) -> None:
    await person.has_recording()
    for message in (MessageId(1), MessageId(2)):
        await person.press_data("recording_delete_confirm||1", message, update="button:1:1")
        assert "Запись №1 «interview_17.ogg» удалена." in person.sees
    with pytest.raises(NotFound):
        await person.press_data("recording_delete_confirm||1", update="button:1:2")


async def test_the_scenario_is_said_once_and_the_wizard_goes_on(person: Person) -> None:
    recording = await person.has_recording("none", step=WizardStep.SCENARIO)
    question = which_scenario(recording, PACK.scenarios)
    message = await person.bot.telegram.send(person.chat, question)
    await person.press("Интервью")
    assert person.sees == "Запись №1: Интервью."
    await person.press_data("scenario||1||design", message)
    assert person.sees == "Запись №1: Интервью."
    assert await person.step(recording) is WizardStep.PROPOSAL
    async with person.bot.database.transaction() as connection:
        stored = await recordings_store.get_recording(connection, person.user.id, recording.id)
    assert (stored.request.scenario, stored.stage) == ("interview", Stage.SPEAKERS_KNOWN)


async def test_who_wants_the_transcript_only_is_asked_no_more(person: Person) -> None:
    recording = await person.has_recording("none", step=WizardStep.SCENARIO)
    await person.press_data("scenario||1||none")
    assert person.sees == "Запись №1: Только расшифровка."
    assert await person.step(recording) is WizardStep.CLOSED


async def test_a_file_that_is_still_coming_can_be_told_what_it_is(person: Person) -> None:
    await person.send("interview.ogg")
    [file] = await incoming(person)
    await person.press_data(f"scenario_incoming||{file.id}||design")
    await person.press_data(f"scenario_incoming||{file.id}||interview")
    assert person.heard == ["Выбрано: Дизайн", "Выбрано: Дизайн"]
    [file] = await incoming(person)
    assert file.scenario == "design"
    with pytest.raises(OutdatedButton):
        await person.press_data(f"scenario_incoming||{file.id}||podcast")


async def test_a_file_that_became_a_recording_meanwhile_is_told_too(person: Person) -> None:
    recording = await person.has_recording("none", stage=Stage.PREPARED, step=WizardStep.TRANSCRIPT)
    await person.send("interview.ogg")
    [file] = await incoming(person)
    async with person.bot.database.transaction() as connection:
        await incoming_store.finish_stored(connection, file.id, recording.id, known=False)
    await person.press_data(f"scenario_incoming||{file.id}||interview")
    async with person.bot.database.transaction() as connection:
        stored = await recordings_store.get_recording(connection, person.user.id, recording.id)
    assert stored.request.scenario == "interview"
    assert await person.step(recording) is WizardStep.TRANSCRIPT


async def test_work_is_cancelled_wherever_it_is(person: Person) -> None:
    await person.send("coming.ogg")
    [file] = await incoming(person)
    await person.press_data(f"cancel_incoming||{file.id}")
    await person.press_data(f"cancel_incoming||{file.id}")
    assert person.heard == ["Отменяю…", "Отменять уже нечего"]
    recording = await person.has_recording(stage=Stage.PREPARED, step=WizardStep.TRANSCRIPT)
    async with person.bot.database.transaction() as connection:
        card = await cards_store.add_recording_card(connection, person.user.id, person.chat, recording.id)
    await person.press_data(f"cancel_card||{card.id}")
    assert person.heard[-1] == "Отменяю…"
    await person.press_data("recording||1")
    assert "✖ Обработка отменена, запись сохранена" in person.sees


async def test_nobody_reaches_what_is_anothers(person: Person) -> None:
    recording = await person.has_recording()
    await person.send("coming.ogg")
    [card] = await cards(person)
    assert card.incoming is not None
    stranger = await Person.come(person.bot)
    for data in (
        "recording||1",
        "recording_play||1",
        "recording_transcript||1",
        "transcript_file||1||srt",
        "recording_delete||1",
        "recording_delete_confirm||1",
        "recording_again||1",
        "recording_visibility||1||private",
        "scenario||1||design",
        f"scenario_incoming||{card.incoming.id}||design",
        f"cancel_incoming||{card.incoming.id}",
        f"cancel_card||{card.card.id}",
    ):
        with pytest.raises(NotFound):
            await stranger.press_data(data)
    assert stranger.sees == ""
    assert await finds(stranger, recording)
    assert [file.state for file in await incoming(person)] == [IncomingState.WAITING]


@pytest.mark.parametrize(
    "data",
    [
        "transcript_file||1||exe",
        "scenario||1||podcast",
        "recording",
        "recording||1||2",
        "recording_visibility||1||owner",
    ],
)
async def test_forged_buttons_are_outdated_ones(person: Person, data: str) -> None:
    await person.has_recording()
    with pytest.raises(OutdatedButton):
        await person.press_data(data)


TALK = Transcript(
    language="ru",
    engine="scripted",
    model="scripted-1",
    duration_s=60.0,
    speakers=3,
    segments=(
        Segment(start=0.0, end=5.0, text="Как вам отель заря?", speaker="S1", role="Сотрудник"),
        Segment(start=5.0, end=9.0, text="В заре тихо.", speaker="S2", role="Клиент"),
        Segment(start=9.0, end=11.0, text="И чисто.", speaker="S3"),
    ),
)


async def talked(person: Person) -> Recording:
    recording = await person.has_recording(metadata=RecordingMetadata(client="Петров Пётр"))
    async with person.bot.database.transaction() as connection:
        await transcripts_store.save_transcript(connection, recording.id, TALK, "hash")
    await person.press_data(f"recording||{recording.number}")
    return recording


async def now(person: Person, recording: Recording) -> list[tuple[str | None, str | None, str]]:
    """Name or number of the speaker, role and text of each segment."""
    async with person.bot.database.transaction() as connection:
        transcript = await transcripts_store.load_transcript(connection, recording.id)
    assert transcript is not None
    names = transcript.names
    return [(names.get(each.speaker or "", each.speaker), each.role, each.text) for each in transcript.segments]


async def test_speakers_are_named_merged_and_moved_in_a_few_taps(person: Person) -> None:
    recording = await talked(person)
    await person.press("👥 Говорящие")
    assert "<b>2. Клиент</b> · 1 реплика · 00:04\n«В заре тихо.»" in person.sees
    await person.press("2. Клиент")
    await person.press("Это Петров Пётр")
    await person.press("3. Спикер 3")
    await person.press("🔗 Это тот же человек, что…")
    await person.press("2. Клиент — Петров Пётр")
    assert (await now(person, recording))[2] == ("Петров Пётр", "Клиент", "И чисто.")
    await person.press("1. Сотрудник")
    await person.press("✏️ Назвать")
    await person.type("петров пётр")
    assert "уже есть среди говорящих" in person.sees
    await person.type("Что с завтраком?")
    assert (person.bot.asked[-1], "👤 Как зовут" in str(person.bot.asked_again)) == ("Что с завтраком?", True)
    await person.type("Спасибо!")
    assert f"{texts.chats.WELCOME}\n\n👤" in person.sees
    await person.type("Анна, администратор")
    await person.press("↔ Передать реплику другому")
    await person.type("00:06")
    assert "↔ <b>00:05 Клиент — Петров Пётр</b>" in person.sees
    await person.press("1. Сотрудник — Анна, администратор")
    # What one says in a row is one turn, so that all of it has gone.
    assert [each[0] for each in await now(person, recording)] == ["Анна, администратор"] * 3
    await person.press("↩ Отменить правку")
    assert person.heard[-1] == "Правка отменена"
    assert [each[0] for each in await now(person, recording)] == ["Анна, администратор", *["Петров Пётр"] * 2]


async def test_words_are_corrected_and_what_was_learnt_is_kept_in_the_glossary(person: Person) -> None:
    recording = await talked(person)
    await person.press("✏️ Исправить слова")
    await person.type("нет такого -> Заря")
    assert "«нет такого» в расшифровке нет" in person.sees
    await person.type("Что с завтраком?")
    assert person.bot.asked == ["Что с завтраком?"]
    await person.type("в заре → в «Заре»")
    assert (await now(person, recording))[1][2] == "в «Заре» тихо."
    await person.press("📖 «Заря» — в словарь")
    await person.press("✏️ Исправить ещё")
    await person.type("00:09")
    assert "<code>И чисто.</code>" in person.sees
    await person.type("И очень чисто.")
    assert (await now(person, recording))[2][2] == "И очень чисто."
    await person.press_data("glossary")
    assert "<b>Ваши:</b> Заря" in person.sees


async def test_what_stands_at_several_places_is_corrected_where_one_says(person: Person) -> None:
    recording = await talked(person)
    await person.press("✏️ Исправить слова")
    await person.type("тихо. — тихо и чисто.")
    await person.press("✏️ Исправить ещё")
    await person.type("чисто -> уютно")
    assert "нашлось мест — 2" in person.sees
    await person.press("00:09 …И чисто.…")
    assert [each[2] for each in await now(person, recording)][1:] == ["В заре тихо и чисто.", "И уютно."]
    await person.press_data(f"words||{recording.number}")
    with pytest.raises(OutdatedButton):
        await person.press_data(f"words_at||{recording.number}||4")


async def test_a_voice_is_sent_to_be_listened_to(person: Person) -> None:
    recording = await talked(person)
    await person.press_data(f"speaker||{recording.number}||2")
    await person.press("▶ Послушать")
    item = await outgoing(person)
    assert item is not None
    assert item.message.file == FileReference(
        source=FileSource.FRAGMENT, subject=recording.id, extension="ogg", start_s=5.0, end_s=9.0
    )


async def test_a_glossary_is_the_persons_own_and_the_teams_is_the_leads(person: Person) -> None:
    lead = await Person.come(person.bot, "Ольга", Role.ADMIN)
    for somebody, button, terms in (
        (person, "➕ Добавить", "Рэдиссон, «Хилтон»\n"),
        (lead, "➕ Для всей команды", "Кемпински"),
    ):
        await somebody.press_data("glossary")
        await somebody.press(button)
        await somebody.type("Что с завтраком?")
        assert str(person.bot.asked_again) in somebody.sees
        await somebody.type(terms)
    await person.press_data("glossary")
    assert "<b>Ваши:</b> Рэдиссон, Хилтон" in person.sees
    assert "<b>Команды:</b> Кемпински" in person.sees
    assert "Хилтон" not in lead.sees
    await person.press("➖ Убрать")
    assert "Кемпински · команда" not in person.sees
    await person.press("Хилтон")
    assert person.heard[-1] == "Убрано: Хилтон"
    with pytest.raises(AccessDenied):
        await person.press_data("glossary_add||team")
    await lead.press("➖ Убрать")
    await lead.press("Кемпински · команда")
    await person.press_data("glossary")
    assert "Команды" not in person.sees


@pytest.mark.parametrize("data", ["speakers||1", "speaker||1||2", "turn||1", "words||1", "words_undo||1||1"])
async def test_nobody_corrects_what_is_anothers(person: Person, data: str) -> None:
    await talked(person)
    stranger = await Person.come(person.bot, "Пётр")
    with pytest.raises(NotFound):
        await stranger.press_data(data)


# --- what a person sees -------------------------------------------------------------------------------------------


@pytest.fixture
async def anna(shared_database: Database, tmp_path: Path, objects: ObjectStore) -> Person:
    """Somebody whose chat is told as a storyboard."""
    return await Person.come(Bot(shared_database, tmp_path, objects, ToldDouble()), "Анна")


def is_told_as(person: Person, name: str) -> None:
    """Kept in ``tests/e2e/storyboards``; after a change that is meant: ``STORYBOARDS=write``, and review."""
    assert isinstance(person.bot.telegram, ToldDouble)
    is_as_reviewed(name, person.bot.telegram.told)


async def test_the_storyboard_of_recordings_is_as_it_was_reviewed(anna: Person) -> None:
    await anna.has_recording("none", step=WizardStep.CLOSED)
    await anna.has_recording(file_name="Беседа в лобби.m4a", metadata=RecordingMetadata(place="Заря"))
    await anna.command("start")
    for label in ("📦 Хранилище", "ИНТЕРВЬЮ", "« Назад", "Без вида"):
        await anna.press(label)
    await anna.press(next(each.text for _, each in anna.buttons if "№1 ·" in each.text))
    for label in ("🔀 Вид", "Интервью", "🔒 Только мне", "🌐 Язык: определять по записи", "английский"):
        await anna.press(label)
    await anna.command("status")
    for label in ("📦 Хранилище", "Все"):
        await anna.press(label)
    await anna.press(next(each.text for _, each in anna.buttons if "№2 ·" in each.text))
    for label in ("▶ Прослушать", "📄 Расшифровка", "🗑 Удалить", "🗑 Да, удалить"):
        await anna.press(label)
    is_told_as(anna, "recordings")


async def test_the_storyboard_of_corrections_is_as_it_was_reviewed(anna: Person) -> None:
    anna.bot.telegram.tell("Анна presses [📦 Открыть запись]")
    await talked(anna)
    for label in ("👥 Говорящие", "2. Клиент", "Это Петров Пётр", "3. Спикер 3", "🔗 Это тот же человек, что…"):
        await anna.press(label)
    await anna.press("2. Клиент — Петров Пётр")
    await anna.press("1. Сотрудник")
    await anna.press("▶ Послушать")
    await anna.press("✏️ Назвать")
    await anna.type("петров пётр")
    await anna.type("Анна, администратор")
    await anna.press("↔ Передать реплику другому")
    await anna.type("1:99")
    await anna.type("00:06")
    await anna.press("1. Сотрудник — Анна, администратор")
    await anna.press("↩ Отменить правку")
    await anna.press("« Назад")
    await anna.press("✏️ Исправить слова")
    await anna.type("нет такого -> Заря")
    await anna.type("в заре -> в «Заре»")
    await anna.press("📖 «Заря» — в словарь")
    await anna.press("✏️ Исправить ещё")
    await anna.type("00:09")
    await anna.type("И очень чисто.")
    anna.bot.telegram.tell("Анна presses [📦 Хранилище]")
    await anna.press_data("menu_storage")
    await anna.press("📖 Словарь")
    await anna.press("➕ Добавить")
    await anna.type("Гранд Отель Волна, хамам")
    await anna.press("➖ Убрать")
    await anna.press("хамам")
    is_told_as(anna, "corrections")


async def test_the_storyboard_of_voice_notes_and_settings_is_as_it_was_reviewed(anna: Person) -> None:
    anna.bot.telegram.tell("Анна: <voice voice.ogg>")
    await anna.speaks()
    [file] = await incoming(anna)
    await anna.bot.telegram.send(anna.chat, await card_of(anna))
    anna.bot.telegram.tell("Анна presses [❓ Вопрос]")
    await anna.press_data(f"voice_is||{file.id}||words")
    await anna.bot.telegram.send(anna.chat, await card_of(anna))
    anna.bot.telegram.tell("Анна presses [🙋 Мои настройки]")
    await anna.press_data("my_settings")
    await anna.press("🕒 Время")
    await anna.type("в чёрной дыре")
    await anna.type("МСК+7")
    for label in ("🌐 Язык записей", "английский", "🎤 Голосовые", "Спрашивать"):
        await anna.press(label)
    is_told_as(anna, "voice_notes")
