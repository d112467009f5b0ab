"""«🔊 Озвучить»: an answer or a report as a voice message; and the list of what a person had said."""

from collections.abc import Callable
from dataclasses import dataclass

import texts.speeches
from access import Permission
from datamodels_telegram import MessageKind
from dialogs import Dialogs
from errors import NotFound
from markups.callback_data import Action, Press, answer_of, id_of
from markups.speeches import SPEECHES_ON_PAGE, speech_card, speech_delete_question, speeches_page
from message_tracker import MessageTracker
from speeches.service import Speeches, State
from speeches.store import Speech, SpeechOf
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show

_SAID = {
    State.NEW: texts.speeches.STARTED,
    State.AT_WORK: texts.speeches.AT_WORK,
    State.READY: texts.speeches.SENT_AGAIN,
}


@dataclass(frozen=True)
class SpeechHandlers:
    """Orders speech, and shows what was ordered. ``wake`` makes whoever delivers it look at once."""

    messages: MessageTracker
    speeches: Speeches
    dialogs: Dialogs
    wake: Callable[[], None]

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.SPEAK_ANSWER: (Permission.ASK, self._answer),
                Action.SPEAK_REPORT: (Permission.ASK, self._report),
                Action.SPEECHES: (Permission.LOOK, self._list),
                Action.SPEECH: (Permission.LOOK, self._card),
                Action.SPEECH_SEND: (Permission.ASK, self._send),
                Action.SPEECH_DELETE: (Permission.ASK, self._ask_to_delete),
                Action.SPEECH_DELETE_CONFIRM: (Permission.ASK, self._delete),
            }
        )

    async def _answer(self, context: Context, press: Press) -> None:
        await self._order(context, press, SpeechOf.ANSWER, str(answer_of(press)))

    async def _report(self, context: Context, press: Press) -> None:
        await self._order(context, press, SpeechOf.REPORT, str(press.number))

    async def _order(self, context: Context, press: Press, kind: SpeechOf, subject: str) -> None:
        if not await self._is_first_tap(context, press):
            return
        owner, occasion = context.user.id, _occasion(context)
        try:
            ordered = await self.speeches.order(owner, kind, subject, chat=context.chat, occasion=occasion)
        except NotFound:
            await context.answer(texts.speeches.GONE)
            return
        await context.answer(_SAID[ordered.state])
        self.wake()

    async def _is_first_tap(self, context: Context, press: Press) -> bool:
        first = await self.dialogs.first_tap(context.user.id, context.pressed, press.model_dump_json(), context.update)
        if not first:
            await context.answer(texts.speeches.AT_WORK)
        return first

    async def _list(self, context: Context, press: Press) -> None:
        await self._show_list(context, press.number)

    async def _show_list(self, context: Context, number: int) -> None:
        page = await self.speeches.page(context.user.id, number, SPEECHES_ON_PAGE)
        await show(self.messages, context, MessageKind.MENU, speeches_page(page))

    async def _card(self, context: Context, press: Press) -> None:
        if speech := await self._found(context, press):
            await show(self.messages, context, MessageKind.MENU, speech_card(speech))

    async def _send(self, context: Context, press: Press) -> None:
        if not await self._is_first_tap(context, press):
            return
        try:
            state = await self.speeches.send(context.user.id, id_of(press), context.chat, _occasion(context))
        except NotFound:
            await self._show_gone(context)
            return
        await context.answer(_SAID[state])
        self.wake()

    async def _ask_to_delete(self, context: Context, press: Press) -> None:
        if speech := await self._found(context, press):
            await show(self.messages, context, MessageKind.CONFIRMATION, speech_delete_question(speech))

    async def _delete(self, context: Context, press: Press) -> None:
        try:
            await self.speeches.delete(context.user.id, id_of(press))
        except NotFound:
            await self._show_gone(context)
            return
        await context.answer(texts.speeches.MY_DELETED)
        await self._show_list(context, 1)

    async def _found(self, context: Context, press: Press) -> Speech | None:
        """Return what a button names; where it is no more, say so and show the list."""
        try:
            return await self.speeches.find(context.user.id, id_of(press))
        except NotFound:
            await self._show_gone(context)
            return None

    async def _show_gone(self, context: Context) -> None:
        await context.answer(texts.speeches.MY_GONE)
        await self._show_list(context, 1)


def _occasion(context: Context) -> str:
    """Return what tells a press from others: the same one, handled again after a crash, is not another."""
    return context.update or f"{context.pressed}"
