"""The port of the storage of conversations and ratings, which the database and the journal both implement."""

from typing import Protocol

from datamodels import UserId
from datamodels_chats import AnswerId, Conversation, RatedConversation, Rating, RatingStats

MOST_CONVERSATIONS = 10_000
"""The most conversations that a storage keeps. The oldest without a rating are removed first, together with their
embeddings; the newest is never removed."""


class StorageAdapter(Protocol):
    """Keeps conversations and their ratings. Repeating a call has no further effect.

    Raises, in every method:
        DatabaseUnavailable, OutOfResources: the call did not succeed; nothing was stored.
    """

    async def add_conversation(self, conversation: Conversation) -> bool:
        """Store a finished answer with its question.

        Return False when the answer is known to have ended before, or its chat to be deleted.
        """
        ...

    async def update_rating(self, owner: UserId, answer_id: AnswerId, rating: Rating) -> bool:
        """Rate an answer; False when the owner is known to have no such answer.

        The stars and the comment that ``rating`` has replace the stored ones, whatever its time: clocks may be
        set back.
        """
        ...

    async def get_stats(self, owner: UserId | None) -> RatingStats:
        """Count the conversations and ratings of one person; of everybody when ``owner`` is None."""
        ...

    async def get_rated_conversations(self, owner: UserId | None, at_least: int, limit: int) -> list[RatedConversation]:
        """Load at most ``limit`` of the owner's conversations with ``at_least`` or more stars, the latest rated first.

        Load everybody's conversations when ``owner`` is None. A conversation with a source that is known to be deleted
        is left out.
        """
        ...
