"""The bot's messages: a Telegram chat shows one menu, one question and one confirmation at a time.

What waits for its person, a question, a confirmation or a choice of reports, may have a subject: the recording that it
is about. What is shown of another recording or of none does not remove it, except questions: there is one place to
type, so a menu without a subject and every new question remove those about any recording; the form is put aside.

Screens are sent as they are: markups have cut them to the length that Telegram takes.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

import sent_messages_store
from datamodels import RecordingId
from datamodels_telegram import ChatId, Doing, MessageId, MessageKind, Screen, Shown
from db import Connection, Database
from dialogs import put_aside
from messenger import AlreadySent, MessengerError, Sender
from random_ids import random_id_of

log = structlog.get_logger(__name__)

_REMOVED_BY_MENUS = frozenset(
    [
        MessageKind.MENU,
        MessageKind.CHOICE,
        MessageKind.INPUT_REQUEST,
        MessageKind.CONFIRMATION,
        MessageKind.STATUS_MESSAGE,
    ]
)
REMOVED_BY = {
    MessageKind.MENU: _REMOVED_BY_MENUS,
    MessageKind.CHOICE: _REMOVED_BY_MENUS,
    MessageKind.INPUT_REQUEST: frozenset(
        [MessageKind.INPUT_REQUEST, MessageKind.CONFIRMATION, MessageKind.STATUS_MESSAGE]
    ),
    MessageKind.CONFIRMATION: frozenset([MessageKind.CONFIRMATION]),
    MessageKind.STATUS_MESSAGE: frozenset([MessageKind.STATUS_MESSAGE]),
    MessageKind.INFO_MESSAGE: frozenset[MessageKind](),
    MessageKind.RESULT: frozenset[MessageKind](),
}
"""The kinds of earlier messages that a new message removes, by its own kind."""
_QUESTIONS = frozenset([MessageKind.INPUT_REQUEST, MessageKind.CONFIRMATION])
_WAITING = _QUESTIONS | {MessageKind.CHOICE}
"""The kinds of messages that wait for their person, and belong to a recording."""
REMOVABLE = frozenset[MessageKind]().union(*REMOVED_BY.values())
"""The kinds of messages in the registry; messages of other kinds stay for ever."""


_READ_S = 8.0
"""Seconds for which a note stays, whatever is sent meanwhile: it takes as long to notice and read a sentence or two."""
DOING_S = 4.5
"""Telegram shows for six seconds at most what a bot does: https://core.telegram.org/method/messages.setTyping."""


class _Occasion:
    """One run of a ``sent_once`` block: gives each message the same random id in every run with the same ``key``."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._times: Counter[str] = Counter()

    def random_id(self, chat: ChatId, kind: MessageKind, screen: Screen) -> int:
        # The id depends on the screen: another text is another message, and the same text twice is two messages. But
        # for a person, a menu whose figures have changed meanwhile is the same menu.
        content = f"{chat}:{'menu' if kind is MessageKind.MENU else screen.model_dump_json()}"
        self._times[content] += 1
        return random_id_of(f"{self._key}:{self._times[content]}:{content}")

    def random_id_of_file(self) -> int:
        # The id does not depend on the content: for a person, a list that is written anew is the same file.
        self._times[""] += 1
        return random_id_of(f"{self._key}:file:{self._times['']}")


_OCCASION: ContextVar[_Occasion | None] = ContextVar("occasion", default=None)


@contextmanager
def sent_once(key: str) -> Iterator[None]:
    """Make sure that each message of the block is delivered once, however often the block runs with this ``key``.

    An update that is handled again after a crash does not ask its question a second time.
    """
    token = _OCCASION.set(_Occasion(key))
    try:
        yield
    finally:
        _OCCASION.reset(token)


class MessageTracker:
    """Sends, edits and removes the bot's messages by their kinds; the registry of sent messages is durable.

    A message that removes others is sent before they are removed. When Telegram does not remove one of the others,
    nothing is raised; if Telegram did not answer, the next message that removes the same kind tries again.
    """

    def __init__(self, database: Database, messenger: Sender, read_s: float = _READ_S) -> None:
        self._database = database
        self._messenger = messenger
        self._read_s = read_s
        self._locks: WeakValueDictionary[ChatId, asyncio.Lock] = WeakValueDictionary()
        self._unread: dict[tuple[ChatId, MessageId], float] = {}
        """Until when notes stay, by the event loop's clock. After a restart they may go at once."""

    async def note(self, chat: ChatId, screen: Screen) -> MessageId:
        """Send a status message that a screen which is on its way already does not remove.

        Raises:
            MessengerError, DatabaseUnavailable: as in ``send``.
        """
        message = await self.send(chat, MessageKind.STATUS_MESSAGE, screen)
        now = asyncio.get_running_loop().time()
        self._unread = {note: until for note, until in self._unread.items() if now < until}
        self._unread[chat, message] = now + self._read_s
        return message

    async def send(
        self,
        chat: ChatId,
        kind: MessageKind,
        screen: Screen,
        *,
        random_id: int | None = None,
        subject: RecordingId | None = None,
    ) -> MessageId:
        """Send a message, about the recording ``subject`` if any, and remove the earlier ones that it replaces.

        ``random_id`` makes Telegram take the message once, however often it is sent; so does ``sent_once``.

        Raises:
            MessengerError: the message was not sent.
            DatabaseUnavailable: the message was sent, but earlier ones may remain.
        """

        async def send() -> tuple[MessageId, bool]:
            if random_id is None:
                return await self._sent(chat, kind, screen)
            return await self._messenger.send(chat, screen, random_id=random_id), True

        return await self._send(chat, kind, send, subject)

    async def send_file(
        self,
        chat: ChatId,
        kind: MessageKind,
        content: bytes | Path,
        file_name: str,
        screen: Screen | None = None,
        *,
        random_id: int | None = None,
        shown: Shown | None = None,
    ) -> MessageId:
        """Send a file with ``screen`` as its caption, as it is ``shown``; the rest is as in ``send``."""

        async def send() -> tuple[MessageId, bool]:
            occasion = _OCCASION.get()
            same = random_id if random_id is not None or occasion is None else occasion.random_id_of_file()
            new = await self._messenger.send_file(chat, content, file_name, screen, random_id=same, shown=shown)
            return new, True

        return await self._send(chat, kind, send)

    async def show_doing(self, chat: ChatId, doing: Doing) -> None:
        """Show for some seconds what the bot does; that this fails matters to nobody."""
        with suppress(MessengerError):
            await self._messenger.show_doing(chat, doing)

    @asynccontextmanager
    async def at_work(self, chat: ChatId, doing: Doing) -> AsyncIterator[None]:
        """Show what the bot does until the block ends."""

        async def show() -> None:
            while True:
                await self.show_doing(chat, doing)
                await asyncio.sleep(DOING_S)

        showing = asyncio.create_task(show())
        try:
            yield
        finally:
            showing.cancel()

    async def replace(
        self,
        chat: ChatId,
        message: MessageId,
        kind: MessageKind,
        screen: Screen,
        subject: RecordingId | None = None,
    ) -> MessageId:
        """Turn a message into a new one by editing, remove earlier ones as ``send`` does, and return the new one's id.

        When the message was deleted or is of a kind that stays for ever, a new one is sent instead.

        Raises:
            MessengerError: the screen is neither shown nor sent.
            DatabaseUnavailable: the screen is not shown, or it is shown and earlier messages may remain.
        """
        async with self._lock(chat):
            if await self._is_remembered(chat, message) and await self._messenger.edit(chat, message, screen):
                new, takes_place = message, True
            else:
                new, takes_place = await self._sent(chat, kind, screen)
            if takes_place:
                await self._take_place(chat, new, kind, subject, instead_of=message)
            return new

    async def turn_into(
        self, chat: ChatId, message: MessageId, kind: MessageKind, screen: Screen, subject: RecordingId | None = None
    ) -> bool:
        """Turn a message into one of another kind, and remove earlier ones as ``send`` does; False when it is gone.

        Done again, after a crash, it changes nothing.

        Raises:
            MessengerError: the screen is not shown.
            DatabaseUnavailable: the screen is shown, and earlier messages may remain; or the message is gone.
        """
        async with self._lock(chat):
            # Before the edit: after a crash between the two nothing removes the new screen as what it was before.
            await self._forget(chat, [message])
            if not await self._messenger.edit(chat, message, screen):
                return False
            await self._take_place(chat, message, kind, subject)
            return True

    async def edit(self, chat: ChatId, message: MessageId, screen: Screen) -> bool:
        """Show another screen in a message that keeps its kind; return False when it was deleted.

        Raises:
            MessengerError: the screen is not shown.
            DatabaseUnavailable: the message was deleted, and this could not be noted.
        """
        if await self._messenger.edit(chat, message, screen):
            return True
        await self._forget(chat, [message])
        return False

    async def question(
        self, chat: ChatId, subject: RecordingId | None = None, kinds: Collection[MessageKind] = _QUESTIONS
    ) -> MessageId | None:
        """Return the first message of these kinds about ``subject`` that waits in the chat for its person."""
        async with self._database.transaction() as connection:
            found = await sent_messages_store.messages_about(connection, chat, kinds, subject)
        return found[0] if found else None

    async def has_menu_below(self, chat: ChatId, message: MessageId) -> bool:
        """Tell whether a menu was sent after the message: the person has turned to something else since."""
        async with self._database.transaction() as connection:
            menus = await sent_messages_store.messages_of(connection, chat, [MessageKind.MENU])
        return any(menu > message for menu in menus)

    async def remove_message(self, chat: ChatId, message: MessageId) -> None:
        """Remove one message; a message that was deleted already is no error.

        Raises:
            DatabaseUnavailable: the registry still has the message, even if it was deleted.
        """
        async with self._lock(chat):
            await self._delete(chat, [message])

    async def remove(self, chat: ChatId, kinds: Collection[MessageKind], subject: RecordingId | None = None) -> None:
        """Remove the messages of these kinds, those about ``subject`` if it is given, from the Telegram chat.

        Those of kinds that stay for ever stay.

        Raises:
            DatabaseUnavailable: the registry still has the messages, even if they were deleted.
        """
        async with self._lock(chat):
            async with self._database.transaction() as connection:
                if subject is None:
                    messages = await sent_messages_store.messages_of(connection, chat, kinds)
                else:
                    messages = await sent_messages_store.messages_about(connection, chat, kinds, subject)
            await self._delete(chat, messages)

    def _lock(self, chat: ChatId) -> asyncio.Lock:
        """Return the lock under which a chat's screens change: of two menus sent at once, exactly one stays."""
        return self._locks.setdefault(chat, asyncio.Lock())

    async def _send(
        self,
        chat: ChatId,
        kind: MessageKind,
        send: Callable[[], Awaitable[tuple[MessageId, bool]]],
        subject: RecordingId | None = None,
    ) -> MessageId:
        if kind not in REMOVABLE and not REMOVED_BY[kind]:
            return (await send())[0]  # other screens do not wait for the upload of a large file
        async with self._lock(chat):
            new, takes_place = await send()
            if takes_place:
                await self._take_place(chat, new, kind, subject)
            return new

    async def _sent(self, chat: ChatId, kind: MessageKind, screen: Screen) -> tuple[MessageId, bool]:
        """Send a screen; return its message, and whether it takes its place among the others.

        A menu that was sent before and is gone, or reads otherwise now, is not sent again where a menu stands: that
        is itself, or what its person went on to.
        """
        occasion = _OCCASION.get()
        if occasion is None:
            return await self._messenger.send(chat, screen), True
        same, is_menu = occasion.random_id(chat, kind, screen), kind is MessageKind.MENU
        try:
            return await self._messenger.send(chat, screen, random_id=same, may_differ=is_menu), True
        except AlreadySent:
            if is_menu:
                async with self._database.transaction() as connection:
                    menus = await sent_messages_store.messages_of(connection, chat, [kind])
                if menus:
                    return menus[-1], False
            return await self._messenger.send(chat, screen), True

    async def _take_place(
        self,
        chat: ChatId,
        new: MessageId,
        kind: MessageKind,
        subject: RecordingId | None,
        instead_of: MessageId | None = None,
    ) -> None:
        """Register ``new``, and remove what it replaces; ``instead_of`` is a message that is gone already."""
        ended = [new] if instead_of is None else [new, instead_of]
        async with self._database.transaction() as connection:
            gone = await sent_messages_store.subjects_of(connection, chat, ended)
            await sent_messages_store.forget(connection, chat, ended)
            earlier = await self._replaced_by(connection, chat, kind, subject)
            gone |= await sent_messages_store.subjects_of(connection, chat, earlier)
            if kind in REMOVABLE:
                asked = subject if kind in _WAITING else None
                await sent_messages_store.remember(connection, chat, new, kind, asked)
                await put_aside(connection, chat, gone - ({subject} if kind in _QUESTIONS else set()))
        await self._delete(chat, earlier)

    async def _replaced_by(
        self, connection: Connection, chat: ChatId, kind: MessageKind, subject: RecordingId | None
    ) -> list[MessageId]:
        kinds = REMOVED_BY[kind]
        earlier = await sent_messages_store.messages_about(connection, chat, kinds, None)
        if subject is not None:
            earlier += await sent_messages_store.messages_about(connection, chat, kinds, subject)
        if kind is MessageKind.INPUT_REQUEST or (kind is MessageKind.MENU and subject is None):
            # Text that is typed below would else be taken as the reply to a question above.
            earlier += await sent_messages_store.messages_of(connection, chat, [MessageKind.INPUT_REQUEST])
        now = asyncio.get_running_loop().time()
        return sorted(each for each in set(earlier) if self._unread.get((chat, each), now) <= now)

    async def _delete(self, chat: ChatId, messages: Sequence[MessageId]) -> None:
        if not messages:
            return
        try:
            await self._messenger.delete(chat, messages)
        except MessengerError as exc:
            log.warning("messages_not_deleted", chat=chat, count=len(messages), error=exc.code, reason=str(exc))
            if exc.retryable:
                return
            # A deletion that Telegram refuses once, it refuses for ever.
        await self._forget(chat, messages)

    async def _is_remembered(self, chat: ChatId, message: MessageId) -> bool:
        async with self._database.transaction() as connection:
            return await sent_messages_store.is_remembered(connection, chat, message)

    async def _forget(self, chat: ChatId, messages: Collection[MessageId]) -> None:
        async with self._database.transaction() as connection:
            await sent_messages_store.forget(connection, chat, messages)
