"""The board: what each part is like, since when, why, and whether the machine is ready."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from health.board import CRITICAL, OK, Board, Level, Part, Reading, Why, worse

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


class Time:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def clock(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def board(time: Time) -> Board:
    return Board(now=time.now, clock=time.clock)


def well(board: Board) -> None:
    for part in Part:
        board.note(part, OK)


def test_until_it_was_checked_a_part_is_down_because_it_starts(board: Board) -> None:
    assert {(state.level, state.why) for state in board.parts().values()} == {(Level.DOWN, Why.STARTING)}
    assert not board.is_ready


def test_it_is_ready_when_all_is_well(board: Board) -> None:
    well(board)
    assert board.is_ready


@pytest.mark.parametrize(
    ("part", "ready"),
    [
        (Part.DATABASE, False),
        (Part.OBJECTS, False),
        (Part.TELEGRAM, False),
        (Part.JOBS, False),
        (Part.DISK, False),
        (Part.ASR, True),
        (Part.LLM, True),
        (Part.INDEX, True),
        (Part.IMAGES, True),
    ],
)
def test_only_a_critical_part_that_is_down_makes_it_unready(board: Board, part: Part, ready: bool) -> None:
    well(board)
    board.note(part, Reading(Level.DEGRADED, Why.SLOW))
    assert board.is_ready
    board.note(part, Reading(Level.DOWN, Why.NO_ANSWER))
    assert board.is_ready is ready
    assert (part in CRITICAL) is not ready


def test_a_level_keeps_its_beginning_and_may_change_its_reason(board: Board, time: Time) -> None:
    well(board)
    time.seconds = 5
    board.note(Part.LLM, Reading(Level.DOWN, Why.NO_ANSWER))
    time.seconds = 9
    board.note(Part.LLM, Reading(Level.DOWN, Why.KEY_REFUSED))
    assert board.parts()[Part.LLM] == (Level.DOWN, NOON + timedelta(seconds=5), Why.KEY_REFUSED)
    time.seconds = 11
    board.note(Part.LLM, OK)
    assert board.parts()[Part.LLM] == (Level.OK, NOON + timedelta(seconds=11), None)


def test_a_part_may_know_itself_since_when_it_is_so(board: Board, time: Time) -> None:
    time.seconds = 9
    well(board)
    board.note(Part.DATABASE, Reading(Level.DOWN, Why.REFUSES, NOON))
    assert board.parts()[Part.DATABASE].since == NOON


def test_a_check_that_has_stopped_tells_nothing_any_more(board: Board, time: Time) -> None:
    well(board)
    time.seconds = 20
    assert board.parts()[Part.DISK].level is Level.OK
    time.seconds = 21
    assert board.parts()[Part.DISK] == (Level.DOWN, NOON + timedelta(seconds=21), Why.NOT_CHECKED)
    assert not board.is_ready
    well(board)
    assert board.is_ready


def test_a_process_that_stops_is_not_ready(board: Board) -> None:
    well(board)
    board.stopping = True
    assert not board.is_ready


def test_the_metrics_tell_the_same(board: Board) -> None:
    def value(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(name, labels)

    well(board)
    board.parts()
    assert value("voxpersona_ready") == 1
    changes = value("voxpersona_part_changes_total", part="disk", state="down") or 0
    board.note(Part.DISK, Reading(Level.DOWN, Why.FULL))
    states = {level: value("voxpersona_part_state", part="disk", state=level) for level in ("ok", "degraded", "down")}
    assert states == {"ok": 0, "degraded": 0, "down": 1}
    assert value("voxpersona_part_since_timestamp_seconds", part="disk") == NOON.timestamp()
    assert value("voxpersona_part_changes_total", part="disk", state="down") == changes + 1
    assert value("voxpersona_ready") == 0


def test_of_two_readings_the_worse_one_counts() -> None:
    slow, gone = Reading(Level.DEGRADED, Why.SLOW), Reading(Level.DOWN, Why.FULL)
    assert worse(OK, slow) == worse(slow, OK) == slow
    assert worse(slow, gone) == worse(gone, slow) == gone


def test_a_process_without_telegram_is_ready_without_it() -> None:
    board = Board([part for part in Part if part is not Part.TELEGRAM])
    ready = [board.is_ready]
    for part in board.parts():
        board.note(part, OK)
    ready.append(board.is_ready)
    board.note(Part.DISK, Reading(Level.DOWN, Why.FULL))
    assert [*ready, board.is_ready] == [False, True, False]
    assert set(board.parts()) == set(Part) - {Part.TELEGRAM}
