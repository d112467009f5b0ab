"""«Выгрузить всё моё»: what a person has, as one file."""

from collections.abc import Callable
from dataclasses import dataclass

import texts.takeout
from access import Permission
from datamodels_telegram import FileReference, FileSource, MessageKind, OutgoingMessage, Screen
from errors import OutdatedButton
from markups.callback_data import Action, Press
from markups.menus import takeout_menu
from message_tracker import MessageTracker
from reports.takeout.service import TAKEOUTS, Takeout
from telegram_handlers.context import Context, Routes
from telegram_handlers.effects import sent_once
from telegram_handlers.shared import show


@dataclass(frozen=True)
class TakeoutHandlers:
    """Offers the files, and orders one; it is made when the outbox sends it. ``wake`` makes the outbox look at once."""

    messages: MessageTracker
    takeout: Takeout
    wake: Callable[[], None]

    def routes(self) -> Routes:
        presses = {Action.TAKEOUT: self._menu, Action.TAKEOUT_FILE: self._file}
        return Routes(presses={action: (Permission.LOOK, handler) for action, handler in presses.items()})

    async def _menu(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        screen = takeout_menu(await self.takeout.contents(context.user.id))
        await show(self.messages, context, MessageKind.MENU, screen)

    async def _file(self, context: Context, press: Press) -> None:
        extension = press.word
        if extension not in TAKEOUTS:
            raise OutdatedButton(data=press.action)

        def message() -> OutgoingMessage:
            file = FileReference(source=FileSource.TAKEOUT, subject=context.user.id, extension=extension)
            screen = Screen(text=texts.takeout.CAPTIONS[extension])
            return OutgoingMessage(kind=MessageKind.RESULT, screen=screen, file=file)

        await self.takeout.order(sent_once(context, press, message))
        await context.answer(texts.takeout.MAKING)
        self.wake()
