import asyncio
from datetime import date, datetime
from uuid import uuid4

import pytest

import metadata_store
import recordings_store
import reports_store
from datamodels import (
    BuildingType,
    NewReportRun,
    ProcessingRequest,
    Recording,
    RecordingId,
    RecordingMetadata,
    RecordingProgress,
    ReportId,
    RunStatus,
    ScenarioId,
    Stage,
    UserId,
)
from db import Connection, Database
from errors import NotFound
from recordings_factory import REQUEST, add_recording, add_user, new_recording

METADATA = RecordingMetadata(
    audio_number=17,
    recorded_on=date(2026, 11, 3),
    employee="Иванов Иван Иванович",
    client="Ёлкина Мария",
    place="Заря",
    building=BuildingType.HOTEL,
    zones=("ресторан", "холл", "бассейн"),
    city="Нижний Новгород",
)


async def test_a_recording_comes_back_as_it_was_stored(connection: Connection) -> None:
    new = new_recording(await add_user(connection))
    stored = await recordings_store.insert_recording(connection, new)
    assert stored.model_dump(include=set(type(new).model_fields)) == new.model_dump()
    assert (stored.number, stored.stage, stored.error_code, stored.warnings) == (1, Stage.STORED, None, ())
    assert await recordings_store.get_recording(connection, new.owner_id, new.id) == stored
    assert await recordings_store.get_recording_for_job(connection, new.id) == stored
    assert await recordings_store.find_by_sha256(connection, new.owner_id, new.sha256) == stored


async def test_numbers_count_up_for_each_owner(connection: Connection) -> None:
    owners = [await add_user(connection), await add_user(connection)]
    numbers = [
        (await recordings_store.insert_recording(connection, new_recording(owner))).number
        for owner in (owners[0], owners[0], owners[1], owners[0])
    ]
    assert numbers == [1, 2, 1, 3]


async def test_the_number_of_a_deleted_recording_is_not_given_again(connection: Connection) -> None:
    first = await add_recording(connection)
    await recordings_store.delete_recording(connection, first.id)
    second = await recordings_store.insert_recording(connection, new_recording(first.owner_id))
    assert second.number == 2


async def insert(database: Database, owner: UserId, content: bytes | None = None) -> Recording:
    async with database.transaction() as connection:
        return await recordings_store.insert_recording(connection, new_recording(owner, content))


async def test_recordings_stored_at_once_get_different_numbers(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        owner = await add_user(connection)
    recordings = await asyncio.gather(*(insert(shared_database, owner) for _ in range(20)))
    assert sorted(recording.number for recording in recordings) == list(range(1, 21))


async def test_of_the_same_bytes_stored_at_once_there_is_one_recording(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        owner = await add_user(connection)
    recordings = await asyncio.gather(*(insert(shared_database, owner, b"same") for _ in range(8)))
    assert len({recording.id for recording in recordings}) == 1
    assert (await insert(shared_database, owner)).number == 2


async def test_the_same_bytes_of_two_owners_are_two_recordings(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        owners = [await add_user(connection), await add_user(connection)]
    first, second = [await insert(shared_database, owner, b"same") for owner in owners]
    assert first.id != second.id


async def test_nobody_gets_the_recording_of_another(connection: Connection) -> None:
    recording = await add_recording(connection)
    stranger = await add_user(connection)
    assert await recordings_store.find_by_sha256(connection, stranger, recording.sha256) is None
    with pytest.raises(NotFound):
        await recordings_store.get_recording(connection, stranger, recording.id)


async def test_a_recording_of_an_unknown_owner_is_refused(connection: Connection) -> None:
    with pytest.raises(NotFound):
        await recordings_store.insert_recording(connection, new_recording(UserId(uuid4())))


async def stopped_recording(connection: Connection) -> Recording:
    recording = await add_recording(connection)
    await recordings_store.set_stage(connection, recording, Stage.TRANSCRIBED, 30)
    await recordings_store.add_warnings(connection, recording.id, ["предупреждение"])
    await recordings_store.record_failure(connection, recording.id, "provider_unavailable", "Сервис не отвечает.")
    return await recordings_store.get_recording_for_job(connection, recording.id)


DESIGN = ProcessingRequest(scenario=ScenarioId("design"), caption="аудит")


async def test_a_request_takes_the_place_of_the_earlier_one_and_work_goes_on(
    connection: Connection,
) -> None:
    stopped = await stopped_recording(connection)
    updated = await recordings_store.update_request(connection, stopped.id, DESIGN, restart=False)
    assert updated == stopped.model_copy(update={"request": DESIGN, "error_code": None, "error_text": None})


async def test_a_restart_begins_from_the_stored_file(connection: Connection) -> None:
    stopped = await stopped_recording(connection)
    restarted = await recordings_store.update_request(connection, stopped.id, DESIGN, restart=True)
    assert (restarted.stage, restarted.warnings, restarted.error_code) == (Stage.STORED, (), None)


async def test_stages_add_up_their_times_and_end_a_failure(connection: Connection) -> None:
    recording = await add_recording(connection)
    await recordings_store.set_stage(connection, recording, Stage.PREPARED, 1.25)
    await recordings_store.record_failure(connection, recording.id, "provider_unavailable", "Сервис не отвечает.")
    failed = await recordings_store.get_recording_for_job(connection, recording.id)
    await recordings_store.set_stage(connection, failed, Stage.TRANSCRIBED, 30.5)
    going_on = await recordings_store.get_recording_for_job(connection, recording.id)
    assert (failed.stage, failed.error_code, failed.error_text) == (
        Stage.PREPARED,
        "provider_unavailable",
        "Сервис не отвечает.",
    )
    assert (going_on.stage, going_on.error_code, going_on.error_text) == (Stage.TRANSCRIBED, None, None)
    assert going_on.stage_seconds == {"prepared": 1.25, "transcribed": 30.5}


async def test_a_warning_is_kept_once_in_the_order_given(connection: Connection) -> None:
    recording = await add_recording(connection)
    await recordings_store.add_warnings(connection, recording.id, ["второе", "первое", "второе"])
    await recordings_store.add_warnings(connection, recording.id, [])
    await recordings_store.add_warnings(connection, recording.id, ["первое", "третье"])
    warned = await recordings_store.get_recording_for_job(connection, recording.id)
    assert warned.warnings == ("второе", "первое", "третье")


@pytest.mark.parametrize("metadata", [METADATA, RecordingMetadata(), RecordingMetadata(place="Заря")])
async def test_metadata_come_back_as_they_were_saved(connection: Connection, metadata: RecordingMetadata) -> None:
    recording = await add_recording(connection)
    assert await metadata_store.load_metadata(connection, recording.id) == RecordingMetadata()
    await metadata_store.save_metadata(connection, recording.id, metadata)
    assert await metadata_store.load_metadata(connection, recording.id) == metadata


async def test_metadata_take_the_place_of_the_earlier_ones(connection: Connection) -> None:
    recording = await add_recording(connection)
    changed = METADATA.model_copy(update={"zones": ("холл",), "client": None, "building": BuildingType.SPA})
    await metadata_store.save_metadata(connection, recording.id, METADATA)
    await metadata_store.save_metadata(connection, recording.id, changed)
    assert await metadata_store.load_metadata(connection, recording.id) == changed


async def save_same_metadata(database: Database, recording_id: RecordingId, zones: tuple[str, ...]) -> None:
    async with database.transaction() as connection:
        await metadata_store.save_metadata(connection, recording_id, METADATA.model_copy(update={"zones": zones}))


async def test_recordings_with_the_same_names_are_saved_at_once(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        recordings = [await add_recording(connection) for _ in range(8)]
    orders = [METADATA.zones, METADATA.zones[::-1]] * 4
    await asyncio.gather(
        *(
            save_same_metadata(shared_database, recording.id, zones)
            for recording, zones in zip(recordings, orders, strict=True)
        )
    )
    async with shared_database.transaction() as connection:
        cursor = await connection.execute(
            "SELECT count(*) AS names FROM zones WHERE name = ANY(%s)", (list(METADATA.zones),)
        )
        assert await cursor.fetchone() == {"names": 3}


async def queue_report(connection: Connection, recording: Recording, report_id: str) -> None:
    await reports_store.queue_run(
        connection,
        NewReportRun(
            recording_id=recording.id,
            owner_id=recording.owner_id,
            scenario=recording.request.scenario,
            report_id=ReportId(report_id),
            building=None,
            input_hash="input",
            prompt_hash="prompt",
            model="model",
            passes_total=2,
        ),
    )


async def test_progress_tells_stage_and_reports_in_the_order_asked_for(connection: Connection) -> None:
    untouched = await add_recording(connection)
    working = await add_recording(connection)
    await recordings_store.set_stage(connection, working, Stage.SPEAKERS_KNOWN, 1)
    await recordings_store.record_failure(connection, working.id, "no_speech", "Речи нет.")
    for report_id in ("report_int_links", "report_int_general", "report_int_employee"):
        await queue_report(connection, working, report_id)
    [first, *_] = await reports_store.list_runs(connection, working.id)
    await reports_store.start_run(connection, first.id)
    await reports_store.set_passes_done(connection, first.id, 1)

    progress = await recordings_store.load_progress(connection, [working.id, RecordingId(uuid4()), untouched.id])

    assert progress == [
        RecordingProgress(
            recording_id=working.id,
            stage=Stage.SPEAKERS_KNOWN,
            error_code="no_speech",
            error_text="Речи нет.",
            parts_done=0,
            parts_total=0,
            runs={RunStatus.QUEUED: 2, RunStatus.RUNNING: 1},
            passes_done=1,
            passes_total=6,
        ),
        RecordingProgress(
            recording_id=untouched.id,
            stage=Stage.STORED,
            error_code=None,
            error_text=None,
            parts_done=0,
            parts_total=0,
            runs={},
            passes_done=0,
            passes_total=0,
        ),
    ]


async def test_a_deleted_recording_takes_everything_with_it(connection: Connection) -> None:
    recording = await add_recording(connection)
    await metadata_store.save_metadata(connection, recording.id, METADATA)
    await queue_report(connection, recording, "report_int_links")
    await recordings_store.delete_recording(connection, recording.id)
    assert await metadata_store.load_metadata(connection, recording.id) == RecordingMetadata()
    assert await reports_store.list_runs(connection, recording.id) == []
    with pytest.raises(NotFound):
        await recordings_store.get_recording_for_job(connection, recording.id)


async def test_a_recording_is_found_by_its_owners_number(connection: Connection) -> None:
    recording = await add_recording(connection)
    stranger = await add_recording(connection)
    assert recording.number == stranger.number
    assert await recordings_store.find_by_number(connection, recording.owner_id, 1) == recording
    assert await recordings_store.find_by_number(connection, recording.owner_id, 2) is None


async def test_recordings_are_listed_page_by_page_newest_first(connection: Connection) -> None:
    owner = (await add_recording(connection)).owner_id
    for _ in range(4):
        await recordings_store.insert_recording(connection, new_recording(owner))
    audit = new_recording(owner).model_copy(update={"request": DESIGN})
    await recordings_store.insert_recording(connection, audit)
    interview = ScenarioId("interview")

    async def numbers(scenario: ScenarioId | None, limit: int, offset: int) -> list[int]:
        listed = await recordings_store.list_recordings(connection, owner, scenario, limit, offset)
        return [recording.number for recording in listed]

    assert await numbers(None, 10, 0) == [6, 5, 4, 3, 2, 1]
    assert await numbers(interview, 2, 0) == [5, 4]
    assert await numbers(interview, 2, 4) == [1]
    assert await recordings_store.count_recordings(connection, owner, interview) == 5
    assert await recordings_store.count_recordings(connection, owner, None) == 6


@pytest.mark.parametrize("scenario", [None, ScenarioId("interview")])
async def test_of_recordings_of_two_each_sees_their_own(connection: Connection, scenario: ScenarioId | None) -> None:
    anna = await add_recording(connection)
    boris = [await add_recording(connection)]
    boris.append(await recordings_store.insert_recording(connection, new_recording(boris[0].owner_id)))
    for owner, own in ((anna.owner_id, [anna]), (boris[0].owner_id, boris[::-1])):
        assert await recordings_store.list_recordings(connection, owner, scenario, 10, 0) == own
        assert await recordings_store.count_recordings(connection, owner, scenario) == len(own)


async def test_a_recording_is_nobody_elses(connection: Connection) -> None:
    recording = await add_recording(connection)
    stranger = await add_user(connection)
    for look_up in (recordings_store.get_recording, recordings_store.lock_recording):
        with pytest.raises(NotFound):
            await look_up(connection, stranger, recording.id)
    assert await recordings_store.find_by_number(connection, stranger, recording.number) is None
    assert await recordings_store.find_by_sha256(connection, stranger, recording.sha256) is None


@pytest.mark.parametrize(
    ("overtaken_by", "notes"),
    [
        ({}, True),
        ({"caption": "17"}, True),
        ({"building": None}, True),
        ({"scenario": ScenarioId("design")}, False),
        ({"language": "en"}, False),
        ({"language": None}, False),
        ({"speakers": 3}, False),
        ({"speakers": None}, False),
    ],
)
async def test_a_step_notes_nothing_when_its_result_is_not_wanted_any_more(
    connection: Connection, overtaken_by: dict[str, object], notes: bool
) -> None:
    worked_on = await add_recording(connection)
    request = REQUEST.model_copy(update=overtaken_by)
    await recordings_store.update_request(connection, worked_on.id, request, restart=False)
    assert await recordings_store.set_stage(connection, worked_on, Stage.PREPARED, 1) == notes


async def test_a_step_notes_nothing_of_what_was_cancelled_meanwhile(connection: Connection) -> None:
    worked_on = await add_recording(connection)
    assert await recordings_store.cancel(connection, worked_on.id)
    assert not await recordings_store.set_stage(connection, worked_on, Stage.PREPARED, 1)
    now = await recordings_store.get_recording_for_job(connection, worked_on.id)
    assert (now.stage, now.error_code) == (Stage.STORED, "cancelled")


async def test_a_step_that_was_overtaken_by_another_request_notes_nothing(connection: Connection) -> None:
    worked_on = await add_recording(connection)
    await recordings_store.update_request(connection, worked_on.id, DESIGN, restart=False)
    assert not await recordings_store.set_stage(connection, worked_on, Stage.PREPARED, 1)
    now = await recordings_store.get_recording_for_job(connection, worked_on.id)
    assert (now.stage, now.stage_seconds) == (Stage.STORED, {})
    assert await recordings_store.set_stage(connection, now, Stage.PREPARED, 1)
    assert not await recordings_store.set_stage(connection, now, Stage.PREPARED, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"scenario": ScenarioId("design")},
        {"language": "en"},
        {"language": None},
        {"speakers": 3},
        {"speakers": None},
    ],
)
async def test_a_step_that_worked_for_another_request_notes_nothing(
    connection: Connection, change: dict[str, object]
) -> None:
    worked_on = await add_recording(connection)
    request = worked_on.request.model_copy(update=change)
    await recordings_store.update_request(connection, worked_on.id, request, restart=False)
    assert not await recordings_store.set_stage(connection, worked_on, Stage.PREPARED, 1)


@pytest.mark.parametrize("change", [{"caption": "другая"}, {"building": None}])
async def test_a_step_goes_on_when_what_changed_has_no_part_in_it(
    connection: Connection, change: dict[str, object]
) -> None:
    worked_on = await add_recording(connection)
    request = worked_on.request.model_copy(update=change)
    await recordings_store.update_request(connection, worked_on.id, request, restart=False)
    assert await recordings_store.set_stage(connection, worked_on, Stage.PREPARED, 1)


async def since(connection: Connection, recording: RecordingId) -> datetime:
    """When the recording's stage began."""
    row = await (await connection.execute("SELECT stage_at FROM recordings WHERE id = %s", (recording,))).fetchone()
    assert row is not None
    return datetime.fromisoformat(str(row["stage_at"]))


async def test_the_time_of_a_stage_begins_with_the_work_and_with_each_stage(shared_database: Database) -> None:
    began = []
    async with shared_database.transaction() as connection:
        recording = await add_recording(connection)
        began.append(await since(connection, recording.id))
    async with shared_database.transaction() as connection:
        await recordings_store.set_stage(connection, recording, Stage.PREPARED, 1)
        began.append(await since(connection, recording.id))
    async with shared_database.transaction() as connection:
        await recordings_store.record_failure(connection, recording.id, "no_speech", "Речи нет.")
        began.append(await since(connection, recording.id))
    async with shared_database.transaction() as connection:
        await recordings_store.update_request(connection, recording.id, DESIGN, restart=False)
        began.append(await since(connection, recording.id))
    assert began[0] < began[1] == began[2] < began[3]


async def test_metadata_are_confirmed_also_when_there_are_none(connection: Connection) -> None:
    recording = await add_recording(connection)
    await metadata_store.confirm_metadata(connection, recording.id)
    await metadata_store.save_metadata(connection, recording.id, METADATA)
    cursor = await connection.execute(
        "SELECT confirmed_at FROM recording_metadata WHERE recording_id = %s", (recording.id,)
    )
    assert (await cursor.fetchone() or {})["confirmed_at"] is not None
    assert await metadata_store.load_metadata(connection, recording.id) == METADATA
