"""Dead letters: messages that were given up, and work that failed for good, for the bot's owner to retry or dismiss."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, assert_never
from uuid import UUID

import cards_store
import dead_letters_store
from datamodels import RecordingId, ReportRunId, UserId
from datamodels_chats import AnswerId
from db import Connection, Database
from dead_letters_store import DeadLetter, LetterId, LetterKind
from errors import OutdatedButton

_LONGEST_NUMBER = 18
"""Digits of a number that a row can have."""


class Enqueue(NamedTuple):
    """Functions that add the job of a recording, a report or an answer, in the caller's transaction."""

    recording: Callable[[Connection, RecordingId], Awaitable[None]]
    report: Callable[[Connection, RecordingId | None, ReportRunId], Awaitable[None]]
    answer: Callable[[Connection, UserId, AnswerId], Awaitable[None]]


class LettersPage(NamedTuple):
    """One page of the dead letters, newest first.

    ``page`` is its number, from 1; a page has at most ``size`` letters; ``total`` counts the letters of all pages.
    """

    letters: list[DeadLetter]
    page: int
    pages: int
    size: int
    total: int


def letter_named(kind: str, row: str) -> LetterId:
    """Return the letter of a kind and a row, as a page names them.

    Raises:
        OutdatedButton: there is no such kind, or it has no such rows.
    """
    if kind == LetterKind.MESSAGE:
        if not (row.isascii() and row.isdecimal() and len(row) <= _LONGEST_NUMBER):
            raise OutdatedButton(data=kind)
        return LetterId(kind=LetterKind.MESSAGE, row=int(row))
    try:
        return LetterId(kind=LetterKind(kind), row=UUID(row))
    except ValueError:
        raise OutdatedButton(data=kind) from None


class DeadLetters:
    """The dead letters of everybody."""

    def __init__(self, database: Database, enqueue: Enqueue) -> None:
        self._database = database
        self._enqueue = enqueue

    async def count(self) -> int:
        """Count the dead letters."""
        async with self._database.transaction() as connection:
            count, _ = await dead_letters_store.count(connection)
        return count

    async def page(self, page: int, size: int) -> LettersPage:
        """Load page number ``page``, with ``size`` letters a page; a number too high gives the last page."""
        async with self._database.transaction() as connection:
            total, _ = await dead_letters_store.count(connection)
            pages = max(1, -(-total // size))
            page = max(1, min(page, pages))
            letters = await dead_letters_store.list_page(connection, size, (page - 1) * size)
        return LettersPage(letters, page, pages, size, total)

    async def retry(self, letter: LetterId) -> bool:
        """Start another try of a letter; return False when it is no dead letter any more."""
        async with self._database.transaction() as connection:
            match letter.kind:
                case LetterKind.MESSAGE:
                    return await dead_letters_store.send_again(connection, letter.row)
                case LetterKind.RECORDING:
                    return await self._retry_recording(connection, letter)
                case LetterKind.REPORT:
                    return await self._retry_report(connection, letter)
                case LetterKind.ANSWER:
                    return await self._retry_answer(connection, letter)
                case _:
                    assert_never(letter.kind)

    async def retry_all(self) -> int:
        """Start another try of each present letter, the oldest first; return the number of tries that were started."""
        async with self._database.transaction() as connection:
            letters = await dead_letters_store.list_ids(connection)
        return sum([await self.retry(letter) for letter in letters])

    async def dismiss(self, letter: LetterId) -> bool:
        """Hide a letter from the list until it fails again; return False when it is no dead letter any more."""
        async with self._database.transaction() as connection:
            return await dead_letters_store.dismiss(connection, letter)

    async def _retry_recording(self, connection: Connection, letter: LetterId) -> bool:
        found = await dead_letters_store.lock_failed_recording(connection, letter.row)
        if found is None:
            return False
        await self._enqueue.recording(connection, found.recording_id)
        if found.chat_id is not None:
            await cards_store.add_recording_card(connection, found.owner_id, found.chat_id, found.recording_id)
        return True

    async def _retry_report(self, connection: Connection, letter: LetterId) -> bool:
        found = await dead_letters_store.queue_run_again(connection, letter.row)
        if found is None:
            return False
        await self._enqueue.report(connection, found.recording_id, found.run_id)
        if found.chat_id is not None:
            await cards_store.add_reports_card(
                connection, found.owner_id, found.chat_id, found.recording_id, [found.run_id]
            )
        return True

    async def _retry_answer(self, connection: Connection, letter: LetterId) -> bool:
        found = await dead_letters_store.answer_again(connection, letter.row)
        if found is None:
            return False
        await self._enqueue.answer(connection, found.owner_id, found.answer_id)
        return True
