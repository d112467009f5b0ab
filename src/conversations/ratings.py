"""Ratings: what people think of answers, and figures about that."""

from datetime import UTC, datetime

import conversations_store
import texts.ratings
from conversations.hybrid import HybridStorage
from datamodels import UserId
from datamodels_chats import AnswerId, Comment, ModelMetrics, RatedConversation, Rating, RatingStats
from db import Database
from errors import BadText, NotFound
from texts.chats import CHARACTER

COMMENT_CHARACTERS = 4096
"""The longest comment: as many characters as one Telegram message can have."""
_MODELS = 10
_COMMENTS = 20


class Ratings:
    """Everybody's ratings."""

    def __init__(self, database: Database, storage: HybridStorage) -> None:
        self._database = database
        self._storage = storage

    async def rate(self, owner: UserId, answer_id: AnswerId, stars: int) -> None:
        """Rate an answer with ``stars`` from 1 (useless) to 5 (just right).

        Raises:
            NotFound: the owner has no such answer.
        """
        await self._update(owner, answer_id, Rating(stars=stars, at=datetime.now(UTC)))

    async def comment(self, owner: UserId, answer_id: AnswerId, text: str) -> None:
        """Store a person's comment on an answer. ``text`` has at most ``COMMENT_CHARACTERS`` characters.

        Raises:
            NotFound: the owner has no such answer.
        """
        await self._update(owner, answer_id, Rating(comment=text, at=datetime.now(UTC)))

    async def find(self, owner: UserId, answer_id: AnswerId) -> RatedConversation:
        """Load an answer with its rating.

        Raises:
            NotFound: the owner has no such answer.
        """
        async with self._database.transaction() as connection:
            found = await conversations_store.find(connection, owner, answer_id)
        if found is None:
            raise _not_found(answer_id)
        said = await self._storage.unsettled_rating(owner, answer_id)
        if said is None:
            return found
        return found.model_copy(update=said.model_dump(include={"stars", "comment"}, exclude_none=True))

    async def stats(self, owner: UserId | None) -> RatingStats:
        """Count the ratings of one person; of everybody when ``owner`` is None."""
        return await self._storage.get_stats(owner)

    async def models(self) -> list[ModelMetrics]:
        """Load the figures of the ten pairs of model and prompt that were used last, the last used first."""
        async with self._database.transaction() as connection:
            return await conversations_store.model_metrics(connection, _MODELS)

    async def comments(self) -> list[Comment]:
        """Load everybody's twenty latest comments, the latest first."""
        async with self._database.transaction() as connection:
            return await conversations_store.latest_comments(connection, _COMMENTS)

    async def _update(self, owner: UserId, answer_id: AnswerId, rating: Rating) -> None:
        if not await self._storage.update_rating(owner, answer_id, rating):
            raise _not_found(answer_id)


def _not_found(answer_id: AnswerId) -> NotFound:
    return NotFound(what=f"answer {answer_id}")


def parsed_comment(text: str) -> str:
    """Return a comment without blanks around it and without NUL, which cannot be stored.

    Raises:
        BadText: the comment is empty or too long.
    """
    comment = text.replace("\0", "").strip()
    if not comment:
        raise BadText(reason=texts.ratings.COMMENT_BLANK)
    if len(comment) > COMMENT_CHARACTERS:
        length = CHARACTER.counted(len(comment))
        raise BadText(reason=texts.ratings.COMMENT_TOO_LONG.format(length=length, longest=COMMENT_CHARACTERS))
    return comment
