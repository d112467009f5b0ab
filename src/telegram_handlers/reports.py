"""Reports: which ones a recording can have, their orders, and their files."""

from collections.abc import Callable
from dataclasses import dataclass

import texts.my_reports
import texts.telegram_recordings
from access import Permission
from datamodels import BuildingType, Recording, ReportId, ReportRun
from datamodels_telegram import FileReference, FileSource, MessageKind, OutgoingMessage, Screen
from dialogs import get_user_lock
from errors import NoLanguageModel, NotFound, OutdatedButton, UnknownChoice
from markups.callback_data import Action, Press
from markups.recordings import not_ready, which_scenario
from markups.reports import (
    ALL_REPORTS,
    choose_building,
    no_language_model,
    ordered,
    ordered_already,
    report_file_caption,
    reports_menu,
    transcript_only,
    written_reports,
)
from message_tracker import MessageTracker
from prompt_pack.models import ReportPack
from reports.estimate import Estimates
from reports.orders import Lack, Order, ReportOrders
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.effects import OrderPress, SentOnce, may_order_again
from telegram_handlers.shared import expected_reports, show

REPORT_EXTENSIONS = frozenset(["md", "docx", "pdf", "json"])


@dataclass(frozen=True)
class ReportWork:
    """The parts that the handlers use. ``wake`` makes the followers look at the database at once."""

    pack: ReportPack
    orders: ReportOrders
    estimates: Estimates
    has_demo_model: Callable[[], bool]
    wake: Callable[[], None]


class ReportHandlers:
    """Offers reports, orders them and sends finished ones."""

    def __init__(self, messages: MessageTracker, work: ReportWork) -> None:
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
            Action.RECORDING_WRITTEN: self._written,
        }
        return Routes(presses={action: (Permission.RECORD, handler) for action, handler in presses.items()})

    async def _menu(self, context: Context, press: Press) -> None:
        await self.choose(context, press.number)

    async def choose(self, context: Context, number: int) -> None:
        """Show the choice of a recording's reports."""
        offer = await self._work.orders.offer(context.user.id, number, may_order_again(context))
        recording = offer.recording
        if offer.lack is not None:
            await show(self._messages, context, MessageKind.MENU, self._lacking(recording, offer.lack), recording.id)
            return
        reports = [each.report for each in offer.reports]
        expected = await expected_reports(self._work.estimates, context.user.id, number)
        screen = reports_menu(recording.number, recording.file_name, reports, expected=expected)
        await show(self._messages, context, MessageKind.CHOICE, screen, recording.id)

    async def _report(self, context: Context, press: Press) -> None:
        await self._order(context, press.number, ReportId(press.word))

    async def _all(self, context: Context, press: Press) -> None:
        await self._order(context, press.number, None)

    async def _building_chosen(self, context: Context, press: Press) -> None:
        """Go on with the order, for the building type that was chosen."""
        building, number, place = _building_choice(press)
        try:
            wanted = None if place is None else await self._work.orders.report_at(context.user.id, number, place)
        except UnknownChoice as exc:
            raise OutdatedButton(data=press.action) from exc
        await self._order(context, number, wanted, building)

    async def _order(
        self, context: Context, number: int, wanted: ReportId | None, building: BuildingType | None = None
    ) -> None:
        """Order the report ``wanted``, all for None; only once, however often the buttons of one message ask for it.

        The first building type that is chosen on a message stands; whoever chooses another one later is told so.
        """
        word, demonstration = wanted or ALL_REPORTS, self._work.has_demo_model()
        async with get_user_lock(context.user.id):
            expected = await expected_reports(self._work.estimates, context.user.id, number, wanted)
            press = OrderPress(context, word, demonstration=demonstration, expected=expected)
            try:
                order = await self._work.orders.order(context.user.id, number, wanted, press, building)
            except UnknownChoice as exc:
                raise OutdatedButton(data=word) from exc
            except NoLanguageModel:
                recording = (await self._work.orders.offer(context.user.id, number)).recording
                await show(self._messages, context, MessageKind.MENU, no_language_model(number), recording.id)
                return
            if order.known and not press.is_handled_again:
                await context.answer(ordered_already(order.building, building))
            # A known order may be told again: a crash may have come between the order and its screen.
            tell = demonstration if order.known else press.tells_demonstration
            outcome = self._outcome(order, wanted, demonstration=tell)
            # The offer of more reports, which comes after the last one, takes the place of what was ordered.
            kind = MessageKind.STATUS_MESSAGE if order.lack is None else MessageKind.MENU
            await show(self._messages, context, kind, outcome, order.recording.id)
        if order.runs:
            self._work.wake()

    def _outcome(self, order: Order, wanted: ReportId | None, *, demonstration: bool) -> Screen:
        recording = order.recording
        if order.lack is Lack.BUILDING:
            return choose_building(recording.number, self._place(recording, wanted))
        if order.lack is not None:
            return self._lacking(recording, order.lack)
        labels, ready = [report.label for report in order.reports], [report.label for report in order.ready]
        return ordered(recording.number, labels, ready, again=order.again, demonstration=demonstration)

    def _place(self, recording: Recording, wanted: ReportId | None) -> int | str:
        """Return the report's place in its scenario, from 1, or ``ALL_REPORTS`` for None.

        The buttons of building types carry the place: with the report's id their data could be too long.
        """
        if wanted is None:
            return ALL_REPORTS
        return [each.id for each in self._work.pack.reports(recording.request.scenario)].index(wanted) + 1

    def _lacking(self, recording: Recording, lack: Lack) -> Screen:
        if lack is Lack.TRANSCRIPT:
            return not_ready(recording)
        return which_scenario(recording, self._work.pack.scenarios, for_reports=True)

    async def _transcript_only(self, context: Context, press: Press) -> None:
        recording = await self._work.orders.decline(context.user.id, press.number)
        await show(self._messages, context, MessageKind.MENU, transcript_only(recording.number), recording.id)

    async def _written(self, context: Context, press: Press) -> None:
        recording, runs = await self._work.orders.written(context.user.id, press.number)
        written = [(run.number, self._work.pack.label_of(run.report_id)) for run in runs if run.number is not None]
        outdated = {run.number for run in runs if run.number is not None and run.is_outdated}
        screen = written_reports(recording, written, outdated)
        await show(self._messages, context, MessageKind.MENU, screen, recording.id)

    async def _file(self, context: Context, press: Press) -> None:
        """Send a report as a file in the format that the button names."""
        extension = press.word
        if extension not in REPORT_EXTENSIONS:
            raise OutdatedButton(data=press.action)

        def report(about: Recording | str, run: ReportRun) -> OutgoingMessage:
            caption = report_file_caption(about, run, self._work.pack.label_of(run.report_id))
            file = FileReference(source=FileSource.REPORT, subject=run.id, extension=extension)
            return OutgoingMessage(kind=MessageKind.RESULT, screen=caption, file=file)

        sent = SentOnce(context, press, report, texts.telegram_recordings.SENDING)
        try:
            await self._work.orders.find(context.user.id, press.number, sent)
        except NotFound:
            await context.answer(texts.my_reports.GONE_BEFORE.format(number=press.number))
            return
        await context.answer(sent.told)
        self._work.wake()


def _building_choice(press: Press) -> tuple[BuildingType, int, int | None]:
    """Return the building type, the recording's number, and the report's place in its scenario, None for all reports.

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
