"""The proposal of metadata with a real database: what is filled, what stays, and that it always ends."""

import asyncio
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest

import metadata_store
import recording_wizard_store
import recordings_store
import transcripts_store
from datamodels import (
    BuildingType,
    RecordingId,
    RecordingMetadata,
    ScenarioId,
    Segment,
    Transcript,
)
from datamodels_telegram import ChatId
from db import Database
from default_pack import PACK
from errors import NotFound, ProviderRateLimited, ProviderUnavailable
from jobs.context import Engines, JobContext
from jobs.recordings import ProposalSteps
from language_model.port import LanguageModel
from object_store import ObjectStore
from recordings.originals import Originals
from recordings_factory import add_recording
from scripted_model import Call, Script, ScriptedModel

SAID = "Файл номер 17, сегодня 3 ноября 2025 года. Анна Смирнова говорит с Иваном Петровым об отеле «Заря»."
ANSWER: dict[str, Any] = {
    "audio_number": 17,
    "date": "2025-11-03",
    "employee": "Анна Смирнова",
    "client": "Иван Петров",
    "place_name": "Заря",
    "building_type": "отель",
    "zone": [],
}
PROPOSED = RecordingMetadata(
    audio_number=17,
    recorded_on=date(2025, 11, 3),
    employee="Анна Смирнова",
    client="Иван Петров",
    place="Заря",
    building=BuildingType.HOTEL,
)


class OneModel:
    """Engines of which only the language model is there, or not even that."""

    def __init__(self, llm: LanguageModel | None) -> None:
        self._llm = llm

    async def language_model(self) -> LanguageModel | None:
        return self._llm


def proposing(database: Database, llm: LanguageModel | None, **limits: float) -> ProposalSteps:
    nothing = cast("ObjectStore", None)
    engines = cast("Engines", OneModel(llm))
    context = JobContext(database, nothing, cast("Originals", None), PACK, engines, Path(), Path())
    return ProposalSteps(context, **limits)


def model(script: Script = lambda _: ANSWER) -> ScriptedModel:
    return ScriptedModel(script)


@pytest.fixture
async def recording(shared_database: Database) -> RecordingId:
    segments = (Segment(start=0, end=20, text=SAID, speaker="S1", role="Сотрудник"),)
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=20, speakers=1, segments=segments)
    async with shared_database.transaction() as connection:
        recording = (await add_recording(connection)).id
        content_hash = sha256(SAID.encode()).hexdigest()
        await transcripts_store.save_transcript(connection, recording, transcript, content_hash)
    return recording


async def metadata(database: Database, recording: RecordingId) -> RecordingMetadata | None:
    async with database.transaction() as connection:
        return await metadata_store.load_metadata(connection, recording)


async def is_proposed(database: Database, recording: RecordingId) -> bool:
    async with database.transaction() as connection:
        query = "SELECT FROM recording_metadata WHERE recording_id = %s AND proposed_at IS NOT NULL"
        return (await connection.execute(query, (recording,))).rowcount == 1


async def test_empty_fields_are_filled_and_others_stay(shared_database: Database, recording: RecordingId) -> None:
    typed = RecordingMetadata(employee="Смирнова Анна Ивановна", zones=("лобби",))
    async with shared_database.transaction() as connection:
        await metadata_store.save_metadata(connection, recording, typed)
    assert not await is_proposed(shared_database, recording)
    await proposing(shared_database, model()).propose(recording)
    assert await metadata(shared_database, recording) == PROPOSED.model_copy(
        update={"employee": typed.employee, "zones": typed.zones}
    )
    assert await is_proposed(shared_database, recording)


async def test_what_is_proposed_is_marked_and_nothing_changes_below_a_form_that_is_open(
    shared_database: Database, recording: RecordingId
) -> None:
    async with shared_database.transaction() as connection:
        await metadata_store.save_metadata(connection, recording, RecordingMetadata(employee="Смирнова Анна Ивановна"))
    await proposing(shared_database, model()).propose(recording)
    async with shared_database.transaction() as connection:
        offered = await metadata_store.load_offered(connection, recording)
        await metadata_store.save_metadata(connection, recording, RecordingMetadata())
        owner = (await recordings_store.get_recording_for_job(connection, recording)).owner_id
        await recording_wizard_store.start(connection, owner, ChatId(1), recording)
    marked = ("audio_number", "date", "place_name", "building_type", "client")
    assert set(offered.fields) == set(offered.proposed) == set(marked)
    await proposing(shared_database, model()).propose(recording)
    assert await metadata(shared_database, recording) == RecordingMetadata()


async def test_metadata_that_are_saved_do_not_undo_the_proposal(
    shared_database: Database, recording: RecordingId
) -> None:
    await proposing(shared_database, model()).propose(recording)
    async with shared_database.transaction() as connection:
        await metadata_store.save_metadata(connection, recording, RecordingMetadata(city="Тверь"))
    assert await is_proposed(shared_database, recording)


async def test_what_a_person_types_meanwhile_is_not_lost(shared_database: Database, recording: RecordingId) -> None:
    typed = RecordingMetadata(employee="Смирнова Анна Ивановна")
    async with shared_database.transaction() as connection:
        await metadata_store.save_metadata(connection, recording, typed)
        answered = asyncio.Event()

        def answer(call: Call) -> dict[str, Any]:
            answered.set()
            return ANSWER

        running = asyncio.create_task(proposing(shared_database, model(answer)).propose(recording))
        await answered.wait()
    await running
    known = await metadata(shared_database, recording)
    assert known is not None
    assert (known.employee, known.client) == (typed.employee, "Иван Петров")


async def test_an_answer_is_paid_for_once(shared_database: Database, recording: RecordingId) -> None:
    llm = model()
    for _ in range(2):
        await proposing(shared_database, llm).propose(recording)
    assert len(llm.calls) == 1


async def test_without_a_model_a_scenario_or_a_transcript_nothing_is_proposed_and_nobody_waits(
    shared_database: Database, recording: RecordingId
) -> None:
    async with shared_database.transaction() as connection:
        silent = (await add_recording(connection)).id
        plain = await add_recording(connection)
        request = plain.request.model_copy(update={"scenario": ScenarioId("none")})
        await recordings_store.update_request(connection, plain.id, request, restart=False)
    llm = model()
    for subject, engine in ((recording, None), (silent, llm), (plain.id, llm)):
        await proposing(shared_database, engine).propose(subject)
        assert await metadata(shared_database, subject) == RecordingMetadata()
        assert await is_proposed(shared_database, subject)
    assert llm.calls == []


@pytest.mark.parametrize(
    "error",
    [
        ProviderUnavailable(provider="llm", reason="HTTP 503"),
        ProviderRateLimited(provider="llm", retry_after_s=3600.0),
    ],
)
async def test_nobody_waits_for_a_model_that_fails(
    shared_database: Database, recording: RecordingId, error: Exception
) -> None:
    def failing(call: Call) -> str:
        raise error

    await proposing(shared_database, model(failing)).propose(recording)
    assert await metadata(shared_database, recording) == RecordingMetadata()
    assert await is_proposed(shared_database, recording)


async def test_nobody_waits_for_a_model_that_does_not_answer(shared_database: Database, recording: RecordingId) -> None:
    class Hanging(ScriptedModel):
        async def count_tokens(self, text: str) -> int:  # noqa: ARG002
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    await proposing(shared_database, Hanging(lambda _: ANSWER), longest_s=0.2).propose(recording)
    assert await is_proposed(shared_database, recording)


async def test_the_recording_was_deleted(shared_database: Database, recording: RecordingId) -> None:
    async with shared_database.transaction() as connection:
        await recordings_store.delete_recording(connection, recording)
        await metadata_store.set_proposed(connection, recording, proposed=True)
    with pytest.raises(NotFound):
        await proposing(shared_database, model()).propose(recording)
