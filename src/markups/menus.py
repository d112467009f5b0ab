"""The menus: main, storage, system, help."""

from collections.abc import Sequence
from html import escape

import texts.dead_letters
import texts.telegram
from datamodels_telegram import Screen
from markups.callback_data import Action, button


def main_menu(hint: str = "") -> Screen:
    """Show the main menu, below a ``hint`` in HTML if there is one."""
    return Screen(
        text="\n\n".join(filter(None, (hint, texts.telegram.MENU_TITLE))),
        keyboard=(
            (button(texts.telegram.MENU_CHATS, Action.MENU_CHATS),),
            (
                button(texts.telegram.MENU_STORAGE, Action.MENU_STORAGE),
                button(texts.telegram.MENU_REPORTS, Action.SHOW_MY_REPORTS),
            ),
            (
                button(texts.telegram.MENU_SYSTEM, Action.MENU_SYSTEM),
                button(texts.telegram.MENU_HELP, Action.MENU_HELP),
            ),
        ),
    )


def welcome(name: str) -> Screen:
    """Show what a person sees first: what to do, and the main menu."""
    return main_menu(texts.telegram.WELCOME.format(name=escape(name, quote=False)))


def storage_menu() -> Screen:
    return Screen(
        text=texts.telegram.STORAGE_TITLE,
        keyboard=(
            (
                button(texts.telegram.STORAGE_INTERVIEW, Action.MODE_INTERVIEW, 1),
                button(texts.telegram.STORAGE_DESIGN, Action.MODE_DESIGN, 1),
            ),
            (button(texts.telegram.BACK, Action.MENU_MAIN),),
        ),
    )


def system_menu(lines: Sequence[str], letters: int = 0) -> Screen:
    """Show the state of the system, and the way to the dead ``letters`` if there are any; ``lines`` are plain text."""
    text = "\n".join(escape(line, quote=False) for line in lines)
    undelivered = button(texts.dead_letters.BUTTON.format(count=letters), Action.LETTERS, 1)
    return Screen(
        text=f"{texts.telegram.SYSTEM_TITLE}\n\n{text}",
        keyboard=(*([(undelivered,)] if letters else []), (button(texts.telegram.BACK, Action.MENU_MAIN),)),
    )


def help_screen(extensions: str, largest: str, longest: str) -> Screen:
    return Screen(
        text=texts.telegram.HELP.format(extensions=extensions, largest=largest, longest=longest),
        keyboard=((button(texts.telegram.BACK, Action.MENU_MAIN),),),
    )


def status_screen(lines: Sequence[str]) -> Screen:
    """Show the person's work in progress; ``lines`` are plain text, and empty when there is no work."""
    shown = "\n".join(escape(line, quote=False) for line in lines)
    return Screen(
        text=f"{texts.telegram.STATUS_TITLE}\n\n{shown}" if lines else texts.telegram.STATUS_NOTHING,
        keyboard=(
            (button(texts.telegram.MENU_STORAGE, Action.MENU_STORAGE), button(texts.telegram.BACK, Action.MENU_MAIN)),
        ),
    )
