"""Delivers the answers to questions: each is put into the outbox and noted as delivered, in one transaction."""

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
"""Seconds between looks. A person waits for the answer, and a look costs one search in an index."""


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
        """Deliver the answers that have ended."""
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
    """Return the messages of an answer; the first replaces the message that says that the search goes on."""
    screens = answer_messages(ended.question, ended.outcome)
    return [
        OutgoingMessage(kind=MessageKind.RESULT, screen=screen, replaces=None if part else ended.waiting_message_id)
        for part, screen in enumerate(screens)
    ]
