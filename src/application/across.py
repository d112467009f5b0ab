"""Counting across interviews without a bot: the database is opened, and nothing else."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date

import users_store
from application.parts import open_database
from config import Settings
from datamodels import UserId
from embedded.engines import Engines as EmbeddedEngines
from prompt_pack.models import ReportPack
from reports.across.service import AcrossInterviews

_PATIENCE_S = 60.0
"""Seconds to wait for a database that is away, as in all commands."""


@asynccontextmanager
async def open_across(
    settings: Settings, pack: ReportPack, today: Callable[[], date]
) -> AsyncIterator[tuple[AcrossInterviews, UserId]]:
    """Open what counts, and name the person at the command line, who sees the team's interviews and their own.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: the database cannot be opened or read.
    """
    async with EmbeddedEngines(settings.persistent_dir) as embedded:
        opened = await open_database(settings, embedded)
        try:
            database = opened.patient(_PATIENCE_S)
            async with database.transaction() as connection:
                owner = await users_store.ensure_local_user(connection)
            yield AcrossInterviews(database, pack, today), owner
        finally:
            await opened.close()
