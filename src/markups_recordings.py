"""Screens of recordings: the list, the card, deletion, transcripts, the question what a recording is."""

from collections.abc import Mapping, Sequence

import texts
import texts_telegram
import texts_telegram_recordings as words
from constants import NO_SCENARIO
from datamodels import Recording, RecordingId, RecordingMetadata, RecordingProgress, RunStatus, Stage
from datamodels_telegram import Button, Screen
from errors import Cancelled
from markups import Action, button
from markups_text import LONGEST_ON_BUTTON, LONGEST_REASON, escaped, plain
from metadata import metadata_lines
from prompt_pack_models import Scenario
from utils import clock, human_size

RECORDINGS_ON_PAGE = 10
TRANSCRIPT_EXTENSIONS = ("docx", "srt", "vtt", "json")
"""Besides ``txt``, which comes first."""
_LONGEST_LISTED_NAME = 22
"""What is left of a button's width on a phone after number, date and duration."""


def recordings_page(
    scenario: Scenario, page: int, total: int, rows: Sequence[Recording], places: Mapping[RecordingId, str]
) -> Screen:
    """Show one page of a person's recordings of a scenario; ``page`` counts from 1, ``total`` is of all pages."""
    mode = Action(scenario.callback)
    title = words.LIST_TITLE.format(scenario=escaped(scenario.label))
    back = (button(texts_telegram.BACK, Action.MENU_STORAGE),)
    if not rows:
        return Screen(text=f"{title}\n\n{words.LIST_EMPTY}\n{words.LIST_MODE}", keyboard=(back,))
    pages = -(-total // RECORDINGS_ON_PAGE)
    count = words.LIST_COUNT if pages == 1 else words.LIST_PAGE
    counted = count.format(recordings=texts.RECORDING.counted(total), page=page, pages=pages)
    listed = [
        (button(_listed(row, places.get(row.id) or row.file_name), Action.RECORDING, row.number),) for row in rows
    ]
    turn: list[Button] = []
    if page > 1:
        turn.append(button(words.PREVIOUS, mode, page - 1))
    if page < pages:
        turn.append(button(words.NEXT, mode, page + 1))
    return Screen(
        text=f"{title}\n{counted}\n{words.LIST_MODE}",
        keyboard=(*listed, *([tuple(turn)] if turn else []), back),
    )


def recording_card(
    recording: Recording,
    progress: RecordingProgress,
    metadata: RecordingMetadata,
    scenario: Scenario | None,
) -> Screen:
    """Show all about a recording; ``scenario`` is None when only the transcript is wanted."""
    number = recording.number
    card = words.CARD.format(
        number=number,
        file_name=escaped(recording.file_name),
        duration=clock(recording.duration_s),
        size=human_size(recording.size_bytes),
        date=f"{recording.created_at.astimezone():%d.%m.%Y}",
        scenario=words.NO_SCENARIO if scenario is None else escaped(scenario.label),
        status=_status(recording, progress),
    )
    ready = progress.runs.get(RunStatus.DONE, 0)
    blocks = [
        card,
        "\n".join(escaped(line) for line in metadata_lines(metadata)),
        words.REPORTS_READY.format(reports=texts.REPORT.counted(ready)) if ready else "",
    ]
    rows = [
        (
            button(words.PLAY, Action.RECORDING_PLAY, number),
            button(words.TRANSCRIPT, Action.RECORDING_TRANSCRIPT, number),
        ),
        (
            button(words.REPORTS, Action.RECORDING_REPORTS, number),
            button(words.METADATA, Action.RECORDING_METADATA, number),
        ),
        *([(button(words.AGAIN, Action.RECORDING_AGAIN, number),)] if has_stopped(recording) else []),
        (button(words.DELETE, Action.RECORDING_DELETE, number),),
        (back_to_list(scenario),),
    ]
    return Screen(text="\n\n".join(filter(None, blocks)), keyboard=tuple(rows))


def back_to_list(scenario: Scenario | None) -> Button:
    """The button to the list that the recording is in."""
    if scenario is None or scenario.callback not in set(Action):
        return button(texts_telegram.BACK, Action.MENU_STORAGE)
    return button(texts_telegram.BACK, Action(scenario.callback), 1)


def delete_question(recording: Recording, reports: int) -> Screen:
    """Ask before a recording is deleted; ``reports`` are deleted with it."""
    lost = words.LOST_REPORTS.format(reports=texts.REPORT.counted(reports)) if reports else words.LOST
    name = escaped(recording.file_name)
    return Screen(
        text=words.DELETE_QUESTION.format(number=recording.number, file_name=name, lost=lost),
        keyboard=(
            (
                button(words.DELETE_CONFIRM, Action.RECORDING_DELETE_CONFIRM, recording.number),
                button(texts_telegram.CANCEL, Action.RECORDING, recording.number),
            ),
        ),
    )


def deleted(recording: Recording) -> Screen:
    """Tell that a recording is gone."""
    text = words.DELETED.format(number=recording.number, file_name=escaped(recording.file_name))
    return Screen(text=text, keyboard=((button(texts_telegram.BACK, Action.MENU_STORAGE),),))


def which_scenario(recording: Recording, scenarios: Sequence[Scenario], *, for_reports: bool = False) -> Screen:
    """Ask what a recording is. ``for_reports`` says that reports depend on it, and leaves out «no scenario»."""
    question = words.WHICH_SCENARIO_FOR_REPORTS if for_reports else words.WHICH_SCENARIO
    choices = [(each.id, plain(each.label, LONGEST_ON_BUTTON)) for each in scenarios]
    buttons = [tuple(button(label, Action.SCENARIO, recording.number, id_) for id_, label in choices)]
    if not for_reports:
        buttons.append((button(words.NO_SCENARIO, Action.SCENARIO, recording.number, NO_SCENARIO),))
    text = question.format(number=recording.number, file_name=escaped(recording.file_name))
    return Screen(text=text, keyboard=tuple(buttons))


def scenario_chosen(recording_number: int, scenario: Scenario | None) -> Screen:
    """Say what a recording is, in the place of the question."""
    label = words.NO_SCENARIO if scenario is None else escaped(scenario.label)
    return Screen(text=words.SCENARIO_CHOSEN.format(number=recording_number, scenario=label))


def transcript_caption(recording_number: int, file_name: str) -> Screen:
    """What stands under a transcript's file: buttons for its other forms."""
    return Screen(
        text=words.TRANSCRIPT_CAPTION.format(number=recording_number, file_name=escaped(file_name)),
        keyboard=(
            tuple(
                button(extension, Action.TRANSCRIPT_FILE, recording_number, extension)
                for extension in TRANSCRIPT_EXTENSIONS
            ),
        ),
    )


def played_caption(recording: Recording) -> Screen:
    """What stands under an original that is sent back."""
    return Screen(text=words.PLAYED.format(number=recording.number, file_name=escaped(recording.file_name)))


def not_ready(recording: Recording) -> Screen:
    """Say that there is no transcript yet, and what helps."""
    open_button = button(words.OPEN, Action.RECORDING, recording.number)
    if not has_stopped(recording):
        return Screen(text=words.NOT_READY, keyboard=((open_button,),))
    again = button(words.AGAIN, Action.RECORDING_AGAIN, recording.number)
    return Screen(text=words.NOT_READY_FAILED, keyboard=((again,), (open_button,)))


def has_stopped(recording: Recording) -> bool:
    """Whether work on the recording has stopped and nobody but a person will start it again."""
    return recording.error_code is not None and recording.retry_at is None


def _listed(recording: Recording, name: str) -> str:
    return words.LIST_LINE.format(
        icon=_icon(recording),
        number=recording.number,
        name=plain(name, _LONGEST_LISTED_NAME),
        date=f"{recording.created_at.astimezone():%d.%m.%y}",
        duration=clock(recording.duration_s),
    )


def _icon(recording: Recording) -> str:
    if recording.error_code == Cancelled.code_of_class():
        return words.ICON_CANCELLED
    if has_stopped(recording):
        return words.ICON_FAILED
    return words.ICON_DONE if recording.stage is Stage.DONE else words.ICON_WORKING


def _status(recording: Recording, progress: RecordingProgress) -> str:
    if recording.error_code == Cancelled.code_of_class():
        return words.STATUS_CANCELLED
    if recording.error_code is not None:
        text = words.STATUS_FAILED if recording.retry_at is None else words.STATUS_RETRY
        return text.format(reason=escaped(recording.error_text or "", LONGEST_REASON))
    if recording.stage is Stage.PREPARED and progress.parts_total:
        return words.STATUS_PARTS.format(done=progress.parts_done, total=progress.parts_total)
    return words.STATUS[recording.stage]
