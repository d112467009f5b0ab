"""What the bot did not hear while its process or its machine stood still."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Never

import structlog

from datamodels_telegram import IncomingMessage, MessageId
from followers import Loop
from messenger import OnMessage
from telegram_client.messages import Sendings
from telegram_client.server_clock import steady_s

log = structlog.get_logger(__name__)

_LOOK_S = 5.0
_STANDSTILL_S = 60.0
"""Seconds without a look that count as a standstill. The library drops packets that are older than five minutes."""


async def hear_after_standstills(
    sendings: Sendings,
    missed: Callable[[MessageId], Awaitable[Sequence[IncomingMessage]]],
    on_message: OnMessage,
    *,
    dropped: Callable[[], bool] = lambda: False,
    steady: Callable[[], float] = steady_s,
    look_s: float = _LOOK_S,
) -> Never:
    """Whenever the process stood still, or ``dropped`` returns True, pass what ``missed`` returns to ``on_message``.

    This runs until cancelled. Among these messages are some that came as updates, too: ``on_message`` has to recognise
    them.
    """
    after, looked_at, is_due = sendings.latest, steady(), False

    async def look() -> None:
        nonlocal after, looked_at, is_due
        stood_still_s, looked_at = steady() - looked_at, steady()
        if dropped() or stood_still_s > _STANDSTILL_S:
            log.warning("telegram_messages_missed", stood_still_s=round(stood_still_s))
            is_due = True
        if is_due and after:
            # Side by side, begun in their order: ``on_message`` keeps each person's.
            await asyncio.gather(*map(on_message, await missed(MessageId(after))))
            is_due = False
        after = sendings.latest

    await Loop("standstills", look_s).run(look)
