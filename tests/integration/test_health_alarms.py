"""The owner is told once of every trouble that lasts, and once that it is over; a restart tells nothing again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import outbox_store
import texts.health
from application.notices import Notices
from datamodels import Role
from datamodels_telegram import MessageKind, OutgoingMessage, Screen
from db import Database
from handlers_world import Bot, Person
from health.alarms import Alarms
from health.board import OK, Board, Level, Part, Reading, Why
from messenger import ChatClosed, MessengerError, MessengerUnavailable
from object_store import ObjectStore
from tcp_proxy import TcpProxy

SETTLED_S = 10.0


class Desk:
    """Alarms over a board, and what they have told."""

    def __init__(self, database: Database, path: Path) -> None:
        self.database = database
        self.path = path
        self.board = Board()
        self.told: list[str] = []
        self.refuses = False
        self.seconds = 0.0
        self.alarms = self.new()
        for part in Part:
            self.board.note(part, OK)

    def new(self, *silent: Part) -> Alarms:
        return Alarms(
            self.board,
            self.database,
            self._tell,
            self.path,
            silent=frozenset(silent),
            clock=lambda: self.seconds,
        )

    async def look(self, *, after: float = SETTLED_S) -> list[str]:
        """What is told when the board stays as it is for so many seconds."""
        before = len(self.told)
        await self.alarms.step()
        self.seconds += after
        await self.alarms.step()
        return [text.split("\n")[0] for text in self.told[before:]]

    async def _tell(self, text: str) -> bool:
        if self.refuses:
            return False
        self.told.append(text)
        return True


@pytest.fixture
def bot(followed: Database, tmp_path: Path, objects: ObjectStore) -> Bot:
    return Bot(followed, tmp_path, objects)


@pytest.fixture
async def owner(bot: Bot) -> Person:
    return await Person.come(bot, "Ольга", Role.SUPER_ADMIN)


@pytest.fixture
def desk(followed: Database, tmp_path: Path) -> Desk:
    return Desk(followed, tmp_path / "told.json")


def down(why: Why) -> Reading:
    return Reading(Level.DOWN, why)


TROUBLES = [
    (Part.DATABASE, down(Why.NO_ANSWER), "База данных не отвечает", "База данных снова отвечает"),
    (Part.DATABASE, down(Why.FULL), "На диске базы данных кончилось место", "На диске базы данных снова есть место"),
    (Part.OBJECTS, down(Why.UNAVAILABLE), "Хранилище записей не отвечает", "Хранилище записей снова работает"),
    (Part.OBJECTS, down(Why.KEY_REFUSED), "не принимает ключ", "Хранилище записей снова работает"),
    (Part.JOBS, down(Why.NO_HEARTBEAT), "Очередь задач стоит", "Очередь задач снова работает"),
    (Part.DISK, down(Why.NOT_WRITABLE), "На диск нельзя писать", "Места на диске снова достаточно"),
    (Part.DISK, down(Why.FULL), "На диске сервера нет места", "Места на диске снова достаточно"),
    (Part.DISK, Reading(Level.DEGRADED, Why.LOW_SPACE), "меньше 10 % места", "Места на диске снова достаточно"),
    (Part.ASR, down(Why.KEY_REFUSED), "распознавания речи не принимает ключ", "Распознавание речи снова работает"),
    (Part.LLM, down(Why.KEY_REFUSED), "языковой модели не принимает ключ", "Языковая модель снова работает"),
    (Part.ASR, down(Why.NO_FUNDS), "распознавания речи кончились деньги", "Распознавание речи снова работает"),
    (Part.LLM, down(Why.NO_FUNDS), "языковой модели кончились деньги", "Языковая модель снова работает"),
    (Part.IMAGES, Reading(Level.DEGRADED, Why.KEY_REFUSED), "картинок не принимает ключ", "больше не отказывает"),
    (Part.BACKUP, Reading(Level.DEGRADED, Why.FAILS), "Резервная копия не сделана", "копии снова в порядке"),
    (Part.BACKUP, Reading(Level.DEGRADED, Why.OVERDUE), "Больше суток нет новой", "копии снова в порядке"),
    (Part.BACKUP, Reading(Level.DEGRADED, Why.DAMAGED), "Резервная копия повреждена", "копии снова в порядке"),
    (Part.BACKUP, Reading(Level.DEGRADED, Why.OBJECTS_LOST), "нет части записей", "копии снова в порядке"),
    (Part.BACKUP, Reading(Level.DEGRADED, Why.DRILL_STOPPED), "восстановление прервалось", "копии снова в порядке"),
]


@pytest.mark.parametrize(("part", "reading", "trouble", "well"), TROUBLES)
async def test_a_trouble_is_told_once_and_its_end_once(
    desk: Desk, part: Part, reading: Reading, trouble: str, well: str
) -> None:
    assert await desk.look() == []
    desk.board.note(part, reading)
    [told] = await desk.look()
    assert trouble in told
    assert "{" not in told
    assert await desk.look(after=3600) == []
    desk.board.note(part, OK)
    [told] = await desk.look()
    assert well in told
    assert await desk.look(after=3600) == []


@pytest.mark.parametrize(
    ("part", "reading"),
    [
        (Part.LLM, down(Why.NO_ANSWER)),
        (Part.ASR, Reading(Level.DEGRADED, Why.RATE_LIMITED)),
        (Part.DATABASE, Reading(Level.DEGRADED, Why.SLOW)),
        (Part.JOBS, down(Why.DATABASE_AWAY)),
        (Part.DISK, down(Why.NOT_CHECKED)),
        (Part.TELEGRAM, down(Why.NO_ANSWER)),
        (Part.BACKUP, Reading(Level.DEGRADED, Why.NEVER)),
    ],
)
async def test_what_nobody_can_mend_or_hear_of_is_not_told(desk: Desk, part: Part, reading: Reading) -> None:
    desk.board.note(part, reading)
    assert await desk.look() == []


async def test_that_telegram_was_away_is_told_when_it_is_back(desk: Desk) -> None:
    desk.board.note(Part.TELEGRAM, down(Why.NO_ANSWER))
    assert await desk.look() == []
    desk.board.note(Part.TELEGRAM, OK)
    assert await desk.look() == [texts.health.TELEGRAM_BACK]


async def test_what_is_over_within_ten_seconds_is_not_told(desk: Desk) -> None:
    desk.board.note(Part.DATABASE, down(Why.REFUSES))
    assert await desk.look(after=9) == []
    desk.board.note(Part.DATABASE, OK)
    assert await desk.look() == []
    desk.board.note(Part.DATABASE, down(Why.REFUSES))
    assert await desk.look(after=9) == []


async def test_another_reason_for_the_same_trouble_is_not_told_again(desk: Desk) -> None:
    desk.board.note(Part.DATABASE, down(Why.NO_ANSWER))
    assert len(await desk.look()) == 1
    desk.board.note(Part.DATABASE, down(Why.REFUSES))
    assert await desk.look() == []


async def test_a_disk_that_gets_full_is_told_anew(desk: Desk) -> None:
    desk.board.note(Part.DISK, Reading(Level.DEGRADED, Why.LOW_SPACE))
    assert len(await desk.look()) == 1
    desk.board.note(Part.DISK, down(Why.FULL))
    [told] = await desk.look()
    assert "На диске сервера нет места" in told


async def test_a_trouble_that_becomes_another_has_to_last_anew(desk: Desk) -> None:
    desk.board.note(Part.DISK, Reading(Level.DEGRADED, Why.LOW_SPACE))
    assert await desk.look(after=9) == []
    desk.board.note(Part.DISK, down(Why.FULL))
    assert await desk.look(after=9) == []
    assert len(await desk.look(after=1)) == 1


async def test_what_could_not_be_told_is_told_later(desk: Desk) -> None:
    desk.board.note(Part.DATABASE, down(Why.NO_ANSWER))
    desk.refuses = True
    assert await desk.look() == []
    desk.refuses = False
    assert len(await desk.look()) == 1


async def test_a_restart_tells_nothing_again_and_knows_what_is_over(desk: Desk) -> None:
    desk.board.note(Part.LLM, down(Why.KEY_REFUSED))
    assert len(await desk.look()) == 1
    desk.alarms = desk.new()
    assert await desk.look() == []
    desk.board.note(Part.LLM, OK)
    desk.alarms = desk.new()
    assert await desk.look() == [texts.health.LLM_BACK]


@pytest.mark.parametrize("left", ["", "[]", '{"llm":', "null"])
async def test_a_damaged_note_of_what_was_told_is_none(desk: Desk, left: str) -> None:
    desk.path.write_text(left)
    desk.board.note(Part.LLM, down(Why.KEY_REFUSED))
    assert len(await desk.look()) == 1


async def test_parts_that_somebody_else_tells_of_are_left_out(desk: Desk) -> None:
    desk.alarms = desk.new(Part.DATABASE)
    desk.board.note(Part.DATABASE, down(Why.NO_ANSWER))
    assert await desk.look() == []


# --- dead letters -----------------------------------------------------------------------------------------------------


async def fail(person: Person) -> None:
    """Have a message to the person given up."""
    async with person.bot.database.transaction() as connection:
        key = uuid4().hex
        message = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text="раз"))
        await outbox_store.put(connection, key, person.user.id, person.chat, message)
        await connection.execute(
            "UPDATE outbox SET given_up_at = clock_timestamp(), error = 'chat_closed' WHERE key = %s", [key]
        )


async def test_dead_letters_are_told_and_further_ones_not_before_a_quarter_of_an_hour(
    desk: Desk, owner: Person
) -> None:
    await fail(owner)
    assert await desk.look() == [texts.health.DEAD_LETTERS]
    assert await desk.look(after=3600) == []
    await fail(owner)
    assert await desk.look() == [texts.health.DEAD_LETTERS]
    await fail(owner)
    assert await desk.look(after=899) == []
    assert await desk.look(after=1) == [texts.health.DEAD_LETTERS]
    async with desk.database.transaction() as connection:
        await connection.execute("UPDATE outbox SET dismissed_at = now()")
    assert await desk.look(after=3600) == []
    assert await desk.look(after=3600) == []


async def test_failures_one_after_another_are_told_though_none_lasts(desk: Desk, owner: Person) -> None:
    for _ in range(3):
        await fail(owner)
        await desk.look(after=5)
    assert desk.told == [texts.health.DEAD_LETTERS]


# --- how the owner is told --------------------------------------------------------------------------------------------


async def test_a_text_goes_by_the_outbox(bot: Bot, owner: Person) -> None:
    assert await Notices(bot.database, bot.telegram, owner.chat).tell("⚠ раз")
    async with bot.database.transaction() as connection:
        assert [item.message.screen.text for item in await outbox_store.list_next(connection)] == ["⚠ раз"]


@pytest.fixture
async def away(followed: Database) -> AsyncIterator[Database]:
    """A database that has gone."""
    known = conninfo_to_dict(followed._conninfo)
    async with TcpProxy(str(known["host"]), int(str(known["port"]))) as way:
        opened = await Database.open(make_conninfo(followed._conninfo, host="127.0.0.1", port=way.port))
        await way.go_away()
        async with asyncio.timeout(20):
            while opened.absence is None:  # noqa: ASYNC110  # the server has no event of ours
                await asyncio.sleep(0.05)
        yield opened
        way.come_back()
        await opened.close()


@pytest.mark.parametrize(
    ("trouble", "is_told"),
    [(MessengerUnavailable(reason="timeout"), False), (ChatClosed(chat=1, reason="blocked"), True)],
)
async def test_without_the_database_a_text_is_sent_at_once_and_tried_again_when_that_helps(
    bot: Bot, owner: Person, away: Database, trouble: MessengerError, is_told: bool
) -> None:
    notices = Notices(away, bot.telegram, owner.chat)
    assert await notices.tell("⚠ раз")
    assert bot.telegram.shown(owner.chat) == ["⚠ раз"]
    bot.telegram.failures["send"] = [trouble]
    assert await notices.tell("⚠ два") is is_told


async def test_without_an_owner_there_is_nothing_to_try_again(bot: Bot, away: Database) -> None:
    assert await Notices(away, bot.telegram, None).tell("⚠ раз")
    assert bot.telegram.chats == {}
