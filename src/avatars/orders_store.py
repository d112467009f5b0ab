"""Rows of ``image_orders``. Every change of an order's state holds only while the order is open."""

from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

from avatars.models import DELAY, Aspect, AvatarId, ImageOrder, OrderId, OrderKind, OrderState, Paid
from datamodels import UserId
from db import Connection
from errors import NotFound, VoxPersonaError
from provider_calls.fal.queue import Sent
from provider_calls.fal.trainers import TrainerName

_COLUMNS = """
    id, owner_id, avatar_id, kind, number, state, trainer, steps, prompt, aspect, price_usd, is_test, request_id,
    status_url, response_url, cancel_url, stage, cancel_wanted, object_key, error_code, error_text, created_at, sent_at,
    now() - sent_at AS sent_for, looks
"""
_INSERT = f"""
    INSERT INTO image_orders (
        id, owner_id, avatar_id, kind, number, occasion, trainer, steps, prompt, aspect, price_usd, is_test
    )
    SELECT
        %(id)s, %(owner_id)s, %(avatar_id)s, %(kind)s, coalesce(max(number), 0) + 1, %(occasion)s, %(trainer)s,
        %(steps)s, %(prompt)s, %(aspect)s, %(price_usd)s, %(is_test)s
    FROM image_orders WHERE owner_id = %(owner_id)s AND kind = %(kind)s
    ON CONFLICT (occasion) DO NOTHING
    RETURNING {_COLUMNS}
"""
_SELECT_BY_OCCASION = f"SELECT {_COLUMNS} FROM image_orders WHERE occasion = %(occasion)s"
_COUNT_SPENT = """
    SELECT (
        SELECT count(*) FROM image_orders
        WHERE owner_id = %(owner_id)s AND kind = %(kind)s AND quota <> 'released' AND created_at >= %(since)s
    ) + (
        SELECT coalesce(sum(amount), 0) FROM erased_uses JOIN users USING (telegram_id)
        WHERE users.id = %(owner_id)s AND resource = %(kind)s AND month = %(month)s
    ) AS count
"""
_SELECT_BY_ID = f"SELECT {_COLUMNS} FROM image_orders WHERE id = %(id)s"
_SELECT_BY_REQUEST = f"SELECT {_COLUMNS} FROM image_orders WHERE request_id = %(request_id)s"
_SELECT_LATEST = f"""
    SELECT {_COLUMNS} FROM image_orders WHERE avatar_id = %(avatar_id)s AND kind = %(kind)s ORDER BY number DESC LIMIT 1
"""
_SELECT_OPEN = f"SELECT {_COLUMNS} FROM image_orders WHERE avatar_id = %(avatar_id)s AND ended_at IS NULL FOR UPDATE"
_SELECT_PICTURES = f"""
    SELECT {_COLUMNS}, count(*) OVER () AS total FROM image_orders
    WHERE avatar_id = %(avatar_id)s AND kind = 'picture' AND state = 'done' AND deleted_at IS NULL
    ORDER BY number DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_COUNT_PICTURES = """
    SELECT count(*) AS count FROM image_orders
    WHERE avatar_id = %(avatar_id)s AND kind = 'picture' AND state = 'done' AND deleted_at IS NULL
"""
_SELECT_PICTURE = f"""
    SELECT {_COLUMNS} FROM image_orders
    WHERE owner_id = %(owner_id)s AND kind = 'picture' AND number = %(number)s AND state = 'done' AND deleted_at IS NULL
"""
_SELECT_PICTURE_BY_ID = f"""
    SELECT {_COLUMNS} FROM image_orders
    WHERE owner_id = %(owner_id)s AND id = %(id)s AND kind = 'picture' AND state = 'done' AND deleted_at IS NULL
"""
_SELECT_UNFINISHED = f"""
    SELECT {_COLUMNS} FROM image_orders
    WHERE avatar_id = %(avatar_id)s AND kind = 'picture' AND deleted_at IS NULL
        AND (ended_at IS NULL OR (state = 'failed' AND ended_at > now() - interval '1 hour'))
    ORDER BY number DESC LIMIT 20
"""
_SELECT_OPEN_OF_PERSON = f"""
    SELECT {_COLUMNS} FROM image_orders WHERE owner_id = %(owner_id)s AND ended_at IS NULL ORDER BY created_at LIMIT 20
"""
_SELECT_UNTOLD = f"""
    SELECT {_COLUMNS} FROM image_orders
    WHERE ended_at IS NOT NULL AND told_at IS NULL
        AND NOT EXISTS (SELECT FROM users WHERE users.id = owner_id AND left_at IS NOT NULL)
    ORDER BY ended_at LIMIT 20
"""
_NOTE_TOLD = """
    UPDATE image_orders SET told_at = now()
    WHERE id = %(id)s AND told_at IS NULL
        AND NOT EXISTS (SELECT FROM users WHERE users.id = owner_id AND left_at IS NOT NULL)
"""
_DELAYED = f"""
    SELECT {_COLUMNS} FROM image_orders
    WHERE ended_at IS NULL AND kind = 'picture' AND error_code IS NOT NULL AND NOT cancel_wanted
        AND created_at < now() - %(delay)s
"""
_SELECT_DELAYED_OF_AVATAR = f"{_DELAYED} AND avatar_id = %(avatar_id)s ORDER BY number LIMIT 5"
# Who was told has the message.
_SELECT_DELAYED_UNTOLD = f"""
    {_DELAYED} AND NOT EXISTS (SELECT FROM outbox WHERE key = %(told)s || image_orders.id)
        AND EXISTS (SELECT FROM avatars WHERE avatars.id = avatar_id AND chat_id IS NOT NULL AND deleted_at IS NULL)
        AND NOT EXISTS (SELECT FROM users WHERE users.id = owner_id AND left_at IS NOT NULL)
    ORDER BY id LIMIT 20
"""
DELAY_TOLD = "avatar-late:"
"""Begins the key of the message that tells of a delay; the order's id follows."""
_WANT_CANCEL = "UPDATE image_orders SET cancel_wanted = true WHERE id = %(id)s AND ended_at IS NULL"
_MOVE: LiteralString = "UPDATE image_orders SET {changes} WHERE id = %(id)s AND ended_at IS NULL AND {when}"
_BEGIN = _MOVE.replace("{changes}", "state = 'sending', error_code = NULL, error_text = NULL").replace(
    "{when}", "state = 'waiting' AND NOT cancel_wanted"
)
_NOT_TAKEN = _MOVE.replace("{changes}", "state = 'waiting'").replace("{when}", "state = 'sending'")
_NOTE_SENT = _MOVE.replace(
    "{changes}",
    """state = 'sent', sent_at = now(), request_id = %(request_id)s, status_url = %(status_url)s,
    response_url = %(response_url)s, cancel_url = %(cancel_url)s""",
).replace("{when}", "state = 'sending'")
_NOTE_LOOK = "UPDATE image_orders SET looks = looks + 1 WHERE id = %(id)s AND ended_at IS NULL"
_SET_STAGE = _MOVE.replace("{changes}", "stage = %(stage)s, error_code = NULL, error_text = NULL").replace(
    "{when}", "(stage IS DISTINCT FROM %(stage)s OR error_code IS NOT NULL)"
)
_NOTE_TROUBLE = _MOVE.replace("{changes}", "error_code = %(code)s, error_text = %(text)s").replace(
    "{when}", "error_code IS DISTINCT FROM %(code)s"
)
_COMPLETE = _MOVE.replace(
    "{changes}",
    """state = 'done', quota = 'committed', paid = 'yes', ended_at = now(), object_key = %(key)s, error_code = NULL,
    error_text = NULL""",
).replace("{when}", "state = 'sent'")
_END = _MOVE.replace(
    "{changes}",
    """state = %(state)s, quota = CASE WHEN %(paid)s = 'maybe' THEN 'committed' ELSE 'released' END, paid = %(paid)s,
    ended_at = now(), error_code = %(code)s, error_text = %(text)s,
    told_at = CASE WHEN %(state)s = 'cancelled' THEN now() END""",
).replace("{when}", "true")
_FORGET_PROMPTS = "UPDATE image_orders SET prompt = NULL WHERE avatar_id = %(avatar_id)s"
_DELETE_PICTURE = "UPDATE image_orders SET deleted_at = now(), prompt = NULL WHERE id = %(id)s"


async def add(  # noqa: PLR0913  # the columns of a row
    connection: Connection,
    id_: OrderId,
    owner: UserId,
    avatar: AvatarId,
    kind: OrderKind,
    occasion: str,
    *,
    trainer: TrainerName,
    price_usd: Decimal,
    is_test: bool,
    steps: int | None = None,
    prompt: str | None = None,
    aspect: Aspect | None = None,
) -> ImageOrder | None:
    """Add an order and reserve its quota; None when there is one of the same ``occasion``."""
    parameters: dict[str, Any] = {
        "id": id_,
        "owner_id": owner,
        "avatar_id": avatar,
        "kind": kind,
        "occasion": occasion,
        "trainer": trainer,
        "steps": steps,
        "prompt": prompt,
        "aspect": aspect,
        "price_usd": price_usd,
        "is_test": is_test,
    }
    return await _one(connection, _INSERT, parameters)


async def by_occasion(connection: Connection, occasion: str) -> ImageOrder | None:
    return await _one(connection, _SELECT_BY_OCCASION, {"occasion": occasion})


async def count_spent(connection: Connection, owner: UserId, kind: OrderKind, since: datetime) -> int:
    """Count the orders of a person since the month's beginning that are reserved or committed.

    Those from before an erasure of the person count as well.
    """
    parameters = {"owner_id": owner, "kind": kind, "since": since, "month": since.date()}
    row = await (await connection.execute(_COUNT_SPENT, parameters)).fetchone()
    return int(row["count"]) if row else 0


async def by_id(connection: Connection, id_: OrderId, *, lock: bool = False) -> ImageOrder | None:
    query: LiteralString = f"{_SELECT_BY_ID} FOR UPDATE" if lock else _SELECT_BY_ID
    return await _one(connection, query, {"id": id_})


async def by_request(connection: Connection, request_id: str) -> ImageOrder | None:
    """Find the order that the service knows by this id."""
    return await _one(connection, _SELECT_BY_REQUEST, {"request_id": request_id})


async def latest(connection: Connection, avatar: AvatarId, kind: OrderKind) -> ImageOrder | None:
    return await _one(connection, _SELECT_LATEST, {"avatar_id": avatar, "kind": kind})


async def lock_open(connection: Connection, avatar: AvatarId) -> list[ImageOrder]:
    """Load an avatar's open orders and keep others from changing them until the transaction ends."""
    rows = await connection.execute(_SELECT_OPEN, {"avatar_id": avatar})
    return [ImageOrder.model_validate(row) async for row in rows]


async def open_of(connection: Connection, owner: UserId) -> list[ImageOrder]:
    """Load a person's orders that have not ended, the earliest first."""
    rows = await connection.execute(_SELECT_OPEN_OF_PERSON, {"owner_id": owner})
    return [ImageOrder.model_validate(row) async for row in rows]


async def pictures(connection: Connection, avatar: AvatarId, limit: int, offset: int) -> list[ImageOrder]:
    """Load pictures that are done, the latest first."""
    parameters = {"avatar_id": avatar, "limit": limit, "offset": offset}
    rows = [row async for row in await connection.execute(_SELECT_PICTURES, parameters)]
    return [ImageOrder.model_validate({name: row[name] for name in row if name != "total"}) for row in rows]


async def count_pictures(connection: Connection, avatar: AvatarId) -> int:
    row = await (await connection.execute(_COUNT_PICTURES, {"avatar_id": avatar})).fetchone()
    return int(row["count"]) if row else 0


async def unfinished_pictures(connection: Connection, avatar: AvatarId) -> list[ImageOrder]:
    """Load pictures that are being painted, or that failed in the last hour, the latest first."""
    rows = await connection.execute(_SELECT_UNFINISHED, {"avatar_id": avatar})
    return [ImageOrder.model_validate(row) async for row in rows]


async def picture(connection: Connection, owner: UserId, number: int) -> ImageOrder:
    """Load a picture for its owner.

    Raises:
        NotFound: there is none, or it is someone else's.
    """
    found = await _one(connection, _SELECT_PICTURE, {"owner_id": owner, "number": number})
    if found is None:
        raise NotFound(what=f"picture {number}")
    return found


async def picture_by_id(connection: Connection, owner: UserId, id_: OrderId) -> ImageOrder:
    """Load a picture for its owner; raises as ``picture``."""
    found = await _one(connection, _SELECT_PICTURE_BY_ID, {"owner_id": owner, "id": id_})
    if found is None:
        raise NotFound(what=f"picture {id_}")
    return found


async def list_untold(connection: Connection) -> list[ImageOrder]:
    """Load orders that have ended and whose person is of the team and has not been told."""
    return [ImageOrder.model_validate(row) async for row in await connection.execute(_SELECT_UNTOLD)]


async def note_told(connection: Connection, id_: OrderId) -> bool:
    """Note that the person is told; False when they were before, or are not of the team."""
    return (await connection.execute(_NOTE_TOLD, {"id": id_})).rowcount > 0


async def delayed_of(connection: Connection, avatar: AvatarId) -> list[ImageOrder]:
    """Load pictures of an avatar that have been in trouble for longer than pictures take, the earliest first."""
    rows = await connection.execute(_SELECT_DELAYED_OF_AVATAR, {"avatar_id": avatar, "delay": DELAY})
    return [ImageOrder.model_validate(row) async for row in rows]


async def list_delayed(connection: Connection) -> list[ImageOrder]:
    """Load pictures, as ``delayed_of``, whose person is of the team and has not been told."""
    rows = await connection.execute(_SELECT_DELAYED_UNTOLD, {"delay": DELAY, "told": DELAY_TOLD})
    return [ImageOrder.model_validate(row) async for row in rows]


async def want_cancel(connection: Connection, id_: OrderId) -> None:
    """Note that a person wants an open order to end."""
    await connection.execute(_WANT_CANCEL, {"id": id_})


async def begin_sending(connection: Connection, id_: OrderId) -> bool:
    """Note that an order is being sent, from now on for ever; False when it may not be."""
    return (await connection.execute(_BEGIN, {"id": id_})).rowcount > 0


async def note_not_taken(connection: Connection, id_: OrderId) -> None:
    """Note that the service has not taken the order: it may be sent."""
    await connection.execute(_NOT_TAKEN, {"id": id_})


async def note_sent(connection: Connection, id_: OrderId, sent: Sent) -> None:
    """Note under which id and at which addresses the service has the order."""
    await connection.execute(_NOTE_SENT, {"id": id_, **sent._asdict()})


async def note_look(connection: Connection, id_: OrderId) -> None:
    """Note that the service is asked once more how an order is."""
    await connection.execute(_NOTE_LOOK, {"id": id_})


async def set_stage(connection: Connection, id_: OrderId, stage: str) -> bool:
    """Note what the service says of an order; False when it is known."""
    return (await connection.execute(_SET_STAGE, {"id": id_, "stage": stage})).rowcount > 0


async def note_trouble(connection: Connection, id_: OrderId, error: VoxPersonaError) -> bool:
    """Note why an open order does not go on now; False when it is known."""
    parameters = {"id": id_, "code": error.code, "text": error.user_text}
    return (await connection.execute(_NOTE_TROUBLE, parameters)).rowcount > 0


async def complete(connection: Connection, id_: OrderId, key: str) -> bool:
    """Note that what was ordered is in our store, and commit its quota; False when the order has ended."""
    return (await connection.execute(_COMPLETE, {"id": id_, "key": key})).rowcount > 0


async def end(
    connection: Connection,
    id_: OrderId,
    state: OrderState,
    error: VoxPersonaError | None,
    paid: Paid = Paid.NO,
) -> bool:
    """End an order that brings nothing; False when it has ended. Its quota is released unless it may be paid."""
    parameters = {
        "id": id_,
        "state": state,
        "paid": paid,
        "code": None if error is None else error.code,
        "text": None if error is None else error.user_text,
    }
    return (await connection.execute(_END, parameters)).rowcount > 0


async def forget_prompts(connection: Connection, avatar: AvatarId) -> None:
    """Remove what a person wrote for the pictures of an avatar that is deleted."""
    await connection.execute(_FORGET_PROMPTS, {"avatar_id": avatar})


async def mark_deleted(connection: Connection, id_: OrderId) -> None:
    """Take a picture away from its person; its object follows."""
    await connection.execute(_DELETE_PICTURE, {"id": id_})


async def _one(connection: Connection, query: LiteralString, parameters: dict[str, Any]) -> ImageOrder | None:
    row = await (await connection.execute(query, parameters)).fetchone()
    return None if row is None else ImageOrder.model_validate(row)
