"""The menus (main, storage, system), the help, and the state of the person's work and of the machine."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

import texts.access
import texts.across
import texts.avatars
import texts.cards
import texts.dead_letters
import texts.documents
import texts.editing
import texts.speeches
import texts.takeout
import texts.telegram
import texts.voice_notes
from datamodels_telegram import Keyboard, Screen
from machine import MachineState
from markups.callback_data import Action, button
from markups.text import LONGEST_REASON, escaped
from markups.waiting import waiting_buttons, waiting_row, waiting_text
from metadata.waiting import Waiting
from reports.takeout.service import Contents
from system.local_time import local
from texts.errors_in_chats import chat_text


def main_menu(hint: str, waiting: int, *, avatars: bool) -> Screen:
    """Show the main menu, below a ``hint`` in HTML if there is one; ``waiting`` counts what waits for the person.

    The entry of ``avatars`` is there where there are some.
    """
    return Screen(
        text="\n\n".join(filter(None, (hint, texts.telegram.MENU_TITLE))),
        keyboard=(
            *waiting_row(waiting),
            (button(texts.telegram.MENU_CHATS, Action.MENU_CHATS),),
            (button(texts.across.BUTTON, Action.ACROSS),),
            (
                button(texts.telegram.MENU_STORAGE, Action.MENU_STORAGE),
                button(texts.telegram.MENU_REPORTS, Action.SHOW_MY_REPORTS),
            ),
            *([(button(texts.avatars.BUTTON, Action.AVATARS),)] if avatars else []),
            (
                button(texts.telegram.MENU_SYSTEM, Action.MENU_SYSTEM),
                button(texts.telegram.MENU_HELP, Action.MENU_HELP),
            ),
        ),
    )


def welcome_text(name: str, *, may_record: bool) -> str:
    """Return what a person reads first, above the main menu, in HTML. ``name`` is empty when it is not known."""
    addressed = texts.telegram.WELCOME_NAME.format(name=escape(name, quote=False)) if name else ""
    text = texts.telegram.WELCOME if may_record else texts.telegram.WELCOME_GUEST
    return text.format(name=addressed)


def storage_menu(*, documents: bool = False, glossary: bool = False, speeches: bool = False) -> Screen:
    """Show what is stored: recordings, to who may change them the ``glossary`` and ``documents``, and ``speeches``."""
    return Screen(
        text=texts.telegram.STORAGE_TITLE,
        keyboard=(
            (
                button(texts.telegram.STORAGE_INTERVIEW, Action.MODE_INTERVIEW, 1),
                button(texts.telegram.STORAGE_DESIGN, Action.MODE_DESIGN, 1),
                button(texts.telegram.STORAGE_MEETING, Action.MODE_MEETING, 1),
            ),
            (
                button(texts.telegram.STORAGE_NO_KIND, Action.MODE_NONE, 1),
                button(texts.telegram.STORAGE_ALL, Action.MODE_ALL, 1),
            ),
            *([(button(texts.documents.BUTTON, Action.DOCUMENTS, 1),)] if documents else []),
            *([(button(texts.editing.GLOSSARY, Action.GLOSSARY),)] if glossary else []),
            *([(button(texts.speeches.MY, Action.SPEECHES, 1),)] if speeches else []),
            (button(texts.takeout.BUTTON, Action.TAKEOUT),),
            (button(texts.telegram.BACK, Action.MENU_MAIN),),
        ),
    )


def takeout_menu(contents: Contents) -> Screen:
    """Offer what a person can take along."""
    back = (button(texts.telegram.BACK, Action.MENU_STORAGE),)
    if not any(contents):
        return Screen(text=texts.takeout.NOTHING, keyboard=(back,))
    text = texts.takeout.TITLE.format(recordings=texts.units.RECORDING.counted(contents.transcripts))
    files = [button(texts.takeout.ARCHIVE, Action.TAKEOUT_FILE, "zip")]
    if contents.transcripts:
        text = f"{text}\n{texts.takeout.TITLE_QDPX}"
        files.append(button(texts.takeout.QDPX, Action.TAKEOUT_FILE, "qdpx"))
    return Screen(text=text, keyboard=(tuple(files), back))


def takeout_progress(order: int, done: int, total: int) -> Screen:
    """Show how many recordings are in the file that is being made; ``total`` is 0 while nobody has counted them."""
    counted = texts.takeout.COUNTED.format(done=done, total=total) if total else ""
    cancel = (button(texts.cards.CANCEL, Action.TAKEOUT_CANCEL, order),)
    return Screen(text=texts.takeout.PROGRESS.format(counted=counted), keyboard=(cancel,))


def takeout_cancelled() -> Screen:
    return Screen(text=texts.takeout.CANCELLED)


def takeout_failed(extension: str, code: str, reason: str) -> Screen:
    """Say why there is no file, with a button to try once more."""
    text = texts.takeout.FAILED.format(reason=escaped(chat_text(code, reason), LONGEST_REASON))
    return Screen(text=text, keyboard=((button(texts.cards.RETRY_BUTTON, Action.TAKEOUT_FILE, extension),),))


def system_menu(lines: Sequence[str], letters: int = 0, *, invites: bool = False) -> Screen:
    """Show the state of the system, ``lines`` of plain text, and a button to the dead ``letters`` if there are any.

    Who ``invites`` comes to the people of the team from here.
    """
    access = [(button(texts.access.BUTTON, Action.MENU_ACCESS),)] if invites else []
    text = "\n".join(escape(line, quote=False) for line in lines)
    return Screen(
        text=f"{texts.telegram.SYSTEM_TITLE}\n\n{text}",
        keyboard=(
            (button(texts.voice_notes.BUTTON, Action.MY_SETTINGS),),
            *access,
            *_undelivered(letters),
            (button(texts.telegram.BACK, Action.MENU_MAIN),),
        ),
    )


def help_screen(extensions: str, largest: str, longest: str, *, may_record: bool) -> Screen:
    """Tell what a person can do; who ``may_record`` is told of recordings, too."""
    text = texts.telegram.HELP if may_record else texts.telegram.HELP_GUEST
    return Screen(
        text=text.format(extensions=extensions, largest=largest, longest=longest),
        keyboard=((button(texts.telegram.BACK, Action.MENU_MAIN),),),
    )


def status_screen(
    lines: Sequence[str],
    waiting: Sequence[Waiting] = (),
    machine: MachineState | None = None,
    letters: int = 0,
    little_left: Sequence[str] = (),
    avatars: Keyboard = (),
    *,
    may_record: bool,
) -> Screen:
    """Show the work in progress, what waits for the person, and the state of the ``machine`` unless that is None.

    ``lines`` are plain text, and empty when there is no work. ``machine`` and ``letters``, the number of dead letters,
    are for the owner only. ``little_left`` says of which limits little is left, ``avatars`` lead to those at work.
    """
    shown = "\n".join(escape(line, quote=False) for line in lines)
    blocks = [texts.telegram.STATUS_TITLE.format(count=len(lines)), shown, waiting_text(waiting) if waiting else ""]
    if not any(blocks[1:]):
        blocks.append(texts.telegram.STATUS_NOTHING if may_record else texts.telegram.STATUS_NOTHING_GUEST)
    blocks.append("\n".join(escape(line, quote=False) for line in little_left))
    if machine is not None:
        blocks.append(_told_state(machine))
    return Screen(
        text="\n\n".join(filter(None, blocks)),
        keyboard=(
            *waiting_buttons(waiting),
            *avatars,
            *_undelivered(letters),
            (button(texts.telegram.MENU_STORAGE, Action.MENU_STORAGE), button(texts.telegram.BACK, Action.MENU_MAIN)),
        ),
    )


def _undelivered(letters: int) -> Keyboard:
    return ((button(texts.dead_letters.BUTTON.format(count=letters), Action.LETTERS, 1),),) if letters else ()


def state_screen(machine: MachineState) -> Screen:
    """Show only the state of the machine, for a time without a database."""
    return Screen(text=_told_state(machine))


def _told_state(machine: MachineState) -> str:
    lines = []
    if machine.database is not None:
        how = texts.telegram.STATE_ABSENCES[machine.database.kind]
        lines.append(texts.telegram.STATE_DATABASE.format(how=how, since=_moment(machine.database.since)))
    for name, since in machine.engines_down.items():
        engine = texts.telegram.ENGINES.get(name, name)
        lines.append(texts.telegram.STATE_ENGINE.format(engine=engine, since=_moment(since)))
    lines = lines or [texts.telegram.STATE_WELL]
    lines.append(texts.telegram.STATE_JOURNAL.format(count=machine.journaled))
    conversations = machine.conversations
    if conversations.backlog:
        said = texts.telegram.STATE_CONVERSATIONS
        lines.append(said.format(count=conversations.backlog, since=_moment(conversations.since)))
    waiting = machine.outbox
    if waiting is not None and waiting.since is not None:
        lines.append(texts.telegram.STATE_OUTBOX.format(count=waiting.count, since=_moment(waiting.since)))
    elif waiting is not None:
        lines.append(texts.telegram.STATE_OUTBOX_EMPTY)
    return "\n".join([texts.telegram.STATE_TITLE, *lines])


def _moment(at: datetime) -> str:
    return f"{local(at):%d.%m.%Y %H:%M}"
