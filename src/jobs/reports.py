"""The job step that writes a report: its passes, its file, its row."""

import asyncio

import metadata_store
import recordings_store
import reports_store
from datamodels import (
    ReportOutcome,
    ReportRun,
    ReportRunId,
    RunStatus,
)
from errors import NoLanguageModel
from jobs.context import JobContext
from language_model.port import LanguageModel
from md_storage import ReportFiles
from metadata.parsing import metadata_lines
from prices import cost_usd
from prompt_pack.models import ReportType
from reports.archive import ReportArchive, file_entry
from reports.generation import GeneratedReport, ReportRequest, generate_report
from reports.inputs import bring_up_to_date


class ReportSteps:
    """Writes the reports that were ordered through ``reports.orders``.

    Without ``archive``, reports are only stored in the database; the process that has the archive files them.
    """

    def __init__(self, context: JobContext, files: ReportFiles, archive: ReportArchive | None) -> None:
        self._context = context
        self._files = files
        self._archive = archive

    async def write(self, run_id: ReportRunId) -> None:
        """Write a report that was ordered, from what is there now; one that is done or cancelled stays as it is.

        Raises:
            NoLanguageModel: the language model is switched off.
            NotFound: the order or the transcript was deleted.
            UnknownChoice: the report pack no longer has the report.
            ContextTooSmall: the model's context has no room for a prompt, a window and an answer.
            ProviderError: the model failed; its answers so far stay stored.
            ReportIndexBroken, DiskFull: the report could not be put into the archive.
        """
        llm = await self._model()
        async with self._context.database.transaction() as connection:
            run = await reports_store.get_run(connection, run_id)
            if run.status in {RunStatus.DONE, RunStatus.CANCELLED}:
                return
            report = self._context.pack.report(run.report_id)
            present = await bring_up_to_date(connection, run, report, llm)
            is_begun = present is not None and await reports_store.start_run(connection, run_id)
        if present is None and self._archive is not None:
            # A process that was killed may have written the file of the run that gave way to another.
            await self._files.delete(run.owner_id, run_id)
        if present is None or not is_begun:
            return
        run, inputs = present
        request = ReportRequest(
            report=report,
            building=run.building,
            transcript=inputs.transcript,
            metadata=metadata_lines(inputs.metadata),
        )

        async def on_pass(done: int, total: int) -> None:  # noqa: ARG001  # the row knows the total
            async with self._context.database.transaction() as connection:
                await reports_store.set_passes_done(connection, run_id, done)

        answers = self._context.model_answers(llm, run.recording_id)
        generated = await generate_report(request, llm, answers, on_pass)
        # A cancellation between file and row would leave a report that nobody ordered.
        keeping = asyncio.create_task(self._keep(run, report, generated, llm.info.name))
        try:
            await asyncio.shield(keeping)
        finally:
            await keeping

    async def _keep(self, run: ReportRun, report: ReportType, generated: GeneratedReport, engine: str) -> None:
        """Write the file first and its row last: after a crash between them the same file is written again."""
        async with self._context.database.transaction() as connection:
            recording = await recordings_store.get_recording_for_job(connection, run.recording_id)
            metadata = await metadata_store.load_metadata(connection, recording.id)
            if (await reports_store.get_run(connection, run.id)).status is RunStatus.CANCELLED:
                return
        entry = file_entry(
            self._context.pack,
            {
                "id": run.id,
                "number": None,
                "scenario": run.scenario,
                "report_id": report.id,
                "created_at": run.created_at,
                "recording_number": recording.number,
                "recording_file_name": recording.file_name,
                "place": metadata.place,
                "recorded_on": metadata.recorded_on,
            },
        )
        number = await self._archive.save(run.owner_id, entry, generated.text) if self._archive else None
        outcome = ReportOutcome(
            number=number,
            text=generated.text,
            items=generated.items,
            indices=generated.indices,
            indices_error=generated.indices_error,
            warnings=generated.warnings,
            usage=generated.usage,
            cost_usd=cost_usd(generated.model, generated.usage, engine=engine),
            duration_s=generated.duration_s,
        )
        async with self._context.database.transaction() as connection:
            kept = await reports_store.finish_run(connection, run.id, outcome)
        if not kept and number is not None:
            await self._files.delete(run.owner_id, run.id)

    async def _model(self) -> LanguageModel:
        llm = await self._context.engines.language_model()
        if llm is None:
            raise NoLanguageModel
        return llm
