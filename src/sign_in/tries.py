"""A limit on tries to come in that fail. Codes are long: it is there for the log's and the database's sake."""

from collections.abc import Callable
from time import monotonic

from errors_of_operation import TooManyTries

_MOST = 10
_PERIOD_S = 600.0
_MOST_PLACES = 10_000


class Tries:
    """Failed tries by where they came from: ten in ten minutes; ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failed: dict[str, list[float]] = {}

    def check(self, place: str) -> None:
        """Refuse one more try from ``place`` when too many have failed.

        Raises:
            TooManyTries: with the seconds until the next one.
        """
        times = self._recent(place)
        if len(times) >= _MOST:
            raise TooManyTries(retry_after_s=max(1, round(times[0] + _PERIOD_S - self._clock())))

    def note_failure(self, place: str) -> None:
        """Count a failed try."""
        if len(self._failed) >= _MOST_PLACES:
            self._failed = {each: times for each in self._failed if (times := self._recent(each))}
        if len(self._failed) < _MOST_PLACES or place in self._failed:
            self._failed[place] = [*self._recent(place), self._clock()]

    def _recent(self, place: str) -> list[float]:
        since = self._clock() - _PERIOD_S
        return [at for at in self._failed.get(place, ()) if at > since]
