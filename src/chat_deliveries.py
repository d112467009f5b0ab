"""Brings people the answers to their questions: each is put into the outbox once, with the note that it was."""

from collections.abc import Callable

import chat_history
import outbox_store
from datamodels_chats import EndedAnswer
from datamodels_telegram import MessageKind, OutgoingMessage
from db import Database
from followers import Loop
from markups.chats import answer_messages

_AT_ONCE = 20
_PAUSE_S = 0.3
"""A person waits for it, and looking takes a look into an index."""


class ChatDeliveries:
    """Delivers answers that have ended."""

    def __init__(self, database: Database, wake_outbox: Callable[[], None]) -> None:
        self._database = database
        self._wake_outbox = wake_outbox
        self._loop = Loop("answers", _PAUSE_S)

    async def run(self) -> None:
        """Deliver until cancelled."""
        await self._loop.run(self.look)

    async def look(self) -> None:
        """Deliver what has ended by now."""
        async with self._database.transaction() as connection:
            ended = await chat_history.lock_ended(connection, _AT_ONCE)
            for each in ended:
                for part, message in enumerate(_messages(each)):
                    key = f"answer:{each.id}:{part}"
                    await outbox_store.put(connection, key, each.owner_id, each.telegram_chat_id, message)
                await chat_history.mark_delivered(connection, each.id)
        if ended:
            self._wake_outbox()
        if len(ended) == _AT_ONCE:
            self._loop.wake()


def _messages(ended: EndedAnswer) -> list[OutgoingMessage]:
    """The first of them takes the place of the one that says that the search goes on."""
    screens = answer_messages(ended.question, ended.outcome)
    return [
        OutgoingMessage(kind=MessageKind.RESULT, screen=screen, replaces=None if part else ended.waiting_message_id)
        for part, screen in enumerate(screens)
    ]
