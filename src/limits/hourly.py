"""What a person may do so many times an hour: rows of ``hourly_uses``, one a use. Features do not count together."""

from enum import StrEnum

import texts.limits
from datamodels import UserId
from db import Connection
from errors_of_operation import HourUsedUp


class Feature(StrEnum):
    """What is counted by the hour."""

    CHAT = "chat"
    """Questions in chats, those that are asked again in another way included."""
    RECOGNITION = "recognition"
    """What is said in the place of typed text, into a messenger or a browser."""
    SPEECH = "speech"
    """New texts that are said aloud."""


_LOCK_OWNER = "SELECT FROM users WHERE id = %(owner_id)s FOR NO KEY UPDATE"
_COUNT_USES = """
    SELECT count(*) AS uses, extract(epoch FROM min(used_at) + interval '1 hour' - now()) AS free_in_s FROM (
        SELECT used_at FROM hourly_uses
        WHERE feature = %(feature)s AND owner_id = %(owner_id)s AND used_at > now() - interval '1 hour'
        ORDER BY used_at DESC LIMIT %(most)s
    ) AS latest
"""
_USE = "INSERT INTO hourly_uses (feature, owner_id) VALUES (%(feature)s, %(owner_id)s)"


async def lock(connection: Connection, owner: UserId) -> None:
    """Let other uses of the owner wait until the transaction ends: one at a time counts."""
    await connection.execute(_LOCK_OWNER, {"owner_id": owner})


async def use(connection: Connection, feature: Feature, owner: UserId, most: int) -> None:
    """Note that the owner uses a feature; other uses of the owner wait until the transaction ends.

    Raises:
        HourUsedUp: the owner has used it ``most`` times within the last hour.
    """
    await lock(connection, owner)
    uses, free_in_s = await _counted(connection, feature, owner, most)
    if uses >= most:
        what = texts.limits.BY_THE_HOUR[feature]
        raise HourUsedUp(what=what, most=most, minutes=-(-free_in_s // 60), retry_after_s=free_in_s)
    await connection.execute(_USE, {"feature": feature, "owner_id": owner})


async def used(connection: Connection, feature: Feature, owner: UserId, most: int) -> int:
    """Return how often the owner has used a feature within the last hour, ``most`` at the most."""
    return (await _counted(connection, feature, owner, most))[0]


async def _counted(connection: Connection, feature: Feature, owner: UserId, most: int) -> tuple[int, int]:
    """Return how many of the latest ``most`` uses count, and in how many seconds the first of them does no longer."""
    parameters = {"feature": feature, "owner_id": owner, "most": most}
    row = await (await connection.execute(_COUNT_USES, parameters)).fetchone()
    assert row is not None  # noqa: S101  # a count has one row
    return row["uses"], max(1, int(row["free_in_s"] or 3600))
