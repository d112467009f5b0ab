"""The document of a written report: its text and indices with the facts that belong on its first page."""

from collections.abc import Sequence

import texts.reports
from constants import RECORDED_MODEL
from datamodels import Recording, RecordingMetadata, ReportRun
from metadata.parsing import metadata_lines
from prompt_pack.models import ReportPack, unnumbered
from recordings.lookup import is_ready
from reports.formats import ReportDocument, notice_of
from system.local_time import local
from utils import clock


def document_of(run: ReportRun, recording: Recording, metadata: RecordingMetadata, pack: ReportPack) -> ReportDocument:
    """Return the document of a report of a recording; its facts are place, day and people first."""
    scenario = pack.find_scenario(run.scenario)
    form = texts.reports.READY_RECORDING if is_ready(recording) else texts.reports.RECORDING
    described = form.format(
        number=recording.number, file_name=recording.file_name, duration=clock(recording.duration_s)
    )
    facts = [
        *metadata_lines(metadata),
        texts.reports.SCENARIO.format(label=run.scenario if scenario is None else scenario.label),
        described,
        *_of_run(run),
    ]
    report = pack.find_report(run.report_id)
    plan = report.plans.get(run.building) if report else None
    document = _document(run, unnumbered(pack.label_of(run.report_id)), facts, recording.warnings)
    scores = plan.indices.scores if plan and plan.indices else frozenset()
    return document.model_copy(update={"scores": scores})


def document_of_research(run: ReportRun, title: str, about: Sequence[str]) -> ReportDocument:
    """Return the document of a report over many recordings."""
    return _document(run, title, [*about, *_of_run(run)], ())


def _of_run(run: ReportRun) -> list[str]:
    model = texts.reports.RECORDED_NAME if run.model == RECORDED_MODEL else run.model
    written = run.finished_at or run.created_at
    return [
        texts.reports.MODEL.format(model=model),
        texts.reports.WRITTEN_ON.format(day=f"{local(written):%d.%m.%Y}"),
    ]


def _document(run: ReportRun, title: str, facts: Sequence[str], warnings: Sequence[str]) -> ReportDocument:
    return ReportDocument(
        title=title,
        facts=tuple(facts),
        text=run.text or "",
        indices=run.indices or (),
        notices=tuple(filter(None, (notice_of(run), _outdated(run), texts.reports.WRITTEN_BY_MODEL))),
        notes=(*warnings, *run.warnings, *([run.indices_error] if run.indices_error else ())),
    )


def _outdated(run: ReportRun) -> str | None:
    return texts.reports.WRITTEN_FROM_FORMER if run.is_outdated else None
