"""The port of the storage of conversations and ratings, which the database and the journal both implement."""

from typing import Protocol

from datamodels import UserId
from datamodels_chats import AnswerId, Conversation, RatedConversation, Rating, RatingStats

MOST_CONVERSATIONS = 10_000
"""The most that a storage keeps. The oldest without a rating are removed first, together with their embeddings; the
newest is never removed."""


class StorageAdapter(Protocol):
    """Keeps conversations and their ratings. Repeating a call has no further effect.

    Raises, in every method:
        DatabaseUnavailable, DiskFull: nothing was stored.
    """

    async def add_conversation(self, conversation: Conversation) -> bool:
        """Store a finished answer with its question; False when it is there already, or its chat was deleted."""
        ...

    async def update_rating(self, owner: UserId, answer_id: AnswerId, rating: Rating) -> bool:
        """Rate an answer; False when the owner is known to have no such answer.

        A rating older than the one that is known changes nothing.
        """
        ...

    async def get_stats(self, owner: UserId | None) -> RatingStats:
        """Count the conversations and ratings of one person; of everybody when ``owner`` is None."""
        ...

    async def get_rated_conversations(self, owner: UserId | None, at_least: int, limit: int) -> list[RatedConversation]:
        """Load at most ``limit`` conversations with ``at_least`` so many stars, the latest rated first.

        They are those of everybody when ``owner`` is None. A conversation with a source that was deleted is left out.
        """
        ...
