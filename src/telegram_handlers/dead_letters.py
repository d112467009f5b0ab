"""The owner's list of dead letters."""

from collections.abc import Callable
from dataclasses import dataclass

import texts.dead_letters
from access import Permission
from datamodels_telegram import MessageKind
from dead_letters import DeadLetters
from markups.callback_data import Action, Press
from markups.dead_letters import LETTERS_ON_PAGE, letters_page, pressed_letter
from message_tracker import MessageTracker
from prompt_pack.models import ReportPack
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show


@dataclass(frozen=True)
class LettersWork:
    """The parts that the handlers use; ``wake`` makes the followers look at the database at once."""

    letters: DeadLetters
    pack: ReportPack
    wake: Callable[[], None]


class DeadLetterHandlers:
    """Shows the list of dead letters, retries letters, and removes letters from the list."""

    def __init__(self, messages: MessageTracker, work: LettersWork) -> None:
        self._messages = messages
        self._work = work

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.LETTERS: (Permission.OPERATE, self._list),
                Action.LETTER_REDO: (Permission.OPERATE, self._retry),
                Action.LETTERS_REDO: (Permission.OPERATE, self._retry_all),
                Action.LETTER_DROP: (Permission.OPERATE, self._dismiss),
            }
        )

    async def _list(self, context: Context, press: Press) -> None:
        await self._show(context, press.number)

    async def _retry(self, context: Context, press: Press) -> None:
        letter, page = pressed_letter(press)
        retried = await self._work.letters.retry(letter)
        self._work.wake()
        await context.answer(texts.dead_letters.RETRIED if retried else texts.dead_letters.GONE)
        await self._show(context, page, retried=int(retried))

    async def _retry_all(self, context: Context, press: Press) -> None:  # noqa: ARG002
        count = await self._work.letters.retry_all()
        self._work.wake()
        await context.answer(texts.dead_letters.RETRIED_ALL.format(count=count))
        await self._show(context, 1, retried=count)

    async def _dismiss(self, context: Context, press: Press) -> None:
        letter, page = pressed_letter(press)
        dismissed = await self._work.letters.dismiss(letter)
        await context.answer(texts.dead_letters.REMOVED if dismissed else texts.dead_letters.GONE)
        await self._show(context, page)

    async def _show(self, context: Context, number: int, *, retried: int = 0) -> None:
        page = await self._work.letters.page(number, LETTERS_ON_PAGE)
        await show(self._messages, context, MessageKind.MENU, letters_page(page, self._work.pack, retried))
