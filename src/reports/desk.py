"""Where a person is in the archive of reports: the numbered list that was shown, the filter, the open dialog."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import user_states
from datamodels import UserId
from datamodels_telegram import MessageId
from db import Database
from dialogs import Dialogs, ReportDialog, get_user_lock
from errors import OutdatedButton
from metrics import REPORT_LOCK_WAITS, REPORT_STEP_SECONDS
from reports.archive_filters import ReportFilter, ReportSnapshot, is_fresh, snapshot_of
from user_states import State

_REMEMBERED = timedelta(days=1)


class LastChange(State):
    """The latest change of a report, the key of the update that wanted it, and the sentence about it, in HTML."""

    KEY = "report_last_change"
    asked_by: str
    told: str


class ListFile(State):
    """The message with the list of a person's reports as a file."""

    KEY = "report_list_file"
    message_id: MessageId


class ReportDesk:
    """Keeps list, filter and dialog of every person. A list's numbers can be used for ``lasts`` after it was shown.

    ``now`` returns an aware time.
    """

    def __init__(self, database: Database, lasts: timedelta, now: Callable[[], datetime]) -> None:
        self._database = database
        self._dialogs = Dialogs(database)
        self.lasts = lasts
        self.now = now

    @asynccontextmanager
    async def alone(self, owner: UserId) -> AsyncIterator[None]:
        """Run the block alone: first wait until no other action of this person runs, then keep later ones waiting."""
        lock = get_user_lock(owner)
        if lock.locked():
            REPORT_LOCK_WAITS.inc()
        async with lock:
            with REPORT_STEP_SECONDS.time():
                yield

    async def take_snapshot(self, owner: UserId, numbers: Sequence[int]) -> None:
        """Note that a list with these reports is being shown; the list's numbers can be used from now on."""
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, snapshot_of(numbers, self.now()))

    async def put_list_file(self, owner: UserId, message: MessageId) -> MessageId | None:
        """Note the message that has the list now; return the one that had it before, which is out of date."""
        async with self._database.transaction() as connection:
            before = await user_states.get(connection, owner, ListFile)
            await user_states.put(connection, owner, ListFile(message_id=message))
        return before.message_id if before is not None and before.message_id != message else None

    async def usable_snapshot(self, owner: UserId) -> ReportSnapshot | None:
        """Load the list of reports that was shown last, from which a person may pick by number.

        When there is no such list, or the list is too old, forget it, end the dialog about reports and return None.
        """
        async with self._database.transaction() as connection:
            snapshot = await user_states.get(connection, owner, ReportSnapshot)
            if snapshot is not None and is_fresh(snapshot, self.now(), self.lasts):
                return snapshot
            await user_states.drop(connection, owner, ReportSnapshot)
            if await user_states.get(connection, owner, ReportDialog) is not None:
                await user_states.drop(connection, owner, ReportDialog)
        return None

    async def begin(self, owner: UserId, dialog: ReportDialog) -> bool:
        """Begin a dialog; return whether this has ended a dialog about a recording."""
        return await self._dialogs.begin(owner, dialog)

    async def dialog(self, owner: UserId) -> ReportDialog:
        """Load the open dialog about reports.

        Raises:
            OutdatedButton: there is none.
        """
        dialog = await self._dialogs.find(owner, ReportDialog)
        if dialog is None:
            raise OutdatedButton(data=ReportDialog.KEY)
        return dialog

    async def is_by_button(self, owner: UserId) -> bool:
        """Tell whether the open dialog is about a report whose number was on a button, not typed from a list."""
        dialog = await self._dialogs.find(owner, ReportDialog)
        return dialog is not None and dialog.by_button

    async def go_on(self, owner: UserId, dialog: ReportDialog) -> None:
        """Store the dialog, which has moved on."""
        await self._dialogs.go_on(owner, dialog)

    async def end(self, owner: UserId) -> None:
        """End the dialog about reports; any other stays open."""
        await self._dialogs.end(owner, ReportDialog)

    async def told_of(self, owner: UserId, asked_by: str) -> str | None:
        """Return the sentence about the owner's last change if the update ``asked_by`` wanted it, else None."""
        async with self._database.transaction() as connection:
            last = await user_states.get(connection, owner, LastChange)
        return last.told if asked_by and last is not None and last.asked_by == asked_by else None

    async def tell_of(self, owner: UserId, asked_by: str, told: str) -> None:
        """Note the sentence that a person reads about a change; ``asked_by`` is the key of the update that wanted it.

        When that update is handled again after a crash, ``told_of`` returns the sentence.
        """
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, LastChange(asked_by=asked_by, told=told), ttl=_REMEMBERED)

    async def filter(self, owner: UserId) -> ReportFilter:
        """Load the filter that the person has set."""
        async with self._database.transaction() as connection:
            return await user_states.get(connection, owner, ReportFilter) or ReportFilter()

    async def set_filter(self, owner: UserId, wanted: ReportFilter) -> None:
        """Store the filter, until the person sets another one."""
        async with self._database.transaction() as connection:
            await user_states.put(connection, owner, wanted)
