"""Serves an application over HTTP in the event loop that runs already; signals stay with whoever handles them."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

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
_STOP_S = 2
"""Seconds in which answers that have begun may end."""


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
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as exc:
        if port is None:
            log.warning("http_not_served", port=wanted, reason=type(exc).__name__, errno=exc.errno)
            return None
        names = texts.errors.PORT_TAKEN.format(port=wanted) if exc.errno == _TAKEN else "HTTP_HOST, HTTP_PORT"
        raise BadSettings(names=names) from exc


@asynccontextmanager
async def serving(application: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    """Serve ``application`` at ``listener`` during the block, and close ``listener`` at its end."""
    host, port, *_ = listener.getsockname()
    config = uvicorn.Config(
        application,
        http="h11",
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
