"""Where training data come from: the good answers of all people of this installation."""

from collections.abc import AsyncIterator, Sequence

import metadata_store
from application.parts import open_database
from config import Settings
from conversations.port import MOST_CONVERSATIONS, StorageAdapter
from conversations.postgres import PostgresStorage
from datamodels_chats import GoodAnswer
from db import Database
from embedded.engines import Engines as EmbeddedEngines
from training_data.export import Examples, collect

_PATIENCE_S = 60.0
"""Seconds to wait for a database that is away, as in all commands."""


class RatedAnswers:
    """``GoodAnswers`` read from a storage of conversations."""

    def __init__(self, storage: StorageAdapter) -> None:
        self._storage = storage

    async def good(self, at_least: int) -> AsyncIterator[Sequence[GoodAnswer]]:
        rated = await self._storage.get_rated_conversations(None, at_least, MOST_CONVERSATIONS)
        yield [
            GoodAnswer(
                question=each.question,
                answer="\n".join(filter(None, (each.outcome.note, each.outcome.text))),
                rating=each.stars or at_least,
                model=each.outcome.model,
                prompt_version=each.outcome.prompt_version,
                at=each.created_at,
            )
            for each in rated
        ]


async def collect_examples(settings: Settings) -> Examples:
    """Make examples of all good answers in this installation.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: the database cannot be opened or read.
    """
    async with EmbeddedEngines(settings.persistent_dir) as embedded:
        opened = await open_database(settings, embedded)
        try:
            return await collect_from(opened.patient(_PATIENCE_S))
        finally:
            await opened.close()


async def collect_from(database: Database) -> Examples:
    """Make examples of all good answers in a database; names of employees and clients in its metadata are masked, too.

    Raises:
        DatabaseUnavailable: the answers cannot be read.
    """
    async with database.transaction() as connection:
        people = await metadata_store.list_people(connection)
    return await collect(RatedAnswers(PostgresStorage(database)), people)
