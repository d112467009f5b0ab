"""The client library under one policy for silence, server errors and floods; its session file and its proxy.

Only what kurigram and pyrogram 2.0.106 have in common is used.
"""

import asyncio
import inspect
import os
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, cast

import structlog
from pyrogram import Client, enums, raw
from pyrogram.errors import Flood, InternalServerError, PeerIdInvalid, ServiceUnavailable, Unauthorized
from pyrogram.errors.rpc_error import RPCError
from pyrogram.handlers import RawUpdateHandler

from errors import BadSettings
from followers import ended_well
from random_ids import new_random_id
from system.setting_forms import read_proxy
from telegram_client.errors import RANDOM_ID_DUPLICATE, error_id
from telegram_client.server_clock import ServerClock


def proxy_settings(address: str) -> dict[str, str | int]:
    """Return what the client library has to know of a proxy; see ``read_proxy``.

    Raises:
        BadSettings: ``address`` is none, or the installed client library has no MTProxy.
    """
    try:
        proxy = read_proxy(address)
    except ValueError:
        # The text of the error would have the password in it.
        raise BadSettings(names="TELEGRAM_PROXY") from None
    # pyrogram itself has no MTProxy; its fork has.
    if proxy["scheme"] == "mtproxy" and not hasattr(enums, "ProxyScheme"):
        raise BadSettings(names="TELEGRAM_PROXY")
    return proxy


_TIMEOUTS_S = (5.0, 10.0, 15.0)
"""How long each try of a call waits for an answer. Every call can be repeated: messages have a random id, which keeps
them from being delivered twice."""
_CHECK_S = 3.5
_PAUSE_S = 0.5
_CONNECT_S = 45.0
"""Enough for three key exchanges through a slow proxy; pyrogram itself would try for ever."""
_STOP_S = 5.0
_FLOOD_MARGIN_S = 0.2
"""Added to the time that a flood demands, which Telegram gives in whole seconds."""

_PEERS = "update_peers"
_REMEMBERING = ("set_update_state", _PEERS, "update_usernames")
"""Methods of the library's storage that may fail, because Telegram sends again what they were to store."""
_IS_WHOLE = "SELECT EXISTS (SELECT 1 FROM version) AND EXISTS (SELECT 1 FROM sessions)"

Users = dict[int, Any]
"""``raw.types.User`` and ``UserEmpty`` by id."""
OnUpdate = Callable[[Any, Users], Coroutine[Any, Any, None]]

log = structlog.get_logger(__name__)


class BotClient(Client):
    """The library's client. Every call to Telegram, ours or the library's, goes through ``ask``."""

    def __init__(self, name: str, **options: Any) -> None:
        self._clock = ServerClock()
        super().__init__(name, **options)
        self._unwritten: dict[int, int] = {}
        """Access hashes of people whom the session file had no space for."""
        for method in _REMEMBERING:
            if hasattr(self.storage, method):
                setattr(self.storage, method, self._forgiving(getattr(self.storage, method)))
        self._reconnections: set[asyncio.Task[Any]] = set()
        self._handling: set[asyncio.Task[Any]] = set()
        self._has_dropped = False
        self._unauthorized = False
        """Whether Telegram has refused the login. A ping does not end this: it is answered without a login."""

    @property
    def server_time(self) -> float:
        """Telegram's time, from which kurigram makes the ids of messages."""
        return self._clock.now

    def _set_server_time(self, msg_id: int) -> None:
        self._clock.told(msg_id / 2**32)

    def has_dropped(self) -> bool:
        """Tell whether packets of Telegram were dropped since the last call of this method."""
        has_dropped, self._has_dropped = self._has_dropped, False
        return has_dropped

    def handle_aside(self, handling: Coroutine[Any, Any, None]) -> None:
        """Begin to handle an update, and go on; ``log_off`` ends what is not handled by then."""
        task = asyncio.create_task(ended_well(handling, client="update"))
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)

    async def check(self) -> None:
        """Have Telegram answer a ping; when it has refused the login, have it accept the login again.

        Raises:
            RPCError: Telegram refused the login.
            OSError: no answer, or there is no connection.
        """
        query: Any = raw.functions.Ping(ping_id=new_random_id())
        if self._unauthorized:
            query = raw.functions.updates.GetState()
        async with asyncio.timeout(_CHECK_S):
            await self._asked_once(query, _CHECK_S)

    async def invoke(self, query: Any, *_args: Any, **_kwargs: Any) -> Any:
        """Send a query of one of the library's own methods; the other arguments, about retries, are ignored."""
        return await self.ask(query)

    async def ask(
        self, query: Any, *, obey_floods: bool = True, on_flood: Callable[[float], None] = lambda _: None
    ) -> Any:
        """Ask Telegram and return its answer.

        The same ``query`` is sent again after silence and server errors, and after every flood; ``on_flood`` is called
        with the seconds that a flood demands.

        Raises:
            RPCError: Telegram refused. With ``obey_floods``, a flood is raised only when it names no time.
            OSError: Telegram did not answer in half a minute, or the client is not connected.
        """
        call = query.QUALNAME
        failures = 0
        while True:
            try:
                return await self._asked_once(query, _TIMEOUTS_S[failures])
            except Flood as exc:
                if not obey_floods:
                    raise
                if isinstance(exc.value, int):
                    on_flood(exc.value + _FLOOD_MARGIN_S)
                await wait_out(exc, call)
            except (OSError, InternalServerError, ServiceUnavailable) as exc:
                failures += 1
                delivered = isinstance(exc, RPCError) and error_id(exc) == RANDOM_ID_DUPLICATE
                if delivered or failures == len(_TIMEOUTS_S) or not self.is_connected:
                    raise
                log.info("telegram_call_repeated", call=call, reason=type(exc).__name__)
                await asyncio.sleep(_PAUSE_S)

    def _forgiving(self, write: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        """Wrap ``write``, which writes into the session file, so that a failure is logged and not raised.

        After an error the library would drop the update or answer whose data it was writing.
        """

        async def written(told: Any) -> None:
            try:
                await write(told)
            except sqlite3.OperationalError as exc:
                log.warning("telegram_session_not_written", reason=str(exc))
                if write.__name__ == _PEERS:
                    self._unwritten |= {peer[0]: peer[1] for peer in told if peer[0] > 0}

        return written

    async def resolve_peer(self, peer_id: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the ``InputPeer`` of a person, even of one whom the session file had no space for."""
        try:
            return await super().resolve_peer(peer_id, *args, **kwargs)
        except (KeyError, PeerIdInvalid):
            if peer_id not in self._unwritten:
                raise
            return raw.types.InputPeerUser(user_id=peer_id, access_hash=self._unwritten[peer_id])

    async def _asked_once(self, query: Any, timeout_s: float) -> Any:
        session = self.session
        if not self.is_connected or session is None:
            raise ConnectionError("the client is not started")
        async with asyncio.timeout(timeout_s):
            # The event is not set while the library reconnects.
            await session.is_started.wait()
        task = asyncio.current_task()
        cancellations = task.cancelling() if task else 0
        try:
            answer = await session.send(query, timeout=timeout_s)
        except Unauthorized:
            self._unauthorized = True
            raise
        if not isinstance(query, raw.functions.Ping):
            self._unauthorized = False
        if task and task.cancelling() > cancellations:
            # wait_for loses a cancellation that comes with the answer: https://github.com/python/cpython/issues/86296
            raise asyncio.CancelledError
        if isinstance(answer, raw.types.BadMsgNotification):
            # The library returns it as if it were the answer. The next try has a new message id.
            raise ConnectionError(f"bad message {answer.error_code}")
        await self.fetch_peers(getattr(answer, "users", []))
        await self.fetch_peers(getattr(answer, "chats", []))
        return answer

    async def connect(self) -> bool:
        """Connect, and tell whether the session file has a login.

        Raises:
            TimeoutError: there was no connection in 45 seconds.
        """
        async with asyncio.timeout(_CONNECT_S):
            has_login = await super().connect()
        if self.session is not None and not self.session.is_started.is_set():
            # Telegram refuses ids made by a system clock that is ahead, and the library's ids only grow: begin anew.
            self.session.msg_factory._last_msg_id = 0
        return has_login

    async def log_in(self) -> None:
        """Connect, log in where the session file has no login, and let updates come."""
        await self.start()
        session = self.session
        if session is None:
            raise ConnectionError("the connection is lost already")
        restart: Callable[[], Awaitable[None]] = session.restart

        async def restart_to_be_ended() -> None:
            task = cast("asyncio.Task[Any]", asyncio.current_task())
            self._reconnections.add(task)
            task.add_done_callback(self._reconnections.discard)
            if getattr(session, "ignore_count", 0):
                # Answers were dropped for their time. Telegram tells the right time at the beginning of a session.
                session.session_id = os.urandom(8)
                session.msg_factory = type(session.msg_factory)(self)
                self._has_dropped = True
            await restart()

        session.restart = restart_to_be_ended  # type: ignore[method-assign]

    async def log_off(self) -> None:
        """Close every open connection, and end the tasks that still handle updates.

        The login stays in the session file. This takes up to five seconds.
        """
        session = self.session
        try:
            async with asyncio.timeout(_STOP_S):
                # pyrogram itself would wait for handlers that wait, and would try to connect for ever.
                await _end(self._reconnections)
                await _end(self.dispatcher.handler_worker_tasks)
                self.dispatcher.handler_worker_tasks.clear()
                await _end(self._handling)
                if self.is_initialized:
                    await self.stop()
                elif self.is_connected:
                    await self.disconnect()
                # The stop itself sets off reconnections.
                await _end(self._reconnections)
                if session is not None and session.connection is not None:
                    await session.connection.close()
        except (OSError, RPCError, sqlite3.Error) as exc:
            log.warning("telegram_stop_incomplete", reason=type(exc).__name__)
            for task in self._reconnections:
                task.cancel()
        # Closing twice is harmless, an open storage would hold the file, and one that was never opened has none.
        with suppress(sqlite3.Error, RuntimeError, AttributeError):  # the last from the archived library
            await self.storage.close()  # type: ignore[no-untyped-call]

    async def updates_watchdog(self) -> None:
        """Keep watching for updates when Telegram does not answer: the library's own watchdog would end."""
        while not self.updates_watchdog_event.is_set():
            with suppress(RPCError, OSError):
                await super().updates_watchdog()  # type: ignore[no-untyped-call]


def forget_unfinished(path: Path) -> None:
    """Remove a session file whose making was broken off: the library would fail on it for ever. Blocking."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            [whole] = connection.execute(_IS_WHOLE).fetchone()
    except sqlite3.DatabaseError:
        return  # the library meets the same error, and reports it
    if not whole:
        log.warning("telegram_session_unfinished")
        path.unlink()


async def _end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    for task in (ending := list(tasks)):
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def wait_out(flood: Flood, call: str) -> None:
    """Sleep as long as Telegram demands.

    Raises:
        Flood: Telegram named no time.
    """
    if not isinstance(flood.value, int):
        raise flood
    log.warning("telegram_flood_wait", call=call, seconds=flood.value)
    await asyncio.sleep(flood.value + _FLOOD_MARGIN_S)


def new_client(
    name: str,
    folder: Path,
    *,
    token: str,
    api_id: int,
    api_hash: str,
    proxy: str | None,
    transfers: int,
    on_update: OnUpdate,
) -> BotClient:
    """Make the client without sending anything. Call this in the event loop in which the client is used.

    Raises:
        BadSettings: ``proxy`` cannot be used.
    """
    options: dict[str, Any] = {"proxy": proxy_settings(proxy)} if proxy else {}
    if "skip_updates" in inspect.signature(Client).parameters:
        # Updates that came while the bot was down come too; pyrogram itself cannot do that.
        options["skip_updates"] = False
    try:
        client = BotClient(
            name,
            api_id=api_id,
            api_hash=api_hash,
            bot_token=token,
            workdir=str(folder),
            ipv6=False,
            workers=1,  # it only begins their handling
            sleep_threshold=0,
            max_concurrent_transmissions=transfers,
            **options,
        )
    except ValueError:
        # The error is about the proxy's secret, which its text shows.
        raise BadSettings(names="TELEGRAM_PROXY") from None
    # The library would turn every update into its own objects, fetch the message that another replies to, and lose
    # messages that it cannot parse. All that is needed here stands in the update.
    client.dispatcher.update_parsers.clear()

    async def handle(_: Client, update: Any, users: Users, _chats: dict[int, Any]) -> None:
        # Nobody waits for the end: two hundred updates of one person, which are stored in their order, would else hold
        # up the first of another.
        client.handle_aside(on_update(update, users))

    client.add_handler(RawUpdateHandler(handle))
    return client
