"""Serves an application over HTTP in the event loop that runs already; signals stay with whoever handles them."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import h11
import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

import texts.errors
from errors import BadSettings
from system.ending import end_tasks
from web.address import DEFAULT_PORT

log = structlog.get_logger(__name__)

_TAKEN = errno.EADDRINUSE
_BACKLOG = 64
_CONNECTIONS = 256
"""More get 503: monitoring needs one or two, and a browser up to six, one of them for as long as a page is open."""
_IDLE_S = 5
_HEADERS_S = 10.0
_BODY_S = 30.0
_LEAST_RATE = 1000
"""Bytes a second, less ``_BODY_S``: a body that comes slower never ends, or is not worth a connection."""
_LINGER_S = 5.0
"""Seconds for which what still comes of a refused file is thrown away, so that its sender can read the answer."""
_STOP_S = 2
"""Seconds in which answers that have begun may end."""


class _Connection(H11Protocol):
    """A connection that is closed when a request does not come whole, up to its body, within ``headers_s``.

    Else some hundred requests that never end their headers would be all connections there are. One whose body comes too
    slowly is closed, too: what has come of a file is kept. One whose request was answered before its body had come is
    closed as well, unless the rest comes soon.
    """

    def __init__(self, *args: Any, headers_s: float, body_s: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._headers_s = headers_s
        self._body_s = body_s
        self._until_body: asyncio.TimerHandle | None = None
        self._until_headers: asyncio.TimerHandle | None = None
        self._lingering: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._lingering is not None and self.conn.their_state is not h11.SEND_BODY:
            self._end_lingering()
        if self.cycle is not None and not self.cycle.response_complete:
            self._pass()
            self._await_body(len(data))
        elif self._until_headers is None:
            self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._end_body()
        self._pass()  # until more comes, uvicorn's own time for idle connections counts
        if self.conn.their_state is h11.SEND_BODY:
            self._lingering = self.loop.call_later(_LINGER_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pass()
        self._end_body()
        self._end_lingering()
        super().connection_lost(exc)

    def _watch(self) -> None:
        self._until_headers = self.loop.call_later(self._headers_s, self.transport.close)

    def _await_body(self, came: int) -> None:
        """Close the connection unless the rest of the body comes in time, to which what ``came`` adds some."""
        now = self.loop.time()
        until = now + self._body_s if self._until_body is None else self._until_body.when() + came / _LEAST_RATE
        self._end_body()
        if self.conn.their_state is h11.SEND_BODY:
            self._until_body = self.loop.call_at(min(until, now + 2 * self._body_s), self._give_up_body)

    def _give_up_body(self) -> None:
        self._until_body = None
        if self.flow.read_paused:
            self._await_body(0)  # it is we who do not read
        else:
            self.transport.close()

    def _end_body(self) -> None:
        if self._until_body is not None:
            self._until_body.cancel()
            self._until_body = None

    def _end_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    def _pass(self) -> None:
        if self._until_headers is not None:
            self._until_headers.cancel()
            self._until_headers = None


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: uvicorn would raise each signal again, and our handler takes a second one as a call to hurry."""
        yield


async def listen(host: str, port: int | None) -> socket.socket | None:
    """Return a socket that listens at ``host`` and ``port``; a ``port`` of None is 8690.

    When ``port`` is None and we cannot listen there, return None, so that nothing is served: of two bots on a machine
    whose ports nobody has set, the second one must run, too.

    Raises:
        BadSettings: there is no such ``host``; or ``port`` is set, which somebody watches, and we cannot listen there.
    """
    wanted = DEFAULT_PORT if port is None else port
    try:
        [(family, *_, address), *_] = await asyncio.get_running_loop().getaddrinfo(
            host, wanted, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise BadSettings(names="HTTP_HOST") from None
    try:
        listening = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as exc:
        if port is None:
            log.warning("http_not_served", port=wanted, reason=type(exc).__name__, errno=exc.errno)
            return None
        names = texts.errors.PORT_TAKEN.format(port=wanted) if exc.errno == _TAKEN else "HTTP_HOST, HTTP_PORT"
        raise BadSettings(names=names) from exc
    # A body follows its headers at once, not after 40 ms. Connections inherit it; asyncio sets it only where the socket
    # names its protocol, which this one does not.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


@asynccontextmanager
async def serving(
    application: FastAPI, listener: socket.socket, *, headers_s: float = _HEADERS_S, body_s: float = _BODY_S
) -> AsyncIterator[None]:
    """Serve ``application`` at ``listener`` during the block, and close ``listener`` at its end."""
    host, port, *_ = listener.getsockname()
    config = uvicorn.Config(
        application,
        http=partial(_Connection, headers_s=headers_s, body_s=body_s),  # type: ignore[arg-type]  # what makes one
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_STOP_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    log.info("http_served", host=host, port=port)
    try:
        yield
    finally:
        server.should_exit = True
        try:
            await asyncio.wait([task], timeout=2 * _STOP_S)
        finally:
            listener.close()
            await end_tasks([task])
