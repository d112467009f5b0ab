"""Rows of ``erasures``, and what is counted before one is ordered."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from datamodels import Role, UserId, Value
from datamodels_telegram import ChatId
from db import Connection

_INSERT = """
    INSERT INTO erasures (person_id, heir_id, chat_id, random_id)
    VALUES (%(person)s, %(heir)s, %(chat)s, %(random_id)s)
"""
_NOTE_DECIDED = """
    UPDATE erasures SET role_stays = %(role)s, block_stays = %(is_blocked)s, gives = %(gives)s
    WHERE person_id = %(person)s
"""
_SELECT_CHANGE_OF_ROLE = """
    SELECT nullif(details ->> 'before', '') AS before, details ->> 'after' AS after FROM audit_log
    WHERE subject = %(person)s AND action = 'role_changed' ORDER BY number DESC LIMIT 1
"""
_SELECT_ORDER = "SELECT person_id, heir_id, chat_id FROM erasures WHERE person_id = %(person)s"
# Who inherits goes only after what was left to them has come.
_SELECT_OPEN = """
    SELECT person_id, heir_id FROM erasures
    WHERE erased_at IS NULL AND NOT EXISTS (
        SELECT FROM erasures AS before WHERE before.heir_id = erasures.person_id AND before.erased_at IS NULL
    )
    ORDER BY asked_at
"""
_SELECT_UNTOLD = """
    SELECT person_id, heir_id, chat_id, random_id, gives, telegram_id AS heir_chat
    FROM erasures LEFT JOIN users ON users.id = heir_id WHERE erased_at IS NOT NULL ORDER BY erased_at
"""
# Of whose inheritance an heir has not been told yet when they go, it went on with theirs: its next heir is told once.
_PASS_ON = """
    UPDATE erasures SET heir_id = own.heir_id, gives = NULL FROM erasures AS own
    WHERE own.person_id = %(person)s AND erasures.heir_id = %(person)s
"""
_NOTE_ERASED = "UPDATE erasures SET erased_at = now() WHERE person_id = %(person)s"
_DELETE = "DELETE FROM erasures WHERE person_id = %(person)s AND erased_at IS NOT NULL"
# What is still on its way to the person is promised as well: what somebody had who is erased, and those before them.
_GIVERS = """
    WITH RECURSIVE givers AS (
        SELECT person_id FROM erasures WHERE heir_id = %(person)s AND erased_at IS NULL
        UNION SELECT erasures.person_id FROM erasures JOIN givers ON heir_id = givers.person_id WHERE erased_at IS NULL
    ), owners AS (SELECT %(person)s::uuid AS id UNION SELECT person_id FROM givers)
"""
_COUNT = f"""
    {_GIVERS} SELECT
        (SELECT count(*) FROM recordings WHERE owner_id IN (SELECT id FROM owners)) AS recordings,
        (SELECT count(*) FROM report_runs WHERE owner_id IN (SELECT id FROM owners) AND status = 'done') AS reports,
        (SELECT count(*) FROM documents WHERE owner_id IN (SELECT id FROM owners)) AS documents,
        (SELECT count(*) FROM chat_questions WHERE owner_id = %(person)s) AS questions,
        (SELECT count(*) FROM avatars WHERE owner_id = %(person)s AND deleted_at IS NULL) AS avatars
"""
_COUNT_INHERITED = f"""
    {_GIVERS} SELECT
        (
            SELECT count(*) FROM recordings
            WHERE (owner_id = %(person)s AND inherited) OR owner_id IN (SELECT person_id FROM givers)
        ) AS recordings,
        (
            SELECT count(*) FROM report_runs
            WHERE status = 'done'
                AND ((owner_id = %(person)s AND inherited) OR owner_id IN (SELECT person_id FROM givers))
        ) AS reports,
        (
            SELECT count(*) FROM documents
            WHERE (owner_id = %(person)s AND inherited) OR owner_id IN (SELECT person_id FROM givers)
        ) AS documents
"""


class Erasure(Value):
    """A person who is being erased; what they recorded goes to ``heir_id``, and is erased as well without one."""

    person_id: UserId
    heir_id: UserId | None


class OrderedErasure(Erasure):
    """An erasure as it was ordered; ``chat_id`` is where its end is told."""

    chat_id: ChatId


class ChangeOfRole(Value):
    """A change of a person's role; ``before`` is None for who was not of the team."""

    before: Role | None
    after: Role


class Possessions(Value):
    """How much of each kind a person has."""

    recordings: int
    reports: int
    documents: int
    questions: int = 0
    avatars: int = 0

    @property
    def can_be_given(self) -> bool:
        """Whether there is anything that somebody else could take over."""
        return bool(self.recordings or self.reports or self.documents)


class UntoldErasure(OrderedErasure):
    """An erasure that has ended; ``random_id`` is that of the message that tells so.

    ``gives`` counts what the person had, or was about to get, when it was ordered; None when the heir is told of it by
    another erasure, and in a row of an earlier version.
    """

    random_id: int
    gives: Possessions | None
    heir_chat: ChatId | None


async def add(connection: Connection, person: UserId, heir: UserId | None, chat: ChatId, random_id: int) -> None:
    """Note that a person is to be erased; ``chat`` is told when that is done."""
    await connection.execute(_INSERT, {"person": person, "heir": heir, "chat": chat, "random_id": random_id})


async def note_decided(
    connection: Connection, person: UserId, role: Role | None, gives: Possessions, *, is_blocked: bool
) -> None:
    """Note what outlives an erasure: the role that a person was lowered to, a block, what the person has."""
    parameters = {"person": person, "role": role, "is_blocked": is_blocked, "gives": Jsonb(gives.model_dump())}
    await connection.execute(_NOTE_DECIDED, parameters)


async def last_change_of_role(connection: Connection, person: UserId) -> ChangeOfRole | None:
    """Load the latest change of a person's role that somebody made, as far as the record of changes has it."""
    row = await (await connection.execute(_SELECT_CHANGE_OF_ROLE, {"person": person})).fetchone()
    return None if row is None else ChangeOfRole.model_validate(row)


async def ordered(connection: Connection, person: UUID) -> OrderedErasure | None:
    """Load the erasure of a person; None when nobody has ordered one."""
    row = await (await connection.execute(_SELECT_ORDER, {"person": person})).fetchone()
    return None if row is None else OrderedErasure.model_validate(row)


async def is_ordered(connection: Connection, person: UUID) -> bool:
    """Tell whether a person is being erased."""
    return await ordered(connection, person) is not None


async def list_open(connection: Connection) -> Sequence[Erasure]:
    """Load the erasures that can go on, in the order in which they were asked for."""
    return [Erasure.model_validate(row) async for row in await connection.execute(_SELECT_OPEN)]


async def list_untold(connection: Connection) -> Sequence[UntoldErasure]:
    """Load the erasures that have ended, and of which nobody was told yet."""
    return [UntoldErasure.model_validate(row) async for row in await connection.execute(_SELECT_UNTOLD)]


async def pass_on(connection: Connection, person: UserId) -> None:
    """Note where that went which a person got by erasures that were not told of yet; the person goes now."""
    await connection.execute(_PASS_ON, {"person": person})


async def note_erased(connection: Connection, person: UserId) -> None:
    """Note that nothing of a person is left."""
    await connection.execute(_NOTE_ERASED, {"person": person})


async def delete(connection: Connection, person: UserId) -> None:
    """Remove an erasure of whose end somebody was told."""
    await connection.execute(_DELETE, {"person": person})


async def count_inherited(connection: Connection, person: UserId) -> Possessions:
    """Count what a person has, or is about to get, from people who were erased."""
    row = await (await connection.execute(_COUNT_INHERITED, {"person": person})).fetchone()
    return Possessions.model_validate(row)


async def count(connection: Connection, person: UserId) -> Possessions:
    """Count what a person has; of what can be given, with that which is about to come from people who were erased."""
    return Possessions.model_validate(await (await connection.execute(_COUNT, {"person": person})).fetchone())
