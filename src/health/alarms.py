"""Tells the owner once of every trouble that somebody should see to, and once that it is over."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Never

import structlog

import dead_letters_store
import texts.health
from db import Database
from errors import DatabaseUnavailable, OutOfResources
from followers import Loop
from health.board import Board, Level, Part, PartState, Why
from metrics import DEAD_LETTERS
from system.local_time import local
from utils import write_atomically

log = structlog.get_logger(__name__)

PERIOD_S = 5.0
_SETTLED_S = 10.0
"""Seconds that a trouble, or its end, has to last before the owner is told: a part that restarts is back by then."""
_LETTERS_PAUSE_S = 900.0
"""The fewest seconds from telling the owner of dead letters to telling of further ones."""
_LETTERS = "letters"
_UNKNOWN = frozenset({Why.STARTING, Why.NOT_CHECKED, Why.DATABASE_AWAY})
"""Reasons that tell nothing of the part itself."""
_MENDED_BY_HAND = frozenset({Why.KEY_REFUSED, Why.NO_FUNDS})
_OF_BACKUPS = frozenset({Why.FAILS, Why.OVERDUE, Why.DAMAGED, Why.OBJECTS_LOST, Why.DRILL_STOPPED})
"""That none was ever made is no alarm: an installation begins like that. After two days it is overdue."""

Tell = Callable[[str], Awaitable[bool]]
"""Sends the owner a text in HTML; returns False when that failed and should be tried again."""


def alarm_of(part: Part, state: PartState) -> str:
    """Return the name of the trouble that the owner is to know of; "" when there is none."""
    if part is Part.DISK and state.why is Why.LOW_SPACE:
        return "disk_low"
    if part is Part.BACKUP:
        return f"backup_{state.why}" if state.why in _OF_BACKUPS else ""
    if part in {Part.ASR, Part.LLM, Part.IMAGES}:
        return f"{part}_{state.why}" if state.why in _MENDED_BY_HAND else ""
    if state.level is not Level.DOWN:
        return ""
    if part in {Part.DATABASE, Part.DISK} and state.why is Why.FULL:
        return f"{part}_full"
    return f"{part}_key" if part is Part.OBJECTS and state.why is Why.KEY_REFUSED else f"{part}_down"


class Alarms:
    """Tells the owner of troubles on the board and of dead letters; looks every few seconds.

    The file ``path`` keeps what was told, so that a restart tells nothing again.
    """

    def __init__(
        self,
        board: Board,
        database: Database,
        tell: Tell,
        path: Path,
        *,
        silent: frozenset[Part] = frozenset(),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """The parts in ``silent`` are left out: other notices tell the owner of their troubles."""
        self._board = board
        self._database = database.patient(0)
        self._tell = tell
        self._path = path
        self._silent = silent
        self._clock = clock
        self._told: dict[str, str] | None = None
        self._seen: dict[str, tuple[str, float]] = {}
        self._letters_told_at = float("-inf")

    async def run(self) -> Never:
        """Look and tell until cancelled."""
        await Loop("alarms", PERIOD_S).run(self.step)

    async def step(self) -> None:
        """Look once, and tell of changes that have lasted."""
        if self._told is None:
            self._told = await asyncio.to_thread(self._load)
        told = self._told
        current, since = await self._troubles()
        for subject, trouble in current.items():
            before = told.get(subject, "")
            if trouble == before:
                self._seen.pop(subject, None)
            elif self._has_lasted(subject, trouble) and await self._tell_of(subject, before, trouble, since):
                told[subject] = trouble
                await self._keep({name: each for name, each in told.items() if each})

    async def _troubles(self) -> tuple[dict[str, str], Mapping[str, datetime]]:
        """Return the trouble of each subject, "" for none, and since when each part has its present state.

        A subject is a part, or the dead letters as a whole. A subject of which nothing is known now is left out.
        """
        parts = self._board.parts()
        current: dict[str, str] = {
            part: alarm_of(part, state)
            for part, state in parts.items()
            if state.why not in _UNKNOWN and part not in self._silent
        }
        try:
            async with self._database.transaction() as connection:
                count, newest = await dead_letters_store.count(connection)
        except (DatabaseUnavailable, OutOfResources):
            return current, {part: state.since for part, state in parts.items()}
        DEAD_LETTERS.set(count)
        current[_LETTERS] = newest.astimezone(UTC).isoformat() if newest else ""
        return current, {part: state.since for part, state in parts.items()}

    def _has_lasted(self, subject: str, trouble: str) -> bool:
        # For letters, ``trouble`` is the time of the newest one, which every further failure changes.
        kind = _LETTERS if subject == _LETTERS else trouble
        seen, at = self._seen.setdefault(subject, (kind, self._clock()))
        if seen != kind:
            at = self._clock()
            self._seen[subject] = (kind, at)
        return self._clock() - at >= _SETTLED_S

    async def _tell_of(self, subject: str, before: str, trouble: str, since: Mapping[str, datetime]) -> bool:
        if subject == _LETTERS:
            return await self._tell_of_letters(before, trouble)
        text = texts.health.TROUBLES.get(trouble) if trouble else texts.health.WELL.get(before)
        if text is None:
            return True
        log.warning("owner_told", subject=subject, trouble=trouble, before=before)
        return await self._tell(text.format(since=f"{local(since[subject]):%d.%m.%Y %H:%M}"))

    async def _tell_of_letters(self, before: str, newest: str) -> bool:
        """Tell of letters newer than those told of before; return False when that should be tried again later.

        When ``newest`` is older, or "", nothing is told: the owner has removed letters.
        """
        if newest <= before:
            return True
        if self._clock() - self._letters_told_at < _LETTERS_PAUSE_S:
            return False
        if not await self._tell(texts.health.DEAD_LETTERS):
            return False
        self._letters_told_at = self._clock()
        return True

    def _load(self) -> dict[str, str]:
        try:
            return {str(name): str(each) for name, each in json.loads(self._path.read_bytes()).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, RecursionError):
            log.warning("alarms_told_damaged")
            return {}

    async def _keep(self, told: dict[str, str]) -> None:
        try:
            await asyncio.to_thread(write_atomically, self._path, json.dumps(told), 0o600)
        except (OSError, OutOfResources) as exc:
            log.warning("alarms_told_not_kept", reason=str(exc))
