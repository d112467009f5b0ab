"""MTProto sessions: they outlive their TCP connections, and deliver again what was not acknowledged."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pyrogram.raw.core import Bool, GzipPacked, Message, MsgContainer, Vector

from telegram_faults import Network
from telegram_keys import AuthKey, KeyExchange
from telegram_tl import RpcFault, is_a, name_of, tl
from telegram_transport import Wire

AUTH_KEY_NOT_FOUND = 404
BAD_SERVER_SALT = 48
MSG_ID_TOO_LOW, MSG_ID_TOO_HIGH = 16, 17
"""https://core.telegram.org/mtproto/service_messages_about_messages#notice-of-ignored-error-message"""
OLDEST_S, NEWEST_S = -300.0, 30.0
"""How far the time in the id of a message may be from the server's."""
WORTH_PACKING_BYTES = 1024
KEPT_ABANDONED = 4

WRAPPERS = ("InvokeWithLayer", "InitConnection", "InvokeWithoutUpdates", "InvokeAfterMsg")


class NoReply(Exception):
    """The call gets no answer."""


class _Written:
    """A result that is no TL object of its own: a vector or a Bool."""

    QUALNAME = "types.Written"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def write(self) -> bytes:
        return self._data


class Session:
    """What the server knows of one session of a client. ``subscribed`` sessions get updates."""

    def __init__(self, key: AuthKey, session_id: bytes) -> None:
        self.key = key
        self.id = session_id
        self.wire: Wire | None = None
        self.subscribed = False
        self.announced = False
        self._sent_content = 0
        self._last_message_id = 0
        self._unacknowledged: dict[int, Any] = {}
        self._waiting: list[Any] = []

    @property
    def connected(self) -> bool:
        return self.wire is not None and self.wire.open

    def push(self, updates: Any) -> None:
        """Deliver updates, now or with the next connection, until the client acknowledges them."""
        self._send(updates, notification=True)

    def reply(self, message_id: int, result: Any) -> None:
        """Answer a call, as reliably as updates are delivered."""
        if isinstance(result, bool):
            result = _Written(Bool(result))
        elif isinstance(result, list):
            result = _Written(Vector(result))
        elif not is_a(result, "upload.File") and len(result.write()) > WORTH_PACKING_BYTES:
            result = GzipPacked(result)
        self._send(tl("RpcResult", req_msg_id=message_id, result=result))

    def say(self, service: Any, *, content: bool = False) -> None:
        """Send a service message, which is of no use later."""
        if self.connected:
            self._write(self._message(service, content=content))

    def acknowledge(self, message_ids: list[int]) -> None:
        for message_id in message_ids:
            self._unacknowledged.pop(message_id, None)

    def attach(self, wire: Wire) -> None:
        """Go on over a new connection, with what the last one left undelivered."""
        self.wire = wire
        again = list(self._unacknowledged.values()) + self._waiting
        self._unacknowledged.clear()
        self._waiting.clear()
        if not again:
            return
        messages = [self._message(body, notification=True) for body in again]
        self._unacknowledged = {message.msg_id: message.body for message in messages}
        self._write(self._message(MsgContainer(messages), content=False))

    def _send(self, body: Any, *, notification: bool = False) -> None:
        if not self.connected:
            self._waiting.append(body)
            return
        message = self._message(body, notification=notification)
        self._unacknowledged[message.msg_id] = body
        self._write(message)

    def _message(self, body: Any, *, content: bool = True, notification: bool = False) -> Message:
        message_id = int(time.time() * 2**32) & ~3 | (3 if notification else 1)
        while message_id <= self._last_message_id:
            message_id += 4
        self._last_message_id = message_id
        sequence = self._sent_content * 2 + content
        self._sent_content += content
        return Message(body, message_id, sequence, len(body.write()))

    def _write(self, message: Message) -> None:
        assert self.wire is not None
        self.wire.write(self.key.encrypt(self.id, message))


class Sessions:
    """Serves connections: makes keys, opens packets, and hands calls to ``call``."""

    def __init__(self, call: Callable[[Session, Any], Awaitable[Any]], network: Network) -> None:
        self._call = call
        self._network = network
        self._keys: dict[bytes, AuthKey] = {}
        self._wires: set[Wire] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.all: dict[bytes, Session] = {}
        self.failures: list[BaseException] = []
        """Faults of the server itself."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        wire = Wire(reader, writer)
        self._wires.add(wire)
        exchange = KeyExchange()
        try:
            await wire.greet()
            while True:
                packet = await wire.read()
                if packet[:8] == bytes(8):
                    wire.write(exchange.answer(packet))
                    if exchange.made is not None:
                        self._keys[exchange.made.id] = exchange.made
                elif packet[:8] not in self._keys:
                    wire.error(AUTH_KEY_NOT_FOUND)
                    break
                else:
                    self._open(wire, self._keys[packet[:8]], packet)
                await wire.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        except Exception as fault:  # noqa: BLE001 - whatever it is, the test has to see it
            self.failures.append(fault)
        finally:
            self._wires.discard(wire)
            await wire.close()

    def drop_connections(self) -> int:
        """Cut every connection; returns how many there were."""
        wires = [wire for wire in self._wires if wire.open]
        for wire in wires:
            wire.drop()
        return len(wires)

    async def stop(self) -> None:
        self.drop_connections()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _open(self, wire: Wire, key: AuthKey, packet: bytes) -> None:
        salt, session_id, message = key.decrypt(packet)
        if session_id not in self.all:
            self._forget_abandoned()
            self.all[session_id] = Session(key, session_id)
        session = self.all[session_id]
        if session.wire is not wire:
            session.attach(wire)
        ahead_s = message.msg_id / 2**32 - time.time()
        if not OLDEST_S <= ahead_s <= NEWEST_S:
            session.say(
                tl(
                    "BadMsgNotification",
                    bad_msg_id=message.msg_id,
                    bad_msg_seqno=message.seq_no,
                    error_code=MSG_ID_TOO_HIGH if ahead_s > 0 else MSG_ID_TOO_LOW,
                )
            )
            return
        if salt != key.salt:
            session.say(
                tl(
                    "BadServerSalt",
                    bad_msg_id=message.msg_id,
                    bad_msg_seqno=message.seq_no,
                    error_code=BAD_SERVER_SALT,
                    new_server_salt=key.salt,
                )
            )
            return
        if not session.announced:
            session.announced = True
            session.say(
                tl("NewSessionCreated", first_msg_id=message.msg_id, unique_id=1, server_salt=key.salt), content=True
            )
        inner = message.body.messages if isinstance(message.body, MsgContainer) else [message]
        for one in inner:
            self._take(session, one)

    def _forget_abandoned(self) -> None:
        """Keep only the newest sessions of those that wait for nothing but a connection: they hold whole chunks."""
        abandoned = [session for session in self.all.values() if not session.connected and not session.subscribed]
        for session in abandoned[:-KEPT_ABANDONED]:
            del self.all[session.id]

    def _take(self, session: Session, message: Message) -> None:
        body: Any = message.body
        if is_a(body, "MsgsAck"):
            session.acknowledge(body.msg_ids)
            return
        if self._network.loses():
            return
        task = asyncio.get_running_loop().create_task(self._answer(session, message.msg_id, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, session: Session, message_id: int, body: Any) -> None:
        if self._network.delay_seconds:
            await asyncio.sleep(self._network.delay_seconds)
        if is_a(body, "Ping", "PingDelayDisconnect"):
            session.say(tl("Pong", msg_id=message_id, ping_id=body.ping_id))
            return
        while is_a(body, *WRAPPERS):
            body = body.query
        try:
            result = await self._call(session, body)
        except NoReply:
            return
        except RpcFault as fault:
            result = tl("RpcError", error_code=fault.code, error_message=fault.message)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the test has to see it
            fault.add_note(f"while answering {name_of(body)}")
            self.failures.append(fault)
            result = tl("RpcError", error_code=500, error_message="LOOPBACK_SERVER_FAILED")
        session.reply(message_id, result)
