"""Voice notes that are taken as text: recognised by a job, then passed on as what was said."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from datamodels import UserId
from datamodels_telegram import ChatId, IncomingMessage, MessageId
from db import Connection, Database
from limits import hourly
from random_ids import new_id
from recordings import spoken_store
from recordings.spoken_store import Heard

Enqueue = Callable[[Connection, UUID], Awaitable[None]]


class SpokenWords:
    """The voice notes of everybody; ``enqueue`` adds the job that recognises one to a transaction.

    A person may have ``most`` heard an hour; what is said into a browser counts as well.
    """

    def __init__(self, database: Database, enqueue: Enqueue, most: int) -> None:
        self._database = database
        self._enqueue = enqueue
        self._most = most

    async def hear(self, connection: Connection, owner: UserId, incoming_id: int, sound: bytes) -> None:
        """Store the sound of the owner's file ``incoming_id``, and add the job that recognises it.

        Raises:
            HourUsedUp: the owner has had as much heard as one may within an hour.
        """
        await hourly.use(connection, hourly.Feature.RECOGNITION, owner, self._most)
        await self._enqueue(connection, await spoken_store.put_sound(connection, new_id(), incoming_id, sound))

    async def heard(self, limit: int) -> list[Heard]:
        """Return what was recognised and is not passed on yet, in the order in which it was said."""
        async with self._database.transaction() as connection:
            return await spoken_store.list_heard(connection, limit)

    async def note_passed(self, heard: Heard) -> None:
        """Note that the words are among the updates that will be handled."""
        async with self._database.transaction() as connection:
            await spoken_store.note_passed(connection, heard.incoming_id)

    async def find(self, chat: ChatId, message: MessageId) -> IncomingMessage | None:
        """Load what was recognised in the voice note of a message, to handle it again after a restart."""
        async with self._database.transaction() as connection:
            return await spoken_store.find_heard(connection, chat, message)
