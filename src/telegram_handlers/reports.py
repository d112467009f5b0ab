"""Reports: what can be had of a recording, ordering it, and the files of what is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cards_store
import metadata_store
import recording_wizard_store
import recordings_store
import reports_store
import texts.telegram_recordings
import user_states
from access import Permission
from constants import NO_SCENARIO
from datamodels import BuildingType, Recording, ReportRunId, Stage, UserId
from datamodels_telegram import (
    FileReference,
    FileSource,
    MessageId,
    MessageKind,
    OutgoingMessage,
    Screen,
    WizardStep,
)
from db import Connection, Database
from dialogs import find_wizard, get_user_lock
from errors import NoLanguageModel, NotFound, OutdatedButton
from jobs.queue import Jobs
from jobs.reports import ReportSteps
from markups.callback_data import Action, Press
from markups.recordings import not_ready, which_scenario
from markups.reports import (
    ALL_REPORTS,
    choose_building,
    no_language_model,
    ordered,
    report_file_caption,
    reports_menu,
    transcript_only,
)
from message_tracker import MessageTracker
from prompt_pack.models import ReportPack, ReportType
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.shared import first_tap, put_message, show
from user_states import State

REPORT_EXTENSIONS = frozenset(["md", "docx", "json"])


class Ordered(State):
    """What was ordered from one message: a button that is handled again, after a crash too, orders no more."""

    KEY = "ordered"
    message_id: MessageId | None
    wanted: tuple[str, ...] = ()


class DemonstrationTold(State):
    """The person has been told that the language model is for demonstration."""

    KEY = "demonstration_told"


@dataclass(frozen=True)
class ReportWork:
    """What reports are ordered from. ``wake`` has cards and deliveries looked at now."""

    pack: ReportPack
    steps: ReportSteps
    jobs: Jobs
    has_demo_model: Callable[[], bool]
    wake: Callable[[], None]


class ReportHandlers:
    """Offers reports, orders them, sends those that are there."""

    def __init__(self, database: Database, messages: MessageTracker, work: ReportWork) -> None:
        self._database = database
        self._messages = messages
        self._work = work

    def routes(self) -> Routes:
        presses: dict[Action, PressHandler] = {
            Action.CHOOSE_REPORTS: self._menu,
            Action.RECORDING_REPORTS: self._menu,
            Action.REPORT: self._report,
            Action.REPORTS_ALL: self._all,
            Action.CHOOSE_BUILDING: self._building_chosen,
            Action.TRANSCRIPT_ONLY: self._transcript_only,
            Action.REPORT_FILE: self._file,
        }
        return Routes(presses={action: (Permission.RECORD, handler) for action, handler in presses.items()})

    async def _menu(self, context: Context, press: Press) -> None:
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, context.user.id, press.number)
            # From this message the same can be ordered once more.
            await user_states.drop(connection, context.user.id, Ordered)
        await show(self._messages, context, MessageKind.MENU, self._menu_of(recording))

    async def _report(self, context: Context, press: Press) -> None:
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, context.user.id, press.number)
        if not self._ready(recording):
            await show(self._messages, context, MessageKind.MENU, self._menu_of(recording))
            return
        report = next((each for each in self._reports(recording) if each.id == press.word), None)
        if report is None:
            raise OutdatedButton(data=press.word)
        await self._order(context, recording, (report,), press.word)

    async def _all(self, context: Context, press: Press) -> None:
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, context.user.id, press.number)
        if not self._ready(recording):
            await show(self._messages, context, MessageKind.MENU, self._menu_of(recording))
            return
        await self._order(context, recording, self._reports(recording), ALL_REPORTS)

    async def _building_chosen(self, context: Context, press: Press) -> None:
        """Keep the building type with the recording, and go on with what was wanted."""
        building, number, place = _building_choice(press)
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, context.user.id, number)
            reports = self._reports(recording)
            if place is not None and place > len(reports):
                raise OutdatedButton(data=press.action)
            metadata = await metadata_store.load_metadata(connection, recording.id)
            chosen = metadata.model_copy(update={"building": building})
            await metadata_store.save_metadata(connection, recording.id, chosen)
        if not self._ready(recording):
            await show(self._messages, context, MessageKind.MENU, self._menu_of(recording))
        elif place is None:
            await self._order(context, recording, reports, ALL_REPORTS)
        else:
            await self._order(context, recording, (reports[place - 1],), reports[place - 1].id)

    async def _order(self, context: Context, recording: Recording, reports: Sequence[ReportType], wanted: str) -> None:
        """Order reports, once however often it is asked for from the same message."""
        async with get_user_lock(context.user.id):
            building = await self._building(recording)
            if building is None and any(report.per_building for report in reports):
                place = ALL_REPORTS if wanted == ALL_REPORTS else self._reports(recording).index(reports[0]) + 1
                screen = choose_building(recording.number, place)
                await show(self._messages, context, MessageKind.MENU, screen)
                return
            labels = [report.label for report in reports]
            if await self._is_ordered(context, wanted):
                await context.answer(texts.telegram_recordings.ORDERED_ALREADY)
                # A crash may have come between the order and its screen.
                screen = ordered(recording.number, labels, demonstration=self._work.has_demo_model())
                await show(self._messages, context, MessageKind.MENU, screen)
                return
            try:
                runs = [await self._order_one(recording, report, building) for report in reports]
            except NoLanguageModel:
                await show(self._messages, context, MessageKind.MENU, no_language_model(recording.number))
                return
            tell = await self._note_order(context, recording, runs, wanted)
            screen = ordered(recording.number, labels, demonstration=tell)
            await show(self._messages, context, MessageKind.MENU, screen)
        self._work.wake()

    async def _order_one(self, recording: Recording, report: ReportType, building: BuildingType | None) -> ReportRunId:
        needed = building if report.per_building else None
        return await self._work.steps.order(recording.id, report, needed, self._work.jobs.enqueue_report)

    async def _is_ordered(self, context: Context, wanted: str) -> bool:
        async with self._database.transaction() as connection:
            before = await user_states.get(connection, context.user.id, Ordered)
        return before is not None and before.message_id == context.pressed and wanted in before.wanted

    async def _note_order(
        self, context: Context, recording: Recording, runs: Sequence[ReportRunId], wanted: str
    ) -> bool:
        """Have what was ordered shown and delivered; tells whether the person hears of the demonstration model now.

        What another order has not delivered yet comes with that one.
        """
        owner = context.user.id
        async with self._database.transaction() as connection:
            before = await user_states.get(connection, owner, Ordered)
            same_message = before is not None and before.message_id == context.pressed
            earlier = before.wanted if before is not None and same_message else ()
            await user_states.put(connection, owner, Ordered(message_id=context.pressed, wanted=(*earlier, wanted)))
            on_their_way = await _undelivered(connection, owner)
            new = [run for run in runs if run not in on_their_way]
            if new:
                await cards_store.add_reports_card(connection, owner, context.chat, recording.id, new)
            if not self._work.has_demo_model():
                return False
            told = await user_states.get(connection, owner, DemonstrationTold)
            await user_states.put(connection, owner, DemonstrationTold())
            return told is None

    async def _building(self, recording: Recording) -> BuildingType | None:
        async with self._database.transaction() as connection:
            metadata = await metadata_store.load_metadata(connection, recording.id)
        return metadata.building or recording.request.building

    async def _transcript_only(self, context: Context, press: Press) -> None:
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, context.user.id, press.number)
            wizard = await find_wizard(connection, context.user.id, recording.id)
            if wizard is not None and wizard.step is WizardStep.REPORTS:
                await recording_wizard_store.move(connection, wizard, WizardStep.CLOSED)
        await show(self._messages, context, MessageKind.MENU, transcript_only(recording.number))

    async def _file(self, context: Context, press: Press) -> None:
        """Send a report as a file of one of the forms."""
        if press.word not in REPORT_EXTENSIONS:
            raise OutdatedButton(data=press.action)
        owner = context.user.id
        async with self._database.transaction() as connection:
            run = await reports_store.find_by_number(connection, owner, press.number)
            if run is None:
                raise NotFound(what=f"report {press.number}")
            recording = await recordings_store.get_recording(connection, owner, run.recording_id)
            if await first_tap(connection, context, press):
                caption = report_file_caption(recording, self._work.pack.label_of(run.report_id))
                file = FileReference(source=FileSource.REPORT, subject=run.id, extension=press.word)
                message = OutgoingMessage(kind=MessageKind.RESULT, screen=caption, file=file)
                await put_message(connection, context, message)
        await context.answer(texts.telegram_recordings.SENDING)
        self._work.wake()

    def _menu_of(self, recording: Recording) -> Screen:
        if recording.stage is not Stage.DONE:
            return not_ready(recording)
        if recording.request.scenario == NO_SCENARIO:
            return which_scenario(recording, self._work.pack.scenarios, for_reports=True)
        return reports_menu(recording.number, recording.file_name, self._reports(recording))

    def _ready(self, recording: Recording) -> bool:
        return recording.stage is Stage.DONE and recording.request.scenario != NO_SCENARIO

    def _reports(self, recording: Recording) -> Sequence[ReportType]:
        if recording.request.scenario == NO_SCENARIO:
            return ()
        return self._work.pack.reports(recording.request.scenario)


async def _undelivered(connection: Connection, owner: UserId) -> frozenset[ReportRunId]:
    cards = await cards_store.undelivered(connection)
    mine = [card for card in cards if card.owner_id == owner]
    return frozenset(run for card in mine for run in card.run_ids if run not in card.delivered)


def _building_choice(press: Press) -> tuple[BuildingType, int, int | None]:
    """The building type, the recording's number, and the report's place in its scenario; None for all.

    Raises:
        OutdatedButton: the button says something else.
    """
    building = press.words[0] if press.words else ""
    if building in set(BuildingType):
        match press.words[1:], press.numbers:
            case (word,), (number,) if word == ALL_REPORTS:
                return BuildingType(building), number, None
            case (), (number, place):
                return BuildingType(building), number, place
    raise OutdatedButton(data=press.action)
