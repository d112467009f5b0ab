"""«🔊 Озвучить»: an answer or a report as a voice message."""

from collections.abc import Callable
from dataclasses import dataclass

import texts.speeches
from access import Permission
from dialogs import Dialogs
from errors import NotFound
from markups.callback_data import Action, Press, answer_of
from speeches.service import Speeches, State
from speeches.store import SpeechOf
from telegram_handlers.context import Context, Routes

_SAID = {
    State.NEW: texts.speeches.STARTED,
    State.AT_WORK: texts.speeches.AT_WORK,
    State.READY: texts.speeches.SENT_AGAIN,
}


@dataclass(frozen=True)
class SpeechHandlers:
    """Orders speech. ``wake`` makes whoever delivers it look at once."""

    speeches: Speeches
    dialogs: Dialogs
    wake: Callable[[], None]

    def routes(self) -> Routes:
        presses = {Action.SPEAK_ANSWER: self._answer, Action.SPEAK_REPORT: self._report}
        return Routes(presses={action: (Permission.ASK, handler) for action, handler in presses.items()})

    async def _answer(self, context: Context, press: Press) -> None:
        await self._order(context, press, SpeechOf.ANSWER, str(answer_of(press)))

    async def _report(self, context: Context, press: Press) -> None:
        await self._order(context, press, SpeechOf.REPORT, str(press.number))

    async def _order(self, context: Context, press: Press, kind: SpeechOf, subject: str) -> None:
        owner, button = context.user.id, press.model_dump_json()
        if not await self.dialogs.first_tap(owner, context.pressed, button, context.update):
            await context.answer(texts.speeches.AT_WORK)
            return
        # Each press is an occasion; the same one, handled again after a crash, is not another.
        occasion = context.update or f"{context.pressed}"
        try:
            ordered = await self.speeches.order(owner, kind, subject, chat=context.chat, occasion=occasion)
        except NotFound:
            await context.answer(texts.speeches.GONE)
            return
        await context.answer(_SAID[ordered.state])
        self.wake()
