"""Roles and permissions: which role a person has, and what each role may do."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from config import Settings
from datamodels import Role


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
    OPERATE = "operate"
    """See the state of the machine and the dead letters; retry dead letters."""


_GRANTED: dict[Role, frozenset[Permission]] = {
    Role.GUEST: frozenset([Permission.LOOK, Permission.ASK]),
    Role.USER: frozenset([Permission.LOOK, Permission.ASK, Permission.RECORD]),
    Role.ADMIN: frozenset([Permission.LOOK, Permission.ASK, Permission.RECORD, Permission.OVERSEE, Permission.CURATE]),
    Role.SUPER_ADMIN: frozenset(Permission),
}


def may(role: Role, permission: Permission) -> bool:
    """Tell whether people with ``role`` have ``permission``."""
    return permission in _GRANTED[role]


@dataclass(frozen=True)
class Team:
    """The Telegram ids that the settings name. ``owner`` is None when they name no owner."""

    owner: int | None
    members: frozenset[int]
    guests: frozenset[int] = frozenset()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(settings.owner_telegram_id, _ids(settings.team_telegram_ids), _ids(settings.guest_telegram_ids))


def role_of(team: Team, telegram_id: int) -> Role | None:
    """Return the role of a person; None for a stranger. A person who is removed from the settings loses the role."""
    if telegram_id == team.owner:
        return Role.SUPER_ADMIN
    if telegram_id in team.members:
        return Role.USER
    return Role.GUEST if telegram_id in team.guests else None


def _ids(written: str) -> frozenset[int]:
    return frozenset(map(int, re.findall(r"\d+", written)))
