"""The command ``process``: it takes files in, follows their jobs and writes the artefacts."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

import recordings_store
import reports_store
import texts.cli
from application.parts import Application
from audio import check_readable
from cli.artefacts import check_writable, load_finished, summary, write_artefacts, write_reports, write_transcript
from cli.display import Display
from cli.opening import opened
from config import ROOT, Settings
from constants import NO_SCENARIO, TRANSCRIPT_EXTENSIONS
from datamodels import (
    BuildingType,
    ProcessingRequest,
    Recording,
    RecordingId,
    RecordingMetadata,
    RecordingProgress,
    ReportRunId,
    RunStatus,
    ScenarioId,
    Stage,
)
from errors import VoxPersonaError
from jobs.queue import queue_of
from prompt_pack.pack import ReportPack, ReportType, load_pack
from recordings.descriptions import building_said, read_caption
from recordings.lookup import is_ready
from reports.costs_in_words import expected_text
from reports.orders import choose_reports
from system.ending import end_tasks
from utils import clock, human_size, readable_name

_POLL_S = 0.25


class ProcessOptions(BaseModel):
    """The options of ``process``. ``language`` is None when it is to be detected.

    ``report`` is ``all``, ``none``, or the ids of reports, separated by commas.
    """

    model_config = ConfigDict(frozen=True)

    files: tuple[Path, ...]
    scenario: str
    building: BuildingType | None
    report: str
    language: str | None
    speakers: int | None
    caption: str
    out: Path
    as_json: bool


async def process_files(options: ProcessOptions, settings: Settings, display: Display) -> int:
    """Process every file and print what came out.

    Returns:
        The exit status: 0, or the highest among the files' failures.

    Raises:
        UnwritableFolder, UnknownChoice, BuildingNeeded: the options are wrong; nothing was started.
        BadSettings, DatabaseUnavailable, ObjectStoreUnavailable, EngineFailed, DiskFull: a part that all files need
            does not work.
    """
    await asyncio.to_thread(check_writable, options.out)
    problems = await asyncio.to_thread(_problems, options.files)
    if len(problems) == len(set(options.files)):
        # There is nothing to work on: other mistakes in the command do not matter.
        return _refused(problems, options, display)
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    order = Order(pack, options, display)
    async with opened(settings, pack, display) as application:
        await _fetch_better_speech(application, options.files, display)
        return await Session(application, options, order, display).run()


async def _fetch_better_speech(application: Application, files: Sequence[Path], display: Display) -> None:
    """Fetch better speech models when there is sound to be heard; say what could not be had."""
    if all(file.suffix.removeprefix(".").lower() in TRANSCRIPT_EXTENSIONS for file in files):
        return
    await application.engines.fetch_better_speech()
    if application.engines.speech_notice:
        display.say(application.engines.speech_notice)


def _problems(files: Sequence[Path]) -> dict[Path, VoxPersonaError]:
    """Return the files that cannot be read or are empty, each with the reason. Blocking."""
    problems: dict[Path, VoxPersonaError] = {}
    for file in files:
        try:
            check_readable(file, readable_name(file))
        except VoxPersonaError as exc:
            problems[file] = exc
    return problems


def _refused(problems: Mapping[Path, VoxPersonaError], options: ProcessOptions, display: Display) -> int:
    for file, problem in problems.items():
        display.say(texts.cli.FAILED.format(file_name=readable_name(file), reason=problem.user_text))
    if options.as_json:
        sys.stdout.write("[]\n")
    return max(problem.exit_status for problem in problems.values())


class Order:
    """The metadata, building type and report types that the options ask for, found before any work is started.

    Raises:
        UnknownChoice, BuildingNeeded: the options are wrong.
    """

    def __init__(self, pack: ReportPack, options: ProcessOptions, display: Display) -> None:
        self._pack = pack
        self._options = options
        self._display = display
        self.metadata = self._parse_caption()
        self.building = building_said(options.building, self.metadata)
        self.reports = self._choose_reports()

    def _parse_caption(self) -> RecordingMetadata:
        today = datetime.now(UTC).astimezone().date()
        result = read_caption(self._options.caption, self._options.scenario, today)
        for problem in result.problems:
            self._display.say(texts.cli.CAPTION_PROBLEM.format(field=problem.field, reason=problem.reason))
        return result.metadata

    def _choose_reports(self) -> tuple[ReportType, ...]:
        """Return the report types that were asked for. Without a building type, ``all`` leaves out those that need one.

        Raises:
            UnknownChoice: no such scenario or report.
            BuildingNeeded: a report that was named needs a building type.
        """
        choice = choose_reports(self._pack, self._options.scenario, self._options.report, self.building)
        if choice.without_building:
            labels = "», «".join(report.label for report in choice.without_building)
            self._display.say(texts.cli.BUILDING_NEEDED.format(labels=labels))
        return choice.reports


class Session:
    """One run of the command."""

    def __init__(self, application: Application, options: ProcessOptions, order: Order, display: Display) -> None:
        self._app = application
        self._database = application.database
        self._options = options
        self._order = order
        self._display = display
        self._status = 0
        self._manifests: list[dict[str, Any]] = []

    async def run(self) -> int:
        accepted: dict[RecordingId, Recording] = {}
        for file in self._options.files:
            recording = await self._accept(file)
            if recording is not None:
                # The same bytes given twice are worked on once.
                accepted[recording.id] = recording
        if accepted:
            await self._work_on(list(accepted.values()))
        if self._options.as_json:
            sys.stdout.write(json.dumps(self._manifests, ensure_ascii=False, indent=2) + "\n")
        return self._status

    async def _work_on(self, accepted: Sequence[Recording]) -> None:
        """Run a worker until every recording is finished or has failed. Raise what the worker itself raises."""
        with_model = self._options.scenario != NO_SCENARIO
        queues = [queue_of(recording.id) for recording in accepted]

        async def follow_all() -> None:
            following = [self._follow(recording) for recording in accepted]
            # Nothing is recognised in ready transcripts, so that weights are needed for the embedded model alone.
            if self._app.engines.has_demo_model or not all(map(is_ready, accepted)):
                following.append(self._app.engines.fetch_weights(language_model=with_model))
            await asyncio.gather(*following)
            await self._app.jobs.wait_until_noted(queues)

        worker = asyncio.create_task(self._app.jobs.run_worker(queues))
        following = asyncio.create_task(follow_all())
        try:
            ended, _ = await asyncio.wait([worker, following], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks([worker, following])
        for task in ended:
            task.result()

    async def _accept(self, file: Path) -> Recording | None:
        request = ProcessingRequest(
            scenario=ScenarioId(self._options.scenario),
            building=self._order.building,
            language=self._options.language,
            speakers=self._options.speakers,
            caption=self._options.caption,
        )
        try:
            accepted = await self._database.outlast(
                lambda: self._app.intake.accept(self._app.owner, file, request, self._order.metadata)
            )
        except VoxPersonaError as exc:
            self._fail(readable_name(file), exc.exit_status, exc.user_text)
            return None
        recording = accepted.recording
        known = texts.cli.KNOWN if recording.stage is Stage.DONE else texts.cli.KNOWN_UNDONE
        said = known if accepted.known else texts.cli.ACCEPTED
        self._display.say(
            said.format(
                file_name=recording.file_name,
                duration=clock(recording.duration_s),
                size=human_size(recording.size_bytes),
                number=recording.number,
            )
        )
        return recording

    async def _follow(self, recording: Recording) -> None:
        """Follow one recording until its artefacts are written or it has failed."""
        subject = recording.file_name
        try:
            await self._until(recording, _transcribed, _described_work)
            if self._order.reports:
                # However the work on the reports ends, the person has the transcript.
                await write_transcript(await load_finished(self._app, recording.id, []), self._options.out)
            run_ids = await self._write_reports(recording)
            self._display.finish(subject)
            finished = await load_finished(self._app, recording.id, run_ids)
            folder, manifest = await write_artefacts(finished, self._options.out)
        except _StoredFailure as exc:
            self._fail(subject, exc.exit_status, exc.user_text)
            return
        except VoxPersonaError as exc:
            self._fail(subject, exc.exit_status, exc.user_text)
            return
        for run in finished.runs:
            if run.error_code is not None:
                self._fail(f"{subject}, {finished.label_of(run)}", exit_status_of(run.error_code), run.error_text or "")
        self._manifests.append(manifest)
        self._display.say(summary(finished, folder))

    async def _write_reports(self, recording: Recording) -> list[ReportRunId]:
        if not self._order.reports:
            return []
        if not self._app.engines.has_language_model:
            self._display.say(texts.cli.NO_MODEL)
            return []
        if self._app.engines.has_demo_model:
            self._display.say(texts.cli.DEMO_MODEL)
        await self._database.outlast(lambda: self._tell_expected(recording))
        wanted = (self._app.owner, recording.id, self._order.reports, self._order.building)
        runs = await self._database.outlast(lambda: self._app.orders.order_chosen(*wanted))
        done = 0
        awaited = list(runs)

        async def reported(progress: RecordingProgress) -> bool:
            nonlocal done, awaited
            if (now_done := progress.runs.get(RunStatus.DONE, 0)) > done:
                done = now_done
                finished = await load_finished(self._app, recording.id, awaited)
                await write_reports(finished, self._options.out)
                awaited = [run.id for run in finished.runs if run.status is not RunStatus.DONE]
            return _reported(progress)

        await self._until(recording, reported, _described_reports)
        return list(runs)

    async def _tell_expected(self, recording: Recording) -> None:
        async with self._database.transaction() as connection:
            runs = await reports_store.list_runs(connection, recording.id)
        written = {run.report_id for run in runs if run.status is RunStatus.DONE}
        wanted = [report.id for report in self._order.reports if report.id not in written]
        takes = await self._app.estimates.of(self._app.owner, recording.number, wanted)
        if wanted and takes is not None:
            self._display.say(texts.cli.WILL_TAKE.format(expected=expected_text(takes)))

    async def _until(
        self,
        recording: Recording,
        done: Callable[[RecordingProgress], Awaitable[bool]],
        described: Callable[[RecordingProgress], tuple[str, float | None]],
    ) -> None:
        """Show the progress, worded by ``described``, until ``done`` returns True for it.

        Raises:
            _StoredFailure: the recording's job stopped with an error.
        """
        while True:
            progress = await self._database.outlast(lambda: self._progress(recording))
            if progress.error_code is not None:
                raise _StoredFailure(progress.error_code, progress.error_text or "")
            self._display.show(recording.file_name, *described(progress))
            if await done(progress):
                return
            await asyncio.sleep(_POLL_S)

    async def _progress(self, recording: Recording) -> RecordingProgress:
        async with self._database.transaction() as connection:
            (progress,) = await recordings_store.load_progress(connection, [recording.id])
        return progress

    def _fail(self, subject: str, exit_status: int, user_text: str) -> None:
        self._display.finish(subject)
        self._display.say(texts.cli.FAILED.format(file_name=subject, reason=user_text))
        self._status = max(self._status, exit_status)


class _StoredFailure(Exception):
    """The stored error with which a job of a recording stopped; it does not leave this module."""

    def __init__(self, code: str, user_text: str) -> None:
        super().__init__(code)
        self.exit_status = exit_status_of(code)
        self.user_text = user_text


async def _transcribed(progress: RecordingProgress) -> bool:
    return progress.stage is Stage.DONE


def _reported(progress: RecordingProgress) -> bool:
    return not progress.runs.get(RunStatus.QUEUED, 0) + progress.runs.get(RunStatus.RUNNING, 0)


def _described_reports(progress: RecordingProgress) -> tuple[str, float | None]:
    """Return the progress of the reports, in words and as a fraction."""
    line = texts.cli.PARTS.format(stage=texts.cli.REPORTS_STAGE, done=progress.passes_done, total=progress.passes_total)
    return line, progress.passes_done / progress.passes_total if progress.passes_total else None


def _described_work(progress: RecordingProgress) -> tuple[str, float | None]:
    """Return the stage of the work on the recording in words, and the fraction of it that is done."""
    label = texts.cli.STAGE_LABELS[progress.stage]
    if progress.stage is Stage.PREPARED and progress.parts_total:
        line = texts.cli.PARTS.format(stage=label, done=progress.parts_done, total=progress.parts_total)
        return line, min(1.0, (progress.parts_done + progress.parts_heard) / progress.parts_total)
    return label, None


def exit_status_of(code: str) -> int:
    """Return the exit status of the error that was stored with this code; 1 for an unknown code."""
    classes = [VoxPersonaError]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    return next((cls.exit_status for cls in classes if cls.code == code), VoxPersonaError.exit_status)
