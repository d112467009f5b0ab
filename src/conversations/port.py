"""The storage of conversations and ratings: what both its backends, the database and the journal, do alike."""

from typing import Protocol

from datamodels import UserId
from datamodels_chats import AnswerId, Conversation, RatedConversation, Rating, RatingStats

MOST_CONVERSATIONS = 10_000
"""A storage keeps no more: the oldest without a rating leave first, the newest never, and embeddings with them."""


class StorageAdapter(Protocol):
    """Keeps conversations and their ratings. What is done twice has the same effect as when it is done once.

    Raises, in every method:
        DatabaseUnavailable, DiskFull: nothing was stored.
    """

    async def add_conversation(self, conversation: Conversation) -> bool:
        """Store an answer that was found; False when it is there already, or its chat was deleted."""
        ...

    async def update_rating(self, owner: UserId, answer_id: AnswerId, rating: Rating) -> bool:
        """Rate an answer; False when the owner is known to have no such answer. An earlier rating than the known
        one changes nothing.
        """
        ...

    async def get_stats(self, owner: UserId | None) -> RatingStats:
        """Count the conversations and ratings of one person; of everybody when it is None."""
        ...

    async def get_rated_conversations(self, owner: UserId | None, at_least: int, limit: int) -> list[RatedConversation]:
        """Load conversations rated ``at_least`` so, the latest rated first; of everybody when the owner is None.

        A conversation with a source that was deleted is left out.
        """
        ...
