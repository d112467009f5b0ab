"""Private recordings that their owner shares with single people; each share can be taken back."""

from collections.abc import Sequence
from typing import NamedTuple

import recordings_store
import users_store
from access import Team, role_of
from datamodels import Recording, User, UserId
from db import Database
from errors import NotFound
from recordings import shares_store
from sign_in import people_store


class SharesPage(NamedTuple):
    """A page of the team, each with whether the recording is shared with them; ``page`` counts from 1."""

    recording: Recording
    people: Sequence[tuple[User, bool]]
    page: int
    pages: int


class Sharing:
    """Shares recordings with people of ``team``, who find them when asking as they find the team's."""

    def __init__(self, database: Database, team: Team) -> None:
        self._database = database
        self._team = team

    async def page(self, owner: UserId, number: int, page: int, size: int) -> SharesPage:
        """Load a page of those with whom a recording can be shared; the last one when there are fewer.

        Raises:
            NotFound: the owner has none of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            others = await people_store.others(connection, owner)
            shared = await shares_store.people_of(connection, recording.id)
        people = [(user, user.id in shared) for user in others if self._is_member(user)]
        pages = max(1, -(-len(people) // size))
        page = max(1, min(page, pages))
        return SharesPage(recording, people[(page - 1) * size : page * size], page, pages)

    async def share(self, owner: UserId, number: int, telegram_id: int, *, wanted: bool) -> User:
        """Share a recording with who has this Telegram id, or take that back; it counts at once. Return the person.

        Raises:
            NotFound: the owner has none of that number, or nobody of the team has this id.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            user = await users_store.find_by_telegram_id(connection, telegram_id)
            if user is None or user.id == owner or (wanted and not self._is_member(user)):
                raise NotFound(what=f"member {telegram_id}")
            await shares_store.put(connection, recording.id, user.id, wanted=wanted)
        return user

    def _is_member(self, user: User) -> bool:
        return user.telegram_id is not None and role_of(self._team, user.telegram_id, user) is not None
