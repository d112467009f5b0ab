"""The journal of a report folder's index: what is in it counts, what a crash cut off does not, damage loses nothing."""

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import md_storage
import utils
from datamodels import NewReportFile, ReportId, ReportRunId, UserId
from errors import DiskFull, ReportIndexBroken
from md_storage import ReportFiles

OWNER = UserId(UUID(int=7))
LARGE = 2.0
"""Twice as many changes as there are reports are journaled: a folder of five does then what one of thousands does."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / f"user_{OWNER}"


@pytest.fixture
async def files(tmp_path: Path, folder: Path) -> ReportFiles:
    """Five reports whose index is written and whose journal is empty."""
    small = ReportFiles(tmp_path)
    for place in range(5):
        await small.save(OWNER, entry(place), "# Отчёт\n")
    assert not (folder / "index.journal").exists()
    return ReportFiles(tmp_path, LARGE)


def entry(age: int = 0) -> NewReportFile:
    return NewReportFile(
        id=ReportRunId(uuid4()),
        title="Отель «Заря»",
        recording_number=17,
        recording_file_name="интервью.ogg",
        report_id=ReportId("report_int_links"),
        label="2) Отчет о связках",
        created_at=datetime(2026, 11, 3, tzinfo=UTC) - timedelta(days=age),
    )


async def change_all_ways(files: ReportFiles) -> None:
    """Rename one, delete two (one of them begun only), add one."""
    await files.rename(OWNER, 1, 'Новое "имя"')
    deleted = await files.begin_delete(OWNER, 2)
    await files.finish_delete(OWNER, deleted.id)
    await files.begin_delete(OWNER, 3)
    assert await files.save(OWNER, entry(), "# Новый\n") == 6


async def titles(files: ReportFiles) -> list[tuple[int, str]]:
    return [(line.number, line.title) for line in await files.list(OWNER)]


CHANGED = [(1, 'Новое "имя"'), (4, "Отель «Заря»"), (5, "Отель «Заря»"), (6, "Отель «Заря»")]


async def test_changes_are_lines_of_the_journal_and_the_index_is_not_touched(files: ReportFiles, folder: Path) -> None:
    before = (folder / "index.json").read_bytes()
    await change_all_ways(files)
    assert (folder / "index.json").read_bytes() == before
    lines = (folder / "index.journal").read_bytes().splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["put", "delete", "forget", "delete", "put"]
    assert await titles(files) == CHANGED


async def test_a_new_process_and_one_that_has_read_it_before_see_what_is_in_the_journal(
    files: ReportFiles, tmp_path: Path
) -> None:
    before = ReportFiles(tmp_path)
    assert len(await before.list(OWNER)) == 5
    await change_all_ways(files)
    assert await titles(before) == await titles(ReportFiles(tmp_path)) == CHANGED


async def test_the_index_is_written_anew_when_the_journal_is_long(files: ReportFiles, folder: Path) -> None:
    for number in (1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1):
        await files.rename(OWNER, number, f"имя {number}")
    assert not (folder / "index.journal").exists()
    assert (folder / "index.json").read_bytes() == (folder / "index.copy.json").read_bytes()
    assert await titles(files) == [(number, f"имя {number}") for number in range(1, 6)]


async def test_a_change_that_was_cut_off_was_not_made_and_the_next_one_mends_the_journal(
    files: ReportFiles, folder: Path, tmp_path: Path
) -> None:
    await change_all_ways(files)
    journal = folder / "index.journal"
    with journal.open("ab") as file:
        file.write(b'{"put": {"id"')
    assert await titles(files) == CHANGED
    await files.rename(OWNER, 4, "Четвёртый")
    assert not journal.exists()
    assert dict(await titles(ReportFiles(tmp_path)))[4] == "Четвёртый"


async def test_an_index_that_was_written_before_its_journal_was_emptied_is_the_same(
    files: ReportFiles, folder: Path, tmp_path: Path
) -> None:
    await change_all_ways(files)
    journal = (folder / "index.journal").read_bytes()
    # As after a crash between the two.
    await ReportFiles(tmp_path).rename(OWNER, 1, 'Новое "имя"')
    assert not (folder / "index.journal").exists()
    (folder / "index.journal").write_bytes(journal)
    assert await titles(files) == CHANGED
    assert (await files.reconcile(OWNER, [])).deleting == ((await files.begin_delete(OWNER, 3)).id,)
    assert await files.save(OWNER, entry(), "# Ещё\n") == 7


@pytest.mark.parametrize("damaged", ["index.json", "index.journal"])
async def test_after_damage_to_index_or_journal_every_readable_change_is_kept(
    files: ReportFiles, folder: Path, tmp_path: Path, damaged: str
) -> None:
    await change_all_ways(files)
    content = (folder / damaged).read_bytes()
    first, _, rest = content.partition(b"\n")
    broken = b"\x00" * 9 + content[9:] if damaged == "index.json" else first + b"\n" + b"\x00" * 9 + b"\n" + rest
    (folder / damaged).write_bytes(broken)
    with pytest.raises(ReportIndexBroken):
        await files.list(OWNER)
    assert (await files.reconcile(OWNER, [])).rebuilt
    assert await titles(files) == await titles(ReportFiles(tmp_path)) == CHANGED
    assert [path.read_bytes() for path in asides(folder, damaged)] == [broken]
    assert await files.save(OWNER, entry(), "# Ещё\n") == 7


def asides(folder: Path, name: str) -> list[Path]:
    return list(folder.glob(f"{name}.corrupt-*"))


async def test_the_highest_numbers_come_first_and_numbers_are_known_without_reading(files: ReportFiles) -> None:
    assert (await files.newest_first(OWNER)).numbers == [5, 4, 3, 2, 1]
    await change_all_ways(files)
    newest = await files.newest_first(OWNER)
    assert newest.numbers == [6, 5, 4, 1]
    assert [line.number for line in newest] == [line.number for line in newest[:]] == [6, 5, 4, 1]
    assert (newest[3].title, len(newest)) == ('Новое "имя"', 4)


@pytest.mark.parametrize("journaled", [0.01, LARGE])
async def test_reports_ordered_together_have_numbers_in_their_order(
    files: ReportFiles, tmp_path: Path, journaled: float
) -> None:
    links, general, specific = (entry() for _ in range(3))
    later = entry().model_copy(update={"number": 6})
    ahead = [links.id, general.id]
    assert await ReportFiles(tmp_path, journaled).save(OWNER, specific, "# Раньше всех\n", ahead) == 8
    # Other processes, and a report that had such a number elsewhere, do not take the numbers.
    assert await ReportFiles(tmp_path, journaled).save(OWNER, later, "# Другой\n") == 9
    assert await ReportFiles(tmp_path, journaled).save(OWNER, general, "# Потом\n", [links.id]) == 7
    assert await files.save(OWNER, links, "# Последним\n") == 6
    assert await files.save(OWNER, links, "# Ещё раз\n", ahead) == 6
    assert await files.save(OWNER, entry(), "# Новый\n") == 10


async def test_what_a_start_has_looked_through_is_not_read_again(
    files: ReportFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await files.rename(OWNER, 1, "Имя")
    started = ReportFiles(tmp_path, LARGE)
    await started.reconcile(OWNER, [])
    with monkeypatch.context() as patched:
        patched.setattr("md_storage.read_stored", None)
        assert [title for _, title in await titles(started)] == ["Имя", *["Отель «Заря»"] * 4]
    await started.rename(OWNER, 2, "Другое")
    assert [title for _, title in await titles(ReportFiles(tmp_path, LARGE))][:2] == ["Имя", "Другое"]


@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_title_that_was_refused_for_want_of_space_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    await ReportFiles(tmp_path).save(OWNER, entry(), "# Отчёт\n")
    fsync, calls = os.fsync, count(1)

    def full(descriptor: int) -> None:
        if next(calls) == nth:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DiskFull):
            await ReportFiles(tmp_path).rename(OWNER, 1, "Новое имя")
    assert await titles(ReportFiles(tmp_path)) == [(1, "Отель «Заря»")]


async def test_a_folder_that_was_forgotten_in_the_middle_of_a_change_keeps_it(
    files: ReportFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = utils.write_atomically

    def forgetting(path: Path, text: str) -> None:
        files._kept.clear()
        write(path, text)

    monkeypatch.setattr(md_storage, "write_atomically", forgetting)
    assert await files.save(OWNER, entry(), "# Новый\n") == 6
    await files.rename(OWNER, 6, "Имя")
    assert (await titles(ReportFiles(tmp_path, LARGE)))[-1] == (6, "Имя")
