"""What a person has set for themselves: the time zone, the language of recordings, what short voice notes are."""

import asyncio
from contextlib import suppress
from datetime import tzinfo

import user_states
from datamodels import UserId
from datamodels_telegram import FilePurpose
from db import Connection, Database
from system.local_time import zone_named
from user_states import State


class PersonSettings(State):
    """A person's settings; None is the installation's time zone, a detected language, and "ask me" for voice notes."""

    KEY = "preferences"
    time_zone: str | None = None
    language: str | None = None
    voice_notes: FilePurpose | None = None


async def settings_of(connection: Connection, owner: UserId) -> PersonSettings:
    """Load the settings of a person."""
    return await user_states.get(connection, owner, PersonSettings) or PersonSettings()


class Preferences:
    """The settings of every person. They are kept once they are read: one process, the bot, changes them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[UserId, PersonSettings] = {}
        self._zones: dict[str, tzinfo] = {}

    async def of(self, owner: UserId) -> PersonSettings:
        """Return what a person has set."""
        if owner not in self._known:
            async with self._database.transaction() as connection:
                self._known[owner] = await settings_of(connection, owner)
        return self._known[owner]

    async def set(self, owner: UserId, **change: object) -> PersonSettings:
        """Change some settings of a person; return all of them."""
        async with self._database.transaction() as connection:
            before = await settings_of(connection, owner)
            changed = PersonSettings.model_validate({**before.model_dump(), **change})
            await user_states.put(connection, owner, changed)
        self._known[owner] = changed
        return changed

    async def zone_of(self, owner: UserId) -> tzinfo | None:
        """Return the time zone of a person; None is that of the installation."""
        name = (await self.of(owner)).time_zone
        if name is not None and name not in self._zones:
            with suppress(ValueError):  # the machine knows it no more
                self._zones[name] = await asyncio.to_thread(zone_named, name)
        return None if name is None else self._zones.get(name)
