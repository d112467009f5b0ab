"""A way to a server that can be cut or stopped up: what a program then sees is a network that fails."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

_BLOCK_BYTES = 64 * 1024


class TcpProxy:
    """Listens on a free loopback port and passes on to ``host`` and ``port``."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._target = port
        self._away = False
        self._open = asyncio.Event()
        self._open.set()
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        self.refused = 0
        """Connections that came while the server was away."""
        self.held_up = asyncio.Event()
        """Set when something has come that is not passed on."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._drop()
        await self._server.wait_closed()

    async def go_away(self) -> None:
        """Cut all connections and refuse new ones."""
        self._away = True
        await self._drop()

    def come_back(self) -> None:
        self._away = False

    def stop_up(self) -> None:
        """Keep connections and pass nothing on."""
        self.held_up.clear()
        self._open.clear()

    def clear(self) -> None:
        self._open.set()

    async def _drop(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._away:
            self.refused += 1
            writer.transport.abort()
            return
        connection = asyncio.ensure_future(self._pass_on(reader, writer))
        self._connections.add(connection)
        try:
            await asyncio.wait([connection])
        finally:
            self._connections.discard(connection)
            # Also when it was dropped before it began.
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(self._host, self._target)
        try:
            there = asyncio.ensure_future(self._copy(reader, there_writer))
            back = asyncio.ensure_future(self._copy(there_reader, writer))
            try:
                await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            finally:
                there.cancel()
                back.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
        finally:
            there_writer.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while block := await source.read(_BLOCK_BYTES):
                if not self._open.is_set():
                    self.held_up.set()
                    await self._open.wait()
                target.write(block)
                await target.drain()
