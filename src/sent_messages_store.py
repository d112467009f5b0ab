"""Rows of ``sent_messages``: the bot's messages that a later one may remove."""

from collections.abc import Collection

from datamodels_telegram import ChatId, MessageId, MessageKind
from db import Connection

_UPSERT = """
    INSERT INTO sent_messages (chat_id, message_id, kind) VALUES (%(chat_id)s, %(message_id)s, %(kind)s)
    ON CONFLICT (chat_id, message_id) DO UPDATE SET kind = EXCLUDED.kind, sent_at = now()
"""
_SELECT_KINDS = """
    SELECT message_id FROM sent_messages WHERE chat_id = %(chat_id)s AND kind = ANY(%(kinds)s) ORDER BY message_id
"""
_SELECT_ONE = "SELECT 1 FROM sent_messages WHERE chat_id = %(chat_id)s AND message_id = %(message_id)s"
_DELETE = "DELETE FROM sent_messages WHERE chat_id = %(chat_id)s AND message_id = ANY(%(message_ids)s)"


async def remember(connection: Connection, chat: ChatId, message: MessageId, kind: MessageKind) -> None:
    """Note that the chat has this message, and of which kind it is now."""
    await connection.execute(_UPSERT, {"chat_id": chat, "message_id": message, "kind": kind})


async def messages_of(connection: Connection, chat: ChatId, kinds: Collection[MessageKind]) -> list[MessageId]:
    """List the ids of the chat's messages of these kinds, in ascending order."""
    cursor = await connection.execute(_SELECT_KINDS, {"chat_id": chat, "kinds": list(kinds)})
    return [MessageId(row["message_id"]) async for row in cursor]


async def is_remembered(connection: Connection, chat: ChatId, message: MessageId) -> bool:
    """Tell whether the message is one that a later one may remove."""
    cursor = await connection.execute(_SELECT_ONE, {"chat_id": chat, "message_id": message})
    return await cursor.fetchone() is not None


async def forget(connection: Connection, chat: ChatId, messages: Collection[MessageId]) -> None:
    """Delete the rows of messages that were deleted, or that stay for ever."""
    await connection.execute(_DELETE, {"chat_id": chat, "message_ids": list(messages)})
