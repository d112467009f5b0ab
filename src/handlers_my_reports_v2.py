"""«Мои отчеты»: the list as a file, and viewing, renaming and deleting a report by its number.

Screens follow from the dialog, so that a message that is handled again after a crash shows the same screen and counts
no further try. The person confirms every change before it is made, and the dialog ends after the change.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from time import perf_counter

import structlog

import texts.my_reports
from access import Permission
from constants import REPORT_LIST_BYTES, REPORT_TRIES
from datamodels import ReportFile
from datamodels_telegram import IncomingMessage, MessageKind, OutgoingMessage, Screen
from dialogs import ReportDialog, Step
from errors import BadText, NotFound, OutdatedButton, ReportFileGone
from markups.callback_data import Action, Press
from markups.my_reports import (
    ask_name,
    ask_number,
    delete_question,
    list_caption,
    list_menu,
    list_too_large,
    no_reports,
    rename_question,
    tries_left,
    view_caption,
    view_question,
)
from markups.text import escaped
from message_tracker import MessageTracker
from metrics import REPORT_LIST_FILE_BYTES, REPORT_LIST_REPORTS, REPORT_LIST_SECONDS
from reports.archive_export import list_text
from reports.archive_filters import filter_lines, minutes_of
from system.local_time import local
from telegram_handlers.context import Context, PressHandler, Routes
from telegram_handlers.my_reports_browse import BrowseHandlers
from telegram_handlers.my_reports_shared import (
    DeskScreens,
    MyReportsWork,
    ReportAction,
    count,
    parse_number,
    parse_title,
    questions_left,
)
from telegram_handlers.shared import show
from text_cleaning import safe_file_name

log = structlog.get_logger(__name__)

_ASKED_AT = {
    ReportAction.VIEW: Step.REPORT_VIEW_ASK_NUMBER,
    ReportAction.RENAME: Step.REPORT_RENAME_ASK_NUMBER,
    ReportAction.DELETE: Step.REPORT_DELETE_ASK_NUMBER,
}
_CONFIRMED_AT = {**_ASKED_AT, ReportAction.RENAME: Step.REPORT_RENAME_ASK_NEW_NAME}


class MyReportsHandlers:
    """Shows the person's archive of reports, and renames and deletes reports."""

    def __init__(self, messages: MessageTracker, work: MyReportsWork) -> None:
        self._desk = work.desk
        self._screens = DeskScreens(work.desk, messages)
        self._messages = messages
        self._work = work
        self._browse = BrowseHandlers(messages, work)

    def routes(self) -> Routes:
        look: dict[Action, PressHandler] = {
            Action.SHOW_MY_REPORTS: self.handle_my_reports_v2,
            Action.REPORT_VIEW: self.handle_report_view_request,
            Action.REPORT_VIEW_CONFIRM: self.handle_report_view_confirm,
            Action.REPORT_CANCEL: self.handle_report_cancel,
        }
        change: dict[Action, PressHandler] = {
            Action.REPORT_RENAME: self.handle_report_rename_request,
            Action.REPORT_RENAME_CONFIRM: self.handle_report_rename_confirm,
            Action.REPORT_DELETE: self.handle_report_delete_request,
            Action.REPORT_DELETE_CONFIRM: self.handle_report_delete_confirm,
        }
        browse = self._browse.routes()
        return Routes(
            presses={
                **{action: (Permission.LOOK, handler) for action, handler in look.items()},
                **{action: (Permission.RECORD, handler) for action, handler in change.items()},
                **browse.presses,
            },
            commands={"reports": (Permission.LOOK, self.handle_my_reports_v2)},
            answers={
                Step.REPORT_VIEW_ASK_NUMBER: (Permission.LOOK, self.handle_report_view_input),
                Step.REPORT_RENAME_ASK_NUMBER: (Permission.RECORD, self.handle_report_rename_number_input),
                Step.REPORT_RENAME_ASK_NEW_NAME: (Permission.RECORD, self.handle_report_rename_name_input),
                Step.REPORT_DELETE_ASK_NUMBER: (Permission.RECORD, self.handle_report_delete_input),
                **browse.answers,
            },
            again={**dict.fromkeys(_ASKED_AT.values(), self._again), **browse.again},
        )

    async def _again(self, context: Context) -> OutgoingMessage:
        dialog = await self._desk.dialog(context.user.id)
        report = None
        with suppress(NotFound):
            report = None if dialog.number is None else await self._work.archive.find(context.user.id, dialog.number)
        kind, screen = _shown(dialog, report, "")
        return OutgoingMessage(kind=kind, screen=screen)

    async def handle_my_reports_v2(self, context: Context, update: Press | IncomingMessage) -> None:  # noqa: ARG002
        """Send the list of all reports as a file, then the menu. From now on, the numbers in the list can be typed."""
        owner = context.user.id
        async with self._desk.alone(owner):
            began = perf_counter()
            await self._desk.end(owner)
            reports = await self._work.archive.list(owner)
            await self._desk.take_snapshot(owner, reports.numbers)
            REPORT_LIST_REPORTS.observe(len(reports))
            if not reports:
                count(ReportAction.OPEN, "ok")
                await show(self._messages, context, MessageKind.MENU, no_reports())
                return
            now = self._desk.now()
            content = await asyncio.to_thread(list_text, reports, now)
            seconds = perf_counter() - began
            REPORT_LIST_SECONDS.observe(seconds)
            size = len(content)
            REPORT_LIST_FILE_BYTES.observe(size)
            log.info("report_list_opened", user=str(owner), reports=len(reports), bytes=size, seconds=round(seconds, 3))
            if size > REPORT_LIST_BYTES:
                count(ReportAction.OPEN, "too_large")
                await show(self._messages, context, MessageKind.MENU, list_too_large(len(reports), size))
                return
            count(ReportAction.OPEN, "ok")
            name = safe_file_name(texts.my_reports.LIST_FILE.format(date=f"{local(now):%d.%m.%Y %H-%M}"))
            caption = list_caption(len(reports))
            sent = await self._messages.send_file(context.chat, MessageKind.RESULT, content, name, caption)
            former = await self._desk.put_list_file(owner, sent)
            if former is not None:
                await self._messages.remove_message(context.chat, former)
            wanted = await asyncio.to_thread(filter_lines, await self._desk.filter(owner), reports, self._work.pack)
            menu = list_menu(len(reports), minutes_of(self._desk.lasts), wanted)
            await self._messages.send(context.chat, MessageKind.MENU, menu)

    async def handle_report_view_request(self, context: Context, press: Press) -> None:
        await self._request(context, press, ReportAction.VIEW)

    async def handle_report_view_input(self, context: Context, message: IncomingMessage) -> None:
        await self._number_typed(context, message, ReportAction.VIEW)

    async def handle_report_view_confirm(self, context: Context, press: Press) -> None:
        """Send the report's file."""
        owner = context.user.id
        async with self._desk.alone(owner):
            if await self._confirmed(context, press, ReportAction.VIEW) is None:
                return
            try:
                report, text = await self._work.archive.read(owner, press.number)
            except ReportFileGone:
                found = await self._work.archive.find(owner, press.number)
                gone = texts.my_reports.FILE_GONE if found.recording_number else texts.my_reports.RESEARCH_GONE
                tell = gone.format(number=found.number, recording=found.recording_number)
                await self._end(context, ReportAction.VIEW, "file_gone", tell)
                return
            except NotFound:
                await self._gone(context, ReportAction.VIEW, press.number)
                return
            name = safe_file_name(texts.my_reports.VIEW_FILE.format(number=report.number, title=report.title))
            caption = view_caption(report)
            await self._messages.send_file(context.chat, MessageKind.RESULT, text.encode(), name, caption)
            # The menu is sent below the file and does not replace the question above it.
            below = replace(context, pressed=None)
            await self._end(below, ReportAction.VIEW, "ok", texts.my_reports.VIEWED.format(number=report.number))

    async def handle_report_rename_request(self, context: Context, press: Press) -> None:
        await self._request(context, press, ReportAction.RENAME)

    async def handle_report_rename_number_input(self, context: Context, message: IncomingMessage) -> None:
        await self._number_typed(context, message, ReportAction.RENAME)

    async def handle_report_rename_name_input(self, context: Context, message: IncomingMessage) -> None:
        """Take the typed title in place of any earlier one, and ask the person to confirm it."""
        owner = context.user.id
        async with self._desk.alone(owner):
            dialog = await self._desk.dialog(owner)
            if not dialog.by_button and await self._screens.good_snapshot(context, ReportAction.RENAME) is None:
                return
            try:
                report = await self._work.archive.find(owner, dialog.number or 0)
            except NotFound:
                await self._gone(context, ReportAction.RENAME, dialog.number or 0)
                return
            if message.message_id <= dialog.answered:
                await self._show(context, dialog, report)
                return
            dialog = dialog.model_copy(update={"answered": message.message_id})
            try:
                title = parse_title(message.text, report.title)
            except BadText as exc:
                failed = dialog.model_copy(update={"title": None})
                await self._try_again(context, failed, report, ReportAction.RENAME, "bad_name", exc.user_text)
                return
            dialog = dialog.model_copy(update={"title": title, "tries": 0})
            await self._desk.go_on(owner, dialog)
            await self._show(context, dialog, report)

    async def handle_report_rename_confirm(self, context: Context, press: Press) -> None:
        """Give the report the confirmed title."""
        owner = context.user.id
        async with self._desk.alone(owner):
            told = await self._desk.told_of(owner, context.update)
            if told is None:
                dialog = await self._confirmed(context, press, ReportAction.RENAME)
                if dialog is None:
                    return
                if dialog.title is None:
                    raise OutdatedButton(data=press.action)
                try:
                    report = await self._work.archive.rename(owner, press.number, dialog.title)
                except NotFound:
                    await self._gone(context, ReportAction.RENAME, press.number)
                    return
                told = texts.my_reports.RENAMED.format(number=report.number, title=escaped(report.title))
                await self._desk.tell_of(owner, context.update, told)
            await self._end(context, ReportAction.RENAME, "ok", told)

    async def handle_report_delete_request(self, context: Context, press: Press) -> None:
        await self._request(context, press, ReportAction.DELETE)

    async def handle_report_delete_input(self, context: Context, message: IncomingMessage) -> None:
        await self._number_typed(context, message, ReportAction.DELETE)

    async def handle_report_delete_confirm(self, context: Context, press: Press) -> None:
        """Delete the report: its file, its line in the index and its rows."""
        owner = context.user.id
        async with self._desk.alone(owner):
            told = await self._desk.told_of(owner, context.update)
            if told is None:
                if await self._confirmed(context, press, ReportAction.DELETE) is None:
                    return
                try:
                    report = await self._work.archive.find(owner, press.number)
                except NotFound:
                    await self._gone(context, ReportAction.DELETE, press.number)
                    return
                told = texts.my_reports.DELETED.format(number=report.number, title=escaped(report.title))
                # Told before the deletion: afterwards nobody knows the title.
                await self._desk.tell_of(owner, context.update, told)
            with suppress(NotFound):
                await self._work.archive.delete(owner, press.number)
            await self._end(context, ReportAction.DELETE, "ok", told)

    async def handle_report_cancel(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        """End the dialog at whatever step it is; change nothing."""
        async with self._desk.alone(context.user.id):
            await self._desk.end(context.user.id)
            count(ReportAction.CANCEL, "ok")
            await self._screens.show_menu_after(context, texts.my_reports.CANCELLED)

    async def _request(self, context: Context, press: Press, action: ReportAction) -> None:
        """Ask for a report's number, or take the number on the button as if it had been typed."""
        owner = context.user.id
        async with self._desk.alone(owner):
            dialog, report = ReportDialog(step=_ASKED_AT[action], by_button=bool(press.numbers)), None
            if not dialog.by_button and await self._screens.good_snapshot(context, action) is None:
                return
            if dialog.by_button:
                try:
                    report = await self._work.archive.find(owner, press.number)
                except NotFound:
                    await self._gone(context, action, press.number)
                    return
                dialog = _about(dialog, action, report)
            note = questions_left(await self._desk.begin(owner, dialog))
            await self._show(context, dialog, report, note)

    async def _number_typed(self, context: Context, message: IncomingMessage, action: ReportAction) -> None:
        owner = context.user.id
        async with self._desk.alone(owner):
            dialog = await self._desk.dialog(owner)
            snapshot = await self._screens.good_snapshot(context, action)
            if snapshot is None:
                return
            try:
                if message.message_id <= dialog.answered:
                    known = None if dialog.number is None else await self._work.archive.find(owner, dialog.number)
                    await self._show(context, dialog, known)
                    return
                typed = {"answered": message.message_id, "number": None, "by_button": False}
                dialog = dialog.model_copy(update=typed)
                number = parse_number(message.text, snapshot.numbers)
                report = await self._work.archive.find(owner, number)
            except BadText as exc:
                await self._try_again(context, dialog, None, action, "bad_number", exc.user_text)
            except NotFound:
                reason = texts.my_reports.GONE.format(number=message.text.strip())
                await self._try_again(context, dialog, None, action, "not_found", reason)
            else:
                dialog = _about(dialog, action, report)
                await self._desk.go_on(owner, dialog)
                await self._show(context, dialog, report)

    async def _try_again(
        self,
        context: Context,
        dialog: ReportDialog,
        report: ReportFile | None,
        action: ReportAction,
        outcome: str,
        reason: str,
    ) -> None:
        tries = dialog.tries + 1
        if tries >= REPORT_TRIES:
            await self._end(context, action, "gave_up", f"❌ {escaped(reason, 300)}\n{texts.my_reports.NO_TRIES}")
            return
        count(action, outcome)
        dialog = dialog.model_copy(update={"tries": tries})
        await self._desk.go_on(context.user.id, dialog)
        await self._show(context, dialog, report, tries_left(reason, REPORT_TRIES - tries))

    async def _confirmed(self, context: Context, press: Press, action: ReportAction) -> ReportDialog | None:
        """Load the dialog that asked to confirm this action; when the list is too old, tell the person and return None.

        Raises:
            OutdatedButton: no dialog asks, or asks any longer, to confirm this action on this report.
        """
        by_button = await self._desk.is_by_button(context.user.id)
        if not by_button and await self._screens.good_snapshot(context, action) is None:
            return None
        dialog = await self._desk.dialog(context.user.id)
        if dialog.step is not _CONFIRMED_AT[action] or dialog.number != press.number:
            raise OutdatedButton(data=press.action)
        return dialog

    async def _gone(self, context: Context, action: ReportAction, number: int) -> None:
        await self._end(context, action, "not_found", f"❌ {texts.my_reports.GONE.format(number=number)}")

    async def _end(self, context: Context, action: ReportAction, outcome: str, tell: str) -> None:
        """End the dialog, log its ``outcome``, and show ``tell``, which is HTML, with the menu below."""
        count(action, outcome)
        log.info("report_action", user=str(context.user.id), action=action, outcome=outcome)
        await self._desk.end(context.user.id)
        await self._screens.show_menu_after(context, tell)

    async def _show(self, context: Context, dialog: ReportDialog, report: ReportFile | None, note: str = "") -> None:
        kind, screen = _shown(dialog, report, note)
        await show(self._messages, context, kind, screen)


def _about(dialog: ReportDialog, action: ReportAction, report: ReportFile) -> ReportDialog:
    return dialog.model_copy(update={"step": _CONFIRMED_AT[action], "number": report.number, "tries": 0})


def _shown(dialog: ReportDialog, report: ReportFile | None, note: str) -> tuple[MessageKind, Screen]:
    """Return the kind and the screen of a dialog's question; ``report`` is None while its number is asked for."""
    if report is None:
        return MessageKind.INPUT_REQUEST, ask_number(dialog.step, note)
    if dialog.step is Step.REPORT_RENAME_ASK_NEW_NAME:
        if dialog.title is None:
            return MessageKind.INPUT_REQUEST, ask_name(report, note)
        return MessageKind.CONFIRMATION, rename_question(report, dialog.title)
    question = view_question if dialog.step is Step.REPORT_VIEW_ASK_NUMBER else delete_question
    return MessageKind.CONFIRMATION, question(report)
