"""The step that proposes a recording's metadata. A person waits for its end, so it comes soon, with or without any."""

import asyncio
from datetime import UTC, date, datetime

import structlog

import recordings_store
import recordings_store_transcripts
from constants import NO_SCENARIO
from datamodels import RecordingId, RecordingMetadata
from errors import DatabaseUnavailable, VoxPersonaError
from jobs_stores import StoredAnswers
from jobs_workshop import Workshop
from metadata_proposal import filled, propose
from prompt_pack_questions import PromptedModel
from report_answers import Answers

log = structlog.get_logger(__name__)

_LONGEST_S = 180.0
"""Of a model that is slow or overloaded: then the person is asked instead."""


class ProposalSteps:
    """Proposes metadata, for ``longest_s`` at most."""

    def __init__(self, workshop: Workshop, longest_s: float = _LONGEST_S) -> None:
        self._workshop = workshop
        self._longest_s = longest_s

    async def propose(self, recording_id: RecordingId) -> None:
        """Fill empty metadata with what the transcript says; a model that fails is not waited for.

        Raises:
            NotFound: the recording was deleted.
            DatabaseUnavailable: nothing was noted.
        """
        try:
            async with asyncio.timeout(self._longest_s):
                proposed = await self._proposed(recording_id)
        except TimeoutError:
            log.warning("metadata_not_proposed", recording=str(recording_id), error="timeout")
            proposed = RecordingMetadata()
        async with self._workshop.database.transaction() as connection:
            known = await recordings_store.lock_metadata(connection, recording_id)
            if (complete := filled(known, proposed)) != known:
                await recordings_store.save_metadata(connection, recording_id, complete)
            await recordings_store.set_proposed(connection, recording_id, proposed=True)

    async def _proposed(self, recording_id: RecordingId) -> RecordingMetadata:
        async with self._workshop.database.transaction() as connection:
            recording = await recordings_store.get_recording_for_job(connection, recording_id)
            transcript = await recordings_store_transcripts.load_transcript(connection, recording_id)
        if transcript is None or recording.request.scenario == NO_SCENARIO:
            return RecordingMetadata()
        pack = self._workshop.pack
        try:
            llm = await self._workshop.engines.language_model()
            if llm is None:
                return RecordingMetadata()
            answers = Answers(llm, StoredAnswers(self._workshop.database, recording_id))
            model = PromptedModel(llm, answers, pack.metadata_prompt, pack.metadata_schema)
            return await propose(transcript, pack.scenario(recording.request.scenario), model, _today())
        except DatabaseUnavailable:
            raise
        except VoxPersonaError as exc:
            log.warning("metadata_not_proposed", recording=str(recording_id), error=exc.code, reason=str(exc))
            return RecordingMetadata()


def _today() -> date:
    return datetime.now(UTC).astimezone().date()
