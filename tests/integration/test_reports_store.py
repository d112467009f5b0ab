import asyncio
import time
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

import reports_store
from datamodels import (
    BuildingType,
    IndexValue,
    NewReportRun,
    Recording,
    ReportId,
    ReportOutcome,
    ReportRun,
    ReportRunId,
    RunStatus,
    ScenarioId,
    StoredPass,
    Usage,
)
from db import Connection, Database
from errors import NotFound
from recordings_factory import add_recording, add_user

OUTCOME = ReportOutcome(
    number=4,
    text="# Отчёт\n\n«Завтрак — отличный», 100 %",
    items={"mentioned": ({"factor": "srv_breakfast", "quotes": [{"text": "«Завтрак»"}]},)},
    indices=(
        IndexValue(name="итоговая_оценка", label="Итоговая оценка", value=87.5),
        IndexValue(name="количество", label="Количество", value=10),
        IndexValue(name="тип_клиента", label="Тип клиента", value="первый"),
        IndexValue(name="зона", label="Зона", value=None),
    ),
    indices_error=None,
    warnings=("встроенная модель слаба",),
    usage=Usage(prompt_tokens=12_000, completion_tokens=800),
    cost_usd=Decimal("0.012345"),
    duration_s=41.5,
)
ANSWER = StoredPass(
    input_hash="pass-input",
    pass_name="mentioned",  # noqa: S106
    model="qwen",
    output='{"факторы": ["тишина"]}\n%s',
    usage=Usage(prompt_tokens=100, completion_tokens=20),
    duration_s=2.5,
)


def new_run(recording: Recording, report_id: str = "report_int_general", input_hash: str = "input") -> NewReportRun:
    return NewReportRun(
        recording_id=recording.id,
        owner_id=recording.owner_id,
        scenario=ScenarioId("interview"),
        report_id=ReportId(report_id),
        building=BuildingType.RESTAURANT,
        input_hash=input_hash,
        prompt_hash="prompt",
        model="qwen",
        passes_total=2,
    )


async def test_a_queued_run_has_what_was_asked_for(connection: Connection) -> None:
    new = new_run(await add_recording(connection))
    run = await reports_store.queue_run(connection, new)
    assert run.model_dump(include=set(NewReportRun.model_fields)) == new.model_dump()
    assert (run.status, run.passes_done, run.number, run.text) == (RunStatus.QUEUED, 0, None, None)
    assert await reports_store.get_run(connection, run.id) == run


async def queue(database: Database, new: NewReportRun) -> ReportRun:
    async with database.transaction() as connection:
        return await reports_store.queue_run(connection, new)


async def test_the_same_report_queued_at_once_is_one_run(shared_database: Database) -> None:
    async with shared_database.transaction() as connection:
        new = new_run(await add_recording(connection))
    runs = await asyncio.gather(*(queue(shared_database, new) for _ in range(8)))
    assert len({run.id for run in runs}) == 1


async def test_other_inputs_and_other_reports_are_other_runs(connection: Connection) -> None:
    recording = await add_recording(connection)
    for report_id, input_hash in (("a", "1"), ("a", "2"), ("b", "1"), ("a", "1")):
        await reports_store.queue_run(connection, new_run(recording, report_id, input_hash))
    runs = await reports_store.list_runs(connection, recording.id)
    assert sorted((run.report_id, run.input_hash) for run in runs) == [("a", "1"), ("a", "2"), ("b", "1")]


async def test_a_finished_run_keeps_its_outcome(connection: Connection) -> None:
    run = await reports_store.queue_run(connection, new_run(await add_recording(connection)))
    await reports_store.start_run(connection, run.id)
    await reports_store.set_passes_done(connection, run.id, 1)
    await reports_store.finish_run(connection, run.id, OUTCOME)
    done = await reports_store.get_run(connection, run.id)
    assert done.model_dump(include=set(ReportOutcome.model_fields)) == OUTCOME.model_dump(exclude={"items"})
    row = await (await connection.execute("SELECT items FROM report_runs WHERE id = %s", [run.id])).fetchone()
    assert row == {"items": {"mentioned": [{"factor": "srv_breakfast", "quotes": [{"text": "«Завтрак»"}]}]}}
    assert (done.status, done.passes_done) == (RunStatus.DONE, 2)
    assert done.finished_at is not None


async def test_an_outcome_without_indices_keeps_the_reason(connection: Connection) -> None:
    run = await reports_store.queue_run(connection, new_run(await add_recording(connection)))
    outcome = OUTCOME.model_copy(update={"indices": None, "indices_error": "не рассчитано", "cost_usd": None})
    await reports_store.finish_run(connection, run.id, outcome)
    done = await reports_store.get_run(connection, run.id)
    assert (done.indices, done.indices_error, done.cost_usd) == (None, "не рассчитано", None)


async def test_a_failed_run_tells_why_until_it_is_started_again(connection: Connection) -> None:
    run = await reports_store.queue_run(connection, new_run(await add_recording(connection)))
    await reports_store.fail_run(connection, run.id, "provider_refused_key", "Ключ не принят.")
    failed = await reports_store.get_run(connection, run.id)
    await reports_store.start_run(connection, run.id)
    again = await reports_store.get_run(connection, run.id)
    assert (failed.status, failed.error_code, failed.error_text) == (
        RunStatus.FAILED,
        "provider_refused_key",
        "Ключ не принят.",
    )
    assert (again.status, again.error_code, again.finished_at) == (RunStatus.RUNNING, None, None)


async def test_a_failed_run_is_queued_again_and_a_done_one_is_not(connection: Connection) -> None:
    recording = await add_recording(connection)
    failed = await reports_store.queue_run(connection, new_run(recording, "a"))
    await reports_store.fail_run(connection, failed.id, "provider_unavailable", "Сервис не отвечает.")
    done = await reports_store.queue_run(connection, new_run(recording, "b"))
    await reports_store.finish_run(connection, done.id, OUTCOME)
    again = [await reports_store.queue_run(connection, new_run(recording, report_id)) for report_id in "ab"]
    assert [run.id for run in again] == [failed.id, done.id]
    assert [run.status for run in again] == [RunStatus.QUEUED, RunStatus.DONE]
    assert [run.error_code for run in again] == [None, None]


async def test_an_unknown_run_is_not_found(connection: Connection) -> None:
    with pytest.raises(NotFound):
        await reports_store.get_run(connection, ReportRunId(uuid4()))


async def test_an_answer_is_found_by_what_was_asked(connection: Connection) -> None:
    recording = await add_recording(connection)
    assert await reports_store.find_pass(connection, recording.id, ANSWER.input_hash) is None
    await reports_store.store_pass(connection, recording.id, ANSWER)
    assert await reports_store.find_pass(connection, recording.id, ANSWER.input_hash) == ANSWER


async def test_the_first_answer_stays(connection: Connection) -> None:
    recording = await add_recording(connection)
    await reports_store.store_pass(connection, recording.id, ANSWER)
    await reports_store.store_pass(connection, recording.id, ANSWER.model_copy(update={"output": "другой"}))
    assert await reports_store.find_pass(connection, recording.id, ANSWER.input_hash) == ANSWER


async def test_an_answer_about_one_recording_is_no_answer_about_another(connection: Connection) -> None:
    first, second = await add_recording(connection), await add_recording(connection)
    await reports_store.store_pass(connection, first.id, ANSWER)
    assert await reports_store.find_pass(connection, second.id, ANSWER.input_hash) is None


async def add_report(connection: Connection, recording: Recording) -> ReportRun:
    """A finished report; all of them have the same number."""
    run = await reports_store.queue_run(connection, new_run(recording, input_hash=uuid4().hex))
    assert await reports_store.finish_run(connection, run.id, OUTCOME)
    return run


async def test_of_the_reports_of_two_each_sees_their_own(connection: Connection) -> None:
    recordings = [await add_recording(connection) for _ in range(2)]
    runs = [await add_report(connection, recording) for recording in recordings]
    for recording, run in zip(recordings, runs, strict=True):
        found = await reports_store.find_by_number(connection, recording.owner_id, 4)
        assert found is not None
        assert found.id == run.id
        assert [row["id"] for row in await reports_store.list_named(connection, recording.owner_id)] == [run.id]
        assert len(await reports_store.index_points(connection, recording.owner_id)) == 1


async def test_a_report_is_neither_read_nor_deleted_by_another(connection: Connection) -> None:
    recording, stranger = await add_recording(connection), await add_user(connection)
    run = await add_report(connection, recording)
    assert await reports_store.find_by_number(connection, stranger, 4) is None
    assert await reports_store.find_text(connection, stranger, run.id) is None
    assert await reports_store.list_named(connection, stranger) == []
    assert await reports_store.index_points(connection, stranger) == []
    await reports_store.delete_run(connection, stranger, run.id)
    assert await reports_store.find_text(connection, recording.owner_id, run.id) == OUTCOME.text
    await reports_store.delete_run(connection, recording.owner_id, run.id)
    assert await reports_store.find_text(connection, recording.owner_id, run.id) is None


async def test_the_day_of_a_report_is_ours_and_not_the_server_s(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await add_recording(connection)
    run = await add_report(connection, recording)
    await connection.execute("SET LOCAL TIME ZONE 'UTC'")
    await connection.execute("UPDATE report_runs SET created_at = '2026-11-03 22:30+00' WHERE id = %s", [run.id])
    monkeypatch.setenv("TZ", "Europe/Moscow")
    time.tzset()
    [point] = await reports_store.index_points(connection, recording.owner_id)
    monkeypatch.undo()
    time.tzset()
    assert point.day == date(2026, 11, 4)
