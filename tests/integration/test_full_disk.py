"""A disk that gets full while a journal is written: what was accepted is read again, and nothing else is called so."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from conversations.journal import JournalStorage
from conversations.vectors import Vectors
from conversations_factory import vector
from datamodels import NewReportFile, ReportId, ReportRunId, UserId
from datamodels_chats import AnswerId, Rating
from datamodels_telegram import ChatId, MessageId, SeenUpdate, TelegramPerson, UpdateKind
from errors import DiskFull
from md_storage import ReportFiles
from power import reason_against_small_disks, small_disk
from updates_journal import UpdatesJournal

_PERSON = UserId(UUID(int=7))
_MANY = 10_000
_RATING = Rating(stars=5, comment="Хорошо", at=datetime(2026, 11, 3, tzinfo=UTC))

Add = Callable[[int], Awaitable[object]]
"""Adds one thing with a number."""
Count = Callable[[], Awaitable[int]]
"""Returns how many things another process finds."""


def updates(folder: Path) -> tuple[Add, Count]:
    path = folder / "updates.journal"

    async def add(number: int) -> None:
        UpdatesJournal(path).append(
            SeenUpdate(
                kind=UpdateKind.MESSAGE,
                chat_id=ChatId(7),
                update_id=number,
                message_id=MessageId(number),
                person=TelegramPerson(id=7, name="Анна"),
                data=None,
                tries=0,
            )
        )

    async def count() -> int:
        return len(UpdatesJournal(path).entries())

    return add, count


def ratings(folder: Path) -> tuple[Add, Count]:
    storage = JournalStorage(folder)

    async def add(_: int) -> None:
        await storage.update_rating(_PERSON, AnswerId(uuid4()), _RATING)

    async def count() -> int:
        return len(await JournalStorage(folder).entries())

    return add, count


def embeddings(folder: Path) -> tuple[Add, Count]:
    vectors = Vectors(folder / "a.vectors")

    async def add(number: int) -> None:
        assert vectors.append(vector(*map(float, range(number, number + 97)))) == number

    async def count() -> int:
        number = 0
        while vectors.read(number) == vector(*map(float, range(number, number + 97))):
            number += 1
        return number

    return add, count


def titles(folder: Path) -> tuple[Add, Count]:
    """Titles of one report; each is a line in the index's journal."""
    often = 1e6
    entry = NewReportFile(
        id=ReportRunId(UUID(int=1)),
        title="Отель",
        recording_number=1,
        recording_file_name="а.ogg",
        report_id=ReportId("report_int_links"),
        label="2) Отчет о связках",
        created_at=datetime(2026, 11, 3, tzinfo=UTC),
    )

    async def add(number: int) -> None:
        files = ReportFiles(folder, often)
        if number == 0:
            await files.save(_PERSON, entry, "")
        await files.rename(_PERSON, 1, f"{number + 1}")

    async def count() -> int:
        return int((await ReportFiles(folder, often).find(_PERSON, 1)).title)

    return add, count


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 192 KB, with as much again when ``rest`` is removed."""
    if reason := reason_against_small_disks():
        pytest.skip(reason)
    with small_disk(tmp_path / "disk", "384K"):
        (tmp_path / "disk" / "rest").write_bytes(bytes(192 << 10))
        yield tmp_path / "disk"


@pytest.mark.parametrize("made", [updates, ratings, embeddings, titles])
async def test_what_was_accepted_until_the_disk_was_full_is_there(
    disk: Path, made: Callable[[Path], tuple[Add, Count]]
) -> None:
    add, count = made(disk)
    accepted = 0
    try:
        while accepted < _MANY:
            await add(accepted)
            accepted += 1
    except DiskFull:
        pass
    assert 0 < accepted < _MANY
    assert await count() == accepted

    (disk / "rest").unlink()
    await add(accepted)
    assert await count() == accepted + 1
