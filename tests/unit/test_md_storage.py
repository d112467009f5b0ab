"""Report folders: permanent numbers, an index that survives kills and damage."""

import asyncio
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from datamodels import NewReportFile, ReportId, ReportRunId, UserId
from errors import NotFound, ReportIndexBroken
from md_storage import ReportFiles

SRC = Path(__file__).resolve().parents[2] / "src"
OWNER = UserId(UUID(int=7))
TEXT = "# Оценка методологии\n\nСотрудник спросил о завтраке.\n"

SAVE_REPORTS = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4
from datamodels import NewReportFile, ReportId, ReportRunId, UserId
from md_storage import ReportFiles

async def main() -> None:
    files = ReportFiles(Path(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        entry = NewReportFile(
            id=ReportRunId(uuid4()), title="Отчёт", recording_number=1, recording_file_name="запись.ogg",
            report_id=ReportId("report_int_links"), label="Отчет о связках", created_at=datetime.now(UTC),
        )
        print(await files.save(UserId(UUID(int=7)), entry, "текст " * 1000), flush=True)

asyncio.run(main())
"""


def entry(number: int | None = None, day: int = 3) -> NewReportFile:
    return NewReportFile(
        id=ReportRunId(uuid4()),
        number=number,
        title="Отель «Заря», интервью",
        recording_number=17,
        recording_file_name="интервью 17.ogg",
        report_id=ReportId("report_int_methodology"),
        label="1) Оценка методологии интервью",
        created_at=datetime(2026, 11, day, tzinfo=UTC),
    )


def saving_process(root: Path, reports: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SAVE_REPORTS, str(root), str(reports)],
        env={"PYTHONPATH": str(SRC)},
        stdout=subprocess.PIPE,
        text=True,
    )


def folder(root: Path) -> Path:
    return root / f"user_{OWNER}"


async def test_a_saved_report_is_listed_and_read(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    new = entry()
    number = await files.save(OWNER, new, TEXT)
    [line] = await files.list(OWNER)
    assert number == line.number == 1
    assert line.model_dump(exclude={"number", "size_bytes", "tokens"}) == new.model_dump(exclude={"number"})
    assert line.size_bytes == len(TEXT.encode())
    assert 5 < line.tokens < len(TEXT)
    assert await files.read(OWNER, 1) == TEXT


async def test_a_user_without_reports_has_an_empty_list(tmp_path: Path) -> None:
    assert await ReportFiles(tmp_path).list(OWNER) == []


async def test_an_unknown_number_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await ReportFiles(tmp_path).read(OWNER, 1)


async def test_the_same_report_saved_again_keeps_its_number_and_takes_the_new_text(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    new = entry()
    await files.save(OWNER, entry(), TEXT)
    first = await files.save(OWNER, new, TEXT)
    assert await files.save(OWNER, new, "другой") == first == 2
    assert await files.read(OWNER, 2) == "другой"
    assert len(await files.list(OWNER)) == 2


async def test_an_earlier_report_saved_again_does_not_take_the_next_number_back(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    first = entry()
    for report in (first, entry(), entry()):
        await files.save(OWNER, report, TEXT)
    assert await files.save(OWNER, first, "другой") == 1
    assert await files.save(OWNER, entry(), TEXT) == 4


async def test_users_have_numbers_of_their_own(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    other, own, others = UserId(uuid4()), entry(), entry()
    await files.save(OWNER, own, TEXT)
    assert await files.save(other, others, "чужой") == 1
    assert [report.id for report in await files.list(OWNER)] == [own.id]
    assert [report.id for report in await files.list(other)] == [others.id]
    assert (await files.read(OWNER, 1), await files.read(other, 1)) == (TEXT, "чужой")


async def test_tasks_that_save_at_once_get_different_numbers(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    numbers = await asyncio.gather(*(files.save(OWNER, entry(), TEXT) for _ in range(20)))
    assert sorted(numbers) == list(range(1, 21))


async def test_processes_that_save_at_once_get_different_numbers(tmp_path: Path) -> None:
    processes = [saving_process(tmp_path, 15) for _ in range(2)]
    printed = [process.communicate()[0].split() for process in processes]
    assert sorted(int(number) for numbers in printed for number in numbers) == list(range(1, 31))
    assert len(await ReportFiles(tmp_path).list(OWNER)) == 30


async def test_a_killed_process_leaves_an_index_of_files_that_are_there(tmp_path: Path) -> None:
    process = saving_process(tmp_path, 10_000)
    assert process.stdout is not None
    with process.stdout:
        told = [int(process.stdout.readline()) for _ in range(10)]
        process.send_signal(signal.SIGKILL)
        process.wait()
    files = ReportFiles(tmp_path)
    lines = await files.list(OWNER)
    assert {line.number for line in lines} >= set(told)
    for line in lines:
        assert len((await files.read(OWNER, line.number)).encode()) == line.size_bytes
    assert await files.save(OWNER, entry(), TEXT) == len(lines) + 1


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"next_number": 1, "reports": [{"number": 1}]}'])
async def test_a_damaged_index_is_refused_and_stays_as_it_is(tmp_path: Path, damage: bytes) -> None:
    files = ReportFiles(tmp_path)
    await files.save(OWNER, entry(), TEXT)
    index = folder(tmp_path) / "index.json"
    index.write_bytes(damage)
    with pytest.raises(ReportIndexBroken):
        await files.save(OWNER, entry(), TEXT)
    assert index.read_bytes() == damage


async def test_a_damaged_index_is_set_aside_and_rebuilt_with_the_same_numbers(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    rows = [entry(), entry(), entry()]
    numbered = [row.model_copy(update={"number": await files.save(OWNER, row, TEXT)}) for row in rows]
    before = await files.list(OWNER)
    (folder(tmp_path) / "index.json").write_bytes(b"{ damaged")

    result = await files.reconcile(OWNER, [numbered[2], numbered[0], numbered[1]])

    assert result.rebuilt
    assert await files.list(OWNER) == before
    [aside] = folder(tmp_path).glob("index.json.corrupt-*")
    assert aside.read_bytes() == b"{ damaged"


async def test_a_lost_index_is_refused_and_rebuilt(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    row = entry()
    await files.save(OWNER, row, TEXT)
    (folder(tmp_path) / "index.json").unlink()
    with pytest.raises(ReportIndexBroken):
        await files.list(OWNER)
    assert (await files.reconcile(OWNER, [row.model_copy(update={"number": 1})])).rebuilt
    assert await files.read(OWNER, 1) == TEXT


async def test_reports_without_a_known_number_come_after_those_with_one_by_date(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    rows = [entry(day=5), entry(number=2, day=6), entry(day=4)]
    folder(tmp_path).mkdir()
    for row in rows:
        (folder(tmp_path) / f"{row.id}.md").write_text(TEXT, encoding="utf-8")
    await files.reconcile(OWNER, rows)
    assert [(line.number, line.created_at.day) for line in await files.list(OWNER)] == [(2, 6), (3, 4), (4, 5)]


async def test_numbers_given_before_the_damage_are_not_given_again(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    for _ in range(3):
        await files.save(OWNER, entry(), TEXT)
    index = folder(tmp_path) / "index.json"
    index.write_bytes(index.read_bytes()[:60])
    await files.reconcile(OWNER, [])
    assert await files.save(OWNER, entry(), TEXT) == 4


async def test_a_healthy_folder_is_left_as_it_is(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    row = entry()
    await files.save(OWNER, row, TEXT)
    index = folder(tmp_path) / "index.json"
    before = index.stat()
    result = await files.reconcile(OWNER, [row.model_copy(update={"number": 1})])
    assert (result.rebuilt, result.added, result.missing, result.orphans) == (False, (), (), ())
    assert index.stat().st_mtime_ns == before.st_mtime_ns


async def test_what_differs_is_told_and_nothing_is_dropped(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    gone, unlisted, unknown = entry(), entry(number=5), entry()
    await files.save(OWNER, gone, TEXT)
    (folder(tmp_path) / f"{gone.id}.md").unlink()
    for report in (unlisted, unknown):
        (folder(tmp_path) / f"{report.id}.md").write_text(TEXT, encoding="utf-8")
    leftover = folder(tmp_path) / ".0123456789abcdef.tmp"
    leftover.write_bytes(b"half")

    result = await files.reconcile(OWNER, [gone, unlisted])

    assert result.added == (unlisted.id,)
    assert result.missing == (gone.id,)
    assert result.orphans == (f"{unknown.id}.md",)
    assert [line.number for line in await files.list(OWNER)] == [1, 5]
    assert not leftover.exists()
    with pytest.raises(NotFound):
        await files.read(OWNER, 1)


async def test_a_deleted_report_is_gone_and_its_number_is_not_given_again(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    kept, deleted, new = entry(), entry(), entry()
    await files.save(OWNER, kept, TEXT)
    assert await files.save(OWNER, deleted, TEXT) == 2
    await files.delete(OWNER, deleted.id)
    await files.delete(OWNER, deleted.id)
    assert [report.id for report in await files.list(OWNER)] == [kept.id]
    assert not (folder(tmp_path) / f"{deleted.id}.md").exists()
    with pytest.raises(NotFound):
        await files.read(OWNER, 2)
    assert await files.save(OWNER, new, TEXT) == 3


async def test_deleting_again_removes_the_file_that_a_crash_left(tmp_path: Path) -> None:
    files = ReportFiles(tmp_path)
    report = entry()
    await files.save(OWNER, report, TEXT)
    await files.delete(OWNER, report.id)
    left = folder(tmp_path) / f"{report.id}.md"
    left.write_text(TEXT, encoding="utf-8")
    await files.delete(OWNER, report.id)
    assert not left.exists()
