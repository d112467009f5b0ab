"""Signals to a process that runs until it is stopped."""

import asyncio
import os
import signal

import structlog

log = structlog.get_logger(__name__)


def stopping_signals() -> list[signal.Signals]:
    """Return the signals at which a command stops; SIGHUP, of a terminal that is gone, unless ``nohup`` ignores it."""
    hung_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hung_up]


_STOP_LIMIT_S = 18.0
"""The most seconds from the signal to the end of the process. The next start resumes work that was cut off."""


def stop_on_signals(serving: "asyncio.Task[int] | None") -> None:
    """Cancel ``serving`` at one of ``stopping_signals``; a second signal ends the process at once."""
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if stopping:
            os._exit(0)
        stopping = True
        log.info("stopping")
        loop.call_later(_STOP_LIMIT_S, os._exit, 0)
        if serving is not None:
            serving.cancel()

    for number in stopping_signals():
        loop.add_signal_handler(number, stop)
