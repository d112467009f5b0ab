"""Orders of speech: an answer, a report or a text becomes sound once, and is kept for its person."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import texts.speeches
from datamodels import UserId, Value
from datamodels_telegram import ChatId
from db import Connection, Database
from errors import BadText, NotFound
from errors_of_operation import NoVoice
from limits import hourly
from limits.reservations import reserve_speech
from prices import speech_cost_usd
from random_ids import new_id
from speeches import store
from speeches.pieces import beginning, pieces
from speeches.plain import spoken_lines
from speeches.store import NewSpeech, Speech, SpeechOf
from speeches.words import in_words
from text_cleaning import one_line, preview, storable
from text_to_speech.port import LONGEST_PIECE

LONGEST_TEXT = 5000
"""Characters. Of a longer answer or report the first sentences are said; a longer text is refused."""
_LONGEST_TITLE = 200


class Source(Value):
    """What is to be said of an answer or report, in Markdown, and the rows that it goes with."""

    title: str
    markdown: str
    answer_id: UUID | None = None
    run_id: UUID | None = None


Find = Callable[[UserId, str], Awaitable[Source]]
"""Finds what a person may have said by its id or number; raises ``NotFound``."""
Enqueue = Callable[[Connection, UUID], Awaitable[None]]


class State(StrEnum):
    """What became of an order."""

    NEW = "new"
    AT_WORK = "at_work"
    READY = "ready"


class Ordered(NamedTuple):
    id: UUID
    state: State


@dataclass(frozen=True)
class Page:
    """Some of a person's speeches; pages count from 1."""

    total: int
    page: int
    pages: int
    speeches: Sequence[Speech]


class Speeches:
    """The speeches of everybody.

    ``sources`` find what is said, ``voice`` names the voice in use, or None when there is none, and ``enqueue`` adds
    the job that says it. A person may order ``hourly`` new ones an hour.
    """

    def __init__(
        self,
        database: Database,
        sources: Mapping[SpeechOf, Find],
        voice: Callable[[], Awaitable[str | None]],
        enqueue: Enqueue,
        hourly: int,
    ) -> None:
        self._database = database
        self._sources = sources
        self._voice = voice
        self._enqueue = enqueue
        self._hourly = hourly

    async def order(
        self, owner: UserId, kind: SpeechOf, subject: str, *, chat: ChatId | None = None, occasion: str = ""
    ) -> Ordered:
        """Have something said, for ``chat`` if it is given; what the voice has said already costs nothing again.

        A failed one goes on where it failed. The same ``occasion`` again is the same order.

        Raises:
            NotFound: the person has nothing of this kind and name.
            BadText: there is nothing to say in it.
            NoVoice: nothing here speaks.
            HourUsedUp: the hour's orders are used up.
            LimitReached: it costs more than the person has left.
        """
        source = await self._sources[kind](owner, subject)
        plain = await asyncio.to_thread(spoken_lines, source.markdown)
        return await self._order(owner, kind, source, plain, chat, occasion)

    async def order_text(self, owner: UserId, text: str) -> Ordered:
        """Have a text of 1 to ``LONGEST_TEXT`` characters said.

        Raises:
            BadText: it has no words, or is too long.
            NoVoice, HourUsedUp, LimitReached: as of ``order``.
        """
        text = storable(text).strip()
        if len(text) > LONGEST_TEXT:
            raise BadText(reason=texts.speeches.TOO_LONG.format(length=len(text), longest=LONGEST_TEXT))
        title = preview(one_line(text), _LONGEST_TITLE)
        return await self._order(owner, SpeechOf.TEXT, Source(title=title, markdown=""), text, None, "")

    async def send(self, owner: UserId, id_: UUID, chat: ChatId, occasion: str) -> State:
        """Have a speech sent to ``chat`` once more; one that failed goes on where it failed. Nothing is said anew.

        The same ``occasion`` again changes nothing.

        Raises:
            NotFound: the owner has no such speech.
            LimitReached: going on costs more than the person has left.
        """
        async with self._database.transaction() as connection:
            found = await store.find(connection, owner, id_)
            if found is None:
                raise NotFound(what=f"speech {id_} of {owner}")
            if found.has_failed:
                parts = await asyncio.to_thread(_parts, found.text)
                await self._go_on(connection, found, sum(map(len, parts)))
            await store.set_chat(connection, id_, chat, occasion)
        return State.READY if found.is_ready else State.AT_WORK

    async def page(self, owner: UserId, page: int, size: int) -> Page:
        """Load a page of the owner's speeches, the newest first; for one that does not exist, the nearest."""
        async with self._database.transaction() as connection:
            total, found = await store.page(connection, owner, size, (page - 1) * size)
            pages = max(1, -(-total // size))
            if page > pages:
                page = pages
                total, found = await store.page(connection, owner, size, (page - 1) * size)
        return Page(total, page, pages, found)

    async def find(self, owner: UserId, id_: UUID) -> Speech:
        """Load a speech of the owner.

        Raises:
            NotFound: the owner has no such speech.
        """
        async with self._database.transaction() as connection:
            found = await store.find(connection, owner, id_)
        if found is None:
            raise NotFound(what=f"speech {id_} of {owner}")
        return found

    async def sound(self, owner: UserId, id_: UUID) -> bytes:
        """Load the sound of a speech, Ogg Opus.

        Raises:
            NotFound: the owner has no such speech, or it is not ready.
        """
        async with self._database.transaction() as connection:
            found = await store.sound(connection, owner, id_)
        if found is None:
            raise NotFound(what=f"sound of speech {id_} of {owner}")
        return found

    async def delete(self, owner: UserId, id_: UUID) -> None:
        """Delete a speech; one that is being made is given up.

        Raises:
            NotFound: the owner has no such speech.
        """
        async with self._database.transaction() as connection:
            if not await store.delete(connection, owner, id_):
                raise NotFound(what=f"speech {id_} of {owner}")

    async def _order(
        self, owner: UserId, kind: SpeechOf, source: Source, plain: str, chat: ChatId | None, occasion: str
    ) -> Ordered:
        voice = await self._voice()
        if voice is None:
            raise NoVoice
        said = beginning(storable(plain), LONGEST_TEXT)
        parts = await asyncio.to_thread(_parts, said)
        if not parts:
            raise BadText(reason=texts.speeches.NOTHING_TO_SAY)
        new = NewSpeech(
            id=new_id(),
            owner_id=owner,
            kind=kind,
            answer_id=source.answer_id,
            run_id=source.run_id,
            title=preview(one_line(source.title), _LONGEST_TITLE),
            text=said,
            is_whole=len(said) == len(plain.strip()),
            voice=voice,
            key=sha256(f"{voice}\n{kind}\n{source.answer_id or source.run_id or ''}\n{said}".encode()).hexdigest(),
            pieces=len(parts),
        )
        async with self._database.transaction() as connection:
            ordered = await self._taken(connection, new, sum(map(len, parts)))
            if chat is not None:
                await store.set_chat(connection, ordered.id, chat, occasion)
        return ordered

    async def _taken(self, connection: Connection, new: NewSpeech, characters: int) -> Ordered:
        owner = new.owner_id
        await hourly.lock(connection, owner)
        same = await store.lock_same(connection, owner, new.key)
        if same is not None:
            if same.is_ready:
                return Ordered(same.id, State.READY)
            if same.has_failed:
                await self._go_on(connection, same, characters)
            return Ordered(same.id, State.AT_WORK)
        await hourly.use(connection, hourly.Feature.SPEECH, owner, self._hourly)
        await store.insert(connection, new)
        await self._enqueue(connection, new.id)
        await reserve_speech(connection, owner, new.id, new.title, speech_cost_usd(new.voice, characters))
        return Ordered(new.id, State.NEW)

    async def _go_on(self, connection: Connection, failed: Speech, characters: int) -> None:
        await store.go_on(connection, failed.id)
        await self._enqueue(connection, failed.id)
        cost = speech_cost_usd(failed.voice, characters)
        await reserve_speech(connection, failed.owner_id, failed.id, failed.title, cost)


def _parts(said: str) -> Sequence[str]:
    return pieces(in_words(said), LONGEST_PIECE)
