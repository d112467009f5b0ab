"""Dead letters: the owner sees what others did not get, and has it tried once more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import chat_history
import outbox_store
import recordings_store
import reports_store
import users_store
from access import Permission, Team
from chat_deliveries import ChatDeliveries, return_address
from datamodels import Recording, ReportRunId, Role, User
from datamodels_chats import AnswerId, AnswerOutcome, Basis, Occasion
from datamodels_telegram import (
    ButtonPress,
    ChatId,
    FileReference,
    FileSource,
    MessageId,
    MessageKind,
    OutgoingMessage,
    Screen,
    TelegramPerson,
)
from db import Connection, Database
from dead_letters_store import LetterId, LetterKind
from default_pack import PACK
from dialogs import Dialogs, Step
from errors import AccessDenied, OutdatedButton
from followers_world import TelegramOfFiles, look
from handlers import Router
from handlers_world import Bot, Person
from inbox import Inbox
from markups.callback_data import Action, Press
from message_tracker import MessageTracker
from messenger import AlreadySent, ChatClosed, MessengerError
from object_store import ObjectStore
from outbox import Outbox, OutboxFiles
from recordings.originals import Originals
from recordings.spoken import SpokenWords
from recordings_factory import new_recording
from sign_in.invitations import Invitations
from telegram_handlers.context import Context, Routes
from telegram_handlers.strangers import Strangers
from telegram_handlers.without_database import WithoutDatabase


@pytest.fixture
def bot(followed: Database, tmp_path: Path, objects: ObjectStore) -> Bot:
    """Over the database that is empty: the list has what everybody did not get."""
    return Bot(followed, tmp_path, objects)


@pytest.fixture
async def owner(bot: Bot) -> Person:
    return await Person.come(bot, "Ольга", Role.SUPER_ADMIN)


@pytest.fixture
async def person(bot: Bot) -> Person:
    return await Person.come(bot, "Анна <b>")


@pytest.fixture
def telegram() -> TelegramOfFiles:
    return TelegramOfFiles()


@pytest.fixture
def outbox(bot: Bot, telegram: TelegramOfFiles, objects: ObjectStore, tmp_path: Path) -> Outbox:
    files = OutboxFiles(bot.database, Originals(bot.database, objects, tmp_path), PACK, tmp_path)
    return Outbox(bot.database, MessageTracker(bot.database, telegram), files)


async def put(person: Person, said: str, *, key: str = "", file: FileReference | None = None) -> int:
    message = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text=said), file=file)
    async with person.bot.database.transaction() as connection:
        key = key or uuid4().hex
        await outbox_store.put(connection, key, person.user.id, person.chat, message)
        row = await (await connection.execute("SELECT id FROM outbox WHERE key = %s", [key])).fetchone()
    assert row is not None
    return int(row["id"])


async def give_up(person: Person, said: str, error: str = ChatClosed.code, *, key: str = "") -> int:
    item = await put(person, said, key=key)
    async with person.bot.database.transaction() as connection:
        await outbox_store.give_up(connection, item, error)
    return item


async def fail_recording(person: Person, error: str = "no_speech") -> Recording:
    recording = await person.has_recording(file_name="тайна.ogg")
    async with person.bot.database.transaction() as connection:
        await connection.execute("UPDATE recordings SET stage = 'speakers_known' WHERE id = %s", (recording.id,))
        await recordings_store.record_failure(connection, recording.id, error, "В записи «тайна.ogg» не слышно речи.")
    return recording


async def fail_report(person: Person, recording: Recording) -> ReportRunId:
    order = await person.bot.orders.order_chosen(
        person.user.id, recording.id, PACK.reports("interview")[1:2], recording.request.building
    )
    async with person.bot.database.transaction() as connection:
        await reports_store.fail_run(connection, order[0], "provider_unavailable", "api.example.com не отвечает")
    return order[0]


async def ask(person: Person) -> AnswerId:
    async with person.bot.database.transaction() as connection:
        chat = await chat_history.create_chat(connection, person.user.id)
        occasion = Occasion(door="telegram", key=uuid4().hex)
        to = return_address(person.chat, MessageId(5))
        return await chat_history.add_question(connection, chat, occasion, "тайна?", "тайна?", to)


async def fail_answer(person: Person) -> AnswerId:
    answer = await ask(person)
    async with person.bot.database.transaction() as connection:
        await chat_history.fail_answer(connection, answer, "unexpected_failure")
    return answer


async def jobs(bot: Bot) -> list[str]:
    async with bot.database.transaction() as connection:
        query = "SELECT task_name FROM procrastinate_jobs WHERE status = 'todo' AND args ->> 'subject' = ANY(%s)"
        subjects = await (
            await connection.execute(
                "SELECT id::text FROM recordings UNION SELECT id::text FROM report_runs "
                "UNION SELECT id::text FROM chat_answers"
            )
        ).fetchall()
        cursor = await connection.execute(query, [[row["id"] for row in subjects]])
        return [row["task_name"] async for row in cursor]


async def forget_jobs(bot: Bot) -> None:
    async with bot.database.transaction() as connection:
        await connection.execute("DELETE FROM procrastinate_jobs")


async def cards_of(person: Person) -> int:
    async with person.bot.database.transaction() as connection:
        query = "SELECT count(*) AS cards FROM progress_cards WHERE chat_id = %s"
        row = await (await connection.execute(query, [person.chat])).fetchone()
    assert row is not None
    return int(row["cards"])


async def test_the_owner_is_shown_the_way_to_the_list_when_there_is_something_in_it(
    bot: Bot, owner: Person, person: Person
) -> None:
    await owner.press_data("menu_system")
    assert "📮" not in owner.sees
    await give_up(person, "тайна")
    for each in (owner, person):
        await each.press_data("menu_system")
    assert "[📮 Не доставлено: 1]" in owner.sees
    assert "📮" not in person.sees


async def test_the_list_names_everybody_s_letters_newest_first_and_nothing_that_was_said(
    bot: Bot, owner: Person, person: Person
) -> None:
    other = await Person.come(bot, "Борис")
    recording = await fail_recording(person)
    done = await other.has_recording(file_name="тайна.ogg")
    await give_up(person, "тайна", key=f"transcript:{recording.id}:1:1:text")
    await fail_report(other, done)
    await fail_answer(other)
    file = FileReference(source=FileSource.TRANSCRIPT, subject=done.id, extension="txt")
    item = await put(other, "тайна", file=file)
    async with bot.database.transaction() as connection:
        await outbox_store.give_up(connection, item, "not_found")
    await owner.press_data("letters||1")
    assert "Не доставлено: 5" in owner.sees
    told = [line for line in owner.sees.splitlines() if line and "[" not in line]
    assert [line.partition("</b> ")[2] for line in told[1::3]] == [
        f"Файл с расшифровкой: запись №{done.number}",
        "Ответ в чате №1",
        f"Отчёт «2) Отчет о связках» по записи №{done.number}",
        f"Результат: запись №{recording.number}",
        f"Обработка записи №{recording.number}",
    ]
    assert [line.removeprefix("Для кого: ") for line in told[2::3]] == ["Борис"] * 3 + ["Анна &lt;b&gt;"] * 2
    assert [line.partition(" · ")[2] for line in told[3::3]] == [
        "того, что отправляли, уже нет",
        "неизвестная ошибка, подробности в журнале",
        "сервис обработки не отвечал",
        "человек остановил бота и получит всё, когда вернётся",
        "в записи не слышно речи",
    ]
    assert "тайна" not in owner.sees
    assert "example" not in owner.sees


async def test_a_long_list_has_pages(owner: Person, person: Person) -> None:
    for _ in range(6):
        await give_up(person, "раз")
    await owner.press_data("letters||1")
    assert "Страница 1 из 2" in owner.sees
    await owner.press("▶")
    assert "Страница 2 из 2" in owner.sees
    assert "[🔁 Повторить 6] [🗑 Убрать 6]" in owner.sees
    await owner.press("🗑 Убрать 6")
    assert "Не доставлено: 5" in owner.sees
    assert "Страница" not in owner.sees


async def test_what_came_what_was_cancelled_and_what_the_command_line_told_is_not_in_the_list(
    bot: Bot, owner: Person, person: Person
) -> None:
    await give_up(person, "пришло и удалено", AlreadySent.code)
    cancelled = await person.has_recording(file_name="а.ogg")
    async with bot.database.transaction() as connection:
        await recordings_store.record_failure(connection, cancelled.id, "cancelled", "Отменено.")
        local = await users_store.ensure_local_user(connection)
        recording = await recordings_store.insert_recording(connection, new_recording(local))
        await recordings_store.record_failure(connection, recording.id, "no_speech", "Не слышно.")
    await owner.press_data("letters||1")
    assert "Недоставленного нет" in owner.sees


async def test_a_message_that_is_tried_again_comes_in_its_place_and_once(
    bot: Bot, owner: Person, person: Person, outbox: Outbox, telegram: TelegramOfFiles
) -> None:
    await put(person, "первое")
    telegram.failures["send"] = [ChatClosed(chat=person.chat, reason="USER_IS_BLOCKED")]
    await look(outbox)
    await put(person, "второе")
    await owner.press_data("letters||1")
    button = next(button for _, button in owner.buttons if "Повторить 1" in button.text)
    await asyncio.gather(*(owner.press_data(button.data) for _ in range(2)))
    assert sorted(owner.heard) == ["Поставлено в очередь", "Этого в списке уже нет"]
    assert "Недоставленного нет" in owner.sees
    await look(outbox, times=3)
    assert telegram.shown(person.chat) == ["первое", "второе"]
    await owner.press_data(button.data)
    await look(outbox, times=2)
    assert telegram.sends == 3


async def test_a_message_that_came_although_it_was_given_up_does_not_come_twice(
    bot: Bot, owner: Person, person: Person, outbox: Outbox, telegram: TelegramOfFiles
) -> None:
    item = await put(person, "первое")
    await look(outbox)
    async with bot.database.transaction() as connection:
        await connection.execute("UPDATE outbox SET sent_at = NULL, message_id = NULL")
        await outbox_store.give_up(connection, item, "messenger_error")
    assert await bot.letters.retry(LetterId(kind=LetterKind.MESSAGE, row=item))
    await look(outbox)
    assert telegram.shown(person.chat) == ["первое"]
    assert await bot.letters.count() == 0


async def test_work_on_a_recording_goes_on_once_with_a_card_for_its_person(
    bot: Bot, owner: Person, person: Person
) -> None:
    recording = await fail_recording(person)
    letter = LetterId(kind=LetterKind.RECORDING, row=recording.id)
    done = await asyncio.gather(*(bot.letters.retry(letter) for _ in range(3)))
    assert sorted(done) == [False, False, True]
    assert await jobs(bot) == ["advance_recording"]
    assert (await cards_of(person), await cards_of(owner)) == (1, 0)
    assert await bot.letters.count() == 0


async def test_a_report_is_written_once_more_and_delivered_by_a_new_card(bot: Bot, person: Person) -> None:
    recording = await person.has_recording()
    run = await fail_report(person, recording)
    async with bot.database.transaction() as connection:
        query = "INSERT INTO progress_cards (kind, owner_id, chat_id, recording_id, run_ids, delivered, random_id)"
        values = "VALUES ('reports', %s, %s, %s, %s, %s, 1)"
        await connection.execute(
            f"{query} {values}".encode(), [person.user.id, person.chat, recording.id, [run], [run]]
        )
    await forget_jobs(bot)
    letter = LetterId(kind=LetterKind.REPORT, row=run)
    done = await asyncio.gather(*(bot.letters.retry(letter) for _ in range(3)))
    assert sorted(done) == [False, False, True]
    assert await jobs(bot) == ["write_report"]
    assert await cards_of(person) == 2


async def test_a_card_that_has_not_told_the_failure_yet_brings_the_report(bot: Bot, person: Person) -> None:
    recording = await person.has_recording()
    run = await fail_report(person, recording)
    async with bot.database.transaction() as connection:
        query = "INSERT INTO progress_cards (kind, owner_id, chat_id, recording_id, run_ids, random_id)"
        values = "VALUES ('reports', %s, %s, %s, %s, 1)"
        await connection.execute(f"{query} {values}".encode(), [person.user.id, person.chat, recording.id, [run]])
    assert await bot.letters.retry(LetterId(kind=LetterKind.REPORT, row=run))
    assert await cards_of(person) == 1


async def test_an_answer_that_failed_is_brought_once_more(
    bot: Bot, person: Person, outbox: Outbox, telegram: TelegramOfFiles
) -> None:
    answer = await fail_answer(person)
    deliveries = ChatDeliveries(bot.database, MessageTracker(bot.database, bot.telegram), lambda: None)
    await look(deliveries)
    await look(outbox)
    assert len(telegram.shown(person.chat)) == 1
    letter = LetterId(kind=LetterKind.ANSWER, row=answer)
    done = await asyncio.gather(*(bot.letters.retry(letter) for _ in range(3)))
    assert sorted(done) == [False, False, True]
    assert await jobs(bot) == ["answer_question"]
    async with bot.database.transaction() as connection:
        assert await chat_history.finish_answer(
            connection, person.user.id, answer, AnswerOutcome(basis=Basis.QUOTES, text="Да.")
        )
    for _ in range(2):
        await look(deliveries)
        await look(outbox)
    assert ["Да." in each for each in telegram.shown(person.chat)] == [False, True]


async def test_everything_is_tried_again_at_once(
    bot: Bot, owner: Person, person: Person, outbox: Outbox, telegram: TelegramOfFiles
) -> None:
    other = await Person.come(bot, "Борис")
    for each in (person, other):
        for said in ("раз", "два"):
            await give_up(each, said)
    await fail_recording(person)
    await owner.press_data("letters||1")
    await owner.press("🔁 Повторить всё")
    assert owner.heard == ["Поставлено в очередь: 5"]
    assert "Недоставленного нет" in owner.sees
    assert bot.woken == 1
    await look(outbox, times=3)
    assert [telegram.shown(each.chat) for each in (person, other)] == [["раз", "два"]] * 2


async def test_what_was_taken_out_of_the_list_stays_out_until_it_fails_anew(
    bot: Bot, owner: Person, person: Person
) -> None:
    recording, answer = await fail_recording(person), await fail_answer(person)
    run = await fail_report(person, recording)
    item = await give_up(person, "раз")
    await owner.press_data("letters||1")
    for _ in range(4):
        await owner.press("🗑 Убрать 1")
    assert owner.heard == ["Убрано из списка"] * 4
    assert "Недоставленного нет" in owner.sees
    rows: dict[LetterKind, int | UUID] = {
        LetterKind.MESSAGE: item,
        LetterKind.RECORDING: recording.id,
        LetterKind.REPORT: run,
        LetterKind.ANSWER: answer,
    }
    for kind, row in rows.items():
        assert await bot.letters.retry(LetterId(kind=kind, row=row))
    async with bot.database.transaction() as connection:
        await outbox_store.give_up(connection, item, "chat_closed")
        await recordings_store.record_failure(connection, recording.id, "no_speech", "")
        await reports_store.fail_run(connection, run, "no_speech", "")
        await chat_history.fail_answer(connection, answer, "no_speech")
    assert await bot.letters.count() == 4


@pytest.mark.parametrize(
    "data",
    [
        "letter_redo||message||1",
        "letter_redo||nonsense||17||1",
        "letter_redo||recording||17||1",
        "letter_redo||recording||i123||1",
        f"letter_redo||message||i{'0' * 32}||1",
        "letter_drop||report||1",
        "letter_drop",
        "letters",
    ],
)
async def test_a_button_that_names_no_letter_is_outdated(owner: Person, data: str) -> None:
    with pytest.raises(OutdatedButton):
        await owner.press_data(data)


@pytest.mark.parametrize("kind", LetterKind)
@pytest.mark.parametrize("action", ["letter_redo", "letter_drop"])
async def test_a_letter_that_is_none_is_left_alone(
    bot: Bot, owner: Person, person: Person, kind: LetterKind, action: str
) -> None:
    recording = await person.has_recording()
    rows: dict[LetterKind, str] = {
        LetterKind.MESSAGE: str(await put(person, "ждёт")),
        LetterKind.RECORDING: f"i{recording.id.hex}",
        LetterKind.REPORT: f"i{uuid4().hex}",
        LetterKind.ANSWER: f"i{(await ask(person)).hex}",
    }
    await owner.press_data(f"{action}||{kind}||{rows[kind]}||1")
    assert owner.heard == ["Этого в списке уже нет"]
    assert await jobs(bot) == []


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def router(bot: Bot, owner: Person, person: Person, tmp_path: Path) -> AsyncIterator[Router]:
    async def nothing(context: Context, update: object) -> None:
        pass

    async def press(context: Context, press: Press) -> None:
        pass

    async def menu(user: User) -> Screen:
        return Screen(text="Меню")

    async def jobless(connection: Connection, words: UUID) -> None:
        pass

    [letters] = [routes for routes in bot.routes if Action.LETTERS in routes.presses]
    rest = Routes(
        presses=dict.fromkeys(set(Action) - set(letters.presses), (Permission.LOOK, press)),
        answers=dict.fromkeys(Step, (Permission.LOOK, nothing)),
        files=(Permission.LOOK, nothing),
    )
    team = Team(owner=owner.chat, members=frozenset([person.chat]))
    router = Router(
        Inbox(bot.database, team, bot.journal),
        Dialogs(bot.database),
        bot.telegram,
        bot.messages,
        [letters, rest],
        menu=menu,
        other=nothing,
        strangers=Strangers(bot.messages, Invitations(bot.database, team), has_owner=True),
        without_database=WithoutDatabase(bot.telegram, bot.machine, owner.chat, tmp_path / "saved_notes.json"),
        words=SpokenWords(bot.database, jobless, 20).find,
        zone_of=bot.preferences.zone_of,
    )
    await router.recover()
    yield router
    await router.stop()


@pytest.mark.parametrize("data", ["letters||1", "letters_redo", "letter_redo||message||{item}||1"])
async def test_nobody_but_the_owner_sees_or_does_anything(
    bot: Bot, owner: Person, person: Person, router: Router, data: str
) -> None:
    item = await give_up(person, "раз", MessengerError.code)
    for number, who in enumerate((person, owner), 1):
        press = ButtonPress(
            query_id=item * 10 + number,
            chat_id=ChatId(who.chat),
            message_id=MessageId(7),
            person=TelegramPerson(id=who.chat, name=who.user.name),
            data=data.format(item=item),
        )
        await router.on_press(press)
        async with asyncio.timeout(20):
            while not bot.telegram.shown(who.chat):  # noqa: ASYNC110  # it comes from another task
                await asyncio.sleep(0.01)
        if who is person:
            assert bot.telegram.shown(who.chat) == [AccessDenied(person=1, permission="operate").user_text]
            assert await bot.letters.count() == 1
    assert "📮" in bot.telegram.shown(owner.chat)[0]
