"""The watch: one question at a time to each part, within a limit, and what is slow is told from what is gone."""

import asyncio

import pytest

import health.watch
from health.board import OK, Board, Level, Part, PartState, Reading, Why
from health.watch import _Watched

LIMIT_S = 0.02


@pytest.fixture
def board() -> Board:
    return Board()


class Answers:
    """A check that waits until it may answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.came = asyncio.Event()
        self.may = asyncio.Event()

    async def __call__(self) -> Reading:
        self.asked += 1
        self.came.set()
        await self.may.wait()
        return OK


def state(board: Board) -> tuple[Level, Why | None]:
    found: PartState = board.parts()[Part.DISK]
    return found.level, found.why


async def test_what_the_check_finds_stands_on_the_board(board: Board) -> None:
    async def check() -> Reading:
        return Reading(Level.DEGRADED, Why.LOW_SPACE)

    await _Watched(Part.DISK, check, board).step()
    assert state(board) == (Level.DEGRADED, Why.LOW_SPACE)


async def test_a_part_that_hangs_is_down_and_is_not_asked_a_second_time(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health.watch, "_LIMIT_S", LIMIT_S)
    check = Answers()
    watched = _Watched(Part.DISK, check, board)
    await watched.step()
    assert state(board) == (Level.DOWN, Why.NO_ANSWER)
    await watched.step()
    assert check.asked == 1
    check.may.set()
    await watched.step()
    assert state(board) == (Level.OK, None)
    assert check.asked == 1


async def test_a_part_that_answers_late_is_slow_and_well_again_when_it_is_in_time(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Answers()
    check.may.set()
    watched = _Watched(Part.DISK, check, board)
    monkeypatch.setattr(health.watch, "SLOW_S", -1.0)
    await watched.step()
    assert state(board) == (Level.DEGRADED, Why.SLOW)
    monkeypatch.setattr(health.watch, "SLOW_S", 60.0)
    await watched.step()
    assert state(board) == (Level.OK, None)


async def test_a_watch_that_is_stopped_leaves_no_question(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    check = Answers()
    watched = _Watched(Part.DISK, check, board)
    running = asyncio.create_task(watched.run())
    await check.came.wait()
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.done()
    assert watched._asking is not None
    assert watched._asking.cancelled()


def test_the_longest_times_of_the_watch_keep_within_fifteen_seconds() -> None:
    assert health.watch._REMOTE_PAUSE_S + health.watch._LIMIT_S < 15
    assert health.watch.PAUSE_S + health.watch._LIMIT_S < 15
