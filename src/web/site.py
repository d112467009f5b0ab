"""What all pages share: the services once they are open, the addresses by which people may come, limits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import HTTPException, Request

from sign_in.tries import Tries
from web.services import Services

_OF_THIS_MACHINE = frozenset(["localhost", "127.0.0.1", "::1"])
_PUT_AWAY_S = 5.0
"""The most seconds in which, at a stop, what has come of files is put away."""
_MOST_STREAMS = 8
"""Pages of one person that follow work at the same time. A browser opens six connections to an address."""


class Site:
    """The console. ``address`` is what the operator says people come by, None for this machine alone.

    ``webhook`` is the address by which services come, of which only the host counts.

    Until ``services`` are there, and when they are closing, pages say that the program starts or stops.
    """

    def __init__(self, address: str | None = None, host: str = "127.0.0.1", *, webhook: str | None = None) -> None:
        named = urlsplit(address or "")
        self.is_secure = named.scheme == "https"
        self._hosts = _OF_THIS_MACHINE | ({named.hostname} if named.hostname else set())
        self._webhook = urlsplit(webhook or "").hostname
        if not _is_wildcard(host):
            self._hosts |= {host.lower()}
        self._services: Services | None = None
        self.closing = asyncio.Event()
        self.tries = Tries()
        self._streams: Counter[UUID] = Counter()
        self._receiving = 0
        self._put_away = asyncio.Event()
        self._put_away.set()

    @property
    def services(self) -> Services:
        """The services.

        Raises:
            HTTPException: 503, they are not open.
        """
        if self._services is None or self.closing.is_set():
            raise HTTPException(503)
        return self._services

    @property
    def has_avatars(self) -> bool:
        """Whether avatars are made here."""
        return self._services is not None and self._services.avatars is not None

    @asynccontextmanager
    async def opened(self, services: Services) -> AsyncIterator[None]:
        """Answer people with ``services`` during the block; at its end, wait until files that come are put away."""
        self._services = services
        try:
            yield
        finally:
            self.closing.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PUT_AWAY_S):
                    await self._put_away.wait()

    async def close_at_the_stop(self) -> None:
        """Wait until cancelled, which closes the site while other tasks still end."""
        try:
            await self.closing.wait()
        finally:
            self.closing.set()

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Note that a file comes during the block: what has come of it is stored before the services close."""
        self._receiving += 1
        self._put_away.clear()
        try:
            yield
        finally:
            self._receiving -= 1
            if not self._receiving:
                self._put_away.set()

    async def arriving(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield what comes of a file. When the process stops meanwhile, what has come is kept and the rest comes later.

        Raises:
            HTTPException: 503, the process stops.
        """
        closing = asyncio.create_task(self.closing.wait())
        coming: asyncio.Future[bytes | None] | None = None
        try:
            while True:
                coming = asyncio.ensure_future(anext(blocks, None))
                await asyncio.wait([coming, closing], return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    raise HTTPException(503)
                block = coming.result()
                if block is None:
                    return
                yield block
        finally:
            closing.cancel()
            if coming is not None:
                coming.cancel()

    def is_asked_for(self, host: str | None, *, by_webhook: bool = False) -> bool:
        """Tell whether a request names us by an address that is ours, a webhook by that of webhooks.

        A page of another site can point a name of its own at this machine, and would then be read as ours.
        """
        if host is None:
            return False
        return host.lower() in self._hosts or (by_webhook and host.lower() == self._webhook)

    def check_streams(self, person: UUID) -> None:
        """Refuse one more stream of events.

        Raises:
            HTTPException: 429, the person has ``_MOST_STREAMS``.
        """
        if self._streams[person] >= _MOST_STREAMS:
            raise HTTPException(429)

    @contextmanager
    def stream_of(self, person: UUID) -> Iterator[None]:
        """Count a stream of events during the block."""
        self._streams[person] += 1
        try:
            yield
        finally:
            self._streams[person] -= 1
            if not self._streams[person]:
                del self._streams[person]


def site_of(request: Request) -> Site:
    """Return the site that a request has come to."""
    site: Site = request.app.state.site
    return site


def services_of(request: Request) -> Services:
    """Return the services for a request; raises as ``Site.services``."""
    return site_of(request).services


def _is_wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
