"""What a person has left, by the month and by the hour."""

from collections.abc import Mapping, Sequence

import texts.limits
from datamodels import UserId
from db import Database
from limits import hourly, store
from limits.hourly import Feature
from limits.values import this_month
from limits.words import left_of


class OwnLimits:
    """The limits of every person; ``most`` tells how often a feature may be used within an hour."""

    def __init__(self, database: Database, most: Mapping[Feature, int]) -> None:
        self._database = database
        self._most = most

    async def left(self, owner: UserId) -> Sequence[tuple[str, str]]:
        """Tell what of each limit the owner has left: its name and a phrase, those by the hour first."""
        async with self._database.transaction() as connection:
            used = {each: await hourly.used(connection, each, owner, most) for each, most in self._most.items()}
            allowances = await store.allowances(connection, owner, this_month())
        by_the_hour = [
            (
                texts.limits.HOURLY_NAMES[each],
                texts.limits.LEFT_HOURLY.format(left=self._most[each] - used[each], limit=self._most[each]),
            )
            for each in self._most
        ]
        return [*by_the_hour, *left_of(allowances)]
