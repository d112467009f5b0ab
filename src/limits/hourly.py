"""What a person may do so many times an hour: rows of ``hourly_uses``, one a use. Features do not count together."""

from datamodels import UserId
from db import Connection
from errors_of_operation import HourUsedUp

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


async def use(connection: Connection, feature: str, owner: UserId, most: int, what: str) -> None:
    """Note that the owner, who is locked, uses a feature: does ``what``, in Russian.

    Raises:
        HourUsedUp: the owner has done it ``most`` times within the last hour.
    """
    parameters = {"feature": feature, "owner_id": owner, "most": most}
    row = await (await connection.execute(_COUNT_USES, parameters)).fetchone()
    if row is not None and row["uses"] >= most:
        free_in_s = max(1, int(row["free_in_s"] or 3600))
        raise HourUsedUp(what=what, most=most, minutes=-(-free_in_s // 60), retry_after_s=free_in_s)
    await connection.execute(_USE, parameters)
