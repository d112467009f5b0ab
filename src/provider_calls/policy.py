"""One policy for every call to a provider: how long, how often, how many at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TypeVar

import structlog
import tenacity
from prometheus_client import Counter, Histogram

from constants import (
    PROVIDER_DELAY_S,
    PROVIDER_LONGEST_DELAY_S,
    PROVIDER_LONGEST_RETRY_AFTER_S,
    PROVIDER_TRIES,
)
from errors import ProviderError, ProviderUnavailable
from outcomes import OUTCOMES, Purpose
from provider_calls.in_flight import on_its_way

T = TypeVar("T")

CALLS = Counter("voxpersona_provider_calls", "Calls to a provider, retries not counted.", ["provider"])
TRIES = Counter("voxpersona_provider_tries", "Requests to a provider, retries counted.", ["provider"])
FAILURES = Counter("voxpersona_provider_failures", "Failed requests to a provider.", ["provider", "error"])
SECONDS = Histogram(
    "voxpersona_provider_seconds",
    "Seconds of a request to a provider.",
    ["provider"],
    buckets=(0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600),
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Time:
    """Clock and random numbers of the policy; tests bring their own."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = monotonic
    chance: Callable[[], float] = random.random


class ProviderCalls:
    """Runs the calls to one provider.

    A call is tried up to ``PROVIDER_TRIES`` times, as long as its error says that trying again helps: after an
    exponential delay with jitter, or the delay that the provider asks for (``retry_after_s`` of the error). At most
    ``concurrency`` calls run at a time. A call that waits for its next try still counts as running, so that other calls
    do not press a provider that limits the rate. ``timeout_s`` bounds each try. How each try for a ``purpose`` ended is
    noted in ``outcomes``.
    """

    def __init__(
        self,
        provider: str,
        concurrency: int,
        timeout_s: float,
        *,
        purpose: Purpose | None = None,
        time: Time | None = None,
    ) -> None:
        self.provider = provider
        self._purpose = purpose
        self._timeout_s = timeout_s
        self._time = time or Time()
        self._places = asyncio.Semaphore(concurrency)

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await ``call()``, again after a failure as the class says, and return the result.

        Raises:
            ProviderError: what the last try raised; ``ProviderUnavailable`` when that try took too long.
        """
        CALLS.labels(self.provider).inc()
        async with self._places:
            return await self._try(call)

    async def _try(self, call: Callable[[], Awaitable[T]]) -> T:
        retrying = tenacity.AsyncRetrying(
            sleep=self._time.sleep,
            stop=tenacity.stop_after_attempt(PROVIDER_TRIES),
            wait=self._delay_s,
            retry=tenacity.retry_if_exception(lambda exc: isinstance(exc, ProviderError) and exc.retryable),
            before_sleep=self._log_retry,
            reraise=True,
        )
        return await retrying(self._once, call)

    async def _once(self, call: Callable[[], Awaitable[T]]) -> T:
        TRIES.labels(self.provider).inc()
        started = self._time.clock()
        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                with on_its_way():
                    answer = await call()
        except TimeoutError as exc:
            if not limit.expired():
                raise
            late = ProviderUnavailable(provider=self.provider, reason=f"no answer within {self._timeout_s:g} s")
            self._count_failure(late)
            raise late from exc
        except ProviderError as exc:
            self._count_failure(exc)
            raise
        else:
            self._note(None)
            return answer
        finally:
            SECONDS.labels(self.provider).observe(self._time.clock() - started)

    def _count_failure(self, error: ProviderError) -> None:
        FAILURES.labels(self.provider, type(error).__name__).inc()
        self._note(error)

    def _note(self, error: ProviderError | None) -> None:
        if self._purpose is not None:
            OUTCOMES.note(self._purpose, error)

    def _delay_s(self, state: tenacity.RetryCallState) -> float:
        asked = _error(state).details.get("retry_after_s")
        if isinstance(asked, int | float):
            return min(float(asked), PROVIDER_LONGEST_RETRY_AFTER_S)
        delay = min(PROVIDER_DELAY_S * 2.0 ** (state.attempt_number - 1), PROVIDER_LONGEST_DELAY_S)
        # Half of the delay is random: callers that failed together shall not come back together.
        return delay * (0.5 + 0.5 * self._time.chance())

    def _log_retry(self, state: tenacity.RetryCallState) -> None:
        log.warning(
            "provider_retry",
            provider=self.provider,
            error=_error(state).code,
            attempt=state.attempt_number,
            delay_s=round(state.upcoming_sleep, 2),
        )


def _error(state: tenacity.RetryCallState) -> ProviderError:
    exc = state.outcome.exception() if state.outcome else None
    if not isinstance(exc, ProviderError):
        raise TypeError("only a ProviderError is retried")
    return exc


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, as a number or as an HTTP date (RFC 9110, 10.2.3).

    None when the header is absent or makes no sense. Never negative, and not capped here: the policy does that.
    """
    if header is None:
        return None
    text = header.strip()
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        # NaN compares with nothing, so it falls out here too.
        return seconds if 0 <= seconds < float("inf") else None
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())
