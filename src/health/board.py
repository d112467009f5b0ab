"""The board: the state of each part, since when and why. Checks write it; HTTP, metrics and notices read it."""

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from typing import NamedTuple

import structlog

from metrics import PART_CHANGES, PART_SINCE, PART_STATE, READY

log = structlog.get_logger(__name__)

OVERDUE_S = 20.0
"""Seconds after which the last check of a part says nothing any more."""


class Part(StrEnum):
    """A part of the machine."""

    DATABASE = "database"
    OBJECTS = "objects"
    ASR = "asr"
    LLM = "llm"
    TELEGRAM = "telegram"
    JOBS = "jobs"
    DISK = "disk"
    BACKUP = "backup"
    INDEX = "index"
    IMAGES = "images"


CRITICAL = frozenset({Part.DATABASE, Part.OBJECTS, Part.TELEGRAM, Part.JOBS, Part.DISK})
"""While one of these is down, nobody can hand in a recording or get a result. Without ASR or LLM people still can
hand in recordings, and work waits: neither a restart nor another version would bring a provider back."""


class Level(StrEnum):
    """How well a part works."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class Why(StrEnum):
    """Why a part is not well; ``OFF`` means that the settings switch it off. Strangers may read only these words."""

    STARTING = "starting"
    NOT_CHECKED = "not_checked"
    """The checks themselves have stopped."""
    OFF = "off"
    NO_ANSWER = "no_answer"
    SLOW = "slow"
    REFUSES = "refuses_connections"
    STARTS = "starts_or_stops"
    FAILS = "fails"
    BUSY = "busy"
    READ_ONLY = "read_only"
    KEY_REFUSED = "key_refused"
    NO_FUNDS = "no_funds"
    REGION = "region_refused"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    ERRORS = "errors"
    """The part answers probes, but real calls fail."""
    BAD_ANSWERS = "bad_answers"
    ENGINE_DIED = "engine_died"
    WEIGHTS_MISSING = "weights_not_fetched"
    """The first recording or report waits for a download."""
    WORKER_STOPPED = "worker_stopped"
    WORKER_REOPENS = "worker_reopens"
    """It has lost the database, and begins anew."""
    NO_HEARTBEAT = "no_heartbeat"
    DATABASE_AWAY = "database_away"
    LOW_SPACE = "low_space"
    FULL = "full"
    NOT_WRITABLE = "not_writable"
    NEVER = "never_made"
    OVERDUE = "overdue"
    DAMAGED = "damaged"
    """A set of backups is; ``FAILS`` says that the last one was not made."""
    OBJECTS_LOST = "objects_lost"
    """The last backup found recordings without their objects."""
    DRILL_STOPPED = "drill_stopped"
    BEHIND = "behind"
    """What was said is not found yet."""


class Reading(NamedTuple):
    """What a check has found. ``since`` is when this state began, if the part itself knows."""

    level: Level
    why: Why | None = None
    since: datetime | None = None


OK = Reading(Level.OK)
STARTING = Reading(Level.DOWN, Why.STARTING)

_SEVERITY = (Level.OK, Level.DEGRADED, Level.DOWN)


def worse(one: Reading, other: Reading) -> Reading:
    """Return the reading with the worse level, ``one`` when they are equally bad."""
    return max(one, other, key=lambda reading: _SEVERITY.index(reading.level))


class PartState(NamedTuple):
    """The state of a part: since when it has its level, and why it has it now."""

    level: Level
    since: datetime
    why: Why | None


class Board:
    """The states of the parts that a process has; until its first check, a part is ``down`` because it starts."""

    def __init__(
        self,
        parts: Collection[Part] = tuple(Part),
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._now = now
        self._clock = clock
        self._checked_at: dict[Part, float] = {}
        self._states = {part: PartState(Level.DOWN, now(), Why.STARTING) for part in Part if part in parts}
        self.stopping = False
        """Set when the process stops: it is not ready any more, whatever its parts are like."""
        for part in self._states:
            self._measure(part)

    def note(self, part: Part, reading: Reading) -> None:
        """Note what a check of ``part`` has found."""
        self._checked_at[part] = self._clock()
        self._change(part, reading)

    def parts(self) -> Mapping[Part, PartState]:
        """Return the states of all parts; a part whose check is overdue is ``down``, since nobody knows how it is."""
        for part, checked_at in self._checked_at.items():
            if self._clock() - checked_at > OVERDUE_S:
                self._change(part, Reading(Level.DOWN, Why.NOT_CHECKED))
        READY.set(self.is_ready)
        return dict(self._states)

    @property
    def is_ready(self) -> bool:
        """Whether every critical part works, even if not as well as it should."""
        return not self.stopping and all(
            state.level is not Level.DOWN for part, state in self._states.items() if part in CRITICAL
        )

    def _change(self, part: Part, reading: Reading) -> None:
        old = self._states[part]
        if (old.level, old.why) == (reading.level, reading.why):
            return
        changed = old.level is not reading.level
        since = reading.since or (self._now() if changed else old.since)
        self._states[part] = PartState(reading.level, since, reading.why)
        self._measure(part)
        if changed:
            PART_CHANGES.labels(part, reading.level).inc()
            well = reading.level is Level.OK
            log.log(
                logging.INFO if well else logging.WARNING,
                "part_changed",
                part=part,
                state=reading.level,
                why=reading.why,
            )

    def _measure(self, part: Part) -> None:
        state = self._states[part]
        for level in Level:
            PART_STATE.labels(part, level).set(state.level is level)
        PART_SINCE.labels(part).set(state.since.timestamp())
        READY.set(self.is_ready)
