"""The consent of people who send recordings."""

from dataclasses import dataclass
from datetime import UTC, datetime

import texts.privacy
from access import Permission
from markups.callback_data import Action, Press
from markups.privacy import privacy_accepted
from message_tracker import MessageTracker
from recordings.consents import Consents
from telegram_handlers.context import Context, Routes


@dataclass(frozen=True)
class ConsentHandlers:
    """Records that a person accepts the notice that they were shown."""

    messages: MessageTracker
    consents: Consents

    def routes(self) -> Routes:
        return Routes(presses={Action.PRIVACY_CONSENT: (Permission.RECORD, self._accept)})

    async def _accept(self, context: Context, press: Press) -> None:
        accepted = await self.consents.accept(context.user.id, press.word)
        await context.answer(texts.privacy.NOTED)
        if accepted and context.pressed is not None and press.word == self.consents.version:
            screen = privacy_accepted(self.consents.notice, datetime.now(UTC))
            await self.messages.edit(context.chat, context.pressed, screen)
