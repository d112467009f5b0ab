"""Calls that an orderly stop waits for: their answers cost money, and only a stored answer is not paid for again."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from time import monotonic


class Sending:
    """Tells whether a request of the call that is watched is at its provider right now."""

    def __init__(self) -> None:
        self.is_out = False


_watched: ContextVar[Sending | None] = ContextVar("watched", default=None)


@contextmanager
def watched() -> Iterator[Sending]:
    """Watch the call that is made in the block, so that one that is given up is known to have been sent."""
    sending = Sending()
    token = _watched.set(sending)
    try:
        yield sending
    finally:
        _watched.reset(token)


@contextmanager
def on_its_way() -> Iterator[None]:
    """Note that a request is out while the block runs, and after it was cancelled there."""
    sending = _watched.get() or Sending()
    sending.is_out = True
    try:
        yield
    except asyncio.CancelledError:
        raise
    except BaseException:
        sending.is_out = False
        raise
    else:
        sending.is_out = False


class CallsInFlight:
    """The calls of this process whose answers are not stored yet. While it drains, no further call begins."""

    def __init__(self) -> None:
        self._paid = 0
        self._none_left = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()
        self._deadline = 0.0

    @asynccontextmanager
    async def one(self, *, paid: bool = True) -> AsyncIterator[None]:
        """Make an orderly stop wait for the block, a call and the storing of its answer, if the call is ``paid``.

        Once a stop has begun to wait, further blocks are not entered until ``reopen``.
        """
        await self._open.wait()
        self._paid += paid
        try:
            yield
        finally:
            self._paid -= paid
            if not self._paid:
                self._none_left.set()

    async def drain(self, limit_s: float) -> None:
        """Let no call begin until ``reopen``, and wait for those in flight, ``limit_s`` seconds at most.

        Several calls of ``drain`` before ``reopen`` share these seconds.
        """
        if self._open.is_set():
            self._open.clear()
            self._deadline = monotonic() + limit_s
        while self._paid and (left := self._deadline - monotonic()) > 0:
            self._none_left.clear()
            try:
                async with asyncio.timeout(left):
                    await self._none_left.wait()
            except TimeoutError:
                return

    def reopen(self) -> None:
        """Let calls begin again."""
        self._open.set()
