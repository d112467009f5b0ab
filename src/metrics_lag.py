"""How long the event loop keeps others waiting: while it is late, nobody's button is answered."""

import asyncio
import logging

import structlog

from metrics import EVENT_LOOP_LAG_SECONDS

log = structlog.get_logger(__name__)

_PROBE_S = 0.02
_REPORT_S = 10.0
_LATE_S = 0.1
"""What people begin to notice."""


class LagMonitor:
    """Measures how late a short sleep ends; logs the worst of every ten seconds."""

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        worst, since = 0.0, loop.time()
        while True:
            asleep = loop.time()
            await asyncio.sleep(_PROBE_S)
            awake = loop.time()
            lag = max(0.0, awake - asleep - _PROBE_S)
            EVENT_LOOP_LAG_SECONDS.observe(lag)
            worst = max(worst, lag)
            if awake - since >= _REPORT_S:
                log.log(_level(worst), "event_loop_lag", worst_ms=round(worst * 1000))
                worst, since = 0.0, awake


def _level(worst_s: float) -> int:
    return logging.WARNING if worst_s > _LATE_S else logging.INFO
