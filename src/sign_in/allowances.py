"""Limits that administrators set, for roles and for people, and what people have used of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import structlog

import users_store
from access import Permission, Team, below, may, role_of
from datamodels import RecordingId, Role, User, UserId
from db import Connection, Database
from errors import AccessDenied, NotFound
from errors_of_operation import LimitReached
from limits import store
from limits.values import LIMITED_ROLES, Allowance, PersonUse, Resource, this_month
from sign_in import audit
from sign_in.audit import AuditAction

log = structlog.get_logger(__name__)

GoOn = Callable[[Connection, RecordingId], Awaitable[None]]
"""Adds, in the transaction, the job that goes on with a recording."""


class LimitsOf(NamedTuple):
    """A person's limits; ``may_change`` tells whether who looks may set them."""

    person: UserId
    name: str
    allowances: Sequence[Allowance]
    may_change: bool


class LimitsOfRole(NamedTuple):
    """A role's limits, what is not there has none; ``may_change`` tells whether who looks may set them."""

    role: Role
    limits: Mapping[Resource, Decimal]
    may_change: bool


class UsePage(NamedTuple):
    """Some of those who have used a resource this month, the most first. ``page`` counts from 1."""

    people: Sequence[PersonUse]
    page: int
    total: int


class LimitSettings:
    """Sets limits. What waits for one goes on by ``go_on`` once it is raised.

    Whoever sets a limit has the permission, and a higher role than the one or the person that the limit is for.
    """

    def __init__(self, database: Database, team: Team, go_on: GoOn) -> None:
        self._database = database
        self._team = team
        self._go_on = go_on

    async def of(self, actor: UserId, person: UserId) -> LimitsOf:
        """Load a person's limits, and what counts against them.

        Raises:
            NotFound: there is no such person.
        """
        async with self._database.transaction() as connection:
            known, looks = await users_store.find(connection, person), await users_store.find(connection, actor)
            if known is None:
                raise NotFound(what=f"person {person}")
            allowances = await store.allowances(connection, person, this_month())
            may_change = looks is not None and self._may_change(looks, self._role(known))
            return LimitsOf(person, known.name, allowances, may_change)

    async def of_role(self, actor: UserId, role: Role) -> LimitsOfRole:
        """Load the limits of a role."""
        async with self._database.transaction() as connection:
            looks = await users_store.find(connection, actor)
            may_change = looks is not None and self._may_change(looks, role)
            return LimitsOfRole(role, await store.of_role(connection, role), may_change)

    async def roles(self, actor: UserId) -> Sequence[Role]:
        """Return the roles whose limits somebody may set."""
        async with self._database.transaction() as connection:
            known = await users_store.find(connection, actor)
            return [each for each in LIMITED_ROLES if known is not None and self._may_change(known, each)]

    async def uses(self, resource: Resource, page: int, size: int) -> UsePage:
        """Load ``size`` of those who have used a resource this month; the first page when there are fewer."""
        async with self._database.transaction() as connection:
            total, people = await store.people(connection, resource, this_month(), size, (page - 1) * size)
            if not people and page > 1:
                total, people = await store.people(connection, resource, this_month(), size, 0)
                page = 1
        return UsePage(people, page, total)

    async def set_for_person(
        self, actor: UserId, person: UserId, resource: Resource, amount: Decimal | None, *, own: bool = True
    ) -> None:
        """Set a limit of a person's own, None to lift that of the role; without ``own``, that of the role counts again.

        Raises:
            AccessDenied: the actor may not set limits, or not of this person: themselves, or one with as high a role.
            NotFound: there is no such person.
        """
        async with self._database.transaction() as connection:
            await audit.begin(connection)
            known = await users_store.find(connection, person)
            if known is None:
                raise NotFound(what=f"person {person}")
            await self._check(connection, actor, self._role(known))
            before = (await store.limits_of(connection, person)).get(resource, (None, False))
            await store.set_for_person(connection, person, resource, amount, own=own)
            after = (await store.limits_of(connection, person)).get(resource, (None, False))
            if after == before:
                return
            told = {"resource": resource.value, "before": _told(before[0]), "after": _told(after[0])}
            await audit.note(connection, AuditAction.LIMIT_CHANGED, actor, person, **told)
            await self._take_up(connection, await store.waiting(connection, LimitReached.code, person=person))
        log.info("limit_changed", person=str(person), by=str(actor), resource=resource)

    async def set_for_role(self, actor: UserId, role: Role, resource: Resource, amount: Decimal | None) -> None:
        """Set a limit of all who have a role and none of their own; None removes it.

        Raises:
            AccessDenied: the actor may not set limits, or has no higher role.
        """
        async with self._database.transaction() as connection:
            await audit.begin(connection)
            await self._check(connection, actor, role)
            before = (await store.of_role(connection, role)).get(resource)
            if before == amount:
                return
            await store.set_for_role(connection, role, resource, amount)
            told = {"role": role.value, "resource": resource.value, "before": _told(before), "after": _told(amount)}
            await audit.note(connection, AuditAction.ROLE_LIMIT_CHANGED, actor, None, **told)
            await self._take_up(connection, await store.waiting(connection, LimitReached.code, role=role))
        log.info("role_limit_changed", role=role, by=str(actor), resource=resource)

    async def _take_up(self, connection: Connection, recordings: Sequence[RecordingId]) -> None:
        for recording in recordings:
            await self._go_on(connection, recording)

    async def _check(self, connection: Connection, actor: UserId, role: Role | None) -> None:
        known = await users_store.find(connection, actor)
        if known is None or not self._may_change(known, role):
            raise AccessDenied(person=actor, permission=f"set limits of {role}")

    def _may_change(self, actor: User, role: Role | None) -> bool:
        own = self._role(actor)
        return own is not None and may(own, Permission.ALLOT) and role in below(own)

    def _role(self, user: User) -> Role | None:
        return None if user.telegram_id is None else role_of(self._team, user.telegram_id, user)


def _told(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f}"
