"""The bot's background loops, as the application opens them."""

import asyncio
from pathlib import Path

import pytest

import application.followers
from access import Team
from application.followers import Followers
from application.parts import open_application
from config import Settings
from datamodels_telegram import ChatId, IncomingMessage, MessageId, SeenUpdate, TelegramPerson
from default_pack import PACK
from inbox import Inbox
from message_tracker import MessageTracker
from recordings.preferences import Preferences
from telegram_double import TelegramDouble
from updates_journal import UpdatesJournal


async def test_the_journal_of_updates_is_emptied_though_nobody_waited_for_the_database(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an absence that was over before the update was handled."""
    monkeypatch.setattr(application.followers, "_SETTLE_S", 0.05)
    journal = UpdatesJournal(tmp_path / "updates.journal")
    message = IncomingMessage(
        chat_id=ChatId(1001),
        message_id=MessageId(7),
        person=TelegramPerson(id=1001, name="Анна"),
        text="?",
        file=None,
        private=True,
    )
    journal.append(SeenUpdate.of(message))
    settings = Settings(_env_file=None, database_url=database_url, persistent_dir=tmp_path)
    async with open_application(settings, PACK, lambda *_: None) as opened:
        telegram = TelegramDouble()
        inbox = Inbox(opened.database, Team(None, frozenset()), journal)
        messages = MessageTracker(opened.database, telegram)
        running = asyncio.create_task(Followers(opened, telegram, messages, inbox, Preferences(opened.database)).run())
        async with asyncio.timeout(20):
            while journal.entries():  # noqa: ASYNC110  # a file has no event of ours
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
        _, left = await inbox.left_over()
    assert [update.update_id for update in left] == [7]
