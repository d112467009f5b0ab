"""Rated answers of chats, read from ``chat_questions`` and ``chat_answers``."""

from uuid import UUID

from datamodels_chats import AnswerStatus, GoodAnswer
from db import Connection

_SELECT_RATED = """
    SELECT
        chat_answers.id, chat_questions.text AS question,
        concat_ws(E'\\n', nullif(note, ''), chat_answers.text) AS answer,
        rating, model, '' AS prompt_version, coalesce(finished_at, created_at) AS at
    FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
    WHERE status = %(done)s AND rating >= %(at_least)s AND chat_answers.id > %(after)s
    ORDER BY chat_answers.id LIMIT %(limit)s
"""


async def list_rated(
    connection: Connection, at_least: int, *, after: UUID, limit: int
) -> tuple[list[GoodAnswer], UUID | None]:
    """Load answers of all people that are rated so well, in the order of their ids, and the last one's id.

    The id is None when there are no more answers after ``after``.
    """
    parameters = {"at_least": at_least, "after": after, "limit": limit, "done": AnswerStatus.DONE}
    rows = [row async for row in await connection.execute(_SELECT_RATED, parameters)]
    last = rows[-1]["id"] if rows else None
    return [GoodAnswer.model_validate({name: row[name] for name in row if name != "id"}) for row in rows], last
