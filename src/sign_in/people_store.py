"""Rows of ``users`` as those see them who look after the people of the team."""

from collections.abc import Sequence

import users_store
from datamodels import Role, User, UserId
from db import Connection
from errors import NotFound
from users_store import COLUMNS

EVERYBODY, OUT = "all", "out"
"""Which people are listed, beside those with one role: all of the team, or those who are not of it any more."""

_LISTED = """
    telegram_id IS NOT NULL AND CASE %(wanted)s
        WHEN 'all' THEN left_at IS NULL
        WHEN 'out' THEN left_at IS NOT NULL
        ELSE left_at IS NULL AND role = %(wanted)s
    END
"""
_COUNT = f"SELECT count(*) AS count FROM users WHERE {_LISTED}"
_SELECT_PAGE = f"""
    SELECT {COLUMNS} FROM users WHERE {_LISTED}
    ORDER BY lower(name), id LIMIT %(limit)s OFFSET %(offset)s
"""
_SEARCH = f"""
    SELECT {COLUMNS} FROM users
    WHERE telegram_id IS NOT NULL
        AND (telegram_id::text = %(text)s OR strpos(lower(name), lower(%(text)s)) > 0)
    ORDER BY left_at IS NOT NULL, lower(name), id LIMIT %(limit)s
"""
_SELECT_ALL = f"""
    SELECT {COLUMNS}, left_at IS NOT NULL AS has_left FROM users WHERE telegram_id IS NOT NULL ORDER BY users.id
"""
_SELECT_OTHERS = f"""
    SELECT {COLUMNS} FROM users
    WHERE telegram_id IS NOT NULL AND left_at IS NULL AND blocked_at IS NULL AND id <> %(person)s
    ORDER BY lower(name), id
"""
_BLOCK = "UPDATE users SET blocked_at = now(), left_at = coalesce(left_at, now()) WHERE id = %(id)s"
_UNBLOCK = "UPDATE users SET blocked_at = NULL WHERE id = %(id)s"
_LEAVE = "UPDATE users SET left_at = now() WHERE id = %(id)s"
_NOTE_ROLE = "UPDATE users SET role = %(role)s, left_at = NULL WHERE id = %(id)s"


async def get(connection: Connection, person: UserId) -> User:
    """Load a person of the messenger.

    Raises:
        NotFound: there is none with this id.
    """
    user = await users_store.find(connection, person)
    if user is None or user.telegram_id is None:
        raise NotFound(what=f"person {person}")
    return user


async def count(connection: Connection, wanted: str) -> int:
    """Return how many people there are of a role, or of ``EVERYBODY`` or ``OUT``."""
    row = await (await connection.execute(_COUNT, {"wanted": wanted})).fetchone()
    return int(row["count"]) if row else 0


async def page(connection: Connection, wanted: str, limit: int, offset: int) -> Sequence[User]:
    """Load some of those whom ``count`` counts, by their names."""
    parameters = {"wanted": wanted, "limit": limit, "offset": offset}
    return [User.model_validate(row) async for row in await connection.execute(_SELECT_PAGE, parameters)]


async def search(connection: Connection, text: str, limit: int) -> Sequence[User]:
    """Load people by a part of the name or the whole Telegram id, those of the team first."""
    cursor = await connection.execute(_SEARCH, {"text": text.replace("\0", "").strip(), "limit": limit})
    return [User.model_validate(row) async for row in cursor]


async def all_people(connection: Connection) -> Sequence[tuple[User, bool]]:
    """Load everybody who has ever been of the team, and whether each has left it."""
    rows = await (await connection.execute(_SELECT_ALL)).fetchall()
    return [(User.model_validate(row), has_left) for row in rows for has_left in [row.pop("has_left")]]


async def block(connection: Connection, person: UserId) -> None:
    """Note that a person is blocked."""
    await connection.execute(_BLOCK, {"id": person})


async def unblock(connection: Connection, person: UserId) -> None:
    """Note that a person is not blocked any more; ``come_back`` tells that they are of the team."""
    await connection.execute(_UNBLOCK, {"id": person})


async def leave(connection: Connection, person: UserId) -> None:
    """Note that a person is not of the team any more."""
    await connection.execute(_LEAVE, {"id": person})


async def come_back(connection: Connection, person: UserId, role: Role) -> None:
    """Note that a person is of the team, and with which role."""
    await connection.execute(_NOTE_ROLE, {"id": person, "role": role})


async def others(connection: Connection, person: UserId) -> Sequence[User]:
    """Load everybody else of the team, by their names."""
    return [User.model_validate(row) async for row in await connection.execute(_SELECT_OTHERS, {"person": person})]
