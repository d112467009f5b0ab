"""The clock of the machine that nobody sets."""

import time


def steady_s() -> float:
    """Return the seconds since the machine started; on Linux, suspended ones count."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
