"""The notice about people's data: who has read it."""

from dataclasses import dataclass
from datetime import UTC, datetime

import texts.privacy
from access import Permission
from markups.callback_data import Action, Press
from markups.privacy import privacy_was_read
from message_tracker import MessageTracker
from recordings.consents import Consents
from telegram_handlers.context import Context, Routes


@dataclass(frozen=True)
class ConsentHandlers:
    """Records that a person has read the notice that they were shown."""

    messages: MessageTracker
    consents: Consents

    def routes(self) -> Routes:
        return Routes(presses={Action.PRIVACY_CONSENT: (Permission.LOOK, self._read)})

    async def _read(self, context: Context, press: Press) -> None:
        await self.consents.note_read(context.user.id, press.word)
        await context.answer(texts.privacy.NOTED)
        if context.pressed is not None and press.word == self.consents.version:
            screen = privacy_was_read(self.consents.notice, datetime.now(UTC))
            await self.messages.edit(context.chat, context.pressed, screen)
