"""Messages at Telegram: looked up by their ids, and sent no faster than Telegram lets a bot send.

A bot has one sequence of message ids over all its private chats, and may fetch any of them. Messages that were missed,
and those that were delivered although Telegram's answer was lost, come after the last known id.
"""

import asyncio
import mimetypes
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from aiolimiter import AsyncLimiter
from pyrogram import enums, raw, types, utils

from constants import CHAT_MESSAGES_PER_MINUTE, MESSAGES_PER_SECOND
from datamodels_telegram import ChatId, Doing, Keyboard, MessageId, Picture, Screen, Shown, Voice
from telegram_client.session import BotClient, Users
from telegram_client.updates import chat_of, document_of, file_name_of

_BATCH = 100
"""Ids that Telegram takes in one call."""
_EMPTY_BATCHES = 2
"""After this many empty batches in a row, no later id is in use yet. A single one may be of deleted messages."""
_KEPT_SENDINGS = 1000
_NUMBER = re.compile(r"\d+")
_LOOKS_BACK = (300, 3_000)
"""How many ids before the beginning of a sending are searched, too: an earlier process may have sent the message."""


async def message_by_id(client: BotClient, message: MessageId) -> tuple[Any, Users]:
    """Fetch a message and the people in it. A deleted message is a ``raw.types.MessageEmpty``, or None."""
    answer = await client.ask(raw.functions.messages.GetMessages(id=[raw.types.InputMessageID(id=message)]))
    return (answer.messages or [None])[0], {user.id: user for user in answer.users}


ACTIONS: Mapping[Doing, Any] = {
    Doing.WRITING: raw.types.SendMessageTypingAction(),
    Doing.SENDING_FILE: raw.types.SendMessageUploadDocumentAction(progress=0),
    Doing.SENDING_SOUND: raw.types.SendMessageUploadAudioAction(progress=0),
    Doing.SENDING_PICTURE: raw.types.SendMessageUploadPhotoAction(progress=0),
}
"""What Telegram calls what a bot does."""


async def uploaded(client: BotClient, file: BinaryIO, file_name: str, shown: Shown | None) -> Any:
    """Upload a file, and return the media of its message; what is not ``shown`` stays a file, whatever its type."""
    upload = await client.save_file(file)
    if upload is None:
        raise ConnectionError("the upload did not get through")
    # The library takes the path for the name.
    upload.name = file_name
    if isinstance(shown, Picture):
        return raw.types.InputMediaUploadedPhoto(file=upload)
    attributes: list[Any] = [raw.types.DocumentAttributeFilename(file_name=file_name)]
    if isinstance(shown, Voice):
        attributes.append(raw.types.DocumentAttributeAudio(duration=round(shown.duration_s), voice=True))
    elif shown is not None:
        attributes.append(raw.types.DocumentAttributeAudio(duration=round(shown.duration_s), title=shown.title))
    return raw.types.InputMediaUploadedDocument(
        file=upload,
        mime_type=mimetypes.guess_type(file_name)[0] or ("audio/ogg" if shown else "application/octet-stream"),
        attributes=attributes,
        force_file=shown is None,
    )


def sent_id(answer: Any, random_id: int) -> MessageId:
    """Return the id of the message with ``random_id`` from Telegram's ``answer`` to its sending."""
    if isinstance(answer, raw.types.UpdateShortSentMessage):
        return MessageId(answer.id)
    return next(
        MessageId(update.id)
        for update in answer.updates
        if isinstance(update, raw.types.UpdateMessageID) and update.random_id == random_id
    )


async def messages_after(client: BotClient, after: int) -> AsyncGenerator[tuple[Any, Users], None]:
    """Yield messages with ids above ``after``, in order, each with the people in its batch of ``_BATCH`` messages.

    A day's messages take a few calls. Later ones come as updates: Telegram sends these to a session that has asked for
    its state.
    """
    await client.ask(raw.functions.updates.GetState())
    empty = 0
    while empty < _EMPTY_BATCHES:
        ids: list[Any] = [raw.types.InputMessageID(id=after + number) for number in range(1, _BATCH + 1)]
        answer = await client.ask(raw.functions.messages.GetMessages(id=ids))
        users = {user.id: user for user in answer.users}
        found = [message for message in answer.messages if not isinstance(message, raw.types.MessageEmpty)]
        for message in sorted(found, key=lambda message: int(message.id)):
            yield message, users
        empty = 0 if found else empty + 1
        after += _BATCH


class Sendings:
    """Remembers which message id each random id got and, for each message on its way, the newest id seen before.

    The id that the message gets will be higher.
    """

    def __init__(self) -> None:
        self._latest = 0
        self._known: dict[int, MessageId] = {}
        self._begun: dict[int, int] = {}

    @property
    def latest(self) -> int:
        """The newest id seen; 0 before any."""
        return self._latest

    def saw(self, message: int) -> None:
        """Note that a message with this id exists."""
        self._latest = max(self._latest, message)

    def begin(self, random_id: int) -> None:
        """Note that a message is being sent; its id will be above all ids seen before it was first sent."""
        self._begun.setdefault(random_id, self._latest)
        _forget_oldest(self._begun)

    def end(self, random_id: int, message: MessageId) -> None:
        """Note the id of a delivered message."""
        self.saw(message)
        self._begun.pop(random_id, None)
        self._known[random_id] = message
        _forget_oldest(self._known)

    async def find(
        self, client: BotClient, random_id: int, chat: ChatId, fits: Callable[[Any], bool]
    ) -> MessageId | None:
        """Find the message with ``random_id``; None when it was deleted or is not found.

        When its id is not known, the message is taken to be one of the bot's in ``chat`` that ``fits`` and belongs to
        no other random id: the first after the sending began or, when there is none, the latest before that.
        """
        if random_id in self._known:
            message, _ = await message_by_id(client, self._known[random_id])
            return self._known[random_id] if isinstance(message, raw.types.Message) else None
        others, begun = set(self._known.values()), self._begun[random_id]

        def is_it(message: Any) -> bool:
            ours = isinstance(message, raw.types.Message) and message.out and chat_of(message) == chat
            return bool(ours and message.id not in others and fits(message))

        for back in _LOOKS_BACK:
            if (found := await self._first_after(client, begun, back, is_it)) is not None:
                return found
        return None

    async def _first_after(
        self, client: BotClient, begun: int, back: int, is_it: Callable[[Any], bool]
    ) -> MessageId | None:
        """Return the id of the first fitting message above ``begun``, else of the last in the ``back`` ids up to it."""
        before: MessageId | None = None
        async for message, _ in messages_after(client, max(begun - back, 0)):
            self.saw(message.id)
            if is_it(message):
                if message.id > begun:
                    return MessageId(message.id)
                before = MessageId(message.id)
        return before


def has_text(text: str, *, first_line: bool = False) -> Callable[[Any], bool]:
    """Return a test for messages with this text, regardless of white space at its ends, which Telegram strips.

    With ``first_line`` only the first line counts, without the numbers in it.
    """

    def told(text: str) -> str:
        return _NUMBER.sub("", text.strip().partition("\n")[0]) if first_line else text.strip()

    return lambda message: told(message.message) == told(text)


def has_file(file_name: str) -> Callable[[Any], bool]:
    """Return a test for messages with a file of this name."""

    def fits(message: Any) -> bool:
        document = document_of(message)
        return document is not None and file_name_of(document) == file_name

    return fits


def has_picture(caption: str) -> Callable[[Any], bool]:
    """Return a test for pictures with this caption: Telegram keeps no name of them."""
    described = has_text(caption)
    return lambda message: isinstance(message.media, raw.types.MessageMediaPhoto) and described(message)


def _forget_oldest(entries: dict[int, Any]) -> None:
    while len(entries) > _KEPT_SENDINGS:
        del entries[next(iter(entries))]


_CHAT_BURST = 20
"""Messages and edits that go to one Telegram chat at once before its rate holds them back."""
_CHAT_PERIOD_S = 60 * _CHAT_BURST / CHAT_MESSAGES_PER_MINUTE
_MAY_WAIT = 1.001
"""What an edit that may wait takes out of a bucket: the limiter lets those in first that take less."""
_LONGEST_YIELD_S = 10.0
"""For how long such an edit lets others go first, so that a card goes on even while hundreds of results are sent."""


class SendingLimits:
    """Leaky buckets: one for all sendings, and one for each Telegram chat that something was sent to lately."""

    def __init__(self) -> None:
        self._all = AsyncLimiter(MESSAGES_PER_SECOND, 1)
        self._chats: dict[ChatId, tuple[AsyncLimiter, float]] = {}
        self._rests_until: dict[ChatId, float] = {}

    def __len__(self) -> int:
        """Return how many Telegram chats have a bucket."""
        return len(self._chats)

    def rest(self, chat: ChatId, seconds: float) -> None:
        """Hold back all messages to ``chat`` for the ``seconds`` that Telegram demanded for one of them."""
        self._rests_until[chat] = asyncio.get_running_loop().time() + seconds

    async def wait(self, chat: ChatId, *, may_wait: bool = False) -> None:
        """Wait until one more message, or an edit, may go to ``chat``; one that ``may_wait`` lets the others pass."""
        now = asyncio.get_running_loop().time()
        limiter, _ = self._chats.pop(chat, (None, now))
        limiter = limiter or AsyncLimiter(_CHAT_BURST, _CHAT_PERIOD_S)
        self._chats[chat] = (limiter, now)
        self._forget_idle(now)
        await _let_in(limiter, may_wait=may_wait)
        # The time is taken after the wait: a bucket is in use until its queue is empty.
        self._chats.pop(chat, None)
        self._chats[chat] = (limiter, asyncio.get_running_loop().time())
        await _let_in(self._all, may_wait=may_wait)
        # Telegram may have demanded more meanwhile.
        while (left := self._rests_until.get(chat, 0.0) - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        self._rests_until.pop(chat, None)

    def _forget_idle(self, now: float) -> None:
        """Drop buckets that have run empty: a new one equals them."""
        for chat, (_, used) in list(self._chats.items()):
            if now - used <= _CHAT_PERIOD_S:
                return
            del self._chats[chat]


async def _let_in(limiter: AsyncLimiter, *, may_wait: bool) -> None:
    """Take a place in a bucket, behind those that came before; one that ``may_wait`` behind all others for a while."""
    if may_wait:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_YIELD_S):
                await limiter.acquire(_MAY_WAIT)
            return
    await limiter.acquire()


def inline_keyboard(keyboard: Keyboard) -> types.InlineKeyboardMarkup:
    """Return the buttons as the library's keyboard."""
    return types.InlineKeyboardMarkup(
        [[types.InlineKeyboardButton(button.text, callback_data=button.data) for button in row] for row in keyboard]
    )


async def written(client: BotClient, screen: Screen) -> dict[str, Any]:
    """Return the arguments that sending and editing share: ``message``, ``entities`` and ``reply_markup``."""
    text = await utils.parse_text_entities(client, screen.text, enums.ParseMode.HTML, [])
    # The library serialises an empty list so that the fields after it break.
    return {
        "message": text["message"],
        "entities": text["entities"] or None,
        "reply_markup": await inline_keyboard(screen.keyboard).write(client) if screen.keyboard else None,
    }
