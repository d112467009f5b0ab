"""Rows of ``chats``, ``chat_questions`` and ``chat_answers``.

A chat is found by owner and number together, so that its number alone opens it to nobody else.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

import texts.chats
from datamodels import UserId
from datamodels_chats import (
    AnswerId,
    AnswerKind,
    AnswerOutcome,
    AnswerStatus,
    Chat,
    ChatFigures,
    EndedAnswer,
    Occasion,
    QuestionToAnswer,
    ReturnAddress,
    Turn,
)
from db import Connection
from errors import NotFound
from random_ids import new_id

_TAKE_NUMBER = """
    UPDATE users SET last_chat_number = last_chat_number + 1 WHERE id = %(owner_id)s RETURNING last_chat_number
"""
_INSERT_CHAT = "INSERT INTO chats (owner_id, number) VALUES (%(owner_id)s, %(number)s)"
_COUNTED = """
    SELECT
        chats.owner_id, chats.number, chats.title, chats.created_at, chats.updated_at,
        counts.questions, counts.answers
    FROM {chats} AS chats
    CROSS JOIN LATERAL (
        SELECT
            count(DISTINCT chat_questions.id) AS questions,
            count(chat_answers.id) FILTER (WHERE status = 'done') AS answers
        FROM chat_questions LEFT JOIN chat_answers ON question_id = chat_questions.id
        WHERE chat_questions.owner_id = chats.owner_id AND chat_number = chats.number
    ) AS counts
"""
_CHATS = f"{_COUNTED.format(chats='chats')} WHERE chats.owner_id = %(owner_id)s"
_SELECT_CHAT = f"{_CHATS} AND chats.number = %(number)s"
# The page is selected first: earlier chats are skipped in the index, and their questions are not counted.
_PAGE = """(
    SELECT * FROM chats WHERE owner_id = %(owner_id)s
    ORDER BY updated_at DESC, number DESC LIMIT %(limit)s OFFSET %(offset)s
)"""
_SELECT_PAGE = f"{_COUNTED.format(chats=_PAGE)} ORDER BY chats.updated_at DESC, chats.number DESC"
_SELECT_EMPTY = f"{_CHATS} AND title IS NULL AND counts.questions = 0 ORDER BY chats.number DESC LIMIT 1"
_COUNT_CHATS = "SELECT count(*) AS chats FROM chats WHERE owner_id = %(owner_id)s"
_TOUCH_CHAT = "UPDATE chats SET updated_at = now() WHERE owner_id = %(owner_id)s AND number = %(number)s"
_RENAME_CHAT = """
    UPDATE chats SET title = %(title)s WHERE owner_id = %(owner_id)s AND number = %(number)s RETURNING number
"""
_NAME_CHAT = """
    UPDATE chats SET title = %(title)s WHERE owner_id = %(owner_id)s AND number = %(number)s AND title IS NULL
"""
_DELETE_CHAT = "DELETE FROM chats WHERE owner_id = %(owner_id)s AND number = %(number)s RETURNING number"

_INSERT_QUESTION = """
    INSERT INTO chat_questions (owner_id, chat_number, door, key, text)
    VALUES (%(owner_id)s, %(number)s, %(door)s, %(key)s, %(text)s)
    RETURNING id
"""
_INSERT_ANSWER = """
    INSERT INTO chat_answers (id, question_id, kind, status, return_to)
    VALUES (%(id)s, %(question_id)s, %(kind)s, %(status)s, %(return_to)s)
"""
_SELECT_IS_ASKED = """
    SELECT EXISTS (SELECT FROM chat_questions WHERE door = %(door)s AND key = %(key)s) AS asked
"""
_SELECT_ASKED = """
    SELECT chat_answers.id FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
    WHERE owner_id = %(owner_id)s AND door = %(door)s AND key = %(key)s
    ORDER BY chat_answers.created_at, chat_answers.id LIMIT 1
"""
_SELECT_TO_ANSWER = """
    SELECT question_id, owner_id, chat_number, chat_questions.text, status, search, filters, narrowing, draft
    FROM chat_answers
    JOIN chat_questions ON chat_questions.id = question_id
    JOIN chats USING (owner_id)
    WHERE chats.number = chat_number AND chat_answers.id = %(id)s
"""
_FINISH_ANSWER = """
    UPDATE chat_answers SET
        status = %(done)s, basis = %(basis)s, text = %(text)s, note = %(note)s, sources = %(sources)s,
        model = %(model)s, prompt_version = %(prompt_version)s, prompt_tokens = %(prompt_tokens)s,
        completion_tokens = %(completion_tokens)s, duration_s = %(duration_s)s, narrowing = %(narrowing)s,
        refinable = %(refinable)s, similar_found = %(similar_found)s, draft = NULL, error_code = NULL,
        finished_at = now()
    WHERE id = %(id)s AND status = %(waiting)s
        AND question_id IN (SELECT chat_questions.id FROM chat_questions WHERE owner_id = %(owner_id)s)
    RETURNING id
"""
_SELECT_GONE = """
    SELECT id FROM unnest(%(sources)s::uuid[]) AS cited (id)
    WHERE NOT EXISTS (SELECT FROM recordings WHERE recordings.id = cited.id)
        AND NOT EXISTS (SELECT FROM documents WHERE documents.id = cited.id)
"""
_FAIL_ANSWER = """
    UPDATE chat_answers SET
        status = %(failed)s, error_code = %(error_code)s, finished_at = now(), dismissed_at = NULL, draft = NULL
    WHERE id = %(id)s AND status = %(waiting)s
"""
_SELECT_ENDED = """
    SELECT
        chat_answers.id, owner_id, chat_number, chat_questions.text AS question, return_to,
        status, basis, chat_answers.text, note, sources, model, prompt_version, prompt_tokens, completion_tokens,
        duration_s, narrowing, refinable, similar_found,
        CASE WHEN anew THEN shown_as ELSE '{}' END AS shown_as,
        (SELECT role FROM users WHERE users.id = owner_id) AS role
    FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
    WHERE status <> 'waiting' AND delivered_at IS NULL AND return_to IS NOT NULL AND door = %(door)s
    ORDER BY finished_at, chat_answers.id LIMIT %(limit)s
    FOR UPDATE OF chat_answers SKIP LOCKED
"""
_OF_ENDED = ("id", "owner_id", "chat_number", "question", "role", "return_to", "shown_as")
_MARK_DELIVERED = "UPDATE chat_answers SET delivered_at = now(), anew = false WHERE id = %(id)s"

_TURN = """
    SELECT
        chat_questions.id AS question_id, chat_questions.text AS question, asked_at, kind, basis,
        chat_answers.text AS answer, note, coalesce(sources, '[]') AS sources
    FROM chat_questions
"""
_OF_CHAT = "chat_questions.owner_id = %(owner_id)s AND chat_number = %(number)s"
_SELECT_LAST_TURNS = f"""
    {_TURN} JOIN chat_answers ON question_id = chat_questions.id AND status = 'done'
    WHERE {_OF_CHAT} AND chat_questions.id < %(before)s AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(sources) AS source
        WHERE source ->> 'recording_id' IS NOT NULL
                AND NOT EXISTS (
                    SELECT FROM recordings WHERE recordings.id = (source ->> 'recording_id')::uuid AND (
                        owner_id = %(owner_id)s OR visibility = 'team'
                        OR id IN (SELECT recording_id FROM recording_shares WHERE person_id = %(owner_id)s)
                    )
                )
            OR source ->> 'document_id' IS NOT NULL
                AND NOT EXISTS (SELECT FROM documents WHERE documents.id = (source ->> 'document_id')::uuid)
    )
    ORDER BY chat_questions.id DESC, chat_answers.created_at DESC LIMIT %(limit)s
"""
_IN_TIME = """
    asked_at >= coalesce(%(first)s, '-infinity'::timestamptz)
    AND asked_at < coalesce(%(until)s, 'infinity'::timestamptz)
"""
# The limit counts questions, so that all answers of a question are on the same page.
_SELECT_TURNS = f"""
    {_TURN} LEFT JOIN chat_answers ON question_id = chat_questions.id AND status = 'done'
    WHERE chat_questions.id IN (
        SELECT id FROM chat_questions
        WHERE {_OF_CHAT} AND id > %(after)s AND {_IN_TIME}
        ORDER BY id LIMIT %(limit)s
    )
    ORDER BY chat_questions.id, chat_answers.created_at
"""
_SELECT_CHATS_ASKED = f"""
    SELECT DISTINCT chat_number FROM chat_questions WHERE owner_id = %(owner_id)s AND {_IN_TIME} ORDER BY chat_number
"""
_SELECT_FIGURES = """
    SELECT
        (SELECT count(*) FROM chats WHERE owner_id = %(owner_id)s AND created_at >= since) AS chats,
        count(DISTINCT chat_questions.id) AS questions,
        count(chat_answers.id) AS answers,
        count(chat_answers.id) FILTER (WHERE kind = 'fast') AS fast,
        count(chat_answers.id) FILTER (WHERE kind = 'deep') AS deep,
        count(chat_answers.id) FILTER (WHERE basis IN ('nothing', 'empty')) AS unanswered,
        coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint AS tokens
    FROM (SELECT coalesce(%(since)s, '-infinity'::timestamptz) AS since) AS period
    LEFT JOIN chat_questions ON owner_id = %(owner_id)s AND asked_at >= since
    LEFT JOIN chat_answers ON question_id = chat_questions.id AND status = 'done'
    GROUP BY since
"""


async def create_chat(connection: Connection, owner: UserId) -> Chat:
    """Add a chat with the owner's next number, which no other chat of the same owner ever had.

    Raises:
        NotFound: there is no such user.
    """
    row = await (await connection.execute(_TAKE_NUMBER, {"owner_id": owner})).fetchone()
    if row is None:
        raise NotFound(what=f"user {owner}")
    await connection.execute(_INSERT_CHAT, _key(owner, row["last_chat_number"]))
    return await get_chat(connection, owner, row["last_chat_number"])


async def get_chat(connection: Connection, owner: UserId, number: int) -> Chat:
    """Load a chat for its owner.

    Raises:
        NotFound: the owner has no such chat.
    """
    row = await (await connection.execute(_SELECT_CHAT, _key(owner, number))).fetchone()
    if row is None:
        raise _not_found(number)
    return Chat.model_validate(row)


async def list_chats(connection: Connection, owner: UserId, limit: int, offset: int = 0) -> list[Chat]:
    """Load a page of the owner's chats, the most recently used first."""
    parameters = {"owner_id": owner, "limit": limit, "offset": offset}
    return [Chat.model_validate(row) async for row in await connection.execute(_SELECT_PAGE, parameters)]


async def count_chats(connection: Connection, owner: UserId) -> int:
    row = await (await connection.execute(_COUNT_CHATS, {"owner_id": owner})).fetchone()
    return row["chats"] if row else 0


async def find_empty_chat(connection: Connection, owner: UserId) -> Chat | None:
    """Find the owner's newest chat that has neither a given title nor a question."""
    row = await (await connection.execute(_SELECT_EMPTY, {"owner_id": owner})).fetchone()
    return None if row is None else Chat.model_validate(row)


async def rename_chat(connection: Connection, owner: UserId, number: int, title: str) -> None:
    """Give a chat another title.

    Raises:
        NotFound: the owner has no such chat.
    """
    row = await (await connection.execute(_RENAME_CHAT, {**_key(owner, number), "title": title})).fetchone()
    if row is None:
        raise _not_found(number)


async def delete_chat(connection: Connection, owner: UserId, number: int) -> None:
    """Remove a chat with all that was asked and answered in it.

    Raises:
        NotFound: the owner has no such chat.
    """
    if await (await connection.execute(_DELETE_CHAT, _key(owner, number))).fetchone() is None:
        raise _not_found(number)


async def is_asked(connection: Connection, occasion: Occasion) -> bool:
    """Tell whether a question with this occasion is stored already."""
    row = await (await connection.execute(_SELECT_IS_ASKED, {"door": occasion.door, "key": occasion.key})).fetchone()
    return row is not None and bool(row["asked"])


async def find_asked(connection: Connection, owner: UserId, occasion: Occasion) -> AnswerId | None:
    """Return the first answer to the owner's question with this occasion; None when nothing was asked by it."""
    parameters = {"owner_id": owner, "door": occasion.door, "key": occasion.key}
    row = await (await connection.execute(_SELECT_ASKED, parameters)).fetchone()
    return None if row is None else AnswerId(row["id"])


async def add_question(
    connection: Connection,
    chat: Chat,
    occasion: Occasion,
    text: str,
    title: str,
    return_to: ReturnAddress | None,
) -> AnswerId:
    """Add a question with a waiting answer, and return the answer's id. A chat without a title gets ``title``."""
    key = _key(chat.owner_id, chat.number)
    asked = {**key, "door": occasion.door, "key": occasion.key, "text": text}
    row = await (await connection.execute(_INSERT_QUESTION, asked)).fetchone()
    assert row is not None  # noqa: S101  # it is inserted, or the database raises
    answer_id = AnswerId(new_id())
    answer = {
        "id": answer_id,
        "question_id": row["id"],
        "kind": AnswerKind.FAST,
        "status": AnswerStatus.WAITING,
        "return_to": None if return_to is None else Jsonb(return_to),
    }
    await connection.execute(_INSERT_ANSWER, answer)
    await connection.execute(_NAME_CHAT, {**key, "title": title})
    await connection.execute(_TOUCH_CHAT, key)
    return answer_id


async def find_to_answer(connection: Connection, answer_id: AnswerId) -> QuestionToAnswer | None:
    """Load the question of an answer that is to be made; None when its chat was deleted."""
    row = await (await connection.execute(_SELECT_TO_ANSWER, {"id": answer_id})).fetchone()
    return None if row is None else QuestionToAnswer.model_validate(row)


async def last_turns(connection: Connection, asked: QuestionToAnswer, limit: int) -> list[Turn]:
    """Load at most ``limit`` answered turns before a question in its chat, the latest first.

    An answer with a source that was deleted, or that its asker does not find any more, is left out.
    """
    parameters = {**_key(asked.owner_id, asked.chat_number), "before": asked.question_id, "limit": limit}
    return [Turn.model_validate(row) async for row in await connection.execute(_SELECT_LAST_TURNS, parameters)]


async def finish_answer(connection: Connection, owner: UserId, answer_id: AnswerId, outcome: AnswerOutcome) -> bool:
    """Store the outcome of a waiting answer; of one that cites what was deleted meanwhile, that it was.

    Return False when the owner has no such answer, as after the deletion of its chat, or the answer has ended already.
    """
    cited = {each.recording_id or each.document_id for each in outcome.sources} - {None}
    if cited and await (await connection.execute(_SELECT_GONE, {"sources": list(cited)})).fetchone():
        # It was deleted while the answer was written.
        outcome = outcome.model_copy(update={"text": texts.chats.SOURCE_DELETED, "note": "", "sources": ()})
    parameters = {
        **outcome.model_dump(exclude={"usage", "sources", "narrowing"}),
        "narrowing": Jsonb(outcome.narrowing.model_dump(mode="json", exclude_defaults=True)),
        **outcome.usage.model_dump(),
        "sources": Jsonb([source.model_dump(mode="json") for source in outcome.sources]),
        "id": answer_id,
        "owner_id": owner,
        "done": AnswerStatus.DONE,
        "waiting": AnswerStatus.WAITING,
    }
    return await (await connection.execute(_FINISH_ANSWER, parameters)).fetchone() is not None


async def fail_answer(connection: Connection, answer_id: AnswerId, error_code: str) -> None:
    """Note that answering failed, and why; do nothing when the answer has ended already."""
    parameters = {"id": answer_id, "error_code": error_code}
    statuses = {"failed": AnswerStatus.FAILED, "waiting": AnswerStatus.WAITING}
    await connection.execute(_FAIL_ANSWER, {**parameters, **statuses})


async def lock_ended(connection: Connection, door: str, limit: int) -> list[EndedAnswer]:
    """Lock and load at most ``limit`` ended answers that ``door`` still has to deliver, the earliest ended first.

    Answers that another transaction has locked are left out.
    """
    parameters = {"door": door, "limit": limit}
    return [_ended(row) async for row in await connection.execute(_SELECT_ENDED, parameters)]


async def mark_delivered(connection: Connection, answer_id: AnswerId) -> None:
    await connection.execute(_MARK_DELIVERED, {"id": answer_id})


async def list_turns(
    connection: Connection,
    owner: UserId,
    number: int,
    *,
    after: int,
    limit: int,
    first: datetime | None = None,
    until: datetime | None = None,
) -> list[Turn]:
    """Load the turns of the first ``limit`` questions with an id above ``after``, asked in [``first``, ``until``).

    A bound that is None is open. A question with two answers is two turns; one without a finished answer is one turn.
    """
    parameters = {**_key(owner, number), "after": after, "limit": limit, "first": first, "until": until}
    return [Turn.model_validate(row) async for row in await connection.execute(_SELECT_TURNS, parameters)]


async def chats_asked_in(connection: Connection, owner: UserId, first: datetime, until: datetime) -> Sequence[int]:
    """Load the numbers of the owner's chats in which something was asked in [``first``, ``until``)."""
    parameters = {"owner_id": owner, "first": first, "until": until}
    return [row["chat_number"] async for row in await connection.execute(_SELECT_CHATS_ASKED, parameters)]


async def figures(connection: Connection, owner: UserId, since: datetime | None) -> ChatFigures:
    """Count the owner's chats, questions and answers from ``since`` on; all of them when ``since`` is None."""
    row = await (await connection.execute(_SELECT_FIGURES, {"owner_id": owner, "since": since})).fetchone()
    return ChatFigures.model_validate(row)


def _key(owner: UserId, number: int) -> dict[str, Any]:
    return {"owner_id": owner, "number": number}


def _not_found(number: int) -> NotFound:
    return NotFound(what=f"chat {number}")


def _ended(row: DictRow) -> EndedAnswer:
    done = row.pop("status") == AnswerStatus.DONE
    if done:
        return EndedAnswer(outcome=AnswerOutcome.taken_from(row), **row)
    return EndedAnswer(outcome=None, **{name: row[name] for name in _OF_ENDED})
