"""Waits, at a start, for a server that is away: one that restarts beside us is no reason to end.

A process that ends is begun anew by whoever watches over it, again and again, and takes with it what people do in its
container; meanwhile nobody is told by its health what is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import structlog

from application.objects import StartProgress
from database.watch import AbsenceKind, is_shut_out, kind_of
from errors import DatabaseFull, DatabaseMisconfigured, DatabaseUnavailable, ObjectStoreUnavailable, VoxPersonaError

log = structlog.get_logger(__name__)

Opened = TypeVar("Opened")

_PAUSE_S = 0.5


@dataclass(frozen=True)
class StartPatience:
    """How many seconds a start waits for a server, and whether also for one that may never have been there."""

    seconds: float
    for_absent: bool

    async def until_there(
        self, label: str, open_: Callable[[], Awaitable[Opened]], on_progress: StartProgress
    ) -> Opened:
        """Return what ``open_`` opens, as soon as it can; tell by ``label`` that it is waited for.

        Raises:
            VoxPersonaError: what ``open_`` raised, when waiting does not help or has been too long.
        """
        deadline, is_told = monotonic() + self.seconds, False
        while True:
            try:
                opened = await open_()
            except VoxPersonaError as exc:
                if not self._passes(exc) or monotonic() >= deadline:
                    raise
                if not is_told:
                    log.warning("start_waits", error=exc.code, reason=str(exc))
                    on_progress(label, 0, 1)
                    is_told = True
            else:
                if is_told:
                    log.info("start_goes_on", waited_for=label)
                    on_progress(label, 1, 1)
                return opened
            await asyncio.sleep(_PAUSE_S)

    def _passes(self, error: VoxPersonaError) -> bool:
        if isinstance(error, DatabaseFull | DatabaseMisconfigured):
            return False
        if isinstance(error, DatabaseUnavailable):
            reason = str(error.details["reason"])
            if self.for_absent:
                return not is_shut_out(reason)
            return kind_of(reason) in (AbsenceKind.SILENT, AbsenceKind.STARTS)
        return self.for_absent and type(error) is ObjectStoreUnavailable


@dataclass(frozen=True)
class Patience:
    """How many seconds an absent database is waited for: by callers, by jobs, which have more to lose, at the start."""

    callers_s: float
    jobs_s: float
    start: StartPatience
