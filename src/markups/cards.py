"""Progress cards, which show the work on a file, a recording, or reports ordered together."""

import texts.cards
import texts.documents
import texts.telegram_recordings
import texts.units
from constants import NO_SCENARIO
from datamodels import Stage, Value
from datamodels_telegram import (
    CardKind,
    CardProgress,
    FilePurpose,
    IncomingFile,
    IncomingState,
    Keyboard,
    Screen,
)
from errors import BadInput, Cancelled, VoxPersonaError
from errors_of_operation import LimitReached
from markups.callback_data import Action, button
from markups.card_parts import CardView, Times, bar, cancel, time_of_day, times_line
from markups.report_cards import fraction_done, reports_card, reports_title
from markups.text import LONGEST_ON_BUTTON, LONGEST_REASON, escaped, plain
from markups.voice_notes import question_row, voice_card, voice_opening
from prompt_pack.models import ReportPack
from recordings.purposes import purpose_of
from texts.errors_in_chats import chat_text
from utils import clock, human_duration, human_size

_LOADING, _SAVING, _PREPARING, _TRANSCRIBING, _FINDING_SPEAKERS, _NAMING_ROLES, _DONE = range(7)
_WEIGHTS = (15, 5, 5, 60, 10, 5)
"""Shares of the stages in the bar, as measured with an endpoint that transcribes an hour in minutes."""
_STAGE_AFTER = {
    Stage.STORED: _PREPARING,
    Stage.PREPARED: _TRANSCRIBING,
    Stage.TRANSCRIBED: _FINDING_SPEAKERS,
    Stage.SPEAKERS_KNOWN: _NAMING_ROLES,
    Stage.DONE: _DONE,
}


class Measured(Value):
    """The stage of the work, and the fraction of this stage that is done, 0–1; None when that is unknown."""

    stage: str
    fraction: float | None


def measured(progress: CardProgress) -> Measured:
    """Return the stage of the work and how much of it is done, from which the time left is estimated."""
    if progress.card.kind is CardKind.REPORTS:
        return Measured(stage=CardKind.REPORTS, fraction=fraction_done(progress))
    stage = _stage(progress)
    return Measured(stage=_names(progress)[stage], fraction=_fraction(progress, stage))


def card_view(progress: CardProgress, times: Times, pack: ReportPack) -> CardView:
    """Draw a card."""
    if progress.card.kind is CardKind.REPORTS:
        return reports_card(progress, times, pack)
    if (voice := voice_card(progress)) is not None:
        return voice
    ended = _ended_recording_card(progress)
    if ended is not None:
        return CardView(screen=ended, final=True, working=False)
    if _is_undecided(progress):
        return CardView(screen=opening(progress, pack), final=False, working=False)
    stage = _stage(progress)
    waiting = _retry(progress)
    lines = [_title(progress), _stages(progress, stage), *bar(_overall(progress, stage))]
    if waiting is not None:
        lines.append(waiting)
    elif stage == _LOADING and progress.incoming and progress.incoming.state is IncomingState.WAITING:
        lines.append(texts.cards.QUEUED)
    elif progress.ahead:
        recordings = texts.units.RECORDING.counted(progress.ahead)
        lines.append(texts.cards.IN_LINE.format(recordings=recordings))
    else:
        lines.append(times_line(times))
    questions, keyboard = _scenario_question(progress, pack)
    rows = (*keyboard, *question_row(progress), *cancel(progress))
    screen = Screen(text="\n".join(lines) + questions, keyboard=rows)
    return CardView(screen=screen, final=False, working=waiting is None)


def opening(progress: CardProgress, pack: ReportPack) -> Screen:
    """Draw the card as it is first sent.

    The text does not change with time: when Telegram's reply with the message's id was lost, the message is found
    again by its text.
    """
    if progress.card.kind is CardKind.REPORTS:
        text = reports_title(progress, over=False)
        return Screen(text=text, keyboard=cancel(progress))
    if (voice := voice_opening(progress)) is not None:
        return voice
    if progress.incoming is not None and progress.incoming.finished_at == progress.incoming.created_at:
        refused = _ended_file(progress)
        if refused is not None:
            return Screen(text=refused)
    questions, keyboard = _scenario_question(progress, pack)
    if progress.incoming is None:
        text = texts.cards.AGAIN_OPENING.format(number=progress.recording_number, file_name=escaped(progress.file_name))
    else:
        text = _receiving(progress.incoming)
    asked = questions if _is_undecided(progress) else ""
    return Screen(text=f"{text}{asked}", keyboard=(*keyboard, *cancel(progress)))


def _ended_recording_card(progress: CardProgress) -> Screen | None:
    """Return the card of a recording on which work has ended; None while it goes on."""
    number = progress.recording_number
    if progress.document_number is not None and progress.incoming is not None:
        return _loaded(progress, progress.document_number, known=progress.incoming.known)
    if number is None:
        text = _ended_file(progress)
        return None if text is None else Screen(text=text)
    if progress.incoming is not None and progress.incoming.known:
        text = texts.cards.KNOWN.format(number=number, file_name=escaped(progress.file_name))
        again = button(texts.cards.AGAIN, Action.RECORDING_AGAIN, number)
        return Screen(text=text, keyboard=((button(texts.cards.OPEN, Action.RECORDING, number), again),))
    if progress.error_code is not None:
        return None if progress.retry_at is not None else _failed(progress, progress.error_code, number)
    return _done(progress, number) if progress.stage is Stage.DONE else None


def _loaded(progress: CardProgress, number: int, *, known: bool) -> Screen:
    text = texts.documents.KNOWN if known else texts.documents.LOADED
    return Screen(
        text=text.format(number=number, name=escaped(progress.file_name)),
        keyboard=((button(texts.documents.OPEN, Action.DOCUMENT, number),),),
    )


def _ended_file(progress: CardProgress) -> str | None:
    """Return the text about a file that has no recording and will get none; None while it may get one."""
    name, incoming = escaped(progress.file_name), progress.incoming
    if incoming is None:
        return texts.cards.DELETED_BEFORE
    if incoming.state is IncomingState.STORED:
        return texts.cards.DELETED.format(file_name=name)
    if incoming.state is IncomingState.CANCELLED:
        return texts.cards.CANCELLED_INCOMING.format(file_name=name)
    if incoming.state is IncomingState.REFUSED:
        return texts.cards.REFUSED.format(
            file_name=name, reason=escaped(chat_text(incoming.error_code, incoming.error_text), LONGEST_REASON)
        )
    return None


def _failed(progress: CardProgress, code: str, number: int) -> Screen:
    name, reason = escaped(progress.file_name), escaped(chat_text(code, progress.error_text), LONGEST_REASON)
    retry = ((button(texts.cards.RETRY_BUTTON, Action.RECORDING_AGAIN, number),),)
    if code == Cancelled.code:
        return Screen(text=texts.cards.CANCELLED.format(file_name=name, number=number), keyboard=retry)
    text = texts.cards.FAILED.format(file_name=name, number=number, reason=reason)
    if _is_bad_input(code):
        return Screen(text=text, keyboard=((button(texts.cards.OPEN, Action.RECORDING, number),),))
    return Screen(text=f"{text}\n{texts.cards.KEPT}", keyboard=retry)


def _is_bad_input(code: str) -> bool:
    """Tell whether the error with this code lies in the recording itself, so that trying again does not help."""
    classes: list[type[VoxPersonaError]] = [BadInput]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    return code in {cls.code for cls in classes}


def _done(progress: CardProgress, number: int) -> Screen:
    text = texts.cards.DONE.format(file_name=escaped(progress.file_name), about=_about(progress))
    if progress.stage_since is not None and progress.stage_since > progress.card.created_at:
        took = human_duration((progress.stage_since - progress.card.created_at).total_seconds())
        text = f"{text}\n{texts.cards.TOOK.format(time=took)}"
    rows = ((button(texts.cards.OPEN, Action.RECORDING, number),), *question_row(progress))
    return Screen(text=text, keyboard=rows)


def _title(progress: CardProgress) -> str:
    if progress.recording_number is None and progress.incoming is not None:
        return _receiving(progress.incoming)
    return texts.cards.ACCEPTED.format(file_name=escaped(progress.file_name), about=_about(progress))


def _receiving(incoming: IncomingFile) -> str:
    size = human_size(incoming.file.size_bytes)
    return texts.cards.RECEIVING.format(file_name=escaped(incoming.file.file_name), size=size)


def _about(progress: CardProgress) -> str:
    return " · ".join(
        (
            clock(progress.duration_s or 0.0),
            human_size(progress.size_bytes),
            texts.cards.NUMBER.format(number=progress.recording_number),
        )
    )


def _stage(progress: CardProgress) -> int:
    if progress.stage is not None:
        return _STAGE_AFTER[progress.stage]
    checking = progress.incoming is not None and progress.incoming.state is IncomingState.CHECKING
    return _SAVING if checking else _LOADING


def _fraction(progress: CardProgress, stage: int) -> float | None:
    if stage == _LOADING and progress.incoming is not None and progress.size_bytes:
        return min(1.0, progress.incoming.bytes_done / progress.size_bytes)
    if stage == _TRANSCRIBING and progress.parts_total:
        return min(1.0, (progress.parts_done + progress.parts_heard) / progress.parts_total)
    return None


def _overall(progress: CardProgress, stage: int) -> float:
    # A recording that is processed again was not sent again.
    first = _LOADING if progress.incoming is not None else _PREPARING
    last = _DONE if _names(progress) is texts.cards.STAGES else _PREPARING
    done = float(sum(_WEIGHTS[first:stage]))
    if stage < _DONE:
        done += _WEIGHTS[stage] * (_fraction(progress, stage) or 0.0)
    return done / sum(_WEIGHTS[first:last])


def _names(progress: CardProgress) -> tuple[str, ...]:
    """Return the names of the stages: a document is loaded and read, and that is all."""
    incoming = progress.incoming
    if incoming is not None and purpose_of(incoming) is FilePurpose.DOCUMENT:
        return texts.documents.STAGES
    return texts.cards.STAGES


def _stages(progress: CardProgress, now: int) -> str:
    shown = []
    for stage, name in enumerate(_names(progress)):
        mark = (
            texts.cards.STAGE_DONE
            if stage < now
            else texts.cards.STAGE_NOW
            if stage == now
            else texts.cards.STAGE_LATER
        )
        counted = texts.cards.STAGE_PARTS.format(stage=name, done=progress.parts_done, total=progress.parts_total)
        parts = stage == now == _TRANSCRIBING and progress.parts_total
        shown.append(mark.format(stage=counted if parts else name))
    return texts.cards.STAGES_BETWEEN.join(shown)


def _retry(progress: CardProgress) -> str | None:
    incoming = progress.incoming
    if progress.stage is None and incoming is not None:
        code, text, at = incoming.error_code, incoming.error_text, incoming.retry_at
    else:
        code, text, at = progress.error_code, progress.error_text, progress.retry_at
    if code is None or at is None:
        return None
    if code == LimitReached.code:
        return texts.cards.WAITS_FOR_LIMIT.format(reason=escaped(chat_text(code, text), LONGEST_REASON))
    short = texts.cards.RETRY_REASONS | (texts.cards.RETRY_TRANSCRIPTION if progress.stage is Stage.PREPARED else {})
    reason = short.get(code) or escaped(chat_text(code, text), LONGEST_REASON)
    return texts.cards.RETRY.format(reason=reason, time=time_of_day(at))


def _scenario_question(progress: CardProgress, pack: ReportPack) -> tuple[str, Keyboard]:
    undecided = _is_undecided(progress)
    if progress.incoming is None:
        return "", ()
    known = progress.scenario is not None or purpose_of(progress.incoming) is FilePurpose.DOCUMENT
    if known and not undecided:
        return "", ()
    incoming_id = progress.incoming.id
    choices = tuple(
        button(plain(each.label, LONGEST_ON_BUTTON), Action.SCENARIO_INCOMING, incoming_id, each.id)
        for each in pack.scenarios
    )
    none = button(texts.telegram_recordings.NO_SCENARIO, Action.SCENARIO_INCOMING, incoming_id, NO_SCENARIO)
    if not undecided:
        return f"\n\n{texts.cards.WHICH_SCENARIO}", (choices, (none,))
    document = button(texts.cards.IS_DOCUMENT, Action.DOCUMENT_INCOMING, incoming_id)
    return f"\n\n{texts.cards.WHICH_PURPOSE}", (choices, (none,), (document,))


def _is_undecided(progress: CardProgress) -> bool:
    """Tell whether a sent text waits for its sender to say whether it is a transcript or a document."""
    incoming = progress.incoming
    return incoming is not None and incoming.finished_at is None and purpose_of(incoming) is None
