"""Calls that an orderly stop waits for: their answers cost money, and only a stored answer is not paid for again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic


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
        """Hold up a stop during the block: a call and the storing of its answer. Nobody waits for one that is not paid.

        While a stop waits for others, the block is not entered.
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

        Calls to ``drain`` before ``reopen`` have these seconds together.
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
