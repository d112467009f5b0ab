"""What the handlers of «Мои отчеты» share: the person's lock, the list's age, the open question, and typed input."""

import re
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import texts.my_reports
import user_states
from constants import REPORT_TITLE_CHARACTERS
from datamodels import ReportFile, UserId
from datamodels_telegram import MessageKind
from db import Database
from errors import OutdatedButton
from markups.my_reports import reports_menu_after, stale_list
from message_tracker import MessageTracker
from metadata.parsing import BadField, parse_date
from metrics import REPORT_ACTIONS, REPORT_LOCK_WAITS
from prompt_pack.models import ReportPack
from reports.archive import ReportArchive
from reports.archive_filters import ReportFilter, ReportSnapshot, freshness, snapshot_of
from telegram_handlers.context import Context
from telegram_handlers.shared import go_on_to_reports, show
from texts.my_reports import QUESTIONS_LEFT
from user_states import Dialog, OpenDialog, ReportDialog, get_user_lock

_DIALOG_LASTS = timedelta(hours=1)
"""Longer than a list: who answers late hears why it does not do any more."""


class ReportAction(StrEnum):
    """What people do with their reports, as it is counted."""

    OPEN = "open"
    VIEW = "view"
    RENAME = "rename"
    DELETE = "delete"
    FILTER = "filter"
    EXPORT = "export"
    CHART = "chart"


@dataclass(frozen=True)
class MyReportsWork:
    """What the handlers work with. The numbers of a list can be used while it ``lasts``; ``now`` is an aware time."""

    archive: ReportArchive
    pack: ReportPack
    lasts: timedelta
    now: Callable[[], datetime]


class ReportsDesk:
    """The person's side of the archive: snapshot, filter and dialog, durable, and the screens that follow from them."""

    def __init__(self, database: Database, messages: MessageTracker, work: MyReportsWork) -> None:
        self._database = database
        self.messages = messages
        self.work = work

    @asynccontextmanager
    async def alone(self, owner: UserId) -> AsyncIterator[None]:
        """Let one action of a person happen at a time."""
        lock = get_user_lock(owner)
        if lock.locked():
            REPORT_LOCK_WAITS.inc()
        async with lock:
            yield

    async def take_snapshot(self, owner: UserId, reports: Sequence[ReportFile]) -> None:
        """Note the list that is being shown; its numbers can be used from now on."""
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, snapshot_of(reports, self.work.now()))

    async def good_snapshot(self, context: Context, action: ReportAction) -> ReportSnapshot | None:
        """The list whose numbers can be used. When there is none any more, the person is told and the dialog ends."""
        owner = context.user.id
        async with self._database.transaction() as connection:
            snapshot = await user_states.get(connection, owner, ReportSnapshot)
            checked = freshness(snapshot, self.work.now(), self.work.lasts)
            if checked.good:
                return snapshot
            await user_states.drop(connection, owner, ReportSnapshot)
            if await user_states.get(connection, owner, ReportDialog) is not None:
                await user_states.drop(connection, owner, ReportDialog)
        count(action, "stale")
        await show(self.messages, context, MessageKind.MENU, stale_list(checked.tell))
        return None

    async def begin(self, owner: UserId, dialog: ReportDialog) -> str:
        """Open a dialog, which ends any other; returns what the person should know about that, in plain text."""
        async with self._database.transaction() as connection:
            interrupted = await user_states.get(connection, owner, Dialog)
            if interrupted is not None:
                await go_on_to_reports(connection, owner, interrupted.recording_id)
            await user_states.put(connection, owner, dialog, ttl=_DIALOG_LASTS)
        return "" if interrupted is None else QUESTIONS_LEFT

    async def dialog(self, owner: UserId) -> ReportDialog:
        """The open dialog about reports.

        Raises:
            OutdatedButton: there is none.
        """
        async with self._database.transaction() as connection:
            dialog = await user_states.get(connection, owner, ReportDialog)
        if dialog is None:
            raise OutdatedButton(data=ReportDialog.KEY)
        return dialog

    async def go_on(self, owner: UserId, dialog: ReportDialog) -> None:
        """Note how far the dialog is."""
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, dialog, ttl=_DIALOG_LASTS)

    async def end(self, owner: UserId) -> None:
        """End the dialog about reports; any other stays."""
        async with self._database.transaction() as connection:
            if await user_states.get(connection, owner, ReportDialog) is not None:
                await user_states.drop(connection, owner, OpenDialog)

    async def filter(self, owner: UserId) -> ReportFilter:
        """The filter that the person has set."""
        async with self._database.transaction() as connection:
            return await user_states.get(connection, owner, ReportFilter) or ReportFilter()

    async def set_filter(self, owner: UserId, wanted: ReportFilter) -> None:
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, wanted)

    async def show_menu_after(self, context: Context, tell: str = "") -> None:
        """Show the menu below what an action led to, in the place of the pressed message; ``tell`` is HTML."""
        await show(self.messages, context, MessageKind.MENU, reports_menu_after(tell))


def count(action: ReportAction, outcome: str) -> None:
    """Count an action."""
    REPORT_ACTIONS.labels(action, outcome).inc()


_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_NEGATIVE = re.compile(r"[-−–—]\s*[0-9]+", re.ASCII)
_MOST_DIGITS = 9
_LONGEST_QUOTED = 30
_DATE = re.compile(r"\b\d{1,4}[.\-/]\d{1,2}[.\-/]\d{1,4}\b", re.ASCII)
_FROM = re.compile(r"\s*(с|со|от|после)\b", re.IGNORECASE)
_TO = re.compile(r"\s*(по|до)\b", re.IGNORECASE)


class BadAnswer(Exception):
    """What was typed does not do; the text says why, in plain Russian."""


def parse_number(text: str, numbers: Set[int]) -> int:
    """A number of the list, as ASCII digits.

    Raises:
        BadAnswer: it is none.
    """
    typed = text.strip()
    if not typed:
        raise BadAnswer(texts.my_reports.NUMBER_BLANK)
    if _NEGATIVE.fullmatch(typed):
        raise BadAnswer(texts.my_reports.NUMBER_NOT_POSITIVE.format(text=_quoted(typed)))
    if not _NUMBER.fullmatch(typed):
        raise BadAnswer(texts.my_reports.NUMBER_NOT_DIGITS.format(text=_quoted(typed)))
    digits = typed.lstrip("0")
    if not digits:
        raise BadAnswer(texts.my_reports.NUMBER_NOT_POSITIVE.format(text=_quoted(typed)))
    largest = max(numbers, default=0)
    if len(digits) > _MOST_DIGITS or int(digits) > largest:
        raise BadAnswer(texts.my_reports.NUMBER_TOO_LARGE.format(text=_quoted(digits), largest=largest))
    if int(digits) not in numbers:
        raise BadAnswer(texts.my_reports.NUMBER_NOT_IN_LIST.format(text=digits))
    return int(digits)


def parse_title(text: str, old: str) -> str:
    """A new title on one line, its signs as they were typed.

    Raises:
        BadAnswer: it is empty, too long, or the old one.
    """
    title = _on_one_line(text)
    if not title:
        raise BadAnswer(texts.my_reports.NAME_BLANK)
    if len(title) > REPORT_TITLE_CHARACTERS:
        raise BadAnswer(texts.my_reports.NAME_TOO_LONG.format(length=len(title), longest=REPORT_TITLE_CHARACTERS))
    if title == old:
        raise BadAnswer(texts.my_reports.NAME_SAME)
    return title


def parse_title_part(text: str) -> str:
    """A part of a title to look for.

    Raises:
        BadAnswer: it is empty or longer than a title.
    """
    part = _on_one_line(text)
    if not part:
        raise BadAnswer(texts.my_reports.TITLE_BLANK)
    if len(part) > REPORT_TITLE_CHARACTERS:
        raise BadAnswer(texts.my_reports.NAME_TOO_LONG.format(length=len(part), longest=REPORT_TITLE_CHARACTERS))
    return part


def parse_period(text: str) -> tuple[date | None, date | None]:
    """First and last day: two dates, one, or one with «с» or «по». None is an open end.

    Raises:
        BadAnswer: it is none of these.
    """
    found = _DATE.findall(text)
    if not found:
        raise BadAnswer(texts.my_reports.DATES_NONE)
    try:
        dates = [parse_date(each, date.max) for each in found]
    except BadField as exc:
        raise BadAnswer(str(exc)) from exc
    match dates:
        case [day] if _FROM.match(text):
            return day, None
        case [day] if _TO.match(text):
            return None, day
        case [day]:
            return day, day
        case [first, last] if first <= last:
            return first, last
        case [_, _]:
            raise BadAnswer(texts.my_reports.DATES_SWAPPED)
    raise BadAnswer(texts.my_reports.DATES_TOO_MANY)


def _on_one_line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _quoted(text: str) -> str:
    line = _on_one_line(text)
    return line if len(line) <= _LONGEST_QUOTED else line[:_LONGEST_QUOTED] + "…"
