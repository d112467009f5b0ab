"""Screens of recordings: the list, the card, deletion, transcripts, the question for the scenario."""

from collections.abc import Mapping, Sequence

import texts.cards
import texts.editing
import texts.sharing
import texts.telegram
import texts.telegram_recordings
import texts.units
import texts.voice_notes
from constants import NO_SCENARIO
from datamodels import (
    Recording,
    RecordingId,
    RecordingMetadata,
    RecordingProgress,
    RunStatus,
    ScenarioId,
    Stage,
    Visibility,
)
from datamodels_telegram import Button, Keyboard, Screen
from errors import Cancelled
from markups.callback_data import Action, button
from markups.settings import language_name
from markups.text import LONGEST_ON_BUTTON, LONGEST_REASON, escaped, plain
from metadata.parsing import metadata_lines
from prompt_pack.models import Scenario
from recordings.lookup import has_stopped, is_ready
from system.local_time import local
from texts.errors_in_chats import chat_text
from transcript_formats import OTHER_FORMATS
from utils import clock, human_size

RECORDINGS_ON_PAGE = 10
_LONGEST_LISTED_NAME = 22
"""Characters that fit on a button on a phone beside number, date and duration."""


def recordings_page(
    mode: Action,
    kind: str,
    page: int,
    total: int,
    rows: Sequence[Recording],
    places: Mapping[RecordingId, str],
    *,
    may_record: bool = True,
) -> Screen:
    """Show one page of a person's recordings of a kind; ``mode`` is the action that leads to its pages.

    ``page`` counts from 1, ``total`` counts the recordings of all pages. A recording is listed by its place if
    ``places`` has one, else by its file name.
    """
    title = texts.telegram_recordings.LIST_TITLE.format(kind=escaped(kind))
    back = (button(texts.telegram.BACK, Action.MENU_STORAGE),)
    if not rows:
        empty = texts.telegram_recordings.LIST_EMPTY if may_record else texts.telegram_recordings.LIST_EMPTY_GUEST
        return Screen(
            text=f"{title}\n\n{empty}",
            keyboard=(back,),
        )
    pages = -(-total // RECORDINGS_ON_PAGE)
    count = texts.telegram_recordings.LIST_COUNT if pages == 1 else texts.telegram_recordings.LIST_PAGE
    counted = count.format(recordings=texts.units.RECORDING.counted(total), page=page, pages=pages)
    listed = [
        (button(_listed(row, places.get(row.id) or row.file_name), Action.RECORDING, row.number),) for row in rows
    ]
    turn: list[Button] = []
    if page > 1:
        turn.append(button(texts.telegram_recordings.PREVIOUS, mode, page - 1))
    if page < pages:
        turn.append(button(texts.telegram_recordings.NEXT, mode, page + 1))
    return Screen(
        text=f"{title}\n{counted}",
        keyboard=(*listed, *([tuple(turn)] if turn else []), back),
    )


def recording_card(
    recording: Recording,
    progress: RecordingProgress,
    metadata: RecordingMetadata,
    scenario: Scenario | None,
    origin: str = "",
    *,
    kind_is_asked: bool = False,
    little_left: Sequence[str] = (),
) -> Screen:
    """Show a recording with its actions; ``scenario`` is None when only the transcript is wanted, or while it is asked.

    ``origin`` is who wrote the message that brought it, "" when that was its owner.
    ``little_left`` says of which limits little is left.
    """
    number = recording.number
    kind = texts.telegram_recordings.KIND_ASKED if kind_is_asked else texts.telegram_recordings.NO_SCENARIO
    card = texts.telegram_recordings.CARD.format(
        number=number,
        file_name=escaped(recording.file_name),
        duration=clock(recording.duration_s),
        size=human_size(recording.size_bytes),
        date=f"{local(recording.created_at):%d.%m.%Y}",
        scenario=kind if scenario is None else escaped(scenario.label),
        found_by=texts.telegram_recordings.FOUND_BY[recording.visibility],
        status=_status(recording, progress),
    )
    ready = progress.runs.get(RunStatus.DONE, 0)
    blocks = [
        card,
        texts.telegram_recordings.ORIGIN.format(origin=escaped(origin)) if origin else "",
        "\n".join(escaped(line) for line in metadata_lines(metadata)),
        texts.telegram_recordings.REPORTS_READY.format(reports=texts.units.REPORT.counted(ready)) if ready else "",
        "\n".join(map(escaped, little_left)),
    ]
    return Screen(text="\n\n".join(filter(None, blocks)), keyboard=_actions(recording, scenario, has_reports=ready > 0))


def _actions(recording: Recording, scenario: Scenario | None, *, has_reports: bool) -> Keyboard:
    number = recording.number
    corrections = (
        button(texts.editing.SPEAKERS_BUTTON, Action.SPEAKERS, number),
        button(texts.editing.WORDS_BUTTON, Action.WORDS, number),
    )
    rows = [
        (
            *(() if is_ready(recording) else (button(texts.telegram_recordings.PLAY, Action.RECORDING_PLAY, number),)),
            button(texts.telegram_recordings.TRANSCRIPT, Action.RECORDING_TRANSCRIPT, number),
        ),
        (
            button(texts.telegram_recordings.REPORTS, Action.RECORDING_REPORTS, number),
            button(texts.telegram_recordings.METADATA, Action.RECORDING_METADATA, number),
            button(texts.telegram_recordings.KIND, Action.RECORDING_KIND, number),
        ),
        corrections if recording.stage is Stage.DONE else (),
        () if is_ready(recording) else (_switch_language(recording),),
        (button(texts.telegram_recordings.WRITTEN, Action.RECORDING_WRITTEN, number),) if has_reports else (),
        (button(texts.telegram_recordings.AGAIN, Action.RECORDING_AGAIN, number),) if has_stopped(recording) else (),
        (button(texts.sharing.BUTTON, Action.SHARE, number, 1),) if recording.visibility is Visibility.PRIVATE else (),
        (_switch_visibility(recording), button(texts.telegram_recordings.DELETE, Action.RECORDING_DELETE, number)),
        (back_to_list(scenario),),
    ]
    return tuple(filter(None, rows))


def _switch_language(recording: Recording) -> Button:
    language = language_name(recording.request.language)
    label = texts.voice_notes.RECORDING_LANGUAGE_BUTTON.format(language=language)
    return button(label, Action.RECORDING_LANGUAGE, recording.number)


def _switch_visibility(recording: Recording) -> Button:
    other = Visibility.PRIVATE if recording.visibility is Visibility.TEAM else Visibility.TEAM
    label = texts.telegram_recordings.SWITCH_VISIBILITY[other]
    return button(label, Action.RECORDING_VISIBILITY, recording.number, other)


def back_to_list(scenario: Scenario | None) -> Button:
    """Return the button to the list that the recording is in."""
    if scenario is None:
        return button(texts.telegram.BACK, Action.MODE_NONE, 1)
    if scenario.callback not in set(Action):
        return button(texts.telegram.BACK, Action.MODE_ALL, 1)
    return button(texts.telegram.BACK, Action(scenario.callback), 1)


def delete_question(recording: Recording, reports: int) -> Screen:
    """Ask before a recording is deleted; ``reports`` is how many reports are deleted with it."""
    lost = (
        texts.telegram_recordings.LOST_REPORTS.format(reports=texts.units.REPORT.counted(reports))
        if reports
        else texts.telegram_recordings.LOST
    )
    name = escaped(recording.file_name)
    return Screen(
        text=texts.telegram_recordings.DELETE_QUESTION.format(number=recording.number, file_name=name, lost=lost),
        keyboard=(
            (
                button(texts.telegram_recordings.DELETE_CONFIRM, Action.RECORDING_DELETE_CONFIRM, recording.number),
                button(texts.telegram.CANCEL, Action.RECORDING, recording.number),
            ),
        ),
    )


def deleted(number: int, file_name: str) -> Screen:
    """Say that a recording was deleted."""
    text = texts.telegram_recordings.DELETED.format(number=number, file_name=escaped(file_name))
    return Screen(text=text, keyboard=((button(texts.telegram.BACK, Action.MENU_STORAGE),),))


def which_scenario(recording: Recording, scenarios: Sequence[Scenario], *, for_reports: bool = False) -> Screen:
    """Ask for a recording's scenario; with ``for_reports``, say that reports need it, and leave out «no scenario»."""
    question = (
        texts.telegram_recordings.WHICH_SCENARIO_FOR_REPORTS
        if for_reports
        else texts.telegram_recordings.WHICH_SCENARIO
    )
    choices = [(each.id, plain(each.label, LONGEST_ON_BUTTON)) for each in scenarios]
    buttons = [tuple(button(label, Action.SCENARIO, recording.number, id_) for id_, label in choices)]
    if not for_reports:
        buttons.append((button(texts.telegram_recordings.NO_SCENARIO, Action.SCENARIO, recording.number, NO_SCENARIO),))
    text = question.format(number=recording.number, file_name=escaped(recording.file_name))
    return Screen(text=text, keyboard=tuple(buttons))


def kind_question(recording: Recording, scenarios: Sequence[Scenario]) -> Screen:
    """Ask for the right kind of a recording."""
    choices = [(each.id, plain(each.label, LONGEST_ON_BUTTON)) for each in scenarios]
    choices.append((ScenarioId(NO_SCENARIO), texts.telegram_recordings.NO_SCENARIO))
    rows = [(button(label, Action.RECORDING_KIND, recording.number, id_),) for id_, label in choices]
    text = texts.telegram_recordings.KIND_QUESTION.format(
        number=recording.number, file_name=escaped(recording.file_name)
    )
    back = (button(texts.telegram.BACK, Action.RECORDING, recording.number),)
    return Screen(text=text, keyboard=(*rows, back))


def scenario_chosen(recording_number: int, scenario: Scenario | None) -> Screen:
    """Say which scenario was chosen; replaces the question."""
    label = texts.telegram_recordings.NO_SCENARIO if scenario is None else escaped(scenario.label)
    return Screen(text=texts.telegram_recordings.SCENARIO_CHOSEN.format(number=recording_number, scenario=label))


def transcript_caption(recording_number: int, file_name: str) -> Screen:
    """Return the caption of a transcript's file, with buttons for the other formats."""
    return Screen(
        text=texts.telegram_recordings.TRANSCRIPT_CAPTION.format(number=recording_number, file_name=escaped(file_name)),
        keyboard=(
            tuple(
                button(each.label, Action.TRANSCRIPT_FILE, recording_number, each.extension) for each in OTHER_FORMATS
            ),
        ),
    )


def played_caption(recording: Recording) -> Screen:
    """Return the caption of an original that is sent back."""
    return Screen(
        text=texts.telegram_recordings.PLAYED.format(number=recording.number, file_name=escaped(recording.file_name))
    )


def not_ready(recording: Recording) -> Screen:
    """Say that there is no transcript yet, and what to do."""
    open_button = button(texts.telegram_recordings.OPEN, Action.RECORDING, recording.number)
    if not has_stopped(recording):
        return Screen(text=texts.telegram_recordings.NOT_READY, keyboard=((open_button,),))
    again = button(texts.telegram_recordings.AGAIN, Action.RECORDING_AGAIN, recording.number)
    return Screen(text=texts.telegram_recordings.NOT_READY_FAILED, keyboard=((again,), (open_button,)))


def _listed(recording: Recording, name: str) -> str:
    return texts.telegram_recordings.LIST_LINE.format(
        icon=_icon(recording),
        number=recording.number,
        name=plain(name, _LONGEST_LISTED_NAME),
        date=f"{local(recording.created_at):%d.%m.%y}",
        duration=clock(recording.duration_s),
    )


def _icon(recording: Recording) -> str:
    if recording.error_code == Cancelled.code:
        return texts.telegram_recordings.ICON_CANCELLED
    if has_stopped(recording):
        return texts.telegram_recordings.ICON_FAILED
    return (
        texts.telegram_recordings.ICON_DONE if recording.stage is Stage.DONE else texts.telegram_recordings.ICON_WORKING
    )


def _status(recording: Recording, progress: RecordingProgress) -> str:
    if recording.error_code == Cancelled.code:
        return texts.telegram_recordings.STATUS_CANCELLED
    if recording.error_code is not None:
        told = escaped(chat_text(recording.error_code, recording.error_text), LONGEST_REASON)
        if recording.retry_at is None:
            return texts.telegram_recordings.STATUS_FAILED.format(reason=told)
        reason = texts.cards.RETRY_REASONS.get(recording.error_code, told)
        return texts.telegram_recordings.STATUS_RETRY.format(reason=reason)
    if recording.stage is Stage.PREPARED and progress.parts_total:
        return texts.telegram_recordings.STATUS_PARTS.format(done=progress.parts_done, total=progress.parts_total)
    return texts.telegram_recordings.STATUS[recording.stage]
