"""What is said in chats while the database is away is said once, and taken back."""

import asyncio
from pathlib import Path
from unittest.mock import Mock

import pytest

from datamodels_telegram import ChatId
from machine import Machine
from power import fill, reason_against_small_disks, small_disk
from telegram_double import TelegramDouble
from telegram_handlers.without_database import WithoutDatabase
from texts.telegram import SAVED

CHAT = ChatId(7)


class SlowTelegram(TelegramDouble):
    """A Telegram to which two messages are on their way at the same time."""

    async def send(self, *args: object, **options: object) -> object:  # type: ignore[override]
        await asyncio.sleep(0.01)
        return await super().send(*args, **options)  # type: ignore[arg-type]


async def test_what_cannot_be_noted_is_said_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def without_threads(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(asyncio, "to_thread", without_threads)
    telegram = TelegramDouble()
    notices = WithoutDatabase(telegram, Mock(Machine), None, tmp_path / "saved_notes.json")
    await notices.tell(CHAT, "Сохранено")
    assert telegram.shown(CHAT) == ["Сохранено"]
    await notices.take_back(CHAT)
    assert telegram.shown(CHAT) == []


async def test_two_updates_that_wait_at_the_same_time_leave_no_notice_behind(tmp_path: Path) -> None:
    telegram = SlowTelegram()
    notices = WithoutDatabase(telegram, Mock(Machine), None, tmp_path / "saved_notes.json")
    await asyncio.gather(*(notices.tell(CHAT, "Сохранено") for _ in range(2)))
    assert telegram.shown(CHAT) == ["Сохранено"]
    await asyncio.gather(*(notices.take_back(CHAT) for _ in range(2)))
    assert telegram.shown(CHAT) == []


async def test_what_is_said_on_a_full_disk_is_taken_back_by_the_next_process(tmp_path: Path) -> None:
    if reason := reason_against_small_disks():
        pytest.skip(reason)
    telegram, disk, people = TelegramDouble(), tmp_path / "disk", [ChatId(number) for number in range(3)]
    with small_disk(disk, "20M"):

        def next_process() -> WithoutDatabase:
            return WithoutDatabase(telegram, Mock(Machine), None, disk / "spool" / "saved_notes.json")

        killed = next_process()
        await killed.take_back_old()
        fill(disk / "ballast")
        for person in people:
            await killed.tell(person, SAVED)
        assert [telegram.shown(person) for person in people] == [[SAVED]] * 3
        (disk / "ballast").unlink()
        await next_process().take_back_old()
    assert [telegram.shown(person) for person in people] == [[], [], []]
