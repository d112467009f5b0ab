"""Rows of ``role_limits``, ``person_limits`` and ``limit_uses``."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from datamodels import RecordingId, Role, UserId, Value
from db import Connection
from limits.values import Allowance, Amounts, PersonUse, Resource

# A lock of its own, which nothing else waits for: whoever holds it takes no further one but rows of limit_uses.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('limits'), hashtext(%(owner)s))"
_SELECT_LIMITS = """
    SELECT resource, amount, true AS is_own FROM person_limits JOIN users ON users.id = person
    WHERE person = %(owner)s AND role <> 'super_admin'
    UNION ALL
    SELECT resource, amount, false FROM role_limits JOIN users USING (role) WHERE users.id = %(owner)s
"""
_COUNTED = "CASE state WHEN 'reserved' THEN greatest(reserved, used) ELSE used END"
_SELECT_USED = f"""
    SELECT resource, sum(amount) AS used FROM (
        SELECT resource, {_COUNTED} AS amount FROM limit_uses
        WHERE owner_id = %(owner)s AND month = %(month)s AND work IS DISTINCT FROM %(without)s
        UNION ALL SELECT resource, amount FROM erased_uses JOIN users USING (telegram_id)
        WHERE users.id = %(owner)s AND month = %(month)s AND resource NOT IN ('training', 'picture')
    ) AS uses
    GROUP BY resource
"""  # noqa: S608 - of constants, as the next ones
_SELECT_STORED = """
    SELECT
        coalesce((SELECT sum(size_bytes) FROM recordings WHERE owner_id = %(owner)s), 0)
        + coalesce((
            SELECT sum((file->>'size_bytes')::bigint) FROM incoming_files
            WHERE owner_id = %(owner)s AND finished_at IS NULL
        ), 0)
        + coalesce((SELECT sum(size_bytes) FROM documents WHERE owner_id = %(owner)s), 0)
        + coalesce((
            SELECT sum(size_bytes) FROM web_uploads WHERE owner_id = %(owner)s AND state IN ('receiving', 'whole')
        ), 0) AS bytes
"""
_SELECT_USE = "SELECT resource, reserved, used, state FROM limit_uses WHERE work = %(work)s"
# What was reserved in an earlier month and is not more now counts there still.
_RESERVE = """
    INSERT INTO limit_uses (work, resource, owner_id, subject, month, reserved, exact, state)
    VALUES (%(work)s, %(resource)s, %(owner)s, %(subject)s, %(month)s, %(amount)s, %(exact)s, 'reserved')
    ON CONFLICT (work, resource) DO UPDATE SET
        month = CASE
            WHEN limit_uses.state = 'reserved' AND EXCLUDED.reserved <= limit_uses.reserved THEN limit_uses.month
            ELSE EXCLUDED.month
        END,
        reserved = EXCLUDED.reserved, state = 'reserved', at = now()
"""
_SPEND = """
    INSERT INTO limit_uses (work, resource, owner_id, subject, month, reserved, used, exact, state)
    SELECT %(work)s, resource, owner_id, %(work)s, %(month)s, 0, amount, false, 'released' FROM (
        SELECT owner_id FROM recordings WHERE id = %(work)s
        UNION ALL SELECT owner_id FROM report_runs WHERE id = %(work)s
        UNION ALL SELECT owner_id FROM chat_answers JOIN chat_questions ON chat_questions.id = question_id
            WHERE chat_answers.id = %(work)s
        UNION ALL SELECT owner_id FROM speeches WHERE id = %(work)s
        UNION ALL SELECT owner_id FROM limit_uses WHERE work = %(work)s
        LIMIT 1
    ) AS owner CROSS JOIN unnest(%(resources)s::text[], %(amounts)s::numeric[]) AS paid (resource, amount)
    ON CONFLICT (work, resource) DO UPDATE SET used = limit_uses.used + EXCLUDED.used
"""
_SELECT_PEOPLE = f"""
    SELECT id, name, sum({_COUNTED}) AS used, count(*) OVER () AS total
    FROM limit_uses JOIN users ON users.id = owner_id
    WHERE month = %(month)s AND resource = %(resource)s
    GROUP BY users.id HAVING sum({_COUNTED}) > 0
    ORDER BY used DESC, name, id LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608
_SELECT_PEOPLE_STORING = """
    SELECT users.id, name, sum(size_bytes) AS used, count(*) OVER () AS total
    FROM (
        SELECT owner_id, size_bytes FROM recordings UNION ALL SELECT owner_id, size_bytes FROM documents
    ) AS stored JOIN users ON users.id = owner_id
    GROUP BY users.id ORDER BY used DESC, name, users.id LIMIT %(limit)s OFFSET %(offset)s
"""
_SELECT_OF_ROLE = "SELECT resource, amount FROM role_limits WHERE role = %(role)s"
_SET_ROLE = """
    INSERT INTO role_limits (role, resource, amount) VALUES (%(role)s, %(resource)s, %(amount)s)
    ON CONFLICT (role, resource) DO UPDATE SET amount = EXCLUDED.amount
"""
_DELETE_ROLE = "DELETE FROM role_limits WHERE role = %(role)s AND resource = %(resource)s"
_SET_PERSON = """
    INSERT INTO person_limits (person, resource, amount) VALUES (%(person)s, %(resource)s, %(amount)s)
    ON CONFLICT (person, resource) DO UPDATE SET amount = EXCLUDED.amount
"""
_DELETE_PERSON = "DELETE FROM person_limits WHERE person = %(person)s AND resource = %(resource)s"
_SELECT_WAITING = """
    SELECT recordings.id FROM recordings JOIN users ON users.id = owner_id
    WHERE error_code = %(code)s AND retry_at IS NOT NULL AND (users.id = %(person)s OR role = %(role)s)
    ORDER BY recordings.created_at
"""


class Use(Value):
    """What a piece of work has of one resource."""

    resource: Resource
    reserved: Decimal
    used: Decimal
    state: str

    @property
    def counted(self) -> Decimal:
        return max(self.reserved, self.used) if self.state == "reserved" else self.used


async def lock(connection: Connection, owner: UserId) -> None:
    """Keep others from reserving for the same person until the transaction ends."""
    await connection.execute(_LOCK, {"owner": str(owner)})


async def limits_of(connection: Connection, owner: UserId) -> dict[Resource, tuple[Decimal | None, bool]]:
    """Load a person's limits, and whether each is their own; what has no row has no limit."""
    rows = await (await connection.execute(_SELECT_LIMITS, {"owner": owner})).fetchall()
    rows.sort(key=lambda row: row["is_own"])  # the person's own last: it replaces that of the role
    return {Resource(row["resource"]): (row["amount"], row["is_own"]) for row in rows}


async def used(
    connection: Connection, owner: UserId, month: date, without: UUID | None = None
) -> dict[Resource, Decimal]:
    """Load what counts of a month, that of one piece of work left out."""
    parameters = {"owner": owner, "month": month, "without": without}
    rows = await (await connection.execute(_SELECT_USED, parameters)).fetchall()
    return {Resource(row["resource"]): row["used"] for row in rows}


async def stored_bytes(connection: Connection, owner: UserId) -> Decimal:
    """Load how many bytes a person's files have, those included that are on their way."""
    row = await (await connection.execute(_SELECT_STORED, {"owner": owner})).fetchone()
    return Decimal(row["bytes"] if row else 0)


async def allowances(connection: Connection, owner: UserId, month: date) -> list[Allowance]:
    """Load all limits of a person with what counts against them."""
    limits, counted = await limits_of(connection, owner), await used(connection, owner, month)
    counted[Resource.STORAGE] = await stored_bytes(connection, owner)
    found = []
    for resource in Resource:
        limit, is_own = limits.get(resource, (None, False))
        amount = counted.get(resource, Decimal(0))
        found.append(Allowance(resource=resource, limit=limit, used=amount, is_own=is_own))
    return found


async def uses_of(connection: Connection, work: UUID) -> dict[Resource, Use]:
    """Load what a piece of work has reserved and used."""
    rows = await (await connection.execute(_SELECT_USE, {"work": work})).fetchall()
    return {use.resource: use for use in map(Use.model_validate, rows)}


async def reserve(
    connection: Connection,
    owner: UserId,
    work: UUID,
    subject: UUID,
    resource: Resource,
    amount: Decimal,
    month: date,
    *,
    exact: bool,
) -> None:
    """Note what is reserved for a piece of work, in the place of what was reserved for it before."""
    parameters = {"work": work, "resource": resource, "owner": owner, "subject": subject}
    await connection.execute(_RESERVE, {**parameters, "amount": amount, "month": month, "exact": exact})


async def spend(connection: Connection, work: UUID, amounts: Amounts, month: date) -> None:
    """Add to what work has used; of work that is gone it counts where something was reserved for it."""
    paid = {"resources": list(amounts), "amounts": list(amounts.values())}
    await connection.execute(_SPEND, {"work": work, "month": month, **paid})


async def people(
    connection: Connection, resource: Resource, month: date, limit: int, offset: int
) -> tuple[int, list[PersonUse]]:
    """Load some of those who have used a resource, the most first, and how many there are."""
    query = _SELECT_PEOPLE_STORING if resource is Resource.STORAGE else _SELECT_PEOPLE
    parameters = {"month": month, "resource": resource, "limit": limit, "offset": offset}
    rows = await (await connection.execute(query, parameters)).fetchall()
    total = rows[0]["total"] if rows else 0
    return total, [PersonUse(id=row["id"], name=row["name"], used=row["used"]) for row in rows]


async def of_role(connection: Connection, role: Role) -> dict[Resource, Decimal]:
    """Load the limits of a role."""
    rows = await (await connection.execute(_SELECT_OF_ROLE, {"role": role})).fetchall()
    return {Resource(row["resource"]): row["amount"] for row in rows}


async def set_for_role(connection: Connection, role: Role, resource: Resource, amount: Decimal | None) -> None:
    """Set a limit of a role, or remove it."""
    parameters = {"role": role, "resource": resource, "amount": amount}
    await connection.execute(_DELETE_ROLE if amount is None else _SET_ROLE, parameters)


async def set_for_person(
    connection: Connection, person: UserId, resource: Resource, amount: Decimal | None, *, own: bool
) -> None:
    """Set a limit of a person's own, None to lift that of the role; without ``own``, that of the role counts again."""
    parameters = {"person": person, "resource": resource, "amount": amount}
    await connection.execute(_SET_PERSON if own else _DELETE_PERSON, parameters)


async def waiting(
    connection: Connection, code: str, *, person: UserId | None = None, role: Role | None = None
) -> list[RecordingId]:
    """Load the recordings of a person, or of all with a role, that wait because of an error with this code."""
    parameters = {"code": code, "person": person, "role": role}
    return [row["id"] for row in await (await connection.execute(_SELECT_WAITING, parameters)).fetchall()]
