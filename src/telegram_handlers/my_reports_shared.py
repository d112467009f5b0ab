"""Functions that the handlers of «Мои отчеты» share: the current list, the menu after an action, and typed input."""

import re
from collections.abc import Set
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import texts.chats
import texts.my_reports
from constants import REPORT_TITLE_CHARACTERS
from datamodels_telegram import MessageKind
from errors import BadText
from markups.my_reports import reports_menu_after, stale_list
from message_tracker import MessageTracker
from metadata.dates import days_named, parse_date, period_named
from metrics import REPORT_ACTIONS
from prompt_pack.models import ReportPack
from reports.archive import ReportArchive
from reports.archive_filters import ReportSnapshot, minutes_of
from reports.desk import ReportDesk
from telegram_handlers.context import Context
from telegram_handlers.shared import show
from text_cleaning import one_line, shortened


class ReportAction(StrEnum):
    """An action of a person on their reports; the value is its label in the metrics."""

    OPEN = "open"
    VIEW = "view"
    RENAME = "rename"
    DELETE = "delete"
    FILTER = "filter"
    EXPORT = "export"
    CHART = "chart"
    CANCEL = "cancel"


@dataclass(frozen=True)
class MyReportsWork:
    """The parts that the handlers use. With ``speaks`` there is a button that has a report said."""

    archive: ReportArchive
    pack: ReportPack
    desk: ReportDesk
    speaks: bool = False


class DeskScreens:
    """Screens that several actions lead to."""

    def __init__(self, desk: ReportDesk, messages: MessageTracker) -> None:
        self._desk = desk
        self._messages = messages

    async def good_snapshot(self, context: Context, action: ReportAction) -> ReportSnapshot | None:
        """Load the list whose numbers the person may type.

        When there is none, or it is too old, tell the person and return None.
        """
        snapshot = await self._desk.usable_snapshot(context.user.id)
        if snapshot is None:
            count(action, "stale")
            await show(self._messages, context, MessageKind.MENU, stale_list(minutes_of(self._desk.lasts)))
        return snapshot

    async def show_menu_after(self, context: Context, tell: str = "") -> None:
        """Show an action's outcome, ``tell`` in HTML, and the menu below it, in place of the pressed message if any."""
        await show(self._messages, context, MessageKind.MENU, reports_menu_after(tell))


def questions_left(interrupted: bool) -> str:
    """Return the note, in plain text, that a new dialog ``interrupted`` the questions about a recording; "" if not."""
    return texts.my_reports.QUESTIONS_LEFT if interrupted else ""


def count(action: ReportAction, outcome: str) -> None:
    """Count an action and its outcome in the metrics."""
    REPORT_ACTIONS.labels(action, outcome).inc()


_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_NUMBER_SIGN = re.compile(r"^(?:№|#|n[o°º]\.?|номер)\s*", re.IGNORECASE)
_NEGATIVE = re.compile(r"[-−–—]\s*[0-9]+", re.ASCII)
_MOST_DIGITS = 9
_LONGEST_QUOTED = 30
_DATE = re.compile(r"\b\d{1,4}[.\-/]\d{1,2}[.\-/]\d{1,4}\b", re.ASCII)
_FROM = re.compile(r"\s*(с|со|от|после)\b", re.IGNORECASE)
_TO = re.compile(r"\s*(по|до)\b", re.IGNORECASE)


def parse_number(text: str, numbers: Set[int]) -> int:
    """Parse the number of a report, one of ``numbers``, in ASCII digits: «5», «№5», «№ 5.».

    Raises:
        BadText: the text is not such a number.
    """
    typed = _NUMBER_SIGN.sub("", text.strip()).removesuffix(".").strip()
    if not typed:
        raise BadText(reason=texts.my_reports.NUMBER_BLANK)
    if _NEGATIVE.fullmatch(typed):
        raise BadText(reason=texts.my_reports.NUMBER_NOT_POSITIVE.format(text=_quoted(typed)))
    if not _NUMBER.fullmatch(typed):
        raise BadText(reason=texts.my_reports.NUMBER_NOT_DIGITS.format(text=_quoted(typed)))
    digits = typed.lstrip("0")
    if not digits:
        raise BadText(reason=texts.my_reports.NUMBER_NOT_POSITIVE.format(text=_quoted(typed)))
    largest = max(numbers, default=0)
    if len(digits) > _MOST_DIGITS or int(digits) > largest:
        raise BadText(reason=texts.my_reports.NUMBER_TOO_LARGE.format(text=_quoted(digits), largest=largest))
    if int(digits) not in numbers:
        raise BadText(reason=texts.my_reports.NUMBER_NOT_IN_LIST.format(text=digits))
    return int(digits)


def parse_title(text: str, old: str) -> str:
    """Parse a new title, and put it on one line.

    Raises:
        BadText: the title is empty, too long, or the old one.
    """
    title = one_line(text)
    if not title:
        raise BadText(reason=texts.my_reports.NAME_BLANK)
    if len(title) > REPORT_TITLE_CHARACTERS:
        raise _too_long(title)
    if title == old:
        raise BadText(reason=texts.my_reports.NAME_SAME)
    return title


def parse_title_part(text: str) -> str:
    """Parse a part of a title to search for.

    Raises:
        BadText: the text is empty or longer than a title.
    """
    part = one_line(text)
    if not part:
        raise BadText(reason=texts.my_reports.TITLE_BLANK)
    if len(part) > REPORT_TITLE_CHARACTERS:
        raise _too_long(part)
    return part


def _too_long(title: str) -> BadText:
    length = texts.chats.CHARACTER.counted(len(title))
    return BadText(reason=texts.my_reports.NAME_TOO_LONG.format(length=length, longest=REPORT_TITLE_CHARACTERS))


def parse_period(text: str, today: date) -> tuple[date | None, date | None]:
    """Parse a period into its first and last day, both included; None is an open end.

    A period is two dates, one date, one date with «с», «по» or the like before it, or a week, month or year.

    Raises:
        BadText: the text is none of these, has a date that does not exist, or its second date is before the first.
    """
    if period := period_named(text, today):
        return period
    dates = [parse_date(each, date.max) for each in _DATE.findall(text)] or days_named(text, today)
    match dates:
        case []:
            raise BadText(reason=texts.my_reports.DATES_NONE)
        case [day] if _FROM.match(text):
            return day, None
        case [day] if _TO.match(text):
            return None, day
        case [day]:
            return day, day
        case [first, last] if first <= last:
            return first, last
        case [_, _]:
            raise BadText(reason=texts.my_reports.DATES_SWAPPED)
    raise BadText(reason=texts.my_reports.DATES_TOO_MANY)


def _quoted(text: str) -> str:
    return shortened(one_line(text), _LONGEST_QUOTED)
