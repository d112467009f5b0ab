"""Answers as they stand: waiting with their draft, finished or failed, each with its rating."""

from collections.abc import Collection
from typing import LiteralString

from psycopg.rows import DictRow

from constants import READY_TRANSCRIPT
from datamodels import RecordingId, UserId
from datamodels_chats import AnswerId, AnswerOutcome, AnswerStatus, Cited, ReadAnswer
from db import Connection

_ANSWER: LiteralString = """
    SELECT
        chat_answers.id, chat_number, chat_questions.text AS question, asked_at, status, draft, basis,
        chat_answers.text, coalesce(note, '') AS note, sources, model, prompt_version, prompt_tokens,
        completion_tokens, duration_s, narrowing, refinable, similar_found, rating AS stars, comment
    FROM chat_questions
    JOIN chat_answers ON question_id = chat_questions.id
    LEFT JOIN conversations ON conversations.answer_id = chat_answers.id
    WHERE chat_questions.owner_id = %(owner_id)s
"""
_SELECT_ONE: LiteralString = f"{_ANSWER} AND chat_answers.id = %(id)s"
_SELECT_LATEST: LiteralString = f"""
    {_ANSWER} AND chat_number = %(number)s
    ORDER BY chat_questions.id DESC, chat_answers.created_at DESC LIMIT %(limit)s
"""
_SELECT_CITED = """
    SELECT id, owner_id = %(asker)s AS own, number, container <> %(ready)s AS has_sound FROM recordings
    WHERE id = ANY(%(ids)s) AND (
        owner_id = %(asker)s OR visibility = 'team'
        OR id IN (SELECT recording_id FROM recording_shares WHERE person_id = %(asker)s)
    )
"""
_OF_READ = ("id", "chat_number", "question", "asked_at", "status", "draft", "stars", "comment")


async def find(connection: Connection, owner: UserId, answer_id: AnswerId) -> ReadAnswer | None:
    """Load an answer of the owner; None when there is none of this id."""
    row = await (await connection.execute(_SELECT_ONE, {"owner_id": owner, "id": answer_id})).fetchone()
    return None if row is None else _read(row)


async def latest(connection: Connection, owner: UserId, number: int, limit: int) -> list[ReadAnswer]:
    """Load the latest answers in a chat of the owner, in the order in which they were asked for."""
    parameters = {"owner_id": owner, "number": number, "limit": limit}
    return [_read(row) async for row in await connection.execute(_SELECT_LATEST, parameters)][::-1]


async def cited(connection: Connection, asker: UserId, ids: Collection[RecordingId]) -> dict[RecordingId, Cited]:
    """Load those of the recordings ``ids`` that the asker may find, by id."""
    parameters = {"asker": asker, "ids": list(ids), "ready": READY_TRANSCRIPT}
    cursor = await connection.execute(_SELECT_CITED, parameters)
    return {
        row["id"]: Cited(number=row["number"] if row["own"] else None, has_sound=row["has_sound"])
        async for row in cursor
    }


def _read(row: DictRow) -> ReadAnswer:
    done = row["status"] == AnswerStatus.DONE
    outcome = AnswerOutcome.taken_from(dict(row)) if done else None
    return ReadAnswer(outcome=outcome, **{name: row[name] for name in _OF_READ})
