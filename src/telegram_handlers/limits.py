"""Limits of people and roles, and what people have used: for those who may set limits."""

from dataclasses import dataclass
from decimal import Decimal

import texts.limits
from access import Permission
from datamodels import Role, UserId
from datamodels_telegram import MessageKind, Screen
from errors import OutdatedButton
from limits.values import LIMITED_ROLES, Resource
from markups.callback_data import Action, Press, id_of
from markups.limits import (
    AS_ROLE,
    CHOICES,
    NO_LIMIT,
    USES_ON_PAGE,
    person_limit_question,
    person_limits,
    role_choice,
    role_limit_question,
    role_limits,
    uses_page,
)
from message_tracker import MessageTracker
from sign_in.allowances import LimitSettings
from telegram_handlers.context import Context, Routes
from telegram_handlers.shared import show


@dataclass(frozen=True)
class LimitHandlers:
    """Shows and sets limits."""

    messages: MessageTracker
    limits: LimitSettings

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.USES: (Permission.ALLOT, self._uses),
                Action.PERSON_LIMITS: (Permission.ALLOT, self._person),
                Action.PERSON_LIMIT: (Permission.ALLOT, self._person_limit),
                Action.ROLE_LIMITS: (Permission.ALLOT, self._role),
                Action.ROLE_LIMIT: (Permission.ALLOT, self._role_limit),
            }
        )

    async def _uses(self, context: Context, press: Press) -> None:
        resource = _resource_of(press, press.word)
        await self._show(context, uses_page(resource, await self.limits.uses(resource, press.number, USES_ON_PAGE)))

    async def _person(self, context: Context, press: Press) -> None:
        await self._show(context, person_limits(await self.limits.of(context.user.id, UserId(id_of(press)))))

    async def _person_limit(self, context: Context, press: Press) -> None:
        """Ask for the amount; once it is chosen, set it."""
        person, resource = UserId(id_of(press)), _resource_of(press, *press.words[1:2])
        chosen = press.words[2:]
        if not chosen and not press.numbers:
            limits = await self.limits.of(context.user.id, person)
            shown = person_limit_question(limits, resource) if limits.may_change else person_limits(limits)
            await self._show(context, shown)
            return
        amount = None if chosen else _amount_of(press, resource)
        if chosen and chosen[0] not in {NO_LIMIT, AS_ROLE}:
            raise OutdatedButton(data=press.action)
        own = chosen[:1] != (AS_ROLE,)
        await self.limits.set_for_person(context.user.id, person, resource, amount, own=own)
        await context.answer(texts.limits.SET)
        await self._person(context, press)

    async def _role(self, context: Context, press: Press) -> None:
        if not press.words:
            await self._show(context, role_choice(await self.limits.roles(context.user.id)))
            return
        role = _role_of(press)
        await self._show(context, role_limits(await self.limits.of_role(context.user.id, role)))

    async def _role_limit(self, context: Context, press: Press) -> None:
        """Ask for the amount; once it is chosen, set it."""
        role, resource = _role_of(press), _resource_of(press, *press.words[1:2])
        chosen = press.words[2:]
        if not chosen and not press.numbers:
            limits = await self.limits.of_role(context.user.id, role)
            await self._show(context, role_limit_question(role, resource) if limits.may_change else role_limits(limits))
            return
        if chosen and chosen[0] != NO_LIMIT:
            raise OutdatedButton(data=press.action)
        amount = None if chosen else _amount_of(press, resource)
        await self.limits.set_for_role(context.user.id, role, resource, amount)
        await context.answer(texts.limits.SET)
        await self._show(context, role_limits(await self.limits.of_role(context.user.id, role)))

    async def _show(self, context: Context, screen: Screen) -> None:
        await show(self.messages, context, MessageKind.MENU, screen)


def _resource_of(press: Press, word: str = "") -> Resource:
    if word not in set(Resource):
        raise OutdatedButton(data=press.action)
    return Resource(word)


def _role_of(press: Press) -> Role:
    word = "".join(press.words[:1])
    if word not in set(LIMITED_ROLES):
        raise OutdatedButton(data=press.action)
    return Role(word)


def _amount_of(press: Press, resource: Resource) -> Decimal:
    if press.number not in CHOICES[resource]:
        raise OutdatedButton(data=press.action)
    return Decimal(press.number)
