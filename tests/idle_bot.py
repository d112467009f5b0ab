"""What a bot asks its database when nobody does anything, as PostgreSQL itself tells it (auto_explain)."""

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

import db
import jobs.stranded
from access import Team
from application.followers import Followers
from application.health import Health
from application.notices import Notices
from application.parts import open_application
from config import Settings
from datamodels_telegram import IncomingMessage
from db import Connection
from default_pack import PACK
from health.board import Board
from housekeeping import Housekeeping
from inbox import Inbox
from message_tracker import MessageTracker
from recordings.preferences import Preferences
from telegram_double import TelegramDouble
from telegram_handlers.voice_notes import HeardWords
from updates_journal import UpdatesJournal

_SETTLE_S = 1.5
"""Until cards are shown and statements have the plans that they keep."""


class Asked(NamedTuple):
    """A statement that was run: its text, its plan and its milliseconds in the database."""

    text: str
    plan: dict[str, Any]
    ms: float


async def ask_idly(
    monkeypatch: pytest.MonkeyPatch, dsn: str, folder: Path, seconds: float, *, analyze: bool
) -> list[Asked]:
    """Run followers, worker and health of a bot for ``seconds``, and return all that they asked.

    With ``analyze`` plans have what was really read, and statements within functions are among them; else their times
    are those that the database has without being watched.
    """
    asked: list[Asked] = []

    def on_notice(told: psycopg.errors.Diagnostic) -> None:
        head, _, plan = (told.message_primary or "").partition("plan:\n")
        if plan:
            explained = json.loads(plan)
            asked.append(Asked(explained["Query Text"], explained["Plan"], float(head.split()[1])))

    configure = db._configure

    async def listening(connection: Connection) -> None:
        connection.add_notice_handler(on_notice)
        await configure(connection)

    monkeypatch.setattr(db, "_configure", listening)
    # It is asked once an hour, and would take away what the database has been grown with.
    monkeypatch.setattr(Housekeeping, "run", _nothing)
    monkeypatch.setattr(jobs.stranded, "_PERIOD_S", 1.0)
    await _have_explained(dsn, analyze)
    settings = Settings(_env_file=None, database_url=dsn, persistent_dir=folder)
    async with open_application(settings, PACK, lambda *_: None) as application:
        telegram = TelegramDouble()
        inbox = Inbox(application.database, Team(None, frozenset()), UpdatesJournal(folder / "updates.journal"))
        messages, preferences = MessageTracker(application.database, telegram), Preferences(application.database)
        followers = Followers(application, telegram, messages, inbox, preferences)
        notices = Notices(application.database, telegram, None)
        health = Health(application, Board(), telegram, notices)
        words = HeardWords(followers.spoken, _passed)
        following = (followers.run(), followers.background.run(), words.run())
        runs = (*following, application.jobs.run_worker(None), health.run())
        working = [asyncio.create_task(each) for each in runs]
        await asyncio.wait(working, timeout=_SETTLE_S)
        while not analyze and application.index.followed_at is None:
            # What a start reads into memory is no cost of an idle bot.
            await asyncio.wait(working, timeout=_SETTLE_S)
        asked.clear()
        await asyncio.wait(working, timeout=seconds)
        found = list(asked)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    return found


async def _passed(message: IncomingMessage) -> None:
    """Nobody says anything here."""


async def _nothing(_: Housekeeping) -> None:
    pass


async def _have_explained(dsn: str, analyze: bool) -> None:
    """Have every statement in this database explained to whoever runs it."""
    wanted = {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_level": "notice",
        "auto_explain.log_format": "json",
        "auto_explain.log_analyze": str(analyze),
        "auto_explain.log_buffers": str(analyze),
        "auto_explain.log_nested_statements": str(analyze),
    }
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        for setting, value in wanted.items():
            command = sql.SQL("ALTER DATABASE {} SET {} = {}")
            key = sql.SQL(".").join(map(sql.Identifier, setting.split(".")))
            await connection.execute(command.format(name, key, sql.Literal(value)))
