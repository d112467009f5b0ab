"""Finds out within two seconds whether a database answers: asks it again and again on a connection of its own.

A server that dies ends its connections. A server that is stopped, or whose packets are lost on the way, is known only
by its silence, which the system tolerates for minutes.
"""

import asyncio
import errno
import os
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from typing import Any, NamedTuple, Never

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict

from errors import BadSettings
from metrics import DATABASE_AWAY_SECONDS

log = structlog.get_logger(__name__)

_PERIOD_S = 0.4
_ANSWER_LIMIT_S = 1.4
"""Seconds to wait for an answer; even a busy database answers sooner. The limit and the period together are less than
two seconds, so an absence is noticed within that time."""
_SILENCE = "no answer"
_SILENCE_OF_THE_DRIVER = ("timeout expired", "PoolTimeout")
CONNECT_TIMEOUT_S = 10
_LINE_LIMITS = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}
"""With these limits (seconds, seconds, a count, milliseconds) a connection whose packets vanish ends by itself within
fifteen seconds."""
_DRIVERS = re.compile(r"^postgres(?:ql)?(?:\+\w+)?://")
"""What a database address may begin with. It may name a driver, as in ``postgresql+asyncpg://``, which is ignored."""

_Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class AbsenceKind(StrEnum):
    """The ways in which a database can be away."""

    SILENT = "silent"
    REFUSES = "refuses"
    """No server listens at the database's address."""
    STARTS = "starts"
    """The server is starting or stopping."""
    FULL = "full"
    """It lets nobody in for want of space on its disk."""
    FAILS = "fails"
    """Anything else: the database ends the connection, or does not let us in."""


class Absence(NamedTuple):
    """Since when a database is away, and how."""

    since: datetime
    kind: AbsenceKind


def connection_parameters(dsn: str) -> dict[str, Any]:
    """Return what ``dsn`` says about a connection, with the limits of ours where it names no others.

    Raises:
        BadSettings: ``dsn`` is no connection string.
    """
    try:
        parameters: dict[str, Any] = dict(conninfo_to_dict(_DRIVERS.sub("postgresql://", dsn)))
    except psycopg.ProgrammingError:
        # The message repeats the connection string, with the password.
        raise BadSettings(names="DATABASE_URL") from None
    return {"connect_timeout": CONNECT_TIMEOUT_S, **_LINE_LIMITS, **parameters}


def password_of(dsn: str) -> str | None:
    """Return the password in a connection string, None when it has none; raise ``BadSettings`` when it is malformed."""
    return connection_parameters(dsn).get("password")


class DatabaseWatch:
    """Watches one database: calls ``on_gone`` with the reason when it goes away, ``on_back`` when it answers again.

    ``on_back`` alone is called when a connection ended and a new one works: a server that came back at once has ended
    all connections, and what they held is free.
    """

    def __init__(self, conninfo: str, on_gone: Callable[[str], None], on_back: Callable[[], None]) -> None:
        self._conninfo = conninfo
        self._on_gone = on_gone
        self._on_back = on_back
        self._connection: _Connection | None = None
        self._is_doubted = False
        self.gone: str | None = None
        """Why the database is away; None while it is there."""
        self._since = monotonic()
        self._changed_at = datetime.now(UTC)

    @property
    def absence(self) -> Absence | None:
        """What is known of the database's absence; None while it is there."""
        return None if self.gone is None else Absence(self._changed_at, kind_of(self.gone))

    def doubt(self) -> None:
        """Find out whether new connections fail for want of space, which the watch's own, being open, does not meet."""
        self._is_doubted = True

    async def run(self) -> Never:
        """Watch until cancelled."""
        try:
            while True:
                self._note(await self._problem())
                await asyncio.sleep(_PERIOD_S)
        finally:
            await self._drop()

    async def _problem(self) -> str | None:
        """Return why the database does not answer; None when it does."""
        if self._is_doubted and (problem := await self._shut_out()) is not None:
            return problem
        if self._connection is not None:
            problem = await self._unanswered(self._connection)
            if problem is None:
                return None
            await self._drop()
            if problem == _SILENCE:
                return problem
            # Perhaps only this connection ended: a new one shows whether the database answers.
            problem = await self._unreachable()
            if problem is None and self.gone is None:
                self._on_back()
            return problem
        return await self._unreachable()

    async def _shut_out(self) -> str | None:
        """Return why no new connection can be had if that is for want of space, else None."""
        self._is_doubted = False
        kept, self._connection = self._connection, None
        try:
            problem = await self._unreachable()
            if problem is not None and not lacks_space(problem):
                kept, self._connection, problem = None, kept, None
        finally:
            if kept is not None:
                await kept.close()
        return problem

    async def _unanswered(self, connection: _Connection) -> str | None:
        """Ask the database once, and return what is wrong; None when it answered."""
        question = asyncio.ensure_future(connection.execute("SELECT 1"))
        try:
            await asyncio.wait([question], timeout=_ANSWER_LIMIT_S)
        finally:
            in_time = question.done()
            if not in_time:
                # Cancelling the query would ask the server to stop it, and wait for the server.
                hang_up(connection)
                await asyncio.wait([question])
            problem = question.exception()  # also when we are cancelled: asyncio logs failures that nobody looked at
        if problem is None:
            return None
        return f"{type(problem).__name__}: {problem}" if in_time else _SILENCE

    async def _unreachable(self) -> str | None:
        """Connect, and return why that was not possible; None when it was."""
        try:
            async with asyncio.timeout(_ANSWER_LIMIT_S):
                self._connection = await connected(self._conninfo)
        except TimeoutError:
            return _SILENCE
        except (psycopg.Error, OSError, RuntimeError) as exc:  # the last: no thread to look the host up in
            return f"{type(exc).__name__}: {exc}"
        return None

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _note(self, problem: str | None) -> None:
        changed = (problem is None) != (self.gone is None)
        self.gone = problem
        if not changed:
            return
        lasted, self._since = monotonic() - self._since, monotonic()
        self._changed_at = datetime.now(UTC)
        if problem is None:
            DATABASE_AWAY_SECONDS.inc(lasted)
            log.warning("database_back", seconds=round(lasted, 1))
            self._on_back()
        else:
            log.warning("database_away", reason=problem)
            self._on_gone(problem)


def lacks_space(problem: str) -> bool:
    """Tell whether the server lets nobody in because its disk is full: such a refusal comes without a code."""
    return os.strerror(errno.ENOSPC) in problem


def is_shut_out(problem: str) -> bool:
    """Tell whether the server answers and does not let us in, for a reason that does not pass by itself."""
    is_crowded = "too many" in problem or "connection slots" in problem
    return "FATAL" in problem and not is_crowded and kind_of(problem) is AbsenceKind.FAILS


def kind_of(problem: str) -> AbsenceKind:
    """Tell the kind of an absence by the words of the driver or the server: psycopg has no class for each kind."""
    if problem == _SILENCE or any(said in problem for said in _SILENCE_OF_THE_DRIVER):
        return AbsenceKind.SILENT
    if lacks_space(problem):
        return AbsenceKind.FULL
    if "refused" in problem:
        return AbsenceKind.REFUSES
    # The messages of a server that is not set to English are not recognised: they count as FAILS.
    if any(said in problem for said in ("starting up", "shutting down", "recovery")):
        return AbsenceKind.STARTS
    return AbsenceKind.FAILS


async def connected(conninfo: str) -> _Connection:
    """Return a new connection that commits each statement. A caller that is cancelled meanwhile leaves nothing open.

    The attempt itself is not cancelled, but its connection is closed. A cancelled attempt would leave its socket open,
    and the server waiting for a password for a minute.
    """
    attempt = asyncio.ensure_future(psycopg.AsyncConnection.connect(conninfo, autocommit=True))
    try:
        return await asyncio.shield(attempt)
    except asyncio.CancelledError:
        attempt.add_done_callback(_close)
        raise


def _close(attempt: asyncio.Future[_Connection]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().pgconn.finish()


def hang_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """Shut down a connection's socket, without a farewell to the server: waits for an answer fail at once."""
    with suppress(OSError, psycopg.Error):
        # The connection's own descriptor: there may be none for a copy.
        line = socket.socket(fileno=connection.fileno())
        try:
            line.shutdown(socket.SHUT_RDWR)
        finally:
            line.detach()
