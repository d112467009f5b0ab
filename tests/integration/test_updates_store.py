"""Each test works in a transaction that is undone; rows of other tests that were committed are left out by chat."""

from random import getrandbits

import pytest

import updates_store
from datamodels_telegram import ButtonPress, ChatId, IncomingMessage, MessageId, SeenUpdate, TelegramPerson
from db import Connection

MESSAGE = IncomingMessage(
    chat_id=ChatId(7), message_id=MessageId(100), person=TelegramPerson(id=7, name="Мария \0Ёлкина"), text="Иванов Иван"
)
PRESS = ButtonPress(
    query_id=2**62 + 1, chat_id=ChatId(7), message_id=MessageId(101), person=MESSAGE.person, data="menu_main"
)


@pytest.fixture(autouse=True)
async def _nothing_seen(connection: Connection) -> None:
    await connection.execute("DELETE FROM seen_updates")


async def test_a_message_is_new_once(connection: Connection) -> None:
    assert await updates_store.remember(connection, SeenUpdate.of(MESSAGE))
    assert not await updates_store.remember(connection, SeenUpdate.of(MESSAGE))


async def test_the_same_message_id_in_another_chat_is_another_message(connection: Connection) -> None:
    await updates_store.remember(connection, SeenUpdate.of(MESSAGE))
    assert await updates_store.remember(connection, SeenUpdate.of(MESSAGE.model_copy(update={"chat_id": ChatId(8)})))


async def test_each_press_of_a_button_is_new_once(connection: Connection) -> None:
    assert await updates_store.remember(connection, SeenUpdate.of(PRESS))
    assert not await updates_store.remember(connection, SeenUpdate.of(PRESS))
    assert await updates_store.remember(
        connection, SeenUpdate.of(PRESS.model_copy(update={"query_id": getrandbits(62)}))
    )


async def test_a_press_and_a_message_with_the_same_number_are_two_updates(connection: Connection) -> None:
    await updates_store.remember(connection, SeenUpdate.of(MESSAGE))
    assert await updates_store.remember(
        connection, SeenUpdate.of(PRESS.model_copy(update={"query_id": MESSAGE.message_id}))
    )


async def test_what_has_no_end_comes_back_in_its_order_without_what_was_written(
    connection: Connection,
) -> None:
    later = MESSAGE.model_copy(update={"message_id": MessageId(102)})
    await updates_store.remember(connection, SeenUpdate.of(MESSAGE))
    await updates_store.remember(connection, SeenUpdate.of(later))
    await updates_store.remember(connection, SeenUpdate.of(PRESS))
    await connection.execute(
        "UPDATE seen_updates SET received_at = now() + make_interval(secs => message_id - 100) WHERE chat_id = 7"
    )
    unfinished = await updates_store.unfinished(connection)
    person = TelegramPerson(id=7, name="Мария Ёлкина")
    expected = [SeenUpdate.of(update) for update in (MESSAGE, PRESS, later)]
    assert unfinished == [update.model_copy(update={"person": person}) for update in expected]
    row = await (await connection.execute("SELECT * FROM seen_updates WHERE message_id = 100")).fetchone()
    assert "Иванов" not in str(row)


async def test_what_is_done_is_not_unfinished(connection: Connection) -> None:
    await updates_store.remember(connection, SeenUpdate.of(MESSAGE))
    await updates_store.remember(connection, SeenUpdate.of(PRESS), done=True)
    await updates_store.mark_done(connection, SeenUpdate.of(MESSAGE))
    assert await updates_store.unfinished(connection) == []


@pytest.mark.parametrize("number", range(3))
async def test_what_is_done_and_tried_is_one_update_of_one_chat(connection: Connection, number: int) -> None:
    in_another_chat = MESSAGE.model_copy(update={"chat_id": ChatId(8)})
    pressed = PRESS.model_copy(update={"query_id": MESSAGE.message_id})
    await updates_store.remember(connection, SeenUpdate.of(MESSAGE))
    await updates_store.remember(connection, SeenUpdate.of(in_another_chat))
    await updates_store.remember(connection, SeenUpdate.of(pressed))
    updates = [SeenUpdate.of(update) for update in (MESSAGE, in_another_chat, pressed)]
    worked_on = updates.pop(number)
    await updates_store.count_try(connection, worked_on)
    tries = {(each.kind, each.chat_id): each.tries for each in await updates_store.unfinished(connection)}
    assert tries == {(worked_on.kind, worked_on.chat_id): 1, **{(each.kind, each.chat_id): 0 for each in updates}}
    await updates_store.mark_done(connection, worked_on)
    left = {(each.kind, each.chat_id) for each in await updates_store.unfinished(connection)}
    assert left == {(each.kind, each.chat_id) for each in updates}


async def test_tries_are_counted_over_restarts(connection: Connection) -> None:
    await updates_store.remember(connection, SeenUpdate.of(MESSAGE))
    update = SeenUpdate.of(MESSAGE)
    assert [await updates_store.count_try(connection, update) for _ in range(3)] == [1, 2, 3]
    assert [stored.tries for stored in await updates_store.unfinished(connection)] == [3]


async def test_an_update_that_could_not_be_noted_is_at_its_first_try(connection: Connection) -> None:
    assert await updates_store.count_try(connection, SeenUpdate.of(MESSAGE)) == 1


async def test_of_what_came_the_updates_that_were_never_stored_are_found(connection: Connection) -> None:
    elsewhere = MESSAGE.model_copy(update={"chat_id": ChatId(8)})
    came = [SeenUpdate.of(each) for each in (MESSAGE, PRESS, elsewhere)]
    assert await updates_store.unknown(connection, came) == set(came)
    await updates_store.remember(connection, came[0])
    await updates_store.mark_done(connection, came[1])
    assert await updates_store.unknown(connection, came) == {came[2]}
    assert await updates_store.unknown(connection, []) == set()


async def remember(connection: Connection, *message_ids: int) -> None:
    for message_id in message_ids:
        message = MESSAGE.model_copy(update={"message_id": MessageId(message_id)})
        await updates_store.remember(connection, SeenUpdate.of(message))


async def test_missed_messages_are_looked_for_from_a_little_before_the_latest(
    connection: Connection,
) -> None:
    assert await updates_store.missed_after(connection) is None
    await updates_store.remember(connection, SeenUpdate.of(PRESS))
    assert await updates_store.missed_after(connection) is None
    await remember(connection, 5000)
    assert await updates_store.missed_after(connection) == 4999, "what was written before the first start is no news"
    await remember(connection, 5030)
    assert await updates_store.missed_after(connection) == 4999
    await remember(connection, 6000)
    assert await updates_store.missed_after(connection) == 5900
