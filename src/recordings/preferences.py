"""What a person has set for themselves: time zone, language of recordings, what short voice notes are, sound."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

import user_states
from datamodels import UserId
from datamodels_telegram import FilePurpose
from db import Connection, Database
from system.local_time import in_zone, local, zone_named
from user_states import State

_MORNING, _EVENING = 8, 22
"""The hours between which it is no night."""


class Quiet(StrEnum):
    """When messages that come by themselves make no sound."""

    NIGHT = "night"
    ALWAYS = "always"


class PersonSettings(State):
    """A person's settings.

    None is the installation's time zone, a detected language, "ask me" for voice notes, and a sound at any time.
    """

    KEY = "preferences"
    time_zone: str | None = None
    language: str | None = None
    voice_notes: FilePurpose | None = None
    quiet: Quiet | None = None


async def settings_of(connection: Connection, owner: UserId) -> PersonSettings:
    """Load the settings of a person."""
    return await user_states.get(connection, owner, PersonSettings) or PersonSettings()


class Preferences:
    """The settings of every person. They are kept once they are read: one process, the bot, changes them.

    ``now`` returns the time.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now
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

    async def is_quiet(self, owner: UserId) -> bool:
        """Tell whether a person wants to hear no message come now; the night is that of their time zone."""
        quiet = (await self.of(owner)).quiet
        if quiet is not Quiet.NIGHT:
            return quiet is Quiet.ALWAYS
        with in_zone(await self.zone_of(owner)):
            return not _MORNING <= local(self._now()).hour < _EVENING

    async def zone_of(self, owner: UserId) -> tzinfo | None:
        """Return the time zone of a person; None is that of the installation."""
        name = (await self.of(owner)).time_zone
        if name is not None and name not in self._zones:
            with suppress(ValueError):  # the machine knows it no more
                self._zones[name] = await asyncio.to_thread(zone_named, name)
        return None if name is None else self._zones.get(name)
