"""The messenger port: what the product needs of the place where people write to the bot, and what can go wrong there.

Code that sends people messages needs ``Sender``, code that fetches the files they sent needs ``Attachments``;
``Messenger`` is both and the rest. Every chat is private: one person and the bot. When a messenger limits the rate of
calls, every method but ``answer`` waits.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

import texts.errors
from datamodels_telegram import ButtonPress, ChatId, Doing, IncomingMessage, MessageId, Screen, Shown
from errors import VoxPersonaError

OnMessage = Callable[[IncomingMessage], Awaitable[None]]
OnPress = Callable[[ButtonPress], Awaitable[None]]
OnReturn = Callable[[int], Awaitable[None]]
"""Is called with the id of a person who had stopped the bot and has started it again."""

_SILENT: ContextVar[bool] = ContextVar("silent", default=False)


@contextmanager
def without_sound(is_wanted: bool) -> Iterator[None]:
    """Have new messages of the block come without a sound, if that is wanted."""
    token = _SILENT.set(is_wanted)
    try:
        yield
    finally:
        _SILENT.reset(token)


def is_silent() -> bool:
    """Tell a messenger whether the message that is being sent comes without a sound."""
    return _SILENT.get()


class MessengerError(VoxPersonaError):
    """{messenger} refused {call}: {reason}"""

    user_text_template = texts.errors.MESSENGER_FAILED
    exit_status = 3


class MessengerUnavailable(MessengerError):
    """{messenger} does not answer: {reason}"""

    user_text_template = texts.errors.MESSENGER_UNAVAILABLE
    retryable = True


class MessengerRefusedSecrets(MessengerError):
    """{messenger} does not accept {secrets}: {reason}"""

    user_text_template = texts.errors.MESSENGER_REFUSED_SECRETS
    exit_status = 2


class AlreadySent(MessengerError):
    """{messenger} refused {call}, for the message was in its chat before and is there no more: {reason}"""

    user_text_template = texts.errors.ALREADY_SENT


class ChatClosed(MessengerError):
    """The chat {chat} takes no messages: {reason}"""

    user_text_template = texts.errors.CHAT_CLOSED


class FileGone(MessengerError):
    """{messenger} has {file_name} no more: {reason}"""

    user_text_template = texts.errors.FILE_GONE


class Sender(Protocol):
    """Messages of the bot.

    A ``random_id``, a signed 64-bit number, belongs to one message: when the message is sent again with it, after a
    lost reply or a crash, the chat has the message once. Without a ``random_id``, the chat has it twice.

    Raises, in every method:
        MessengerUnavailable: there was no reply, or a useless one; trying again helps.
        MessengerRefusedSecrets: what the bot logs in with is not accepted, or not any more.
        ChatClosed: the person blocked the bot or is gone.
        MessengerError: refused for another reason.
    """

    async def send(
        self, chat: ChatId, screen: Screen, *, random_id: int | None = None, may_differ: bool = False
    ) -> MessageId:
        """Send a message; return its id. With a ``random_id`` of an earlier call, return the id of that message.

        ``may_differ`` tells that the earlier call may have had another text, with the same first line but for numbers.

        Raises:
            AlreadySent: the message of the earlier call is deleted, or is not found any more.
        """
        ...

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
        """Send a file as it is, ``screen`` being its caption and buttons; return the message's id.

        With ``shown`` people play or look at the file in the chat.

        Raises:
            AlreadySent: the message of the earlier call is deleted, or is not found any more.
            OSError: the file at ``content`` cannot be opened.
        """
        ...

    async def edit(self, chat: ChatId, message: MessageId, screen: Screen, *, may_wait: bool = False) -> bool:
        """Change a message's text (or the caption of its file) and buttons; False when the message is gone.

        Where the rate of calls is limited, an edit that ``may_wait`` lets everything else go first, for some seconds.
        """
        ...

    async def show_doing(self, chat: ChatId, doing: Doing) -> None:
        """Show for some seconds, or until the next message, what the bot does; waits for no limit of the rate."""
        ...

    async def delete(self, chat: ChatId, messages: Sequence[MessageId]) -> None:
        """Delete messages for both sides; those that are gone, or too old to be deleted, are no error."""
        ...


class Attachments(Protocol):
    """The files that people send."""

    async def download(
        self, chat: ChatId, message: MessageId, path: Path, size: int, on_bytes: Callable[[int], None]
    ) -> None:
        """Write the file of a message, ``size`` bytes, to ``path``.

        What an earlier try left at ``path`` is kept, except for less than a megabyte at its end, and only the rest is
        fetched. ``on_bytes`` is called in the event loop with the number of bytes at ``path`` so far, those of an
        earlier try included, and in the end with ``size``. It is not called when nothing was missing.

        Raises:
            FileGone: the message or its file is gone; ``file_name`` is the name of ``path``.
            DiskFull: no space left; what came is kept.
            MessengerUnavailable, MessengerRefusedSecrets, MessengerError: as in ``Sender``; what came is kept.
        """
        ...


class Messenger(Sender, Attachments, Protocol):
    """A messenger on which the bot has an account.

    Raises, in every method but ``stop``:
        MessengerUnavailable, MessengerRefusedSecrets, MessengerError: as in ``Sender``.
    """

    username: str
    """The bot's name at the messenger, in the messenger's own form and not empty, once it has started."""

    async def start(self, on_message: OnMessage, on_press: OnPress, on_return: OnReturn | None = None) -> None:
        """Log in and let updates come. They come even before this returns, many at once, and some of them twice.

        Raises:
            BadSettings: the settings cannot be used.
        """
        ...

    async def stop(self) -> None:
        """Close the connections; takes seconds at most, network or not."""
        ...

    async def check(self) -> None:
        """Raise the error that a call would meet now. This takes seconds at most and makes no rate-limited call."""
        ...

    async def set_commands(self, commands: Sequence[tuple[str, str]]) -> None:
        """Set the command menu: names without a slash, and descriptions."""
        ...

    async def answer(self, query_id: int, text: str = "") -> bool:
        """Answer a press, with a short text over the button; False when the answer is too late or not the first one.

        A press is answered once: every later call returns False, even with the same text.
        """
        ...

    async def fetch(self, chat: ChatId, message: MessageId) -> IncomingMessage | None:
        """Fetch a message that a person wrote in ``chat``; None when it is gone or not written by a person."""
        ...

    async def missed(self, after: MessageId) -> list[IncomingMessage]:
        """Fetch what people wrote in all chats since the message ``after``, in order; known messages are included.

        Among them are messages that came while the bot was down, and those that the bot got and did not store.
        """
        ...
