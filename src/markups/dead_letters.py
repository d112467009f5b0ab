"""The owner's list of dead letters. It tells the kind of each and what it is about, never what people said in it."""

import re
from uuid import UUID

import texts.dead_letters
import texts.telegram
from constants import RESEARCH
from datamodels_telegram import Button, Screen
from dead_letters import LettersPage
from dead_letters_store import DeadLetter, LetterId, LetterKind
from errors import OutdatedButton
from markups.callback_data import Action, Press, button
from markups.text import LONGEST_REASON, escaped, plain
from prompt_pack.models import ReportPack
from system.local_time import local

LETTERS_ON_PAGE = 5
_LAST_PAGE = 99_999
"""The largest page number in a button: with it, the longest callback data has exactly as many bytes as allowed."""
_ROW = re.compile(r"i[0-9a-f]{32}", re.ASCII)
"""A row's UUID in callback data, after an «i»: arguments that begin with a digit have to be numbers."""
_WORK = frozenset(LetterKind) - {LetterKind.MESSAGE}
_BACK = (button(texts.telegram.BACK, Action.MENU_SYSTEM),)


def letters_page(page: LettersPage, pack: ReportPack, retried: int = 0) -> Screen:
    """Show one page of the dead letters, each with its buttons, below how many are ``retried`` just now."""
    note = [texts.dead_letters.RETRIED_NOTE.format(count=retried)] if retried else []
    if not page.letters:
        return Screen(text="\n\n".join([*note, texts.dead_letters.NOTHING]), keyboard=(_BACK,))
    title = texts.dead_letters.TITLE.format(count=page.total)
    if page.pages > 1:
        title += "\n" + texts.dead_letters.PAGE.format(page=page.page, pages=page.pages)
    first = (page.page - 1) * page.size + 1
    placed = list(enumerate(page.letters, first))
    turns = [(texts.dead_letters.PREVIOUS, page.page - 1), (texts.dead_letters.NEXT, page.page + 1)]
    turn = tuple(button(sign, Action.LETTERS, to) for sign, to in turns if 1 <= to <= page.pages)
    return Screen(
        text="\n\n".join([*note, title, *(_told(place, letter, pack) for place, letter in placed)]),
        keyboard=(
            *(_buttons(place, letter, page.page) for place, letter in placed),
            (button(texts.dead_letters.RETRY_ALL, Action.LETTERS_REDO),),
            *([turn] if turn else []),
            _BACK,
        ),
    )


def pressed_letter(press: Press) -> tuple[LetterId, int]:
    """Read the letter and the page from the data of a letter's button.

    Raises:
        OutdatedButton: the data names no letter.
    """
    match press.words, press.numbers:
        case (LetterKind.MESSAGE,), (row, page):
            return LetterId(kind=LetterKind.MESSAGE, row=row), page
        case (kind, word), (page,) if kind in _WORK and _ROW.fullmatch(word):
            return LetterId(kind=LetterKind(kind), row=UUID(hex=word[1:])), page
        case _:
            raise OutdatedButton(data=press.action)


def _buttons(place: int, letter: DeadLetter, page: int) -> tuple[Button, ...]:
    row = f"i{letter.row.hex}" if isinstance(letter.row, UUID) else letter.row
    data = (letter.kind, row, min(page, _LAST_PAGE))
    return (
        button(texts.dead_letters.RETRY.format(place=place), Action.LETTER_REDO, *data),
        button(texts.dead_letters.REMOVE.format(place=place), Action.LETTER_DROP, *data),
    )


def _told(place: int, letter: DeadLetter, pack: ReportPack) -> str:
    return texts.dead_letters.LETTER.format(
        place=place,
        what=escaped(letter_text(letter, pack), LONGEST_REASON),
        person=escaped(letter.person),
        when=f"{local(letter.failed_at):%d.%m.%Y %H:%M}",
        why=why_failed(letter),
    )


def why_failed(letter: DeadLetter) -> str:
    """Return in words, plain text, why something is a dead letter."""
    return texts.dead_letters.REASONS.get(letter.error_code, texts.dead_letters.UNKNOWN)


def letter_text(letter: DeadLetter, pack: ReportPack) -> str:
    """Name the letter, plain text, with the numbers of recording, report and chat that its person knows."""
    message = texts.dead_letters.MESSAGES.get(letter.message_kind or "", texts.dead_letters.MESSAGE)
    return _template(letter).format(
        what=message if letter.source is None else texts.dead_letters.FILES[letter.source],
        label="" if letter.report_id is None else plain(pack.label_of(letter.report_id)),
        recording=letter.recording_number,
        report=letter.report_number,
        chat=letter.chat_number,
    )


def _template(letter: DeadLetter) -> str:
    if letter.report_id == RESEARCH:
        is_work = letter.kind is not LetterKind.MESSAGE
        return texts.dead_letters.RESEARCH if is_work else texts.dead_letters.ABOUT_RESEARCH
    if letter.kind is not LetterKind.MESSAGE:
        return texts.dead_letters.WORK[letter.kind]
    if letter.report_id is not None:
        numbered = letter.report_number is not None
        return texts.dead_letters.ABOUT_REPORT if numbered else texts.dead_letters.ABOUT_FAILED_REPORT
    if letter.recording_number is not None:
        return texts.dead_letters.ABOUT_RECORDING
    return texts.dead_letters.ABOUT_NOTHING if letter.chat_number is None else texts.dead_letters.ABOUT_CHAT
