"""The storage of conversations in the database."""

from collections.abc import Sequence
from datetime import UTC, datetime

import chat_history
import conversations_store
from conversations.journal import Entry
from conversations.port import MOST_CONVERSATIONS
from datamodels import UserId
from datamodels_chats import AnswerId, Conversation, RatedConversation, Rating, RatingStats
from db import Connection, Database
from limits.reservations import spend, spend_late
from prices import cost_usd


class PostgresStorage:
    """``StorageAdapter`` over the tables of chats. Adding a conversation also finishes the waiting answer."""

    def __init__(self, database: Database, most: int = MOST_CONVERSATIONS) -> None:
        self._database = database
        self._most = most

    async def add_conversation(self, conversation: Conversation) -> bool:
        async with self._database.transaction() as connection:
            added = await _add(connection, conversation)
            await conversations_store.trim(connection, self._most)
            return added

    async def update_rating(self, owner: UserId, answer_id: AnswerId, rating: Rating) -> bool:
        async with self._database.transaction() as connection:
            rated = await conversations_store.rate(connection, owner, answer_id, rating)
            await conversations_store.trim(connection, self._most)
            return rated

    async def get_stats(self, owner: UserId | None) -> RatingStats:
        async with self._database.transaction() as connection:
            return await conversations_store.stats(connection, owner, datetime.now(UTC))

    async def get_rated_conversations(self, owner: UserId | None, at_least: int, limit: int) -> list[RatedConversation]:
        async with self._database.transaction() as connection:
            return await conversations_store.list_rated(connection, owner, at_least, limit)

    async def take_over(self, entries: Sequence[Entry]) -> None:
        """Store the entries of a journal, in one transaction."""
        async with self._database.transaction() as connection:
            for entry in entries:
                if entry.conversation is not None:
                    await _add(connection, entry.conversation)
                if entry.rating is not None:
                    rated = entry.owner_id, entry.answer_id, entry.rating
                    await conversations_store.rate(connection, *rated, is_latest=False)
            await conversations_store.trim(connection, self._most)


async def _add(connection: Connection, conversation: Conversation) -> bool:
    owner, answer_id, outcome = conversation.owner_id, conversation.answer_id, conversation.outcome
    paid = answer_id, outcome.usage, cost_usd(outcome.model, outcome.usage)
    if not await chat_history.finish_answer(connection, owner, answer_id, outcome):
        await spend_late(connection, *paid)
        return False
    await spend(connection, *paid)
    await conversations_store.put(connection, conversation)
    return True
