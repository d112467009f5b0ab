"""What is being worked on for a person: files, recordings and orders of reports that have not ended."""

from collections.abc import Sequence

import cards_store
from datamodels import Stage, UserId
from datamodels_telegram import CardProgress
from db import Database
from limits.store import allowances
from limits.values import this_month
from limits.words import limited, little_left


class WorkInProgress:
    """The work in progress of every person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, owner: UserId) -> Sequence[CardProgress]:
        """Load the owner's work that has not ended, in the order in which it was asked for."""
        async with self._database.transaction() as connection:
            return await cards_store.open_cards(connection, owner)

    async def little_left(self, owner: UserId) -> Sequence[str]:
        """Say of which limits the owner has little left."""
        async with self._database.transaction() as connection:
            return little_left(await allowances(connection, owner, this_month()))

    async def limited(self, owner: UserId) -> Sequence[str]:
        """Tell of each of the owner's limits how much is used."""
        async with self._database.transaction() as connection:
            return limited(await allowances(connection, owner, this_month()))

    async def without_cards(self, owner: UserId) -> Sequence[tuple[str, Stage]]:
        """Load file name and last stage of the owner's recordings that are at work although their card is final.

        So are those whose kind was said or corrected after the transcript was there: their roles are found anew.
        """
        async with self._database.transaction() as connection:
            return await cards_store.list_without_card(connection, owner)
