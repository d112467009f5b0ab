"""The image service's double over real HTTP, with faults."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

from provider_calls.fal.double import DoubledOrder, FalDouble, double_application
from provider_calls.fal.queue import Addresses
from web.server import listen, serving

KEY = "fal-key-of-tests"
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Fault(StrEnum):
    """What becomes of a request."""

    BUSY = "busy"
    """It is answered 503 and not handled."""
    REFUSED = "refused"
    """It is answered 422 and not handled."""
    LOST = "lost"
    """It is handled, and the connection breaks before the answer."""
    GARBLED = "garbled"
    """It is handled, and the answer is no JSON."""


class FalServer:
    """The double at ``url``. ``faults`` are those of the next requests whose path ends so, by method and end.

    A fault that is a number: the request is handled, and answered with this status. One that is text is the answer of a
    request that is not handled.
    """

    def __init__(self) -> None:
        self.double = FalDouble(KEY)
        self.application = double_application(self.double)
        self.faults: dict[tuple[str, str], list[Fault | int | str]] = {}
        self.asked: list[tuple[str, str]] = []
        self.keys_away = False
        self.url = ""

    @property
    def addresses(self) -> Addresses:
        return Addresses.of_double(self.url)

    @property
    def orders(self) -> list[DoubledOrder]:
        """All that were taken, in their order."""
        return list(self.double.orders.values())

    async def __call__(self, scope: dict[str, Any], receive: Any, send: _Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        self.asked.append((method, path))
        fault = self._fault(method, path)
        if self.keys_away and path.endswith("jwks.json"):
            fault = Fault.BUSY
        if fault in {Fault.BUSY, Fault.REFUSED}:
            status = 503 if fault is Fault.BUSY else 422
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"{}"})
            return
        if isinstance(fault, str) and not isinstance(fault, Fault):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": fault.encode()})
            return
        if fault is None:
            await self.application(scope, receive, send)
            return

        async def swallowed(message: MutableMapping[str, Any]) -> None:
            pass

        await self.application(scope, receive, swallowed)
        length, status = b"1000" if fault is Fault.LOST else b"5", fault if isinstance(fault, int) else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": b"<html", "more_body": fault is Fault.LOST})

    def _fault(self, method: str, path: str) -> Fault | int | str | None:
        for (wanted, end), faults in self.faults.items():
            if wanted == method and path.endswith(end) and faults:
                return faults.pop(0)
        return None


@asynccontextmanager
async def fal_server() -> AsyncIterator[FalServer]:
    """Serve a double during the block."""
    server = FalServer()
    listener = await listen("127.0.0.1", 0)
    assert listener is not None
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with serving(server, listener):  # type: ignore[arg-type]  # an application of the same protocol
        yield server
        await asyncio.sleep(0)
