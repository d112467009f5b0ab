"""A report as files and messages: Markdown, JSON of its indices, and the indices as a table in plain text."""

import json
import textwrap
from collections.abc import Collection, Sequence

import texts.reports
from constants import RECORDED_MODEL
from datamodels import IndexValue, ReportRun, Value
from text_cleaning import one_line, printable

_NOTICES = {
    RECORDED_MODEL: texts.reports.RECORDED_ANSWERS,
    "qwen2.5-coder-1.5b-instruct-q4_k_m": texts.reports.EMBEDDED_MODEL,
}
"""By the names that runs have of these models."""
_LABEL_WIDTH = 34
"""Characters. A label of this width and its number fit side by side on a phone's screen in monospace."""
_SHORT_VALUE = 10


class ReportDocument(Value):
    """A report as it is handed over, in any form.

    ``facts`` are lines such as «Заведение: Астория». ``text`` is Markdown, headings from the second level. ``scores``
    names the indices that are points from 0 to 100 and have a band. ``notices`` say what a reader has to know before
    reading, ``notes`` are warnings and reasons why indices are missing.
    """

    title: str
    facts: tuple[str, ...] = ()
    text: str
    indices: tuple[IndexValue, ...] = ()
    scores: frozenset[str] = frozenset()
    notices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def notice_of(run: ReportRun) -> str | None:
    """Return what a reader has to know of a report by its model, one for demonstration; None of any other."""
    return _NOTICES.get(run.model)


def value_text(value: float | str | None) -> str:
    """Return the value of an index as people read it: ``72,5``, or «нет данных» for None."""
    if value is None:
        return texts.reports.NO_DATA
    return printable(str(value)) if isinstance(value, str) else f"{value:g}".replace(".", ",")


def indices_table_text(indices: Sequence[IndexValue]) -> str:
    """Return the indices as a table for monospaced output; a long value gets the lines below its label."""
    short = [len(value_text(each.value)) for each in indices if len(value_text(each.value)) <= _SHORT_VALUE]
    width = max(short, default=0)
    lines: list[str] = []
    for each in indices:
        value = value_text(each.value)
        label = textwrap.wrap(printable(each.label), _LABEL_WIDTH) or [""]
        if len(value) <= _SHORT_VALUE:
            *first, last = label
            lines.extend([*first, f"{last:<{_LABEL_WIDTH}}  {value:>{width}}"])
        else:
            indent = "  "
            lines.extend([*label, *textwrap.wrap(value, _LABEL_WIDTH, initial_indent=indent, subsequent_indent=indent)])
    return "\n".join(lines)


def band_of(index: IndexValue, scores: Collection[str]) -> str | None:
    """Return the band of a score, in words; None for other indices, and for a score without a value."""
    if index.name not in scores or not isinstance(index.value, int | float):
        return None
    value = index.value
    return next(label for least, label in texts.reports.BANDS if value >= least)


def to_markdown(document: ReportDocument) -> str:
    """Return the whole report as Markdown."""
    blocks = [f"# {one_line(document.title)}"]
    blocks += ["\n".join(f"- {one_line(line)}" for line in document.facts)] if document.facts else []
    blocks += [f"> {one_line(notice)}" for notice in document.notices]
    blocks.append(printable(document.text).strip())
    if document.indices:
        blocks += [f"## {texts.reports.INDICES_TITLE}", _indices_table(document)]
    if document.notes:
        notes = "\n".join(f"- {one_line(note)}" for note in document.notes)
        blocks += [f"## {texts.reports.NOTES_TITLE}", notes]
    return "\n\n".join(blocks) + "\n"


def _indices_table(document: ReportDocument) -> str:
    banded = any(band_of(each, document.scores) for each in document.indices)
    head = [texts.reports.INDEX, texts.reports.INDEX_VALUE, *([texts.reports.BAND] if banded else [])]
    lines = [_row(head), _row(["---", "---:", "---"][: len(head)])]
    for each in document.indices:
        row = [each.label, value_text(each.value), band_of(each, document.scores) or ""]
        lines.append(_row(row[: len(head)]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |".replace("|  |", "| |")


def to_json(run: ReportRun, label: str) -> str:
    """Return the indices of a finished run, and how they were computed, as a JSON file."""
    content = {
        "report": run.report_id,
        "label": label,
        "building": run.building,
        "indices": None if run.indices is None else [index.model_dump() for index in run.indices],
        "error": run.indices_error,
        "warnings": list(run.warnings),
        "model": run.model,
        "notice": notice_of(run),
        "prompt_hash": run.prompt_hash,
        "tokens": run.usage.model_dump(),
        "cost_usd": None if run.cost_usd is None else float(run.cost_usd),
        "duration_s": round(run.duration_s, 3),
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
