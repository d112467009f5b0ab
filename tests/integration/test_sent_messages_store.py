from datetime import UTC, datetime

import sent_messages_store
from datamodels_telegram import ChatId, MessageId, MessageKind
from db import Connection

CHAT = ChatId(-int(datetime.now(UTC).timestamp()))
OTHER_CHAT = ChatId(CHAT - 1)


async def test_messages_are_found_by_chat_and_kind(connection: Connection) -> None:
    for chat, message, kind in [
        (CHAT, 3, MessageKind.MENU),
        (CHAT, 1, MessageKind.MENU),
        (CHAT, 2, MessageKind.STATUS_MESSAGE),
        (OTHER_CHAT, 4, MessageKind.MENU),
    ]:
        await sent_messages_store.remember(connection, chat, MessageId(message), kind)
    assert await sent_messages_store.messages_of(connection, CHAT, [MessageKind.MENU]) == [1, 3]
    both = [MessageKind.MENU, MessageKind.STATUS_MESSAGE]
    assert await sent_messages_store.messages_of(connection, CHAT, both) == [1, 2, 3]
    assert await sent_messages_store.messages_of(connection, CHAT, []) == []


async def test_a_message_has_the_kind_that_it_was_given_last(connection: Connection) -> None:
    await sent_messages_store.remember(connection, CHAT, MessageId(1), MessageKind.MENU)
    await sent_messages_store.remember(connection, CHAT, MessageId(1), MessageKind.CONFIRMATION)
    assert await sent_messages_store.messages_of(connection, CHAT, [MessageKind.MENU]) == []
    assert await sent_messages_store.messages_of(connection, CHAT, [MessageKind.CONFIRMATION]) == [1]


async def test_forgotten_messages_are_gone_and_unknown_ones_no_error(connection: Connection) -> None:
    await sent_messages_store.remember(connection, CHAT, MessageId(1), MessageKind.MENU)
    await sent_messages_store.remember(connection, OTHER_CHAT, MessageId(1), MessageKind.MENU)
    await sent_messages_store.forget(connection, CHAT, [MessageId(1), MessageId(2)])
    assert not await sent_messages_store.is_remembered(connection, CHAT, MessageId(1))
    assert await sent_messages_store.is_remembered(connection, OTHER_CHAT, MessageId(1))
