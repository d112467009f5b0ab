"""Rows of ``outbox``: messages that are stored in one transaction with their cause, and sent afterwards."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from datamodels import RecordingId, ReportRunId, UserId, Value
from datamodels_telegram import ChatId, MessageId, OutboxItem, OutgoingMessage
from db import Connection
from random_ids import new_random_id

# random_id tells Telegram that a message is the same one: made once, sent with every try.
_INSERT = """
    INSERT INTO outbox (key, owner_id, chat_id, message, random_id, aside_at)
    SELECT %(key)s, %(owner_id)s, %(chat_id)s, %(message)s, %(random_id)s, CASE WHEN %(aside)s THEN now() END
    WHERE NOT EXISTS (SELECT FROM users WHERE id = %(owner_id)s AND left_at IS NOT NULL)
    ON CONFLICT (key) DO NOTHING
"""
_HOLD = """
    INSERT INTO outbox (key, owner_id, chat_id, message, random_id, given_up_at, error, dismissed_at)
    SELECT %(key)s, id, %(chat_id)s, %(message)s, %(random_id)s, now(), 'chat_closed', now()
    FROM users WHERE id = %(owner_id)s AND left_at IS NOT NULL
    ON CONFLICT (key) DO NOTHING
"""
_DUE = "(not_before <= now() OR not_before > now() + interval '2 minutes')"
"""No pause is as long as that: the clock was ahead when it was noted."""
# The first message of each chat, due or not, so that no later one overtakes it. A message that others may pass is taken
# when it is due and no other message of its chat waits.
_SELECT_NEXT = f"""
    SELECT id, key, chat_id, owner_id, message, random_id, tries, aside_at
    FROM (
        SELECT DISTINCT ON (chat_id) * FROM outbox
        WHERE sent_at IS NULL AND given_up_at IS NULL AND (aside_at IS NULL OR {_DUE})
        ORDER BY chat_id, aside_at IS NOT NULL, id
    ) AS first
    WHERE {_DUE}
    ORDER BY id
"""
_SELECT_BACKLOG = """
    SELECT count(*) AS count, min(created_at) AS since FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL
"""
# An answer knows its messages for as long as it is kept.
_NOTE_SENT = """
    WITH sent AS (
        UPDATE outbox SET message_id = %(message_id)s, sent_at = now(), error = NULL WHERE id = %(id)s
        RETURNING CASE
            WHEN split_part(key, ':', 1) = 'answer' AND message ->> 'kind' = 'result' THEN split_part(key, ':', 2)::uuid
        END AS answer_id
    ), shown AS (
        UPDATE chat_answers SET shown_as = array_append(array_remove(shown_as, %(message_id)s), %(message_id)s)
        FROM sent WHERE chat_answers.id = sent.answer_id
    )
    SELECT FROM sent
"""
# The keys are those of ``recording_wizard`` and of ``outbox``.
_DELETE_OF_RECORDING = """
    WITH about AS (
        SELECT id FROM outbox
        WHERE owner_id = %(owner_id)s AND (
            split_part(key, ':', 1) IN ('transcript', 'metadata', 'caption') AND split_part(key, ':', 2) = %(recording)s
            OR split_part(key, ':', 1) = 'report'
                AND (split_part(key, ':', 2) = ANY(%(cards)s) OR split_part(key, ':', 3) = ANY(%(subjects)s))
            OR message -> 'file' ->> 'subject' = ANY(%(subjects)s)
        )
    )
    DELETE FROM outbox
    WHERE id IN (SELECT id FROM about)
        OR key IN (SELECT prefix || id FROM about CROSS JOIN unnest(ARRAY['aside:', 'given_up:']) AS prefix)
"""
# The keys are those of ``chat_deliveries``.
_ANSWERS_OF_CHAT = """
    SELECT chat_answers.id::text AS id FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
    WHERE chat_questions.owner_id = %(owner_id)s AND chat_number = %(number)s
    FOR UPDATE OF chat_answers
"""
_DELETE_ANSWERS = """
    DELETE FROM outbox
    WHERE owner_id = %(owner_id)s AND split_part(key, ':', 1) = 'answer' AND split_part(key, ':', 2) = ANY(%(answers)s)
"""
_COMES_BACK = "message ->> 'kind' IN ('result', 'info_message') AND split_part(key, ':', 1) <> 'notice'"
"""What a person who had stopped the bot gets after all: a question is asked anew, and a notice is old."""
_CLOSED = "owner_id = %(owner_id)s AND given_up_at IS NOT NULL AND sent_at IS NULL AND error = 'chat_closed'"
# What does not come back needs nobody's attention.
_GIVE_UP = f"""
    UPDATE outbox SET
        given_up_at = now(), error = %(error)s,
        dismissed_at = CASE WHEN %(error)s = 'chat_closed' AND NOT ({_COMES_BACK}) THEN now() END
    WHERE id = %(id)s
"""
# The rows keep their places, and the random ids by which Telegram refuses them a second time.
_BRING_BACK = f"""
    WITH removed AS (
        DELETE FROM outbox WHERE {_CLOSED} AND NOT ({_COMES_BACK}) RETURNING id
    ), brought AS (
        UPDATE outbox SET given_up_at = NULL, error = NULL, aside_at = NULL, tries = 0, not_before = now()
        WHERE {_CLOSED} AND {_COMES_BACK} RETURNING id
    )
    SELECT (SELECT count(*) FROM removed) + (SELECT count(*) FROM brought) AS rows
"""
_TRY_LATER = """
    UPDATE outbox SET
        tries = tries + 1, not_before = now() + %(delay)s, error = %(error)s,
        aside_at = CASE WHEN %(aside)s THEN coalesce(aside_at, now()) ELSE aside_at END
    WHERE id = %(id)s
"""


class Backlog(Value):
    """How many messages wait to be sent, and since when the oldest does; ``since`` is None when none wait."""

    count: int
    since: datetime | None


async def backlog(connection: Connection) -> Backlog:
    """Return the number of waiting messages and the time since which the oldest waits."""
    row = await (await connection.execute(_SELECT_BACKLOG)).fetchone()
    return Backlog.model_validate(row)


async def put(
    connection: Connection, key: str, owner: UserId, chat: ChatId, message: OutgoingMessage, *, aside: bool = False
) -> None:
    """Put a message into the outbox; do nothing when a message with the same ``key`` was put in before.

    Nor is anything put in for a person who is not of the team any more. One put ``aside`` lets all others pass.
    """
    await connection.execute(_INSERT, {**_new(key, owner, chat, message), "aside": aside})


async def hold(connection: Connection, key: str, owner: UserId, chat: ChatId, message: OutgoingMessage) -> None:
    """Keep a message for who is not of the team until they are back; do nothing for anybody else.

    A message with the same ``key`` is kept once.
    """
    await connection.execute(_HOLD, _new(key, owner, chat, message))


def _new(key: str, owner: UserId, chat: ChatId, message: OutgoingMessage) -> dict[str, Any]:
    return {
        "key": key,
        "owner_id": owner,
        "chat_id": chat,
        # Without what is not set: the version before does not know every field.
        "message": Jsonb(message.model_dump(mode="json", exclude_none=True)),
        "random_id": new_random_id(),
    }


async def delete_about(
    connection: Connection,
    owner: UserId,
    recording_id: RecordingId,
    run_ids: Collection[ReportRunId],
    card_ids: Collection[int],
) -> None:
    """Delete all messages, sent or not, about a recording of ``owner``, its report runs and the cards of these."""
    parameters = {
        "owner_id": owner,
        "recording": str(recording_id),
        "cards": [str(card) for card in card_ids],
        "subjects": [str(subject) for subject in (recording_id, *run_ids)],
    }
    await connection.execute(_DELETE_OF_RECORDING, parameters)


async def delete_answers(connection: Connection, owner: UserId, chat_number: int) -> None:
    """Delete all messages, sent or not, with answers of a chat of ``owner``."""
    # One that is delivered at this moment is waited for, so that its message is found.
    cursor = await connection.execute(_ANSWERS_OF_CHAT, {"owner_id": owner, "number": chat_number})
    answers = [row["id"] async for row in cursor]
    await connection.execute(_DELETE_ANSWERS, {"owner_id": owner, "answers": answers})


async def list_next(connection: Connection) -> list[OutboxItem]:
    """Load the next message of each chat, oldest first; leave out a chat whose next message is not due yet."""
    return [OutboxItem.model_validate(row) async for row in await connection.execute(_SELECT_NEXT)]


async def note_sent(connection: Connection, item_id: int, message_id: MessageId) -> bool:
    """Note that the message is in the chat; return False when it has been taken out of the outbox meanwhile."""
    cursor = await connection.execute(_NOTE_SENT, {"id": item_id, "message_id": message_id})
    return await cursor.fetchone() is not None


async def give_up(connection: Connection, item_id: int, error_code: str) -> None:
    """Note that the message will not be sent, and why."""
    await connection.execute(_GIVE_UP, {"id": item_id, "error": error_code})


async def bring_back(connection: Connection, owner: UserId) -> int:
    """Let the results be sent that a closed chat refused, and forget the questions; return how many rows that changed.

    The person is there again.
    """
    row = await (await connection.execute(_BRING_BACK, {"owner_id": owner})).fetchone()
    return int(row["rows"]) if row else 0


async def try_later(
    connection: Connection, item_id: int, error_code: str, delay: timedelta, *, aside: bool = False
) -> None:
    """Note why the message could not be sent, and that it will be tried again after ``delay``, by the database's clock.

    With ``aside``, later messages of the chat may be sent before it.
    """
    parameters = {"id": item_id, "error": error_code, "delay": delay, "aside": aside}
    await connection.execute(_TRY_LATER, parameters)
