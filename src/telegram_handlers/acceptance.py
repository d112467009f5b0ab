"""Updates are stored before they are acknowledged; one that cannot be stored is refused, and its person is told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from datamodels_telegram import ButtonPress, IncomingMessage
from errors import DatabaseUnavailable, OutOfResources
from markups.text import escaped
from system.shortages import shortages_mapped
from texts.telegram import A_MESSAGE, A_PRESS, NOT_ACCEPTED

log = structlog.get_logger(__name__)

_PAUSE_S = 1.0
_LONGEST_NAME = 60

T = TypeVar("T")


async def stored(store: Callable[[], Awaitable[bool]], until: float, clock: Callable[[], float]) -> bool | None:
    """Return what ``store`` returns; None when the update could not be stored by the time ``until`` of ``clock``."""
    while True:
        try:
            with shortages_mapped():
                return await store()
        except OutOfResources as exc:
            log.warning("update_not_stored", reason=str(exc))
            if clock() >= until:
                return None
        await asyncio.sleep(_PAUSE_S)


async def done_at_last(act: Callable[[], Awaitable[T]], pause_s: float) -> T:
    """Return what ``act`` returns, once database, disk and machine let it; try again after ``pause_s`` seconds."""
    while True:
        try:
            with shortages_mapped():
                return await act()
        except (DatabaseUnavailable, OutOfResources) as exc:
            log.warning("update_waits", reason=str(exc))
            await asyncio.sleep(pause_s)


def refusal(update: IncomingMessage | ButtonPress | None) -> str:
    """Return the sentence, as HTML, which says that this update was not accepted."""
    if not isinstance(update, IncomingMessage):
        return NOT_ACCEPTED.format(about=A_PRESS)
    name = update.text if update.file is None else update.file.file_name
    return NOT_ACCEPTED.format(about=A_MESSAGE.format(text=escaped(name, _LONGEST_NAME)))
