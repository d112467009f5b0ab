"""Judges a foreign part by how real calls to it ended, and by what a probe finds between them."""

from collections.abc import Callable, Mapping
from time import monotonic

import texts.errors
from errors import (
    ProviderInvalidAnswer,
    ProviderRateLimited,
    ProviderRefusedKey,
    ProviderRejectedRequest,
    VoxPersonaError,
)
from health.board import OK, Level, Reading, Why, worse
from outcomes import OUTCOMES, Outcomes, Purpose

_PASSING_S = 60.0
"""Seconds for which a failure of a kind that passes by itself counts; a call that succeeds ends it at once."""
_HOLDS_S: Mapping[Why, float] = {Why.KEY_REFUSED: 600.0, Why.NO_FUNDS: 3600.0, Why.REGION: 3600.0}
"""The same for failures that somebody has to mend."""
_REJECTIONS = {texts.errors.REASON_NO_FUNDS: Why.NO_FUNDS, texts.errors.REASON_REGION: Why.REGION}


def reading_of(error: VoxPersonaError | None) -> Reading:
    """Return what the end of a real call says about the part that was called; ``error`` is None after a success."""
    match error:
        case None:
            return OK
        case ProviderRefusedKey():
            return Reading(Level.DOWN, Why.KEY_REFUSED)
        case ProviderRateLimited():
            return Reading(Level.DEGRADED, Why.RATE_LIMITED)
        case ProviderInvalidAnswer():
            return Reading(Level.DEGRADED, Why.BAD_ANSWERS)
        case ProviderRejectedRequest():
            # For any other reason, only the request was wrong: the part answers, and would answer other requests.
            why = _REJECTIONS.get(str(error.details.get("reason")))
            return OK if why is None else Reading(Level.DOWN, why)
        case _:
            return Reading(Level.DEGRADED, Why.ERRORS)


class RealCalls:
    """Combines how the last real call for one purpose ended with what probes find."""

    def __init__(
        self, purpose: Purpose, *, outcomes: Outcomes = OUTCOMES, clock: Callable[[], float] = monotonic
    ) -> None:
        self._purpose = purpose
        self._outcomes = outcomes
        self._clock = clock
        self._was_well = False
        self._has_been_well = False
        self._mended_at = float("-inf")

    def together(self, probed: Reading) -> Reading:
        """Return the reading that follows from what a probe has found now and from how the last real call ended."""
        well = probed.level is Level.OK
        if well and not self._was_well and self._has_been_well:
            # The probe saw the trouble and its end: earlier failures tell nothing more.
            self._mended_at = self._clock()
        self._was_well, self._has_been_well = well, well or self._has_been_well
        last = self._outcomes.last(self._purpose)
        if last is None or last.at <= self._mended_at:
            return probed
        if last.error is None:
            # Some providers refuse the list of models to keys that may do everything else.
            refused_always = probed.why is Why.KEY_REFUSED and not self._has_been_well
            return OK if refused_always else probed
        called = reading_of(last.error)
        held_s = _HOLDS_S.get(called.why, _PASSING_S) if called.why else 0.0
        return worse(probed, called) if self._clock() - last.at < held_s else probed
