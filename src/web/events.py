"""Server-sent events: what a page shows, sent again when it has changed, until there is nothing more to come."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

from fastapi.responses import StreamingResponse

from errors import DatabaseUnavailable
from web.site import Site

_PAUSE_S = 1.0
_SIGN_OF_LIFE_S = 15.0
_LONGEST_S = 900.0
"""Then the browser opens the stream anew, and the session is looked at again."""


class Seen(NamedTuple):
    """What there is to show; ``final`` tells that it will not change any more."""

    data: dict[str, Any]
    final: bool


Look = Callable[[], Awaitable[Seen]]


def stream(site: Site, person: UUID, look: Look, *, pause_s: float = _PAUSE_S) -> StreamingResponse:
    """Return what ``look`` sees as a stream: an event ``state`` for each change, an event ``end`` after the last.

    Raises:
        HTTPException: 429, the person follows too much already.
    """
    site.check_streams(person)
    return StreamingResponse(
        _events(site, person, look, pause_s),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(site: Site, person: UUID, look: Look, pause_s: float) -> AsyncIterator[str]:
    began = alive = monotonic()
    shown = ""
    with site.stream_of(person):
        yield "retry: 2000\n\n"
        while not site.closing.is_set() and monotonic() - began < _LONGEST_S:
            try:
                seen = await look()
            except DatabaseUnavailable:
                seen = None
            if seen is not None:
                data = json.dumps(seen.data, ensure_ascii=False)
                if data != shown:
                    shown, alive = data, monotonic()
                    yield f"event: state\ndata: {data}\n\n"
                if seen.final:
                    yield "event: end\ndata: {}\n\n"
                    return
            if monotonic() - alive >= _SIGN_OF_LIFE_S:
                alive = monotonic()
                yield ": alive\n\n"
            await _pause(site, pause_s)


async def _pause(site: Site, seconds: float) -> None:
    """Wait, but not while the process stops."""
    try:
        async with asyncio.timeout(seconds):
            await site.closing.wait()
    except TimeoutError:
        return
