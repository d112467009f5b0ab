"""Rows of ``users``."""

from uuid import UUID

from datamodels import Role, User, UserId
from datamodels_telegram import TelegramPerson
from db import Connection
from random_ids import new_id
from text_cleaning import one_line, storable

LOCAL_USER = UserId(UUID("00000000-0000-4000-8000-000000000001"))
"""The user at the command line. The id is the same on every machine, so that later starts find its recordings."""

_LOCAL_USER_NAME = "local"

_INSERT_USER = """
    INSERT INTO users (id, name, role) VALUES (%(id)s, %(name)s, %(role)s)
    ON CONFLICT (id) DO NOTHING
"""
COLUMNS = "users.id, telegram_id, name, role, granted, blocked_at, users.created_at"
"""What a ``User`` is made of."""
_SELECT_BY_TELEGRAM_ID = f"SELECT {COLUMNS} FROM users WHERE telegram_id = %(telegram_id)s"
_SELECT = f"SELECT {COLUMNS} FROM users WHERE id = %(id)s"
_GRANT = f"""
    UPDATE users SET granted = %(role)s, role = %(role)s, left_at = NULL WHERE id = %(id)s RETURNING {COLUMNS}
"""
_SELECT_NAME = "SELECT name FROM users WHERE id = %(id)s"
_UPSERT_TELEGRAM_USER = f"""
    INSERT INTO users (id, telegram_id, name, role) VALUES (%(id)s, %(telegram_id)s, %(name)s, %(role)s)
    ON CONFLICT (telegram_id) DO UPDATE SET name = EXCLUDED.name, role = EXCLUDED.role
    RETURNING {COLUMNS}
"""


async def ensure_local_user(connection: Connection) -> UserId:
    """Add the command line's user unless present; return the id."""
    await connection.execute(_INSERT_USER, {"id": LOCAL_USER, "name": _LOCAL_USER_NAME, "role": Role.SUPER_ADMIN.value})
    return LOCAL_USER


async def find_by_telegram_id(connection: Connection, telegram_id: int) -> User | None:
    """Load the user with this number at Telegram; None when there is none."""
    row = await (await connection.execute(_SELECT_BY_TELEGRAM_ID, {"telegram_id": telegram_id})).fetchone()
    return None if row is None else User.model_validate(row)


async def find(connection: Connection, user: UserId) -> User | None:
    """Load a person; None when nobody has this id."""
    row = await (await connection.execute(_SELECT, {"id": user})).fetchone()
    return None if row is None else User.model_validate(row)


async def grant(connection: Connection, user: UserId, role: Role) -> User:
    """Give a person a role; return the person."""
    row = await (await connection.execute(_GRANT, {"id": user, "role": role})).fetchone()
    return User.model_validate(row)


async def find_name(connection: Connection, user: UserId) -> str:
    """Load what a person is called; "" when nobody has this id."""
    row = await (await connection.execute(_SELECT_NAME, {"id": user})).fetchone()
    return row["name"] if row else ""


async def ensure_telegram_user(connection: Connection, person: TelegramPerson, role: Role) -> User:
    """Add the person unless present, and bring role and name up to date. An empty name leaves the known one."""
    return await keep_up(connection, person, role, await find_by_telegram_id(connection, person.id))


async def keep_up(connection: Connection, person: TelegramPerson, role: Role, known: User | None) -> User:
    """Do what ``ensure_telegram_user`` does, once the person's row was looked for."""
    name = one_line(storable(person.name)) or (known.name if known else "")
    if known is not None and (known.name, known.role) == (name, role):
        return known
    parameters = {"id": new_id(), "telegram_id": person.id, "name": name, "role": role}
    row = await (await connection.execute(_UPSERT_TELEGRAM_USER, parameters)).fetchone()
    return User.model_validate(row)
