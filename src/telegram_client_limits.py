"""What Telegram lets a bot send: so much a second in all, so much to one chat."""

import asyncio

from aiolimiter import AsyncLimiter

from constants import CHAT_MESSAGES_PER_MINUTE, MESSAGES_PER_SECOND
from datamodels_telegram import ChatId

_CHAT_BURST = 20
"""Messages and edits that go to one chat at once before its rate holds them back."""
_CHAT_PERIOD_S = 60 * _CHAT_BURST / CHAT_MESSAGES_PER_MINUTE


class SendingLimits:
    """Leaky buckets: one for all, one for each chat that something was sent to lately."""

    def __init__(self) -> None:
        self._all = AsyncLimiter(MESSAGES_PER_SECOND, 1)
        self._chats: dict[ChatId, tuple[AsyncLimiter, float]] = {}
        self._rests_until: dict[ChatId, float] = {}

    def __len__(self) -> int:
        """How many chats have a bucket."""
        return len(self._chats)

    def rest(self, chat: ChatId, seconds: float) -> None:
        """Let nothing go to ``chat`` for so long, as Telegram demanded of one message."""
        self._rests_until[chat] = asyncio.get_running_loop().time() + seconds

    async def wait(self, chat: ChatId) -> None:
        """Return when one message more may go to ``chat``."""
        now = asyncio.get_running_loop().time()
        limiter, _ = self._chats.pop(chat, (None, now))
        limiter = limiter or AsyncLimiter(_CHAT_BURST, _CHAT_PERIOD_S)
        self._chats[chat] = (limiter, now)
        self._forget_idle(now)
        await limiter.acquire()
        # A bucket with a queue is used up to the end of it.
        self._chats.pop(chat, None)
        self._chats[chat] = (limiter, asyncio.get_running_loop().time())
        await self._all.acquire()
        await asyncio.sleep(self._rests_until.get(chat, 0.0) - asyncio.get_running_loop().time())
        self._rests_until.pop(chat, None)

    def _forget_idle(self, now: float) -> None:
        """Drop buckets that have run empty: a new one is the same."""
        for chat, (_, used) in list(self._chats.items()):
            if now - used <= _CHAT_PERIOD_S:
                return
            del self._chats[chat]
