"""Who is who, and who may do what: one table, asked in one place, the router."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from config import Settings
from datamodels import Role, User


class Permission(StrEnum):
    LOOK = "look"
    """Menus, help, one's own lists."""
    RECORD = "record"
    """Send recordings and work on them: metadata, reports, deletion."""


_GRANTED: dict[Role, frozenset[Permission]] = {
    Role.GUEST: frozenset([Permission.LOOK]),
    Role.USER: frozenset([Permission.LOOK, Permission.RECORD]),
    Role.ADMIN: frozenset([Permission.LOOK, Permission.RECORD]),
    Role.SUPER_ADMIN: frozenset(Permission),
}


def may(role: Role, permission: Permission) -> bool:
    """Tell whether people of this role may do this."""
    return permission in _GRANTED[role]


_RANKS = tuple(Role)
"""From the least to the most."""


@dataclass(frozen=True)
class Team:
    """The Telegram ids that the settings name. ``owner`` is None as long as nobody has put theirs there."""

    owner: int | None
    members: frozenset[int]

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(settings.owner_telegram_id, frozenset(map(int, re.findall(r"\d+", settings.team_telegram_ids))))


def role_of(team: Team, telegram_id: int, known: User | None) -> Role | None:
    """Tell the role of a person: the highest of what the settings and the database say; None for a stranger."""
    roles = [] if known is None else [known.role]
    if telegram_id == team.owner:
        roles.append(Role.SUPER_ADMIN)
    if telegram_id in team.members:
        roles.append(Role.USER)
    return max(roles, key=_RANKS.index, default=None)
