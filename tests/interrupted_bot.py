"""A bot that is killed at chosen moments and started again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg

from bot import Bot
from interruptions import Border, Tap, held_at
from openai_faults import CHAT, TRANSCRIPTIONS
from openai_server import OpenAIServer, Recorded

LIMIT_S = 120.0
"""Enough for any stage on a machine that does other things too."""
_POLL_S = 0.02


async def until(there: Callable[[], bool], what: str) -> None:
    """Wait for something that the bot does outside of a chat."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not there():  # noqa: ASYNC110 - it happens in other processes
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {LIMIT_S} s") from None


class InterruptedBot:
    """A bot with its database and its endpoint, which can be held at any step."""

    def __init__(self, bot: Bot, endpoint: OpenAIServer, database: psycopg.Connection[Any]) -> None:
        self.bot = bot
        self.endpoint = endpoint
        self.tap = Tap()
        endpoint.faults = self.tap
        self._database = database

    async def killed_at(self, moments: Sequence["Moment"], then: Sequence["Moment"] = ()) -> None:
        """Start the bot, bring it to all these moments at the same time, and kill it there.

        It does not get beyond the moments of ``then`` meanwhile.
        """
        borders = [moment.border() for moment in moments]
        later = [moment.border() for moment in then if moment.is_known()]
        holding = held_at(self._database, *borders, also=later)
        there = await asyncio.to_thread(holding.__enter__)
        try:
            async with AsyncExitStack() as causes:
                await self.bot.start()
                for moment in moments:
                    await causes.enter_async_context(caused(moment.cause))
                await until(there, ", ".join(map(str, borders)))
                await self.bot.kill()
        finally:
            await asyncio.to_thread(holding.__exit__, None, None, None)

    async def killed_unheard(
        self, calls: Mapping[str, int], cause: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """Kill the bot each time Telegram has done what it asked and has not said so, and start it again.

        ``calls`` by their names; so many of each are heard before.
        """
        faults = self.bot.telegram.faults
        before = len(faults.met)
        for call, after in calls.items():
            faults.lose_reply(call, after=after)

        def lost() -> int:
            return len({call for call, _ in faults.met[before:]})

        async with caused(cause):
            while (known := lost()) < len(calls):
                await until(lambda known=known: lost() > known, f"{calls}, {known} lost")  # type: ignore[misc]
                await self.bot.kill()
                await self.bot.start()

    def asked(self) -> list[Recorded]:
        """The questions that were answered."""
        paid = [request for request in self.endpoint.requests if request.path.endswith((CHAT, TRANSCRIPTIONS))]
        return [request for request in paid if request.status == 200]

    def asked_again(self, people: int = 1) -> int:
        """How many answers were asked for though they were there; each of so many people asks the same once."""
        counts = Counter((request.path, request.sha256) for request in self.asked())
        return sum(max(0, count - people) for count in counts.values())

    def value(self, query: str, *parameters: object) -> Any:
        """The first column of the first row. Raises LookupError when there is none."""
        row = self._database.execute(query.encode(), parameters).fetchone()
        if row is None:
            raise LookupError(query)
        return row[0]


Interruptible = Callable[..., Awaitable[InterruptedBot]]
"""Makes and starts one; keywords are further settings."""


@dataclass(frozen=True)
class Moment:
    """A border, known when it is its turn, and what a person does to bring the bot there unless it goes by itself."""

    border: Callable[[], Border]
    cause: Callable[[], Awaitable[object]] | None = None

    def is_known(self) -> bool:
        try:
            self.border()
        except LookupError:
            return False
        return True


@asynccontextmanager
async def caused(cause: Callable[[], Awaitable[object]] | None) -> AsyncIterator[None]:
    """Have a person do something during the block; what a dead bot does not answer is given up."""
    if cause is None:
        yield
        return
    doing = asyncio.ensure_future(cause())
    try:
        yield
    finally:
        doing.cancel()
        with suppress(asyncio.CancelledError, AssertionError):
            await doing
