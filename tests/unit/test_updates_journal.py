"""What the journal took is read again in its order, whatever a crash left at its end; it holds ids and no words."""

import re
import stat
from itertools import count
from pathlib import Path

import pytest

from datamodels_telegram import ChatId, MessageId, SeenUpdate, TelegramPerson, UpdateKind
from updates_journal import UpdatesJournal

_ids = count(1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "updates.journal"


@pytest.fixture
def journal(path: Path) -> UpdatesJournal:
    return UpdatesJournal(path)


def update(data: str | None = None) -> SeenUpdate:
    kind = UpdateKind.MESSAGE if data is None else UpdateKind.BUTTON
    number = next(_ids)
    person = TelegramPerson(id=7, name="Анна Петрова")
    return SeenUpdate(
        kind=kind,
        chat_id=ChatId(7),
        update_id=number,
        message_id=MessageId(number),
        person=person,
        data=data,
        tries=0,
    )


def test_entries_come_back_in_their_order_to_another_process(journal: UpdatesJournal, path: Path) -> None:
    put = [update(), update("menu_main"), update()]
    journal.append(put[0])
    journal.append(*put[1:])
    assert [(each.update_id, each.data) for each in UpdatesJournal(path).entries()] == [
        (each.update_id, each.data) for each in put
    ]


def test_nobody_s_name_is_in_it_and_nobody_else_may_look(journal: UpdatesJournal, path: Path) -> None:
    journal.append(update())
    assert "Анна" not in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("left", [1, 20, 60])
def test_a_line_that_a_crash_cut_off_costs_no_other(journal: UpdatesJournal, path: Path, left: int) -> None:
    first, cut, after = update(), update(), update()
    journal.append(first)
    size = path.stat().st_size
    journal.append(cut)
    with path.open("r+b") as file:
        file.truncate(size + left)
    journal.append(after)
    assert [each.update_id for each in journal.entries()] == [first.update_id, after.update_id]


def test_without_a_file_there_are_no_entries_and_a_cleared_one_has_none(journal: UpdatesJournal) -> None:
    assert journal.entries() == []
    journal.append(update())
    journal.clear()
    journal.clear()
    assert journal.entries() == []


@pytest.mark.parametrize(
    "damage", [(b'"chat_id":', b'"chat_id":99999999999999999999'), (b'"data":', b'"data":"\\u0000"')]
)
def test_a_line_that_the_database_could_not_store_holds_up_no_other(
    journal: UpdatesJournal, path: Path, damage: tuple[bytes, bytes]
) -> None:
    journal.append(update())
    name, value = damage
    whole = path.read_bytes()
    path.write_bytes(re.sub(name + rb"[^,}]*", value.replace(b"\\", b"\\\\"), whole))
    assert path.read_bytes() != whole
    journal.append(after := update())
    assert [each.update_id for each in journal.entries()] == [after.update_id]
