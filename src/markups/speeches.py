"""Screens about answers and reports that are said aloud."""

import texts.speeches
from datamodels_telegram import Screen
from markups.text import LONGEST_REASON, escaped
from speeches.store import Speech
from texts.errors_in_chats import chat_text

_LONGEST_TITLE = 150


def speech_progress(speech: Speech) -> Screen:
    """Show how far a speech is, and why it waits."""
    counted = texts.speeches.PIECES.format(done=speech.pieces_said, total=speech.pieces) if speech.pieces > 1 else ""
    if speech.error_code is not None:
        counted += texts.speeches.POSTPONED.format(reason=_reason(speech))
    return Screen(text=texts.speeches.PROGRESS.format(title=_title(speech), counted=counted))


def speech_failed(speech: Speech) -> Screen:
    """Say why a speech failed."""
    return Screen(text=texts.speeches.FAILED.format(title=_title(speech), reason=_reason(speech)))


def speech_caption(speech: Speech) -> Screen:
    """Return the caption of a voice message."""
    template = texts.speeches.CAPTION if speech.is_whole else texts.speeches.CAPTION_BEGINNING
    return Screen(text=template.format(title=_title(speech), length=len(speech.text)))


def _title(speech: Speech) -> str:
    return escaped(speech.title, _LONGEST_TITLE)


def _reason(speech: Speech) -> str:
    return escaped(chat_text(speech.error_code, speech.error_text), LONGEST_REASON)
