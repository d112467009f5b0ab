"""Chats: which one a person is in, their titles, and the questions that are asked in them.

A person who has no chat gets one at the first look, and is always in one of their own chats. Whoever changes something
holds ``dialogs.get_user_lock``.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import chat_history
import outbox_store
import texts.chats
import user_states
from datamodels import UserId
from datamodels_chats import AnswerId, Chat, ChatStatistics, Occasion, RatingStats, ReturnAddress
from db import Connection, Database
from errors import BadText, NotFound
from limits import hourly
from limits.reservations import reserve_question
from text_cleaning import one_line, preview
from user_states import State
from utils import midnight

TITLE_CHARACTERS = 50
_RECENT = timedelta(days=30)
_REMEMBERED = timedelta(days=1)
"""How long a deleted chat is remembered, for a press that is handled again after a crash."""

RatingStatsOf = Callable[[UserId], Awaitable[RatingStats]]
EnqueueAnswer = Callable[[Connection, UserId, AnswerId], Awaitable[None]]
"""Adds a job that makes the answer, in the caller's transaction."""


class ActiveChat(State):
    """The chat that the person is in."""

    KEY = "active_chat"
    number: int


class LastTitle(State):
    """The latest event by which the person named a chat.

    When the event is handled again, it must not be taken for a question.
    """

    KEY = "chat_last_title"
    door: str
    turn: int


class LastDeletion(State):
    """The latest deletion: the chat, and the update that asked for it.

    If that update is handled again after a crash, the person reads the same as before.
    """

    KEY = "chat_last_deletion"
    asked_by: str
    chat: Chat


class ChatPage(NamedTuple):
    """Some of the person's chats. ``active`` may be on another page."""

    chats: list[Chat]
    active: Chat
    page: int
    pages: int
    total: int


class Chats:
    """The chats of every person, who may ask ``most`` questions an hour."""

    def __init__(self, database: Database, enqueue: EnqueueAnswer, rating_stats: RatingStatsOf, most: int) -> None:
        self._database = database
        self._enqueue = enqueue
        self._rating_stats = rating_stats
        self._most = most

    async def page(self, owner: UserId, page: int, size: int) -> ChatPage:
        """Load page number ``page`` of the owner's chats, ``size`` chats a page, the most recently used first.

        Pages count from 1; a number too high gives the last page.
        """
        async with self._database.transaction() as connection:
            active = await _active(connection, owner)
            total = await chat_history.count_chats(connection, owner)
            pages = -(-total // size)
            page = max(1, min(page, pages))
            chats = await chat_history.list_chats(connection, owner, size, (page - 1) * size)
        return ChatPage(chats, active, page, pages, total)

    async def find(self, owner: UserId, number: int) -> tuple[Chat, bool]:
        """Load a chat of the owner, and whether the owner is in it.

        Raises:
            NotFound: the owner has no such chat.
        """
        async with self._database.transaction() as connection:
            chat = await chat_history.get_chat(connection, owner, number)
            return chat, (await _active(connection, owner)).number == number

    async def active(self, owner: UserId) -> Chat:
        """Load the chat that the owner is in."""
        async with self._database.transaction() as connection:
            return await _active(connection, owner)

    async def begin(self, owner: UserId) -> Chat:
        """Take the owner to an untitled chat in which nothing was asked yet; to a new chat when there is none."""
        async with self._database.transaction() as connection:
            empty = await chat_history.find_empty_chat(connection, owner)
            chat = empty or await chat_history.create_chat(connection, owner)
            return await _enter(connection, chat)

    async def switch(self, owner: UserId, number: int) -> Chat:
        """Take the owner to a chat.

        Raises:
            NotFound: the owner has no such chat.
        """
        async with self._database.transaction() as connection:
            return await _enter(connection, await chat_history.get_chat(connection, owner, number))

    async def rename(self, owner: UserId, number: int, title: str, occasion: Occasion) -> Chat:
        """Give a chat another title; ``occasion`` is the event by which the owner chose the title.

        Raises:
            NotFound: the owner has no such chat.
        """
        async with self._database.transaction() as connection:
            await chat_history.rename_chat(connection, owner, number, title)
            if occasion.turn is not None:
                await user_states.put(connection, owner, LastTitle(door=occasion.door, turn=occasion.turn))
            return await chat_history.get_chat(connection, owner, number)

    async def delete(self, owner: UserId, number: int, asked_by: str = "") -> Chat:
        """Delete a chat and return it; a person who was in it is moved to the chat that was used last.

        ``asked_by`` identifies the update that asks for the deletion. When the same update asks again, after a crash,
        only return the chat that it deleted.

        Raises:
            NotFound: the owner has no such chat.
        """
        async with self._database.transaction() as connection:
            last = await user_states.get(connection, owner, LastDeletion)
            if asked_by and last is not None and last.asked_by == asked_by:
                return last.chat
            chat = await chat_history.get_chat(connection, owner, number)
            await user_states.put(connection, owner, LastDeletion(asked_by=asked_by, chat=chat), ttl=_REMEMBERED)
            await outbox_store.delete_answers(connection, owner, number)
            await chat_history.delete_chat(connection, owner, number)
            await _active(connection, owner)
            return chat

    async def is_known(self, owner: UserId, occasion: Occasion) -> bool:
        """Tell whether ``occasion`` was handled before.

        This is so when its question is stored, or when the owner named a chat by this event or a later one at the same
        door.
        """
        async with self._database.transaction() as connection:
            titled = await user_states.get(connection, owner, LastTitle)
            if titled is not None and _is_no_later(occasion, titled):
                return True
            return await chat_history.is_asked(connection, occasion)

    async def asked(self, owner: UserId, occasion: Occasion) -> AnswerId | None:
        """Return the answer to what the owner asked on ``occasion``; None when that was nothing."""
        async with self._database.transaction() as connection:
            return await chat_history.find_asked(connection, owner, occasion)

    async def ask(
        self,
        owner: UserId,
        occasion: Occasion,
        question: str,
        return_to: ReturnAddress | None = None,
        *,
        number: int | None = None,
    ) -> AnswerId:
        """Store a question in a chat, with a job that answers it; return the answer's id.

        The chat is the one of that ``number``, by default the one that the owner is in.
        The job stores the answer. With ``return_to``, the front door of ``occasion`` then delivers it to that address.
        ``occasion`` must not have been handled before, see ``is_known``.

        Raises:
            NotFound: the owner has no chat of that number.
            HourUsedUp, LimitReached: the owner has asked as much as may be asked.
        """
        async with self._database.transaction() as connection:
            chat = await (
                _active(connection, owner) if number is None else chat_history.get_chat(connection, owner, number)
            )
            title = title_from(question)
            answer_id = await chat_history.add_question(connection, chat, occasion, question, title, return_to)
            await hourly.use(connection, hourly.Feature.CHAT, owner, self._most)
            await reserve_question(connection, owner, answer_id, question)
            await self._enqueue(connection, owner, answer_id)
        return answer_id

    async def statistics(self, owner: UserId) -> ChatStatistics:
        """Count what was asked, answered and rated, in the last 30 days and in all."""
        ratings = await self._rating_stats(owner)
        async with self._database.transaction() as connection:
            return ChatStatistics(
                recent=await chat_history.figures(connection, owner, datetime.now(UTC) - _RECENT),
                all=await chat_history.figures(connection, owner, None),
                ratings=ratings,
            )

    async def asked_on(self, owner: UserId, day: date) -> list[int]:
        """Load the numbers of the owner's chats in which something was asked on a day."""
        async with self._database.transaction() as connection:
            return list(await chat_history.chats_asked_in(connection, owner, *day_bounds(day)))


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return when a day begins and ends in the server's time zone: 23 or 25 hours apart when clocks change that day."""
    return midnight(day), midnight(day, days_later=1)


def shown_title(chat: Chat) -> str:
    return chat.title or texts.chats.UNTITLED


def title_from(question: str) -> str:
    """Return the question on one line, cut between words when it is longer than a title."""
    return preview(one_line(question), TITLE_CHARACTERS)


def parse_title(text: str) -> str:
    """Return a typed title on one line, its other characters unchanged.

    Raises:
        BadText: the title is empty, or longer than ``TITLE_CHARACTERS``.
    """
    title = one_line(text)
    if not title:
        raise BadText(reason=texts.chats.TITLE_BLANK)
    if len(title) > TITLE_CHARACTERS:
        raise BadText(
            reason=texts.chats.TITLE_TOO_LONG.format(
                length=texts.chats.CHARACTER.counted(len(title)), longest=TITLE_CHARACTERS
            )
        )
    return title


def _is_no_later(occasion: Occasion, titled: LastTitle) -> bool:
    return occasion.door == titled.door and occasion.turn is not None and occasion.turn <= titled.turn


async def _active(connection: Connection, owner: UserId) -> Chat:
    """Return the chat that the owner is in. Without one, put the owner into the chat used last, else into a new one."""
    known = await user_states.get(connection, owner, ActiveChat)
    if known is not None:
        try:
            return await chat_history.get_chat(connection, owner, known.number)
        except NotFound:
            # The chat was deleted.
            await user_states.drop(connection, owner, ActiveChat)
    latest = await chat_history.list_chats(connection, owner, 1)
    chat = latest[0] if latest else await chat_history.create_chat(connection, owner)
    await user_states.put(connection, owner, ActiveChat(number=chat.number))
    return chat


async def _enter(connection: Connection, chat: Chat) -> Chat:
    await user_states.put(connection, chat.owner_id, ActiveChat(number=chat.number))
    return chat
