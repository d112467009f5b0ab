"""Screens of a recording's metadata: a question, the confirmation card, the choice of a field to change."""

from collections.abc import Sequence

import texts.metadata
import texts.telegram
import texts.telegram_metadata
from datamodels import BuildingType, RecordingMetadata, ScenarioId
from datamodels_telegram import Button, Keyboard, MessageKind, Screen
from dialogs import Step
from markups.callback_data import Action, button
from markups.text import LONGEST_REASON, escaped
from metadata.fields import PROMPTS, Field, fields_of, shown, title
from metadata.form import ASKED, EDITED, FormTurn
from metadata.parsing import FieldProblem

_FIELDS_IN_ROW = 2
_TRIES_BEFORE_HINT = 3


def form_kind(turn: FormTurn) -> MessageKind:
    return MessageKind.CONFIRMATION if turn.dialog.step is Step.CONFIRM_DATA else MessageKind.INPUT_REQUEST


def form_screen(turn: FormTurn) -> Screen:
    """Show where a person is in the form: a question, or the confirmation."""
    recording, step = turn.recording, turn.dialog.step
    hint = turn.dialog.tries >= _TRIES_BEFORE_HINT
    if step in ASKED:
        return question(recording.number, ASKED[step], turn.reason, hint=hint)
    if step in EDITED:
        return edit_question(recording.number, EDITED[step], turn.metadata, turn.reason, hint=hint)
    scenario = recording.request.scenario
    return confirmation(recording.number, recording.file_name, scenario, turn.metadata, buttons_only=turn.buttons_only)


def question(recording_number: int, field: Field, reason: str | None = None, *, hint: bool = False) -> Screen:
    """Ask for a missing field, after the ``reason`` why the last reply was not accepted.

    ``hint`` points to the button that skips the field.
    """
    skip = (
        button(texts.telegram_metadata.SKIP, Action.SKIP_FIELD, recording_number, field),
        button(texts.telegram_metadata.SKIP_ALL, Action.SKIP_ALL_FIELDS, recording_number),
    )
    text = _question(recording_number, field, reason, texts.telegram_metadata.HINT_SKIP if hint else None)
    return Screen(text=text, keyboard=(*_buildings(recording_number, field), skip))


def edit_question(
    recording_number: int, field: Field, metadata: RecordingMetadata, reason: str | None = None, *, hint: bool = False
) -> Screen:
    """Ask for another value of a field, after the ``reason`` why the last reply was not accepted.

    ``hint`` points to the button that leads back.
    """
    text = _question(recording_number, field, reason, texts.telegram_metadata.HINT_BACK if hint else None)
    now = shown(field, metadata)
    if now is not None:
        text = f"{text}\n{texts.telegram_metadata.NOW.format(value=escaped(now))}"
    back = (button(texts.telegram.BACK, Action.BACK_TO_CONFIRM, recording_number),)
    return Screen(text=text, keyboard=(*_buildings(recording_number, field), back))


def confirmation(
    recording_number: int,
    file_name: str,
    scenario: ScenarioId,
    metadata: RecordingMetadata,
    *,
    buttons_only: bool = False,
) -> Screen:
    """Show every field of the scenario to be confirmed or changed.

    With ``buttons_only``, the screen begins by saying that typed replies are not accepted here.
    """
    lines = [
        texts.telegram_metadata.LINE.format(
            field=title(field), value=escaped(shown(field, metadata) or texts.telegram_metadata.NOT_GIVEN)
        )
        for field in fields_of(scenario)
    ]
    card = texts.telegram_metadata.CONFIRMATION.format(
        number=recording_number, file_name=escaped(file_name), lines="\n".join(lines)
    )
    return Screen(
        text=f"{texts.telegram_metadata.PRESS_A_BUTTON}\n\n{card}" if buttons_only else card,
        keyboard=(
            (
                button(texts.telegram_metadata.CONFIRM, Action.CONFIRM_DATA, recording_number),
                button(texts.telegram_metadata.EDIT, Action.EDIT_DATA, recording_number),
            ),
        ),
    )


def caption_problems(recording_number: int, problems: Sequence[FieldProblem]) -> Screen:
    """Say what in the caption could not be parsed."""
    lines = (
        texts.telegram_metadata.CAPTION_PROBLEM.format(field=each.field, reason=escaped(each.reason, LONGEST_REASON))
        for each in problems
    )
    return Screen(
        text=texts.telegram_metadata.CAPTION_PROBLEMS.format(number=recording_number, problems="\n".join(lines))
    )


def edit_menu(recording_number: int, scenario: ScenarioId) -> Screen:
    """Offer one button per field of the scenario."""
    buttons = [
        button(_capitalised(title(field)), edit_action(field), recording_number) for field in fields_of(scenario)
    ]
    rows = tuple(tuple(buttons[start : start + _FIELDS_IN_ROW]) for start in range(0, len(buttons), _FIELDS_IN_ROW))
    back = (button(texts.telegram.BACK, Action.BACK_TO_CONFIRM, recording_number),)
    return Screen(text=texts.telegram_metadata.EDIT_TITLE.format(number=recording_number), keyboard=(*rows, back))


def edit_action(field: Field) -> Action:
    """Return the action of the button that changes a field."""
    return Action(f"edit_{field}")


def building_buttons(action: Action, *arguments: str | int) -> tuple[Button, ...]:
    """Return a button for each building type; its callback data has the type, then the ``arguments``."""
    return tuple(button(texts.metadata.BUILDINGS[each], action, each, *arguments) for each in BuildingType)


def _question(recording_number: int, field: Field, reason: str | None, hint: str | None) -> str:
    asked = texts.telegram_metadata.QUESTION.format(number=recording_number, question=PROMPTS[field])
    problem = None if reason is None else texts.telegram_metadata.PROBLEM.format(reason=escaped(reason, LONGEST_REASON))
    return "\n".join(line for line in (problem, hint, asked) if line)


def _buildings(recording_number: int, field: Field) -> Keyboard:
    if field is not Field.BUILDING_TYPE:
        return ()
    return (building_buttons(Action.SET_BUILDING, recording_number),)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
