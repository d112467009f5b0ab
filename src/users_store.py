"""Rows of ``users``."""

from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from datamodels import Role, User, UserId
from errors import NotFound

LOCAL_USER = UserId(UUID("00000000-0000-4000-8000-000000000001"))
"""Who works at the command line. The same on every machine, so that a later start finds its recordings."""

_LOCAL_USER_NAME = "local"

_INSERT_USER = """
    INSERT INTO users (id, name, role) VALUES (%(id)s, %(name)s, %(role)s)
    ON CONFLICT (id) DO NOTHING
"""
_SELECT_USER = "SELECT id, telegram_id, name, role, created_at FROM users WHERE id = %(id)s"


async def ensure_local_user(connection: AsyncConnection[DictRow]) -> UserId:
    """Add the command line's user, unless present; returns the id."""
    await connection.execute(_INSERT_USER, {"id": LOCAL_USER, "name": _LOCAL_USER_NAME, "role": Role.SUPER_ADMIN.value})
    return LOCAL_USER


async def get_user(connection: AsyncConnection[DictRow], user_id: UserId) -> User:
    """Load a user.

    Raises:
        NotFound: there is no such user.
    """
    row = await (await connection.execute(_SELECT_USER, {"id": user_id})).fetchone()
    if row is None:
        raise NotFound(what=f"user {user_id}")
    return User.model_validate(row)
