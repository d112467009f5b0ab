"""Takes what a deleted recording or document said out of the answers that cite it, whoever asked.

A recording that has another owner by now is cited as that owner's.
"""

from uuid import UUID

import texts.chats
from datamodels import RecordingId, UserId
from db import Connection

_CITES = """
    sources @> jsonb_build_array(jsonb_build_object('recording_id', %(source)s::text))
    OR sources @> jsonb_build_array(jsonb_build_object('document_id', %(source)s::text))
"""
# Messages are made anew, those in the chats in their places, from what is left of their answer.
_FORGET_MESSAGES = f"""
    WITH citing AS (SELECT id FROM chat_answers WHERE {_CITES} FOR UPDATE),
    gone AS (
        DELETE FROM outbox USING citing
        WHERE split_part(key, ':', 1) = 'answer' AND split_part(key, ':', 2) = citing.id::text
        RETURNING citing.id, sent_at
    )
    UPDATE chat_answers SET delivered_at = NULL, anew = shown_as <> '{{}}'
    WHERE id IN (SELECT id FROM citing) AND (shown_as <> '{{}}' OR id IN (SELECT id FROM gone WHERE sent_at IS NULL))
"""  # noqa: S608 - put together from constants, as the next one
_FORGET_ANSWERS = f"UPDATE chat_answers SET text = %(text)s, note = '', sources = '[]', draft = NULL WHERE {_CITES}"  # noqa: S608
# What was said aloud is an answer's text as well.
_FORGET_SPEECHES = f"DELETE FROM speeches WHERE answer_id IN (SELECT id FROM chat_answers WHERE {_CITES})"  # noqa: S608
# Whatever is being written may quote it.
_FORGET_DRAFTS = "UPDATE chat_answers SET draft = NULL WHERE status = 'waiting' AND draft IS NOT NULL"

_PASS_ON = f"""
    UPDATE chat_answers SET sources = (
        SELECT jsonb_agg(
            CASE WHEN each.source ->> 'recording_id' = %(source)s::text THEN each.source || jsonb_build_object(
                'recording_number', %(number)s::integer,
                'owner', CASE WHEN chat_questions.owner_id = %(heir)s THEN '' ELSE %(name)s::text END
            ) ELSE each.source END ORDER BY each.place
        )
        FROM jsonb_array_elements(sources) WITH ORDINALITY AS each (source, place)
    )
    FROM chat_questions WHERE chat_questions.id = question_id AND ({_CITES})
"""  # noqa: S608


async def forget_source(connection: Connection, source: UUID) -> None:
    """Take the text out of all answers that cite a recording or document, and out of their messages in chats."""
    parameters = {"source": source, "text": texts.chats.SOURCE_DELETED}
    await connection.execute(_FORGET_MESSAGES, parameters)
    await connection.execute(_FORGET_SPEECHES, parameters)
    await connection.execute(_FORGET_ANSWERS, parameters)
    await connection.execute(_FORGET_DRAFTS)


async def pass_on_source(connection: Connection, recording: RecordingId, heir: UserId, name: str, number: int) -> None:
    """Have all answers that cite a recording cite it as ``number`` of the heir, whose ``name`` others read.

    Messages that say otherwise are made anew.
    """
    parameters = {"source": recording, "heir": heir, "name": name, "number": number}
    await connection.execute(_FORGET_MESSAGES, parameters)
    await connection.execute(_PASS_ON, parameters)
