"""Screens of limits: of a person, of a role, and who has used how much."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import texts.access
import texts.limits
import texts.telegram
from datamodels import Role
from datamodels_telegram import Button, Screen
from limits.values import Allowance, PersonUse, Resource
from limits.words import in_words
from markups.callback_data import Action, button, word_of
from markups.text import escaped, plain
from sign_in.allowances import LimitsOf, LimitsOfRole, UsePage

USES_ON_PAGE = 10
NO_LIMIT, AS_ROLE = "none", "role"
"""In the place of an amount: no limit at all, and that of the role."""
CHOICES: Mapping[Resource, Sequence[int]] = {
    Resource.SOUND: (3600, 5 * 3600, 20 * 3600, 50 * 3600),
    Resource.TOKENS: (500_000, 2_000_000, 10_000_000, 50_000_000),
    Resource.MONEY: (1, 5, 20, 100),
    Resource.QUESTIONS: (50, 200, 1000, 5000),
    Resource.STORAGE: (1 << 30, 5 << 30, 20 << 30, 100 << 30),
}
"""The amounts that can be chosen."""
_LONGEST_NAME = 40


def person_limits(limits: LimitsOf) -> Screen:
    """Show a person's limits and what counts against each; who may change them has a button for each."""
    lines = "\n".join(map(_line, limits.allowances))
    title = texts.limits.PERSON_TITLE.format(name=escaped(limits.name) or texts.access.NAMELESS)
    word = word_of(limits.person)
    rows = _resources(Action.PERSON_LIMIT, word) if limits.may_change else ()
    return Screen(text=f"{title}\n\n{lines}", keyboard=(*rows, (button(texts.telegram.BACK, Action.PERSON, word),)))


def person_limit_question(limits: LimitsOf, resource: Resource) -> Screen:
    """Ask for a person's limit of a resource."""
    word = word_of(limits.person)
    text = texts.limits.CHOOSE_PERSON.format(
        resource=texts.limits.NAMES[resource], name=escaped(limits.name) or texts.access.NAMELESS
    )
    others = (
        button(texts.limits.NO_LIMIT.capitalize(), Action.PERSON_LIMIT, word, resource, NO_LIMIT),
        button(texts.limits.AS_ROLE, Action.PERSON_LIMIT, word, resource, AS_ROLE),
    )
    back = (button(texts.telegram.BACK, Action.PERSON_LIMITS, word),)
    return Screen(text=text, keyboard=(*_amounts(Action.PERSON_LIMIT, word, resource), others, back))


def role_choice(roles: Sequence[Role]) -> Screen:
    """Ask whose limits to show."""
    rows = tuple((button(texts.telegram.ROLES[role].capitalize(), Action.ROLE_LIMITS, role),) for role in roles)
    return Screen(text=texts.limits.WHICH_ROLE, keyboard=(*rows, (button(texts.telegram.BACK, Action.MENU_ACCESS),)))


def role_limits(of: LimitsOfRole) -> Screen:
    """Show the limits of a role; who may change them has a button for each."""
    role, limits, may_change = of
    lines = "\n".join(
        texts.limits.ROLE_LINE.format(
            name=texts.limits.NAMES[each],
            limit=in_words(each, limits[each]) if each in limits else texts.limits.NO_LIMIT,
        )
        for each in Resource
    )
    title = texts.limits.ROLE_TITLE.format(role=texts.telegram.ROLES[role])
    back = (button(texts.telegram.BACK, Action.ROLE_LIMITS),)
    return Screen(
        text=f"{title}\n\n{lines}", keyboard=(*(_resources(Action.ROLE_LIMIT, role) if may_change else ()), back)
    )


def role_limit_question(role: Role, resource: Resource) -> Screen:
    """Ask for the limit of a role."""
    text = texts.limits.CHOOSE_ROLE.format(resource=texts.limits.NAMES[resource], role=texts.telegram.ROLES[role])
    none = (button(texts.limits.NO_LIMIT.capitalize(), Action.ROLE_LIMIT, role, resource, NO_LIMIT),)
    back = (button(texts.telegram.BACK, Action.ROLE_LIMITS, role),)
    return Screen(text=text, keyboard=(*_amounts(Action.ROLE_LIMIT, role, resource), none, back))


def uses_page(resource: Resource, page: UsePage) -> Screen:
    """Show who has used how much of a resource, the most first, and the other resources."""
    when = texts.limits.USES_NOW if resource is Resource.STORAGE else texts.limits.USES_MONTH
    text = texts.limits.USES_TITLE.format(resource=texts.limits.NAMES[resource], when=when, total=page.total)
    pages = max(1, -(-page.total // USES_ON_PAGE))
    turns = [(texts.access.PREVIOUS, page.page - 1), (texts.access.NEXT, page.page + 1)]
    turn = tuple(button(sign, Action.USES, resource, to) for sign, to in turns if 1 <= to <= pages)
    others = tuple(button(texts.limits.NAMES[each], Action.USES, each, 1) for each in Resource if each is not resource)
    return Screen(
        text=text if page.people else f"{text}\n\n{texts.limits.USES_NONE}",
        keyboard=(
            *((button(_use(resource, each), Action.PERSON_LIMITS, word_of(each.id)),) for each in page.people),
            *((turn,) if turn else ()),
            others[:2],
            others[2:],
            (button(texts.telegram.BACK, Action.MENU_ACCESS),),
        ),
    )


def _line(allowance: Allowance) -> str:
    text = texts.limits.LINE_FREE if allowance.limit is None else texts.limits.LINE
    return text.format(
        name=texts.limits.NAMES[allowance.resource],
        used=in_words(allowance.resource, allowance.used),
        limit=in_words(allowance.resource, allowance.limit or Decimal(0)),
        source=texts.limits.SOURCE_OWN if allowance.is_own else "",
    )


def _use(resource: Resource, use: PersonUse) -> str:
    name = plain(use.name, _LONGEST_NAME) or texts.access.NAMELESS
    return texts.limits.USE_LINE.format(name=name, used=in_words(resource, use.used))


def _resources(action: Action, whose: str) -> tuple[tuple[Button, ...], ...]:
    buttons = [button(texts.limits.NAMES[each], action, whose, each) for each in Resource]
    return tuple(buttons[:2]), tuple(buttons[2:])


def _amounts(action: Action, whose: str, resource: Resource) -> tuple[tuple[Button, ...], ...]:
    buttons = [button(in_words(resource, Decimal(each)), action, whose, resource, each) for each in CHOICES[resource]]
    return tuple(buttons[:2]), tuple(buttons[2:])
