"""What is being worked on for a person: files, recordings and orders of reports that have not ended."""

from collections.abc import Sequence

import cards_store
from datamodels import UserId
from datamodels_telegram import CardProgress
from db import Database


class WorkInProgress:
    """The work in progress of every person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, owner: UserId) -> Sequence[CardProgress]:
        """Load the owner's work that has not ended, in the order in which it was asked for."""
        async with self._database.transaction() as connection:
            return await cards_store.open_cards(connection, owner)
