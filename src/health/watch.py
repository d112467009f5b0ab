"""Checks every part again and again in the background, so that the board can answer at once."""

import asyncio
from collections.abc import Mapping
from typing import Never

from followers import Loop
from health.board import OK, Board, Level, Part, Reading, Why
from health.checks import Check
from metrics import PART_CHECK_SECONDS

PAUSE_S = 4.0
_LIMIT_S = 4.5
"""Seconds until a check counts as unanswered. A part that dies is known as dead after the pause and this limit."""
_LET_GO_S = 1.0
_REMOTE_PAUSE_S = 8.0
"""The pause for parts that others may run: they should be asked less often."""
SLOW_S = 2.0
_REMOTE = frozenset({Part.ASR, Part.LLM})


class _Watched:
    """One part and its check. The check never runs twice at a time: a part that hangs gets no second question."""

    def __init__(self, part: Part, check: Check, board: Board) -> None:
        self._part = part
        self._check = check
        self._board = board
        self._asking: asyncio.Task[Reading] | None = None
        self._began = 0.0
        self._loop = Loop(f"health_{part}", _REMOTE_PAUSE_S if part in _REMOTE else PAUSE_S)

    async def run(self) -> Never:
        try:
            await self._loop.run(self.step)
        finally:
            if self._asking is not None:
                self._asking.cancel()
                await asyncio.wait([self._asking], timeout=_LET_GO_S)

    async def step(self) -> None:
        clock = asyncio.get_running_loop().time
        if self._asking is None:
            self._began, self._asking = clock(), asyncio.ensure_future(self._check())
        asking = self._asking
        await asyncio.wait([asking], timeout=_LIMIT_S)
        if not asking.done():
            self._board.note(self._part, Reading(Level.DOWN, Why.NO_ANSWER))
            return
        self._asking = None
        seconds = clock() - self._began
        PART_CHECK_SECONDS.labels(self._part).observe(seconds)
        reading = asking.result()
        if reading == OK and seconds > SLOW_S:
            reading = Reading(Level.DEGRADED, Why.SLOW)
        self._board.note(self._part, reading)


class HealthWatch:
    """Watches the parts that have a check."""

    def __init__(self, board: Board, checks: Mapping[Part, Check]) -> None:
        self._watched = [_Watched(part, check, board) for part, check in checks.items()]

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for each in self._watched:
                group.create_task(each.run())
