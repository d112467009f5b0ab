"""Screens of the people of the team, their roles, and the record of changes."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import texts.access
import texts.erasures
import texts.limits
import texts.telegram
from datamodels import Role
from datamodels_telegram import Button, Screen
from limits.values import Resource
from limits.words import in_words
from markups.callback_data import Action, button, word_of
from markups.text import LONGEST_REASON, escaped, plain
from sign_in.audit import AuditEntry, AuditPage, Verdict
from sign_in.people import FILTERS, PeoplePage, Person
from sign_in.people_store import EVERYBODY
from system.local_time import local

PEOPLE_ON_PAGE = 10
ENTRIES_ON_PAGE = 20


def people_page(page: PeoplePage, wanted: str) -> Screen:
    """Show one page of the people of one filter, and the other filters."""
    pages = max(1, -(-page.total // PEOPLE_ON_PAGE))
    text = texts.access.PEOPLE_TITLE.format(filter=texts.access.FILTERS[wanted], total=page.total)
    if pages > 1:
        text = f"{text}\n{texts.access.PAGE.format(page=page.page, pages=pages)}"
    others = [button(texts.access.FILTERS[each], Action.ACCESS_USERS_MENU, each, 1) for each in FILTERS]
    return Screen(
        text=text,
        keyboard=(
            *_listed(page.people),
            *turns(page.page, pages, Action.ACCESS_USERS_MENU, wanted),
            tuple(others[:3]),
            tuple(others[3:]),
            (button(texts.access.SEARCH, Action.PEOPLE_SEARCH),),
            (button(texts.telegram.BACK, Action.MENU_ACCESS),),
        ),
    )


def search_question() -> Screen:
    return Screen(text=texts.access.SEARCH_QUESTION, keyboard=(_to_people(),))


def people_found(people: Sequence[Person]) -> Screen:
    """Show who was found; there may be more than are shown."""
    text = texts.access.FOUND if people else texts.access.NOBODY_FOUND
    invite = [] if people else [(button(texts.access.INVITE, Action.INVITE),)]
    again = (button(texts.access.SEARCH, Action.PEOPLE_SEARCH),)
    return Screen(text=text, keyboard=(*_listed(people), *invite, again, _to_people()))


def person_card(person: Person, *, may_change: bool, may_erase: bool = False) -> Screen:
    """Show a person; ``may_change`` offers the change of role and the block, ``may_erase`` the erasure."""
    role = texts.access.STATES[_state(person)]
    if person.role is not None:
        source = texts.access.BY_SETTINGS if person.by_settings or person.is_owner else texts.access.GRANTED
        role = source.format(role=texts.telegram.ROLES[person.role])
    text = texts.access.PERSON_CARD.format(
        name=escaped(person.name) or texts.access.NAMELESS,
        telegram_id=person.telegram_id,
        role=role,
        date=f"{local(person.came_at):%d.%m.%Y}",
    )
    rows: list[tuple[Button, ...]] = []
    word = word_of(person.id)
    if may_change and person.is_blocked:
        rows = [(button(texts.access.UNBLOCK, Action.PERSON_UNBLOCK, word),)]
    elif may_change:
        rows = [
            (button(texts.access.CHANGE_ROLE, Action.PERSON_ROLE, word),),
            (button(texts.access.BLOCK, Action.PERSON_BLOCK, word),),
        ]
    if may_change:
        rows.append((button(texts.access.AUDIT, Action.AUDIT, word, 1),))
    if may_erase:
        rows.append((button(texts.erasures.BUTTON, Action.PERSON_ERASE, word),))
    limits = (button(texts.limits.BUTTON, Action.PERSON_LIMITS, word),)
    return Screen(text=text, keyboard=(limits, *rows, _to_people()))


def person_role_question(person: Person) -> Screen:
    """Ask for a person's new role."""
    word = word_of(person.id)
    roles = [role for role in Role if role is not person.role]
    rows = tuple((button(texts.telegram.ROLES[role].capitalize(), Action.PERSON_ROLE, word, role),) for role in roles)
    text = texts.access.ROLE_QUESTION.format(name=escaped(person.name))
    return Screen(text=text, keyboard=(*rows, (button(texts.telegram.CANCEL, Action.PERSON, word),)))


def block_question(person: Person) -> Screen:
    """Ask before a person is blocked."""
    word = word_of(person.id)
    row = (
        button(texts.access.BLOCK_CONFIRM, Action.PERSON_BLOCK_CONFIRM, word),
        button(texts.telegram.CANCEL, Action.PERSON, word),
    )
    return Screen(text=texts.access.BLOCK_QUESTION.format(name=escaped(person.name)), keyboard=(row,))


def security_menu() -> Screen:
    return Screen(
        text=texts.access.SECURITY_TITLE,
        keyboard=(
            (button(texts.access.AUDIT, Action.AUDIT, 1),),
            (button(texts.access.AUDIT_VERIFY, Action.AUDIT_VERIFY),),
            (button(texts.access.AUDIT_EXPORT, Action.AUDIT_EXPORT),),
            (button(texts.telegram.BACK, Action.MENU_ACCESS),),
        ),
    )


class AuditWords(NamedTuple):
    """The filters of the record, as words of its buttons; "" for one that is not set."""

    person: str = ""
    group: str = ""
    since: str = ""

    @property
    def set(self) -> tuple[str, ...]:
        return tuple(filter(None, self))


def audit_page(page: AuditPage, words: AuditWords, person: str | None = None) -> Screen:
    """Show one page of the record of changes, and its filters; ``person`` is the name of whom it is narrowed to."""
    pages = max(1, -(-page.total // ENTRIES_ON_PAGE))
    lines = "\n".join(escaped(entry_text(each), LONGEST_REASON) for each in page.entries) or texts.access.AUDIT_EMPTY
    title = texts.access.AUDIT_TITLE.format(page=page.page, pages=pages)
    if person is not None:
        title = f"{title}\n{texts.access.AUDIT_OF.format(name=escaped(person, _LONGEST_NAME))}"
    groups = [_choice(label, word, words, "group") for word, (label, _) in texts.access.AUDIT_GROUPS.items()]
    since = tuple(_choice(label, word, words, "since") for word, (label, _) in texts.access.AUDIT_SINCE.items())
    everybody = button(texts.access.AUDIT_EVERYBODY, Action.AUDIT, *words._replace(person="").set, 1)
    return Screen(
        text=f"{title}\n\n{lines}",
        keyboard=(
            *turns(page.page, pages, Action.AUDIT, *words.set),
            tuple(groups[:2]),
            tuple(groups[2:]),
            since,
            *([(everybody,)] if words.person else []),
            (button(texts.telegram.BACK, Action.ACCESS_SECURITY_MENU),),
        ),
    )


def _choice(label: str, word: str, words: AuditWords, name: str) -> Button:
    """Return the button that sets a filter, or takes it off where it is set."""
    is_set = word in words
    text = texts.access.AUDIT_CHOSEN.format(filter=label) if is_set else label
    return button(text, Action.AUDIT, *words._replace(**{name: "" if is_set else word}).set, 1)


def verdict_text(verdict: Verdict) -> str:
    """Return in words, plain text, whether the record is as it was written."""
    text = texts.access.AUDIT_WHOLE if verdict.broken is None else texts.access.AUDIT_BROKEN
    cut = texts.access.AUDIT_CUT.format(number=verdict.cut) if verdict.cut else ""
    return text.format(rows=verdict.rows, broken=verdict.broken, head=verdict.head, cut=cut)


def verdict_screen(verdict: Verdict) -> Screen:
    back = (button(texts.telegram.BACK, Action.ACCESS_SECURITY_MENU),)
    return Screen(text=escaped(verdict_text(verdict)), keyboard=(back,))


_DETAILS = ("number", "role", "uses", "before", "after", "up_to", "resource")
"""What the words of an action may name."""


def entry_text(entry: AuditEntry) -> str:
    """Return a row of the record in words, plain text."""
    details = {
        name: texts.telegram.ROLES.get(str(value), value) or texts.access.NO_ROLE
        for name, value in entry.details.items()
    }
    if (named := str(entry.details.get("resource", ""))) in set(Resource):
        details |= {name: _amount(Resource(named), entry.details.get(name, "")) for name in ("before", "after")}
        details["resource"] = texts.limits.NAMES[named]
    who = _name(entry.actor_name, texts.access.SOMEBODY if entry.actor is None else texts.erasures.GONE)
    whom = _name(entry.subject_name, texts.erasures.GONE)
    what = texts.access.AUDIT_ACTIONS.get(entry.action, entry.action)
    what = what.format_map(
        {**dict.fromkeys(("number", "role", "uses", "before", "after", "up_to", "resource"), "?"), **details}
    )
    told = texts.access.AUDIT_LINE.format(
        number=entry.number, when=f"{local(entry.at):%d.%m.%y %H:%M}", who=who, what=what
    )
    return told if entry.subject is None else f"{told}: {whom}"


def _name(name: str | None, otherwise: str) -> str:
    return plain(name, _LONGEST_NAME) if name else otherwise


def _amount(resource: Resource, told: str | int) -> str:
    return in_words(resource, Decimal(told)) if told else texts.limits.NO_LIMIT


_LONGEST_NAME = 40


def _listed(people: Sequence[Person]) -> list[tuple[Button, ...]]:
    return [(button(_line(each), Action.PERSON, word_of(each.id)),) for each in people]


def _line(person: Person) -> str:
    role = texts.telegram.ROLES[person.role] if person.role is not None else texts.access.STATES[_state(person)]
    name = plain(person.name, _LONGEST_NAME) or texts.access.NAMELESS
    return texts.access.PERSON_LINE.format(name=name, role=role)


def _state(person: Person) -> str:
    return "blocked" if person.is_blocked else "left"


def turns(page: int, pages: int, action: Action, *words: str | int) -> list[tuple[Button, ...]]:
    """Return the row that turns the pages of a list; none when there is one page."""
    turns = [(texts.access.PREVIOUS, page - 1), (texts.access.NEXT, page + 1)]
    row = tuple(button(sign, action, *words, to) for sign, to in turns if 1 <= to <= pages)
    return [row] if row else []


def _to_people() -> tuple[Button, ...]:
    return (button(texts.telegram.BACK, Action.ACCESS_USERS_MENU, EVERYBODY, 1),)
