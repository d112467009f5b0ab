"""MTProto's framing over TCP: abridged and intermediate.

https://core.telegram.org/mtproto/mtproto-transports
"""

import asyncio
from contextlib import suppress

ABRIDGED = b"\xef"
INTERMEDIATE = b"\xee\xee\xee\xee"


class Wire:
    """One TCP connection, read and written in packets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._intermediate = False
        self.open = True

    async def greet(self) -> None:
        """Read which framing the client speaks.

        Raises ConnectionAbortedError for any other: somebody seeks here whoever had this port before. A product that
        spoke it would have no answer.
        """
        first = await self._reader.readexactly(1)
        if first == ABRIDGED:
            return
        if first + await self._reader.readexactly(3) != INTERMEDIATE:
            raise ConnectionAbortedError
        self._intermediate = True

    async def read(self) -> bytes:
        """Read a packet. Raises asyncio.IncompleteReadError and OSError at the end of the connection."""
        if self._intermediate:
            length = int.from_bytes(await self._reader.readexactly(4), "little")
        else:
            length = (await self._reader.readexactly(1))[0]
            if length == 0x7F:
                length = int.from_bytes(await self._reader.readexactly(3), "little")
            length *= 4
        return await self._reader.readexactly(length)

    def write(self, packet: bytes) -> None:
        if not self.open:
            return
        if self._intermediate:
            header = len(packet).to_bytes(4, "little")
        elif len(packet) // 4 < 0x7F:
            header = bytes([len(packet) // 4])
        else:
            header = b"\x7f" + (len(packet) // 4).to_bytes(3, "little")
        self._writer.write(header + packet)

    def error(self, code: int) -> None:
        """Send a transport error, for example 404 for an unknown key."""
        self.write((-code).to_bytes(4, "little", signed=True))

    async def drain(self) -> None:
        with suppress(OSError):
            await self._writer.drain()

    def drop(self) -> None:
        """Cut the connection at once, with what was not sent yet."""
        self.open = False
        self._writer.transport.abort()

    async def close(self) -> None:
        self.open = False
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
