"""The checks of this installation's parts: each asks one part something cheap, and reads the answer."""

import asyncio
import errno
import math
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import texts.errors
from database.watch import AbsenceKind
from db import Database, now_of
from errors import (
    DatabaseMisconfigured,
    DatabaseUnavailable,
    ObjectFolderUnavailable,
    ObjectStoreRefusedKey,
    ObjectStoreUnavailable,
    OutOfResources,
    ProviderRefusedKey,
    ProviderUnavailable,
)
from health import store
from health.board import OK, Level, Reading, Why, worse
from health.calls import RealCalls
from messenger import Messenger, MessengerError, MessengerRefusedSecrets
from metrics import DISK_FREE_BYTES, DISK_FREE_RATIO, INDEX_BACKLOG, JOBS, WORKERS
from object_store import ObjectStore
from outcomes import Purpose
from system.shortages import SPARE_BYTES

Check = Callable[[], Awaitable[Reading]]
"""Asks a part for its state, and raises no error that was foreseen. ``HealthWatch`` limits the time that it takes."""

LOW_SPACE = 0.10
"""The free share of the disk below which its operator should act. The owner's notice names the same share."""
LONGEST_WAIT = timedelta(minutes=10)
"""How long something may wait for being found; a minute is the aim."""
_BUSY_S = 2.5
"""More seconds than the database's watch needs to notice silence: a longer wait is a queue for connections."""
_HEARTBEAT_S = 6.0
"""A worker gives a sign of life every second."""
_REOPENS_S = 15.0
"""A worker that ended while the database was slow works again by then, or does not come back by itself."""
_PROBE_FILE = ".health.tmp"
_PROBE_BYTES = 4096
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_ABSENCES: Mapping[AbsenceKind, Why] = {
    AbsenceKind.SILENT: Why.NO_ANSWER,
    AbsenceKind.REFUSES: Why.REFUSES,
    AbsenceKind.STARTS: Why.STARTS,
    AbsenceKind.FULL: Why.FULL,
    AbsenceKind.FAILS: Why.FAILS,
}


def down(why: Why) -> Reading:
    """Return the reading of a part that does not work."""
    return Reading(Level.DOWN, why)


def database_check(database: Database) -> Check:
    """Return the check of the database: that it answers, lets us write, and has space for it."""
    at_once = database.patient(0)

    def absence() -> Reading | None:
        away = database.absence
        return None if away is None else Reading(Level.DOWN, _ABSENCES[away.kind], away.since)

    async def check() -> Reading:
        if (away := absence()) is not None:
            return away
        try:
            async with asyncio.timeout(_BUSY_S), at_once.transaction() as connection:
                read_only = await store.is_read_only(connection)
        except TimeoutError:
            return absence() or Reading(Level.DEGRADED, Why.BUSY)
        except DatabaseMisconfigured:
            return down(Why.READ_ONLY)
        except (DatabaseUnavailable, OutOfResources):
            return absence() or down(Why.FAILS)
        if read_only:
            return down(Why.READ_ONLY)
        return down(Why.FULL) if database.is_full else OK

    return check


def objects_check(objects: ObjectStore) -> Check:
    """Return the check of the object store: that it can be used, and how real operations end."""
    calls = RealCalls(Purpose.OBJECTS)

    async def check() -> Reading:
        try:
            await objects.check()
        except ObjectStoreRefusedKey:
            reading = down(Why.KEY_REFUSED)
        except ObjectFolderUnavailable:
            reading = down(Why.NOT_WRITABLE)
        except ObjectStoreUnavailable:
            reading = down(Why.UNAVAILABLE)
        else:
            reading = OK
        return calls.together(reading)

    return check


def images_check(database: Database, *, is_on: bool) -> Check:
    """Return the check of the service of images: how the latest order ended since its first call, or goes on.

    Nothing that costs nothing tells whether it takes the key, so nobody is asked.
    """
    at_once = database.patient(0)
    began: datetime | None = None

    async def check() -> Reading:
        nonlocal began
        if not is_on:
            return Reading(Level.OK, Why.OFF)
        try:
            async with at_once.transaction() as connection:
                # By the clock of the database, which writes when orders end.
                began = began or await now_of(connection)
                trouble = await store.image_trouble(connection, began)
        except (DatabaseUnavailable, OutOfResources):
            return Reading(Level.DEGRADED, Why.DATABASE_AWAY)
        code, text = trouble or ("", "")
        if code == ProviderRefusedKey.code:
            return Reading(Level.DEGRADED, Why.KEY_REFUSED)
        if texts.errors.REASON_NO_FUNDS in text:
            return Reading(Level.DEGRADED, Why.NO_FUNDS)
        return Reading(Level.DEGRADED, Why.ERRORS) if code == ProviderUnavailable.code else OK

    return check


def telegram_check(messenger: Messenger) -> Check:
    """Return the check of the messenger: that it answers on the bot's connection, and accepts the login."""

    async def check() -> Reading:
        try:
            await messenger.check()
        except MessengerRefusedSecrets:
            return down(Why.KEY_REFUSED)
        except MessengerError:
            return down(Why.NO_ANSWER)
        return OK

    return check


def jobs_check(database: Database, is_working: Callable[[], bool], reopens_s: float = _REOPENS_S) -> Check:
    """Return the check of the job queue: that this process works, and that a worker gives signs of life.

    One that stopped working less than ``reopens_s`` seconds ago is degraded: it may be connecting anew. Workers of
    other processes count for the signs of life, too.
    """
    at_once, worked_at = database.patient(0), -math.inf

    def unknown() -> Reading:
        # Former figures would tell of work that nobody sees.
        for state in store.QueueSizes.model_fields:
            JOBS.labels(state).set(math.nan)
        WORKERS.set(math.nan)
        return down(Why.DATABASE_AWAY)

    async def check() -> Reading:
        nonlocal worked_at
        if database.absence is not None:
            return unknown()
        if is_working():
            worked_at = monotonic()
        elif monotonic() - worked_at < reopens_s:
            return Reading(Level.DEGRADED, Why.WORKER_REOPENS)
        else:
            return down(Why.WORKER_STOPPED)
        try:
            async with at_once.transaction() as connection:
                workers = await store.living_workers(connection, _HEARTBEAT_S)
                sizes = await store.queue_sizes(connection)
        except (DatabaseUnavailable, OutOfResources):
            return unknown()
        for state, count in sizes.model_dump().items():
            JOBS.labels(state).set(count)
        WORKERS.set(workers)
        return OK if workers else down(Why.NO_HEARTBEAT)

    return check


def index_check(database: Database, *, has_embeddings: bool) -> Check:
    """Return the check of the knowledge base: that what was said is found soon, by its meaning if that is wanted."""
    at_once = database.patient(0)

    async def check() -> Reading:
        if database.absence is not None:
            return down(Why.DATABASE_AWAY)
        try:
            async with at_once.transaction() as connection:
                backlog = await store.index_backlog(connection)
        except (DatabaseUnavailable, OutOfResources):
            return down(Why.DATABASE_AWAY)
        INDEX_BACKLOG.labels("sources").set(backlog.sources)
        INDEX_BACKLOG.labels("vectors").set(backlog.vectors if has_embeddings else 0)
        waits = [backlog.sources_since, backlog.vectors_since if has_embeddings else None]
        oldest = min(filter(None, waits), default=None)
        late = oldest is not None and datetime.now(UTC) - oldest > LONGEST_WAIT
        return Reading(Level.DEGRADED, Why.BEHIND, oldest) if late else OK

    return check


def following_check(followed_at: Callable[[], datetime | None]) -> Check:
    """Return the check of a worker's index: ``followed_at`` is when it last had everything that the bot has indexed."""
    began = datetime.now(UTC)

    async def check() -> Reading:
        since = followed_at() or began
        late = datetime.now(UTC) - since > LONGEST_WAIT
        return Reading(Level.DEGRADED, Why.BEHIND, since) if late else OK

    return check


def disk_check(folder: Path) -> Check:
    """Return the check of the disk under ``folder``: that a file can be written, and how much space is left.

    It is full once no recording is taken: a small file can be written longer than that.
    """
    # A disk that hangs holds this thread and no other.
    thread = ThreadPoolExecutor(1, "health-disk")

    def look() -> Reading:
        return worse(_space(folder), _written(folder))

    async def check() -> Reading:
        return await asyncio.get_running_loop().run_in_executor(thread, look)

    return check


def _written(folder: Path) -> Reading:
    path = folder / _PROBE_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, bytes(_PROBE_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)
    except OSError as exc:
        return down(Why.FULL if exc.errno in _FULL else Why.NOT_WRITABLE)
    return OK


def _space(folder: Path) -> Reading:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return down(Why.NOT_WRITABLE)
    # Not a share of the total: some of that is reserved for root.
    share = usage.free / max(1, usage.free + usage.used)
    DISK_FREE_BYTES.set(usage.free)
    DISK_FREE_RATIO.set(share)
    if usage.free < SPARE_BYTES:
        return down(Why.FULL)
    return Reading(Level.DEGRADED, Why.LOW_SPACE) if share < LOW_SPACE else OK
