"""Pressed buttons: each press is answered soon, and the second press of a double tap is recognised."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter

import structlog

import texts.telegram
from datamodels_telegram import ButtonPress, ChatId, MessageId
from messenger import Messenger, MessengerError
from metrics import PRESS_ANSWER_SECONDS

log = structlog.get_logger(__name__)

_REPEATED_WITHIN_S = 1.0
_MOST_WAITING = 20
"""The most presses of a person that wait at a time; further ones are refused, else messages would wait behind them."""


class PressAnswer:
    """Gives the one answer to a press: the handler's text when it comes within ``after_s`` seconds, else an empty one.

    The empty answer ends the waiting sign on the button. The first text that comes after it is sent by ``late``. An
    answer that Telegram refuses is only logged.
    """

    def __init__(
        self, telegram: Messenger, query_id: int, after_s: float, late: Callable[[str], Awaitable[None]]
    ) -> None:
        self._telegram = telegram
        self._query_id = query_id
        self._late = late
        self._said = False
        self._pressed_at = perf_counter()
        self._given = False
        self._waiting = asyncio.create_task(self._answer_after(after_s))

    async def __call__(self, text: str) -> None:
        """Show a short text, at most 200 characters, over the button."""
        if not self._given:
            self.cancel()
            await self._give(text)
        elif text and not self._said:
            self._said = True
            await self._late(text)

    def cancel(self) -> None:
        """Give no empty answer any more, and drop later texts."""
        self._given = self._said = True
        self._waiting.cancel()

    async def _answer_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._given = True
        await self._give("")

    async def _give(self, text: str) -> None:
        try:
            await self._telegram.answer(self._query_id, text)
        except MessengerError as exc:
            log.info("press_not_answered", error=exc.code, reason=str(exc))
        else:
            PRESS_ANSWER_SECONDS.observe(perf_counter() - self._pressed_at)


@dataclass
class _Tap:
    message: MessageId
    data: str
    handled_at: float | None = None


class Taps:
    """Remembers which presses wait in each chat, and the latest press, to recognise double taps.

    A double tap is the same press again while the first one is handled, or less than a second later: it counts when it
    came, not when its turn came, which is later on a busy machine.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._latest: dict[ChatId, _Tap] = {}
        self._waiting: dict[ChatId, dict[int, float]] = {}
        """When each press that waits came, by its query."""

    def refusal(self, press: ButtonPress) -> str | None:
        """Return the text that refuses a press; None when the press is taken, and waits from now on."""
        if press.chat_id != press.person.id:
            return texts.telegram.ONLY_PRIVATE
        waiting = self._waiting.setdefault(press.chat_id, {})
        if len(waiting) >= _MOST_WAITING:
            return texts.telegram.TOO_MANY_PRESSES
        waiting[press.query_id] = self._clock()
        return None

    def leave(self, press: ButtonPress) -> None:
        """Note that a press does not wait any more; one that was never taken is no error."""
        waiting = self._waiting.get(press.chat_id, {})
        waiting.pop(press.query_id, None)
        if not waiting:
            self._waiting.pop(press.chat_id, None)

    def begin(self, press: ButtonPress) -> bool:
        """Note that a press begins; return False, and note nothing, when it is the second of a double tap."""
        latest, came = self._of(press), self._waiting.get(press.chat_id, {}).get(press.query_id, self._clock())
        if latest is not None and (latest.handled_at is None or came - latest.handled_at < _REPEATED_WITHIN_S):
            return False
        self._latest[press.chat_id] = _Tap(press.message_id, press.data)
        return True

    def give_up(self, press: ButtonPress, *, begun: bool) -> None:
        """Note that a press, which has begun or not, is not handled."""
        if begun:
            self.end(press, handled=False)
        self.leave(press)

    def end(self, press: ButtonPress, *, handled: bool) -> None:
        """Note that the handling of a press ended. A press that was not ``handled`` can be repeated at once."""
        self.leave(press)
        latest = self._of(press)
        if latest is None:
            return
        if handled:
            latest.handled_at = self._clock()
        else:
            del self._latest[press.chat_id]

    def _of(self, press: ButtonPress) -> _Tap | None:
        latest = self._latest.get(press.chat_id)
        same = latest is not None and (latest.message, latest.data) == (press.message_id, press.data)
        return latest if same else None
