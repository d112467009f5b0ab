"""The clock of the database may be set back, and what waits by it would wait for as long again.

Signs of life and the times of later tries are the database's own, so that the clocks of workers do not matter. One that
was ahead, as at the start of a machine before its time service answers, leaves times that are far in the future.
"""

from datetime import datetime
from time import monotonic

import structlog
from procrastinate.connector import BaseConnector

log = structlog.get_logger(__name__)

_STEP_S = 5.0
"""A smaller step needs no help: everything waits that much longer."""
_LOOK = """
    WITH dead AS (
        UPDATE procrastinate_workers SET last_heartbeat = 'epoch' WHERE last_heartbeat > now() + interval '3 seconds'
    )
    SELECT clock_timestamp() AS at
"""
# A worker that lives gives its next sign within a second.
_BRING_FORWARD = "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND scheduled_at > now()"


class DatabaseClock:
    """Looks at the database's clock, and puts right what waits by it."""

    def __init__(self, connector: BaseConnector) -> None:
        self._connector = connector
        self._seen: tuple[datetime, float] | None = None

    async def look(self) -> None:
        """Take signs of life from the future for none; when the clock was set back, have all later tries made now.

        Raises:
            ConnectorException: the database is away.
        """
        began = monotonic()
        at: datetime = (await self._connector.execute_query_one_async(_LOOK))["at"]
        ended = monotonic()
        if self._seen is not None:
            known_at, known = self._seen
            # At least so many seconds have passed, however long the answers took.
            set_back_s = began - known - (at - known_at).total_seconds()
            if set_back_s > _STEP_S:
                log.warning("clock_set_back", seconds=round(set_back_s))
                await self._connector.execute_query_async(_BRING_FORWARD)
        self._seen = at, ended
