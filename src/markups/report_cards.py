"""The progress card of reports that were ordered together, or of a research."""

from collections.abc import Sequence
from decimal import Decimal

import texts.cards
import texts.telegram_recordings
from datamodels import RunStatus, Usage
from datamodels_telegram import CardProgress, Keyboard, RunProgress, Screen
from markups.callback_data import Action, button
from markups.card_parts import CardView, Times, bar, cancel, time_of_day, times_line
from markups.text import escaped, fits
from prompt_pack.models import ReportPack
from reports.costs_in_words import spent_text
from texts.errors_in_chats import chat_text

_LONGEST_LABEL = 60
_LONGEST_RUN_REASON = 120
_LONGEST_QUESTION = 200
_ENDED = frozenset([RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED])


def fraction_done(progress: CardProgress) -> float | None:
    """Return the share of the passes that are done; None without passes."""
    total = sum(run.passes_total for run in progress.runs)
    return _passes_done(progress.runs) / total if total else None


def reports_card(progress: CardProgress, times: Times, pack: ReportPack) -> CardView:
    """Draw the card."""
    if progress.recording_number is None and _question(progress) is None:
        return CardView(screen=Screen(text=texts.cards.REPORTS_DELETED), final=True, working=False)
    runs = progress.runs
    over = all(_run_ended(run) for run in runs)
    lines = [reports_title(progress, over=over), *_run_lines(runs, pack, _LONGEST_RUN_REASON)]
    if not fits("\n".join(lines)):
        lines = [lines[0], *_run_lines(runs, pack, 1)]
    while not fits("\n".join(lines)):
        lines.pop()
    if over:
        delivered = set(progress.card.run_ids) <= set(progress.card.delivered)
        spent = "\n".join([*lines, *_spent(progress)])
        screen = Screen(text=spent if fits(spent) else "\n".join(lines), keyboard=_written(progress))
        return CardView(screen=screen, final=delivered, working=False)
    fraction = fraction_done(progress) or 0.0
    text = "\n".join([*lines, *bar(fraction), times_line(times)])
    working = any(run.retry_at is None for run in runs if not _run_ended(run))
    return CardView(screen=Screen(text=text, keyboard=cancel(progress)), final=False, working=working)


def _written(progress: CardProgress) -> Keyboard:
    """Return the button that leads to the reports of the recording, if there are some."""
    if progress.recording_number is None or not any(run.status is RunStatus.DONE for run in progress.runs):
        return ()
    return ((button(texts.telegram_recordings.WRITTEN, Action.RECORDING_WRITTEN, progress.recording_number),),)


def _spent(progress: CardProgress) -> list[str]:
    """Tell what the reports took, beside what was expected; a report that was there already took nothing now."""
    written = [run for run in progress.runs if run.status is RunStatus.DONE]
    usage = sum(
        (Usage(prompt_tokens=run.prompt_tokens, completion_tokens=run.completion_tokens) for run in written), Usage()
    )
    if usage == Usage():
        return []
    known = [run.cost_usd for run in written if run.cost_usd is not None]
    cost = sum(known, Decimal()) if len(known) == len(written) else None
    spent = spent_text(usage, cost, sum(run.duration_s for run in written))
    lines = [texts.cards.SPENT.format(spent=spent)]
    if progress.card.expected:
        lines.append(texts.cards.EXPECTED.format(expected=progress.card.expected))
    return lines


def _run_ended(run: RunProgress) -> bool:
    """Tell whether work on an ordered report has ended: it is done, has failed for good or was cancelled."""
    return run.status in _ENDED


def reports_title(progress: CardProgress, *, over: bool) -> str:
    """Return the title; ``over`` says that all work has ended."""
    done = sum(run.status is RunStatus.DONE for run in progress.runs)
    total = len(progress.runs)
    question = _question(progress)
    if question is not None:
        return texts.cards.RESEARCH.format(question=escaped(question, _LONGEST_QUESTION))
    if not over:
        title = texts.cards.REPORTS
    elif done == total:
        title = texts.cards.REPORTS_DONE
    else:
        title = texts.cards.REPORTS_PARTLY if done else texts.cards.REPORTS_NONE
    name = escaped(progress.file_name)
    return title.format(number=progress.recording_number, file_name=name, done=done, total=total)


def _question(progress: CardProgress) -> str | None:
    """Return what the card's research asks; None for reports."""
    return next((run.question for run in progress.runs if run.question is not None), None)


def _run_lines(runs: Sequence[RunProgress], pack: ReportPack, longest_reason: int) -> list[str]:
    lines = []
    for run in runs:
        line = _RUN_LINES[run.status] if run.retry_at is None or _run_ended(run) else texts.cards.RUN_RETRY
        lines.append(
            line.format(
                label=escaped(pack.label_of(run.report_id), _LONGEST_LABEL),
                reason=escaped(chat_text(run.error_code, run.error_text), longest_reason),
                time="" if run.retry_at is None else time_of_day(run.retry_at),
                done=run.passes_done,
                total=run.passes_total,
            )
        )
    return lines


_RUN_LINES = {
    RunStatus.QUEUED: texts.cards.RUN_QUEUED,
    RunStatus.RUNNING: texts.cards.RUN_RUNNING,
    RunStatus.DONE: texts.cards.RUN_DONE,
    RunStatus.FAILED: texts.cards.RUN_FAILED,
    RunStatus.CANCELLED: texts.cards.RUN_CANCELLED,
}


def _passes_done(runs: Sequence[RunProgress]) -> int:
    return sum(run.passes_total if _run_ended(run) else run.passes_done for run in runs)
