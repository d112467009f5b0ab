"""Rows of ``seen_updates``: every message and every pressed button once, finished or not."""

from collections.abc import Sequence

from constants import MESSAGES_LOOKED_AT_AGAIN
from datamodels_telegram import ChatId, MessageId, SeenUpdate, TelegramPerson, UpdateKind
from db import Connection

_HASH = "sha256(%(chat_id)s::bigint::text::bytea)"
_NOT_ERASED = f"NOT EXISTS (SELECT FROM erased_chats WHERE chat_hash = {_HASH} AND up_to >= %(message_id)s)"
_INSERT = f"""
    INSERT INTO seen_updates (kind, chat_id, update_id, message_id, person_id, person_name, data, done_at)
    SELECT
        %(kind)s, %(chat_id)s, %(update_id)s, %(message_id)s, %(person_id)s, %(person_name)s, %(data)s,
        CASE WHEN %(done)s THEN now() END
    WHERE {_NOT_ERASED}
    ON CONFLICT (kind, chat_id, update_id) DO NOTHING
"""
_COUNT_TRY = f"""
    INSERT INTO seen_updates (kind, chat_id, update_id, message_id, person_id, person_name, data, tries)
    SELECT %(kind)s, %(chat_id)s, %(update_id)s, %(message_id)s, %(person_id)s, %(person_name)s, %(data)s, %(count)s
    WHERE {_NOT_ERASED}
    ON CONFLICT (kind, chat_id, update_id) DO UPDATE SET tries = seen_updates.tries + %(count)s
    RETURNING tries, done_at IS NOT NULL AS done
"""
_MARK_DONE = f"""
    INSERT INTO seen_updates (kind, chat_id, update_id, message_id, person_id, person_name, data, done_at)
    SELECT %(kind)s, %(chat_id)s, %(update_id)s, %(message_id)s, %(person_id)s, %(person_name)s, %(data)s, now()
    WHERE {_NOT_ERASED}
    ON CONFLICT (kind, chat_id, update_id) DO UPDATE SET done_at = now()
"""
_SELECT_UNFINISHED = """
    SELECT kind, chat_id, update_id, message_id, person_id, person_name, data, tries FROM seen_updates
    WHERE done_at IS NULL
    ORDER BY received_at, update_id
"""
_SELECT_KNOWN = """
    SELECT kind, chat_id, update_id
    FROM seen_updates
    JOIN unnest(%(kinds)s::text[], %(chats)s::bigint[], %(ids)s::bigint[]) AS came (kind, chat_id, update_id)
        USING (kind, chat_id, update_id)
"""
_SELECT_ERASED = """
    SELECT came.chat_id, came.message_id
    FROM unnest(%(chats)s::bigint[], %(messages)s::bigint[]) AS came (chat_id, message_id)
    JOIN erased_chats ON chat_hash = sha256(came.chat_id::text::bytea) AND up_to >= came.message_id
"""
# Message ids grow over all private chats together, but of two messages at the same time the later may have been stored
# and the earlier not. What is older than the oldest row was never this database's.
_SELECT_MISSED_AFTER = """
    SELECT greatest(max(message_id) - %(overlap)s, min(message_id) - 1) AS missed_after
    FROM seen_updates WHERE kind = 'message'
"""

_TELL_GROUP = "INSERT INTO told_groups (chat_id) VALUES (%(chat_id)s) ON CONFLICT DO NOTHING"


async def remember_group(connection: Connection, chat: ChatId) -> bool:
    """Note that a group is told where the bot works; False when it was told before."""
    return (await connection.execute(_TELL_GROUP, {"chat_id": chat})).rowcount == 1


async def remember(connection: Connection, update: SeenUpdate, *, done: bool = False) -> bool:
    """Note an update; False when it came before, or is older than an erasure of its person.

    ``done`` means that it needs no work.
    """
    return (await connection.execute(_INSERT, {**_row(update), "done": done})).rowcount == 1


async def mark_done(connection: Connection, update: SeenUpdate) -> None:
    """Note that the update needs no more work. An update that is not stored yet is stored."""
    await connection.execute(_MARK_DONE, _row(update))


async def count_try(connection: Connection, update: SeenUpdate, count: int = 1) -> int | None:
    """Add ``count`` to the number of times that work on an update has begun, and return the new number.

    An update that is not stored yet is stored.

    Returns None for an update that needs no more work, or is older than an erasure of its person.
    """
    row = await (await connection.execute(_COUNT_TRY, {**_row(update), "count": count})).fetchone()
    return None if row is None or row["done"] else int(row["tries"])


async def unfinished(connection: Connection) -> list[SeenUpdate]:
    """Load the updates that were not finished, in the order in which they came."""
    cursor = await connection.execute(_SELECT_UNFINISHED)
    return [
        SeenUpdate(person=TelegramPerson(id=row.pop("person_id"), name=row.pop("person_name")), **row)
        async for row in cursor
    ]


async def unknown(connection: Connection, updates: Sequence[SeenUpdate]) -> set[SeenUpdate]:
    """Return those of ``updates`` that were never stored, and are of nobody who was erased since."""
    parameters = {
        "kinds": [update.kind for update in updates],
        "chats": [update.chat_id for update in updates],
        "ids": [update.update_id for update in updates],
        "messages": [update.message_id for update in updates],
    }
    rows = await (await connection.execute(_SELECT_KNOWN, parameters)).fetchall()
    known = {(row["kind"], row["chat_id"], row["update_id"]) for row in rows}
    rows = await (await connection.execute(_SELECT_ERASED, parameters)).fetchall()
    erased = {(row["chat_id"], row["message_id"]) for row in rows}
    return {
        update
        for update in updates
        if (update.kind, update.chat_id, update.update_id) not in known
        and (update.chat_id, update.message_id) not in erased
    }


async def missed_after(connection: Connection) -> MessageId | None:
    """Load the id after which messages may have been missed, a little before the latest; None before any message."""
    row = await (await connection.execute(_SELECT_MISSED_AFTER, {"overlap": MESSAGES_LOOKED_AT_AGAIN})).fetchone()
    return None if row is None or row["missed_after"] is None else MessageId(row["missed_after"])


def _row(update: SeenUpdate) -> dict[str, object]:
    return {
        **_key(update),
        "message_id": update.message_id,
        "person_id": update.person.id,
        # PostgreSQL's text takes no NUL.
        "person_name": update.person.name.replace("\0", ""),
        "data": None if update.data is None else update.data.replace("\0", ""),
    }


def _key(update: SeenUpdate) -> dict[str, UpdateKind | ChatId | int]:
    return {"kind": update.kind, "chat_id": update.chat_id, "update_id": update.update_id}
