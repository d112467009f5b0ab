"""The storage of conversations as the product uses it: the database, and the journal while that is away."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TypeVar

import structlog

from conversations.journal import JournalStorage
from conversations.port import StorageAdapter
from conversations.postgres import PostgresStorage
from datamodels import UserId
from datamodels_chats import (
    AnswerId,
    Conversation,
    RatedConversation,
    Rating,
    RatingStats,
    StorageBackend,
    StorageState,
)
from db import Database
from errors import DatabaseUnavailable, OutOfResources
from system.shortages import shortages_mapped

log = structlog.get_logger(__name__)

_PAUSE_S = 0.5
_AT_ONCE = 200
"""The most entries that move in one transaction."""

T = TypeVar("T")


class HybridStorage:
    """``StorageAdapter`` that takes conversations and ratings whether the database is there or not.

    A database without space counts as away. Only ``add_conversation`` waits, for as long as neither the database nor
    the journal takes the answer: it was paid for. ``settle`` moves the entries of the journal into the database; it may
    be interrupted at any time, and called again.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._postgres = PostgresStorage(database.patient(0))
        self._patience_s = database.patience_s
        self._journal = JournalStorage(folder)
        self._moving = asyncio.Lock()
        self._known: dict[UserId | None, RatingStats] = {}
        self._since = datetime.now(UTC)
        self._reason: str | None = None

    @property
    def state(self) -> StorageState:
        """Which backend is in use, since when and why.

        ``backlog`` lacks the entries of earlier processes until something, such as ``settle`` or ``get_stats``, reads
        the journal.
        """
        away = self._reason is not None
        return StorageState(
            backend=StorageBackend.JOURNAL if away else StorageBackend.DATABASE,
            since=self._since,
            reason=self._reason,
            backlog=self._journal.backlog,
        )

    async def add_conversation(self, conversation: Conversation) -> bool:
        """Store a finished answer: in the database, or in the journal while the database is away.

        When the journal cannot be written, wait for whichever takes it first.

        Raises:
            DatabaseUnavailable: neither took it while the patience of the ``Database`` lasted.
        """
        deadline = monotonic() + self._patience_s
        while True:
            try:
                return await self._stored(lambda storage: storage.add_conversation(conversation))
            except DatabaseUnavailable as exc:
                if monotonic() >= deadline:
                    raise
                log.warning("answer_waits", answer=str(conversation.answer_id), reason=str(exc.__cause__ or exc))
            await asyncio.sleep(_PAUSE_S)

    async def update_rating(self, owner: UserId, answer_id: AnswerId, rating: Rating) -> bool:
        return await self._stored(lambda storage: storage.update_rating(owner, answer_id, rating))

    async def unsettled_rating(self, owner: UserId, answer_id: AnswerId) -> Rating | None:
        """Return the rating of an answer that is in the journal and not in the database yet, None without one.

        While the database has no space, it can be read, but takes no ratings.
        """
        return await self._journal.rating_of(owner, answer_id)

    async def get_stats(self, owner: UserId | None) -> RatingStats:
        """Count conversations and ratings.

        While the database is away, add the journal's figures to the figures that the database gave last.
        """
        await self._journal.open()
        try:
            stats = await self._postgres.get_stats(owner)
        except DatabaseUnavailable as exc:
            self._note(exc)
            meanwhile = await self._journal.get_stats(owner)
            return _together(self._known.get(owner, RatingStats()), meanwhile)
        self._note(None)
        self._known[owner] = stats
        return stats.model_copy(update={"partial": self._journal.backlog > 0})

    async def get_rated_conversations(self, owner: UserId | None, at_least: int, limit: int) -> list[RatedConversation]:
        try:
            return await self._postgres.get_rated_conversations(owner, at_least, limit)
        except DatabaseUnavailable as exc:
            self._note(exc)
            return await self._journal.get_rated_conversations(owner, at_least, limit)

    async def settle(self) -> None:
        """Move all entries of the journal into the database, also those that an earlier process wrote.

        Raises:
            DatabaseUnavailable, OutOfResources: the database could not take them; the journal keeps all of them.
        """
        await self._journal.open()
        if not self._journal.backlog:
            return
        async with self._moving:
            entries = await self._journal.entries()
            for at in range(0, len(entries), _AT_ONCE):
                await self._postgres.take_over(entries[at : at + _AT_ONCE])
            await self._journal.clear()
        if entries:
            log.info("conversations_moved", entries=len(entries))
        self._note(None)

    async def _stored(self, act: Callable[[StorageAdapter], Awaitable[T]]) -> T:
        try:
            done = await act(self._postgres)
        except DatabaseUnavailable as exc:
            self._note(exc)
            async with self._moving:
                try:
                    with shortages_mapped():
                        return await act(self._journal)
                except (OutOfResources, OSError) as failure:
                    raise exc from failure
        self._note(None)
        return done

    def _note(self, away: DatabaseUnavailable | None) -> None:
        if (away is None) != (self._reason is None):
            self._since = datetime.now(UTC)
        self._reason = None if away is None else str(away)


def _together(known: RatingStats, meanwhile: RatingStats) -> RatingStats:
    """Return the sums of both, marked as partial, since an answer that was rated again meanwhile is counted twice."""
    one, two, three, four, five = map(sum, zip(known.by_stars, meanwhile.by_stars, strict=True))
    return RatingStats(
        conversations=known.conversations + meanwhile.conversations,
        by_stars=(one, two, three, four, five),
        recent=known.recent.plus(meanwhile.recent),
        earlier=known.earlier.plus(meanwhile.earlier),
        partial=True,
    )
