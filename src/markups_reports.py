"""Screens of reports: what can be ordered, for which building type, and what came of it."""

from collections.abc import Sequence

import texts
import texts_telegram
import texts_telegram_recordings as words
from datamodels_telegram import Screen
from markups import Action, button
from markups_metadata import building_buttons
from markups_text import LONGEST_ON_BUTTON, escaped, plain
from prompt_pack_models import ReportType

ALL_REPORTS = "all"
"""In the place of a report's id: every report of the scenario."""


def reports_menu(recording_number: int, file_name: str, reports: Sequence[ReportType], note: str = "") -> Screen:
    """Offer the reports of a recording's scenario, below a ``note`` in HTML when there is something to say."""
    choices = [
        (button(plain(report.label, LONGEST_ON_BUTTON), Action.REPORT, report.id, recording_number),)
        for report in reports
    ]
    question = words.CHOOSE_REPORTS.format(number=recording_number, file_name=escaped(file_name))
    return Screen(
        text="\n\n".join(filter(None, (note, question))),
        keyboard=(
            *choices,
            (button(words.REPORTS_ALL, Action.REPORTS_ALL, recording_number),),
            (button(words.TRANSCRIPT_ONLY, Action.TRANSCRIPT_ONLY, recording_number),),
            (button(texts_telegram.BACK, Action.RECORDING, recording_number),),
        ),
    )


def choose_building(recording_number: int, wanted: int | str) -> Screen:
    """Ask for the building type that a report depends on.

    ``wanted`` is the report's place in its scenario, from 1, or ``ALL_REPORTS``: with an id the data could be too long.
    """
    return Screen(
        text=words.CHOOSE_BUILDING,
        keyboard=(
            building_buttons(Action.CHOOSE_BUILDING, recording_number, wanted),
            (button(texts_telegram.BACK, Action.CHOOSE_REPORTS, recording_number),),
        ),
    )


def ordered(recording_number: int, labels: Sequence[str], *, demonstration: bool) -> Screen:
    """Say what was ordered, in the place of the menu. ``demonstration`` tells what to expect of the built-in model."""
    named = escaped(labels[0]) if len(labels) == 1 else texts.REPORT.counted(len(labels))
    text = words.ORDERED.format(number=recording_number, reports=named)
    return Screen(
        text=f"{text}\n\n{words.DEMO_MODEL}" if demonstration else text,
        keyboard=((button(words.MORE_REPORTS, Action.CHOOSE_REPORTS, recording_number),),),
    )


def no_language_model(recording_number: int) -> Screen:
    """Say that reports are switched off, and that nothing is lost."""
    return Screen(
        text=words.NO_LANGUAGE_MODEL,
        keyboard=((button(words.OPEN, Action.RECORDING, recording_number),),),
    )


def transcript_only(recording_number: int) -> Screen:
    """Say that no reports were ordered, and where they are when they are wanted."""
    return Screen(
        text=words.TRANSCRIPT_ONLY_CHOSEN.format(number=recording_number),
        keyboard=((button(words.OPEN, Action.RECORDING, recording_number),),),
    )
