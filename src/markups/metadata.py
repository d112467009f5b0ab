"""Screens of a recording's metadata: the card with all fields, and the question for one of them."""

from collections.abc import Collection, Sequence

import texts.metadata
import texts.telegram
import texts.telegram_metadata
import texts.waiting
from datamodels import BuildingType
from datamodels_telegram import Button, Keyboard, MessageKind, Screen
from dialogs import Step
from markups.callback_data import Action, button
from markups.text import LONGEST_REASON, escaped
from markups.waiting import waiting_row
from metadata.defaults import TAKEN_OVER
from metadata.fields import PROMPTS, Field, fields_of, missing, shown, title
from metadata.form import ASKED, EDITED, FormTurn, Reading
from metadata.parsing import FieldProblem

_FIELDS_IN_ROW = 2
_TRIES_BEFORE_HINT = 3
_LONGEST_QUOTED = 200


FORM_KINDS = (MessageKind.CONFIRMATION, MessageKind.INPUT_REQUEST)
"""The kinds of a form's messages."""


def form_kind(turn: FormTurn) -> MessageKind:
    return MessageKind.CONFIRMATION if turn.dialog.step is Step.CONFIRM_DATA else MessageKind.INPUT_REQUEST


def form_screen(turn: FormTurn) -> Screen:
    """Show where a person is in the form: a question, or the card with all fields."""
    if turn.dialog.doubted:
        return _doubt(turn)
    if turn.dialog.step in ASKED:
        return _question(turn, ASKED[turn.dialog.step])
    if turn.dialog.step in EDITED:
        return _edit_question(turn, EDITED[turn.dialog.step])
    return form_card(turn)


def form_card(turn: FormTurn, *, to_change: bool = False) -> Screen:
    """Show every field of the scenario, to be confirmed.

    While a required field is empty, or ``to_change``, every field has a button; else one button leads to these.
    """
    number, scenario = turn.recording.number, turn.recording.request.scenario
    lacking = missing(scenario, turn.metadata)
    card = texts.telegram_metadata.CONFIRMATION.format(
        number=number,
        file_name=escaped(turn.recording.file_name),
        lines="\n".join(_line(turn, field) for field in fields_of(scenario)),
    )
    notes = [_offered(turn), _lacking(lacking) if lacking else ""]
    confirm = button(texts.telegram_metadata.CONFIRM, Action.CONFIRM_DATA, number)
    if lacking:
        in_turn = [button(texts.telegram_metadata.FILL_IN, Action.FILL_IN, number)] if len(lacking) > 1 else []
        rows = (*_field_buttons(turn, lacking), (confirm, *in_turn))
    elif to_change:
        rows = (*_field_buttons(turn, ()), (button(texts.telegram.BACK, Action.BACK_TO_CONFIRM, number),))
    else:
        rows = ((confirm, button(texts.telegram_metadata.EDIT, Action.EDIT_DATA, number)),)
    hint = texts.telegram_metadata.PRESS_A_BUTTON if turn.buttons_only else ""
    return Screen(
        text="\n\n".join(filter(None, (hint, card, "\n".join(filter(None, notes))))),
        keyboard=(*rows, *waiting_row(turn.others, texts.waiting.OTHERS)),
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


def edit_action(field: Field) -> Action:
    """Return the action of the button that changes a field."""
    return Action(f"edit_{field}")


def building_buttons(action: Action, *arguments: str | int) -> tuple[Button, ...]:
    """Return a button for each building type; its callback data has the type, then the ``arguments``."""
    return tuple(button(texts.metadata.BUILDINGS[each], action, each, *arguments) for each in BuildingType)


def _line(turn: FormTurn, field: Field) -> str:
    value = shown(field, turn.metadata)
    line = texts.telegram_metadata.LINE.format(
        field=title(field), value=escaped(value or texts.telegram_metadata.NOT_GIVEN)
    )
    offered = value is not None and field in turn.offered.fields
    return texts.telegram_metadata.LINE_OFFERED.format(line=line) if offered else line


def _offered(turn: FormTurn) -> str:
    """Say what the mark at some fields means, and from where their values are."""
    offered, metadata = turn.offered, turn.metadata
    marked = [
        field
        for field in fields_of(turn.recording.request.scenario)
        if field in offered.fields and shown(field, metadata) is not None
    ]
    if not marked:
        return ""
    said = [field for field in marked if field in offered.proposed]
    same = [field for field in marked if field in TAKEN_OVER and field not in said and offered.by is not None]
    forms = ((same, texts.telegram_metadata.OFFERED_BY), (said, texts.telegram_metadata.OFFERED_SAID))
    origins = [form.format(fields=", ".join(map(title, fields)), by=offered.by) for fields, form in forms if fields]
    if not origins:
        return texts.telegram_metadata.OFFERED
    return texts.telegram_metadata.OFFERED_FROM.format(origins="; ".join(origins))


def _lacking(lacking: Sequence[Field]) -> str:
    return texts.telegram_metadata.LACKING.format(fields=", ".join(map(title, lacking)))


def _field_buttons(turn: FormTurn, lacking: Collection[Field]) -> Keyboard:
    number, fields = turn.recording.number, fields_of(turn.recording.request.scenario)
    buttons = []
    for field in fields:
        label = _capitalised(title(field))
        marked = texts.telegram_metadata.LACKING_FIELD.format(field=label) if field in lacking else label
        buttons.append(button(marked, edit_action(field), number))
    return tuple(tuple(buttons[start : start + _FIELDS_IN_ROW]) for start in range(0, len(buttons), _FIELDS_IN_ROW))


def _question(turn: FormTurn, field: Field) -> Screen:
    """Ask for a missing field, after the reason why the last reply was not accepted.

    After some tries, say that the field can be skipped.
    """
    number, fields = turn.recording.number, fields_of(turn.recording.request.scenario)
    asked = texts.telegram_metadata.QUESTION.format(number=number, question=PROMPTS[field])
    if field in fields:  # or the kind of the recording has changed since
        asked = texts.telegram_metadata.QUESTION_STEP.format(
            number=number, step=fields.index(field) + 1, steps=len(fields), question=PROMPTS[field]
        )
    ways_on = (
        button(texts.telegram_metadata.SKIP, Action.SKIP_FIELD, number, field),
        button(texts.telegram.BACK, Action.BACK_TO_CONFIRM, number),
        button(texts.telegram.CANCEL, Action.CANCEL_DIALOG),
    )
    text = _asked(turn, asked, texts.telegram_metadata.HINT_SKIP)
    return Screen(text=text, keyboard=(*_values(number, field), ways_on))


def _edit_question(turn: FormTurn, field: Field) -> Screen:
    """Ask for another value of a field; after some tries, say that the field can be left as it is."""
    number, now = turn.recording.number, shown(field, turn.metadata)
    asked = texts.telegram_metadata.QUESTION.format(number=number, question=PROMPTS[field])
    if now is not None:
        asked = f"{asked}\n{texts.telegram_metadata.NOW.format(value=escaped(now))}"
    back = (button(texts.telegram.BACK, Action.BACK_TO_CONFIRM, number),)
    text = _asked(turn, asked, texts.telegram_metadata.HINT_BACK)
    return Screen(text=text, keyboard=(*_values(number, field), back))


def _doubt(turn: FormTurn) -> Screen:
    """Ask whether the typed text is a reply or a question to the archive."""
    number = turn.recording.number
    field = ASKED.get(turn.dialog.step) or EDITED[turn.dialog.step]
    asked = texts.telegram_metadata.QUESTION.format(number=number, question=PROMPTS[field])
    doubt = texts.telegram_metadata.IS_IT_A_QUESTION.format(text=escaped(turn.dialog.doubted, _LONGEST_QUOTED))
    choices = (
        button(texts.telegram_metadata.IT_IS_A_VALUE, Action.REPLY_IS, number, Reading.VALUE),
        button(texts.telegram_metadata.IT_IS_A_QUESTION, Action.REPLY_IS, number, Reading.QUESTION),
    )
    back = (button(texts.telegram.BACK, Action.BACK_TO_CONFIRM, number),)
    return Screen(text=f"{asked}\n\n{doubt}", keyboard=(choices, back))


def _asked(turn: FormTurn, asked: str, hint: str) -> str:
    reason = turn.reason
    problem = None if reason is None else texts.telegram_metadata.PROBLEM.format(reason=escaped(reason, LONGEST_REASON))
    shown_hint = hint if turn.dialog.tries >= _TRIES_BEFORE_HINT else None
    return "\n".join(line for line in (problem, shown_hint, asked) if line)


def _values(recording_number: int, field: Field) -> Keyboard:
    """Return the buttons that stand for values of a field."""
    if field is Field.DATE:
        return ((button(texts.telegram_metadata.TODAY, Action.SET_TODAY, recording_number),),)
    if field is Field.BUILDING_TYPE:
        return (building_buttons(Action.SET_BUILDING, recording_number),)
    return ()


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
