"""Rows of ``user_states``: the state of dialogs, durable per person, each piece a typed model.

Each piece of state has a key of its own, so that a handler can neither overwrite nor lose another's piece. Reading
locks the piece until the transaction ends. ``now`` is the database's clock unless it is given.
"""

from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

import structlog
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from datamodels import UserId, Value
from db import Connection

log = structlog.get_logger(__name__)

_SELECT = """
    SELECT value, expires_at <= coalesce(%(now)s, now()) AS expired FROM user_states
    WHERE user_id = %(user_id)s AND key = %(key)s
    FOR UPDATE
"""
_INSERT = """
    INSERT INTO user_states (user_id, key, value, expires_at, updated_at)
    VALUES (
        %(user_id)s, %(key)s, %(value)s, coalesce(%(now)s, now()) + %(ttl)s::interval, coalesce(%(now)s, now())
    )
    ON CONFLICT (user_id, key)
"""
_INSERT_NEW = f"{_INSERT} DO NOTHING"
_UPSERT = f"""{_INSERT} DO UPDATE SET
    value = EXCLUDED.value, expires_at = EXCLUDED.expires_at, updated_at = EXCLUDED.updated_at
"""
_DELETE = "DELETE FROM user_states WHERE user_id = %(user_id)s AND key = %(key)s"


class State(Value):
    """A piece of state; ``KEY`` names it in the database."""

    KEY: ClassVar[str]

    @classmethod
    def is_of_another_kind(cls, stored: object) -> bool:  # noqa: ARG003  # most keys have one model
        """Tell whether the stored value is valid for another model with the same key."""
        return False


S = TypeVar("S", bound=State)


async def get(connection: Connection, user_id: UserId, model: type[S], *, now: datetime | None = None) -> S | None:
    """Load a piece of state; None when there is none, when it has expired, or when it is of an earlier version.

    An expired or earlier state is deleted. A state of another kind under the same key counts as none, and stays.
    """
    parameters = {"user_id": user_id, "key": model.KEY, "now": now}
    row = await (await connection.execute(_SELECT, parameters)).fetchone()
    if row is None or (not row["expired"] and model.is_of_another_kind(row["value"])):
        return None
    value = None if row["expired"] else _readable(model, row["value"])
    if value is None:
        await connection.execute(_DELETE, parameters)
    return value


async def put(
    connection: Connection,
    user_id: UserId,
    value: State,
    *,
    ttl: timedelta | None = None,
    now: datetime | None = None,
) -> None:
    """Store ``value`` in the place of what its key has; it expires after ``ttl``, or never when ``ttl`` is None."""
    await connection.execute(_UPSERT, _row(user_id, value, ttl, now))


async def drop(connection: Connection, user_id: UserId, model: type[State]) -> None:
    """Remove a piece of state; no error when there is none."""
    await connection.execute(_DELETE, {"user_id": user_id, "key": model.KEY})


async def advance(
    connection: Connection,
    user_id: UserId,
    before: State | None,
    after: State,
    *,
    ttl: timedelta | None = None,
    now: datetime | None = None,
) -> bool:
    """Replace ``before`` by ``after``; None stands for no state.

    Returns False, changing nothing, when the state is not ``before`` any more.

    Raises:
        ValueError: the two are of different keys.
    """
    if before is not None and before.KEY != after.KEY:
        raise ValueError(f"{before.KEY} and {after.KEY} are different pieces of state")
    if await get(connection, user_id, type(after if before is None else before), now=now) != before:
        return False
    if before is not None:
        await connection.execute(_UPSERT, _row(user_id, after, ttl, now))
        return True
    # Where there is no row there is no lock: another may have put its own there since the look.
    return (await connection.execute(_INSERT_NEW, _row(user_id, after, ttl, now))).rowcount == 1


def _row(user_id: UserId, value: State, ttl: timedelta | None, now: datetime | None) -> dict[str, object]:
    return {
        "user_id": user_id,
        "key": value.KEY,
        "value": Jsonb(value.model_dump(mode="json")),
        "ttl": ttl,
        "now": now,
    }


def _readable(model: type[S], stored: object) -> S | None:
    try:
        return model.model_validate(stored)
    except ValidationError as exc:
        # Not the error's own text: it repeats what a person may have typed.
        log.warning("state_unreadable", key=model.KEY, fields=[".".join(map(str, e["loc"])) for e in exc.errors()])
        return None
