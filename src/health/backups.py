"""The check of the backups: when the last one was made, and whether it can be trusted."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backups.status import BackupStatus, load_status
from health.board import OK, Level, Reading, Why
from health.checks import Check
from metrics import BACKUP_BYTES, BACKUP_MADE, BACKUP_SECONDS

LONGEST_PAUSE = timedelta(hours=26)
"""A day, and time enough for a backup that takes longer than the one before."""


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
        return _reading(status, now())

    async def check() -> Reading:
        return await asyncio.to_thread(look)

    return check


def _reading(status: BackupStatus, now: datetime) -> Reading:
    made, failed, damaged, drilled = status.made, status.failed, status.damaged, status.drilled
    if damaged is not None:
        return Reading(Level.DEGRADED, Why.DAMAGED, damaged.at)
    if drilled is not None and not drilled.passed:
        return Reading(Level.DEGRADED, Why.DAMAGED, drilled.at)
    if failed is not None:
        return Reading(Level.DEGRADED, Why.FAILS, failed.at)
    if made is None:
        return Reading(Level.DEGRADED, Why.NEVER)
    # A clock that was wrong when the backup was made says nothing of its age.
    if abs(now - made.at) > LONGEST_PAUSE:
        return Reading(Level.DEGRADED, Why.OVERDUE, made.at + LONGEST_PAUSE)
    return OK


def _measure(status: BackupStatus) -> None:
    if status.made is not None:
        BACKUP_MADE.set(status.made.at.timestamp())
        BACKUP_BYTES.labels("set").set(status.made.set_bytes)
        BACKUP_BYTES.labels("repository").set(status.made.repository_bytes)
        BACKUP_SECONDS.set(status.made.seconds)
