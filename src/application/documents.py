"""The documents of this installation, for commands that need nothing else of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from application.parts import open_database
from config import Settings
from datamodels import UserId
from embedded.engines import Engines as EmbeddedEngines
from knowledge.documents import Documents
from users_store import ensure_local_user

_PATIENCE_S = 60.0
"""Seconds to wait for a database that is away, as in all commands."""


@asynccontextmanager
async def opened_documents(settings: Settings) -> AsyncIterator[tuple[Documents, UserId]]:
    """Open the documents, with the person at the command line.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: the database does not start.
    """
    async with EmbeddedEngines(settings.persistent_dir) as embedded:
        opened = await open_database(settings, embedded)
        try:
            database = opened.patient(_PATIENCE_S)
            async with database.transaction() as connection:
                owner = await ensure_local_user(connection)
            yield Documents(database), owner
        finally:
            await opened.close()
