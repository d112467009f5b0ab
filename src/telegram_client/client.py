"""The bot's account at Telegram: sends, edits, downloads, and passes on what people write and press.

Each message is delivered once: it has a random id, by which Telegram refuses it a second time. When Telegram's answer
is lost the same message is sent again, and when Telegram says that it was delivered, its id is looked up.
"""

import asyncio
import io
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Never

import structlog
from pyrogram import raw
from pyrogram.errors import AuthKeyDuplicated, Flood, Unauthorized
from pyrogram.errors.rpc_error import RPCError

from datamodels_telegram import ChatId, Doing, IncomingMessage, MessageId, Picture, Screen, Shown
from errors import DiskFull
from messenger import FileGone, Messenger, MessengerError, OnMessage, OnPress, OnReturn, is_silent
from random_ids import new_random_id
from telegram_client.downloads import download_file
from telegram_client.errors import (
    MESSENGER,
    PARTS_LOST,
    RANDOM_ID_DUPLICATE,
    error_id,
    refused_secrets,
    telegram_errors_mapped,
    unavailable,
)
from telegram_client.messages import (
    ACTIONS,
    SendingLimits,
    Sendings,
    has_file,
    has_picture,
    has_text,
    message_by_id,
    messages_after,
    sent_id,
    uploaded,
    written,
)
from telegram_client.session import BotClient, OnUpdate, Users, forget_unfinished, new_client, wait_out
from telegram_client.standstills import hear_after_standstills
from telegram_client.updates import button_press, chat_of, document_of, incoming_message, photo_of
from utils import disk_full_mapped

_UPLOAD_TRIES = 3
_PRIMARY_CODE = 0xFF
"""The bits of an error code of SQLite that tell its kind; the others tell more."""
_LARGEST_UPLOAD_BYTES = 2000 * 1024**2
"""4000 parts of half a megabyte: https://core.telegram.org/api/files#uploading-files."""
_DELETED_AT_ONCE = 100

log = structlog.get_logger(__name__)


class TelegramClient(Messenger):
    """One bot. One process may use its session at a time.

    Raises, in every method that asks Telegram:
        MessengerUnavailable: Telegram did not answer in half a minute, or the client is not started.
        MessengerRefusedSecrets: the token is not, or no longer, accepted.
        ChatClosed: the person blocked the bot or deleted the account.
        MessengerError: Telegram refused for another reason.
    """

    def __init__(
        self,
        *,
        token: str,
        api_id: int,
        api_hash: str,
        session_dir: Path,
        proxy: str | None,
        parallel_transfers: int,
    ) -> None:
        self.username = ""
        self.id = 0
        self._token = token
        self._api_id = api_id
        self._api_hash = api_hash
        self._session_dir = session_dir
        self._proxy = proxy
        self._parallel_transfers = parallel_transfers
        self._downloads = asyncio.Semaphore(parallel_transfers)
        self._limits = SendingLimits()
        self._sendings = Sendings()
        self._running: BotClient | None = None
        self._hearing: asyncio.Task[Never] | None = None

    async def start(self, on_message: OnMessage, on_press: OnPress, on_return: OnReturn | None = None) -> None:
        """Log in and let updates come. They come before this returns, many at once, and some of them twice.

        A session that Telegram or SQLite does not accept any more is replaced by a new one.

        Raises:
            BadSettings: the proxy's address is wrong.
            DiskFull: there is no space for the session.
        """

        async def on_update(update: Any, users: Users) -> None:
            if isinstance(update, raw.types.UpdateNewMessage):
                self._sendings.saw(update.message.id)
                if (message := incoming_message(update.message, users)) is not None:
                    await on_message(message)
            elif isinstance(update, raw.types.UpdateBotCallbackQuery):
                await on_press(button_press(update, users))
            elif isinstance(update, raw.types.UpdateBotStopped) and not update.stopped and on_return is not None:
                await on_return(update.user_id)

        with disk_full_mapped(self._session_dir):
            await asyncio.to_thread(self._session_dir.mkdir, mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(forget_unfinished, self._session_file)
        with telegram_errors_mapped("start"):
            try:
                self._running = await self._logged_in(on_update)
            except (Unauthorized, AuthKeyDuplicated, sqlite3.DatabaseError) as exc:
                log.warning("telegram_session_given_up", reason=type(exc).__name__)
                await asyncio.to_thread(self._session_file.unlink, missing_ok=True)
                self._running = await self._logged_in(on_update)
        if (me := self._running.me) is not None:
            self.username, self.id = me.username or "", me.id
        log.info("telegram_started", bot=self.id)
        hearing = hear_after_standstills(self._sendings, self.missed, on_message, dropped=self._running.has_dropped)
        self._hearing = asyncio.create_task(hearing)

    async def stop(self) -> None:
        """Close the connections in five seconds at most, network or not; the session stays logged in."""
        client, self._running = self._running, None
        if self._hearing is not None:
            self._hearing.cancel()
        if client is not None:
            await client.log_off()

    async def send(
        self, chat: ChatId, screen: Screen, *, random_id: int | None = None, may_differ: bool = False
    ) -> MessageId:
        """Send a message as ``Sender.send`` does.

        Raises:
            AlreadySent: the message was delivered earlier, and is deleted or not found any more.
        """
        with telegram_errors_mapped("messages.sendMessage", chat):
            query = raw.functions.messages.SendMessage(
                peer=await self._peer(chat),
                no_webpage=True,
                silent=is_silent(),
                random_id=random_id or new_random_id(),
                **await written(self._client, screen),
            )
            return await self._delivered(chat, query, has_text(query.message, first_line=may_differ))

    async def send_file(
        self,
        chat: ChatId,
        content: bytes | Path,
        file_name: str,
        screen: Screen | None = None,
        *,
        random_id: int | None = None,
        shown: Shown | None = None,
    ) -> MessageId:
        """Send a file as a document, or as it is ``shown``, with ``screen`` as its caption; return the message's id.

        Raises:
            AlreadySent: the message was delivered earlier, and is deleted or not found any more.
            MessengerError: the file is empty or larger than 2000 MB.
            OSError: the file at ``content`` cannot be opened.
        """
        random_id = random_id or new_random_id()
        file: BinaryIO = (
            io.BytesIO(content) if isinstance(content, bytes) else await asyncio.to_thread(content.open, "rb")
        )
        with file:
            if not 0 < file.seek(0, os.SEEK_END) <= _LARGEST_UPLOAD_BYTES:
                raise MessengerError(messenger=MESSENGER, call="messages.sendMedia", reason="FILE_SIZE_INVALID")
            with telegram_errors_mapped("messages.sendMedia", chat):
                for tries_left in reversed(range(_UPLOAD_TRIES)):
                    try:
                        return await self._sent_file(chat, file, file_name, screen, random_id, shown)
                    except Flood as exc:
                        await wait_out(exc, "upload.saveFilePart")
                    except RPCError as exc:
                        if error_id(exc) not in PARTS_LOST or not tries_left:
                            raise
                        log.info("telegram_upload_repeated", reason=error_id(exc))
                raise ConnectionError("the upload did not get through")

    async def edit(self, chat: ChatId, message: MessageId, screen: Screen, *, may_wait: bool = False) -> bool:
        """Change a message's text (or the caption of its file) and buttons; False when it was deleted."""
        with telegram_errors_mapped("messages.editMessage", chat):
            query = raw.functions.messages.EditMessage(
                peer=await self._peer(chat), id=message, no_webpage=True, **await written(self._client, screen)
            )
            await self._limits.wait(chat, may_wait=may_wait)
            try:
                await self._client.ask(query, on_flood=partial(self._limits.rest, chat))
            except RPCError as exc:
                if error_id(exc) == "MESSAGE_ID_INVALID":
                    return False
                if error_id(exc) != "MESSAGE_NOT_MODIFIED":
                    raise
        return True

    async def delete(self, chat: ChatId, messages: Sequence[MessageId]) -> None:
        """Delete messages for both sides; messages that were deleted, or are too old for it, are no error."""
        with telegram_errors_mapped("messages.deleteMessages", chat):
            for start in range(0, len(messages), _DELETED_AT_ONCE):
                ids = [int(message) for message in messages[start : start + _DELETED_AT_ONCE]]
                try:
                    await self._client.ask(raw.functions.messages.DeleteMessages(id=ids, revoke=True))
                except RPCError as exc:
                    if error_id(exc) not in {"MESSAGE_ID_INVALID", "MESSAGE_DELETE_FORBIDDEN"}:
                        raise
                    log.info("telegram_not_deleted", chat=chat, messages=ids, reason=error_id(exc))

    async def show_doing(self, chat: ChatId, doing: Doing) -> None:
        """Show for some seconds, or until the next message, what the bot does; too often for Telegram is no error."""
        with telegram_errors_mapped("messages.setTyping", chat), suppress(Flood):
            query = raw.functions.messages.SetTyping(peer=await self._peer(chat), action=ACTIONS[doing])
            await self._client.ask(query, obey_floods=False)

    async def answer(self, query_id: int, text: str = "") -> bool:
        """Answer a press, showing ``text``, if any, over the button.

        Returns False when it is too late, the press was answered already, or Telegram demands a wait.
        """
        query = raw.functions.messages.SetBotCallbackAnswer(query_id=query_id, cache_time=0, message=text or None)
        with telegram_errors_mapped("messages.setBotCallbackAnswer"):
            try:
                await self._client.ask(query, obey_floods=False)
            except Flood:
                return False
            except RPCError as exc:
                if error_id(exc) != "QUERY_ID_INVALID":
                    raise
                return False
        return True

    async def fetch(self, chat: ChatId, message: MessageId) -> IncomingMessage | None:
        """Fetch a message that a person wrote in ``chat``; None when it was deleted or is not such a message."""
        with telegram_errors_mapped("messages.getMessages", chat):
            found = incoming_message(*await message_by_id(self._client, message))
        return found if found is not None and found.chat_id == chat else None

    async def missed(self, after: MessageId) -> list[IncomingMessage]:
        """Fetch people's private messages that came after the message ``after``, in order, known ones too.

        Among them are messages that came while the bot was down, and those that it lost before they were stored.
        """
        self._sendings.saw(after)
        missed = []
        with telegram_errors_mapped("messages.getMessages"):
            async with aclosing(messages_after(self._client, after)) as messages:
                async for message, users in messages:
                    self._sendings.saw(message.id)
                    incoming = incoming_message(message, users)
                    if incoming is not None and incoming.private:
                        missed.append(incoming)
        return missed

    async def download(
        self, chat: ChatId, message: MessageId, path: Path, size: int, on_bytes: Callable[[int], None]
    ) -> None:
        """Write all ``size`` bytes of a message's file to ``path``, or those that an earlier try left missing.

        ``on_bytes`` is called in the event loop with the number of bytes written so far. ``parallel_transfers``
        downloads run at once; further ones wait.

        Raises:
            FileGone: the message or its file was deleted.
            DiskFull: no space is left; the bytes that came are kept.
        """

        async def document() -> Any:
            found, _ = await message_by_id(self._client, message)
            document = document_of(found) or photo_of(found)
            if document is None or chat_of(found) != chat:
                raise FileGone(
                    messenger=MESSENGER, call="messages.getMessages", file_name=path.name, reason="the message is gone"
                )
            return document

        async with self._downloads:
            with telegram_errors_mapped("messages.getMessages", chat):
                await download_file(self._client, document, path, size, on_bytes)

    async def check(self) -> None:
        """Ask Telegram for a sign of life, or to accept the login if it was refused before; in four seconds at most."""
        with telegram_errors_mapped("ping"):
            await self._client.check()

    async def set_commands(self, commands: Sequence[tuple[str, str]]) -> None:
        """Set the command menu, by names without a slash and their descriptions."""
        with telegram_errors_mapped("bots.setBotCommands"):
            await self._client.ask(
                raw.functions.bots.SetBotCommands(
                    scope=raw.types.BotCommandScopeDefault(),
                    lang_code="",
                    commands=[raw.types.BotCommand(command=name, description=text) for name, text in commands],
                )
            )

    @property
    def _client(self) -> BotClient:
        if self._running is None:
            raise unavailable("any", "the client is not started")
        return self._running

    @property
    def _session_name(self) -> str:
        # Each bot has its own session; a new token of the same bot ends the sessions of the old one by itself.
        bot_id = self._token.partition(":")[0]
        if not bot_id.isdecimal():
            raise refused_secrets("start", "ACCESS_TOKEN_INVALID")
        return f"bot_{bot_id}"

    @property
    def _session_file(self) -> Path:
        return self._session_dir / f"{self._session_name}.session"

    async def _logged_in(self, on_update: OnUpdate) -> BotClient:
        client = new_client(
            self._session_name,
            self._session_dir,
            token=self._token,
            api_id=self._api_id,
            api_hash=self._api_hash,
            proxy=self._proxy,
            transfers=self._parallel_transfers,
            on_update=on_update,
        )
        # Updates come before start() returns, and their handlers send.
        self._running = client
        try:
            await client.log_in()
        except BaseException as exc:
            self._running = None
            await client.log_off()
            code = (getattr(exc, "sqlite_errorcode", None) or 0) & _PRIMARY_CODE
            if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise unavailable("start", "another process uses the session") from exc
            if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}:  # a passing one: the file may be as it should
                raise unavailable("start", "the session cannot be read") from exc
            if code == sqlite3.SQLITE_FULL:
                raise DiskFull(path=self._session_file) from exc
            raise
        return client

    async def _peer(self, chat: ChatId) -> Any:
        # A person whom the session file does not know is looked up by the bare id, which bots may do.
        return await self._client.resolve_peer(chat)

    async def _sent_file(
        self,
        chat: ChatId,
        file: BinaryIO,
        file_name: str,
        screen: Screen | None,
        random_id: int,
        shown: Shown | None,
    ) -> MessageId:
        query = raw.functions.messages.SendMedia(
            peer=await self._peer(chat),
            media=await uploaded(self._client, file, file_name, shown),
            silent=is_silent(),
            random_id=random_id,
            **await written(self._client, screen or Screen(text="")),
        )
        fits = has_picture(query.message) if isinstance(shown, Picture) else has_file(file_name)
        return await self._delivered(chat, query, fits)

    async def _delivered(self, chat: ChatId, query: Any, fits: Callable[[Any], bool]) -> MessageId:
        """Send a message and return its id; look the id up when Telegram only says that it was delivered."""
        self._sendings.begin(query.random_id)
        await self._limits.wait(chat)
        try:
            answer = await self._client.ask(query, on_flood=partial(self._limits.rest, chat))
            message = sent_id(answer, query.random_id)
        except RPCError as exc:
            if error_id(exc) != RANDOM_ID_DUPLICATE:
                raise
            found = await self._sendings.find(self._client, query.random_id, chat, fits)
            log.info("telegram_delivered_before", chat=chat, message=found)
            if found is None:
                raise
            message = found
        self._sendings.end(query.random_id, message)
        return message
