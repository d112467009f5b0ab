"""The check of the backups: when the last one was made, and whether it can be trusted."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backups.status import BackupStatus, Made, load_status
from health.board import OK, Level, Reading, Why
from health.checks import Check
from metrics import BACKUP_BYTES, BACKUP_MADE, BACKUP_SECONDS

LONGEST_PAUSE = timedelta(hours=26)
"""A day, and time enough for a backup that takes longer than the one before."""
LONGEST_BEGINNING = timedelta(hours=48)
"""How long an installation may be without its first backup, one that was restored, too."""


def backup_check(folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Check:
    """Return the check of the backups whose status is in ``folder``; without that folder nobody makes any here."""

    def look() -> Reading:
        if not folder.is_dir():
            return Reading(Level.OK, Why.OFF)
        try:
            status = load_status(folder)
        except (OSError, ValueError):
            return Reading(Level.DEGRADED, Why.FAILS)
        _measure(status)
        return _reading(status, now(), datetime.fromtimestamp(folder.stat().st_mtime, UTC))

    async def check() -> Reading:
        return await asyncio.to_thread(look)

    return check


def _reading(status: BackupStatus, now: datetime, changed: datetime) -> Reading:
    """Return the worst of what ``status`` says; nothing has come into the folder of backups since ``changed``."""
    return _failure(status) or _age(status.made, now, changed) or _remark(status) or OK


def _failure(status: BackupStatus) -> Reading | None:
    if status.damaged is not None:
        return Reading(Level.DEGRADED, Why.DAMAGED, status.damaged.at)
    if status.drilled is not None and not status.drilled.passed:
        return Reading(Level.DEGRADED, Why.DAMAGED, status.drilled.at)
    return None if status.failed is None else Reading(Level.DEGRADED, Why.FAILS, status.failed.at)


def _age(made: Made | None, now: datetime, changed: datetime) -> Reading | None:
    if made is None:
        late = now - changed > LONGEST_BEGINNING
        return Reading(Level.DEGRADED, Why.OVERDUE, changed) if late else Reading(Level.DEGRADED, Why.NEVER)
    # A clock that was wrong when the backup was made says nothing of its age.
    late = abs(now - made.at) > LONGEST_PAUSE
    return Reading(Level.DEGRADED, Why.OVERDUE, made.at + LONGEST_PAUSE) if late else None


def _remark(status: BackupStatus) -> Reading | None:
    if status.made is not None and status.made.lost_objects:
        return Reading(Level.DEGRADED, Why.OBJECTS_LOST, status.made.at)
    stopped = status.drill_stopped
    return None if stopped is None else Reading(Level.DEGRADED, Why.DRILL_STOPPED, stopped.at)


def _measure(status: BackupStatus) -> None:
    if status.made is not None:
        BACKUP_MADE.set(status.made.at.timestamp())
        BACKUP_BYTES.labels("set").set(status.made.set_bytes)
        BACKUP_BYTES.labels("repository").set(status.made.repository_bytes)
        BACKUP_SECONDS.set(status.made.seconds)
