"""Telegram's time, told by a clock that nobody sets.

Message ids are times. The library drops packets whose id is far from its own time, and Telegram refuses the library's
messages likewise: by the system's clock, the bot would be cut off once somebody sets that clock.
"""

import time
from collections.abc import Callable

_LATE_S = 10.0
_LATE_IN_A_ROW = 4
"""A time that is earlier than the one told before may come from a packet that waited. Our clock is
ahead only when this many in a row are earlier."""


def steady_s() -> float:
    """Return the seconds since the machine started; on Linux, suspended ones count."""
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
