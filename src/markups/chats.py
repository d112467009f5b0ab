"""Screens of chats: the list, a chat's card and dialogs, answers with their sources, histories, statistics."""

from collections.abc import Sequence
from datetime import date, datetime
from html import escape

import texts.asking
import texts.chats
import texts.ratings
import texts.telegram
from chats.export import EXTENSIONS, History
from chats.sources import source_line
from chats.threads import TITLE_CHARACTERS, ChatPage, shown_title
from constants import MESSAGE_UTF16_UNITS
from datamodels_chats import AnswerOutcome, Basis, Chat, ChatFigures, ChatStatistics, RatingStats
from datamodels_telegram import Button, Screen
from markups.asking import narrowed_line
from markups.callback_data import Action, button
from markups.reports import markdown_as_html
from markups.text import LONGEST_ON_BUTTON, escaped, plain, utf16_units
from system.local_time import local
from text_cleaning import cut
from utils import decimal

CHATS_ON_PAGE = 8
_LONGEST_TITLE = TITLE_CHARACTERS
_LONGEST_QUESTION = 80
_ROOM = MESSAGE_UTF16_UNITS - 2 * _LONGEST_QUESTION
"""UTF-16 units for an answer in a message; the rest is for the question above it, if that fits there."""

_BACK_TO_CHATS = (button(texts.chats.CHATS, Action.MENU_CHATS), button(texts.telegram.BACK, Action.MENU_MAIN))


def chats_page(page: ChatPage, note: str = "") -> Screen:
    """Show one page of the chats, below a ``note`` in HTML."""
    number = page.active.number
    text = texts.chats.LIST.format(count=page.total, number=number, title=_title(page.active))
    if page.pages > 1:
        text += "\n" + texts.chats.LIST_PAGE.format(page=page.page, pages=page.pages)
    listed = [(button(_listed(chat, active=chat.number == number), Action.CHAT, chat.number),) for chat in page.chats]
    turns = [(texts.chats.PREVIOUS, page.page - 1), (texts.chats.NEXT, page.page + 1)]
    turn = tuple(button(sign, Action.MENU_CHATS, to) for sign, to in turns if 1 <= to <= page.pages)
    return Screen(
        text="\n\n".join(filter(None, (note, text))),
        keyboard=(
            (button(texts.chats.NEW, Action.NEW_CHAT),),
            *listed,
            *([turn] if turn else []),
            (button(texts.chats.STATISTICS, Action.SHOW_STATS), button(texts.telegram.BACK, Action.MENU_MAIN)),
        ),
    )


def chat_card(chat: Chat, *, active: bool, may_change: bool, note: str = "") -> Screen:
    """Show a chat with its actions, below a ``note`` in HTML."""
    created = f"{local(chat.created_at):%d.%m.%Y}"
    template = texts.chats.CARD if chat.questions else texts.chats.CARD_EMPTY
    text = template.format(
        number=chat.number,
        title=_title(chat),
        questions=texts.chats.QUESTION.counted(chat.questions),
        answers=texts.chats.ANSWER.counted(chat.answers),
        created=created,
        updated=f"{local(chat.updated_at):%d.%m.%Y %H:%M}",
    )
    here = texts.chats.CARD_ACTIVE if active else ""
    number = chat.number
    change = (
        button(texts.chats.RENAME, Action.RENAME_CHAT, number),
        button(texts.chats.DELETE, Action.DELETE_CHAT, number),
    )
    return Screen(
        text="\n\n".join(filter(None, (note, text, here))),
        keyboard=(
            *([] if active else [(button(texts.chats.SWITCH, Action.CONFIRM_SWITCH, number),)]),
            *([change] if may_change else []),
            *([(button(texts.chats.HISTORY, Action.CHAT_HISTORY, number),)] if chat.questions else []),
            (button(texts.asking.WHERE, Action.WHERE_CHAT, number),),
            _BACK_TO_CHATS,
        ),
    )


def switched(chat: Chat) -> Screen:
    """Say which chat the person is in now."""
    return Screen(
        text=texts.chats.SWITCHED.format(number=chat.number, title=_title(chat)),
        keyboard=(_BACK_TO_CHATS,),
    )


def ask_title(chat: Chat, note: str = "") -> Screen:
    """Ask for a chat's new title, below a ``note`` in plain text."""
    question = texts.chats.ASK_TITLE.format(number=chat.number, title=_title(chat), longest=TITLE_CHARACTERS)
    noted = f"{escaped(note, 300)}\n\n" if note else ""
    return Screen(text=noted + question, keyboard=(_cancel(chat),))


def renamed(chat: Chat) -> str:
    """Say the new title of a chat, in HTML."""
    return texts.chats.RENAMED.format(number=chat.number, title=_title(chat))


def delete_question(chat: Chat) -> Screen:
    question = texts.chats.DELETE_QUESTION.format(
        number=chat.number,
        title=_title(chat),
        questions=texts.chats.QUESTION.counted(chat.questions),
        answers=texts.chats.ANSWER.counted(chat.answers),
    )
    confirm = (button(texts.chats.DELETE_CONFIRM, Action.CONFIRM_DELETE, chat.number),)
    return Screen(text=question, keyboard=(confirm, _cancel(chat)))


def deleted(chat: Chat) -> str:
    """Say which chat was deleted, in HTML."""
    return texts.chats.DELETED.format(number=chat.number, title=_title(chat))


def history_question(chat: Chat) -> Screen:
    """Ask for the file format of a chat's history."""
    return Screen(
        text=texts.chats.HISTORY_QUESTION.format(number=chat.number, title=_title(chat)),
        keyboard=(
            tuple(button(each.upper(), Action.CHAT_HISTORY, chat.number, each) for each in EXTENSIONS),
            _cancel(chat),
        ),
    )


def history_caption(history: History, extension: str) -> Screen:
    """Return the caption of a history's file, with buttons for the other formats."""
    chat, day = history.chat, history.day
    named = texts.chats.HISTORY_OF_DAY.format(day=_day(day)) if day else ""
    text = texts.chats.HISTORY_CAPTION.format(
        number=chat.number, title=_title(chat), questions=texts.chats.QUESTION.counted(history.questions), day=named
    )
    about = [int(f"{day:%Y%m%d}")] if day else []
    others = tuple(
        button(each.upper(), Action.CHAT_HISTORY, chat.number, each, *about) for each in EXTENSIONS if each != extension
    )
    return Screen(text=text, keyboard=(others,))


def no_history(chat: Chat, day: date | None, elsewhere: Sequence[int] = ()) -> Screen:
    """Say that nothing was asked in the chat on ``day``, or that nothing ever was when ``day`` is None.

    ``elsewhere`` are the numbers of the chats with a question on that day.
    """
    number, title = chat.number, _title(chat)
    if day is None:
        text = texts.chats.HISTORY_NONE.format(number=number, title=title)
    else:
        text = texts.chats.HISTORY_NONE_OF_DAY.format(day=_day(day), number=number, title=title)
    shown = elsewhere[:CHATS_ON_PAGE]
    if day is None or not shown:
        return Screen(text=text, keyboard=(_BACK_TO_CHATS,))
    about = int(f"{day:%Y%m%d}")
    others = [(button(f"№{each}", Action.CHAT_HISTORY, each, EXTENSIONS[0], about),) for each in shown]
    return Screen(text=f"{text}\n{texts.chats.HISTORY_ELSEWHERE}", keyboard=(*others, _BACK_TO_CHATS))


def bad_day(reason: str) -> Screen:
    return Screen(text=texts.chats.HISTORY_BAD_DAY.format(reason=escaped(reason[:1].upper() + reason[1:], 300)))


def statistics(figures: ChatStatistics, *, may_oversee: bool = False) -> Screen:
    text = texts.chats.FIGURES.format(
        recent=_figures(figures.recent), all=_figures(figures.all), ratings=figures_of_ratings(figures.ratings)
    )
    everybody = [(button(texts.ratings.ALL_RATINGS, Action.ALL_RATINGS),)] if may_oversee else []
    return Screen(text=text, keyboard=(*everybody, _BACK_TO_CHATS))


def figures_of_ratings(stats: RatingStats) -> str:
    """Return the figures of ratings as one to three lines."""
    if not stats.ratings:
        return texts.ratings.PARTIAL_NONE if stats.partial else texts.ratings.NONE
    assert stats.average is not None  # noqa: S101  # there are ratings
    line = texts.ratings.FIGURES.format(
        count=stats.ratings,
        average=decimal(stats.average),
        good=percent(stats.good_share),
        bad=percent(stats.bad_share),
    )
    if stats.trend is not None:
        line += "\n" + texts.ratings.TREND.format(change=f"{stats.trend:+.1f}".replace(".", ",").replace("-", "−"))
    return f"{line}\n{texts.ratings.PARTIAL}" if stats.partial else line


def percent(share: float | None) -> str:
    """Return a share of 0–1 in percent; None counts as 0."""
    return f"{round((share or 0) * 100)} %"


def searching() -> Screen:
    return Screen(text=texts.chats.SEARCHING)


def no_question(said: str) -> Screen:
    """Show what is said to a message that is no question."""
    return Screen(text=escape(said, quote=False))


def answer_messages(question: str, outcome: AnswerOutcome | None) -> list[Screen]:
    """Show an answer with its sources, in as many messages as needed; ``outcome`` is None when answering failed."""
    head = texts.chats.QUESTION_HEAD.format(question=escaped(question, _LONGEST_QUESTION))
    if outcome is None:
        return [Screen(text=f"{head}\n\n{texts.chats.FAILED}")]
    blocks = []
    if outcome.note:
        note = texts.chats.NOTE.format(note=escape(outcome.note, quote=False))
        # A note that explains the quotes comes before them; a note on what to do comes after the answer.
        blocks = [note] if outcome.basis is Basis.QUOTES else []
    as_html = markdown_as_html if outcome.basis is Basis.MODEL else _as_said
    blocks += filter(None, map(as_html, parts_of(outcome.text)))
    if outcome.note and outcome.basis is not Basis.QUOTES:
        blocks.append(texts.chats.NOTE.format(note=escape(outcome.note, quote=False)))
    blocks += filter(None, [narrowed_line(outcome.narrowing)])
    if outcome.sources:
        listed = "\n".join(escape(source_line(source), quote=False) for source in outcome.sources)
        blocks.append(f"{texts.chats.SOURCES_HEAD}\n{listed}")
    return [Screen(text=text) for text in packed([head, *blocks])]


def draft(question: str, text: str) -> Screen:
    """Show what is there of an answer that is being written; that the search goes on while that is nothing."""
    if not text:
        return searching()
    head = texts.chats.QUESTION_HEAD.format(question=escaped(question, _LONGEST_QUESTION))
    return Screen(text=f"{head}\n\n{markdown_as_html(parts_of(text)[0])}")


def packed(blocks: Sequence[str]) -> list[str]:
    """Return the blocks in messages, each as full as possible; the limit counts the markup too, to be safe."""
    messages = [blocks[0]]
    for block in blocks[1:]:
        together = f"{messages[-1]}\n\n{block}"
        if utf16_units(together) <= MESSAGE_UTF16_UNITS:
            messages[-1] = together
        else:
            messages.append(block)
    return messages


def parts_of(text: str) -> list[str]:
    """Return the text cut between lines or words, in parts that fit into a message even when they are escaped."""
    parts: list[str] = []
    for paragraph in text.split("\n"):
        for piece in _pieces(paragraph):
            if parts and _html_units(f"{parts[-1]}\n{piece}") <= _ROOM:
                parts[-1] += f"\n{piece}"
            else:
                parts.append(piece)
    return [part.strip("\n") for part in parts if part.strip()]


def _pieces(line: str) -> list[str]:
    pieces = []
    while _html_units(line) > _ROOM:
        # An escaped character takes five units, one outside the basic plane two.
        head = line[: _ROOM // 6]
        space = head.rfind(" ")
        # A grapheme cluster that is too long for a message is cut.
        piece = head[:space] if space > 0 else cut(line, len(head)) or head
        pieces.append(piece)
        line = line[len(piece) :].lstrip(" ")
    return [*pieces, line]


def _html_units(text: str) -> int:
    return max(utf16_units(markdown_as_html(text)), utf16_units(escape(text, quote=False)))


def _as_said(text: str) -> str:
    return escape(text, quote=False)


def _figures(figures: ChatFigures) -> str:
    return texts.chats.FIGURES_OF.format(**figures.model_dump())


def _listed(chat: Chat, *, active: bool) -> str:
    template = texts.chats.LISTED_ACTIVE if active else texts.chats.LISTED
    return plain(template.format(number=chat.number, title=shown_title(chat)), LONGEST_ON_BUTTON)


def _title(chat: Chat) -> str:
    return escaped(shown_title(chat), _LONGEST_TITLE)


def _cancel(chat: Chat) -> tuple[Button, ...]:
    return (button(texts.telegram.CANCEL, Action.CHAT, chat.number),)


def _day(day: date | datetime) -> str:
    return f"{day:%d.%m.%Y}"
