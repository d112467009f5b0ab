"""The checks of speech recognition and language model, at an endpoint or on this machine."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from errors import ProviderError, ProviderRateLimited, ProviderRefusedKey
from health.board import OK, Level, Reading, Why, worse
from health.calls import RealCalls
from health.checks import Check, down


class Probe(Protocol):
    """A free question to an endpoint; see ``provider_calls.probe.EndpointProbe``."""

    async def ask(self) -> None: ...


def endpoint_check(calls: RealCalls, probe: Callable[[], Probe | None], otherwise: Check) -> Check:
    """Return the check of an engine: it judges ``probe()`` and the real ``calls`` together.

    While ``probe()`` is None, the check asks ``otherwise`` and nothing else.
    """

    async def check() -> Reading:
        asked = probe()
        return await otherwise() if asked is None else calls.together(await _answer(asked))

    return check


async def _answer(probe: Probe) -> Reading:
    try:
        await probe.ask()
    except ProviderRefusedKey:
        return down(Why.KEY_REFUSED)
    except ProviderRateLimited:
        return Reading(Level.DEGRADED, Why.RATE_LIMITED)
    except ProviderError as exc:
        return down(Why.NO_ANSWER if exc.details.get("reason") == "timeout" else Why.UNAVAILABLE)
    return OK


def local_check(has_weights: Callable[[], Awaitable[bool]], is_dead: Callable[[], bool] = lambda: False) -> Check:
    """Return the check of an engine on this machine: that its weights are there, and that it has not died."""

    async def check() -> Reading:
        if is_dead():
            return down(Why.ENGINE_DIED)
        return OK if await has_weights() else Reading(Level.DEGRADED, Why.WEIGHTS_MISSING)

    return check


def needing(has_weights: Callable[[], Awaitable[bool]], check: Check) -> Check:
    """Return ``check`` of an engine whose work ends only with weights of another engine on this machine."""
    weights = local_check(has_weights)

    async def both() -> Reading:
        return worse(await check(), await weights())

    return both


async def off() -> Reading:
    """Return the reading of a part that is switched off: that is as it should be."""
    return Reading(Level.OK, Why.OFF)
