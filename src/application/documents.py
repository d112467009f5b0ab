"""The documents of this installation, for commands that need nothing else of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from application.parts import opened_database
from config import Settings
from datamodels import UserId
from knowledge.documents import Documents
from users_store import ensure_local_user


@asynccontextmanager
async def opened_documents(settings: Settings) -> AsyncIterator[tuple[Documents, UserId]]:
    """Open the documents, with the person at the command line.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: the database does not start.
    """
    async with opened_database(settings) as database:
        async with database.transaction() as connection:
            owner = await ensure_local_user(connection)
        yield Documents(database), owner
