"""The context of all job steps, and the stores for transcribed parts and for answers of language models."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import UUID

import reports_store
import transcripts_store
from datamodels import Completion, PartPlan, PartTranscript, RecordingId, ReportRunId, Usage
from db import Connection, Database
from embeddings.port import Embeddings
from language_model.port import LanguageModel
from limits.reservations import spend
from object_store import ObjectStore
from prices import cost_usd
from prompt_pack.models import ReportPack
from provider_calls.fal.queue import ImageQueue
from provider_calls.in_flight import CallsInFlight
from recordings.originals import Originals
from reports.model_answers import ModelAnswers
from speech_to_text.port import SpeechToText
from voices.encoder import VoiceEncoder


class Engines(Protocol):
    """The engines of the job steps, each made ready at its first use. None means that the engine is switched off."""

    async def speech_to_text(self) -> SpeechToText: ...

    async def language_model(self) -> LanguageModel | None: ...

    async def voice_encoder(self) -> VoiceEncoder: ...

    async def embeddings(self) -> Embeddings | None: ...


def spare_processors() -> asyncio.Semaphore:
    """Return a semaphore for all processors but one, which stays free for the event loop and the database.

    Process priorities alone are not enough: an event loop that has just worked would have to wait for all recordings.
    """
    return asyncio.Semaphore(max(1, (os.cpu_count() or 1) - 1))


@dataclass(frozen=True)
class JobContext:
    """What the steps work with. Transactions of ``database`` wait while it is away, see ``Database.patient``.

    A step holds one of ``processors`` while it decodes, encodes or computes.
    """

    database: Database
    objects: ObjectStore
    originals: Originals
    pack: ReportPack
    engines: Engines
    ffmpeg: Path
    spool: Path
    processors: asyncio.Semaphore = field(default_factory=spare_processors)
    calls: CallsInFlight = field(default_factory=CallsInFlight)
    images: ImageQueue | None = None

    def model_answers(
        self, llm: LanguageModel, recording_id: RecordingId, work: ReportRunId | None = None
    ) -> ModelAnswers:
        """Return the ``ModelAnswers`` for one recording: a question whose valid answer is stored is not asked again.

        What is paid counts as used for the report run ``work``, else for the recording.
        """
        store = StoredModelAnswers(self.database, recording_id, work or recording_id, llm.info.name)
        return ModelAnswers(llm, store, self.calls)


class StoredParts:
    """The parts of one recording; every result is committed as it comes."""

    def __init__(self, database: Database, recording_id: RecordingId) -> None:
        self._database = database
        self._recording_id = recording_id

    async def results(self, input_hashes: Sequence[str]) -> Mapping[str, PartTranscript]:
        async with self._database.transaction() as connection:
            parts = await transcripts_store.get_parts(connection, self._recording_id, input_hashes)
        return {part.input_hash: part.result for part in parts if part.result is not None}

    async def plan(self, parts: Mapping[str, PartPlan]) -> None:
        async with self._database.transaction() as connection:
            await transcripts_store.plan_parts(connection, self._recording_id, parts)

    async def begin(self, input_hash: str) -> None:
        # No call begins that would not count: the database is waited for.
        await self._database.persist(
            lambda connection: transcripts_store.store_part_heard(connection, self._recording_id, input_hash, 0.0)
        )

    async def save_result(self, input_hash: str, result: PartTranscript, engine_s: float) -> None:
        await self._database.persist(
            lambda connection: transcripts_store.store_part_result(
                connection, self._recording_id, input_hash, result, engine_s
            )
        )

    async def save_heard(self, input_hash: str, heard: float) -> None:
        async with self._database.transaction() as connection:
            await transcripts_store.store_part_heard(connection, self._recording_id, input_hash, heard)

    async def save_failure(self, input_hash: str, error_code: str, engine_s: float) -> None:  # noqa: ARG002
        async with self._database.transaction() as connection:
            await transcripts_store.store_part_failure(connection, self._recording_id, input_hash, error_code)


class StoredModelAnswers:
    """A language model's answers about one recording, stored by the hash of the request: none is paid for twice."""

    def __init__(self, database: Database, recording_id: RecordingId, work: UUID, engine: str) -> None:
        self._database = database
        self._recording_id = recording_id
        self._work = work
        self._engine = engine

    async def get(self, input_hash: str) -> Completion | None:
        async with self._database.transaction() as connection:
            stored = await reports_store.find_pass(connection, self._recording_id, input_hash)
        if stored is None:
            return None
        return Completion.model_validate_json(stored.output)

    async def put(self, input_hash: str, pass_name: str, completion: Completion) -> None:
        answer = reports_store.pass_of(input_hash, pass_name, completion)

        async def store(connection: Connection) -> None:
            if await reports_store.store_pass(connection, self._recording_id, answer):
                await self._spend(connection, answer.model, answer.usage)

        await self._database.persist(store)

    async def paid(self, model: str, usage: Usage) -> None:
        async with self._database.transaction() as connection:
            await self._spend(connection, model, usage)

    async def _spend(self, connection: Connection, model: str, usage: Usage) -> None:
        await spend(connection, self._work, usage, cost_usd(model, usage, engine=self._engine))
