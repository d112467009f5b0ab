"""Screens of the erasure of a person: what would go, who could take over, the last question, the end."""

import texts.erasures
import texts.telegram
from datamodels import User
from datamodels_telegram import Button, Screen
from markups.callback_data import Action, button, word_of
from markups.people import turns
from markups.text import escaped, plain
from sign_in.erasures import Doomed, HeirsPage, Standing
from sign_in.erasures_store import Possessions

HEIRS_ON_PAGE = 8
_LONGEST_NAME = 40
_NOT_GIVEN = {"questions": 0, "avatars": 0}


def erase_question(doomed: Doomed, *, own: bool) -> Screen:
    """Tell what would go with a person, and ask for what becomes of it."""
    words = () if own else (word_of(doomed.user.id),)
    what = texts.erasures.WHAT.format(counted=_counted(doomed.has) or texts.erasures.NOTHING_COUNTED)
    title = texts.erasures.MY_QUESTION if own else texts.erasures.QUESTION
    if doomed.inherited.can_be_given:
        what = f"{what}\n\n{texts.erasures.INHERITED_BEFORE.format(counted=_counted(doomed.inherited))}"
    rows: list[tuple[Button, ...]] = []
    if doomed.has.can_be_given or doomed.inherited.can_be_given:
        rows = [(button(texts.erasures.GIVE, Action.MY_HEIRS if own else Action.ERASE_HEIRS, *words, 1),)]
    ask = Action.MY_ERASE_ASK if own else Action.ERASE_ASK
    label = texts.erasures.ERASE_INHERITED if doomed.inherited.can_be_given else texts.erasures.ERASE_ALL
    return Screen(
        text=f"{title.format(name=_name(doomed.user), what=what)}\n\n{texts.erasures.CHOICE}",
        keyboard=(*rows, (button(label, ask, *words),), _back(doomed.user, own=own)),
    )


def heirs_screen(user: User, page: HeirsPage, *, own: bool) -> Screen:
    """Ask who takes over from ``user``."""
    words = () if own else (word_of(user.id),)
    ask, turn = (Action.MY_ERASE_ASK, Action.MY_HEIRS) if own else (Action.ERASE_ASK, Action.ERASE_HEIRS)
    rows = [
        (button(plain(heir.name, _LONGEST_NAME) or str(heir.telegram_id), ask, *words, heir.telegram_id),)
        for heir in page.heirs
        if heir.telegram_id is not None
    ]
    text = texts.erasures.HEIRS if rows else texts.erasures.NO_HEIRS
    return Screen(text=text, keyboard=(*rows, *turns(page.page, page.pages, turn, *words), _back(user, own=own)))


def last_question(doomed: Doomed, heir: User | None, *, own: bool) -> Screen:
    """Ask for the last time."""
    user = doomed.user
    words: list[str | int] = [] if own else [word_of(user.id)]
    if heir is not None and heir.telegram_id is not None:
        words.append(heir.telegram_id)
    erases, gives = (
        (texts.erasures.MY_LAST_ALL, texts.erasures.MY_LAST_GIVE)
        if own
        else (texts.erasures.LAST_ALL, texts.erasures.LAST_GIVE)
    )
    text = (erases if heir is None else gives).format(name=_name(user), heir=_name(heir) if heir else "")
    if heir is None and doomed.inherited.can_be_given:
        text = f"{text}\n\n{texts.erasures.INHERITED_GOES.format(counted=_counted(doomed.inherited))}"
    yes = button(texts.erasures.CONFIRM, Action.MY_ERASE_YES if own else Action.ERASE_YES, *words)
    return Screen(text=text, keyboard=((yes,), _back(user, own=own)))


def erasure_ordered() -> Screen:
    return Screen(text=texts.erasures.ORDERED)


def erasure_stands(stands: Standing, user: User | None = None) -> Screen:
    """Tell what was ordered before and stands; from here it goes back to the card of ``user``."""
    text = texts.erasures.STANDS_ALL if stands.heir is None else texts.erasures.STANDS_GIVE
    return Screen(
        text=text.format(heir=_name(stands.heir) if stands.heir else ""),
        keyboard=() if user is None else (_back(user, own=False),),
    )


def erasure_ended(*, given: bool) -> Screen:
    return Screen(text=texts.erasures.GIVEN if given else texts.erasures.ERASED)


def what_was_inherited(gives: Possessions) -> Screen:
    """Tell an heir what they have got."""
    return Screen(text=texts.erasures.INHERITED.format(counted=_counted(gives.model_copy(update=_NOT_GIVEN))))


def _counted(has: Possessions) -> str:
    counts = has.model_dump()
    return ", ".join(text.format(count=counts[name]) for name, text in texts.erasures.COUNTED.items() if counts[name])


def _name(user: User) -> str:
    return escaped(user.name, _LONGEST_NAME) or str(user.telegram_id)


def _back(user: User, *, own: bool) -> tuple[Button]:
    if own:
        return (button(texts.telegram.CANCEL, Action.MY_SETTINGS),)
    return (button(texts.telegram.CANCEL, Action.PERSON, word_of(user.id)),)
