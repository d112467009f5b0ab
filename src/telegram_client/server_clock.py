"""Telegram's time, told by a clock that nobody sets.

Message ids are times. The library drops packets whose id is far from its own time, and Telegram refuses its messages
likewise: with the system's clock the bot would be deaf and mute after somebody has set that.
"""

import time
from collections.abc import Callable

_LATE_S = 10.0
_LATE_IN_A_ROW = 4
"""Telegram's word that is older than what was told before comes from packets that waited; only when all of the last
ones say the same is our clock ahead."""


def steady_s() -> float:
    """Return the seconds since the machine was started, those included in which it was suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class ServerClock:
    """Telegram's time in seconds since 1970: ``now``. It begins with the system's time, and is right once ``told``."""

    def __init__(self, wall_s: Callable[[], float] = time.time, steady: Callable[[], float] = steady_s) -> None:
        self._steady_s = steady
        self._ahead_s = wall_s() - steady()
        self._is_told = False
        self._late = 0

    @property
    def now(self) -> float:
        return self._steady_s() + self._ahead_s

    def told(self, server_s: float) -> None:
        """Take the time that Telegram says it is."""
        ahead_s = server_s - self._steady_s()
        if self._is_told and self._ahead_s - ahead_s > _LATE_S:
            self._late += 1
            if self._late < _LATE_IN_A_ROW:
                return
        self._ahead_s, self._is_told, self._late = ahead_s, True, 0
