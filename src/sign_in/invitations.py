"""Invitations: links that let people in with a role, each for as many people as it was made for."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import structlog

import users_store
from access import Permission, Team, below, may, role_of
from datamodels import Role, User, UserId
from datamodels_telegram import TelegramPerson
from db import Connection, Database
from errors import AccessDenied, NotFound
from random_ids import new_secret
from sign_in import audit, invitations_store
from sign_in.audit import AuditAction
from sign_in.invitations_store import Invitation

log = structlog.get_logger(__name__)

INVITATION_LASTS = timedelta(hours=72)
USES = (1, 5, 20)
"""For how many people an invitation can be."""


class NewInvitation(NamedTuple):
    """An invitation with the code that is told once and stored nowhere."""

    invitation: Invitation
    code: str


class Invitations:
    """Makes, lists, takes back and accepts invitations to ``team``."""

    def __init__(self, database: Database, team: Team) -> None:
        self._database = database
        self._team = team

    async def make(self, maker: UserId, role: Role, uses: int) -> NewInvitation:
        """Make an invitation for ``uses`` people.

        Raises:
            AccessDenied: the maker may not invite, or not with this role: it is not below the maker's own.
            NotFound: an invitation is not made for so many people.
        """
        if uses not in USES:
            raise NotFound(what=f"invitation for {uses}")
        code = new_secret()
        async with self._database.transaction() as connection:
            await audit.begin(connection)
            await self._check(connection, maker, role)
            made = await invitations_store.add(connection, _hash(code), maker, role, uses, INVITATION_LASTS)
            await audit.note(connection, AuditAction.INVITED, maker, number=made.number, role=role.value, uses=uses)
        return NewInvitation(made, code)

    async def open(self) -> Sequence[Invitation]:
        """Load the invitations that still let people in, the latest first, fifty at most."""
        async with self._database.transaction() as connection:
            return await invitations_store.list_open(connection)

    async def find(self, number: int) -> Invitation:
        """Load an invitation that still lets people in.

        Raises:
            NotFound: there is none of that number.
        """
        async with self._database.transaction() as connection:
            return await _find(connection, number)

    async def revoke(self, user: UserId, number: int) -> None:
        """Take an invitation back.

        Raises:
            AccessDenied: the person may not make such an invitation.
            NotFound: there is none of that number that still lets people in.
        """
        async with self._database.transaction() as connection:
            await audit.begin(connection)
            invitation = await _find(connection, number)
            await self._check(connection, user, invitation.role)
            await invitations_store.revoke(connection, number)
            await audit.note(connection, AuditAction.REVOKED, user, number=number)

    async def accept(self, person: TelegramPerson, code: str) -> User | None:
        """Let a stranger in by the code of a link; None, whatever is wrong with the code, its maker or the stranger."""
        async with self._database.transaction() as connection:
            if await invitations_store.find_by_code(connection, _hash(code)) is None:
                return None  # without waiting for anybody
            await audit.begin(connection)
            invitation = await invitations_store.find_by_code(connection, _hash(code))
            known = await users_store.find_by_telegram_id(connection, person.id)
            if invitation is None or (known is not None and known.blocked_at is not None):
                return None
            try:
                await self._check(connection, invitation.made_by, invitation.role)
            except AccessDenied:
                return None
            user = await users_store.ensure_telegram_user(connection, person, invitation.role)
            if user.blocked_at is not None:
                return None  # since before an erasure
            stays = user.granted if known is None else None
            role = stays if stays is not None and stays in below(invitation.role) else invitation.role
            user = await users_store.grant(connection, user.id, role)
            await invitations_store.count_use(connection, invitation.number)
            await audit.note(
                connection,
                AuditAction.CAME_IN,
                invitation.made_by,
                user.id,
                number=invitation.number,
                role=role.value,
            )
        log.info("came_in", person=str(user.id), invitation=invitation.number)
        return user

    async def _check(self, connection: Connection, maker: UserId, role: Role) -> None:
        """Raise ``AccessDenied`` unless the person may invite with this role now."""
        user = await users_store.find(connection, maker)
        own = None if user is None or user.telegram_id is None else role_of(self._team, user.telegram_id, user)
        if own is None or not may(own, Permission.INVITE) or role not in below(own):
            raise AccessDenied(person=maker, permission=f"invite with the role {role}")


async def _find(connection: Connection, number: int) -> Invitation:
    invitation = await invitations_store.find(connection, number)
    if invitation is None:
        raise NotFound(what=f"invitation {number}")
    return invitation


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
