"""The stores of a recording's parts and of a language model's answers, as the services ask for them."""

from collections.abc import Mapping, Sequence

import recordings_store_transcripts
import reports_store
from datamodels import Completion, PartPlan, PartTranscript, RecordingId, StoredPass
from db import Database


class StoredParts:
    """The parts of one recording; every result is committed as it comes."""

    def __init__(self, database: Database, recording_id: RecordingId) -> None:
        self._database = database
        self._recording_id = recording_id

    async def results(self, input_hashes: Sequence[str]) -> Mapping[str, PartTranscript]:
        async with self._database.transaction() as connection:
            parts = await recordings_store_transcripts.get_parts(connection, self._recording_id, input_hashes)
        return {part.input_hash: part.result for part in parts if part.result is not None}

    async def plan(self, parts: Mapping[str, PartPlan]) -> None:
        async with self._database.transaction() as connection:
            await recordings_store_transcripts.plan_parts(connection, self._recording_id, parts)

    async def save_result(self, input_hash: str, result: PartTranscript, engine_s: float) -> None:
        async with self._database.transaction() as connection:
            await recordings_store_transcripts.store_part_result(
                connection, self._recording_id, input_hash, result, engine_s
            )

    async def save_failure(self, input_hash: str, error_code: str, engine_s: float) -> None:  # noqa: ARG002
        async with self._database.transaction() as connection:
            await recordings_store_transcripts.store_part_failure(
                connection, self._recording_id, input_hash, error_code
            )


class StoredAnswers:
    """A language model's answers about one recording, by the hash of what was asked: none is paid for twice."""

    def __init__(self, database: Database, recording_id: RecordingId) -> None:
        self._database = database
        self._recording_id = recording_id

    async def get(self, input_hash: str) -> Completion | None:
        async with self._database.transaction() as connection:
            stored = await reports_store.find_pass(connection, self._recording_id, input_hash)
        if stored is None:
            return None
        return Completion.model_validate_json(stored.output)

    async def put(self, input_hash: str, pass_name: str, completion: Completion) -> None:
        answer = StoredPass(
            input_hash=input_hash,
            pass_name=pass_name,
            model=completion.model,
            output=completion.model_dump_json(),
            usage=completion.usage,
            duration_s=completion.duration_s,
        )
        async with self._database.transaction() as connection:
            await reports_store.store_pass(connection, self._recording_id, answer)
