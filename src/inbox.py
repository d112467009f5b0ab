"""The inbox: updates are stored before they are handled, recognised when repeated, and found after a restart.

While the database is away, updates are stored in a journal on the disk; they move into the database when it is back.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress

import structlog

import cards_store
import outbox_store
import updates_store
import user_states
import users_store
from access import Team, find_member, role_of
from datamodels import User, UserId
from datamodels_telegram import ChatId, MessageId, SeenUpdate
from db import Connection, Database
from dialogs import ASIDE, may_ask_again
from errors import DatabaseUnavailable
from updates_journal import UpdatesJournal
from user_states import State

log = structlog.get_logger(__name__)

_FORGETTING_S = 1.0
"""For how long a process that ends waits for the database to take back tries."""


class Active(State):
    """Notes that the person did something; until it expires no form that was put aside comes back by itself."""

    KEY = "active"


class Inbox:
    """Stores the messages and presses of people of ``team`` and of strangers.

    A database that has no space left counts as away.

    Raises, in every method:
        DiskFull: no space left for what was to be stored.
        DatabaseUnavailable: the database is away; not in ``put``, which uses the journal then, ``forget_tries`` and
            ``is_back``.
    """

    def __init__(self, database: Database, team: Team, journal: UpdatesJournal) -> None:
        self._database = database
        self._at_once = database.patient(0)
        self.journal = journal
        self._journaled: defaultdict[int, dict[str, SeenUpdate]] = defaultdict(dict)
        """What is in the journal and perhaps not in the database, by person and key, in order."""
        self._groups: set[ChatId] = set()
        self._moving = asyncio.Lock()
        self.team = team

    @property
    def absences(self) -> int:
        """How many times the database went away so far."""
        return self._database.absences

    async def put(self, update: SeenUpdate, *, done: bool = False) -> bool:
        """Store an update; False when it came before. ``done`` means that it needs no work."""
        earlier = self._journaled.get(update.person.id, {})
        try:
            # A process that takes up what this one leaves goes by the order in which the database has it.
            for key, each in list(earlier.items()):
                await self._remember(each)
                earlier.pop(key, None)
            return await self._remember(update, done=done)
        except DatabaseUnavailable:
            if done:
                return True
            if update.key in earlier:
                return False
            await self.keep([update])
            return True

    async def _remember(self, update: SeenUpdate, *, done: bool = False) -> bool:
        async with self._at_once.transaction() as connection:
            return await updates_store.remember(connection, update, done=done)

    async def keep(self, updates: Sequence[SeenUpdate]) -> None:
        """Write updates into the journal, from which ``settle`` moves them into the database."""
        async with self._moving:
            await asyncio.to_thread(self.journal.append, *updates)
            self._note_journaled(updates)

    def _note_journaled(self, updates: Iterable[SeenUpdate]) -> None:
        for update in updates:
            self._journaled[update.person.id][update.key] = update

    async def is_new_group(self, chat: ChatId) -> bool:
        """Note that a group is told where the bot works; False when it was told before."""
        if chat in self._groups:
            return False
        async with self._at_once.transaction() as connection:
            is_new = await updates_store.remember_group(connection, chat)
        self._groups.add(chat)
        return is_new

    async def there(self) -> None:
        """Wait while the database is known to be away."""
        await self._database.patient().there()

    async def settle(self) -> None:
        """Wait for the database, then move the updates from the journal into it."""
        await self.there()
        async with self._moving:
            entries = await asyncio.to_thread(self.journal.entries)
            for update in entries:
                # Each in a transaction of its own, by whose time they are taken up in order.
                async with self._database.transaction() as connection:
                    await updates_store.remember(connection, update)
            if entries:
                await asyncio.to_thread(self.journal.clear)
                log.info("journal_moved", updates=len(entries))
            self._journaled.clear()

    async def left_over(self) -> tuple[MessageId | None, list[SeenUpdate]]:
        """Return the message after which others may have been missed, and the updates that were not finished.

        The message is None when none was ever stored. Among the updates are those of the journal, which stay there.
        """
        await self.there()
        entries = await asyncio.to_thread(self.journal.entries)
        async with self._database.transaction() as connection:
            after = await updates_store.missed_after(connection)
            unknown = await updates_store.unknown(connection, entries)
            left = await updates_store.unfinished(connection)
        # A person's updates go through the journal into the database: what is in the journal alone came last.
        journaled = [update for update in dict.fromkeys(entries) if update in unknown]
        self._note_journaled(journaled)
        return after, left + journaled

    async def unknown(self, updates: Sequence[SeenUpdate]) -> set[SeenUpdate]:
        """Return those of ``updates`` that were never stored."""
        async with self._database.transaction() as connection:
            return await updates_store.unknown(connection, updates)

    async def begin(self, seen: SeenUpdate, *, counted: bool = True) -> tuple[int | None, User | None]:
        """Count a try to handle an update; return how many tries there were, this one included, and the person.

        With ``counted`` False nothing is counted: a try that the database interrupted goes on. The number is None when
        the update was handled before, and came once more while the database was away. A stranger has no ``User``.
        """
        async with self._database.transaction() as connection:
            tries = await updates_store.count_try(connection, seen, 1 if counted else 0)
            user = await find_member(connection, self.team, seen.person)
            if user is not None:
                await _bring_back(connection, user.id)
                await user_states.put(connection, user.id, Active(), ttl=ASIDE)
            return tries, user

    async def forget_tries(self, interrupted: Collection[SeenUpdate]) -> None:
        """Take back the last try of each update that a stop of the process has interrupted, if the database lets us."""
        if interrupted:
            with suppress(DatabaseUnavailable, TimeoutError):
                async with asyncio.timeout(_FORGETTING_S), self._at_once.transaction() as connection:
                    for seen in interrupted:
                        await updates_store.count_try(connection, seen, -1)

    async def is_back(self, telegram_id: int) -> None:
        """Let a person who has started the bot again get what could not be delivered meanwhile.

        While the database is away nothing is done: the person's next update brings it as well.
        """
        with suppress(DatabaseUnavailable):
            async with self._at_once.transaction() as connection:
                person = await users_store.find_by_telegram_id(connection, telegram_id)
                if person is not None and role_of(self.team, telegram_id, person) is not None:
                    await _bring_back(connection, person.id)

    async def end(self, update: SeenUpdate) -> None:
        """Note that an update needs no more work, also one that could not be stored."""
        async with self._database.transaction() as connection:
            await updates_store.mark_done(connection, update)


async def _bring_back(connection: Connection, owner: UserId) -> None:
    messages, cards = await outbox_store.bring_back(connection, owner), await cards_store.bring_back(connection, owner)
    if messages or cards:
        await may_ask_again(connection, owner)
        log.info("person_is_back", messages=messages, cards=cards)
