"""Rows of ``invitations``; codes are known by their hashes alone. One that does not let people in counts as none."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from datamodels import Role, UserId, Value
from db import Connection

_COLUMNS = """
    invitations.number, invitations.role, made_by, makers.name AS made_by_name, uses, used, invitations.created_at,
    expires_at
"""
_HOLDS = "revoked_at IS NULL AND used < uses AND expires_at > now()"
_INSERT = """
    INSERT INTO invitations (code_hash, role, made_by, uses, expires_at)
    VALUES (%(hash)s, %(role)s, %(made_by)s, %(uses)s, now() + %(lasts)s)
    RETURNING
        number, role, made_by, (SELECT name FROM users WHERE id = made_by) AS made_by_name, uses, used, created_at,
        expires_at
"""
_SELECT_OPEN = f"""
    SELECT {_COLUMNS} FROM invitations JOIN users AS makers ON makers.id = made_by
    WHERE {_HOLDS} ORDER BY number DESC LIMIT 50
"""
_SELECT = f"""
    SELECT {_COLUMNS} FROM invitations JOIN users AS makers ON makers.id = made_by
    WHERE {_HOLDS} AND number = %(number)s
"""
_SELECT_BY_CODE = f"""
    SELECT {_COLUMNS} FROM invitations JOIN users AS makers ON makers.id = made_by
    WHERE {_HOLDS} AND code_hash = %(hash)s
"""
_COUNT_USE = "UPDATE invitations SET used = used + 1 WHERE number = %(number)s"
_REVOKE = "UPDATE invitations SET revoked_at = now() WHERE number = %(number)s"


class Invitation(Value):
    """An invitation that still lets people in: ``used`` of ``uses`` times so far, until ``expires_at``."""

    number: int
    role: Role
    made_by: UserId
    made_by_name: str
    uses: int
    used: int
    created_at: datetime
    expires_at: datetime


async def add(
    connection: Connection, code_hash: bytes, maker: UserId, role: Role, uses: int, lasts: timedelta
) -> Invitation:
    """Add an invitation for ``uses`` people."""
    parameters = {"hash": code_hash, "role": role, "made_by": maker, "uses": uses, "lasts": lasts}
    row = await (await connection.execute(_INSERT, parameters)).fetchone()
    return Invitation.model_validate(row)


async def list_open(connection: Connection) -> Sequence[Invitation]:
    """Load all, the latest first, fifty at most."""
    return [Invitation.model_validate(row) async for row in await connection.execute(_SELECT_OPEN)]


async def find(connection: Connection, number: int) -> Invitation | None:
    """Load the one of this number."""
    row = await (await connection.execute(_SELECT, {"number": number})).fetchone()
    return None if row is None else Invitation.model_validate(row)


async def find_by_code(connection: Connection, code_hash: bytes) -> Invitation | None:
    """Load the one with this code."""
    row = await (await connection.execute(_SELECT_BY_CODE, {"hash": code_hash})).fetchone()
    return None if row is None else Invitation.model_validate(row)


async def count_use(connection: Connection, number: int) -> None:
    """Note that one more person came in by it."""
    await connection.execute(_COUNT_USE, {"number": number})


async def revoke(connection: Connection, number: int) -> None:
    """Take it back."""
    await connection.execute(_REVOKE, {"number": number})
