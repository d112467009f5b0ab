"""The inbox: updates are stored before they are handled, recognised when repeated, and found after a restart."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import updates_store
import users_store
from access import Team, role_of
from datamodels import User
from datamodels_telegram import ButtonPress, IncomingMessage, MessageId, SeenUpdate
from db import Database

_KEPT = timedelta(days=30)
"""How long updates are recognised: Telegram delivers none that are older than a few days."""


class Inbox:
    """Stores the messages and presses of people of ``team`` and of strangers.

    Raises, in every method:
        DatabaseUnavailable, DiskFull: nothing was stored.
    """

    def __init__(self, database: Database, team: Team) -> None:
        self._database = database
        self.team = team

    async def put_message(self, message: IncomingMessage) -> bool:
        """Store a message; False when it came before."""
        async with self._database.transaction() as connection:
            return await updates_store.remember_message(connection, message)

    async def put_press(self, press: ButtonPress, *, done: bool) -> bool:
        """Store a press of a button; False when it came before. ``done`` leaves nothing to handle."""
        async with self._database.transaction() as connection:
            return await updates_store.remember_press(connection, press, done=done)

    async def left_over(self) -> tuple[MessageId | None, list[SeenUpdate]]:
        """Return the message after which others may have been missed, and the updates that were not finished."""
        async with self._database.transaction() as connection:
            await updates_store.forget_old(connection, datetime.now(UTC) - _KEPT)
            after = await updates_store.missed_after(connection)
            return after, await updates_store.unfinished(connection)

    async def begin(self, seen: SeenUpdate) -> tuple[int, User | None]:
        """Count one more try to handle an update; return the tries so far and its person, None for a stranger."""
        async with self._database.transaction() as connection:
            tries = await updates_store.count_try(connection, seen)
            role = role_of(self.team, seen.person.id)
            if role is None:
                return tries, None
            return tries, await users_store.ensure_telegram_user(connection, seen.person, role)

    async def end(self, updates: Iterable[SeenUpdate]) -> None:
        """Note that these updates need no more work."""
        async with self._database.transaction() as connection:
            for update in updates:
                await updates_store.mark_done(connection, update)
