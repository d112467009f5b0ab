"""Orders of reports: what can be had, what it lacks, and that an order is there whole and once, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

import metadata_store
import recordings_store
import reports_store
import transcripts_store
from datamodels import (
    BuildingType,
    Recording,
    RecordingMetadata,
    ReportId,
    ReportRun,
    ReportRunId,
    RunStatus,
    Stage,
)
from datamodels_telegram import WizardStep
from db import Connection, Database
from default_pack import PACK
from errors import DatabaseUnavailable, NoLanguageModel, NotFound, UnknownChoice
from handlers_world import TRANSCRIPT, Person
from language_model.port import LanguageModel
from reports.orders import Lack, ReportOrders

LINKS = ReportId("report_int_links")
HOTEL = RecordingMetadata(place="Заря", building=BuildingType.HOTEL)
PER_BUILDING = {report.id for report in PACK.reports("interview") if report.per_building}


class Occasion:
    """A place to order from that remembers in the database, as front doors do, and counts what it was told."""

    def __init__(self, person: Person, name: str) -> None:
        self.owner = person.user.id
        self.key = f"occasion {name}"
        self.runs: list[ReportRunId] = []

    async def is_known(self, connection: Connection) -> bool:
        query = "SELECT FROM user_states WHERE user_id = %s AND key = %s"
        return await (await connection.execute(query, (self.owner, self.key))).fetchone() is not None

    async def note(self, connection: Connection, recording: Recording, runs: Sequence[ReportRunId]) -> None:
        query = "INSERT INTO user_states (user_id, key, value) VALUES (%s, %s, %s)"
        await connection.execute(query, (self.owner, self.key, Jsonb(recording.number)))
        self.runs += runs


class Crash(Exception):
    pass


class CrashingOccasion(Occasion):
    async def note(self, connection: Connection, recording: Recording, runs: Sequence[ReportRunId]) -> None:
        await super().note(connection, recording, runs)
        raise Crash


async def runs_of(person: Person, recording: Recording) -> list[ReportRun]:
    async with person.bot.database.transaction() as connection:
        return await reports_store.list_runs(connection, recording.id)


async def jobs_of(person: Person, recording: Recording) -> int:
    async with person.bot.database.transaction() as connection:
        query = "SELECT count(*) AS jobs FROM procrastinate_jobs WHERE queue_name = %s"
        row = await (await connection.execute(query, (recording.id.hex,))).fetchone()
    assert row is not None
    return int(row["jobs"])


@pytest.mark.parametrize(
    ("scenario", "stage", "lack"),
    [
        ("interview", Stage.DONE, None),
        ("design", Stage.DONE, None),
        ("none", Stage.DONE, Lack.SCENARIO),
        ("interview", Stage.SPEAKERS_KNOWN, Lack.TRANSCRIPT),
        ("none", Stage.STORED, Lack.TRANSCRIPT),
    ],
)
async def test_what_a_recording_lacks_stands_before_its_reports(
    person: Person, scenario: str, stage: Stage, lack: Lack | None
) -> None:
    recording = await person.has_recording(scenario, stage=stage, metadata=HOTEL)
    offer = await person.bot.orders.offer(person.user.id, recording.number)
    assert offer.lack is lack
    expected = [] if lack else [report.id for report in PACK.reports(scenario)]
    assert [each.report.id for each in offer.reports] == expected
    order = await person.bot.orders.order(person.user.id, recording.number, None)
    assert (order.lack, len(order.runs)) == (lack, len(expected))


@pytest.mark.parametrize(
    ("metadata", "requested", "building"),
    [
        (None, None, None),
        (RecordingMetadata(place="Заря"), None, None),
        (None, BuildingType.SPA, BuildingType.SPA),
        (HOTEL, None, BuildingType.HOTEL),
        (HOTEL, BuildingType.SPA, BuildingType.HOTEL),
    ],
)
async def test_only_reports_that_depend_on_it_lack_a_building_type_and_metadata_count_first(
    person: Person, metadata: RecordingMetadata | None, requested: BuildingType | None, building: BuildingType | None
) -> None:
    recording = await person.has_recording(metadata=metadata)
    async with person.bot.database.transaction() as connection:
        request = recording.request.model_copy(update={"building": requested})
        await recordings_store.update_request(connection, recording.id, request, restart=False)
    offer = await person.bot.orders.offer(person.user.id, recording.number)
    assert offer.building is building
    lacking = {each.report.id for each in offer.reports if each.lack is Lack.BUILDING}
    assert lacking == (set() if building else PER_BUILDING)


async def test_an_order_is_there_with_its_jobs_and_its_effects_or_not_at_all(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL)
    orders = person.bot.orders
    with pytest.raises(Crash):
        await orders.order(person.user.id, recording.number, None, CrashingOccasion(person, "menu"))
    assert (await runs_of(person, recording), await jobs_of(person, recording)) == ([], 0)
    occasion = Occasion(person, "menu")
    order = await orders.order(person.user.id, recording.number, None, occasion)
    runs = await runs_of(person, recording)
    assert tuple(run.id for run in runs) == order.runs == tuple(occasion.runs)
    assert await jobs_of(person, recording) == len(PACK.reports("interview"))


async def test_reports_of_one_order_are_told_apart_by_time_as_archives_list_them(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL)
    order = await person.bot.orders.order(person.user.id, recording.number, None)
    runs = await runs_of(person, recording)
    assert [run.report_id for run in runs] == [report.id for report in order.reports]
    assert len({run.created_at for run in runs}) == len(runs)


async def test_of_two_orders_on_one_occasion_at_once_one_is_known(person: Person) -> None:
    """Without the person's lock, as from two processes."""
    recording = await person.has_recording(metadata=HOTEL)
    occasion = Occasion(person, "menu")
    both = await asyncio.gather(
        *(person.bot.orders.order(person.user.id, recording.number, LINKS, occasion) for _ in range(2))
    )
    assert sorted(order.known for order in both) == [False, True]
    assert occasion.runs == [run.id for run in await runs_of(person, recording)]
    assert await jobs_of(person, recording) == 1


async def test_orders_from_several_places_at_once_lead_to_the_same_reports(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL)
    backwards = tuple(reversed(PACK.reports("interview")))

    async def forwards(place: int) -> tuple[ReportRunId, ...]:
        occasion = Occasion(person, f"{place}")
        return (await person.bot.orders.order(person.user.id, recording.number, None, occasion)).runs

    async def the_other_way() -> tuple[ReportRunId, ...]:
        return await person.bot.orders.order_chosen(person.user.id, recording.id, backwards, BuildingType.HOTEL)

    ordered = await asyncio.gather(*(each for place in range(3) for each in (forwards(place), the_other_way())))
    runs = {run.id for run in await runs_of(person, recording)}
    assert len(runs) == await jobs_of(person, recording) == len(backwards)
    assert all(set(each) == runs for each in ordered)


async def cancel_without_waiting(database: Database, runs: Sequence[ReportRunId]) -> None:
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL lock_timeout = '100ms'")
        await reports_store.cancel_runs(connection, runs)


async def test_an_order_and_a_cancellation_wait_for_each_other_before_either_holds_a_report(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL)
    runs = (await person.bot.orders.order(person.user.id, recording.number, None)).runs
    database = person.bot.database
    async with database.transaction() as ordering:
        await recordings_store.lock_recording(ordering, person.user.id, recording.id)
        with pytest.raises(DatabaseUnavailable, match="LockNotAvailable"):
            await cancel_without_waiting(database, runs)


@pytest.mark.parametrize("change", ["scenario", "transcript", "building", "deleted"])
async def test_what_changed_while_the_model_was_made_ready_counts(person: Person, change: str) -> None:
    recording = await person.has_recording(metadata=HOTEL)
    database, model = person.bot.database, person.bot.engines.model

    async def changed(connection: Connection) -> None:
        if change == "scenario":
            request = recording.request.model_copy(update={"scenario": "none"})
            await recordings_store.update_request(connection, recording.id, request, restart=False)
        elif change == "transcript":
            await recordings_store.update_request(connection, recording.id, recording.request, restart=True)
        elif change == "building":
            await metadata_store.save_metadata(connection, recording.id, RecordingMetadata())
        else:
            await recordings_store.delete_recording(connection, recording.id)

    async def slow_model() -> LanguageModel | None:
        async with database.transaction() as connection:
            await changed(connection)
        return model

    async def nobody(runs: Sequence[ReportRunId]) -> bool:
        return False

    orders = ReportOrders(database, PACK, slow_model, person.bot.jobs.enqueue_report, nobody)
    if change == "deleted":
        with pytest.raises(NotFound):
            await orders.order(person.user.id, recording.number, None)
    else:
        order = await orders.order(person.user.id, recording.number, None)
        assert (order.lack, order.runs) == (Lack(change), ())
    assert await runs_of(person, recording) == []


async def test_no_model_is_made_ready_for_an_order_that_lacks_something_or_is_known(person: Person) -> None:
    recording = await person.has_recording(metadata=RecordingMetadata())
    occasion = Occasion(person, "menu")
    await person.bot.orders.order(person.user.id, recording.number, LINKS, occasion)
    person.bot.engines.model = None
    assert (await person.bot.orders.order(person.user.id, recording.number, LINKS, occasion)).known
    assert (await person.bot.orders.order(person.user.id, recording.number, None)).lack is Lack.BUILDING
    with pytest.raises(NoLanguageModel):
        await person.bot.orders.order(person.user.id, recording.number, LINKS)
    assert len(await runs_of(person, recording)) == 1


async def test_a_report_of_another_scenario_is_no_choice(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL)
    with pytest.raises(UnknownChoice):
        await person.bot.orders.order(person.user.id, recording.number, ReportId("report_design_compliance"))
    assert await runs_of(person, recording) == []


async def test_the_building_type_of_an_order_is_kept_with_what_else_is_known(person: Person) -> None:
    recording = await person.has_recording(metadata=RecordingMetadata(place="Заря"))
    orders, occasion = person.bot.orders, Occasion(person, "menu")
    order = await orders.order(person.user.id, recording.number, None, occasion, BuildingType.SPA)
    known = await person.metadata(recording)
    assert (order.building, known.place, known.building) == (BuildingType.SPA, "Заря", BuildingType.SPA)


async def test_the_building_type_of_the_first_of_two_orders_on_one_occasion_stands(person: Person) -> None:
    recording = await person.has_recording(metadata=RecordingMetadata(place="Заря"))
    orders, occasion = person.bot.orders, Occasion(person, "menu")
    owner, number = person.user.id, recording.number
    await orders.order(owner, number, None, occasion, BuildingType.HOTEL)
    second = await orders.order(owner, number, None, occasion, BuildingType.RESTAURANT)
    assert (second.known, second.building, second.runs) == (True, BuildingType.HOTEL, ())
    assert (await person.metadata(recording)).building is BuildingType.HOTEL
    assert {run.building for run in await runs_of(person, recording)} == {None, BuildingType.HOTEL}


async def test_an_order_that_is_not_made_keeps_no_building_type(person: Person) -> None:
    recording = await person.has_recording(metadata=RecordingMetadata(place="Заря"))
    person.bot.engines.model = None
    with pytest.raises(NoLanguageModel):
        await person.bot.orders.order(person.user.id, recording.number, None, None, BuildingType.HOTEL)
    assert (await person.metadata(recording)).building is None


@pytest.mark.parametrize(("scenario", "place"), [("interview", 0), ("interview", 9), ("none", 1)])
async def test_a_place_without_a_report_names_none(person: Person, scenario: str, place: int) -> None:
    recording = await person.has_recording(scenario, metadata=HOTEL)
    with pytest.raises(UnknownChoice):
        await person.bot.orders.report_at(person.user.id, recording.number, place)


async def test_a_place_names_the_report_of_the_scenario(person: Person) -> None:
    recording = await person.has_recording()
    assert await person.bot.orders.report_at(person.user.id, recording.number, 2) == LINKS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WizardStep.REPORTS, WizardStep.CLOSED),
        (WizardStep.CONFIRMATION, WizardStep.CONFIRMATION),
        (WizardStep.TRANSCRIPT, WizardStep.TRANSCRIPT),
    ],
)
async def test_who_wants_no_reports_ends_a_wizard_that_offers_them(
    person: Person, before: WizardStep, after: WizardStep
) -> None:
    recording = await person.has_recording(step=before)
    await person.bot.orders.decline(person.user.id, recording.number)
    assert await person.step(recording) is after


async def _nothing(*_: object) -> None:
    raise AssertionError("nothing is found")


async def test_anothers_recording_is_not_found(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    other = await person.has_recording(metadata=HOTEL, step=WizardStep.REPORTS)
    orders, number = person.bot.orders, recording.number
    runs = (await orders.order(person.user.id, other.number, LINKS)).runs
    stranger = (await Person.come(person.bot)).user.id
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: orders.offer(stranger, number, _nothing),
        lambda: orders.order(stranger, number, LINKS),
        lambda: orders.order(stranger, number, None),
        lambda: orders.order_chosen(stranger, recording.id, [PACK.report(LINKS)], None),
        lambda: orders.report_at(stranger, number, 1),
        lambda: orders.decline(stranger, number),
        lambda: orders.find(stranger, 1, _nothing),
        lambda: orders.cancel(stranger, runs),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            await attempt()
    assert await runs_of(person, recording) == []
    [run] = await runs_of(person, other)
    assert run.status is RunStatus.QUEUED
    assert (await person.metadata(recording)).building is BuildingType.HOTEL
    assert await person.step(recording) is WizardStep.REPORTS


async def test_an_order_is_cancelled_once_and_runs_that_are_gone_are_passed_over(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL)
    runs = (await person.bot.orders.order(person.user.id, recording.number, None)).runs
    gone = ReportRunId(uuid4())
    assert await person.bot.orders.cancel(person.user.id, [*runs[:1], gone])
    assert not await person.bot.orders.cancel(person.user.id, [*runs[:1], gone])
    statuses = [run.status for run in await runs_of(person, recording)]
    assert statuses.count(RunStatus.CANCELLED) == 1
    again = await person.bot.orders.order(person.user.id, recording.number, None)
    assert set(again.runs) == set(runs)
    assert {run.status for run in await runs_of(person, recording)} == {RunStatus.QUEUED}


async def test_what_was_transcribed_anew_is_ordered_anew(person: Person) -> None:
    recording = await person.has_recording(metadata=HOTEL)
    await person.bot.orders.order(person.user.id, recording.number, LINKS)
    async with person.bot.database.transaction() as connection:
        other = TRANSCRIPT.model_copy(update={"duration_s": 1.0})
        await transcripts_store.save_transcript(connection, recording.id, other, "other")
    await person.bot.orders.order(person.user.id, recording.number, LINKS)
    assert len(await runs_of(person, recording)) == 2
