"""What is being worked on for a person: files, recordings and orders of reports that have not ended."""

from collections.abc import Sequence

import cards_store
from datamodels import Stage, UserId
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

    async def without_cards(self, owner: UserId) -> Sequence[tuple[str, Stage]]:
        """Load file name and last stage of the owner's recordings that are at work although their card is final.

        So are those whose kind was said or corrected after the transcript was there: their roles are found anew.
        """
        async with self._database.transaction() as connection:
            return await cards_store.list_without_card(connection, owner)
