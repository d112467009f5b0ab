"""Where training data come from. Another store of rated answers is put in here, in ``good_answers``."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import metadata_store
import training_data_store
from application.parts import open_database
from config import Settings
from datamodels_chats import GoodAnswer
from db import Database
from embedded.engines import Engines as EmbeddedEngines
from training_data.export import Examples, GoodAnswers, collect

_PAGE = 200
_PATIENCE_S = 60.0
"""As all commands wait for a database that is away."""


def good_answers(database: Database) -> GoodAnswers:
    """Return where good answers are kept."""
    return _RatedInChats(database)


async def collect_examples(settings: Settings) -> Examples:
    """Collect the examples that this installation's good answers make.

    Raises:
        DatabaseUnavailable, EngineFailed: they cannot be read.
    """
    async with EmbeddedEngines(settings.persistent_dir) as embedded:
        opened = await open_database(settings, embedded)
        try:
            database = opened.patient(_PATIENCE_S)
            async with database.transaction() as connection:
                people = await metadata_store.list_people(connection)
            return await collect(good_answers(database), people)
        finally:
            await opened.close()


class _RatedInChats:
    """The answers that people rated in chats, as ``chat_answers`` has them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def good(self, at_least: int) -> AsyncIterator[Sequence[GoodAnswer]]:
        after: UUID | None = UUID(int=0)
        while after is not None:
            async with self._database.transaction() as connection:
                page, after = await training_data_store.list_rated(connection, at_least, after=after, limit=_PAGE)
            if page:
                yield page
