"""Screens of who may come in: the menu of access, the invitations, one of them, and the making of one."""

from collections.abc import Sequence
from datetime import datetime

import texts.access
import texts.limits
import texts.telegram
from datamodels import Role
from datamodels_telegram import Button, Screen
from limits.values import Resource
from markups.callback_data import Action, button
from markups.text import escaped, plain
from sign_in.invitations import USES
from sign_in.invitations_store import Invitation
from system.local_time import local


def access_menu(people: int, invitations: int, *, governs: bool) -> Screen:
    """Show what there is of people and invitations; the record of changes to who ``governs``."""
    security = [(button(texts.access.SECURITY, Action.ACCESS_SECURITY_MENU),)] if governs else []
    return Screen(
        text=texts.access.TITLE.format(people=people, invitations=invitations),
        keyboard=(
            (button(texts.access.PEOPLE, Action.ACCESS_USERS_MENU, "all", 1),),
            (button(texts.access.INVITATIONS, Action.ACCESS_INVITATIONS_MENU),),
            (
                button(texts.limits.USES_BUTTON, Action.USES, Resource.SOUND, 1),
                button(texts.limits.ROLES_BUTTON, Action.ROLE_LIMITS),
            ),
            *security,
            (button(texts.telegram.BACK, Action.MENU_SYSTEM),),
        ),
    )


def invitations_menu(invitations: Sequence[Invitation]) -> Screen:
    """List the invitations that let people in."""
    none = "" if invitations else f"\n\n{texts.access.INVITATIONS_NONE}"
    return Screen(
        text=f"{texts.access.INVITATIONS_TITLE}\n{texts.access.INVITATIONS_ABOUT}{none}",
        keyboard=(
            *((button(plain(_line(each)), Action.INVITATION, each.number),) for each in invitations),
            (button(texts.access.INVITE, Action.INVITE),),
            (button(texts.telegram.BACK, Action.MENU_ACCESS),),
        ),
    )


def role_question(roles: Sequence[Role]) -> Screen:
    """Ask with which of ``roles`` somebody is to be invited."""
    rows = tuple((button(texts.telegram.ROLES[role].capitalize(), Action.INVITE, role),) for role in roles)
    return Screen(text=texts.access.CHOOSE_ROLE, keyboard=(*rows, _back()))


def uses_question(role: Role) -> Screen:
    """Ask how many people an invitation is for."""
    row = tuple(button(texts.access.USES[uses], Action.INVITE, role, uses) for uses in USES)
    return Screen(text=texts.access.CHOOSE_USES.format(role=texts.telegram.ROLES[role]), keyboard=(row, _back()))


def invitation_message(invitation: Invitation, link: str) -> Screen:
    """Show a new invitation with its link, below the picture of the link."""
    text = texts.access.MADE.format(
        number=invitation.number,
        role=texts.telegram.ROLES[invitation.role],
        uses=invitation.uses,
        until=_time(invitation.expires_at),
        link=link,
    )
    return Screen(text=text)


def invitation_card(invitation: Invitation) -> Screen:
    """Show an invitation with its revocation."""
    text = texts.access.INVITATION_CARD.format(
        number=invitation.number,
        role=texts.telegram.ROLES[invitation.role],
        used=invitation.used,
        uses=invitation.uses,
        created=_time(invitation.created_at),
        person=escaped(invitation.made_by_name),
        until=_time(invitation.expires_at),
    )
    return Screen(
        text=text,
        keyboard=((button(texts.access.REVOKE, Action.INVITATION_REVOKE, invitation.number),), _back()),
    )


def _line(invitation: Invitation) -> str:
    return texts.access.INVITATION_LINE.format(
        number=invitation.number,
        role=texts.telegram.ROLES[invitation.role],
        used=invitation.used,
        uses=invitation.uses,
        until=_time(invitation.expires_at),
    )


def _time(time: datetime) -> str:
    return f"{local(time):%d.%m %H:%M}"


def _back() -> tuple[Button, ...]:
    return (button(texts.telegram.BACK, Action.ACCESS_INVITATIONS_MENU),)
