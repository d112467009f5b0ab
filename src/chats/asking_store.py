"""What surrounds a question: the filters of its chat, drafts of its answer, further answers, better questions."""

from uuid import UUID

from psycopg.types.json import Jsonb

from datamodels import UserId, Value
from datamodels_chats import AnswerId, AnswerKind, AnswerStatus, ReturnAddress
from datamodels_search import ChatFilters, Search
from db import Connection
from errors import NotFound

_SELECT_FILTERS = "SELECT filters FROM chats WHERE owner_id = %(owner_id)s AND number = %(number)s FOR UPDATE"
_SET_FILTERS = "UPDATE chats SET filters = %(filters)s WHERE owner_id = %(owner_id)s AND number = %(number)s"

# A draft that a power cut loses is written anew: nobody waits for the disk.
_LIGHTLY = "SET LOCAL synchronous_commit = off"
_SET_DRAFT = "UPDATE chat_answers SET draft = %(draft)s WHERE id = %(id)s AND status = 'waiting'"
_SELECT_DRAFTS = """
    SELECT chat_answers.id, chat_questions.text AS question, return_to, draft
    FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
    WHERE status = 'waiting' AND draft IS NOT NULL AND return_to IS NOT NULL AND door = %(door)s
"""

_SELECT_WAITING = """
    SELECT return_to FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
    WHERE status = 'waiting' AND return_to IS NOT NULL AND door = %(door)s
"""
_SELECT_HAS_ANSWER = "SELECT EXISTS (SELECT FROM chat_answers WHERE id = %(id)s AND status <> 'failed') AS there"
# One that failed is tried again.
_INSERT_AGAIN = """
    INSERT INTO chat_answers (id, question_id, kind, status, search, return_to)
    VALUES (%(id)s, %(question_id)s, %(kind)s, %(waiting)s, %(search)s, %(return_to)s)
    ON CONFLICT (id) DO UPDATE SET
        status = excluded.status, return_to = excluded.return_to, error_code = NULL, finished_at = NULL,
        delivered_at = NULL
    WHERE chat_answers.status = 'failed'
"""

_INSERT_PROPOSALS = """
    INSERT INTO question_proposals (id, answer_id, return_to) VALUES (%(id)s, %(answer_id)s, %(return_to)s)
    ON CONFLICT (id) DO NOTHING RETURNING id
"""
_PROPOSALS = """
    SELECT question_proposals.id, answer_id, owner_id, chat_questions.text AS question, question_proposals.return_to,
        questions
    FROM question_proposals
    JOIN chat_answers ON chat_answers.id = answer_id
    JOIN chat_questions ON chat_questions.id = question_id
"""
_SELECT_PROPOSALS = f"{_PROPOSALS} WHERE question_proposals.id = %(id)s"
_SELECT_MADE = f"""
    {_PROPOSALS}
    WHERE questions IS NOT NULL AND question_proposals.delivered_at IS NULL AND door = %(door)s
    ORDER BY question_proposals.created_at LIMIT %(limit)s
    FOR UPDATE OF question_proposals SKIP LOCKED
"""
_STORE_PROPOSALS = "UPDATE question_proposals SET questions = %(questions)s WHERE id = %(id)s AND questions IS NULL"
_MARK_DELIVERED = "UPDATE question_proposals SET delivered_at = now() WHERE id = %(id)s"


class Draft(Value):
    """What may be seen of an answer that is being written."""

    id: AnswerId
    question: str
    return_to: ReturnAddress
    draft: str


class Proposals(Value):
    """Better questions than ``question``, which an answer of the owner's is about; None until they are made."""

    id: UUID
    answer_id: AnswerId
    owner_id: UserId
    question: str
    return_to: ReturnAddress
    questions: tuple[str, ...] | None


async def lock_filters(connection: Connection, owner: UserId, number: int) -> ChatFilters:
    """Lock a chat of the owner's and load its filters.

    Raises:
        NotFound: the owner has no such chat.
    """
    row = await (await connection.execute(_SELECT_FILTERS, {"owner_id": owner, "number": number})).fetchone()
    if row is None:
        raise NotFound(what=f"chat {number}")
    return ChatFilters.model_validate(row["filters"])


async def set_filters(connection: Connection, owner: UserId, number: int, filters: ChatFilters) -> None:
    """Keep the filters of a chat."""
    stored = Jsonb(filters.model_dump(mode="json", exclude_defaults=True))
    await connection.execute(_SET_FILTERS, {"owner_id": owner, "number": number, "filters": stored})


async def set_draft(connection: Connection, answer_id: AnswerId, draft: str) -> None:
    """Keep what may be seen of an answer, unless it has ended."""
    await connection.execute(_LIGHTLY)
    await connection.execute(_SET_DRAFT, {"id": answer_id, "draft": draft})


async def list_drafts(connection: Connection, door: str) -> list[Draft]:
    """Load the drafts of the answers that are being written for ``door``."""
    return [Draft.model_validate(row) async for row in await connection.execute(_SELECT_DRAFTS, {"door": door})]


async def list_waiting(connection: Connection, door: str) -> list[ReturnAddress]:
    """Load where the answers go that are being made for ``door``."""
    return [row["return_to"] async for row in await connection.execute(_SELECT_WAITING, {"door": door})]


async def is_asked_again(connection: Connection, answer_id: AnswerId) -> bool:
    """Tell whether a further answer is there or on its way."""
    row = await (await connection.execute(_SELECT_HAS_ANSWER, {"id": answer_id})).fetchone()
    return row is not None and bool(row["there"])


async def add_answer(
    connection: Connection, answer_id: AnswerId, question_id: int, search: Search, return_to: ReturnAddress | None
) -> None:
    """Add a further answer to a question, that waits to be made."""
    parameters = {
        "id": answer_id,
        "question_id": question_id,
        "kind": AnswerKind.FAST,
        "waiting": AnswerStatus.WAITING,
        "search": Jsonb(search.model_dump(mode="json")),
        "return_to": None if return_to is None else Jsonb(return_to),
    }
    await connection.execute(_INSERT_AGAIN, parameters)


async def add_proposals(connection: Connection, id_: UUID, answer_id: AnswerId, return_to: ReturnAddress) -> bool:
    """Ask for better questions; False when these were asked for already."""
    parameters = {"id": id_, "answer_id": answer_id, "return_to": Jsonb(return_to)}
    return await (await connection.execute(_INSERT_PROPOSALS, parameters)).fetchone() is not None


async def find_proposals(connection: Connection, id_: UUID) -> Proposals | None:
    """Load proposals; None when there are none of this id, as after the deletion of their chat."""
    row = await (await connection.execute(_SELECT_PROPOSALS, {"id": id_})).fetchone()
    return None if row is None else Proposals.model_validate(row)


async def store_proposals(connection: Connection, id_: UUID, questions: tuple[str, ...]) -> None:
    """Keep the better questions, unless some are kept already."""
    await connection.execute(_STORE_PROPOSALS, {"id": id_, "questions": Jsonb(list(questions))})


async def lock_made(connection: Connection, door: str, limit: int) -> list[Proposals]:
    """Lock and load at most ``limit`` proposals that ``door`` still has to deliver, the earliest asked for first."""
    cursor = await connection.execute(_SELECT_MADE, {"door": door, "limit": limit})
    return [Proposals.model_validate(row) async for row in cursor]


async def mark_delivered(connection: Connection, id_: UUID) -> None:
    await connection.execute(_MARK_DELIVERED, {"id": id_})
