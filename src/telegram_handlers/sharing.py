"""Sharing of a private recording with single people."""

from dataclasses import dataclass

import texts.sharing
from access import Permission
from datamodels_telegram import MessageKind
from errors import OutdatedButton
from markups.callback_data import Action, Press
from markups.sharing import ON, PEOPLE_ON_PAGE, sharing_screen
from message_tracker import MessageTracker
from recordings.sharing import Sharing
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show


@dataclass(frozen=True)
class SharingHandlers:
    """Shows with whom a recording is shared, and changes that."""

    messages: MessageTracker
    sharing: Sharing

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.SHARE: (Permission.RECORD, self._show),
                Action.SHARE_WITH: (Permission.RECORD, self._share),
            }
        )

    async def _show(self, context: Context, press: Press) -> None:
        if len(press.numbers) != 2:
            raise OutdatedButton(data=press.action)
        number, page = press.numbers
        await self._show_page(context, number, page)

    async def _share(self, context: Context, press: Press) -> None:
        if press.word not in texts.sharing.SET or len(press.numbers) != 3:
            raise OutdatedButton(data=press.action)
        number, telegram_id, page = press.numbers
        await self.sharing.share(context.user.id, number, telegram_id, wanted=press.word == ON)
        await context.answer(texts.sharing.SET[press.word].format(number=number))
        await self._show_page(context, number, page)

    async def _show_page(self, context: Context, number: int, page: int) -> None:
        shares = await self.sharing.page(context.user.id, number, page, PEOPLE_ON_PAGE)
        await show(self.messages, context, MessageKind.MENU, sharing_screen(shares), shares.recording.id)
