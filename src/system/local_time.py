"""What the clock shows where somebody is: the zone of a person, else of the installation, else of this machine."""

import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ZoneOf = Callable[[Any], Awaitable[tzinfo | None]]
"""Returns the zone of somebody by their id; None is the installation's."""
_ZONE: ContextVar[tzinfo | None] = ContextVar("zone", default=None)
_OF_INSTALLATION: list[tzinfo] = []
"""The installation's zone, if its settings name one."""


def zone_named(name: str) -> tzinfo:
    """Return the zone of an IANA name such as ``Europe/Moscow``; blocking, it reads a file.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as exc:
        raise ValueError(f"no time zone {name!r}") from exc


def use_zone(name: str | None) -> None:
    """Make a zone that of the installation; None is that of this machine."""
    _OF_INSTALLATION[:] = [] if name is None else [zone_named(name)]


async def zone_of_machine(person: Any) -> None:
    """Return the zone of somebody of whom none is known."""


@contextmanager
def in_zone(zone: tzinfo | None) -> Iterator[None]:
    """Have ``local`` and ``today`` of the block, and of its threads, be those of a zone; None is the installation's."""
    token = _ZONE.set(zone)
    try:
        yield
    finally:
        _ZONE.reset(token)


def local(at: datetime) -> datetime:
    """Return the same moment as a clock there shows it."""
    return at.astimezone(_zone())


def today() -> date:
    """Return the date there."""
    return local(datetime.now(UTC)).date()


def beginning_of(day: date) -> datetime:
    """Return the moment at which a day begins there."""
    zone, begins = _zone(), datetime.combine(day, dt.time())
    return begins.astimezone() if zone is None else begins.replace(tzinfo=zone)


def _zone() -> tzinfo | None:
    return _ZONE.get() or next(iter(_OF_INSTALLATION), None)
