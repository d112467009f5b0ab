"""Screens about answers and reports that are said aloud, and of what a person had said."""

import texts.documents
import texts.speeches
import texts.telegram
from datamodels_telegram import Screen
from markups.callback_data import Action, button, word_of
from markups.text import LONGEST_REASON, escaped, plain
from speeches.service import Page
from speeches.store import Speech
from system.local_time import local
from texts.errors_in_chats import chat_text
from utils import clock

SPEECHES_ON_PAGE = 5
_LONGEST_TITLE = 150
_LONGEST_LISTED_TITLE = 40
"""Characters that fit on a button on a phone beside the date."""


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


def speeches_page(page: Page) -> Screen:
    """Show one page of what a person had said."""
    if page.total:
        text = texts.speeches.MY_COUNT if page.pages == 1 else texts.speeches.MY_COUNT_PAGES
        count = text.format(total=page.total, page=page.page, pages=page.pages)
    else:
        count = texts.speeches.MY_NONE
    turns = [(texts.documents.PREVIOUS, page.page - 1), (texts.documents.NEXT, page.page + 1)]
    turn = tuple(button(sign, Action.SPEECHES, to) for sign, to in turns if 1 <= to <= page.pages)
    return Screen(
        text=f"{texts.speeches.MY_TITLE}\n{count}",
        keyboard=(
            *((button(_listed(each), Action.SPEECH, word_of(each.id)),) for each in page.speeches),
            *([turn] if turn else []),
            (button(texts.telegram.BACK, Action.MENU_STORAGE),),
        ),
    )


def speech_card(speech: Speech) -> Screen:
    """Show what was said, to be sent again or deleted."""
    subject = word_of(speech.id)
    again = texts.speeches.MY_TRY_AGAIN if speech.has_failed else texts.speeches.MY_SEND
    if speech.is_ready:
        state = clock(speech.duration_s or 0.0)
    elif speech.has_failed:
        state = texts.speeches.MY_FAILED.format(reason=_reason(speech))
    else:
        state = texts.speeches.MY_AT_WORK
    return Screen(
        text=texts.speeches.MY_CARD.format(title=_title(speech), date=_date(speech), state=state),
        keyboard=(
            (
                button(again, Action.SPEECH_SEND, subject),
                button(texts.speeches.MY_DELETE, Action.SPEECH_DELETE, subject),
            ),
            (button(texts.telegram.BACK, Action.SPEECHES, 1),),
        ),
    )


def speech_delete_question(speech: Speech) -> Screen:
    """Ask before what was said is deleted."""
    subject = word_of(speech.id)
    return Screen(
        text=texts.speeches.MY_DELETE_QUESTION.format(title=_title(speech)),
        keyboard=(
            (
                button(texts.speeches.MY_DELETE_CONFIRM, Action.SPEECH_DELETE_CONFIRM, subject),
                button(texts.telegram.CANCEL, Action.SPEECH, subject),
            ),
        ),
    )


def _listed(speech: Speech) -> str:
    title = plain(speech.title, _LONGEST_LISTED_TITLE)
    return texts.speeches.MY_LINE.format(date=f"{local(speech.created_at):%d.%m}", title=title)


def _date(speech: Speech) -> str:
    return f"{local(speech.created_at):%d.%m.%Y %H:%M}"


def _title(speech: Speech) -> str:
    return escaped(speech.title, _LONGEST_TITLE)


def _reason(speech: Speech) -> str:
    return escaped(chat_text(speech.error_code, speech.error_text), LONGEST_REASON)
