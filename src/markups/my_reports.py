"""Screens of «Мои отчеты»: the menu, questions and confirmations, pages, filters, export, charts."""

from collections.abc import Sequence

import texts.my_reports
import texts.speeches
import texts.telegram
from constants import NO_RECORDING, REPORT_LIST_BYTES, REPORT_TITLE_CHARACTERS
from datamodels import ReportFile
from datamodels_telegram import Button, Screen
from markups.callback_data import Action, button
from markups.text import LONGEST_ON_BUTTON, escaped, plain
from prompt_pack.models import unnumbered
from system.local_time import local
from utils import human_size

REPORTS_ON_PAGE = 10
_PAGES_AT_ONCE = 10
_LONGEST_FILTER = 300
"""Characters of a filter of dates, title, kind and scenario on one line."""
_OTHER_EXTENSIONS = ("docx", "pdf", "json")
_LONGEST_LISTED_TITLE = 34
_LONGEST_NOTE = 300
_MOST_CHOICES = 60
"""The largest number of buttons of choices on a keyboard; Telegram takes a hundred."""
EVERY = "all"
"""Stands for any type or scenario in a button's data; no pack can have a type or scenario of this name."""

_FILTER_QUESTIONS = {
    Action.REPORT_FILTER_TYPE: texts.my_reports.CHOOSE_TYPE,
    Action.REPORT_FILTER_SCENARIO: texts.my_reports.CHOOSE_SCENARIO,
    Action.REPORT_FILTER_PLACE: texts.my_reports.CHOOSE_PLACE,
    Action.REPORT_FILTER_EMPLOYEE: texts.my_reports.CHOOSE_EMPLOYEE,
}
_BACK_TO_REPORTS = (button(texts.telegram.BACK, Action.REPORT_MENU),)
_CANCEL = (button(texts.telegram.CANCEL, Action.REPORT_CANCEL),)


def list_menu(count: int, lasts_minutes: int, filter_lines: Sequence[str] = ()) -> Screen:
    """Show the menu below the list of reports that was sent.

    It says that people can type the list's numbers for ``lasts_minutes`` minutes, and which filter they have set.
    """
    minutes = f"{lasts_minutes} {texts.my_reports.LIST_MINUTES.form(lasts_minutes)}"
    text = texts.my_reports.MENU.format(reports=texts.my_reports.REPORT.counted(count), minutes=minutes)
    if filter_lines:
        text += "\n\n" + texts.my_reports.MENU_FILTERED.format(filter=escaped("; ".join(filter_lines), _LONGEST_FILTER))
    return _menu(text)


def reports_menu_after(tell: str = "") -> Screen:
    """Show the menu, below ``tell`` if given: the outcome of an action, in HTML."""
    return _menu("\n\n".join(filter(None, (tell, texts.my_reports.MENU_PLAIN))))


def no_reports() -> Screen:
    return Screen(text=texts.my_reports.NONE, keyboard=((button(texts.telegram.BACK, Action.MENU_MAIN),),))


def stale_list(minutes: int) -> Screen:
    """Say that the list is too old: its numbers can be used only for ``minutes`` after it is shown."""
    return Screen(
        text=texts.my_reports.STALE.format(minutes=texts.my_reports.MINUTES_GENITIVE.counted(minutes)),
        keyboard=(
            (button(texts.my_reports.OPEN, Action.SHOW_MY_REPORTS),),
            (button(texts.telegram.BACK, Action.MENU_MAIN),),
        ),
    )


def list_too_large(count: int, size_bytes: int) -> Screen:
    """Say that the list is too large to be sent, and what helps."""
    return _menu(
        texts.my_reports.TOO_LARGE.format(
            reports=texts.my_reports.REPORT.counted(count),
            size=human_size(size_bytes),
            limit=human_size(REPORT_LIST_BYTES),
        )
    )


def list_caption(count: int) -> Screen:
    return Screen(text=texts.my_reports.LIST_CAPTION.format(reports=texts.my_reports.REPORT.counted(count)))


def ask_number(step: str, note: str = "") -> Screen:
    """Ask for a report's number for ``step``, a key of ``ASK_NUMBER``, below a ``note`` in plain text."""
    return _asked(texts.my_reports.ASK_NUMBER[step], note)


def ask_name(report: ReportFile, note: str = "") -> Screen:
    """Ask for a report's new title, below a ``note`` in plain text."""
    return _asked(texts.my_reports.ASK_NAME.format(report=named(report), longest=REPORT_TITLE_CHARACTERS), note)


def ask_dates(note: str = "") -> Screen:
    return _asked(texts.my_reports.ASK_DATES, note)


def ask_title_part(note: str = "") -> Screen:
    return _asked(texts.my_reports.ASK_TITLE, note)


def tries_left(reason: str, left: int) -> str:
    """Return why a reply was not accepted, and how many tries are left, in plain text."""
    return f"❌ {reason} " + texts.my_reports.TRIES_LEFT.format(
        left=texts.my_reports.LEFT.form(left), tries=texts.my_reports.TRY.counted(left)
    )


def view_question(report: ReportFile) -> Screen:
    return _confirmation(
        texts.my_reports.VIEW_QUESTION.format(report=named(report)),
        texts.my_reports.VIEW_CONFIRM,
        Action.REPORT_VIEW_CONFIRM,
        report.number,
    )


def rename_question(report: ReportFile, new: str) -> Screen:
    """Ask whether the report gets its new title, which is shown whole."""
    question = texts.my_reports.RENAME_QUESTION.format(
        number=report.number,
        old=escaped(report.title, REPORT_TITLE_CHARACTERS),
        new=escaped(new, REPORT_TITLE_CHARACTERS),
    )
    return _confirmation(question, texts.my_reports.RENAME_CONFIRM, Action.REPORT_RENAME_CONFIRM, report.number)


def delete_question(report: ReportFile) -> Screen:
    return _confirmation(
        texts.my_reports.DELETE_QUESTION.format(report=named(report)),
        texts.my_reports.DELETE_CONFIRM,
        Action.REPORT_DELETE_CONFIRM,
        report.number,
    )


def view_caption(report: ReportFile) -> Screen:
    """Return the caption of a report's file, with buttons for the other formats."""
    return Screen(
        text=texts.my_reports.VIEW_CAPTION.format(number=report.number, title=escaped(report.title)),
        keyboard=(tuple(button(each, Action.REPORT_FILE, report.number, each) for each in _OTHER_EXTENSIONS),),
    )


def reports_page(reports: Sequence[ReportFile], page: int, filter_lines: Sequence[str]) -> Screen:
    """Show one page of the reports that fit a filter; for a page that does not exist, the nearest one."""
    controls = (
        (
            button(texts.my_reports.FILTERS, Action.REPORT_FILTERS),
            button(texts.my_reports.EXPORT, Action.REPORT_EXPORT),
        ),
        _BACK_TO_REPORTS,
    )
    if not reports:
        filtered_by = texts.my_reports.PAGE_FILTERED.format(filter=escaped("; ".join(filter_lines), _LONGEST_FILTER))
        return Screen(text=f"{texts.my_reports.PAGE_NOTHING}\n{filtered_by}", keyboard=controls)
    pages = -(-len(reports) // REPORTS_ON_PAGE)
    page = max(1, min(page, pages))
    title = texts.my_reports.PAGE_ONE if pages == 1 else texts.my_reports.PAGE
    text = title.format(reports=texts.my_reports.REPORT.counted(len(reports)), page=page, pages=pages)
    if filter_lines:
        text += "\n" + texts.my_reports.PAGE_FILTERED.format(filter=escaped("; ".join(filter_lines), _LONGEST_FILTER))
    shown = reports[(page - 1) * REPORTS_ON_PAGE : page * REPORTS_ON_PAGE]
    listed = [(button(_listed(report), Action.REPORT_CARD, report.number),) for report in shown]
    turn = _turning(page, pages)
    return Screen(text=text, keyboard=(*listed, *([turn] if turn else []), *controls))


def report_card(report: ReportFile, *, speaks: bool = False) -> Screen:
    """Show all that the list says about a report, with its actions."""
    text = texts.my_reports.CARD.format(
        number=report.number,
        title=escaped(report.title, REPORT_TITLE_CHARACTERS),
        label=escaped(unnumbered(report.label)),
        about=_about(report),
        date=_date(report),
        size=human_size(report.size_bytes),
        tokens=report.tokens,
    )
    speak = (button(texts.speeches.BUTTON, Action.SPEAK_REPORT, report.number),) if speaks else ()
    return Screen(
        text=text,
        keyboard=(
            (button(texts.my_reports.VIEW, Action.REPORT_VIEW, report.number), *speak),
            (
                button(texts.my_reports.RENAME, Action.REPORT_RENAME, report.number),
                button(texts.my_reports.DELETE, Action.REPORT_DELETE, report.number),
            ),
            (button(texts.telegram.BACK, Action.REPORT_LIST, 1),),
        ),
    )


def filters_menu(filter_lines: Sequence[str], fitting: int) -> Screen:
    """Show the filter, how many reports fit, and buttons to change it."""
    lines = "\n".join(f"• {escaped(line)}" for line in filter_lines) or texts.my_reports.FILTER_NONE
    return Screen(
        text=texts.my_reports.FILTERS_TITLE.format(filter=lines, reports=texts.my_reports.REPORT.counted(fitting)),
        keyboard=(
            (
                button(texts.my_reports.FILTER_DATES_BUTTON, Action.REPORT_FILTER_DATES),
                button(texts.my_reports.FILTER_TITLE_BUTTON, Action.REPORT_FILTER_TITLE),
            ),
            (
                button(texts.my_reports.FILTER_TYPE_BUTTON, Action.REPORT_FILTER_TYPE),
                button(texts.my_reports.FILTER_SCENARIO_BUTTON, Action.REPORT_FILTER_SCENARIO),
            ),
            (
                button(texts.my_reports.FILTER_PLACE_BUTTON, Action.REPORT_FILTER_PLACE),
                button(texts.my_reports.FILTER_EMPLOYEE_BUTTON, Action.REPORT_FILTER_EMPLOYEE),
            ),
            *([(button(texts.my_reports.FILTER_RESET_BUTTON, Action.REPORT_FILTER_RESET),)] if filter_lines else []),
            (button(texts.my_reports.PAGES, Action.REPORT_LIST, 1),),
            _BACK_TO_REPORTS,
        ),
    )


def filter_choice(action: Action, choices: Sequence[tuple[str, str]]) -> Screen:
    """Ask for what ``action`` filters by; ``choices`` are pairs of id and label."""
    question = _FILTER_QUESTIONS[action]
    rows = [(button(plain(label, LONGEST_ON_BUTTON), action, id_),) for id_, label in choices[:_MOST_CHOICES]]
    every = (button(texts.my_reports.FILTER_ANY, action, EVERY),)
    return Screen(text=question, keyboard=(*rows, every, (button(texts.telegram.BACK, Action.REPORT_FILTERS),)))


def export_menu(count: int, extensions: Sequence[str]) -> Screen:
    return Screen(
        text=texts.my_reports.EXPORT_QUESTION.format(count=count),
        keyboard=(
            tuple(button(extension.upper(), Action.REPORT_EXPORT, extension) for extension in extensions),
            _BACK_TO_REPORTS,
        ),
    )


def export_caption(count: int, filter_lines: Sequence[str] = ()) -> Screen:
    """Return the caption of a table: how many reports it has, and by which filter they were picked."""
    text = texts.my_reports.EXPORT_CAPTION.format(reports=texts.my_reports.REPORT.counted(count))
    if filter_lines:
        text += texts.my_reports.EXPORT_FILTERED.format(filter=escaped("; ".join(filter_lines), _LONGEST_FILTER))
    return Screen(text=text)


def charts_menu() -> Screen:
    return Screen(
        text=texts.my_reports.CHARTS_QUESTION,
        keyboard=(
            (button(texts.my_reports.CHART_MONTHS_BUTTON, Action.REPORT_CHART_MONTHS),),
            *((button(label, Action.REPORT_TREND, by),) for by, label in texts.my_reports.TREND_BUTTONS.items()),
            _BACK_TO_REPORTS,
        ),
    )


def trend_types_menu(by: str, types: Sequence[tuple[str, str]]) -> Screen:
    """Ask for the report type whose index is to be drawn; ``types`` are pairs of id and label.

    ``by`` says whether the chart compares employees or places, as in ``texts.my_reports.TREND_BUTTONS``.
    """
    rows = [
        (button(plain(label, LONGEST_ON_BUTTON), Action.REPORT_TREND, by, id_),) for id_, label in types[:_MOST_CHOICES]
    ]
    back = (button(texts.telegram.BACK, Action.REPORT_CHARTS),)
    return Screen(text=texts.my_reports.TREND_TYPE_QUESTION, keyboard=(*rows, back))


def trend_indices_menu(by: str, report_id: str, label: str, indices: Sequence[str]) -> Screen:
    """Ask for the index to be drawn; ``indices`` are labels, and a button carries the position of its label, from 1."""
    rows = [
        (button(plain(index, LONGEST_ON_BUTTON), Action.REPORT_TREND, by, report_id, place),)
        for place, index in enumerate(indices[:_MOST_CHOICES], 1)
    ]
    text = texts.my_reports.TREND_INDEX_QUESTION.format(label=escaped(label))
    return Screen(text=text, keyboard=(*rows, (button(texts.telegram.BACK, Action.REPORT_TREND, by),)))


def chart_caption(title: str) -> Screen:
    return Screen(text=escaped(title))


def named(report: ReportFile) -> str:
    """Return what identifies a report, in HTML: number, title, type, recording, date and size."""
    return texts.my_reports.NAMED.format(
        number=report.number,
        title=escaped(report.title),
        label=escaped(unnumbered(report.label)),
        about=""
        if report.recording_number == NO_RECORDING
        else texts.my_reports.NAMED_RECORDING.format(number=report.recording_number),
        date=_date(report),
        size=human_size(report.size_bytes),
    )


def _about(report: ReportFile) -> str:
    name = escaped(report.recording_file_name)
    if report.recording_number == NO_RECORDING:
        return texts.my_reports.CARD_RESEARCH.format(question=name)
    return texts.my_reports.CARD_RECORDING.format(number=report.recording_number, file_name=name)


def _menu(text: str) -> Screen:
    return Screen(
        text=text,
        keyboard=(
            (button(texts.my_reports.VIEW, Action.REPORT_VIEW),),
            (button(texts.my_reports.RENAME, Action.REPORT_RENAME),),
            (button(texts.my_reports.DELETE, Action.REPORT_DELETE),),
            (
                button(texts.my_reports.PAGES, Action.REPORT_LIST, 1),
                button(texts.my_reports.FILTERS, Action.REPORT_FILTERS),
            ),
            (
                button(texts.my_reports.EXPORT, Action.REPORT_EXPORT),
                button(texts.my_reports.CHARTS, Action.REPORT_CHARTS),
            ),
            (button(texts.telegram.BACK, Action.MENU_MAIN),),
        ),
    )


def _asked(question: str, note: str) -> Screen:
    noted = f"{escaped(note, _LONGEST_NOTE)}\n\n" if note else ""
    return Screen(text=noted + question, keyboard=(_CANCEL,))


def _confirmation(question: str, label: str, action: Action, number: int) -> Screen:
    return Screen(text=question, keyboard=((button(label, action, number),), _CANCEL))


def _turning(page: int, pages: int) -> tuple[Button, ...]:
    turns = [
        (texts.my_reports.FAR_BACK, page - _PAGES_AT_ONCE if pages > _PAGES_AT_ONCE else 0),
        (texts.my_reports.PREVIOUS, page - 1),
        (texts.my_reports.NEXT, page + 1),
        (texts.my_reports.FAR_ON, page + _PAGES_AT_ONCE if pages > _PAGES_AT_ONCE else pages + 1),
    ]
    return tuple(button(sign, Action.REPORT_LIST, to) for sign, to in turns if 1 <= to <= pages)


def _listed(report: ReportFile) -> str:
    # The day stands before the title: most titles end with the same one.
    title = report.title.removesuffix(f" — {_date(report)}")
    return texts.my_reports.PAGE_LINE.format(
        number=report.number,
        date=f"{local(report.created_at):%d.%m.%y}",
        title=plain(title, _LONGEST_LISTED_TITLE),
    )


def _date(report: ReportFile) -> str:
    return f"{local(report.created_at):%d.%m.%Y}"
