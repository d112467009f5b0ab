"""Roles and permissions: which role a person has, and what each role may do."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import users_store
from config import Settings
from datamodels import Role, User
from datamodels_telegram import TelegramPerson
from db import Connection


class Permission(StrEnum):
    LOOK = "look"
    """See menus, help and one's own lists."""
    ASK = "ask"
    """Ask in chats, begin chats and go from one to another."""
    RECORD = "record"
    """Send recordings and work on them: metadata, reports, deletion. Rename and delete one's own reports and chats."""
    OVERSEE = "oversee"
    """See the figures of everybody."""
    CURATE = "curate"
    """Load the documents that everybody's questions are answered from, list and remove them."""
    INVITE = "invite"
    """See who is of the team; invite people with a lower role and take such invitations back."""
    ALLOT = "allot"
    """Set limits of lower roles and of people who have them; see what everybody has used."""
    GOVERN = "govern"
    """Change roles, block people, read the record of such changes."""
    OPERATE = "operate"
    """See the state of the machine and the dead letters; retry dead letters."""


_GRANTED: dict[Role, frozenset[Permission]] = {
    Role.GUEST: frozenset([Permission.LOOK, Permission.ASK]),
    Role.USER: frozenset([Permission.LOOK, Permission.ASK, Permission.RECORD]),
    Role.ADMIN: frozenset(Permission) - {Permission.GOVERN, Permission.OPERATE},
    Role.SUPER_ADMIN: frozenset(Permission),
}
_FROM_BELOW = tuple(Role)
"""The roles, each below the next."""


def may(role: Role, permission: Permission) -> bool:
    """Tell whether people with ``role`` have ``permission``."""
    return permission in _GRANTED[role]


def below(role: Role) -> tuple[Role, ...]:
    """Return the roles that are lower than ``role``, the lowest first."""
    return _FROM_BELOW[: _FROM_BELOW.index(role)]


@dataclass(frozen=True)
class Team:
    """The Telegram ids that the settings name. ``owner`` is None when they name no owner."""

    owner: int | None
    members: frozenset[int]
    guests: frozenset[int] = frozenset()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(settings.owner_telegram_id, _ids(settings.team_telegram_ids), _ids(settings.guest_telegram_ids))


def role_of(team: Team, telegram_id: int, known: User | None) -> Role | None:
    """Return the role of a person, whose row ``known`` is; None for a stranger and for who is blocked.

    The settings' owner has every right, whatever was granted. For all others a granted role comes before the settings.
    """
    if telegram_id == team.owner:
        return Role.SUPER_ADMIN
    if known is not None and known.blocked_at is not None:
        return None
    if known is not None and known.granted is not None:
        return known.granted
    if telegram_id in team.members:
        return Role.USER
    return Role.GUEST if telegram_id in team.guests else None


async def find_member(connection: Connection, team: Team, person: TelegramPerson) -> User | None:
    """Load a person of the team with today's role, name and role brought up to date; None for a stranger."""
    known = await users_store.find_by_telegram_id(connection, person.id)
    role = role_of(team, person.id, known)
    if role is None:
        return None
    user = await users_store.keep_up(connection, person, role, known)
    if known is not None:
        return user
    # Who was lowered or blocked before an erasure comes back as that.
    role = role_of(team, person.id, user)
    return None if role is None else await users_store.keep_up(connection, person, role, user)


def _ids(written: str) -> frozenset[int]:
    return frozenset(map(int, re.findall(r"\d+", written)))
