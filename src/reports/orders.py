"""Orders of reports: which ones a recording can have, what they lack, which exist; and orders to write them.

An order is one transaction: the report runs, their jobs, and what else the front door adds to it. However often, and
from wherever, a report of the same inputs is ordered, it stays one report.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import metadata_store
import recording_wizard_store
import recordings_store
import reports_store
import texts.limits
from constants import NO_SCENARIO
from datamodels import (
    BuildingType,
    Recording,
    RecordingId,
    ReportId,
    ReportRun,
    ReportRunId,
    RunStatus,
    UserId,
)
from datamodels_telegram import WizardStep
from db import Connection, Database
from dialogs import find_wizard
from errors import BuildingNeeded, NoLanguageModel, NotFound, UnknownChoice
from language_model.port import LanguageModel
from limits.reservations import reserve_report
from prompt_pack.models import ReportPack, ReportType
from recordings.descriptions import building_of, say_building
from recordings.lookup import WithOwnRecording, is_transcribed
from reports.estimate import expected, size_of, tokens_of
from reports.inputs import load_inputs, new_run
from reports.research.store import find_order

EVERYTHING = "all"
"""In the place of a report's id: every report of the scenario."""
NOTHING = "none"

EnqueueReport = Callable[[Connection, RecordingId | None, ReportRunId], Awaitable[None]]
"""Adds, in the transaction, the job that will write a report."""
WithReport = Callable[[Connection, Recording | str, ReportRun], Awaitable[None]]
"""Adds what else belongs to the transaction that finds a report, such as a message with the report's file.

It gets the report's recording, or the question of a research.
"""


class Lack(StrEnum):
    """What has to come before reports can be ordered."""

    TRANSCRIPT = "transcript"
    SCENARIO = "scenario"
    BUILDING = "building"


class Offered(NamedTuple):
    """A report that can be had, and what it lacks."""

    report: ReportType
    lack: Lack | None


class Offer(NamedTuple):
    """The reports that a recording can have; none while the recording itself lacks something."""

    recording: Recording
    lack: Lack | None
    building: BuildingType | None
    reports: tuple[Offered, ...]


class Order(NamedTuple):
    """The outcome of an order: with a ``lack``, nothing was ordered; when ``known``, its occasion ordered it before.

    ``ready`` are those of ``reports`` that are written already, from the same inputs. They are sent ``again`` when the
    report was wanted by its name.
    """

    recording: Recording
    reports: tuple[ReportType, ...]
    building: BuildingType | None
    lack: Lack | None
    known: bool = False
    runs: tuple[ReportRunId, ...] = ()
    ready: tuple[ReportType, ...] = ()
    again: bool = False


class Occasion(Protocol):
    """The event that an order comes from, such as a press.

    When it is handled again, even after a crash, it orders nothing more.
    """

    async def is_known(self, connection: Connection) -> bool:
        """Tell whether this event has made its order already."""
        ...

    async def note(self, connection: Connection, recording: Recording, runs: Sequence[ReportRunId]) -> None:
        """Note that the event has made its order, and add what the front door shows of the order."""
        ...


class Choice(NamedTuple):
    """The reports to write; ``without_building`` were asked for, too, but need a building type first."""

    reports: tuple[ReportType, ...]
    without_building: tuple[ReportType, ...]


def choose_reports(pack: ReportPack, scenario: str, wanted: str, building: BuildingType | None) -> Choice:
    """Choose reports of a scenario; none for ``NO_SCENARIO``.

    ``wanted`` is comma-separated ids, ``EVERYTHING`` or ``NOTHING``.

    Raises:
        UnknownChoice: no such scenario, or it has no such report.
        BuildingNeeded: a report that was named needs a building type.
    """
    if scenario == NO_SCENARIO:
        return Choice((), ())
    scenarios = [each.id for each in pack.scenarios]
    if scenario not in scenarios:
        raise UnknownChoice(value=scenario, allowed=", ".join([*scenarios, NO_SCENARIO]))
    if wanted == NOTHING:
        return Choice((), ())
    reports = pack.reports(scenario)
    chosen = reports if wanted == EVERYTHING else _named(reports, wanted.split(","))
    without_building = tuple(report for report in chosen if _lacks_building(report, building))
    if without_building and wanted != EVERYTHING:
        raise BuildingNeeded(labels="», «".join(report.label for report in without_building))
    return Choice(tuple(report for report in chosen if report not in without_building), without_building)


class ReportOrders:
    """Orders reports.

    ``language_model`` returns the model in use, None when there is none. ``cancel`` stops report runs in their workers.
    """

    def __init__(
        self,
        database: Database,
        pack: ReportPack,
        language_model: Callable[[], Awaitable[LanguageModel | None]],
        enqueue: EnqueueReport,
        cancel: Callable[[Sequence[ReportRunId]], Awaitable[bool]],
    ) -> None:
        self._database = database
        self._pack = pack
        self._language_model = language_model
        self._enqueue = enqueue
        self._cancel = cancel

    async def offer(self, owner: UserId, number: int, with_recording: WithOwnRecording | None = None) -> Offer:
        """Return the reports that a recording can have; ``with_recording`` is called in the same transaction.

        Raises:
            NotFound: the owner has no recording of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            if with_recording is not None:
                await with_recording(connection, recording)
            metadata = await metadata_store.load_metadata(connection, recording.id)
        building, lack = building_of(recording, metadata), _lack(recording)
        if lack is not None:
            return Offer(recording, lack, building, ())
        offered = tuple(
            Offered(each, Lack.BUILDING if _lacks_building(each, building) else None)
            for each in self._pack.reports(recording.request.scenario)
        )
        return Offer(recording, None, building, offered)

    async def order(
        self,
        owner: UserId,
        number: int,
        wanted: ReportId | None,
        occasion: Occasion | None = None,
        building: BuildingType | None = None,
    ) -> Order:
        """Order the report ``wanted`` of a recording; None orders all reports of the recording's scenario.

        Nothing is ordered when one of these reports lacks something, or when ``occasion`` has made its order already.
        ``building`` is stored as the recording's building type together with the order, and only with it.

        Raises:
            NotFound: the owner has no recording of that number.
            UnknownChoice: the recording's scenario has no such report.
            NoLanguageModel: reports are switched off.
            LimitReached: the reports would take more than the owner has left; none is ordered.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            order = await self._considered(connection, recording, wanted, occasion, building)
        if order.lack is not None or order.known:
            return order
        # The model may take its time to start: nothing is locked meanwhile, so all is looked at again afterwards.
        llm = await self._model()
        async with self._database.transaction() as connection:
            recording = await recordings_store.lock_recording(connection, owner, recording.id)
            order = await self._considered(connection, recording, wanted, occasion, building)
            if order.lack is not None or order.known:
                return order
            if building is not None:
                await say_building(connection, recording, building)
            queued = await self._queued(connection, recording, order.reports, order.building, llm)
            again = wanted is not None
            runs = tuple(run.id for run in queued if again or run.status is not RunStatus.DONE)
            await _end_wizard(connection, recording)
            if occasion is not None:
                await occasion.note(connection, recording, runs)
        return order._replace(runs=runs, ready=_done(order.reports, queued), again=again)

    async def order_chosen(
        self, owner: UserId, recording_id: RecordingId, reports: Sequence[ReportType], building: BuildingType | None
    ) -> tuple[ReportRunId, ...]:
        """Order reports that were chosen before, for this building type even if the recording has another.

        Raises:
            NoLanguageModel: reports are switched off.
            NotFound: the owner has no such recording, or it has no transcript.
            UnknownChoice: a report needs a building type.
            LimitReached: as of ``order``.
        """
        llm = await self._model()
        async with self._database.transaction() as connection:
            recording = await recordings_store.lock_recording(connection, owner, recording_id)
            queued = await self._queued(connection, recording, reports, building, llm)
        return tuple(run.id for run in queued)

    async def report_at(self, owner: UserId, number: int, place: int) -> ReportId:
        """Return the id of the report at ``place``, from 1, among those of a recording's scenario.

        Raises:
            NotFound: the owner has no recording of that number.
            UnknownChoice: the scenario has no report at that position.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
        scenario = recording.request.scenario
        ids = [each.id for each in self._pack.reports(scenario)] if scenario != NO_SCENARIO else []
        if not 1 <= place <= len(ids):
            raise UnknownChoice(value=place, allowed=", ".join(ids))
        return ids[place - 1]

    async def decline(self, owner: UserId, number: int) -> Recording:
        """End the recording's wizard if it is asking for reports: the person wants none for now.

        Raises:
            NotFound: the owner has no recording of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            await _end_wizard(connection, recording)
        return recording

    async def find(self, owner: UserId, number: int, with_report: WithReport) -> ReportRun:
        """Load a report of the owner by its permanent number; ``with_report`` is called in the same transaction.

        Raises:
            NotFound: the owner has no report of that number.
        """
        async with self._database.transaction() as connection:
            run = await reports_store.find_by_number(connection, owner, number)
            if run is None:
                raise NotFound(what=f"report {number}")
            about: Recording | str
            if run.recording_id is None:
                order = await find_order(connection, run.id)
                about = order.question if order else ""
            else:
                about = await recordings_store.get_recording(connection, owner, run.recording_id)
            await with_report(connection, about, run)
        return run

    async def written(self, owner: UserId, number: int) -> tuple[Recording, tuple[ReportRun, ...]]:
        """Load a recording and its reports that are in the archive, by their permanent numbers.

        Raises:
            NotFound: the owner has no recording of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            runs = await reports_store.list_runs(connection, recording.id)
        written = (run for run in runs if run.number is not None)
        return recording, tuple(sorted(written, key=lambda run: run.number or 0))

    async def of_recording(self, owner: UserId, number: int) -> tuple[ReportRun, ...]:
        """Load all reports of a recording, in the order in which they were ordered.

        Raises:
            NotFound: the owner has no recording of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
            return tuple(await reports_store.list_runs(connection, recording.id))

    async def cancel(self, owner: UserId, runs: Sequence[ReportRunId]) -> bool:
        """Stop the work on reports; what the model has answered stays. Return False when every run had ended already.

        Raises:
            NotFound: one of the runs is someone else's. Deleted runs are passed over.
        """
        async with self._database.transaction() as connection:
            if await reports_store.are_of_others(connection, owner, runs):
                raise NotFound(what=f"reports of {owner}")
        return await self._cancel(runs)

    async def _considered(
        self,
        connection: Connection,
        recording: Recording,
        wanted: ReportId | None,
        occasion: Occasion | None,
        said: BuildingType | None,
    ) -> Order:
        """Return the order as it would be made now, without runs: its reports, what they lack, whether it is known.

        ``said`` is the building type that comes with a new order; an order that is known has the recording's.
        """
        lack = _lack(recording)
        if lack is not None:
            return Order(recording, (), None, lack)
        reports = self._pack.reports(recording.request.scenario)
        if wanted is not None:
            reports = _named(reports, [wanted])
        known = occasion is not None and await occasion.is_known(connection)
        stored = building_of(recording, await metadata_store.load_metadata(connection, recording.id))
        building = stored if known or said is None else said
        if any(_lacks_building(report, building) for report in reports):
            return Order(recording, reports, None, Lack.BUILDING)
        runs = await reports_store.list_runs(connection, recording.id) if known else []
        return Order(recording, reports, building, None, known, ready=_done(reports, runs))

    async def _queued(
        self,
        connection: Connection,
        recording: Recording,
        reports: Sequence[ReportType],
        building: BuildingType | None,
        llm: LanguageModel,
    ) -> tuple[ReportRun, ...]:
        """Queue a run of each report, or take the run of the same inputs that is there already; return them."""
        about = texts.limits.ABOUT_REPORTS.format(number=recording.number)
        inputs = await load_inputs(connection, recording)
        tokens = await asyncio.to_thread(tokens_of, inputs.transcript)
        runs = []
        for report in reports:
            run = await reports_store.queue_run(connection, await new_run(inputs, report, building, llm))
            if run.status is not RunStatus.DONE:
                plans = [report.plan(building if report.per_building else None)]
                estimate = await asyncio.to_thread(expected, plans, tokens, size_of(llm))
                await reserve_report(connection, recording.owner_id, run.id, estimate.usage, estimate.cost_usd, about)
                await self._enqueue(connection, recording.id, run.id)
            runs.append(run)
        return tuple(runs)

    async def _model(self) -> LanguageModel:
        llm = await self._language_model()
        if llm is None:
            raise NoLanguageModel
        return llm


async def _end_wizard(connection: Connection, recording: Recording) -> None:
    """Note that the choice of reports waits for nobody any more."""
    wizard = await find_wizard(connection, recording.owner_id, recording.id)
    if wizard is not None and wizard.step is WizardStep.REPORTS:
        await recording_wizard_store.move(connection, wizard, WizardStep.CLOSED)


def _lack(recording: Recording) -> Lack | None:
    if not is_transcribed(recording):
        return Lack.TRANSCRIPT
    return Lack.SCENARIO if recording.request.scenario == NO_SCENARIO else None


def _lacks_building(report: ReportType, building: BuildingType | None) -> bool:
    return report.per_building and building is None


def _named(reports: Sequence[ReportType], ids: Sequence[str]) -> tuple[ReportType, ...]:
    known: dict[str, ReportType] = {report.id: report for report in reports}
    for report_id in ids:
        if report_id not in known:
            raise UnknownChoice(value=report_id, allowed=", ".join([EVERYTHING, NOTHING, *known]))
    return tuple(known[report_id] for report_id in ids)


def _done(reports: Sequence[ReportType], runs: Sequence[ReportRun]) -> tuple[ReportType, ...]:
    done = {run.report_id for run in runs if run.status is RunStatus.DONE}
    return tuple(each for each in reports if each.id in done)
