"""The job step that writes a report: its passes, its file, its row."""

import metadata_store
import recordings_store
import reports_store
from datamodels import ReportOutcome, ReportRun, ReportRunId, RunStatus
from errors import NoLanguageModel
from jobs.context import JobContext
from jobs.keeping import ReportKeeper
from jobs.research import ResearchSteps
from language_model.port import LanguageModel
from md_storage import ReportFiles
from metadata.parsing import lines_for_a_model
from prices import cost_usd
from reports.archive import ReportArchive
from reports.generation import GeneratedReport, ReportRequest, generate_report
from reports.inputs import bring_up_to_date
from reports.research.forgetting import ResearchForgetting


class ReportSteps:
    """Writes the reports that were ordered through ``reports.orders``, and the research of ``reports.research.orders``.

    Without ``archive``, reports are only stored in the database; the process that has the archive files them.
    """

    def __init__(self, context: JobContext, files: ReportFiles, archive: ReportArchive | None) -> None:
        self._context = context
        self._keeper = ReportKeeper(context.database, context.pack, files, archive)
        forgetting = ResearchForgetting(context.database, files, context.pack)
        self._research = ResearchSteps(context, self._keeper, forgetting)

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
        if run.recording_id is None:
            await self._research.write(run, llm)
        else:
            await self._write_report(run, llm)

    async def _write_report(self, run: ReportRun, llm: LanguageModel) -> None:
        async with self._context.database.transaction() as connection:
            report = self._context.pack.report(run.report_id)
            present = await bring_up_to_date(connection, run, report, llm)
            is_begun = present is not None and await reports_store.start_run(
                connection, present[0].id, present[1].content_hash
            )
        if present is None:
            await self._keeper.forget_file(run)
        if present is None or not is_begun:
            return
        run, inputs = present
        request = ReportRequest(
            report=report,
            building=run.building,
            transcript=inputs.transcript,
            metadata=lines_for_a_model(inputs.metadata),
        )

        async def on_pass(done: int, total: int) -> None:  # noqa: ARG001  # the row knows the total
            async with self._context.database.transaction() as connection:
                await reports_store.set_passes_done(connection, run.id, done)

        answers = self._context.model_answers(llm, inputs.recording.id, run.id)
        generated = await generate_report(request, llm, answers, on_pass)
        async with self._context.database.transaction() as connection:
            recording = await recordings_store.get_recording_for_job(connection, inputs.recording.id)
            metadata = await metadata_store.load_metadata(connection, recording.id)
        named = {
            "recording_number": recording.number,
            "recording_file_name": recording.file_name,
            "place": metadata.place,
            "recorded_on": metadata.recorded_on,
        }
        await self._keeper.keep(run, named, _outcome(generated, llm.info.name))

    async def _model(self) -> LanguageModel:
        llm = await self._context.engines.language_model()
        if llm is None:
            raise NoLanguageModel
        return llm


def _outcome(generated: GeneratedReport, engine: str) -> ReportOutcome:
    return ReportOutcome(
        number=None,
        text=generated.text,
        items=generated.items,
        indices=generated.indices,
        indices_error=generated.indices_error,
        warnings=generated.warnings,
        usage=generated.usage,
        cost_usd=cost_usd(generated.model, generated.usage, engine=engine),
        duration_s=generated.duration_s,
    )
