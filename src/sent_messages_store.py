"""Rows of ``sent_messages``: the bot's messages that a later one may remove."""

from collections.abc import Collection

from datamodels import RecordingId
from datamodels_telegram import ChatId, MessageId, MessageKind
from db import Connection

_UPSERT = """
    INSERT INTO sent_messages (chat_id, message_id, kind, subject)
    VALUES (%(chat_id)s, %(message_id)s, %(kind)s, %(subject)s)
    ON CONFLICT (chat_id, message_id) DO UPDATE SET
        kind = EXCLUDED.kind, subject = EXCLUDED.subject, sent_at = now()
"""
_SELECT_KINDS = """
    SELECT message_id FROM sent_messages WHERE chat_id = %(chat_id)s AND kind = ANY(%(kinds)s) ORDER BY message_id
"""
_SELECT_OF_SUBJECT = """
    SELECT message_id FROM sent_messages
    WHERE chat_id = %(chat_id)s AND kind = ANY(%(kinds)s) AND subject IS NOT DISTINCT FROM %(subject)s
    ORDER BY message_id
"""
_SELECT_SUBJECTS = """
    SELECT DISTINCT subject FROM sent_messages
    WHERE chat_id = %(chat_id)s AND message_id = ANY(%(message_ids)s) AND subject IS NOT NULL
"""
_SELECT_ONE = "SELECT 1 FROM sent_messages WHERE chat_id = %(chat_id)s AND message_id = %(message_id)s"
_DELETE = "DELETE FROM sent_messages WHERE chat_id = %(chat_id)s AND message_id = ANY(%(message_ids)s)"


async def remember(
    connection: Connection,
    chat: ChatId,
    message: MessageId,
    kind: MessageKind,
    subject: RecordingId | None = None,
) -> None:
    """Note that the chat has this message, of which kind it is now, and which recording it asks about, if any."""
    await connection.execute(_UPSERT, {"chat_id": chat, "message_id": message, "kind": kind, "subject": subject})


async def messages_of(connection: Connection, chat: ChatId, kinds: Collection[MessageKind]) -> list[MessageId]:
    """List the ids of the chat's messages of these kinds, in ascending order."""
    cursor = await connection.execute(_SELECT_KINDS, {"chat_id": chat, "kinds": list(kinds)})
    return [MessageId(row["message_id"]) async for row in cursor]


async def messages_about(
    connection: Connection, chat: ChatId, kinds: Collection[MessageKind], subject: RecordingId | None
) -> list[MessageId]:
    """List the ids of the chat's messages of these kinds about one recording, or about none, in ascending order."""
    parameters = {"chat_id": chat, "kinds": list(kinds), "subject": subject}
    cursor = await connection.execute(_SELECT_OF_SUBJECT, parameters)
    return [MessageId(row["message_id"]) async for row in cursor]


async def subjects_of(connection: Connection, chat: ChatId, messages: Collection[MessageId]) -> set[RecordingId]:
    """Return the recordings that these messages ask about."""
    cursor = await connection.execute(_SELECT_SUBJECTS, {"chat_id": chat, "message_ids": list(messages)})
    return {RecordingId(row["subject"]) async for row in cursor}


async def is_remembered(connection: Connection, chat: ChatId, message: MessageId) -> bool:
    """Tell whether the message is one that a later one may remove."""
    cursor = await connection.execute(_SELECT_ONE, {"chat_id": chat, "message_id": message})
    return await cursor.fetchone() is not None


async def forget(connection: Connection, chat: ChatId, messages: Collection[MessageId]) -> None:
    """Delete the rows of messages that were deleted, or that stay for ever."""
    await connection.execute(_DELETE, {"chat_id": chat, "message_ids": list(messages)})
