"""The owner hears how the machine is, by ``/status`` and by notices; nobody else does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import outbox_store
import texts.telegram
from application.notices import Notices
from conversations.journal import JournalStorage
from datamodels import Role
from datamodels_chats import AnswerId, Rating
from datamodels_telegram import MessageId, MessageKind, OutgoingMessage, Screen, SeenUpdate, TelegramPerson, UpdateKind
from db import Database
from errors import DatabaseUnavailable
from handlers_world import Bot, Person
from messenger import ChatClosed, MessengerUnavailable
from object_store import ObjectStore
from tcp_proxy import TcpProxy


@pytest.fixture
def bot(followed: Database, tmp_path: Path, objects: ObjectStore) -> Bot:
    return Bot(followed, tmp_path, objects)


@pytest.fixture
async def owner(bot: Bot) -> Person:
    return await Person.come(bot, "Ольга", Role.SUPER_ADMIN)


async def wait_in_outbox(person: Person, *said: str) -> None:
    async with person.bot.database.transaction() as connection:
        for each in said:
            message = OutgoingMessage(kind=MessageKind.RESULT, screen=Screen(text=each))
            await outbox_store.put(connection, uuid4().hex, person.user.id, person.chat, message)


async def test_the_owner_is_told_that_all_is_well(owner: Person) -> None:
    await owner.command("status")
    assert owner.sees.startswith("⏳ <b>Сейчас в работе: 0</b>")
    assert "Состояние</b>\nВсе части на месте.\nЖдут возвращения базы: 0\nЖдут отправки: 0\n" in owner.sees


async def test_the_owner_is_told_of_answers_and_ratings_that_wait_for_the_database(
    bot: Bot, owner: Person, tmp_path: Path
) -> None:
    journal = JournalStorage(tmp_path / "conversations")
    await journal.update_rating(owner.user.id, AnswerId(uuid4()), Rating(stars=4, at=datetime.now(UTC)))
    await bot.storage.get_stats(None)
    await owner.command("status")
    assert "Ответы и оценки на диске до возвращения базы: 1, с " in owner.sees


async def test_the_owner_is_told_what_waits_and_which_engine_is_away_and_others_are_not(
    bot: Bot, owner: Person, person: Person
) -> None:
    await wait_in_outbox(person, "раз", "два")
    async with bot.database.transaction() as connection:
        await connection.execute("UPDATE outbox SET created_at = %s", [datetime(2026, 11, 3, 14, 5).astimezone()])
        [sent, *_] = await outbox_store.list_next(connection)
        await outbox_store.put(connection, "x", person.user.id, person.chat, sent.message)
        await outbox_store.note_sent(connection, sent.id, MessageId(1))
    bot.engines_down["llm"] = datetime(2026, 11, 3, 14, 7).astimezone()
    for number in range(3):
        update = SeenUpdate(
            kind=UpdateKind.MESSAGE,
            chat_id=person.chat,
            update_id=number,
            message_id=MessageId(number),
            person=TelegramPerson(id=person.chat, name="Мария"),
            data=None,
            tries=0,
        )
        bot.journal.append(update)
    for each in (owner, person):
        await each.command("status")
    assert "Встроенный движок (языковая модель): остановился 03.11.2026 14:07, запускаю снова." in owner.sees
    assert "Все части на месте" not in owner.sees
    assert "Ждут возвращения базы: 3\nЖдут отправки: 2, первое с 03.11.2026 14:05\n" in owner.sees
    assert "Состояние" not in person.sees
    assert "Ждут" not in person.sees


# --- notices ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def way(followed: Database) -> AsyncIterator[TcpProxy]:
    known = conninfo_to_dict(followed._conninfo)
    async with TcpProxy(str(known["host"]), int(str(known["port"]))) as proxy:
        yield proxy


@pytest.fixture
async def through(followed: Database, way: TcpProxy) -> AsyncIterator[Database]:
    opened = await Database.open(make_conninfo(followed._conninfo, host="127.0.0.1", port=way.port))
    yield opened
    way.come_back()
    await opened.close()


async def noticed(bot: Bot) -> list[str]:
    async with bot.database.transaction() as connection:
        return [item.message.screen.text for item in await outbox_store.list_next(connection)]


async def settled(notices: Notices) -> None:
    async with asyncio.timeout(20):
        while notices._tasks:
            await asyncio.wait(set(notices._tasks))


async def test_an_engine_that_does_not_come_back_is_told_by_the_outbox(bot: Bot, owner: Person) -> None:
    notices = Notices(bot.database, bot.telegram, owner.chat)
    notices.engine_stuck("llm")
    await settled(notices)
    assert await noticed(bot) == [texts.telegram.ENGINE_STUCK.format(engine="языковая модель")]
    assert bot.telegram.shown(owner.chat) == []


async def test_that_it_is_the_database_is_told_without_it(
    bot: Bot, owner: Person, through: Database, way: TcpProxy
) -> None:
    await way.go_away()
    async with asyncio.timeout(20):
        while through.absence is None:  # noqa: ASYNC110  # the server has no event of ours
            await asyncio.sleep(0.05)
    notices = Notices(through, bot.telegram, owner.chat)
    notices.engine_stuck("postgres")
    await settled(notices)
    assert bot.telegram.shown(owner.chat) == [texts.telegram.ENGINE_STUCK.format(engine="база данных")]
    notices.engine_revived("postgres")
    way.come_back()
    await settled(notices)
    assert await noticed(bot) == [texts.telegram.ENGINE_REVIVED.format(engine="база данных")]


@pytest.mark.parametrize("trouble", [MessengerUnavailable(reason="timeout"), ChatClosed(chat=1, reason="blocked")])
async def test_a_notice_that_cannot_be_sent_ends_nothing(
    bot: Bot, owner: Person, through: Database, way: TcpProxy, trouble: MessengerUnavailable | ChatClosed
) -> None:
    await way.go_away()
    bot.telegram.failures["send"] = [trouble]
    notices = Notices(through, bot.telegram, owner.chat)
    notices.engine_stuck("postgres")
    [task] = notices._tasks
    await settled(notices)
    assert task.exception() is None
    with pytest.raises(DatabaseUnavailable):
        await through.check()


async def test_without_an_owner_nobody_is_told(bot: Bot, through: Database, way: TcpProxy) -> None:
    await way.go_away()
    notices = Notices(through, bot.telegram, None)
    notices.engine_stuck("postgres")
    await settled(notices)
    assert bot.telegram.chats == {}
