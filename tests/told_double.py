"""A messenger in memory that writes down what happens as a storyboard."""

import re
from collections.abc import Sequence
from datetime import datetime

from datamodels_telegram import ChatId, MessageId, Screen
from screens import check, drawn
from telegram_double import TelegramDouble


class ToldDouble(TelegramDouble):
    """Checks every screen as Telegram would; ``story`` has what people did and saw, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.story: list[str] = []

    async def send(
        self, chat: ChatId, screen: Screen, *, random_id: int | None = None, may_differ: bool = False
    ) -> MessageId:
        check(screen)
        message = await super().send(chat, screen, random_id=random_id, may_differ=may_differ)
        self._tell_screen("bot", screen)
        return message

    async def edit(self, chat: ChatId, message: MessageId, screen: Screen, *, may_wait: bool = False) -> bool:
        check(screen)
        edited = await super().edit(chat, message, screen, may_wait=may_wait)
        self._tell_screen("bot, in the same message", screen)
        return edited

    async def delete(self, chat: ChatId, messages: Sequence[MessageId]) -> None:
        await super().delete(chat, messages)
        self.tell(f"bot removes earlier messages: {len(messages)}")

    def tell(self, line: str) -> None:
        self.story.append(line)

    @property
    def told(self) -> str:
        """The storyboard, the same on every day and at every hour."""
        told = "\n".join(self.story)
        for today in ("%d.%m.%Y", "%d.%m.%y"):
            told = told.replace(f"{datetime.now().astimezone():{today}}", "<сегодня>")
        told = re.sub(r"здесь с [\d.]+", "здесь с <сегодня>", told)  # where it may be another day already
        return re.sub(r"сейчас \d\d:\d\d", "сейчас <время>", told) + "\n"

    def _tell_screen(self, who: str, screen: Screen) -> None:
        self.tell(f"{who}:\n" + "\n".join(f"    {line}".rstrip() for line in drawn(screen).splitlines()))
