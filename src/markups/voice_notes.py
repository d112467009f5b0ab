"""Cards of short voice notes: asked about, listened to, and what was said."""

import texts.voice_notes
from access import Permission, may
from datamodels_telegram import CardProgress, FilePurpose, IncomingFile, IncomingState, Keyboard, Screen
from errors import NoSpeech
from errors_of_operation import HourUsedUp
from markups.callback_data import Action, button
from markups.card_parts import CardView, cancel, time_of_day
from markups.text import LONGEST_REASON, escaped
from recordings.purposes import may_be_question, purpose_of, was_taken_as_recording
from texts.errors_in_chats import chat_text
from utils import clock

_LONGEST_WORDS = 900


def voice_card(progress: CardProgress) -> CardView | None:
    """Draw the card of a voice note that is, or may be, taken as text; None for any other."""
    incoming = progress.incoming
    if incoming is None:
        return None
    if purpose_of(incoming) is FilePurpose.WORDS:
        ended = _ended(progress, incoming)
        screen = ended or Screen(text=_listening(incoming), keyboard=cancel(progress))
        return CardView(screen=screen, final=ended is not None, working=False)
    if incoming.finished_at is None and _is_undecided(incoming):
        return CardView(screen=_question(incoming, progress), final=False, working=False)
    return None


def voice_opening(progress: CardProgress) -> Screen | None:
    """Draw such a card as it is first sent, as ``markups.cards.opening`` does."""
    if progress.incoming is not None and purpose_of(progress.incoming) is FilePurpose.WORDS:
        return Screen(text=texts.voice_notes.LISTENING, keyboard=cancel(progress))
    card = voice_card(progress)
    return None if card is None else card.screen


def question_row(progress: CardProgress) -> Keyboard:
    """Return the way back for a voice note that was taken as a recording; nothing for any other."""
    incoming = progress.incoming
    if incoming is None or incoming.known or progress.words is not None or not was_taken_as_recording(incoming):
        return ()
    return ((button(texts.voice_notes.MAKE_QUESTION, Action.VOICE_QUESTION, incoming.id),),)


def _is_undecided(incoming: IncomingFile) -> bool:
    return incoming.purpose is None and may_be_question(incoming.file, incoming.caption, incoming.origin)


def _question(incoming: IncomingFile, progress: CardProgress) -> Screen:
    text = texts.voice_notes.ASKED.format(duration=clock(incoming.file.duration_s or 0))
    choices = (
        button(texts.voice_notes.IS_RECORDING, Action.VOICE_IS, incoming.id, FilePurpose.RECORDING),
        button(texts.voice_notes.IS_QUESTION, Action.VOICE_IS, incoming.id, FilePurpose.WORDS),
    )
    return Screen(text=text, keyboard=(choices, *cancel(progress)))


def _listening(incoming: IncomingFile) -> str:
    if incoming.error_code is None or incoming.retry_at is None:
        return texts.voice_notes.LISTENING
    reason = escaped(chat_text(incoming.error_code, incoming.error_text), LONGEST_REASON)
    return texts.voice_notes.LISTENING_RETRY.format(reason=reason, time=time_of_day(incoming.retry_at))


def _ended(progress: CardProgress, incoming: IncomingFile) -> Screen | None:
    if incoming.state is IncomingState.CANCELLED:
        return Screen(text=texts.voice_notes.CANCELLED)
    if incoming.state is IncomingState.STORED:
        said = escaped(progress.words or "", _LONGEST_WORDS)
        return Screen(text=texts.voice_notes.SAID.format(words=said), keyboard=_make_recording(progress, incoming))
    if incoming.state is IncomingState.REFUSED:
        return Screen(text=_why_not_heard(incoming), keyboard=_make_recording(progress, incoming))
    return None


def _why_not_heard(incoming: IncomingFile) -> str:
    reason = escaped(chat_text(incoming.error_code, incoming.error_text), LONGEST_REASON)
    if incoming.error_code == HourUsedUp.code:
        # The step that it answers waits on; a person who dictates a form goes on by typing.
        go_on = texts.voice_notes.ANSWER_BY_TYPING if incoming.answers else texts.voice_notes.ASK_BY_TYPING
        return texts.voice_notes.NOT_LISTENED.format(reason=reason, go_on=go_on)
    silent = incoming.error_code == NoSpeech.code
    return texts.voice_notes.NOT_HEARD.format(reason=texts.voice_notes.NOTHING_SAID if silent else reason)


def _make_recording(progress: CardProgress, incoming: IncomingFile) -> Keyboard:
    if not may(progress.role, Permission.RECORD):
        return ()
    return ((button(texts.voice_notes.MAKE_RECORDING, Action.VOICE_RECORDING, incoming.id),),)
