"""How far work has come, in words and as a share of its stage where that is known."""

from collections.abc import Sequence
from typing import NamedTuple

import texts.telegram_recordings
import texts.web
from datamodels import ReportRun, RunStatus, Stage, UserId
from prompt_pack.models import ReportPack
from recordings.lookup import RecordingView, has_stopped, is_at_work
from texts.errors_in_chats import chat_text
from web.services import Services

_MOST_RUNNING = 20


class Shown(NamedTuple):
    """The state of a recording: ``done`` of ``total`` parts, both 0 where nothing tells how far it is.

    ``tone`` is one of working, done, failed; ``step`` counts the stages from 0 to 4, the last of which is the end.
    """

    text: str
    tone: str
    step: int
    done: int
    total: int


class Running(NamedTuple):
    """A recording that is being worked on."""

    number: int
    file_name: str
    shown: Shown


class ShownRun(NamedTuple):
    """A report that was ordered; ``number`` is None until it can be read."""

    label: str
    status: RunStatus
    number: int | None
    done: int
    total: int
    reason: str


def shown(view: RecordingView) -> Shown:
    """Return the state of a recording."""
    recording, progress = view.recording, view.progress
    step = list(Stage).index(progress.stage)
    if has_stopped(recording) and recording.error_code == "cancelled":
        return Shown(texts.web.CANCELLED, "failed", step, 0, 0)
    if recording.error_code is not None:
        form = texts.web.FAILED if has_stopped(recording) else texts.web.RETRY
        reason = chat_text(recording.error_code, recording.error_text)
        return Shown(form.format(reason=reason), "failed" if has_stopped(recording) else "working", step, 0, 0)
    if progress.stage is Stage.DONE:
        return Shown(texts.web.STAGES[progress.stage], "done", step, 0, 0)
    parts = (progress.parts_done, progress.parts_total) if progress.stage is Stage.PREPARED else (0, 0)
    return Shown(texts.web.STAGES[progress.stage], "working", step, *parts)


def shown_runs(pack: ReportPack, runs: Sequence[ReportRun]) -> list[ShownRun]:
    """Return what there is to say of reports."""
    return [
        ShownRun(
            pack.label_of(run.report_id),
            run.status,
            run.number,
            run.passes_done,
            run.passes_total,
            "" if run.error_code is None else chat_text(run.error_code, run.error_text),
        )
        for run in runs
    ]


async def running_work(services: Services, owner: UserId) -> list[Running]:
    """Load the owner's recordings that are being worked on, among the newest ones."""
    page = await services.recordings.page(owner, None, 1, _MOST_RUNNING)
    views = [each for each in page.views if is_at_work(each.recording)]
    return [Running(each.recording.number, each.recording.file_name, shown(each)) for each in views]
