"""Removes, a little at a time, old rows of finished work, and files that nothing refers to any more.

Afterwards it measures what is left, and once a day it compares the object store with the recordings.
"""

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

import recordings_store
import sizes
from datamodels import RecordingId
from db import Database
from followers import Loop
from metrics import DATABASE_BYTES, FOLDER_BYTES, OBJECT_BYTES, OBJECTS, OBJECTS_ASTRAY, TABLE_ROWS
from object_store import ObjectStore
from recordings.object_check import check_objects
from retention import RETENTIONS, Retention, delete_ended
from sign_in.audit import AuditLog

log = structlog.get_logger(__name__)

_PERIOD_S = 3600.0
_ROWS_AT_ONCE = 1000
_PAUSE_S = 0.1
"""Seconds between two batches, so that people's own questions to the database come first."""
_FILES_KEPT = timedelta(days=1)
"""A file that has not changed for this long is not being worked on."""
_CHECKED_EVERY = timedelta(days=1)
_LEFTOVERS = ("*.copy", ".*.tmp")
"""Name patterns of the files that stay in the spool when the copying of objects to another store is killed."""


class Housekeeping:
    """Cleans up every hour. ``kept`` is how long rows stay in tables whose ``Retention.age`` is None.

    ``record_kept`` is how long rows of the record of changes stay; None keeps them.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        persistent: Path,
        kept: timedelta,
        *,
        record_kept: timedelta | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._record, self._record_kept = AuditLog(database), record_kept
        self._objects = objects
        self._folders = {name: persistent / name for name in ("spool", "reports", "logs")}
        self._spool = self._folders["spool"]
        self._checked_at: datetime | None = None
        self._kept = kept
        self._now = now
        self._loop = Loop("housekeeping", _PERIOD_S)

    async def run(self) -> None:
        """Clean up and measure every hour until cancelled; the next start finishes what was interrupted."""
        await self._loop.run(self._keep_house)

    async def run_for_worker(self) -> None:
        """Every hour, clean this machine's spool and measure, until cancelled: the bot's process does all else."""
        await self._loop.run(self._keep_worker)

    async def _keep_worker(self) -> None:
        log.info("cleaned", spool=await self._clean_spool())
        await self.measure()

    async def _keep_house(self) -> None:
        await self.clean()
        await self.measure()
        if self._checked_at is None or self._now() - self._checked_at >= _CHECKED_EVERY:
            await self.check()
            self._checked_at = self._now()

    async def clean(self) -> None:
        """Remove everything that is due."""
        removed = {each.table: await self._clean(each) for each in RETENTIONS}
        removed["spool"] = await self._clean_spool()
        if self._record_kept is not None:
            removed["audit_log"] = await self._record.cut(self._now() - self._record_kept)
        await self._objects.tidy(self._now() - _FILES_KEPT)
        log.info("cleaned", **{name: count for name, count in removed.items() if count})

    async def measure(self) -> None:
        """Set the metrics of sizes."""
        async with self._database.transaction() as connection:
            DATABASE_BYTES.set(await sizes.database_bytes(connection))
            for table, rows in (await sizes.table_rows(connection)).items():
                TABLE_ROWS.labels(table).set(rows)
        for name, folder in self._folders.items():
            FOLDER_BYTES.labels(name).set(await asyncio.to_thread(sizes.folder_bytes, folder))

    async def check(self) -> None:
        """Compare the object store with the recordings; delete nothing."""
        checked = await check_objects(self._database, self._objects, self._now() - _FILES_KEPT)
        OBJECTS.set(checked.objects)
        OBJECT_BYTES.set(checked.size_bytes)
        OBJECTS_ASTRAY.labels("orphan").set(len(checked.orphans))
        OBJECTS_ASTRAY.labels("lost").set(len(checked.lost))

    async def _clean(self, retention: Retention) -> int:
        age = self._kept if retention.age is None else retention.age
        removed = 0
        while True:
            async with self._database.transaction() as connection:
                batch = await delete_ended(connection, retention, self._now() - age, _ROWS_AT_ONCE)
            removed += batch
            if batch < _ROWS_AT_ONCE:
                return removed
            await asyncio.sleep(_PAUSE_S)

    async def _clean_spool(self) -> int:
        """Remove old leftovers and old folders of recordings that are done or deleted; return how many were removed."""
        oldest = (self._now() - _FILES_KEPT).timestamp()
        folders = await asyncio.to_thread(_recordings_in, self._spool, oldest)
        async with self._database.transaction() as connection:
            needed = await recordings_store.unfinished_among(connection, list(folders))

        def remove() -> int:
            left = [folder for recording, folder in folders.items() if recording not in needed]
            for folder in left:
                shutil.rmtree(folder, ignore_errors=True)
            files = [path for name in _LEFTOVERS for path in self._spool.glob(name)]
            return len(left) + sum(_removed(path, oldest) for path in files)

        return await asyncio.to_thread(remove)


def _removed(path: Path, oldest: float) -> bool:
    """Remove a file that has not changed since ``oldest``, in seconds since 1970; tell whether it was removed.

    When that fails, because ``path`` is gone or is a folder, this is only logged.
    """
    try:
        if path.lstat().st_mtime >= oldest:
            return False
        path.unlink()
    except OSError as exc:
        log.info("leftover_not_removed", reason=type(exc).__name__)
        return False
    return True


def _recordings_in(spool: Path, oldest: float) -> dict[RecordingId, Path]:
    """Return the recordings' folders in the spool that have not changed since ``oldest``, in seconds since 1970."""
    found = {}
    for path in spool.glob("*-*-*-*-*"):
        try:
            recording = RecordingId(UUID(path.name))
        except ValueError:
            continue
        if path.is_dir() and path.stat().st_mtime < oldest:
            found[recording] = path
    return found
