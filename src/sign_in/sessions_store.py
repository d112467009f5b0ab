"""Rows of ``web_links`` and ``web_sessions``; codes and tokens are known by their hashes alone."""

from datetime import datetime

from datamodels import User, UserId
from db import Connection
from users_store import COLUMNS

_INSERT_LINK = """
    INSERT INTO web_links (code_hash, user_id, expires_at) VALUES (%(hash)s, %(user_id)s, %(expires_at)s)
"""
# Deleted as it is read: of two who come by the same link at once, one gets in.
_TAKE_LINK = "DELETE FROM web_links WHERE code_hash = %(hash)s RETURNING user_id, expires_at > %(now)s AS holds"
_INSERT_SESSION = """
    INSERT INTO web_sessions (token_hash, user_id, expires_at) VALUES (%(hash)s, %(user_id)s, %(expires_at)s)
"""
_SELECT_USER = f"""
    SELECT {COLUMNS}
    FROM web_sessions JOIN users ON users.id = user_id
    WHERE token_hash = %(hash)s AND expires_at > %(now)s
"""
_DELETE_ALL = """
    WITH links AS (DELETE FROM web_links WHERE user_id = %(user_id)s),
    ended AS (DELETE FROM web_sessions WHERE user_id = %(user_id)s RETURNING expires_at)
    SELECT count(*) AS sessions FROM ended WHERE expires_at > %(now)s
"""
_DELETE_SESSION = "DELETE FROM web_sessions WHERE token_hash = %(hash)s"


async def add_link(connection: Connection, code_hash: bytes, user: UserId, expires_at: datetime) -> None:
    """Add a link by which the person can come in until ``expires_at``."""
    await connection.execute(_INSERT_LINK, {"hash": code_hash, "user_id": user, "expires_at": expires_at})


async def take_link(connection: Connection, code_hash: bytes, now: datetime) -> UserId | None:
    """Use a link up and return whose it is; None when there is none, or it has expired."""
    row = await (await connection.execute(_TAKE_LINK, {"hash": code_hash, "now": now})).fetchone()
    return UserId(row["user_id"]) if row is not None and row["holds"] else None


async def add_session(connection: Connection, token_hash: bytes, user: UserId, expires_at: datetime) -> None:
    """Add a session of the person that lasts until ``expires_at``."""
    await connection.execute(_INSERT_SESSION, {"hash": token_hash, "user_id": user, "expires_at": expires_at})


async def find_user(connection: Connection, token_hash: bytes, now: datetime) -> User | None:
    """Load whose session this is; None when there is none, or it has expired."""
    row = await (await connection.execute(_SELECT_USER, {"hash": token_hash, "now": now})).fetchone()
    return None if row is None else User.model_validate(row)


async def delete_session(connection: Connection, token_hash: bytes) -> None:
    """Remove a session; one that is not there is no error."""
    await connection.execute(_DELETE_SESSION, {"hash": token_hash})


async def delete_all(connection: Connection, user: UserId, now: datetime) -> int:
    """Remove all links and sessions of a person; return how many sessions had not expired."""
    row = await (await connection.execute(_DELETE_ALL, {"user_id": user, "now": now})).fetchone()
    return int(row["sessions"]) if row else 0
