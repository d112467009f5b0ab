"""What the handlers of «Мои отчеты» have in common: the person's lock, the list's age, the open question."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import user_states
from datamodels import ReportFile, UserId
from datamodels_telegram import MessageKind
from db import Database
from errors import OutdatedButton
from handlers_context import Context
from handlers_shared import go_on_to_reports, show
from markups_my_reports import reports_menu_after, stale_list
from message_tracker import MessageTracker
from metrics import REPORT_ACTIONS, REPORT_LOCK_WAITS
from prompt_pack_models import ReportPack
from report_archive import ReportArchive
from report_archive_filters import ReportFilter
from report_archive_snapshot import ReportSnapshot, freshness, snapshot_of
from texts_my_reports import QUESTIONS_LEFT
from user_states import Dialog, OpenDialog, ReportDialog, get_user_lock

_DIALOG_LASTS = timedelta(hours=1)
"""Longer than a list: who answers late hears why it does not do any more."""


class Deed(StrEnum):
    """What people do with their reports, as it is counted."""

    OPEN = "open"
    VIEW = "view"
    RENAME = "rename"
    DELETE = "delete"
    FILTER = "filter"
    EXPORT = "export"
    CHART = "chart"


@dataclass(frozen=True)
class MyReportsWork:
    """What the handlers work with. The numbers of a list can be used while it ``lasts``; ``now`` is an aware time."""

    archive: ReportArchive
    pack: ReportPack
    lasts: timedelta
    now: Callable[[], datetime]


class ReportsDesk:
    """The person's side of the archive: snapshot, filter and dialog, durable, and the screens that follow from them."""

    def __init__(self, database: Database, messages: MessageTracker, work: MyReportsWork) -> None:
        self._database = database
        self.messages = messages
        self.work = work

    @asynccontextmanager
    async def alone(self, owner: UserId) -> AsyncIterator[None]:
        """Let one action of a person happen at a time."""
        lock = get_user_lock(owner)
        if lock.locked():
            REPORT_LOCK_WAITS.inc()
        async with lock:
            yield

    async def take_snapshot(self, owner: UserId, reports: Sequence[ReportFile]) -> None:
        """Note the list that is being shown; its numbers can be used from now on."""
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, snapshot_of(reports, self.work.now()))

    async def good_snapshot(self, context: Context, deed: Deed) -> ReportSnapshot | None:
        """The list whose numbers can be used. When there is none any more, the person is told and the dialog ends."""
        owner = context.user.id
        async with self._database.transaction() as connection:
            snapshot = await user_states.get(connection, owner, ReportSnapshot)
            checked = freshness(snapshot, self.work.now(), self.work.lasts)
            if checked.good:
                return snapshot
            await user_states.drop(connection, owner, ReportSnapshot)
            if await user_states.get(connection, owner, ReportDialog) is not None:
                await user_states.drop(connection, owner, ReportDialog)
        count(deed, "stale")
        await show(self.messages, context, MessageKind.MENU, stale_list(checked.tell))
        return None

    async def begin(self, owner: UserId, dialog: ReportDialog) -> str:
        """Open a dialog, which ends any other; returns what the person should know about that, in plain text."""
        async with self._database.transaction() as connection:
            interrupted = await user_states.get(connection, owner, Dialog)
            if interrupted is not None:
                await go_on_to_reports(connection, owner, interrupted.recording_id)
            await user_states.put(connection, owner, dialog, ttl=_DIALOG_LASTS)
        return "" if interrupted is None else QUESTIONS_LEFT

    async def dialog(self, owner: UserId) -> ReportDialog:
        """The open dialog about reports.

        Raises:
            OutdatedButton: there is none.
        """
        async with self._database.transaction() as connection:
            dialog = await user_states.get(connection, owner, ReportDialog)
        if dialog is None:
            raise OutdatedButton(data=ReportDialog.KEY)
        return dialog

    async def go_on(self, owner: UserId, dialog: ReportDialog) -> None:
        """Note how far the dialog is."""
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, dialog, ttl=_DIALOG_LASTS)

    async def end(self, owner: UserId) -> None:
        """End the dialog about reports; any other stays."""
        async with self._database.transaction() as connection:
            if await user_states.get(connection, owner, ReportDialog) is not None:
                await user_states.drop(connection, owner, OpenDialog)

    async def filter(self, owner: UserId) -> ReportFilter:
        """The filter that the person has set."""
        async with self._database.transaction() as connection:
            return await user_states.get(connection, owner, ReportFilter) or ReportFilter()

    async def set_filter(self, owner: UserId, wanted: ReportFilter) -> None:
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, wanted)

    async def show_menu_after(self, context: Context, tell: str = "") -> None:
        """Show the menu below what an action led to, in the place of the pressed message; ``tell`` is HTML."""
        await show(self.messages, context, MessageKind.MENU, reports_menu_after(tell))


def count(deed: Deed, outcome: str) -> None:
    """Count an action."""
    REPORT_ACTIONS.labels(deed, outcome).inc()
