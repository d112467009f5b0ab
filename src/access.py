"""Who may do what: one table, asked in one place, the router."""

from enum import StrEnum

from datamodels import Role


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
