"""The card of what waits for a person, and the buttons that lead there."""

from collections.abc import Sequence

import texts.telegram
import texts.waiting
from datamodels_telegram import Keyboard, Screen
from markups.callback_data import Action, button
from markups.text import escaped
from metadata.waiting import Waiting

_MOST_LINES = 40
_LONGEST_NAME = 40
_IN_ROW = 2


def waiting_card(waiting: Sequence[Waiting]) -> Screen:
    """Show what waits for a person, a line and a button each."""
    text = waiting_text(waiting) if waiting else texts.waiting.NOTHING
    return Screen(text=text, keyboard=(*waiting_buttons(waiting), (button(texts.telegram.BACK, Action.MENU_MAIN),)))


def waiting_text(waiting: Sequence[Waiting]) -> str:
    """Return the lines of the card; those beyond what fits are counted."""
    lines = [
        texts.waiting.LINE.format(
            number=each.number, name=escaped(each.name, _LONGEST_NAME), what=texts.waiting.WHAT[each.what]
        )
        for each in waiting[:_MOST_LINES]
    ]
    if len(waiting) > _MOST_LINES:
        lines.append(texts.waiting.MORE.format(count=len(waiting) - _MOST_LINES))
    return "\n".join([texts.waiting.TITLE.format(count=len(waiting)), "", *lines])


def waiting_buttons(waiting: Sequence[Waiting]) -> Keyboard:
    """Return the buttons of the card, two in a row."""
    buttons = [
        button(texts.waiting.OPEN[each.what].format(number=each.number), Action.GO_ON, each.number)
        for each in waiting[:_MOST_LINES]
    ]
    return tuple(tuple(buttons[start : start + _IN_ROW]) for start in range(0, len(buttons), _IN_ROW))


def waiting_row(count: int, label: str = texts.waiting.BUTTON) -> Keyboard:
    """Return a row that leads to the card; none when nothing waits."""
    return ((button(label.format(count=count), Action.WAITING),),) if count else ()
