"""The router over a real database; Telegram is what the client shows of it."""

import asyncio
import errno
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from itertools import count
from pathlib import Path
from random import getrandbits
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from structlog.types import EventDict

import sent_messages_store
import texts.telegram
import texts.voice_notes
import updates_store
import user_states
import users_store
from access import Permission, Team
from conversations.hybrid import HybridStorage
from database_copies import copied_database
from datamodels import RecordingId, Role, User, UserId
from datamodels_chats import AnswerId
from datamodels_telegram import (
    AttachedFile,
    ButtonPress,
    ChatId,
    FileKind,
    IncomingMessage,
    MessageId,
    MessageKind,
    Screen,
    SeenUpdate,
    TelegramPerson,
)
from db import Database
from dialogs import ChatDialog, Dialog, Dialogs, RatingDialog, Step
from errors import (
    AccessDenied,
    DatabaseFull,
    DatabaseMisconfigured,
    DatabaseUnavailable,
    DiskFull,
    NoSpeech,
    NotFound,
    OutdatedButton,
    ProviderRateLimited,
    ProviderUnavailable,
    UnreadableFile,
)
from handlers import MOST_TRIES, MOST_WAITS, Router
from inbox import Inbox
from machine import Machine
from markups.callback_data import Action, Press, button, word_of
from message_tracker import MessageTracker
from messenger import ChatClosed, MessengerUnavailable
from sign_in.invitations import Invitations
from tcp_proxy import TcpProxy
from telegram_double import TelegramDouble
from telegram_handlers.context import Context, MessageHandler, PressHandler, Routes
from telegram_handlers.strangers import Strangers
from telegram_handlers.timing import Timing
from telegram_handlers.without_database import WithoutDatabase
from texts.telegram import OUTDATED, SAVED, SAVED_UNTIL_CALM, SAVED_UNTIL_MENDED
from updates_journal import UpdatesJournal

OWNER = 1
MENU = "Главное меню"
FILE = AttachedFile(kind=FileKind.VOICE, file_name="запись.ogg", size_bytes=1000)
NEVER = 3600.0
_IDS = count(10_000)


@pytest.fixture(scope="module")
async def module_database(postgres_dsn: str, migrated: str) -> AsyncIterator[Database]:
    """A database of its own: a router takes up everything that is not finished."""
    database = await Database.open(await copied_database(postgres_dsn, migrated, "router"))
    yield database
    await database.close()


@pytest.fixture
async def database(module_database: Database) -> Database:
    async with module_database.transaction() as connection:
        await connection.execute("TRUNCATE seen_updates")
    return module_database


@dataclass
class Bot:
    """A router whose handlers note what they were given."""

    database: Database
    telegram: TelegramDouble = field(default_factory=TelegramDouble)
    team: Team = field(default_factory=lambda: Team(owner=OWNER, members=frozenset(range(10_000, 12_000))))
    spool: Path = field(default_factory=lambda: Path(mkdtemp()))
    journal_type: type[UpdatesJournal] = UpdatesJournal
    timing: Timing = field(default_factory=lambda: Timing(answer_after_s=NEVER, retry_after_s=0, stop_grace_s=0))
    presses: dict[Action, PressHandler] = field(default_factory=dict)
    on_text: MessageHandler | None = None
    on_file: MessageHandler | None = None
    handled: list[str] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    menus: list[UserId] = field(default_factory=list)
    """Whose main menu was asked for."""
    words: dict[tuple[ChatId, MessageId], IncomingMessage] = field(default_factory=dict)
    """What was recognised in voice notes."""

    async def start(self) -> None:
        """Start as the process does."""
        self.renew()
        await self.router.recover()

    async def die(self) -> None:
        """End as a process that is killed: nothing is noted any more."""
        await self.router._workers.stop(0)

    async def start_new(self) -> None:
        """Start as the next process does, over a journal or a timing that has changed."""
        await self.router.stop()
        await self.start()

    @property
    def journal(self) -> UpdatesJournal:
        return self.journal_type(self.spool / "updates.journal")

    def renew(self) -> None:
        storage = HybridStorage(self.database, self.spool / "conversations")
        down = {"llm": datetime(2026, 11, 3, 14, 5).astimezone()}
        machine = Machine(self.database, self.journal, lambda: down, lambda: storage.state)
        self.without_database = WithoutDatabase(self.telegram, machine, OWNER, self.spool / "saved_notes.json")
        self.inbox = Inbox(self.database, self.team, self.journal)
        self.invitations = Invitations(self.database, self.team)
        messages = MessageTracker(self.database, self.telegram)
        self.router = Router(
            self.inbox,
            Dialogs(self.database),
            self.telegram,
            messages,
            [
                Routes(
                    presses=dict.fromkeys(Action, (Permission.LOOK, self._on_press)),
                    commands={"start": (Permission.LOOK, self._noting("command"))},
                    answers={step: (Permission.RECORD, self._noting(step)) for step in Step},
                    spoken=self._noting("spoken"),
                    files=(Permission.RECORD, self._noting("file")),
                )
            ],
            menu=self._menu,
            other=self._noting("other"),
            strangers=Strangers(messages, self.invitations, has_owner=self.team.owner is not None),
            without_database=self.without_database,
            timing=self.timing,
            words=self._words,
            zone_of=self._zone_of,
        )

    async def _words(self, chat: ChatId, message: MessageId) -> IncomingMessage | None:
        return self.words.get((chat, message))

    async def _zone_of(self, owner: UserId) -> tzinfo | None:  # noqa: ARG002
        return ZoneInfo("Asia/Vladivostok")

    async def _menu(self, user: User) -> Screen:
        self.menus.append(user.id)
        return Screen(text=MENU)

    async def write(self, person: int, text: str, **more: object) -> IncomingMessage:
        """A person writes; returns when that was handled."""
        message = message_of(person, text, **more)
        await self.router.on_message(message)
        await self.quiet()
        return message

    async def press(self, person: int, data: str, message: int = 50) -> ButtonPress:
        """A person presses; returns when that was handled."""
        press = press_of(person, data, message)
        await self.router.on_press(press)
        await self.quiet()
        return press

    async def quiet(self) -> None:
        """Wait until nothing is left to be handled."""
        async with asyncio.timeout(20):
            await self.inbox.settle()  # as a follower does now and then
            while await self.open_updates():
                pass

    async def open_updates(self) -> int:
        async with self.database.transaction() as connection:
            cursor = await connection.execute("SELECT count(*) AS open FROM seen_updates WHERE done_at IS NULL")
            row = await cursor.fetchone()
        assert row is not None
        return int(row["open"])

    def seen_by(self, person: int) -> list[str]:
        return self.telegram.shown(ChatId(person))

    def answers_to(self, press: ButtonPress) -> list[str] | None:
        return self.telegram.answers.get(press.query_id)

    async def _on_press(self, context: Context, press: Press) -> None:
        self.users.append(context.user)
        if press.action in self.presses:
            await self.presses[press.action](context, press)
        self.handled.append(press.action)

    def _noting(self, route: str) -> MessageHandler:
        async def note(context: Context, message: IncomingMessage) -> None:
            self.users.append(context.user)
            handler = self.on_file if route == "file" else self.on_text
            if handler is not None:
                await handler(context, message)
            self.handled.append(f"{route}: {message.text}")

        return note


def message_of(person: int, text: str, **more: object) -> IncomingMessage:
    fields = {"chat_id": person, "message_id": next(_IDS), "person": TelegramPerson(id=person, name="Мария")}
    return IncomingMessage.model_validate({**fields, "text": text, **more})


def press_of(person: int, data: str, message: int = 50) -> ButtonPress:
    return ButtonPress(
        query_id=getrandbits(62),
        chat_id=ChatId(person),
        message_id=MessageId(message),
        person=TelegramPerson(id=person, name="Мария"),
        data=data,
    )


def raising(error: Exception) -> Callable[..., Awaitable[None]]:
    async def fail(*_: object) -> None:
        raise error

    return fail


def event(logs: list[EventDict], name: str) -> Mapping[str, object]:
    (found,) = [line for line in logs if line["event"] == name]
    return found


@pytest.fixture
async def bot(database: Database) -> AsyncIterator[Bot]:
    bot = Bot(database)
    await bot.start()
    yield bot
    await bot.router.stop()


@pytest.fixture
def person() -> int:
    return next(_IDS)


async def open_dialog(
    database: Database, person: int, step: Step, *, asked_by: int | None = None, answered: int = 0
) -> None:
    """Open a dialog about a recording; message ``asked_by`` of the bot asks its question."""
    async with database.transaction() as connection:
        who = TelegramPerson(id=person, name="Мария")
        user = await users_store.ensure_telegram_user(connection, who, Role.USER)
        dialog = Dialog(step=step, recording_id=RecordingId(uuid4()), answered=answered)
        await user_states.put(connection, user.id, dialog)
        if asked_by is not None:
            chat, message, kind = ChatId(person), MessageId(asked_by), MessageKind.INPUT_REQUEST
            await sent_messages_store.remember(connection, chat, message, kind, dialog.recording_id)


async def is_in_dialog(database: Database, person: int) -> bool:
    async with database.transaction() as connection:
        user = await users_store.find_by_telegram_id(connection, person)
        assert user is not None
        return await user_states.get(connection, user.id, Dialog) is not None


# --- which handler runs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["/start", "/start abc", "/START", "/start@voxpersona_bot abc", "/start a\nb"])
async def test_a_command_reaches_its_handler(bot: Bot, person: int, text: str) -> None:
    await bot.write(person, text)
    assert bot.handled == [f"command: {text}"]
    assert (bot.users[0].telegram_id, bot.users[0].role) == (person, Role.USER)


@pytest.mark.parametrize("text", ["/nothing", "/start_ 1", "/статус", "/Отчёты 5"])
async def test_an_unknown_command_is_answered_with_where_to_look(bot: Bot, person: int, text: str) -> None:
    await bot.write(person, text)
    assert bot.handled == []
    assert bot.seen_by(person) == [texts.telegram.UNKNOWN_COMMAND]


async def test_a_file_is_a_file_whatever_its_caption_and_dialog(bot: Bot, person: int) -> None:
    await open_dialog(bot.database, person, Step.ASK_CITY)
    await bot.write(person, "/start", file=FILE)
    assert bot.handled == ["file: /start"]


@pytest.mark.parametrize(
    ("kind", "step", "asked", "handled"),
    [
        (FileKind.VOICE, Step.RATING_ASK_COMMENT, True, "spoken: "),
        (FileKind.VIDEO_NOTE, Step.RATING_ASK_COMMENT, True, "spoken: "),
        (FileKind.AUDIO, Step.RATING_ASK_COMMENT, True, "file: "),
        (FileKind.VOICE, Step.RATING_ASK_COMMENT, False, "file: "),
        (FileKind.VOICE, Step.CHAT_RENAME_ASK_TITLE, True, "spoken: "),
        (FileKind.VOICE, None, False, "file: "),
    ],
)
async def test_what_is_spoken_in_the_place_of_typed_text_is_no_recording(
    bot: Bot, person: int, kind: FileKind, step: Step | None, asked: bool, handled: str
) -> None:
    async with bot.database.transaction() as connection:
        who = TelegramPerson(id=person, name="Мария")
        user = await users_store.ensure_telegram_user(connection, who, Role.USER)
        if step is Step.RATING_ASK_COMMENT:
            await user_states.put(connection, user.id, RatingDialog(step=step, answer_id=AnswerId(uuid4())))
        elif step is not None:
            await user_states.put(connection, user.id, ChatDialog(step=step, number=1))
        if asked:
            await sent_messages_store.remember(connection, ChatId(person), MessageId(1), MessageKind.INPUT_REQUEST)
    await bot.write(person, "", file=FILE.model_copy(update={"kind": kind, "duration_s": 59}))
    assert bot.handled == [handled]
    await bot.write(person, "", file=FILE.model_copy(update={"kind": kind, "duration_s": 60}))
    assert bot.handled[1:] == ["file: "], "longer ones are recordings, whatever is asked"


@pytest.mark.parametrize(
    ("open_step", "answers", "words", "handled"),
    [
        (Step.CHAT_RENAME_ASK_TITLE, Step.CHAT_RENAME_ASK_TITLE, "/start", f"{Step.CHAT_RENAME_ASK_TITLE}: /start"),
        (Step.CHAT_RENAME_ASK_TITLE, None, "/start", "other: /start"),
        (Step.CHAT_RENAME_ASK_TITLE, Step.ASK_EMPLOYEE, "/start", None),
        (None, Step.CHAT_RENAME_ASK_TITLE, "/start", None),
        (Step.CHAT_RENAME_ASK_TITLE, Step.ASK_EMPLOYEE, "где парковка", "other: где парковка"),
        (None, Step.ASK_EMPLOYEE, "что говорят о завтраке?", "other: что говорят о завтраке?"),
    ],
)
async def test_what_was_said_replies_to_the_step_at_which_it_was_said_and_to_no_other(
    bot: Bot, person: int, open_step: Step | None, answers: Step | None, words: str, handled: str | None
) -> None:
    async with bot.database.transaction() as connection:
        who = TelegramPerson(id=person, name="Мария")
        user = await users_store.ensure_telegram_user(connection, who, Role.USER)
        if open_step is not None:
            await user_states.put(connection, user.id, ChatDialog(step=open_step, number=1))
            await sent_messages_store.remember(connection, ChatId(person), MessageId(1), MessageKind.INPUT_REQUEST)
    said = message_of(person, words, spoken=True, answers=answers)
    await bot.router.on_words(said)
    await bot.router.on_words(said)
    await bot.quiet()
    assert bot.handled == ([] if handled is None else [handled])
    assert bot.seen_by(person) == ([] if handled else [texts.voice_notes.TOO_LATE])


async def test_what_was_said_is_handled_again_after_a_restart(bot: Bot, person: int) -> None:
    said = message_of(person, "что о завтраке?", spoken=True)
    bot.words[said.chat_id, said.message_id] = said
    async with bot.database.transaction() as connection:
        await updates_store.remember(connection, SeenUpdate.of(said))
    await bot.start_new()
    await bot.quiet()
    assert bot.handled == ["other: что о завтраке?"]


async def open_comment(database: Database, person: int, *, asked_by: int) -> None:
    """Open a dialog about a rating, whose question is message ``asked_by``."""
    async with database.transaction() as connection:
        who = TelegramPerson(id=person, name="Мария")
        user = await users_store.ensure_telegram_user(connection, who, Role.USER)
        dialog = RatingDialog(step=Step.RATING_ASK_COMMENT, answer_id=AnswerId(uuid4()))
        await user_states.put(connection, user.id, dialog)
        await sent_messages_store.remember(connection, ChatId(person), MessageId(asked_by), MessageKind.INPUT_REQUEST)


async def test_text_that_was_written_before_the_question_is_no_reply_to_it(bot: Bot, person: int) -> None:
    early, late = message_of(person, "рано"), message_of(person, "в ответ")
    await open_comment(bot.database, person, asked_by=early.message_id + 1)
    late = late.model_copy(update={"message_id": late.message_id + 1})
    for message in (early, late):
        await bot.router.on_message(message)
        await bot.quiet()
    assert bot.handled == ["other: рано", "rating_ask_comment: в ответ"]


async def replied_and_killed(bot: Bot, person: int) -> IncomingMessage:
    """A reply whose handler ends the dialog; the bot is killed before it notes that the reply was handled."""
    await open_comment(bot.database, person, asked_by=1)

    async def ends(context: Context, _: IncomingMessage) -> None:
        await Dialogs(bot.database).end(context.user.id, RatingDialog)

    bot.on_text = ends
    message = await bot.write(person, "Мало цифр")
    async with bot.database.transaction() as connection:
        await connection.execute("UPDATE seen_updates SET done_at = NULL WHERE chat_id = %s", [person])
    bot.telegram.written[message.chat_id, message.message_id] = message
    return message


async def test_a_reply_that_is_handled_again_after_a_crash_does_the_same_again(bot: Bot, person: int) -> None:
    await replied_and_killed(bot, person)
    await bot.start_new()
    await bot.quiet()
    assert bot.handled == ["rating_ask_comment: Мало цифр"] * 2
    await bot.write(person, "а дальше?")
    assert bot.handled[2:] == ["other: а дальше?"]


async def test_a_reply_that_is_handled_again_is_no_reply_to_a_later_question(bot: Bot, person: int) -> None:
    await replied_and_killed(bot, person)
    await open_comment(bot.database, person, asked_by=2)
    await bot.start_new()
    await bot.quiet()
    assert bot.handled == ["rating_ask_comment: Мало цифр"]
    await bot.write(person, "к другому ответу")
    assert bot.handled[1:] == ["rating_ask_comment: к другому ответу"]


async def test_text_answers_the_open_dialog(bot: Bot, person: int) -> None:
    await open_dialog(bot.database, person, Step.ASK_CITY, asked_by=1)
    await bot.write(person, "Самара")
    assert bot.handled == ["ask_city: Самара"]


async def test_text_is_no_reply_to_a_question_that_is_not_in_the_chat(bot: Bot, person: int) -> None:
    await open_dialog(bot.database, person, Step.ASK_EMPLOYEE)
    async with bot.database.transaction() as connection:
        other = RecordingId(uuid4())
        await sent_messages_store.remember(connection, ChatId(person), MessageId(1), MessageKind.INPUT_REQUEST, other)
    await bot.write(person, "Что гости говорят о завтраке?")
    assert bot.handled == ["other: Что гости говорят о завтраке?"]
    assert await is_in_dialog(bot.database, person), "the question may be on its way"


async def test_text_is_no_reply_to_a_question_that_came_after_it(bot: Bot, person: int) -> None:
    message = message_of(person, "Что гости говорят о завтраке?")
    await open_dialog(bot.database, person, Step.ASK_EMPLOYEE, asked_by=message.message_id + 1)
    await bot.router.on_message(message)
    await bot.quiet()
    assert bot.handled == ["other: Что гости говорят о завтраке?"]


async def test_a_reply_that_is_handled_again_after_a_crash_is_a_reply(bot: Bot, person: int) -> None:
    message = message_of(person, "Самара")
    asked_by, answered = message.message_id + 1, message.message_id
    await open_dialog(bot.database, person, Step.ASK_CITY, asked_by=asked_by, answered=answered)
    await bot.router.on_message(message)
    await bot.quiet()
    assert bot.handled == ["ask_city: Самара"]


@pytest.mark.parametrize("text", ["Самара", "", "/ нет", "/1", "а /start"])
async def test_text_that_nobody_asked_for_is_other(bot: Bot, person: int, text: str) -> None:
    await bot.write(person, text)
    assert bot.handled == [f"other: {text}"]


async def test_a_button_reaches_its_handler_and_is_answered_once(bot: Bot, person: int) -> None:
    async def answer_twice(context: Context, press: Press) -> None:
        assert (context.pressed, context.chat, press.number) == (50, person, 17)
        await context.answer("Открываю")
        await context.answer("Ещё раз")

    bot.presses[Action.RECORDING] = answer_twice
    press = await bot.press(person, "recording||17")
    assert bot.handled == ["recording"]
    assert bot.answers_to(press) == ["Открываю"]


# --- buttons ------------------------------------------------------------------------------------------------------


async def test_a_button_is_answered_when_its_handler_says_nothing(bot: Bot, person: int) -> None:
    assert bot.answers_to(await bot.press(person, "menu_main")) == [""]


async def test_a_button_is_answered_while_its_handler_works(database: Database, person: int) -> None:
    bot = Bot(database, timing=Timing(answer_after_s=0))
    await bot.start()

    async def work(context: Context, press: Press) -> None:
        await asyncio.wait_for(bot.telegram.answered.wait(), 20)
        await context.answer("Поздно")

    bot.presses[Action.MENU_HELP] = work
    press = await bot.press(person, "menu_help")
    assert bot.handled == ["menu_help"]
    assert bot.answers_to(press) == [""]


@pytest.mark.parametrize("data", ["", "nothing||1", "menu_main||x||", "\0", "recording||" + "9" * 40])
async def test_a_button_of_an_earlier_version_is_outdated_and_the_menu_is_shown(
    bot: Bot, person: int, data: str
) -> None:
    press = await bot.press(person, data)
    assert bot.answers_to(press) == [OUTDATED]
    assert bot.seen_by(person) == [MENU]


@pytest.mark.parametrize("error", [NotFound(what="recording 17"), OutdatedButton(data="recording")])
async def test_a_button_of_what_is_gone_or_of_another_person_is_outdated(
    bot: Bot, person: int, error: Exception
) -> None:
    bot.presses[Action.RECORDING] = raising(error)
    press = await bot.press(person, "recording||17")
    assert bot.answers_to(press) == [OUTDATED]
    assert bot.seen_by(person) == [MENU]
    assert bot.menus == [bot.users[-1].id]


async def test_start_does_not_wait_for_ratings_that_take_their_time(bot: Bot, person: int) -> None:
    late, greeted, rated = asyncio.Event(), asyncio.Event(), []

    async def rate(context: Context, press: Press) -> None:
        await late.wait()
        rated.append(press.number)

    async def greet(context: Context, message: IncomingMessage) -> None:
        greeted.set()

    bot.presses[Action.RATE_ANSWER], bot.on_text = rate, greet
    answer = word_of(AnswerId(uuid4()))
    for stars in (1, 2, 5):
        await bot.router.on_press(press_of(person, button("", Action.RATE_ANSWER, answer, stars).data))
    await bot.router.on_message(message_of(person, "/start"))
    await asyncio.wait_for(greeted.wait(), 20)
    assert rated == []
    late.set()
    await bot.quiet()
    assert rated == [1, 2, 5]


async def test_ten_taps_act_once_and_all_are_answered(bot: Bot, person: int) -> None:
    taps = [press_of(person, "menu_main") for _ in range(10)]
    await asyncio.gather(*map(bot.router.on_press, taps))
    await bot.quiet()
    assert bot.handled == ["menu_main"]
    assert [bot.answers_to(tap) for tap in taps] == [[""]] * 10


async def test_whoever_presses_too_fast_is_asked_to_wait_and_holds_up_nothing(bot: Bot, person: int) -> None:
    other = next(_IDS)
    presses = [press_of(person, f"recording||{number % 7 + 1}") for number in range(2000)]
    theirs = press_of(other, "menu_main")
    await asyncio.gather(*map(bot.router.on_press, [*presses, theirs]))
    await bot.write(person, "а это дойдёт")
    answered = Counter(tuple(bot.answers_to(press) or ()) for press in presses)
    assert answered == {("",): 20, (texts.telegram.TOO_MANY_PRESSES,): 1980}
    assert bot.answers_to(theirs) == [""]
    assert bot.handled.count("recording") <= 20
    assert bot.handled[-1] == "other: а это дойдёт"
    for number in range(30):
        assert bot.answers_to(await bot.press(person, f"recording||{number + 1}")) == [""]


async def test_taps_that_are_delivered_again_after_their_second_do_not_act(database: Database, person: int) -> None:
    now = 100.0
    bot = Bot(database, timing=Timing(answer_after_s=NEVER, clock=lambda: now))
    await bot.start()
    taps = [press_of(person, "menu_main") for _ in range(3)]
    for _ in range(2):
        for tap in taps:
            await bot.router.on_press(tap)
        await bot.quiet()
        now += 10
    assert bot.handled == ["menu_main"]
    await bot.press(person, "menu_main")
    assert bot.handled == ["menu_main"] * 2


async def test_a_button_that_failed_can_be_pressed_again_at_once(bot: Bot, person: int) -> None:
    bot.presses[Action.REPORTS_ALL] = raising(ProviderUnavailable(provider="llm", reason="down"))
    await bot.press(person, "reports_all||1")
    del bot.presses[Action.REPORTS_ALL]
    await bot.press(person, "reports_all||1")
    assert bot.handled == ["reports_all"]


# --- order and repetition -----------------------------------------------------------------------------------------


async def test_a_message_that_is_delivered_again_is_handled_once_also_after_a_restart(bot: Bot, person: int) -> None:
    message = await bot.write(person, "Самара")
    await bot.router.on_message(message)
    await bot.start()
    await bot.router.on_message(message)
    await bot.write(person, "Пермь")
    assert bot.handled == ["other: Самара", "other: Пермь"]


async def test_what_a_person_sends_at_once_is_handled_in_order(bot: Bot, person: int) -> None:
    await asyncio.gather(*(bot.router.on_message(message_of(person, str(number))) for number in range(20)))
    await bot.quiet()
    assert bot.handled == [f"other: {number}" for number in range(20)]


async def test_people_do_not_wait_for_one_another(bot: Bot, person: int) -> None:
    other = next(_IDS)
    other_was_served = asyncio.Event()

    async def work(context: Context, message: IncomingMessage) -> None:
        if context.chat == other:
            other_was_served.set()
        else:
            await asyncio.wait_for(other_was_served.wait(), 20)

    bot.on_text = work
    await bot.router.on_message(message_of(person, "медленно"))
    await bot.write(other, "быстро")
    assert bot.handled == ["other: быстро", "other: медленно"]


# --- who may ------------------------------------------------------------------------------------------------------


async def test_a_stranger_hears_that_access_is_by_invitation_and_the_own_number(
    database: Database, person: int
) -> None:
    bot = Bot(database, team=Team(owner=OWNER, members=frozenset()))
    await bot.start()
    await bot.write(person, "/start")
    press = await bot.press(person, "menu_main")
    assert bot.handled == []
    assert bot.seen_by(person) == [texts.telegram.BY_INVITATION.format(id=person)]
    assert bot.answers_to(press) == [""]
    async with database.transaction() as connection:
        assert await users_store.find_by_telegram_id(connection, person) is None


async def test_a_bot_without_an_owner_says_what_to_write_into_the_settings(database: Database, person: int) -> None:
    bot = Bot(database, team=Team(owner=None, members=frozenset()))
    await bot.start()
    await bot.write(person, "привет")
    assert f"OWNER_TELEGRAM_ID={person}" in bot.seen_by(person)[0]


async def test_the_owner_has_every_right(bot: Bot) -> None:
    await bot.write(OWNER, "/start")
    assert bot.users[0].role is Role.SUPER_ADMIN


async def test_a_guest_may_look_and_not_record(database: Database, person: int) -> None:
    bot = Bot(database, team=Team(owner=OWNER, members=frozenset(), guests=frozenset([person])))
    await bot.start()
    await bot.write(person, "", file=FILE)
    assert bot.handled == []
    assert bot.seen_by(person) == [AccessDenied().user_text]
    await bot.press(person, "menu_main")
    await bot.write(person, "", file=FILE.model_copy(update={"duration_s": 4}))
    assert bot.handled == ["menu_main", "spoken: "], "guests ask by voice, too"


async def test_a_group_is_told_once_that_the_bot_works_in_private(bot: Bot, person: int) -> None:
    group = -next(_IDS)
    for _ in range(2):
        await bot.router.on_message(message_of(person, "/start", chat_id=group, private=False))
        await bot.start_new()
    press = press_of(person, "menu_main").model_copy(update={"chat_id": ChatId(group)})
    await bot.router.on_press(press)
    assert bot.seen_by(group) == [texts.telegram.GROUP]
    assert bot.answers_to(press) == [texts.telegram.ONLY_PRIVATE]
    assert bot.handled == []


async def test_a_group_that_takes_no_messages_is_left_alone(bot: Bot, person: int) -> None:
    bot.telegram.failures["send"] = [ChatClosed(chat="group", reason="CHAT_WRITE_FORBIDDEN")]
    await bot.router.on_message(message_of(person, "/start", chat_id=-5, private=False))
    assert bot.seen_by(-5) == []


# --- failures -----------------------------------------------------------------------------------------------------


async def test_a_failure_is_told_with_a_code_that_is_in_the_log(bot: Bot, person: int) -> None:
    bot.on_text = raising(ProviderRateLimited(provider="<модель>"))
    with capture_logs([merge_contextvars]) as logs:
        await bot.write(person, "тайна")
    (told,) = bot.seen_by(person)
    assert "Сервис обработки ограничил частоту запросов." in told
    assert "модель" not in told
    assert f"<code>{event(logs, 'update_failed')['update']}</code>" in told
    assert event(logs, "update_failed")["error"] == "provider_rate_limited"
    assert "тайна" not in str(logs)


async def test_what_people_can_mend_themselves_needs_no_code_and_is_not_repeated_in_the_log(
    bot: Bot, person: int
) -> None:
    bot.on_file = raising(NoSpeech(file_name="тайна.ogg"))
    with capture_logs([merge_contextvars]) as logs:
        await bot.write(person, "", file=FILE)
    assert bot.seen_by(person) == [NoSpeech(file_name="тайна.ogg").user_text]
    assert "тайна" not in str(logs)


async def test_a_failure_with_an_endless_name_can_still_be_told(bot: Bot, person: int) -> None:
    bot.on_file = raising(NoSpeech(file_name="я" * 5000))
    await bot.write(person, "", file=FILE)
    (told,) = bot.seen_by(person)
    assert len(told) < 1000


async def test_a_bug_is_told_with_a_code_and_the_next_message_is_handled(bot: Bot, person: int) -> None:
    bot.on_text = raising(ZeroDivisionError("bug"))
    with capture_logs([merge_contextvars]) as logs:
        await bot.write(person, "раз")
    crash = event(logs, "update_crashed")
    assert crash["exc_info"]
    (told,) = bot.seen_by(person)
    assert f"<code>{crash['update']}</code>" in told
    bot.on_text = None
    await bot.write(person, "два")
    assert bot.handled == ["other: два"]


async def test_a_person_who_blocked_the_bot_is_only_logged(bot: Bot, person: int) -> None:
    bot.on_text = raising(ChatClosed(chat=person, reason="USER_IS_BLOCKED"))
    with capture_logs([merge_contextvars]) as logs:
        await bot.write(person, "привет")
    assert event(logs, "update_failed")["error"] == "chat_closed"
    assert bot.seen_by(person) == []


async def test_what_telegram_did_not_answer_is_done_again(bot: Bot, person: int) -> None:
    failures = [MessengerUnavailable(reason="no answer")] * 2

    async def fail_twice(context: Context, message: IncomingMessage) -> None:
        if failures:
            raise failures.pop()

    bot.on_text = fail_twice
    await bot.write(person, "привет")
    assert bot.handled == ["other: привет"]


async def test_what_telegram_never_answers_is_given_up(bot: Bot, person: int) -> None:
    bot.on_text = raising(MessengerUnavailable(reason="no answer"))
    await bot.write(person, "привет")
    assert bot.handled == []
    assert bot.seen_by(person) == [texts.telegram.GIVEN_UP]


async def test_a_failure_that_cannot_be_told_is_only_logged(bot: Bot, person: int) -> None:
    bot.on_text = raising(ZeroDivisionError("bug"))
    bot.telegram.failures["send"] = [MessengerUnavailable(reason="no answer")]
    with capture_logs([merge_contextvars]) as logs:
        await bot.write(person, "привет")
    assert event(logs, "person_not_told")["error"] == "messenger_unavailable"


async def answers(database: Database) -> bool:
    try:
        await database.check()
    except DatabaseUnavailable:
        return False
    return True


@dataclass
class Outage:
    """A bot whose database can go away."""

    bot: Bot
    way: TcpProxy

    async def begins(self) -> None:
        await self.way.go_away()
        async with asyncio.timeout(20):
            while await answers(self.bot.database):  # noqa: ASYNC110  # the server has no event of ours
                await asyncio.sleep(0.05)

    async def ends(self) -> None:
        self.way.come_back()
        async with asyncio.timeout(20):
            while not await answers(self.bot.database):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.fixture
async def outage(database: Database, postgres_dsn: str) -> AsyncIterator[Outage]:
    known = conninfo_to_dict(database._conninfo)
    async with TcpProxy(str(known["host"]), int(str(known["port"]))) as way:
        through = await Database.open(make_conninfo(database._conninfo, host="127.0.0.1", port=way.port))
        bot = Bot(through)
        await bot.start()
        yield Outage(bot, way)
        way.come_back()
        await bot.router.stop()
        await through.close()


async def test_what_comes_while_the_database_is_away_is_handled_when_it_is_back(outage: Outage, person: int) -> None:
    bot = outage.bot
    await outage.begins()
    press = press_of(person, "menu_main")
    await bot.router.on_message(message_of(person, "раз"))
    await bot.router.on_press(press)
    await bot.router.on_message(message_of(person, "два"))
    async with asyncio.timeout(20):
        while bot.seen_by(person) != [SAVED]:  # noqa: ASYNC110  # it comes from another task
            await asyncio.sleep(0.05)
    assert bot.handled == []

    await outage.ends()
    await bot.quiet()
    async with asyncio.timeout(20):
        while len(bot.handled) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await bot.quiet()
    assert [each.partition(":")[0] for each in bot.handled] == ["other", "menu_main", "other"]
    assert SAVED not in bot.seen_by(person)
    assert not any("Код для администратора" in text for text in bot.seen_by(person))

    again = Bot(bot.database, telegram=bot.telegram, spool=bot.spool)
    await again.start()
    await again.quiet()
    assert again.handled == []


async def test_what_comes_again_while_the_database_is_away_is_not_handled_again(outage: Outage, person: int) -> None:
    bot = outage.bot
    message, press = await bot.write(person, "раз"), await bot.press(person, "menu_main")
    handled = list(bot.handled)
    await outage.begins()
    await bot.router.on_message(message)
    await bot.router.on_press(press)
    await bot.router.on_message(message_of(person, "два"))
    await outage.ends()
    async with asyncio.timeout(20):
        while "other: два" not in bot.handled:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await bot.quiet()
    assert bot.handled == [*handled, "other: два"]


@pytest.mark.parametrize("failure", [OSError(errno.EMFILE, "Too many open files"), MemoryError()])
async def test_what_the_machine_has_no_means_for_is_handled_again(bot: Bot, person: int, failure: Exception) -> None:
    failures, seen = [failure] * 3, list[list[str]]()

    async def handler(*_: object) -> None:
        seen.append(bot.seen_by(person))
        if failures:
            raise UnreadableFile(file_name="a", reason="b") from failures.pop()

    bot.on_text = handler
    await bot.write(person, "раз")
    assert bot.handled == ["other: раз"]
    assert seen == [[], *[[SAVED_UNTIL_CALM]] * 3]
    assert bot.seen_by(person) == []


async def test_what_never_has_the_means_is_told_and_holds_up_nothing(bot: Bot, person: int) -> None:
    async def handler(_: object, message: IncomingMessage) -> None:
        if message.text == "раз":
            raise MemoryError

    bot.on_text = handler
    await bot.write(person, "раз")
    await bot.write(person, "два")
    assert bot.handled == ["other: два"]
    [told] = bot.seen_by(person)
    assert "Сервер сейчас перегружен" in told


class ShortOfFiles(UpdatesJournal):
    """A journal that cannot be opened now."""

    def append(self, *updates: SeenUpdate) -> None:  # noqa: ARG002
        raise OSError(errno.EMFILE, "Too many open files")


class FullDisk(UpdatesJournal):
    """A journal on a disk without space."""

    def append(self, *updates: SeenUpdate) -> None:  # noqa: ARG002
        raise DiskFull(path="updates.journal")


@pytest.mark.parametrize("journal", [FullDisk, ShortOfFiles])
async def test_what_neither_the_database_nor_the_disk_takes_waits_for_the_database(
    outage: Outage, person: int, journal: type[UpdatesJournal]
) -> None:
    bot = Bot(outage.bot.database, journal_type=journal)
    await bot.start()
    await outage.begins()
    arriving = asyncio.gather(
        bot.router.on_message(message_of(person, "раз")), bot.router.on_press(press_of(person, "menu_main"))
    )
    await asyncio.sleep(0.1)
    assert not arriving.done()
    await outage.ends()
    await arriving
    async with asyncio.timeout(20):
        while len(bot.handled) < 2:  # noqa: ASYNC110  # it comes from another task
            await asyncio.sleep(0.05)
    await bot.quiet()
    assert [each.partition(":")[0] for each in bot.handled] == ["other", "menu_main"]
    assert not any("не хватило места" in text or text == SAVED for text in bot.seen_by(person))
    again = Bot(bot.database, telegram=bot.telegram)
    await again.start()
    await again.quiet()
    assert again.handled == []
    await again.router.stop()
    await bot.router.stop()


@dataclass
class Space:
    """What a bot finds when it writes: the disk of its database is full, and that of its journal may be, too."""

    bot: Bot
    there: bool = False


@pytest.fixture
async def space(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> Space:
    """A bot whose database has no space for updates until there is some."""
    space = Space(bot)

    def without_space(write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def full(*arguments: object, **more: object) -> object:
            if not space.there:
                raise psycopg.errors.DiskFull("could not extend file")
            return await write(*arguments, **more)

        return full

    for name in ("remember", "count_try", "mark_done"):
        monkeypatch.setattr(updates_store, name, without_space(getattr(updates_store, name)))
    return space


async def test_what_comes_while_the_database_has_no_space_waits_for_space_and_uses_up_nothing(
    space: Space, person: int
) -> None:
    bot = space.bot
    await bot.router.on_message(message_of(person, "раз"))
    await bot.router.on_press(press_of(person, "menu_main"))
    await until_seen(bot, person, texts.telegram.SAVED_UNTIL_SPACE)
    assert len(bot.journal.entries()) == 2
    with capture_logs() as logs:
        async with asyncio.timeout(20):
            while len(logs) < MOST_WAITS + MOST_TRIES + 5:  # noqa: ASYNC110  # it is tried in another task
                await asyncio.sleep(0.01)
    assert bot.seen_by(person) == [texts.telegram.SAVED_UNTIL_SPACE]

    space.there = True
    async with asyncio.timeout(20):
        while len(bot.handled) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await bot.quiet()
    assert [each.partition(":")[0] for each in bot.handled] == ["other", "menu_main"]
    assert bot.seen_by(person) == []
    assert bot.journal.entries() == []


async def test_a_handler_that_finds_no_space_in_the_database_is_run_again(bot: Bot, person: int) -> None:
    full = iter(range(MOST_WAITS + 5))

    async def ask(*_: object) -> None:
        if next(full, None) is not None:
            raise DatabaseFull(path="postgres", reason="could not extend file")

    bot.on_text = ask
    await bot.write(person, "раз")
    assert bot.handled == ["other: раз"]
    assert bot.seen_by(person) == []


async def test_what_nothing_has_space_for_is_refused_in_words_and_not_taken_up_later(space: Space, person: int) -> None:
    bot = space.bot
    bot.journal_type, bot.timing = FullDisk, replace(bot.timing, unstored_s=0, answer_after_s=0)
    await bot.start_new()
    message, file = message_of(person, "а < б?"), message_of(person, "", file=FILE)
    press = press_of(person, "rate_answer||1")
    for arriving in (bot.router.on_message(message), bot.router.on_message(file), bot.router.on_press(press)):
        await arriving
    told = bot.seen_by(person)
    assert [each.partition(".")[0] for each in told] == [
        "❗ Не принято: «а &lt; б?»",
        "❗ Не принято: «запись",
        "❗ Не принято: нажатие кнопки",
    ]
    assert all("пришлите ещё раз позже" in each for each in told)
    assert bot.answers_to(press) == [""]

    space.there = True
    await bot.router.on_message(message)  # Telegram delivers it once more
    await bot.quiet()
    async with asyncio.timeout(30):
        while bot.router._endings._noting:  # noqa: ASYNC110 - it is tried again by the clock
            await asyncio.sleep(0.05)
    assert bot.handled == []
    again = Bot(bot.database, telegram=bot.telegram)
    await again.start()
    await again.router.on_message(file)  # one of the last messages in the chat, which a start looks at
    await again.quiet()
    assert again.handled == []
    assert bot.seen_by(person) == told
    await again.router.stop()


async def test_an_update_outlasts_a_database_that_ends_again_and_again(outage: Outage, person: int) -> None:
    bot, left = outage.bot, iter(range(MOST_WAITS + 2))

    async def ends_the_database(*_: object) -> None:
        if next(left, None) is not None:
            bot.database._absences[0] += 1  # as the watch does
            raise DatabaseUnavailable(reason="crash of another server process")

    bot.on_text = ends_the_database
    await bot.write(person, "раз")
    assert bot.handled == ["other: раз"]


async def test_a_name_is_kept_when_an_update_comes_out_of_the_journal(outage: Outage, person: int) -> None:
    await outage.bot.write(person, "раз")
    name = outage.bot.users[-1].name
    await outage.begins()
    await outage.bot.router.on_press(press_of(person, "menu_main"))
    await outage.bot.router.stop()
    after = Bot(outage.bot.database, spool=outage.bot.spool)
    await outage.ends()
    await after.start()
    await after.quiet()
    assert name
    assert [user.name for user in after.users] == [name]


async def test_what_a_process_that_died_without_its_database_had_taken_is_handled_once(
    outage: Outage, person: int
) -> None:
    await outage.begins()
    press = press_of(person, "menu_main")
    for _ in range(2):
        await outage.bot.router.on_press(press)
    await outage.bot.router.stop()
    after = Bot(outage.bot.database, spool=outage.bot.spool)
    starting = asyncio.create_task(after.start())
    await asyncio.sleep(0.1)
    assert after.handled == []

    await outage.ends()
    await starting
    await after.quiet()
    assert len(after.handled) == 1
    assert outage.bot.handled == []
    assert after.journal.entries() == []


async def test_what_comes_when_the_database_is_back_is_stored_behind_what_came_while_it_was_away(
    outage: Outage, person: int
) -> None:
    """In this order the next process would take them up."""
    inbox = Inbox(outage.bot.database, outage.bot.team, outage.bot.journal)
    people = person, next(_IDS)
    came = [SeenUpdate.of(each) for who in people for each in (message_of(who, "раз"), press_of(who, "menu_main"))]
    later = [SeenUpdate.of(each) for who in people for each in (press_of(who, "menu_help"), message_of(who, "два"))]
    await outage.begins()
    assert [await inbox.put(each) for each in came] == [True] * 4
    await outage.ends()
    assert [await inbox.put(each) for each in later + came] == [True] * 4 + [False] * 4
    _, left = await inbox.left_over()
    for who in people:
        kept = [[each.key for each in some if each.person.id == who] for some in (left, came + later)]
        assert kept[0] == kept[1]


@pytest.mark.parametrize("restarted", [False, True])
async def test_each_person_s_updates_are_handled_in_their_order_and_nobody_s_wait_for_another_s(
    database: Database, outage: Outage, person: int, *, restarted: bool
) -> None:
    """What came while the database was away and, after a restart, what was missed and what came while it began."""
    bot, other = outage.bot, next(_IDS)
    buttons = {person: ("menu_main", "menu_help"), other: ("menu_system", "menu_storage")}
    for who in buttons:
        await bot.write(who, "до")
    bot.handled.clear()
    await outage.begins()
    expected: dict[int, list[str]] = {}
    firsts: dict[int, IncomingMessage] = {}
    early: list[IncomingMessage] = []
    for who, (before, after) in buttons.items():
        first, second, missed, last = [message_of(who, f"{name} {who}") for name in ("раз", "два", "три", "/start")]
        firsts[who] = first
        await bot.router.on_message(first)
        await bot.router.on_press(press_of(who, before, first.message_id))
        await bot.router.on_message(second)
        bot.telegram.written |= {(ChatId(who), each.message_id): each for each in (first, second)}
        expected[who] = [f"other: {first.text}", before, f"other: {second.text}"]
        if restarted:
            expected[who] += [f"other: {missed.text}", f"command: {last.text}", after]
            bot.telegram.unseen += [first, missed, last]
            early.append(last)
    if restarted:
        await bot.router.stop()
        bot.renew()
        for last in early:
            await bot.router.on_message(last)
            await bot.router.on_press(press_of(last.person.id, buttons[last.person.id][1], next(_IDS)))
        starting = asyncio.create_task(bot.router.recover())

    def handled(who: int) -> list[str]:
        return [each for each in bot.handled if str(who) in each or each in buttons[who]]

    async with database.transaction() as holding:  # what is to be stored first of the one person's
        await updates_store.remember(holding, SeenUpdate.of(firsts[person]))
        await outage.ends()
        async with asyncio.timeout(10):
            while len(handled(other)) < len(expected[other]):  # noqa: ASYNC110  # it comes from other tasks
                await asyncio.sleep(0.05)
        assert handled(person) == []
    if restarted:
        await starting
    await bot.quiet()
    async with asyncio.timeout(20):
        while len(bot.handled) < sum(map(len, expected.values())):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert {who: handled(who) for who in buttons} == expected


async def test_nobody_waits_for_the_end_of_another_person_s_update_to_be_noted(
    bot: Bot, database: Database, person: int
) -> None:
    other = next(_IDS)
    async with database.transaction() as holding:

        async def hold(context: Context, _: IncomingMessage) -> None:
            if context.chat == person:
                await holding.execute("SELECT FROM seen_updates WHERE chat_id = %s FOR UPDATE", [person])

        bot.on_text = hold
        await bot.router.on_message(message_of(person, "раз"))
        async with asyncio.timeout(10):
            while not bot.handled:  # noqa: ASYNC110  # it comes from another task
                await asyncio.sleep(0.01)
            for text in ("два", "три"):
                await bot.router.on_message(message_of(other, text))
            while len(bot.handled) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    await bot.quiet()
    assert bot.handled == ["other: раз", "other: два", "other: три"]


async def until_seen(bot: Bot, person: int, text: str) -> None:
    async with asyncio.timeout(20):
        while not any(text in each for each in bot.seen_by(person)):  # noqa: ASYNC110  # it comes from another task
            await asyncio.sleep(0.05)


async def test_the_owner_is_told_how_the_machine_is_while_the_database_is_away(outage: Outage, person: int) -> None:
    """Even when something of the owner's waits in line."""
    bot = outage.bot
    await outage.begins()
    await bot.router.on_message(message_of(OWNER, "вопрос"))
    await until_seen(bot, OWNER, SAVED)
    for who in (OWNER, person):
        await bot.router.on_message(message_of(who, "/status@double_bot"))
    [saved, told] = bot.seen_by(OWNER)
    assert saved == SAVED
    assert re.search(
        r"База данных: обрывает соединения или не пускает с \d\d\.\d\d\.\d{4} \d\d:\d\d\. Сообщения складываю", told
    )
    assert "Встроенный движок (языковая модель): остановился 03.11.2026 14:05" in told
    assert "Ждут возвращения базы: 1" in told
    assert "Ждут отправки" not in told, "that is not known now"
    await until_seen(bot, person, SAVED)
    assert not any("База данных:" in each for each in bot.seen_by(person))
    await outage.ends()
    async with asyncio.timeout(20):
        while len(bot.handled) < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await bot.quiet()
    assert bot.handled == ["other: вопрос"]
    assert bot.seen_by(OWNER) == [told]


async def test_the_owner_s_status_is_an_ordinary_command_while_the_database_is_there(bot: Bot) -> None:
    await bot.write(OWNER, "/status")
    assert bot.seen_by(OWNER) == [texts.telegram.UNKNOWN_COMMAND]  # of the routes here


async def test_that_something_was_saved_is_not_said_any_more_after_a_restart(outage: Outage, person: int) -> None:
    notes = outage.bot.spool / "saved_notes.json"
    await outage.begins()
    message = message_of(person, "раз")
    outage.bot.telegram.written[ChatId(person), message.message_id] = message
    await outage.bot.router.on_message(message)
    await until_seen(outage.bot, person, SAVED)
    async with asyncio.timeout(20):
        while str(person) not in notes.read_text(encoding="utf-8"):  # noqa: ASYNC110  # a file has no event
            await asyncio.sleep(0.01)
    assert notes.stat().st_mode & 0o077 == 0
    await outage.bot.router.stop()
    after = Bot(outage.bot.database, telegram=outage.bot.telegram, spool=outage.bot.spool)
    await outage.ends()
    await after.start()
    await after.quiet()
    assert after.handled == ["other: раз"]
    assert after.seen_by(person) == []
    assert str(person) not in notes.read_text(encoding="utf-8")


@pytest.mark.parametrize("damage", [lambda _: b"", lambda line: line[:-4], lambda line: bytes(len(line))])
async def test_a_damaged_line_of_what_was_said_costs_its_own_message_alone(
    bot: Bot, damage: Callable[[bytes], bytes]
) -> None:
    path, people = bot.spool / "saved_notes.json", [next(_IDS) for _ in range(4)]
    for person in people[:3]:
        await bot.without_database.tell(ChatId(person), SAVED)
    lines = path.read_bytes().strip().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + damage(lines[-1]))
    await bot.without_database.tell(ChatId(people[3]), SAVED)
    bot.renew()
    await bot.start()
    assert [bot.seen_by(person) for person in people] == [[], [], [SAVED], []]
    assert not path.read_bytes().strip()


async def test_what_was_said_while_telegram_is_away_is_removed_after_a_restart(bot: Bot, person: int) -> None:
    await bot.without_database.tell(ChatId(person), SAVED)
    away = MessengerUnavailable(messenger="Telegram", connection="сеть", call="delete", reason="cut")
    bot.telegram.failures["delete"] = [away]
    await bot.without_database.take_back(ChatId(person))
    assert bot.seen_by(person) == [SAVED]
    bot.renew()
    await bot.start()
    assert bot.seen_by(person) == []


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"x": 1}', '{"5": "abc"}', '{"5": [1]}', '{"5": 1e999}', "[" * 100_000]
)
async def test_a_damaged_list_of_what_was_said_keeps_nobody_from_starting(bot: Bot, person: int, content: str) -> None:
    (bot.spool / "saved_notes.json").write_text(content, encoding="utf-8")
    await bot.start()
    await bot.write(person, "раз")
    assert bot.handled == ["other: раз"]


async def test_what_a_database_does_not_take_waits_until_it_is_mended(bot: Bot, person: int) -> None:
    closed = iter(range(100))
    seen: list[list[str]] = []

    async def refused(*_: object) -> None:
        seen.append(bot.seen_by(person))
        if next(closed) < MOST_WAITS + 5:
            raise DatabaseMisconfigured(reason="read-only", why="она открыта только для чтения")

    bot.on_text = refused
    await bot.write(person, "раз")
    assert bot.handled == ["other: раз"]
    assert seen == [[], *[[SAVED_UNTIL_MENDED]] * (MOST_WAITS + 5)]
    assert bot.seen_by(person) == []


@dataclass
class Permissions:
    """What sessions of the database may do from now on."""

    admin: psycopg.AsyncConnection[Any]
    name: str

    async def only_read(self, setting: str) -> None:
        query = "ALTER DATABASE {} SET default_transaction_read_only = {}"
        await self.admin.execute(sql.SQL(query).format(sql.Identifier(self.name), sql.SQL(setting)))

    async def end_sessions(self) -> None:
        await self.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [self.name],
        )


@pytest.fixture
async def permissions(database: Database, postgres_dsn: str) -> AsyncIterator[Permissions]:
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as admin:
        permissions = Permissions(admin, str(conninfo_to_dict(database._conninfo)["dbname"]))
        yield permissions
        await permissions.only_read("off")
        await permissions.end_sessions()
    async with asyncio.timeout(20):
        while not await answers(database):  # noqa: ASYNC110  # the server has no event of ours
            await asyncio.sleep(0.05)


async def test_what_comes_to_a_database_that_is_closed_to_us_is_not_lost(
    bot: Bot, permissions: Permissions, person: int
) -> None:
    """Nor does the bot have to be started again when it was mended."""
    await permissions.only_read("on")
    await permissions.end_sessions()
    await bot.router.on_message(message_of(person, "раз"))
    await until_seen(bot, person, SAVED_UNTIL_MENDED)
    assert bot.handled == []
    assert len(bot.journal.entries()) == 1
    await permissions.only_read("off")
    async with asyncio.timeout(20):
        while not bot.handled:  # noqa: ASYNC110  # it comes from another task
            await asyncio.sleep(0.05)
    await bot.quiet()
    assert bot.handled == ["other: раз"]
    assert bot.seen_by(person) == []


async def test_a_handler_that_the_database_leaves_is_run_again_and_uses_up_no_try(outage: Outage, person: int) -> None:
    bot = outage.bot
    tries = iter(range(100))

    async def leaving(*_: object) -> None:
        if next(tries) < MOST_TRIES + 2:
            raise DatabaseUnavailable(reason="broke off")
        bot.handled.append("done")

    bot.on_text = leaving
    await bot.write(person, "раз")
    assert bot.handled == ["done", "other: раз"]
    assert bot.seen_by(person) == []


async def test_a_press_is_known_to_its_handler_by_the_same_key_when_it_is_handled_again(bot: Bot, person: int) -> None:
    keys: list[str] = []

    async def leaving_once(context: Context, press: Press) -> None:
        keys.append(context.update)
        if len(keys) == 1:
            raise DatabaseUnavailable(reason="broke off")

    bot.presses[Action.MENU_MAIN] = leaving_once
    await bot.press(person, "menu_main")
    await bot.press(person, "menu_main", message=51)
    again, other = keys[1:]
    assert keys[0] == again != ""
    assert other not in {again, ""}


async def test_a_handler_that_a_database_which_is_there_never_lets_finish_is_given_up(bot: Bot, person: int) -> None:
    bot.on_text = raising(DatabaseUnavailable(reason="canceling statement due to statement timeout"))
    await bot.write(person, "раз")
    (told,) = bot.seen_by(person)
    assert told.startswith("База данных ненадолго пропала")
    bot.on_text = None
    await bot.write(person, "два")
    assert bot.handled == ["other: два"]


# --- restarts -----------------------------------------------------------------------------------------------------


@dataclass
class Crash:
    """A handler that the end of the process interrupts."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, *_: object) -> None:
        self.begun.set()
        await asyncio.Event().wait()


async def test_nothing_is_handled_before_what_was_left_is_known(database: Database, person: int) -> None:
    bot = Bot(database)
    bot.renew()
    arriving = asyncio.create_task(bot.router.on_message(message_of(person, "привет")))
    for _ in range(20):  # long enough for the message to be stored and handled
        await bot.open_updates()
    assert bot.handled == []
    await bot.router.recover()
    await arriving
    await bot.quiet()
    assert bot.handled == ["other: привет"]


async def test_what_a_stop_interrupted_is_handled_after_the_next_start_in_its_order(bot: Bot, person: int) -> None:
    crash = Crash()
    bot.on_text = crash
    messages = [message_of(person, text) for text in ("раз", "два")]
    bot.telegram.written = {(ChatId(person), message.message_id): message for message in messages}
    for message in messages:
        await bot.router.on_message(message)
    await bot.router.on_press(press_of(person, "menu_main"))
    await crash.begun.wait()
    await bot.router.stop()
    assert bot.handled == []
    bot.on_text = None
    await bot.start()
    await bot.quiet()
    assert bot.handled == ["other: раз", "other: два", "menu_main"]


async def test_what_comes_during_a_stop_is_handled_after_the_next_start(bot: Bot, person: int) -> None:
    await bot.router.stop()
    message = message_of(person, "привет")
    bot.telegram.written[ChatId(person), message.message_id] = message
    await bot.router.on_message(message)
    assert bot.handled == []
    await bot.start()
    await bot.quiet()
    assert bot.handled == ["other: привет"]


async def test_an_interrupted_message_that_was_deleted_is_forgotten(bot: Bot, person: int) -> None:
    await bot.router.stop()
    await bot.router.on_message(message_of(person, "привет"))
    await bot.start()
    await bot.quiet()
    assert (bot.handled, bot.seen_by(person)) == ([], [])


@pytest.mark.parametrize("journal", [UpdatesJournal, FullDisk])
async def test_what_was_written_while_the_bot_was_down_is_handled_once(
    bot: Bot, person: int, journal: type[UpdatesJournal]
) -> None:
    bot.journal_type = journal
    first = await bot.write(person, "раз")
    missed = [message_of(person, "два"), message_of(next(_IDS), "три")]
    bot.telegram.unseen = [first, *missed]
    await bot.start()
    await bot.router.on_message(missed[0])
    await bot.quiet()
    assert sorted(bot.handled) == ["other: два", "other: раз", "other: три"]


async def test_what_a_start_took_up_is_not_lost_when_it_ends_before_it_was_handled(bot: Bot, person: int) -> None:
    """Not even if Telegram does not tell of it once more."""
    await bot.write(person, "до")
    bot.handled.clear()
    missed = [message_of(person, "раз"), message_of(person, "два")]
    bot.telegram.written = {(ChatId(person), each.message_id): each for each in missed}
    bot.telegram.unseen, bot.on_text = missed, (crash := Crash())
    await bot.router.stop()
    bot.renew()
    await bot.router.on_press(press_of(person, "menu_main", next(_IDS)))
    await bot.router.recover()
    await crash.begun.wait()
    await bot.router.stop()
    bot.telegram.unseen, bot.on_text = [], None
    await bot.start()
    await bot.quiet()
    assert bot.handled == ["other: раз", "other: два", "menu_main"]


async def test_what_was_missed_is_handled_before_what_came_later_and_reached_the_new_process_first(
    bot: Bot, person: int
) -> None:
    """Telegram need not deliver what it took while nobody listened before what it takes now."""
    people = {person: ("menu_main", "menu_help"), next(_IDS): ("menu_system", "menu_storage")}
    await bot.write(person, "до")
    expected: dict[int, list[str]] = {}
    left: list[IncomingMessage] = []
    await bot.router.stop()
    for each, (pressed_before, pressed_after) in people.items():
        lost, last, missed, new = [message_of(each, f"{name} {each}") for name in ("раз", "два", "три", "/start")]
        await bot.router.on_press(press_of(each, pressed_before, message=lost.message_id - 1))
        await bot.router.on_message(last)  # ``lost`` was not stored before the end of the process
        left += lost, last, missed
        bot.telegram.written[last.chat_id, last.message_id] = last
        texts_of = [f"other: {message.text}" for message in (lost, last, missed)]
        expected[each] = [pressed_before, *texts_of, f"command: {new.text}", pressed_after]
    bot.handled.clear()
    bot.telegram.unseen = left
    bot.renew()
    come = [
        asyncio.create_task(act)
        for each, text in zip(people, expected.values(), strict=True)
        for act in (
            bot.router.on_message(message_of(each, text[-2].removeprefix("command: "))),
            bot.router.on_press(press_of(each, text[-1], message=next(_IDS))),
        )
    ]
    await asyncio.sleep(0)
    await bot.router.recover()
    await asyncio.gather(*come)
    await bot.quiet()
    for each, handled in expected.items():
        assert [what for what in bot.handled if str(each) in what or what in people[each]] == handled


async def test_missed_messages_are_asked_for_until_telegram_answers(bot: Bot, person: int) -> None:
    await bot.write(person, "раз")
    bot.telegram.unseen = [message_of(person, "два")]
    bot.telegram.failures["missed"] = [MessengerUnavailable(reason="no answer")] * 3
    await bot.start()
    await bot.quiet()
    assert bot.handled == ["other: раз", "other: два"]


async def test_what_a_stop_interrupts_uses_up_no_try(bot: Bot, person: int) -> None:
    message = message_of(person, "привет")
    bot.telegram.written[ChatId(person), message.message_id] = message
    bot.on_text = crash = Crash()
    await bot.router.on_message(message)
    for _ in range(MOST_TRIES + 1):
        await crash.begun.wait()
        await bot.router.stop()
        bot.on_text = crash = Crash()
        await bot.start()
    await crash.begun.wait()
    await bot.router.stop()
    bot.on_text = None
    await bot.start()
    await bot.quiet()
    assert bot.handled == ["other: привет"]
    assert bot.seen_by(person) == []


async def test_what_ends_the_process_every_time_is_given_up_after_seven_tries(bot: Bot, person: int) -> None:
    message = message_of(person, "смерть")
    bot.telegram.written[ChatId(person), message.message_id] = message
    bot.on_text = crash = Crash()
    await bot.router.on_message(message)
    for _ in range(7):
        await crash.begun.wait()
        await bot.die()
        bot.on_text = crash = Crash()
        await bot.start()
    await bot.quiet()
    assert not crash.begun.is_set()
    assert bot.handled == []
    assert bot.seen_by(person) == [texts.telegram.GIVEN_UP]
    await bot.start()
    await bot.quiet()
    assert bot.seen_by(person) == [texts.telegram.GIVEN_UP]
