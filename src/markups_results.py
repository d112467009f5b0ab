"""What is delivered: transcripts, reports with their indices, and what comes after them."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import texts_cards as texts
from constants import LONGEST_INLINE_TEXT, MESSAGE_UTF16_UNITS, PREVIEW_CHARACTERS
from datamodels import MissingInterval, Recording, ReportRun, Transcript
from datamodels_telegram import Button, Screen
from markups import Action, button
from markups_fit import fits, preview, utf16_units
from markups_recordings import TRANSCRIPT_EXTENSIONS
from markups_text import LONGEST_REASON, escaped, plain
from report_formats import indices_table_text, printable
from texts_transcript import labelled
from transcript_formats import paragraphs
from utils import clock, safe_file_name

_LONGEST_STEM = 80
_BEGINNING = 10 * PREVIEW_CHARACTERS
"""Characters of Markdown whose text is more than a preview."""
_LISTED_INTERVALS = 5
_LISTED_WARNINGS = 8
_ROOM_FOR_TABLE = MESSAGE_UTF16_UNITS - 600
"""A table that goes alone has a title above it, which may be all emoji."""

_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_BULLET = re.compile(r"^(\s*)[-*+]\s+")
_QUOTE = re.compile(r"^\s{0,3}>\s?")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*<>]+?)(?<=[^\s*])\*(?![\w*])")


def transcript_message(recording: Recording, transcript: Transcript) -> Screen:
    """Show a short transcript whole, of a longer one the beginning, and what is missing in it."""
    said = "\n".join(labelled(each.label, each.text) for each in paragraphs(transcript)) or texts.NOTHING_SAID
    shown = said if len(said) <= LONGEST_INLINE_TEXT else preview(said, PREVIEW_CHARACTERS)
    head = texts.TRANSCRIPT.format(number=recording.number, file_name=escaped(recording.file_name))
    notes = [_missing(transcript.missing)] if transcript.missing else []
    notes += _warnings(recording.warnings)
    forms = [(extension.upper(), Action.TRANSCRIPT_FILE, extension) for extension in TRANSCRIPT_EXTENSIONS]
    keyboard = tuple(button(label, action, recording.number, extension) for label, action, extension in forms)
    return Screen(text=_fitting([head, escape(shown, quote=False), *notes]), keyboard=(keyboard,))


def transcript_file_caption(recording: Recording) -> Screen:
    """What stands under the whole transcript."""
    return Screen(text=texts.TRANSCRIPT.format(number=recording.number, file_name=escaped(recording.file_name)))


def transcript_file_name(recording: Recording, extension: str) -> str:
    """«Расшифровка 12 interview_17.txt»"""
    stem = plain(Path(recording.file_name).stem, _LONGEST_STEM)
    return safe_file_name(
        texts.TRANSCRIPT_FILE_NAME.format(number=recording.number, stem=stem, extension=extension),
    )


def report_messages(recording: Recording, run: ReportRun, label: str) -> list[Screen]:
    """Show a short report whole, of a longer one the beginning, its indices as a table, and what to know about it.

    The table is a message of its own when it does not fit.
    """
    text = printable(run.text or "").strip()
    head = _report_head(recording, label)
    if is_long(run):
        beginning = preview(_without_markup(text[:_BEGINNING]), PREVIEW_CHARACTERS)
        body = f"{escape(beginning, quote=False)}\n\n{texts.REPORT_IN_FILE}"
    else:
        body = markdown_as_html(text)
    table = _table(run)
    notes = [texts.NO_INDICES.format(reason=escaped(run.indices_error, LONGEST_REASON))] if run.indices_error else []
    notes += _warnings(run.warnings)
    keyboard = (_report_buttons(run, "md" if is_long(run) else "docx"),) if run.number is not None else ()
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


def report_file_caption(recording: Recording, label: str) -> Screen:
    """What stands under a whole report."""
    return Screen(text=_report_head(recording, label))


def report_file_name(recording: Recording, label: str, extension: str) -> str:
    """«2) Отчет о связках 12.docx»"""
    name = texts.REPORT_FILE_NAME.format(
        label=plain(label, _LONGEST_STEM), number=recording.number, extension=extension
    )
    return safe_file_name(name)


def report_failed(recording: Recording, run: ReportRun, label: str) -> Screen:
    """Say why a report was not written, and offer another try."""
    text = texts.REPORT_FAILED.format(
        label=escaped(label),
        number=recording.number,
        file_name=escaped(recording.file_name),
        reason=escaped(run.error_text or "", LONGEST_REASON),
    )
    return Screen(text=text, keyboard=((button(texts.RETRY_BUTTON, Action.REPORT, run.report_id, recording.number),),))


def more_reports(recording: Recording) -> Screen:
    """Offer further reports."""
    text = texts.MORE_REPORTS.format(number=recording.number)
    return Screen(text=text, keyboard=((button(texts.CHOOSE_REPORTS, Action.CHOOSE_REPORTS, recording.number),),))


def _report_head(recording: Recording, label: str) -> str:
    name = escaped(recording.file_name)
    return texts.REPORT.format(label=escaped(label), number=recording.number, file_name=name)


def _report_buttons(run: ReportRun, extension: str) -> tuple[Button, ...]:
    assert run.number is not None  # noqa: S101  # asked before
    return (button(extension.upper(), Action.REPORT_FILE, run.number, extension),)


def _table(run: ReportRun) -> str:
    if not run.indices:
        return ""
    lines, room = [], _ROOM_FOR_TABLE
    for line in indices_table_text(run.indices).splitlines():
        room -= utf16_units(line) + 1
        if room < 0:
            lines.append(texts.MORE_LINES)
            break
        lines.append(line)
    text = "\n".join(lines)
    return f"<pre>{escape(text, quote=False)}</pre>"


def _missing(intervals: Sequence[MissingInterval]) -> str:
    listed = [texts.INTERVAL.format(start=clock(each.start), end=clock(each.end)) for each in intervals]
    more = len(listed) - _LISTED_INTERVALS
    if more > 0:
        listed = [*listed[:_LISTED_INTERVALS], texts.MORE_INTERVALS.format(count=more)]
    reason = escaped(intervals[0].reason, LONGEST_REASON)
    return texts.MISSING.format(intervals=", ".join(listed), reason=reason)


def _warnings(warnings: Sequence[str]) -> list[str]:
    return [texts.WARNING.format(warning=escaped(each, LONGEST_REASON)) for each in warnings[:_LISTED_WARNINGS]]


def _fitting(blocks: list[str]) -> str:
    """The blocks as a message; the last ones are left out when they are too much. The first two always fit."""
    while not fits("\n\n".join(blocks)):
        blocks = blocks[:-1]
    return "\n\n".join(blocks)


def _without_markup(markdown: str) -> str:
    """What a reader sees of Markdown, as plain lines."""
    return "\n".join(_plain_line(line) for line in markdown.splitlines())


def _plain_line(line: str) -> str:
    heading = _HEADING.match(line)
    line = heading[1] if heading else _BULLET.sub(r"\1• ", _QUOTE.sub("", line))
    return _EMPHASIS.sub(r"\1", _STRONG.sub(r"\2", line))


def markdown_as_html(markdown: str) -> str:
    """What a reader sees of Markdown, with bold headings and stresses."""
    lines = []
    for line in markdown.splitlines():
        escaped_line = escape(_plain_line(line), quote=False)
        if _HEADING.match(line):
            lines.append(f"<b>{escaped_line}</b>" if escaped_line.strip() else "")
        else:
            stressed = escape(_BULLET.sub(r"\1• ", _QUOTE.sub("", line)), quote=False)
            lines.append(_EMPHASIS.sub(r"<i>\1</i>", _STRONG.sub(r"<b>\2</b>", stressed)))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
