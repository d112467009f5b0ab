"""Updates that need no more work: their ends are noted in the database, later when it does not let us now."""

import asyncio

import structlog

from datamodels_telegram import SeenUpdate
from errors import VoxPersonaError
from inbox import Inbox
from telegram_handlers.acceptance import done_at_last

log = structlog.get_logger(__name__)


class Endings:
    """Notes each end by itself, so that nobody's waits for another person's row.

    An update whose end is not noted yet is ``in`` this. A failed note is tried again after ``retry_after_s`` seconds.
    """

    def __init__(self, inbox: Inbox, retry_after_s: float) -> None:
        self._inbox = inbox
        self._retry_after_s = retry_after_s
        self._ended: set[SeenUpdate] = set()
        self._noting: set[asyncio.Task[None]] = set()

    def __contains__(self, seen: SeenUpdate) -> bool:
        return seen in self._ended

    async def note(self, seen: SeenUpdate) -> None:
        """Note an end; when this fails, go on trying and return."""
        self._ended.add(seen)
        try:
            await self._inbox.end(seen)
        except VoxPersonaError as exc:
            log.warning("update_end_not_noted", error=exc.code, reason=str(exc))
            self.note_later(seen)
        else:
            self._ended.discard(seen)

    def note_later(self, seen: SeenUpdate) -> None:
        """Note an end as soon as the database lets us."""
        self._ended.add(seen)
        noting = asyncio.create_task(self._noted_at_last(seen))
        self._noting.add(noting)
        noting.add_done_callback(self._noting.discard)

    async def _noted_at_last(self, seen: SeenUpdate) -> None:
        await done_at_last(lambda: self._inbox.end(seen), self._retry_after_s)
        self._ended.discard(seen)

    def stop(self) -> None:
        """Note nothing any more."""
        for noting in self._noting:
            noting.cancel()
