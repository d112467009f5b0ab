"""The job step that does a research: every transcript that its person may see now, then the text."""

import asyncio

import reports_store
import transcripts_store
from datamodels import RecordingId, ReportOutcome, ReportRun, Transcript
from errors import NotFound
from errors_of_operation import NothingToResearch
from jobs.context import JobContext
from jobs.keeping import ReportKeeper
from language_model.port import LanguageModel
from prices import cost_usd
from reports.archive import research_named
from reports.model_answers import ModelAnswers
from reports.research import store
from reports.research.forgetting import FINDINGS, ResearchForgetting
from reports.research.generation import Research, steps_of
from reports.research.store import StoredResearchAnswers
from reports.research.writing import written


class ResearchSteps:
    """Does the research that was ordered through ``reports.research.orders``."""

    def __init__(self, context: JobContext, keeper: ReportKeeper, forgetting: ResearchForgetting) -> None:
        self._context = context
        self._forgetting = forgetting
        self._keeper = keeper

    async def write(self, run: ReportRun, llm: LanguageModel) -> None:
        """Read the transcripts of an order and keep what was found. One that is gone or private now is left out.

        Raises:
            NotFound: the order was deleted.
            NothingToResearch: none of its transcripts is left.
            ContextTooSmall: the model's context has no room for prompts, a window and an answer.
            ProviderError: the model failed; its answers so far stay stored.
            ReportIndexBroken, DiskFull: the report could not be put into the archive.
        """
        async with self._context.database.transaction() as connection:
            order = await store.find_order(connection, run.id)
            if order is None:
                raise NotFound(what=f"research {run.id}")
            interviews = await store.interviews_named(connection, run.owner_id, order.recording_ids)
            if not interviews:
                raise NothingToResearch
            await store.set_total(connection, run.id, steps_of(len(interviews)))
            if not await reports_store.start_run(connection, run.id):
                return

        async def on_step(done: int, total: int) -> None:  # noqa: ARG001  # the row knows the total
            async with self._context.database.transaction() as connection:
                await reports_store.set_passes_done(connection, run.id, done)

        stored = StoredResearchAnswers(self._context.database, run.id, llm.info.name)
        research = Research(
            order=order,
            interviews=interviews,
            llm=llm,
            pack=self._context.pack,
            answers=ModelAnswers(llm, stored, self._context.calls),
            answers_of=lambda recording: self._context.model_answers(llm, recording, run.id),
            load=self._transcript,
        )
        generated = await research.run(on_step)
        found = FINDINGS.dump_python(generated.findings, mode="json")
        async with self._context.database.transaction() as connection:
            await store.put_findings(connection, run.id, found)
        # What was read may have been deleted meanwhile: it is in no file and in no row of the report.
        await self._forgetting.forget_gone(run.id)
        async with self._context.database.transaction() as connection:
            kept, _ = await store.research_with_gone(connection, run.id)
        if kept is None:
            raise NotFound(what=f"research {run.id}")
        report = await asyncio.to_thread(written, FINDINGS.validate_python(kept.findings), self._context.pack)
        outcome = ReportOutcome(
            number=None,
            text=report.text,
            indices=None,
            indices_error=None,
            warnings=report.warnings,
            usage=generated.usage,
            cost_usd=cost_usd(llm.info.model, generated.usage, engine=llm.info.name),
            duration_s=generated.seconds,
        )
        await self._keeper.keep(run, research_named(order.question), outcome)
        # Or since then.
        await self._forgetting.forget_gone(run.id)

    async def _transcript(self, recording_id: RecordingId) -> Transcript | None:
        async with self._context.database.transaction() as connection:
            return await transcripts_store.load_transcript(connection, recording_id)
