"""«Мои настройки»: what a person can set for themselves, and the language of one recording."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import texts.erasures
import texts.takeout
import texts.telegram
import texts.voice_notes
from datamodels import Recording, User
from datamodels_telegram import Button, Screen
from markups.callback_data import Action, button
from markups.text import LONGEST_REASON, escaped
from metadata.dates import LONGEST_QUOTED
from recordings.preferences import PersonSettings
from recordings.time_zones import zone_label
from system.local_time import local
from text_cleaning import folded, one_line, preview
from texts.transcript import LANGUAGES

DEFAULT = "default"
"""Stands in a button for what nobody has set."""
_IN_A_ROW = 3


def settings_screen(settings: PersonSettings, user: User, *, may_record: bool, note: str = "") -> Screen:
    """Show who a person is here and what they have set, below a ``note`` in HTML.

    Who sends no recordings has a time zone and notifications alone.
    """
    zone = settings.time_zone
    text = texts.voice_notes.TITLE.format(
        zone=texts.voice_notes.OF_INSTALLATION if zone is None else zone_label(zone),
        now=f"{local(datetime.now(UTC)):%H:%M}",
        language=language_name(settings.language),
        voice_notes=texts.voice_notes.VOICE_NOTES[settings.voice_notes],
        quiet=texts.voice_notes.QUIET[settings.quiet],
    )
    rows: list[tuple[Button, ...]] = [
        (
            button(texts.voice_notes.ZONE_BUTTON, Action.MY_ZONE),
            button(texts.voice_notes.QUIET_BUTTON, Action.MY_QUIET),
        )
    ]
    if may_record:
        rows.append((button(texts.voice_notes.LANGUAGE_BUTTON, Action.MY_LANGUAGE),))
        rows.append((button(texts.voice_notes.VOICE_BUTTON, Action.MY_VOICE_NOTES),))
    else:
        text = "\n".join(text.split("\n")[:-2])
    role = texts.telegram.ROLES[user.role]
    text = f"{text}\n{texts.voice_notes.PROFILE.format(role=role, since=f'{local(user.created_at):%d.%m.%Y}')}"
    text = f"{note}\n\n{text}" if note else text
    own = (button(texts.takeout.BUTTON, Action.TAKEOUT), button(texts.erasures.MY_BUTTON, Action.MY_ERASE))
    return Screen(text=text, keyboard=(*rows, own, (button(texts.telegram.BACK, Action.MENU_SYSTEM),)))


def zone_question(problem: str = "") -> Screen:
    """Ask for the zone, below what was wrong with a typed one."""
    choices = [(word, label) for word, (_, label) in texts.voice_notes.ZONES.items()]
    rows = _rows(button(label, Action.MY_ZONE, word) for word, label in choices)
    default = (button(texts.voice_notes.OF_INSTALLATION.capitalize(), Action.MY_ZONE, DEFAULT),)
    text = f"❌ {escaped(problem, LONGEST_REASON)}\n\n" if problem else ""
    return Screen(text=text + texts.voice_notes.ZONE_QUESTION, keyboard=(default, *rows, _back()))


def understood(typed: str, zone: str) -> str:
    """Return in HTML how a typed zone was understood; "" when it was typed by its name."""
    typed, label = one_line(typed), zone_label(zone)
    if folded(typed) == folded(label):
        return ""
    return texts.voice_notes.ZONE_UNDERSTOOD.format(value=escaped(preview(typed, LONGEST_QUOTED)), zone=label)


def language_question() -> Screen:
    rows = _rows(button(name, Action.MY_LANGUAGE, code) for code, name in LANGUAGES.items())
    default = (button(texts.voice_notes.DETECTED.capitalize(), Action.MY_LANGUAGE, DEFAULT),)
    return Screen(text=texts.voice_notes.LANGUAGE_QUESTION, keyboard=(default, *rows, _back()))


def voice_question() -> Screen:
    choices = texts.voice_notes.VOICE_BUTTONS.items()
    row = tuple(button(label, Action.MY_VOICE_NOTES, word) for word, label in choices)
    return Screen(text=texts.voice_notes.VOICE_QUESTION, keyboard=(row, _back()))


def quiet_question() -> Screen:
    """Ask when messages come without a sound."""
    choices = texts.voice_notes.QUIET_BUTTONS.items()
    rows = [(button(label, Action.MY_QUIET, word),) for word, label in choices]
    return Screen(text=texts.voice_notes.QUIET_QUESTION, keyboard=(*rows, _back()))


def recording_language_question(recording: Recording) -> Screen:
    """Ask for the language of one recording."""
    number = recording.number
    text = texts.voice_notes.RECORDING_LANGUAGE_QUESTION.format(
        number=number, file_name=escaped(recording.file_name), language=language_name(recording.request.language)
    )
    rows = _rows(button(name, Action.RECORDING_LANGUAGE, number, code) for code, name in LANGUAGES.items())
    default = (button(texts.voice_notes.DETECTED.capitalize(), Action.RECORDING_LANGUAGE, number, DEFAULT),)
    back = (button(texts.telegram.BACK, Action.RECORDING, number),)
    return Screen(text=text, keyboard=(default, *rows, back))


def language_name(code: str | None) -> str:
    """Return how people call a language; None is one that is detected."""
    return texts.voice_notes.DETECTED if code is None else LANGUAGES.get(code, code)


def _rows(buttons: Iterable[Button]) -> Sequence[tuple[Button, ...]]:
    listed = list(buttons)
    return [tuple(listed[start : start + _IN_A_ROW]) for start in range(0, len(listed), _IN_A_ROW)]


def _back() -> tuple[Button]:
    return (button(texts.telegram.BACK, Action.MY_SETTINGS),)
