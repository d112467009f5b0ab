"""A database whose clock is set: what waits for a later try is made due, and a slow answer is no step of the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from procrastinate.connector import BaseAsyncConnector

import jobs.clock
from jobs.clock import DatabaseClock


class Server(BaseAsyncConnector):
    """A database that tells the time and answers after ``slow_s``, at the boundary to it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 3, tzinfo=UTC)
        self.passed_s = 0.0
        self.slow_s = 0.0
        self.brought_forward = 0

    def passes(self, seconds: float) -> None:
        self.passed_s += seconds
        self.at += timedelta(seconds=seconds)

    async def execute_query_one_async(self, query: str, **_: Any) -> dict[str, Any]:
        assert "clock_timestamp()" in query
        told = self.at
        self.passes(self.slow_s)
        return {"at": told}

    async def execute_query_async(self, query: str, **_: Any) -> None:
        assert "scheduled_at = now()" in query
        self.brought_forward += 1


@pytest.mark.parametrize(
    ("step_s", "slow_s", "due"),
    [(0, 0, 0), (0, 60, 0), (3600, 0, 0), (-2, 0, 0), (-60, 0, 1), (-60, 1, 1), (-10_800, 60, 1)],
)
async def test_a_clock_that_is_set_back_makes_later_tries_due(
    monkeypatch: pytest.MonkeyPatch, step_s: float, slow_s: float, due: int
) -> None:
    server = Server()
    monkeypatch.setattr(jobs.clock, "monotonic", lambda: server.passed_s)
    clock = DatabaseClock(server)
    for number in range(6):
        if number == 3:
            server.at += timedelta(seconds=step_s)
            server.slow_s = slow_s
        await clock.look()
        server.passes(0.5)
    assert server.brought_forward == due
