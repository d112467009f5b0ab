"""Orders of takeouts: what somebody wants to take along, until it is sent."""

from datamodels import UserId, Value
from datamodels_telegram import ChatId, MessageId
from db import Database
from random_ids import new_random_id

_INSERT = """
    INSERT INTO takeouts (owner_id, chat_id, extension, random_id)
    VALUES (%(owner_id)s, %(chat_id)s, %(extension)s, %(random_id)s)
    ON CONFLICT (owner_id, extension) WHERE ended_at IS NULL DO NOTHING
"""
_SELECT_OPEN = """
    SELECT id, owner_id, chat_id, extension, random_id, progress_id FROM takeouts WHERE ended_at IS NULL ORDER BY id
"""
_NOTE_PROGRESS = "UPDATE takeouts SET progress_id = %(progress_id)s WHERE id = %(id)s"
_END = "UPDATE takeouts SET ended_at = now() WHERE id = %(id)s AND ended_at IS NULL"
_CANCEL = "UPDATE takeouts SET ended_at = now() WHERE id = %(id)s AND owner_id = %(owner_id)s AND ended_at IS NULL"


class TakeoutOrder(Value):
    """A row of ``takeouts`` that has not ended; ``progress_id`` is the message that shows how far it is."""

    id: int
    owner_id: UserId
    chat_id: ChatId
    extension: str
    random_id: int
    progress_id: MessageId | None


class TakeoutOrders:
    """The orders of everybody."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, owner: UserId, chat: ChatId, extension: str) -> bool:
        """Note that somebody wants a file; False when the same is being made for them."""
        parameters = {"owner_id": owner, "chat_id": chat, "extension": extension, "random_id": new_random_id()}
        async with self._database.transaction() as connection:
            return (await connection.execute(_INSERT, parameters)).rowcount == 1

    async def list_open(self) -> list[TakeoutOrder]:
        """Load the orders that have not ended, the oldest first."""
        async with self._database.transaction() as connection:
            return [TakeoutOrder.model_validate(row) async for row in await connection.execute(_SELECT_OPEN)]

    async def note_progress(self, order: TakeoutOrder, message: MessageId) -> None:
        """Note the message that shows how far an order is."""
        async with self._database.transaction() as connection:
            await connection.execute(_NOTE_PROGRESS, {"id": order.id, "progress_id": message})

    async def end(self, order: TakeoutOrder) -> None:
        """Note that an order is done, or will not be."""
        async with self._database.transaction() as connection:
            await connection.execute(_END, {"id": order.id})

    async def cancel(self, owner: UserId, id_: int) -> bool:
        """End an order of the owner; False when it has ended or is somebody else's."""
        async with self._database.transaction() as connection:
            return (await connection.execute(_CANCEL, {"owner_id": owner, "id": id_})).rowcount == 1
