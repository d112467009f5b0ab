"""Screens of reports: the menu, the question for the building type, and the delivery of reports and transcripts."""

import re
from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path

import texts.cards
import texts.metadata
import texts.telegram
import texts.telegram_recordings
import texts.units
from constants import LONGEST_INLINE_TEXT, MESSAGE_UTF16_UNITS, PREVIEW_CHARACTERS
from datamodels import BuildingType, MissingInterval, Recording, ReportRun, Transcript
from datamodels_telegram import Button, Screen
from markups.callback_data import Action, button, word_of
from markups.metadata import building_buttons
from markups.text import LONGEST_ON_BUTTON, LONGEST_REASON, escaped, fits, plain, utf16_units
from prompt_pack.models import ReportType, unnumbered
from reports.formats import indices_table_text
from text_cleaning import preview, printable, safe_file_name
from texts.errors_in_chats import chat_text
from texts.transcript import labelled
from transcript_formats import OTHER_FORMATS, paragraphs
from utils import clock

_MOST_WRITTEN = 60
"""Buttons of finished reports on a keyboard; Telegram takes a hundred."""
ALL_REPORTS = "all"
"""In callback data: every report of the scenario instead of one."""


def reports_menu(
    recording_number: int, file_name: str, reports: Sequence[ReportType], note: str = "", expected: str = ""
) -> Screen:
    """Offer the reports of a recording's scenario, below a ``note`` in HTML if there is one.

    ``expected`` says what all of them will take; it is empty when nobody can tell.
    """
    choices = [
        (button(plain(report.label, LONGEST_ON_BUTTON), Action.REPORT, report.id, recording_number),)
        for report in reports
    ]
    takes = texts.telegram_recordings.REPORTS_TAKE.format(expected=expected) if expected else ""
    question = texts.telegram_recordings.CHOOSE_REPORTS.format(number=recording_number, file_name=escaped(file_name))
    return Screen(
        text="\n\n".join(filter(None, (note, question, takes))),
        keyboard=(
            *choices,
            (button(texts.telegram_recordings.REPORTS_ALL, Action.REPORTS_ALL, recording_number),),
            (button(texts.telegram_recordings.TRANSCRIPT_ONLY, Action.TRANSCRIPT_ONLY, recording_number),),
            (button(texts.telegram.BACK, Action.RECORDING, recording_number),),
        ),
    )


def choose_building(recording_number: int, wanted: int | str) -> Screen:
    """Ask for the building type that a report depends on.

    ``wanted`` is the report's position in its scenario, from 1, or ``ALL_REPORTS``; an id might not fit into a button.
    """
    return Screen(
        text=texts.telegram_recordings.CHOOSE_BUILDING,
        keyboard=(
            building_buttons(Action.CHOOSE_BUILDING, recording_number, wanted),
            (button(texts.telegram.BACK, Action.CHOOSE_REPORTS, recording_number),),
        ),
    )


def written_reports(recording: Recording, written: Sequence[tuple[int, str]], outdated: Collection[int] = ()) -> Screen:
    """Offer the finished reports of a recording, each to be sent as a file; ``written`` are numbers and labels.

    ``outdated`` are the numbers of those that were written before the transcript was corrected.
    """
    back = (button(texts.telegram.BACK, Action.RECORDING, recording.number),)
    if not written:
        return Screen(text=texts.telegram_recordings.NOTHING_WRITTEN.format(number=recording.number), keyboard=(back,))
    shown = [(number, unnumbered(label)) for number, label in written[-_MOST_WRITTEN:]]
    line = texts.telegram_recordings.WRITTEN_LINE
    rows = [
        (button(plain(line.format(number=number, label=label), LONGEST_ON_BUTTON), Action.REPORT_FILE, number, "docx"),)
        for number, label in shown
    ]
    title = texts.telegram_recordings.WRITTEN_TITLE.format(
        number=recording.number, file_name=escaped(recording.file_name)
    )
    former = [number for number, _ in shown if number in outdated]
    if former:
        title += texts.telegram_recordings.WRITTEN_FROM_FORMER.format(
            numbers=", ".join(texts.telegram_recordings.NUMBERED.format(number=number) for number in former)
        )
        again = button(texts.telegram_recordings.WRITE_ANEW, Action.RECORDING_REPORTS, recording.number)
        rows.append((again,))
    return Screen(text=title, keyboard=(*rows, back))


def ordered(
    recording_number: int,
    labels: Sequence[str],
    ready: Sequence[str] = (),
    *,
    again: bool = True,
    demonstration: bool,
) -> Screen:
    """Say what was ordered; replaces the menu. Of ``labels``, those in ``ready`` are there, and only sent ``again``.

    ``demonstration`` adds what to expect of the built-in model.
    """
    new = [label for label in labels if label not in ready]
    forms = texts.telegram_recordings.ORDERED_AGAIN if again else texts.telegram_recordings.ORDERED_ONCE
    form = texts.telegram_recordings.ORDERED if not ready else forms["some" if new else "all"]
    text = form.format(number=recording_number, reports=_counted(new or ready), ready=_counted(ready))
    written = (button(texts.telegram_recordings.WRITTEN, Action.RECORDING_WRITTEN, recording_number),)
    more = (button(texts.telegram_recordings.MORE_REPORTS, Action.CHOOSE_REPORTS, recording_number),)
    return Screen(
        text=f"{text}\n\n{texts.telegram_recordings.DEMO_MODEL}" if demonstration else text,
        keyboard=(written, more) if ready and not again else (more,),
    )


def _counted(labels: Sequence[str]) -> str:
    return escaped(labels[0]) if len(labels) == 1 else texts.units.REPORT.counted(len(labels))


def ordered_already(building: BuildingType | None, pressed: BuildingType | None) -> str:
    """Say over a button that its order was made before, and for which building type when the button names another."""
    if building is None or pressed in {None, building}:
        return texts.telegram_recordings.ORDERED_ALREADY
    return texts.telegram_recordings.ORDERED_FOR_BUILDING.format(building=texts.metadata.BUILDINGS[building])


def no_language_model(recording_number: int) -> Screen:
    """Say that reports are switched off, and that nothing is lost."""
    return Screen(
        text=texts.telegram_recordings.NO_LANGUAGE_MODEL,
        keyboard=((button(texts.telegram_recordings.OPEN, Action.RECORDING, recording_number),),),
    )


def transcript_only(recording_number: int) -> Screen:
    """Say that no reports were ordered, and where to order them later."""
    return Screen(
        text=texts.telegram_recordings.TRANSCRIPT_ONLY_CHOSEN.format(number=recording_number),
        keyboard=((button(texts.telegram_recordings.OPEN, Action.RECORDING, recording_number),),),
    )


_LONGEST_STEM = 80
_LONGEST_QUESTION = 200
_BEGINNING = 10 * PREVIEW_CHARACTERS
"""Characters of Markdown that are enough to make a preview from."""
_LISTED_INTERVALS = 5
_LISTED_WARNINGS = 8
_ROOM_FOR_TABLE = MESSAGE_UTF16_UNITS - 600
"""UTF-16 units for a table in a message of its own; the rest is for the title above, which may be all emoji."""

_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_BULLET = re.compile(r"^(\s*)[-*+]\s+")
_QUOTE = re.compile(r"^\s{0,3}>\s?")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*<>]+?)(?<=[^\s*])\*(?![\w*])")


def transcript_message(recording: Recording, transcript: Transcript) -> Screen:
    """Show a short transcript in full or the beginning of a longer one, and which intervals have no text."""
    said = "\n".join(labelled(each.label, each.text) for each in paragraphs(transcript)) or texts.cards.NOTHING_SAID
    shown = said if len(said) <= LONGEST_INLINE_TEXT else preview(said, PREVIEW_CHARACTERS)
    head = texts.cards.TRANSCRIPT.format(number=recording.number, file_name=escaped(recording.file_name))
    notes = [_missing(transcript.missing)] if transcript.missing else []
    notes += _warnings(recording.warnings)
    keyboard = tuple(
        button(each.label, Action.TRANSCRIPT_FILE, recording.number, each.extension) for each in OTHER_FORMATS
    )
    return Screen(text=_fitting([head, escape(shown, quote=False), *notes]), keyboard=(keyboard,))


def transcript_file_caption(recording: Recording) -> Screen:
    """Return the caption of the file with the full transcript."""
    return Screen(text=texts.cards.TRANSCRIPT.format(number=recording.number, file_name=escaped(recording.file_name)))


def transcript_file_name(recording: Recording, extension: str) -> str:
    """Return the name of a transcript's file: «Расшифровка 12 interview_17.txt»."""
    stem = plain(Path(recording.file_name).stem, _LONGEST_STEM)
    return safe_file_name(
        texts.cards.TRANSCRIPT_FILE_NAME.format(number=recording.number, stem=stem, extension=extension),
    )


def report_messages(about: Recording | str, run: ReportRun, label: str) -> list[Screen]:
    """Show a short report in full or the beginning of a longer one, its indices as a table, and its warnings.

    ``about`` is the report's recording or, as in the functions below, the question of a research. The table is a
    message of its own when it does not fit.
    """
    text = printable(run.text or "").strip()
    head = _report_head(about, run, label)
    if is_long(run):
        beginning = preview(_without_markup(text[:_BEGINNING]), PREVIEW_CHARACTERS)
        body = f"{escape(beginning, quote=False)}\n\n{texts.cards.REPORT_IN_FILE}"
    else:
        body = markdown_as_html(text)
    table = _table(run)
    notes = (
        [texts.cards.NO_INDICES.format(reason=escaped(run.indices_error, LONGEST_REASON))] if run.indices_error else []
    )
    notes += _warnings(run.warnings)
    keyboard = (_report_buttons(run),) if run.number is not None else ()
    whole = "\n\n".join(filter(None, (head, body, table, *notes)))
    if fits(whole):
        return [Screen(text=whole, keyboard=keyboard)]
    return [
        Screen(text=_fitting([head, body, *notes]), keyboard=keyboard),
        *([Screen(text=f"{head}\n\n{table}")] if table else []),
    ]


def is_long(run: ReportRun) -> bool:
    """Tell whether the report is delivered as a file with a preview."""
    return len(run.text or "") > LONGEST_INLINE_TEXT


def report_file_caption(about: Recording | str, run: ReportRun, label: str) -> Screen:
    """Return the caption of the file with the full report."""
    return Screen(text=_report_head(about, run, label))


def report_file_name(number: int | None, title: str, extension: str) -> str:
    """Return the name of a report's file: «№5 Отчет о связках — Заря, 03.11.2026.docx»; None is no number yet."""
    form = texts.cards.REPORT_FILE_UNNUMBERED if number is None else texts.cards.REPORT_FILE_NAME
    return safe_file_name(form.format(report=number, title=plain(title, _LONGEST_STEM), extension=extension))


def report_failed(about: Recording | str, run: ReportRun, label: str) -> Screen:
    """Say why a report was not written, and offer another try."""
    reason = escaped(chat_text(run.error_code, run.error_text), LONGEST_REASON)
    if isinstance(about, str):
        again = button(texts.cards.RETRY_BUTTON, Action.RESEARCH_AGAIN, word_of(run.id))
        text = texts.cards.RESEARCH_FAILED.format(question=escaped(about, _LONGEST_QUESTION), reason=reason)
        return Screen(text=text, keyboard=((again,),))
    text = texts.cards.REPORT_FAILED.format(
        label=escaped(label), number=about.number, file_name=escaped(about.file_name), reason=reason
    )
    return Screen(
        text=text, keyboard=((button(texts.cards.RETRY_BUTTON, Action.REPORT, run.report_id, about.number),),)
    )


def more_reports(recording: Recording) -> Screen:
    """Offer further reports."""
    text = texts.cards.MORE_REPORTS.format(number=recording.number)
    return Screen(text=text, keyboard=((button(texts.cards.CHOOSE_REPORTS, Action.CHOOSE_REPORTS, recording.number),),))


def _report_head(about: Recording | str, run: ReportRun, label: str) -> str:
    if isinstance(about, str):
        return texts.cards.RESEARCH.format(question=escaped(about, _LONGEST_QUESTION))
    form = texts.cards.REPORT_UNNUMBERED if run.number is None else texts.cards.REPORT
    name, shown = escaped(about.file_name), escaped(unnumbered(label))
    return form.format(report=run.number, label=shown, number=about.number, file_name=name)


def _report_buttons(run: ReportRun) -> tuple[Button, ...]:
    assert run.number is not None  # noqa: S101  # asked before
    # A long one comes as DOCX anyway.
    extensions = ("md" if is_long(run) else "docx", "pdf")
    return tuple(button(each.upper(), Action.REPORT_FILE, run.number, each) for each in extensions)


def _table(run: ReportRun) -> str:
    if not run.indices:
        return ""
    lines, room = [], _ROOM_FOR_TABLE
    for line in indices_table_text(run.indices).splitlines():
        room -= utf16_units(line) + 1
        if room < 0:
            lines.append(texts.cards.MORE_LINES)
            break
        lines.append(line)
    text = "\n".join(lines)
    return f"<pre>{escape(text, quote=False)}</pre>"


def _missing(intervals: Sequence[MissingInterval]) -> str:
    listed = [texts.cards.INTERVAL.format(start=clock(each.start), end=clock(each.end)) for each in intervals]
    more = len(listed) - _LISTED_INTERVALS
    if more > 0:
        listed = [*listed[:_LISTED_INTERVALS], texts.cards.MORE_INTERVALS.format(count=more)]
    reason = escaped(intervals[0].reason, LONGEST_REASON)
    return texts.cards.MISSING.format(intervals=", ".join(listed), reason=reason)


def _warnings(warnings: Sequence[str]) -> list[str]:
    return [texts.cards.WARNING.format(warning=escaped(each, LONGEST_REASON)) for each in warnings[:_LISTED_WARNINGS]]


def _fitting(blocks: list[str]) -> str:
    """Join the blocks to a message, without the last ones when there is no room. The first two always fit."""
    while not fits("\n\n".join(blocks)):
        blocks = blocks[:-1]
    return "\n\n".join(blocks)


def _without_markup(markdown: str) -> str:
    """Return Markdown as plain lines, as a reader sees it."""
    return "\n".join(_plain_line(line) for line in markdown.splitlines())


def _plain_line(line: str) -> str:
    heading = _HEADING.match(line)
    line = heading[1] if heading else _BULLET.sub(r"\1• ", _QUOTE.sub("", line))
    return _EMPHASIS.sub(r"\1", _STRONG.sub(r"\2", line))


def markdown_as_html(markdown: str) -> str:
    """Return Markdown as HTML with bold headings and emphasis."""
    lines = []
    for line in markdown.splitlines():
        escaped_line = escape(_plain_line(line), quote=False)
        if _HEADING.match(line):
            lines.append(f"<b>{escaped_line}</b>" if escaped_line.strip() else "")
        else:
            stressed = escape(_BULLET.sub(r"\1• ", _QUOTE.sub("", line)), quote=False)
            lines.append(_EMPHASIS.sub(r"<i>\1</i>", _STRONG.sub(r"<b>\2</b>", stressed)))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
