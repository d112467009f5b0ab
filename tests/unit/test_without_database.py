"""What is said in chats while the database is away is said once, and taken back."""

import asyncio
from pathlib import Path
from unittest.mock import Mock

from datamodels_telegram import ChatId
from machine import Machine
from telegram_double import TelegramDouble
from telegram_handlers.without_database import WithoutDatabase

CHAT = ChatId(7)


class SlowTelegram(TelegramDouble):
    """A Telegram to which two messages are on their way at the same time."""

    async def send(self, *args: object, **options: object) -> object:  # type: ignore[override]
        await asyncio.sleep(0.01)
        return await super().send(*args, **options)  # type: ignore[arg-type]


async def test_two_updates_that_wait_at_the_same_time_leave_no_notice_behind(tmp_path: Path) -> None:
    telegram = SlowTelegram()
    notices = WithoutDatabase(telegram, Mock(Machine), None, tmp_path / "saved_notes.json")
    await asyncio.gather(*(notices.tell(CHAT, "Сохранено") for _ in range(2)))
    assert telegram.shown(CHAT) == ["Сохранено"]
    await asyncio.gather(*(notices.take_back(CHAT) for _ in range(2)))
    assert telegram.shown(CHAT) == []
