"""The history of a chat as a file, written page by page: ten thousand messages take no more memory than a hundred."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

import chat_history
import texts.chats
from chats.sources import source_line
from chats.threads import day_bounds, shown_title
from datamodels_chats import Chat, Turn
from db import Database
from errors import NotFound
from system.local_time import local
from text_cleaning import ELLIPSIS, safe_file_name
from utils import disk_full_mapped

_PAGE_QUESTIONS = 200
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~])")


@dataclass(frozen=True)
class History:
    """The contents of a history file: questions of ``chat`` on ``day`` (None for all days), and how many there are."""

    chat: Chat
    day: date | None
    questions: int


async def write_history(
    database: Database, chat: Chat, day: date | None, extension: str, path: Path, now: datetime
) -> History:
    """Write the questions and answers of a chat to the new file ``path``; only those of ``day`` when that is given.

    ``now`` is written into the file as the time of the export.

    Raises:
        NotFound: ``extension`` is none of ``EXTENSIONS``.
        FileExistsError: there is a file at ``path`` already.
        DatabaseUnavailable: the chat could not be read.
        DiskFull: no space left.
    """
    if extension not in EXTENSIONS:
        raise NotFound(what=f"history as {extension}")
    head, turns_text = _FORMS[extension]
    first, until = day_bounds(day) if day else (None, None)
    after, count = 0, 0
    await asyncio.to_thread(_append, path, head(chat, day, now), new=True)
    while True:
        async with database.transaction() as connection:
            turns = await chat_history.list_turns(
                connection, chat.owner_id, chat.number, after=after, limit=_PAGE_QUESTIONS, first=first, until=until
            )
        if not turns:
            return History(chat, day, count)
        after = turns[-1].question_id
        count += len({turn.question_id for turn in turns})
        await asyncio.to_thread(_append_turns, path, turns_text, turns)


def history_file_name(history: History, extension: str) -> str:
    """Return a file name such as «Чат 2 Что говорят о завтраке за 03.11.2026.txt»."""
    day = texts.chats.HISTORY_FILE_DAY.format(day=f"{history.day:%d.%m.%Y}") if history.day else ""
    title = shown_title(history.chat).rstrip(ELLIPSIS)
    name = texts.chats.HISTORY_FILE.format(number=history.chat.number, title=title, day=day, extension=extension)
    return safe_file_name(name)


def _append(path: Path, text: str, *, new: bool = False) -> None:
    with disk_full_mapped(path):
        if new:
            path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb" if new else "ab") as file:
            file.write(text.encode(errors="replace"))


def _append_turns(path: Path, turns_text: Callable[[Sequence[Turn]], str], turns: Sequence[Turn]) -> None:
    questions = [list(group) for _, group in groupby(turns, key=lambda turn: turn.question_id)]
    _append(path, "".join(turns_text(each) for each in questions))


def _head_txt(chat: Chat, day: date | None, now: datetime) -> str:
    return "\ufeff" + _head(texts.chats.FILE_HEAD, chat, shown_title(chat), day, now) + "\n"


def _head_md(chat: Chat, day: date | None, now: datetime) -> str:
    return _head(texts.chats.MARKDOWN_HEAD, chat, _without_markup(shown_title(chat)), day, now) + "\n"


def _head(template: str, chat: Chat, title: str, day: date | None, now: datetime) -> str:
    head = template.format(number=chat.number, title=title, exported=_time(now))
    about = [texts.chats.FILE_DAY.format(day=f"{day:%d.%m.%Y}")] if day else []
    return "\n".join([head, *about]) + "\n"


def _turns_txt(turns: Sequence[Turn]) -> str:
    """Return one question with its answers as text."""
    lines = [
        texts.chats.FILE_LINE,
        texts.chats.FILE_QUESTION.format(time=_time(turns[0].asked_at)),
        turns[0].question,
        "",
    ]
    for turn in turns:
        if turn.kind is None or turn.answer is None:
            lines += [texts.chats.FILE_UNANSWERED, ""]
            continue
        lines += [texts.chats.FILE_ANSWERS[turn.kind], *filter(None, [turn.note]), turn.answer]
        if turn.sources:
            lines += ["", texts.chats.FILE_SOURCES, *(f"  {source_line(source)}" for source in turn.sources)]
        lines.append("")
    return "\n".join(lines) + "\n"


def _turns_md(turns: Sequence[Turn]) -> str:
    asked = "\n".join(f"> {_without_markup(line)}" for line in turns[0].question.splitlines())
    lines = [texts.chats.MARKDOWN_QUESTION.format(time=_time(turns[0].asked_at)), "", asked, ""]
    for turn in turns:
        if turn.kind is None or turn.answer is None:
            lines += [texts.chats.FILE_UNANSWERED, ""]
            continue
        note = [f"*{_without_markup(turn.note)}*", ""] if turn.note else []
        # The brackets around numbers of sources stay as they are; only "<" is escaped, so that no tag takes effect.
        lines += [texts.chats.MARKDOWN_ANSWERS[turn.kind], "", *note, turn.answer.replace("<", r"\<"), ""]
        if turn.sources:
            listed = (f"- {_without_markup(source_line(source))}" for source in turn.sources)
            lines += [texts.chats.MARKDOWN_SOURCES, "", *listed, ""]
    return "\n".join(lines) + "\n"


def _without_markup(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)


def _time(moment: datetime) -> str:
    return f"{local(moment):%d.%m.%Y %H:%M}"


_FORMS = {"txt": (_head_txt, _turns_txt), "md": (_head_md, _turns_md)}
EXTENSIONS = tuple(_FORMS)
