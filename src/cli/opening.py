"""Opens the application for a command that shows what it does: also that it waits for an absent database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Never

import texts.cli
from application.parts import Application, open_application
from cli.display import Display
from config import Settings
from database.watch import AbsenceKind
from db import Database
from language_model.port import LanguageModel
from prompt_pack.models import ReportPack
from system.ending import end_tasks

_POLL_S = 0.25


@asynccontextmanager
async def opened(
    settings: Settings, pack: ReportPack, display: Display, *, language_model: LanguageModel | None = None
) -> AsyncIterator[Application]:
    """Open the application as ``open_application`` does; say when its database is away, and when it is back."""
    async with open_application(settings, pack, display.advance, language_model=language_model) as application:
        showing = asyncio.create_task(_show_absences(application.database, display))
        try:
            yield application
        finally:
            await end_tasks([showing])


async def _show_absences(database: Database, display: Display) -> Never:
    was_away = False
    while True:
        absence = database.absence
        is_away = absence is not None
        if absence is not None:
            is_full = absence.kind is AbsenceKind.FULL
            display.show(texts.cli.DATABASE, texts.cli.DATABASE_SHUT if is_full else texts.cli.DATABASE_AWAY, None)
        elif was_away:
            display.show(texts.cli.DATABASE, texts.cli.DATABASE_BACK, None)
            display.finish(texts.cli.DATABASE)
        was_away = is_away
        await asyncio.sleep(_POLL_S)
