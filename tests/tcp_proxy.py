"""A way to a server that can be cut, stopped up, slow or leaky: what a program then sees is a network that fails."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

_BLOCK_BYTES = 64 * 1024
_PIECE_S = 0.1


class TcpProxy:
    """Listens on a free port of the address ``at`` and passes on to ``host`` and ``port``."""

    def __init__(self, host: str, port: int, *, at: str = "127.0.0.1") -> None:
        self._at = at
        self._host = host
        self._target = port
        self._away = False
        self._bytes_a_second: float | None = None
        self._whole: int | None = None
        self._unanswered = 0
        self._open = asyncio.Event()
        self._open.set()
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        self.refused = 0
        """Connections that came while the server was away."""
        self.held_up = asyncio.Event()
        """Set when something has come that is not passed on."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._at, 0)
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

    def leave_unanswered(self, connections: int) -> None:
        """Take the next connections, so many, and never answer them; all others are served."""
        self.held_up.clear()
        self._unanswered = connections

    def slow_down(self, bytes_a_second: float) -> None:
        """Pass no more than so much on, on each connection and in each direction."""
        self._bytes_a_second = bytes_a_second

    def truncate(self, whole: int) -> None:
        """Cut each connection after so many bytes in either direction."""
        self._whole = whole

    def clear(self) -> None:
        """Pass everything on again."""
        self._bytes_a_second = self._whole = None
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
        if self._unanswered:
            self._unanswered -= 1
            self.held_up.set()
            while await reader.read(_BLOCK_BYTES):
                pass
            return
        try:
            there_reader, there_writer = await asyncio.open_connection(self._host, self._target)
        except OSError:  # the server itself is away
            self.refused += 1
            return
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
        passed = 0
        with suppress(OSError):
            while block := await source.read(_BLOCK_BYTES):
                if not self._open.is_set():
                    self.held_up.set()
                    await self._open.wait()
                if self._whole is not None:
                    block = block[: max(0, self._whole - passed)]
                    if not block:
                        return
                passed += len(block)
                await self._pass_block(block, target)

    async def _pass_block(self, block: bytes, target: asyncio.StreamWriter) -> None:
        while block:
            pace = self._bytes_a_second
            piece = block if pace is None else block[: max(1, int(pace * _PIECE_S))]
            target.write(piece)
            await target.drain()
            block = block[len(piece) :]
            if pace is not None:
                await asyncio.sleep(_PIECE_S)
