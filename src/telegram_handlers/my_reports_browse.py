"""«Мои отчеты» beyond the list: pages, filters, export, charts."""

import asyncio
from collections.abc import Callable
from functools import partial
from operator import itemgetter

import texts.my_reports
from access import Permission
from constants import REPORT_TRIES
from datamodels import ReportId, ScenarioId, UserId
from datamodels_telegram import Doing, IncomingMessage, MessageKind, OutgoingMessage, Picture, Screen
from dialogs import ReportDialog, Step
from errors import BadText, NotFound, OutdatedButton
from markups.callback_data import Action, Press
from markups.my_reports import (
    EVERY,
    ask_dates,
    ask_title_part,
    chart_caption,
    charts_menu,
    export_caption,
    export_menu,
    filter_choice,
    filters_menu,
    no_reports,
    report_card,
    reports_menu_after,
    reports_page,
    trend_indices_menu,
    trend_types_menu,
    tries_left,
)
from markups.text import escaped
from message_tracker import MessageTracker
from report_folder.lines import ReportLines
from reports.archive_about import listed, names_of
from reports.archive_charts import (
    TrendBy,
    months_chart,
    reports_per_month,
    trend,
    trend_chart,
    trend_indices,
    trend_types,
)
from reports.archive_export import EXPORTS
from reports.archive_filters import ReportFilter, filter_lines, filtered, scenarios_of, types_of
from system.local_time import local, today
from telegram_handlers.beside import check_is_reply
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.my_reports_shared import (
    DeskScreens,
    MyReportsWork,
    ReportAction,
    count,
    parse_period,
    parse_title_part,
    questions_left,
)
from telegram_handlers.shared import show
from text_cleaning import one_line, safe_file_name


class BrowseHandlers:
    """Shows a person's reports by pages and filters, and sends exports and charts."""

    def __init__(self, messages: MessageTracker, work: MyReportsWork) -> None:
        self._desk = work.desk
        self._screens = DeskScreens(work.desk, messages)
        self._messages = messages
        self._work = work

    def routes(self) -> Routes:
        presses: dict[Action, PressHandler] = {
            Action.REPORT_MENU: self._menu,
            Action.REPORT_LIST: self._page,
            Action.REPORT_CARD: self._card,
            Action.REPORT_FILTERS: self._filters,
            Action.REPORT_FILTER_DATES: self._ask_dates,
            Action.REPORT_FILTER_TITLE: self._ask_title,
            Action.REPORT_FILTER_TYPE: self._type,
            Action.REPORT_FILTER_SCENARIO: self._scenario,
            Action.REPORT_FILTER_PLACE: partial(self._name, "place"),
            Action.REPORT_FILTER_EMPLOYEE: partial(self._name, "employee"),
            Action.REPORT_FILTER_RESET: self._reset,
            Action.REPORT_EXPORT: self._export,
            Action.REPORT_CHARTS: self._charts,
            Action.REPORT_CHART_MONTHS: self._months,
            Action.REPORT_TREND: self._trend,
        }
        return Routes(
            presses={action: (Permission.LOOK, handler) for action, handler in presses.items()},
            answers={
                Step.REPORT_FILTER_ASK_DATES: (Permission.LOOK, self._dates_typed),
                Step.REPORT_FILTER_ASK_TITLE: (Permission.LOOK, self._title_typed),
            },
            again={Step.REPORT_FILTER_ASK_DATES: self._dates_again, Step.REPORT_FILTER_ASK_TITLE: self._title_again},
        )

    async def _menu(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._desk.end(context.user.id)
        await self._screens.show_menu_after(context)

    async def _page(self, context: Context, press: Press) -> None:
        """Show a page of the reports as they are now. The person can then type report numbers, as after the list."""
        owner = context.user.id
        reports = await self._work.archive.list(owner)
        await self._desk.end(owner)
        await self._desk.take_snapshot(owner, reports.numbers)
        if not reports:
            await self._show(context, no_reports())
            return
        wanted = await self._desk.filter(owner)
        fitting = await self._filtered(owner, reports, wanted)
        lines = await asyncio.to_thread(filter_lines, wanted, reports, self._work.pack)
        await self._show(context, reports_page(fitting, press.number, lines))

    async def _card(self, context: Context, press: Press) -> None:
        try:
            report = await self._work.archive.find(context.user.id, press.number)
        except NotFound:
            await self._screens.show_menu_after(context, f"❌ {texts.my_reports.GONE.format(number=press.number)}")
            return
        await self._show(context, report_card(report, speaks=self._work.speaks))

    async def _filters(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._desk.end(context.user.id)
        await self._show_filters(context)

    async def _ask_dates(self, context: Context, press: Press) -> None:  # noqa: ARG002
        note = questions_left(await self._desk.begin(context.user.id, ReportDialog(step=Step.REPORT_FILTER_ASK_DATES)))
        await show(self._messages, context, MessageKind.INPUT_REQUEST, ask_dates(note))

    async def _ask_title(self, context: Context, press: Press) -> None:  # noqa: ARG002
        note = questions_left(await self._desk.begin(context.user.id, ReportDialog(step=Step.REPORT_FILTER_ASK_TITLE)))
        await show(self._messages, context, MessageKind.INPUT_REQUEST, ask_title_part(note))

    async def _dates_again(self, context: Context) -> OutgoingMessage:  # noqa: ARG002  # it asks everybody the same
        return OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=ask_dates(""))

    async def _title_again(self, context: Context) -> OutgoingMessage:  # noqa: ARG002  # the same
        return OutgoingMessage(kind=MessageKind.INPUT_REQUEST, screen=ask_title_part(""))

    async def _dates_typed(self, context: Context, message: IncomingMessage) -> None:
        def put(wanted: ReportFilter) -> ReportFilter:
            first, last = parse_period(message.text, today())
            return wanted.model_copy(update={"first": first, "last": last})

        await self._filter_typed(context, message, put, ask_dates)

    async def _title_typed(self, context: Context, message: IncomingMessage) -> None:
        """Filter by a part of a title; a question that no title has is none, for researches are called by questions."""
        wanted, reports = one_line(message.text), await self._work.archive.list(context.user.id)
        if not await self._filtered(context.user.id, reports, ReportFilter(title=wanted)):
            check_is_reply(Step.REPORT_FILTER_ASK_TITLE, message.text)

        def put(wanted: ReportFilter) -> ReportFilter:
            return wanted.model_copy(update={"title": parse_title_part(message.text)})

        await self._filter_typed(context, message, put, ask_title_part)

    async def _filter_typed(
        self,
        context: Context,
        message: IncomingMessage,
        put: Callable[[ReportFilter], ReportFilter],
        ask: Callable[[str], Screen],
    ) -> None:
        owner = context.user.id
        async with self._desk.alone(owner):
            dialog = await self._desk.dialog(owner)
            if message.message_id <= dialog.answered:
                await show(self._messages, context, MessageKind.INPUT_REQUEST, ask(""))
                return
            try:
                wanted = put(await self._desk.filter(owner))
            except BadText as exc:
                tries = dialog.tries + 1
                if tries >= REPORT_TRIES:
                    await self._desk.end(owner)
                    await self._screens.show_menu_after(
                        context, f"❌ {escaped(exc.user_text)}\n{texts.my_reports.FILTER_TRIES}"
                    )
                    return
                tried = dialog.model_copy(update={"tries": tries, "answered": message.message_id})
                await self._desk.go_on(owner, tried)
                note = tries_left(exc.user_text, REPORT_TRIES - tries)
                await show(self._messages, context, MessageKind.INPUT_REQUEST, ask(note))
                return
            await self._desk.set_filter(owner, wanted)
            await self._desk.end(owner)
            count(ReportAction.FILTER, "ok")
            await self._show_filters(context)

    async def _type(self, context: Context, press: Press) -> None:
        if not press.words:
            choices = await asyncio.to_thread(types_of, await self._work.archive.list(context.user.id))
            await self._show(context, filter_choice(press.action, choices))
            return
        report_id = None if press.word == EVERY else ReportId(press.word)
        await self._change_filter(context, {"report_id": report_id})

    async def _scenario(self, context: Context, press: Press) -> None:
        if not press.words:
            reports = await self._work.archive.list(context.user.id)
            choices = await asyncio.to_thread(scenarios_of, reports, self._work.pack)
            await self._show(context, filter_choice(press.action, choices))
            return
        scenario = None if press.word == EVERY else ScenarioId(press.word)
        await self._change_filter(context, {"scenario": scenario})

    async def _name(self, field: str, context: Context, press: Press) -> None:
        """Filter by the name of a place or an employee, as ``field`` says, or ask which."""
        names = names_of(await self._work.archive.abouts(context.user.id), field)
        if not press.words:
            await self._show(context, filter_choice(press.action, names))
            return
        name = None if press.word == EVERY else dict(names).get(press.word)
        if name is None and press.word != EVERY:
            raise OutdatedButton(data=press.action)
        await self._change_filter(context, {field: name})

    async def _reset(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._change_filter(context, dict.fromkeys(ReportFilter.model_fields))

    async def _change_filter(self, context: Context, change: dict[str, object]) -> None:
        wanted = await self._desk.filter(context.user.id)
        await self._desk.set_filter(context.user.id, wanted.model_copy(update=change))
        count(ReportAction.FILTER, "ok")
        await self._show_filters(context)

    async def _show_filters(self, context: Context) -> None:
        wanted = await self._desk.filter(context.user.id)
        reports = await self._work.archive.list(context.user.id)
        fitting = await self._filtered(context.user.id, reports, wanted)
        lines = await asyncio.to_thread(filter_lines, wanted, reports, self._work.pack)
        await self._show(context, filters_menu(lines, len(fitting)))

    async def _export(self, context: Context, press: Press) -> None:
        """Send a table of the reports that fit the filter; ask for the file format when the button names none."""
        owner = context.user.id
        reports, wanted = await self._work.archive.list(owner), await self._desk.filter(owner)
        fitting = await self._filtered(owner, reports, wanted)
        if not fitting:
            await context.answer(texts.my_reports.NOTHING_TO_EXPORT)
            return
        if not press.words:
            await self._show(context, export_menu(len(fitting), list(EXPORTS)))
            return
        if press.word not in EXPORTS:
            raise OutdatedButton(data=press.action)
        write, pack, abouts = EXPORTS[press.word], self._work.pack, await self._work.archive.abouts(owner)
        content = await asyncio.to_thread(lambda: write(listed(fitting, abouts, pack)))
        lines = await asyncio.to_thread(filter_lines, wanted, reports, pack)
        date = f"{local(self._desk.now()):%d.%m.%Y}"
        name = texts.my_reports.EXPORT_FILE.format(date=date, extension=press.word)
        await self._send_file(context, content, name, export_caption(len(fitting), lines))
        count(ReportAction.EXPORT, "ok")
        await self._messages.send(context.chat, MessageKind.MENU, reports_menu_after(texts.my_reports.EXPORTED))

    async def _charts(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._show(context, charts_menu())

    async def _months(self, context: Context, press: Press) -> None:  # noqa: ARG002
        months = await asyncio.to_thread(reports_per_month, await self._fitting(context))
        if not months:
            await context.answer(texts.my_reports.NO_POINTS)
            return
        await context.answer(texts.my_reports.DRAWING)
        caption = chart_caption(texts.my_reports.CHART_MONTHS_TITLE)
        await self._send_chart(context, partial(months_chart, months), texts.my_reports.CHART_MONTHS_FILE, caption)

    async def _trend(self, context: Context, press: Press) -> None:
        """Ask for the report type or index that the button does not name yet; else chart the index over time."""
        by, report_id, place = _trend_choice(press)
        numbers = set((await self._fitting(context)).numbers)
        points = [each for each in await self._work.archive.index_points(context.user.id) if each.number in numbers]
        if report_id is None:
            labels = ((each, self._work.pack.label_of(each)) for each in trend_types(points))
            types = sorted(labels, key=itemgetter(1))
            if types:
                await self._show(context, trend_types_menu(by, types))
            else:
                await context.answer(texts.my_reports.NO_POINTS)
            return
        indices = trend_indices(points, report_id)
        if place is None and indices:
            label = self._work.pack.label_of(report_id)
            await self._show(context, trend_indices_menu(by, report_id, label, [label for _, label in indices]))
            return
        if place is None or place > len(indices):
            raise OutdatedButton(data=press.action)
        await context.answer(texts.my_reports.DRAWING)
        name, index_label = indices[place - 1]
        draw = partial(trend_chart, index_label, by, trend(points, report_id, name, by))
        file_name = texts.my_reports.TREND_FILE.format(index=index_label)
        caption = chart_caption(texts.my_reports.TREND_TITLES[by].format(index=index_label))
        await self._send_chart(context, draw, file_name, caption)

    async def _fitting(self, context: Context) -> ReportLines:
        reports = await self._work.archive.list(context.user.id)
        return await self._filtered(context.user.id, reports, await self._desk.filter(context.user.id))

    async def _filtered(self, owner: UserId, reports: ReportLines, wanted: ReportFilter) -> ReportLines:
        abouts = await self._work.archive.abouts(owner) if wanted.is_about_recordings else {}
        return await asyncio.to_thread(filtered, reports, wanted, self._work.pack, abouts)

    async def _send_chart(self, context: Context, draw: Callable[[], bytes], name: str, caption: Screen) -> None:
        async with self._messages.at_work(context.chat, Doing.SENDING_PICTURE):
            picture = await asyncio.to_thread(draw)
            await self._messages.send_file(
                context.chat, MessageKind.RESULT, picture, safe_file_name(name), caption, shown=Picture()
            )
        count(ReportAction.CHART, "ok")
        await self._messages.send(context.chat, MessageKind.MENU, charts_menu())

    async def _send_file(self, context: Context, content: bytes, name: str, caption: Screen) -> None:
        await self._messages.send_file(context.chat, MessageKind.RESULT, content, safe_file_name(name), caption)

    async def _show(self, context: Context, screen: Screen) -> None:
        await show(self._messages, context, MessageKind.MENU, screen)


def _trend_choice(press: Press) -> tuple[TrendBy, ReportId | None, int | None]:
    """Return the trend's grouping, the report type, and the place of the index among the indices of that type, from 1.

    Type and place are None while they are not chosen yet.

    Raises:
        OutdatedButton: the button says something else.
    """
    match press.words, press.numbers:
        case (by,), () if by in set(TrendBy):
            return TrendBy(by), None, None
        case (by, report_id), () if by in set(TrendBy):
            return TrendBy(by), ReportId(report_id), None
        case (by, report_id), (place,) if by in set(TrendBy):
            return TrendBy(by), ReportId(report_id), place
    raise OutdatedButton(data=press.action)
