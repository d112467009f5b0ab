"""The check of the backups reads what scripts have noted."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from backups.status import Drilled, Failed, Made, load_status, note_status
from health.backups import backup_check
from health.board import OK, Level, Reading, Why

NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)


def made(ago: timedelta, lost: int = 0) -> Made:
    return Made(at=NOW - ago, snapshot="abc", set_bytes=1000, repository_bytes=3000, seconds=12.5, lost_objects=lost)


def failed(ago: timedelta) -> Failed:
    return Failed(at=NOW - ago, step="save", code="backup_failed")


def drilled(*, passed: bool) -> Drilled:
    return Drilled(at=NOW, snapshot="abc", passed=passed)


HOUR = timedelta(hours=1)
DAMAGED = Reading(Level.DEGRADED, Why.DAMAGED, NOW - HOUR)


async def found(folder: Path) -> Reading:
    return await backup_check(folder, lambda: NOW)()


@pytest.mark.parametrize(
    ("noted", "reading"),
    [
        ({}, Reading(Level.DEGRADED, Why.NEVER)),
        ({"made": made(HOUR)}, OK),
        ({"made": made(26 * HOUR)}, OK),
        ({"made": made(27 * HOUR)}, Reading(Level.DEGRADED, Why.OVERDUE, NOW - HOUR)),
        ({"made": made(-27 * HOUR)}, Reading(Level.DEGRADED, Why.OVERDUE, NOW + 53 * HOUR)),
        ({"made": made(3 * HOUR), "failed": failed(HOUR)}, Reading(Level.DEGRADED, Why.FAILS, NOW - HOUR)),
        ({"failed": failed(HOUR)}, Reading(Level.DEGRADED, Why.FAILS, NOW - HOUR)),
        ({"made": made(HOUR), "damaged": failed(HOUR)}, DAMAGED),
        ({"made": made(HOUR), "drilled": drilled(passed=True)}, OK),
        ({"made": made(HOUR), "drilled": drilled(passed=False)}, Reading(Level.DEGRADED, Why.DAMAGED, NOW)),
        ({"made": made(HOUR, lost=1)}, Reading(Level.DEGRADED, Why.OBJECTS_LOST, NOW - HOUR)),
        ({"made": made(HOUR), "drill_stopped": failed(HOUR)}, Reading(Level.DEGRADED, Why.DRILL_STOPPED, NOW - HOUR)),
        (
            {"made": made(HOUR), "drilled": drilled(passed=False), "drill_stopped": failed(HOUR)},
            Reading(Level.DEGRADED, Why.DAMAGED, NOW),
        ),
    ],
)
async def test_a_state_for_each_way_in_which_the_last_ones_ended(
    tmp_path: Path, noted: dict[str, Made | Failed | Drilled], reading: Reading
) -> None:
    note_status(tmp_path, **noted)
    os.utime(tmp_path, times=(NOW.timestamp(), NOW.timestamp()))
    assert await found(tmp_path) == reading


@pytest.mark.parametrize(("hours", "why"), [(47, Why.NEVER), (49, Why.OVERDUE)])
async def test_an_installation_that_has_had_no_backup_for_two_days_is_overdue(
    tmp_path: Path, hours: int, why: Why
) -> None:
    since = NOW - hours * HOUR
    os.utime(tmp_path, times=(since.timestamp(), since.timestamp()))
    assert (await found(tmp_path)).why is why


async def test_where_nobody_makes_backups_that_is_as_it_should_be(tmp_path: Path) -> None:
    assert await found(tmp_path / "backups") == Reading(Level.OK, Why.OFF)


async def test_a_damaged_status_is_told_and_written_anew(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"made": ', encoding="utf-8")
    assert await found(tmp_path) == Reading(Level.DEGRADED, Why.FAILS)
    note_status(tmp_path, made=made(HOUR))
    assert await found(tmp_path) == OK


async def test_age_size_and_duration_are_measured(tmp_path: Path) -> None:
    note_status(tmp_path, made=made(HOUR))
    await found(tmp_path)
    value = REGISTRY.get_sample_value
    assert value("voxpersona_backup_timestamp_seconds") == (NOW - HOUR).timestamp()
    assert value("voxpersona_backup_bytes", {"of": "set"}) == 1000
    assert value("voxpersona_backup_bytes", {"of": "repository"}) == 3000
    assert value("voxpersona_backup_duration_seconds") == 12.5


def test_what_is_not_named_stays(tmp_path: Path) -> None:
    note_status(tmp_path, made=made(HOUR), failed=failed(HOUR))
    note_status(tmp_path, failed=None)
    assert load_status(tmp_path).made == made(HOUR)
    assert load_status(tmp_path).failed is None
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o644
