"""Speeches that chats wait for, as a messenger's side follows them."""

from collections.abc import Sequence

import outbox_store
from datamodels_telegram import MessageId, OutgoingMessage
from db import Database
from speeches import store
from speeches.store import Undelivered

_AT_ONCE = 20


class WaitingChats:
    """The speeches of everybody that are to be sent to a chat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self) -> Sequence[Undelivered]:
        """Load what chats wait for, the oldest first."""
        async with self._database.transaction() as connection:
            return await store.list_undelivered(connection, _AT_ONCE)

    async def note_progress(self, speech: Undelivered, message: MessageId) -> None:
        """Note the message that shows how far a speech is."""
        async with self._database.transaction() as connection:
            await store.note_progress(connection, speech.id, message)

    async def deliver(self, speech: Undelivered, message: OutgoingMessage) -> None:
        """Put what the chat waited for into the outbox, once for each occasion."""
        async with self._database.transaction() as connection:
            if await store.note_delivered(connection, speech.id, speech.occasion):
                key = f"speech:{speech.id}:{speech.occasion}"
                await outbox_store.put(connection, key, speech.owner_id, speech.chat_id, message)
