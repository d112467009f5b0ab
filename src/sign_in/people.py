"""The people of the team: listed, found, given roles, blocked.

Nobody changes their own role or blocks themselves, and only those with the highest role change anybody; one change
happens after another, and reads the role of who makes it. So whoever makes a change keeps the highest role, and the
last person who has it can be neither lowered nor blocked.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog

import users_store
from access import Permission, Team, may, role_of
from datamodels import Role, User, UserId, Value
from db import Connection, Database
from errors import AccessDenied
from sign_in import audit, erasures_store, people_store
from sign_in.audit import AuditAction
from sign_in.departures import end_all
from sign_in.people_store import EVERYBODY, OUT

log = structlog.get_logger(__name__)

FILTERS = (EVERYBODY, *Role, OUT)
"""Which people are listed."""


class Person(Value):
    """A person as the team's administrators see them; ``role`` is None for who is not of the team."""

    id: UserId
    telegram_id: int
    name: str
    role: Role | None
    came_at: datetime
    is_blocked: bool
    by_settings: bool
    """Whether the role comes from the settings alone."""
    is_owner: bool
    """Whether the settings name the person as the owner, whom nobody changes."""


class PeoplePage(NamedTuple):
    """A page of the people, of whom there are ``total``. ``page`` counts from 1."""

    people: Sequence[Person]
    page: int
    total: int


class People:
    """The people of ``team``; ``end_work`` ends all jobs of a person."""

    def __init__(self, database: Database, team: Team, end_work: Callable[[UserId], Awaitable[None]]) -> None:
        self._database = database
        self._team = team
        self._end_work = end_work

    async def count(self) -> int:
        """Return how many people of the team have written to the bot."""
        async with self._database.transaction() as connection:
            return await people_store.count(connection, EVERYBODY)

    async def page(self, wanted: str, page: int, size: int) -> PeoplePage:
        """Load one page of ``size`` people, of one of ``FILTERS``; the last page when there are fewer."""
        async with self._database.transaction() as connection:
            total = await people_store.count(connection, wanted)
            page = max(1, min(page, -(-total // size)))
            users = await people_store.page(connection, wanted, size, (page - 1) * size)
        return PeoplePage([self._person(user) for user in users], page, total)

    async def search(self, text: str, most: int) -> Sequence[Person]:
        """Load people by a part of the name or the whole Telegram id, ``most`` at most."""
        async with self._database.transaction() as connection:
            return [self._person(user) for user in await people_store.search(connection, text, most)]

    async def find(self, person: UserId) -> Person:
        """Load a person.

        Raises:
            NotFound: there is none with this id.
        """
        async with self._database.transaction() as connection:
            return self._person(await people_store.get(connection, person))

    async def set_role(self, actor: UserId, person: UserId, role: Role) -> None:
        """Give a person a role; one whom the settings name no more comes back by it.

        Raises:
            AccessDenied: the actor may not change people, or not this one: themselves, the owner, who is blocked.
            NotFound: there is no such person.
        """
        async with self._database.transaction() as connection:
            known = await self._begin(connection, actor, person)
            if known.blocked_at is not None:
                raise AccessDenied(person=actor, permission="give a role to who is blocked")
            before = self._role(known)
            await users_store.grant(connection, person, role)
            await audit.note(connection, AuditAction.ROLE_CHANGED, actor, person, before=before or "", after=role.value)
        log.info("role_changed", person=str(person), by=str(actor), role=role)

    async def block(self, actor: UserId, person: UserId) -> None:
        """Take a person off the team at once: sessions, dialogs, messages and jobs end, what is done stays.

        Raises:
            AccessDenied, NotFound: as ``set_role``.
        """
        async with self._database.transaction() as connection:
            known = await self._begin(connection, actor, person)
            if known.blocked_at is None:
                await people_store.block(connection, person)
                await end_all(connection, person)
                await audit.note(connection, AuditAction.BLOCKED, actor, person)
        log.info("person_blocked", person=str(person), by=str(actor))
        await self._end_work(person)

    async def unblock(self, actor: UserId, person: UserId) -> None:
        """Let a blocked person in again, with the role from before; do nothing for one who is not blocked, or erased.

        Raises:
            AccessDenied, NotFound: as ``set_role``.
        """
        async with self._database.transaction() as connection:
            known = await self._begin(connection, actor, person)
            if known.blocked_at is None or await erasures_store.is_ordered(connection, person):
                return
            await people_store.unblock(connection, person)
            role = self._role(known.model_copy(update={"blocked_at": None}))
            if role is not None:
                await people_store.come_back(connection, person, role)
            await audit.note(connection, AuditAction.UNBLOCKED, actor, person)
        log.info("person_unblocked", person=str(person), by=str(actor))

    async def compare_with_settings(self) -> None:
        """Note who came and who left by a change of the settings, and end what those have under way who left.

        Without an owner in the settings nothing is done: such settings are unfinished.
        """
        if self._team.owner is None:
            return
        async with self._database.transaction() as connection:
            await audit.begin(connection)
            users = await people_store.all_people(connection)
            for user, has_left in users:
                await self._compare(connection, user, has_left=has_left)
        for user, _ in users:
            if self._role(user) is None:
                # A process that was killed as it blocked somebody has not ended the work.
                await self._end_work(user.id)

    async def _compare(self, connection: Connection, user: User, *, has_left: bool) -> None:
        role = self._role(user)
        if role is None and not has_left:
            await people_store.leave(connection, user.id)
            await end_all(connection, user.id)
            await audit.note(connection, AuditAction.LEFT, None, user.id)
        elif role is not None and has_left:
            await people_store.come_back(connection, user.id, role)
            await audit.note(connection, AuditAction.CAME_BACK, None, user.id)
        elif role is not None and role is not user.role:
            await people_store.come_back(connection, user.id, role)

    async def _begin(self, connection: Connection, actor: UserId, person: UserId) -> User:
        """Begin a change of a person, whom nobody else changes then, and return the person's row."""
        await audit.begin(connection)
        known, changes = await people_store.get(connection, person), await users_store.find(connection, actor)
        own = None if changes is None else self._role(changes)
        if own is None or not may(own, Permission.GOVERN) or actor == person or known.telegram_id == self._team.owner:
            raise AccessDenied(person=actor, permission=f"change {person}")
        return known

    def _role(self, user: User) -> Role | None:
        return None if user.telegram_id is None else role_of(self._team, user.telegram_id, user)

    def _person(self, user: User) -> Person:
        assert user.telegram_id is not None  # noqa: S101  # nobody else is loaded
        is_owner = user.telegram_id == self._team.owner
        return Person(
            id=user.id,
            telegram_id=user.telegram_id,
            name=user.name,
            role=self._role(user),
            came_at=user.created_at,
            is_blocked=user.blocked_at is not None and not is_owner,
            by_settings=user.granted is None,
            is_owner=is_owner,
        )
