"""Rows of ``conversations``: the rating, comment and embedding of an answer.

The answer itself is in ``chat_answers``.
"""

from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import DictRow

from datamodels import UserId
from datamodels_chats import (
    AnswerId,
    AnswerOutcome,
    Comment,
    Conversation,
    Embedding,
    ModelMetrics,
    Period,
    RatedConversation,
    Rating,
    RatingStats,
)
from db import Connection

_PERIOD = timedelta(days=30)

_INSERT = """
    INSERT INTO conversations (answer_id, owner_id, embedding_model, embedding, created_at)
    SELECT chat_answers.id, owner_id, %(embedding_model)s, %(embedding)s, %(created_at)s
    FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
    WHERE chat_answers.id = %(answer_id)s AND owner_id = %(owner_id)s
    ON CONFLICT (answer_id) DO UPDATE SET embedding_model = excluded.embedding_model, embedding = excluded.embedding
"""
_TRIM = """
    DELETE FROM conversations WHERE answer_id IN (
        SELECT answer_id FROM conversations WHERE created_at < (SELECT max(created_at) FROM conversations)
        ORDER BY (rating IS NOT NULL), created_at, answer_id
        LIMIT greatest(0, (SELECT count(*) FROM conversations) - %(most)s)
    )
"""
_SELECT_EXISTS = """
    SELECT FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
    WHERE chat_answers.id = %(answer_id)s AND owner_id = %(owner_id)s
"""
# The row of an old answer without a rating may have been trimmed: a rating inserts it again.
_RATE = """
    INSERT INTO conversations (answer_id, owner_id, rating, comment, rated_at, created_at)
    SELECT id, %(owner_id)s, %(stars)s, %(comment)s, %(at)s, created_at FROM chat_answers WHERE id = %(answer_id)s
    ON CONFLICT (answer_id) DO UPDATE SET
        rating = CASE
            WHEN %(is_latest)s OR conversations.rated_at <= excluded.rated_at
            THEN coalesce(excluded.rating, conversations.rating)
            ELSE coalesce(conversations.rating, excluded.rating)
        END,
        comment = CASE
            WHEN %(is_latest)s OR conversations.rated_at <= excluded.rated_at
            THEN coalesce(excluded.comment, conversations.comment)
            ELSE coalesce(conversations.comment, excluded.comment)
        END,
        rated_at = greatest(conversations.rated_at, excluded.rated_at)
"""
_OF_OWNER = "(%(owner_id)s::uuid IS NULL OR conversations.owner_id = %(owner_id)s)"
_SELECT_STATS = f"""
    SELECT
        count(*) AS conversations,
        ARRAY[
            count(*) FILTER (WHERE rating = 1), count(*) FILTER (WHERE rating = 2), count(*) FILTER (WHERE rating = 3),
            count(*) FILTER (WHERE rating = 4), count(*) FILTER (WHERE rating = 5)
        ] AS by_stars,
        count(rating) FILTER (WHERE rated_at > %(recent)s) AS recent_ratings,
        coalesce(sum(rating) FILTER (WHERE rated_at > %(recent)s), 0) AS recent_stars,
        count(rating) FILTER (WHERE rated_at > %(earlier)s AND rated_at <= %(recent)s) AS earlier_ratings,
        coalesce(sum(rating) FILTER (WHERE rated_at > %(earlier)s AND rated_at <= %(recent)s), 0) AS earlier_stars
    FROM conversations WHERE {_OF_OWNER}
"""
_CONVERSATION = """
    SELECT
        chat_answers.id AS answer_id, chat_questions.owner_id, chat_questions.text AS question, chat_answers.created_at,
        basis, chat_answers.text, coalesce(note, '') AS note, sources, model, prompt_version, prompt_tokens,
        completion_tokens, duration_s, narrowing, refinable, similar_found, rating AS stars, comment, embedding_model,
        embedding
    FROM chat_answers
    JOIN chat_questions ON chat_questions.id = question_id
    LEFT JOIN conversations ON answer_id = chat_answers.id
"""
_SELECT_RATED = f"""
    {_CONVERSATION}
    WHERE rating >= %(at_least)s AND {_OF_OWNER} AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(sources) AS source
        WHERE NOT EXISTS (
            SELECT FROM recordings WHERE recordings.id = (source ->> 'recording_id')::uuid AND (
                recordings.owner_id = conversations.owner_id OR visibility = 'team'
                OR id IN (SELECT recording_id FROM recording_shares WHERE person_id = conversations.owner_id)
            )
        )
    )
    ORDER BY rated_at DESC, answer_id LIMIT %(limit)s
"""
_SELECT_ONE = f"""
    {_CONVERSATION}
    WHERE chat_answers.id = %(answer_id)s AND chat_questions.owner_id = %(owner_id)s AND status = 'done'
"""
_SELECT_COMMENTS = """
    SELECT rating AS stars, comment, rated_at AS at, chat_questions.text AS question
    FROM conversations
    JOIN chat_answers ON chat_answers.id = answer_id
    JOIN chat_questions ON chat_questions.id = question_id
    WHERE comment IS NOT NULL ORDER BY rated_at DESC, answer_id LIMIT %(limit)s
"""
_SELECT_METRICS = """
    SELECT model, prompt_version, answers, ratings, average, good, bad, tokens, duration_s
    FROM model_metrics ORDER BY last_at DESC LIMIT %(limit)s
"""


async def put(connection: Connection, conversation: Conversation) -> None:
    """Store the row of a conversation whose answer is stored already; do nothing when the owner has no such answer."""
    embedding = conversation.embedding
    parameters = {
        **_key(conversation.owner_id, conversation.answer_id),
        "embedding_model": None if embedding is None else embedding.model,
        "embedding": None if embedding is None else embedding.vector,
        "created_at": conversation.created_at,
    }
    await connection.execute(_INSERT, parameters)


async def trim(connection: Connection, most: int) -> None:
    """Remove the surplus over ``most`` rows, the oldest without a rating first, the newest never. All answers stay."""
    await connection.execute(_TRIM, {"most": most})


async def rate(
    connection: Connection, owner: UserId, answer_id: AnswerId, rating: Rating, *, is_latest: bool = True
) -> bool:
    """Store a rating; return False when the owner has no such answer.

    The stars and the comment that ``rating`` has replace the stored ones, whatever its time: clocks may be set back.
    Pass ``is_latest=False`` for a rating out of a journal: when a stored rating has a later time, only the stars or the
    comment that are missing there are added.
    """
    key = _key(owner, answer_id)
    if await (await connection.execute(_SELECT_EXISTS, key)).fetchone() is None:
        return False
    await connection.execute(_RATE, {**key, **rating.model_dump(), "is_latest": is_latest})
    return True


async def stats(connection: Connection, owner: UserId | None, now: datetime) -> RatingStats:
    """Count the conversations and ratings of one person; of everybody when ``owner`` is None."""
    parameters = {"owner_id": owner, "recent": now - _PERIOD, "earlier": now - 2 * _PERIOD}
    row = await (await connection.execute(_SELECT_STATS, parameters)).fetchone()
    assert row is not None  # noqa: S101  # an aggregate has one row
    return RatingStats(
        conversations=row["conversations"],
        by_stars=tuple(row["by_stars"]),
        recent=Period(ratings=row["recent_ratings"], stars=row["recent_stars"]),
        earlier=Period(ratings=row["earlier_ratings"], stars=row["earlier_stars"]),
    )


async def list_rated(
    connection: Connection, owner: UserId | None, at_least: int, limit: int
) -> list[RatedConversation]:
    """Load at most ``limit`` conversations with ``at_least`` or more stars, the latest rated first.

    Load everybody's conversations when ``owner`` is None. A conversation with a source whose recording was deleted,
    or is not found by its owner any more, is left out.
    """
    parameters = {"owner_id": owner, "at_least": at_least, "limit": limit}
    return [_conversation(row) async for row in await connection.execute(_SELECT_RATED, parameters)]


async def find(connection: Connection, owner: UserId, answer_id: AnswerId) -> RatedConversation | None:
    """Load an answer of the owner with its rating, if it has one; None when the owner has no such answer."""
    row = await (await connection.execute(_SELECT_ONE, _key(owner, answer_id))).fetchone()
    return None if row is None else _conversation(row)


async def model_metrics(connection: Connection, limit: int) -> list[ModelMetrics]:
    """Load the figures of the ``limit`` pairs of model and prompt that were used last, the last used first."""
    return [
        ModelMetrics.model_validate(row) async for row in await connection.execute(_SELECT_METRICS, {"limit": limit})
    ]


async def latest_comments(connection: Connection, limit: int) -> list[Comment]:
    """Load everybody's ``limit`` latest comments, the latest first, with stars and question of the same answers."""
    return [Comment.model_validate(row) async for row in await connection.execute(_SELECT_COMMENTS, {"limit": limit})]


def _key(owner: UserId, answer_id: AnswerId) -> dict[str, Any]:
    return {"owner_id": owner, "answer_id": answer_id}


def _conversation(row: DictRow) -> RatedConversation:
    model, vector = row.pop("embedding_model"), row.pop("embedding")
    embedding = None if vector is None else Embedding(model=model, vector=vector)
    return RatedConversation(outcome=AnswerOutcome.taken_from(row), embedding=embedding, **row)
