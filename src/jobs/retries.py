"""When a job that did not come to its end is done again, and by whom."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from errors import (
    DatabaseUnavailable,
    DiskFull,
    ObjectDamaged,
    ObjectStoreRefusedKey,
    ObjectStoreUnavailable,
    ReportOutdated,
    VoxPersonaError,
)

AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
"""When a job that was put back is due, by the database's clock too: ours may have stepped ahead of it."""
_LONGEST_DELAY_S = 24 * 3600.0
"""The longest wait, whatever a provider asks for: it may have meant another unit."""


def is_ours(error: VoxPersonaError) -> bool:
    """Tell whether a failure is one of what the installation stands on, and says nothing about the job.

    Such a failure is over when its cause is, uses up no try, and is final only for who does not try again at all.
    """
    stays = isinstance(error, ObjectDamaged | ObjectStoreRefusedKey)
    return isinstance(error, ObjectStoreUnavailable | DiskFull) and not stays


class _TryLater(Exception):
    """Tells procrastinate that a job failed and runs again at ``retry_at``. Raised and caught in this module alone."""

    def __init__(self, retry_at: datetime) -> None:
        super().__init__(f"at {retry_at:%H:%M:%S}")
        self.retry_at = retry_at


def tried_again_at(retry_at: datetime) -> Exception:
    """Return the exception that has a job done again at ``retry_at``."""
    return _TryLater(retry_at)


class GoOn(BaseRetryStrategy):
    """Has procrastinate run again each job that stopped with its worker, lost the database, or is to be tried later."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        if isinstance(exception, asyncio.CancelledError | DatabaseUnavailable):
            return RetryDecision(retry_at=AT_ONCE)
        if isinstance(exception, _TryLater):
            return RetryDecision(retry_at=exception.retry_at)
        return None


def retry_at(error: VoxPersonaError, failures: int, delays_s: Sequence[float]) -> datetime | None:
    """Return when to try a job again that had failed ``failures`` times before; None when trying again does not help.

    The wait that the provider asked for counts when it is longer than the delay.
    """
    if is_ours(error) and delays_s:
        return datetime.now(UTC) + timedelta(seconds=delays_s[0])
    # A report that is outdated stays so; it has to be ordered again.
    if not error.retryable or isinstance(error, ReportOutdated) or failures >= len(delays_s):
        return None
    asked = error.details.get("retry_after_s")
    wanted_s = min(asked, _LONGEST_DELAY_S) if isinstance(asked, int | float) else 0.0
    delay_s = max(delays_s[failures], wanted_s)
    return datetime.now(UTC) + timedelta(seconds=delay_s)
