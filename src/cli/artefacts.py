"""The files of a finished recording: transcript and reports in every format, and the manifest of how they were made."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import metadata_store
import recordings_store
import reports_store
import texts.cli
import texts.errors
import transcripts_store
from application.parts import Application
from constants import RECORDED_MODEL
from datamodels import Recording, RecordingId, RecordingMetadata, ReportRun, ReportRunId, RunStatus, Transcript, Usage
from errors_of_operation import UnwritableFolder
from prices import audio_cost_usd
from prompt_pack.models import ReportPack
from reports.costs_in_words import spent_text
from reports.documents import document_of
from reports.formats import notice_of, value_text
from reports.formats import to_json as report_to_json
from reports.formats import to_markdown as report_to_markdown
from reports.pdf import to_pdf as report_to_pdf
from reports.word import template_in
from reports.word import to_docx as report_to_docx
from text_cleaning import cut, safe_file_name
from texts.units import SPEAKER
from transcript_formats import FIRST_FORMAT, OTHER_FORMATS, TRANSCRIPT_FORMATS
from utils import alone_in, clock, disk_full_mapped, folder_problem, write_atomically

_LONGEST_STEM = 80


@dataclass(frozen=True)
class Finished:
    """A recording with its transcript and its report runs. ``pack`` has the labels of reports.

    ``engine_s`` is how many seconds the speech engine worked, ``template`` what reports look like as Word files.
    """

    recording: Recording
    metadata: RecordingMetadata
    transcript: Transcript
    runs: Sequence[ReportRun]
    pack: ReportPack
    engine_s: float
    template: Path

    def label_of(self, run: ReportRun) -> str:
        return self.pack.label_of(run.report_id)


async def load_finished(
    application: Application, recording_id: RecordingId, run_ids: Sequence[ReportRunId]
) -> Finished:
    """Load a recording that has a transcript, together with the report runs ``run_ids``, in this order."""
    return await application.database.outlast(lambda: _loaded(application, recording_id, run_ids))


async def _loaded(application: Application, recording_id: RecordingId, run_ids: Sequence[ReportRunId]) -> Finished:
    async with application.database.transaction() as connection:
        transcript = await transcripts_store.load_transcript(connection, recording_id)
        assert transcript is not None  # noqa: S101  # only finished recordings come here
        return Finished(
            recording=await recordings_store.get_recording(connection, application.owner, recording_id),
            metadata=await metadata_store.load_metadata(connection, recording_id),
            transcript=transcript,
            runs=[await reports_store.get_run(connection, run_id) for run_id in run_ids],
            pack=application.pack,
            engine_s=await transcripts_store.engine_seconds(connection, recording_id),
            template=await asyncio.to_thread(template_in, application.settings.persistent_dir),
        )


def check_writable(out: Path) -> None:
    """Refuse a folder for results that cannot be made or written to, without making it. Blocking.

    Raises:
        UnwritableFolder: with the reason.
    """
    try:
        existing = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    except OSError as exc:
        raise UnwritableFolder(path=out, reason=folder_problem(exc)) from exc
    if not existing.is_dir():
        raise UnwritableFolder(path=out, reason=texts.errors.FOLDER_PROBLEMS["EEXIST"])
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UnwritableFolder(path=out, reason=texts.errors.FOLDER_PROBLEMS["EACCES"])


async def write_artefacts(finished: Finished, out: Path) -> tuple[Path, dict[str, Any]]:
    """Write all files, the manifest last, into a folder under ``out``; return the folder and the manifest.

    Each file appears whole or not at all. When writing fails, the files that were not there before are removed again.

    Raises:
        DiskFull: no space left.
        UnwritableFolder: the folder cannot be made or written to.
    """
    folder, manifest = _folder(finished, out), _manifest(finished)
    await asyncio.to_thread(_write, folder, lambda: _contents(finished, manifest))
    return folder, manifest


async def write_transcript(finished: Finished, out: Path) -> None:
    """Write the files of the transcript, while reports and the manifest are awaited.

    Raises:
        DiskFull, UnwritableFolder: as ``write_artefacts``.
    """
    await asyncio.to_thread(_write, _folder(finished, out), lambda: _transcript_files(finished))


async def write_reports(finished: Finished, out: Path) -> None:
    """Write the files of the reports that are done, while others and the manifest are awaited.

    Raises:
        DiskFull, UnwritableFolder: as ``write_artefacts``.
    """
    await asyncio.to_thread(_write, _folder(finished, out), lambda: _report_files(finished))


def _folder(finished: Finished, out: Path) -> Path:
    stem = cut(Path(finished.recording.file_name).stem, _LONGEST_STEM)
    return out / safe_file_name(f"{finished.recording.number} {stem}")


def _write(folder: Path, contents: Callable[[], Iterator[tuple[str, bytes | str]]]) -> None:
    written: list[Path] = []
    try:
        with disk_full_mapped(folder):
            (folder / "reports").mkdir(parents=True, exist_ok=True)
        with alone_in(folder):
            for name, content in contents():
                if not (folder / name).exists():
                    written.append(folder / name)
                write_atomically(folder / name, content)
    except BaseException as exc:
        _take_back(written, folder)
        if isinstance(exc, OSError):
            raise UnwritableFolder(path=folder, reason=folder_problem(exc)) from exc
        raise


def _take_back(written: Sequence[Path], folder: Path) -> None:
    for path in written:
        path.unlink(missing_ok=True)
    for each in (folder / "reports", folder):
        # Results of an earlier run stay.
        with suppress(OSError):
            each.rmdir()


def _transcript_files(finished: Finished) -> Iterator[tuple[str, bytes | str]]:
    for extension, form in TRANSCRIPT_FORMATS.items():
        yield f"transcript.{extension}", form.write(finished.transcript, finished.recording.file_name)


def _contents(finished: Finished, manifest: dict[str, Any]) -> Iterator[tuple[str, bytes | str]]:
    """Yield the name of each file within the folder, and its content."""
    yield from _transcript_files(finished)
    yield from _report_files(finished)
    yield "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"


def _report_files(finished: Finished) -> Iterator[tuple[str, bytes | str]]:
    for run in finished.runs:
        if run.status is RunStatus.DONE:
            document = document_of(run, finished.recording, finished.metadata, finished.pack)
            yield f"reports/{run.report_id}.md", report_to_markdown(document)
            yield f"reports/{run.report_id}.docx", report_to_docx(document, finished.template)
            yield f"reports/{run.report_id}.pdf", report_to_pdf(document)
            yield f"reports/{run.report_id}.json", report_to_json(run, document.title)


def _manifest(finished: Finished) -> dict[str, Any]:
    recording, transcript = finished.recording, finished.transcript
    usage = sum((run.usage for run in finished.runs), Usage())
    costs = [run.cost_usd for run in finished.runs] + [_audio_cost(transcript)]
    return {
        "recording": recording.number,
        "file_name": recording.file_name,
        "sha256": recording.sha256,
        "size_bytes": recording.size_bytes,
        "duration_s": transcript.duration_s,
        "container": recording.container,
        "codec": recording.codec,
        "scenario": recording.request.scenario,
        "building": recording.request.building,
        "metadata": finished.metadata.model_dump(mode="json"),
        "language": transcript.language,
        "speakers": transcript.speakers,
        "stage_seconds": dict(recording.stage_seconds),
        "speech_to_text": {
            "engine": transcript.engine,
            "model": transcript.model,
            "seconds": round(finished.engine_s, 3),
        },
        "reports": [_manifest_of_run(run) for run in finished.runs],
        "tokens": usage.model_dump(),
        "cost_usd": _known_sum(costs),
        "missing": [interval.model_dump() for interval in transcript.missing],
        "warnings": list(recording.warnings),
    }


def _audio_cost(transcript: Transcript) -> Decimal | None:
    return audio_cost_usd(transcript.model, transcript.duration_s, engine=transcript.engine)


def _manifest_of_run(run: ReportRun) -> dict[str, Any]:
    return {
        "id": run.report_id,
        "status": run.status,
        "number": run.number,
        "model": run.model,
        "notice": notice_of(run),
        "prompt_hash": run.prompt_hash,
        "tokens": run.usage.model_dump(),
        "cost_usd": _known_sum([run.cost_usd]),
        "seconds": round(run.duration_s, 3),
        "indices": None if run.indices is None else {index.name: index.value for index in run.indices},
        "indices_error": run.indices_error,
        "warnings": list(run.warnings),
        "error": run.error_text,
    }


def _spent(runs: Sequence[ReportRun]) -> tuple[Usage, Decimal | None]:
    """Return the tokens of the reports, and what they cost; None when that is not known of one."""
    known = [run.cost_usd for run in runs if run.cost_usd is not None]
    usage = sum((run.usage for run in runs), Usage())
    return usage, sum(known, Decimal()) if len(known) == len(runs) else None


def _known_sum(costs: Sequence[Decimal | None]) -> float | None:
    """Return the sum of the known costs; None when none is known."""
    known = [cost for cost in costs if cost is not None]
    return float(sum(known)) if known else None


def summary(finished: Finished, folder: Path) -> str:
    """Return the text that a person sees at the end: where the files are, the indices, the warnings."""
    recording, transcript = finished.recording, finished.transcript
    extensions = [FIRST_FORMAT.extension, *sorted(each.extension for each in OTHER_FORMATS)]
    forms = " ".join(f".{extension}" for extension in extensions)
    lines = [
        texts.cli.DONE_HEAD.format(
            file_name=recording.file_name,
            duration=clock(transcript.duration_s),
            speakers=SPEAKER.counted(transcript.speakers),
            language=transcript.language,
        ),
        texts.cli.DONE_TRANSCRIPT.format(path=folder / "transcript.docx", forms=forms),
    ]
    warnings = list(recording.warnings)
    notices = {notice_of(run) for run in finished.runs}
    warnings += [notice for notice in notices if notice is not None]
    if any(run.model != RECORDED_MODEL for run in finished.runs):
        usage, cost = _spent(finished.runs)
        seconds = sum(run.duration_s for run in finished.runs)
        lines.append(texts.cli.SPENT.format(spent=spent_text(usage, cost, seconds)))
    for run in finished.runs:
        if run.status is RunStatus.DONE:
            path = folder / "reports" / f"{run.report_id}.docx"
            lines.append(texts.cli.DONE_REPORT.format(label=finished.label_of(run), path=path))
            lines += [
                texts.cli.DONE_INDEX.format(label=index.label, value=value_text(index.value))
                for index in run.indices or ()
            ]
            warnings += [*run.warnings, *([run.indices_error] if run.indices_error else [])]
    for interval in transcript.missing:
        warnings.append(f"{clock(interval.start)}–{clock(interval.end)}: {interval.reason}")
    return "\n".join([*lines, *(texts.cli.DONE_WARNING.format(warning=warning) for warning in warnings)])
