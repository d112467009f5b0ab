"""A loopback Telegram server: a real, unmodified bot process talks real MTProto to it. Tests only.

In a test::

    async with TelegramServer() as server:
        anna = server.world.user("Анна", id=1001)
        bot = await asyncio.create_subprocess_exec(sys.executable, "bot.py", env={**os.environ, **server.environment()})
        await server.bot_is_ready()

        await anna.send("/start")
        welcome = await anna.sees("Здравствуйте")             # waits for it; returns the message
        answer = await anna.press("Загрузить")                # .text .alert .seconds
        await anna.send_file(Path("demo.ogg"), kind="voice", duration=12)
        await anna.send_file(None, kind="audio", file_name="long.mp3", claimed_size=3 * 2**30)
        await anna.send_album(AlbumFile(first), AlbumFile(second))
        await anna.press_data(welcome.id, b"forged")
        report = await anna.sees("report.txt", timeout=60)
        data = await anna.downloads(report)

        anna.chat.live          # messages as they look now: .text .buttons .file .id .changed_at
        anna.chat.history       # every event with its time: anna.chat.events(Happening.EDITED, message=card)
        anna.chat.storyboard()  # as text; whole=True for everything that happened
        server.world.command_menu()
        await server.calls_come("bots.SetBotCommands")        # and server.times_called("messages.SendMessage")

Faults are consumed in order, each by the calls that it names (``after`` calls are spared, then ``times`` are hit)::

    server.faults.flood_wait("messages.EditMessage", 3)
    server.faults.error("messages.SendMessage", 400, "PEER_ID_INVALID", after=2, times=3)
    server.faults.lose_reply("messages.SendMessage")
    server.faults.drop_connection("messages.SendMessage", processed=True)
    server.faults.expire_file_reference(after=2)
    server.faults.short_chunk(after=1)
    server.network.degrade(delay_seconds=1.0, loss=0.25)
    server.drop_connections(deliver_again=5)                  # the last five updates come once more

Messages that a person sends while the bot is down wait for updates.getDifference. A call that the server does not
know is answered with 500 and named in ``unknown_calls``; then, or when the server itself failed, leaving the
``async with`` raises AssertionError.

The process and the test use the same client library, kurigram or pyrogram 2.0.106.
"""

import asyncio
import os
import tempfile
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import telegram_views as views
from telegram_calls import Account, Calls
from telegram_faults import Faults, Network
from telegram_keys import FINGERPRINT, RSA_EXPONENT, RSA_MODULUS
from telegram_sessions import Session, Sessions
from telegram_tl import tl
from telegram_user import PATIENCE_SECONDS, ScriptedUser
from telegram_world import Change, Query, World

SITE = Path(__file__).parent / "telegram_site"
REMEMBERED_UPDATES = 1000


class TelegramServer:
    """Runs in the test's event loop on a free loopback port."""

    def __init__(self) -> None:
        self.account = Account()
        self.faults = Faults()
        self.network = Network()
        self.port = 0
        self._directory = tempfile.TemporaryDirectory(prefix="loopback-telegram-")
        self.world = World(Path(self._directory.name))
        self.world.deliver = self._deliver
        self.world.deliver_query = self._deliver_query
        self._delivered: deque[Any] = deque(maxlen=REMEMBERED_UPDATES)
        self._subscribed = asyncio.Event()
        self._called = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._sessions = Sessions(self._answer, self.network)
        self._server = await asyncio.start_server(self._sessions.serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._calls = Calls(self.world, self.account, self.faults, self.port)
        self._calls.on_subscribe = self._subscribe
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._sessions.stop()
        await self._server.wait_closed()
        self._directory.cleanup()
        if error is None:
            assert not self._sessions.failures, self._sessions.failures
            assert not self.unknown_calls, f"the server does not know {self.unknown_calls}"

    @property
    def unknown_calls(self) -> list[str]:
        """Calls that came and that this server does not know."""
        return self._calls.unknown

    @property
    def calls(self) -> list[tuple[float, str]]:
        """Every call that came: time.monotonic() and name."""
        return self._calls.made

    def times_called(self, name: str) -> int:
        return sum(made == name for _, made in self.calls)

    def environment(self) -> dict[str, str]:
        """What a bot process needs in its environment to log in here."""
        path = os.pathsep.join(filter(None, [str(SITE), os.environ.get("PYTHONPATH", "")]))
        return {
            "PYTHONPATH": path,
            "LOOPBACK_TELEGRAM": f"{self.port}:{RSA_MODULUS:x}:{RSA_EXPONENT:x}:{FINGERPRINT.hex()}",
            "TELEGRAM_BOT_TOKEN": self.account.token,
            "TELEGRAM_API_ID": str(self.account.api_id),
            "TELEGRAM_API_HASH": self.account.api_hash,
        }

    async def bot_is_ready(self, timeout: float = 2 * PATIENCE_SECONDS) -> None:  # noqa: ASYNC109
        """Wait until a bot is connected and has asked for updates."""
        async with asyncio.timeout(timeout):
            while not any(session.connected for session in self._subscribers()):
                self._subscribed.clear()
                await self._subscribed.wait()

    async def calls_come(self, name: str, count: int = 1, timeout: float = PATIENCE_SECONDS) -> None:  # noqa: ASYNC109
        """Wait until so many calls of this name have been made, for example ``bots.SetBotCommands``."""
        async with asyncio.timeout(timeout):
            while self.times_called(name) < count:
                self._called.clear()
                await self._called.wait()

    def drop_connections(self, *, deliver_again: int = 0) -> int:
        """Cut all connections; over the next the bot gets the last so many updates once more.

        Those that it has not acknowledged come again in any case. Returns how many connections there were.
        """
        dropped = self._sessions.drop_connections()
        for session in self._subscribers():
            for updates in list(self._delivered)[-deliver_again:] if deliver_again else []:
                session.push(updates)
        return dropped

    def _subscribers(self) -> list[Session]:
        return [session for session in self._sessions.all.values() if session.subscribed]

    def _subscribe(self, session: Session) -> None:
        if not session.subscribed:
            # A killed process never comes back to its session; only the new one can get updates.
            for other in self._subscribers():
                if not other.connected:
                    del self._sessions.all[other.id]
            session.subscribed = True
        self._subscribed.set()

    def _deliver(self, change: Change) -> None:
        message = self.world.messages[change.ids[0]]
        self._push(views.updates(self.world, [views.update(self.world, change)], message))

    def _deliver_query(self, query_id: int, query: Query, data: bytes) -> None:
        changes = [views.callback_query(query_id, query, data)]
        updates = views.updates(self.world, changes)
        updates.users.append(views.person(query.chat.user))
        self._push(updates)

    def tell_of_start(self, user: ScriptedUser, *, stopped: bool) -> None:
        """Tell the bot that a person has stopped it, or has started it again."""
        user.blocked = stopped
        told = tl("UpdateBotStopped", user_id=user.id, date=int(time.time()), stopped=stopped, qts=1)
        updates = views.updates(self.world, [told])
        updates.users.append(views.person(user))
        self._push(updates)

    def _push(self, updates: Any) -> None:
        self._delivered.append(updates)
        for session in self._subscribers():
            session.push(updates)

    async def _answer(self, session: Session, query: Any) -> Any:
        try:
            return await self._calls.answer(session, query)
        finally:
            self._called.set()
