"""Renaming and deleting in report folders, and what mends them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from datamodels import NewReportFile, ReportFile, ReportId, ReportRunId, UserId
from errors import NotFound, ReportFileGone, ReportIndexBroken
from md_storage import ReportFiles
from report_folder.index import ReportIndex, write_index

OWNER = UserId(UUID(int=7))
TEXT = "# Отчёт\n"
NASTY_TITLES = ["Отель\n«Заря»", "**жирный** _курсив_ [ссылка](http://x)", "../../etc/passwd", 'Кавычка " и \\', "=1+1"]


@pytest.fixture
def files(tmp_path: Path) -> ReportFiles:
    return ReportFiles(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / f"user_{OWNER}"


def entry() -> NewReportFile:
    return NewReportFile(
        id=ReportRunId(uuid4()),
        title="Отель «Заря»",
        recording_number=17,
        recording_file_name="интервью.ogg",
        report_id=ReportId("report_int_links"),
        label="2) Отчет о связках",
        created_at=datetime(2026, 11, 3, tzinfo=UTC),
    )


async def saved(files: ReportFiles, count: int) -> list[NewReportFile]:
    entries = [entry() for _ in range(count)]
    for each in entries:
        await files.save(OWNER, each, TEXT)
    return entries


async def numbers(files: ReportFiles) -> list[int]:
    return [line.number for line in await files.list(OWNER)]


def found(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def known(entries: list[NewReportFile]) -> list[NewReportFile]:
    return [each.model_copy(update={"number": place}) for place, each in enumerate(entries, 1)]


@pytest.mark.parametrize("title", NASTY_TITLES)
async def test_a_renamed_report_has_its_title_as_given_and_all_else_as_before(files: ReportFiles, title: str) -> None:
    await saved(files, 2)
    [first, second] = await files.list(OWNER)
    assert await files.rename(OWNER, 2, title) == second.model_copy(update={"title": title})
    assert await files.list(OWNER) == [first, second.model_copy(update={"title": title})]
    assert await files.read(OWNER, 2) == TEXT


@pytest.mark.parametrize("change", ["rename", "begin_delete"])
async def test_what_is_not_there_cannot_be_changed(files: ReportFiles, change: str) -> None:
    await saved(files, 1)
    with pytest.raises(NotFound):
        await (files.rename(OWNER, 2, "Новое") if change == "rename" else files.begin_delete(OWNER, 2))
    with pytest.raises(NotFound):
        await files.rename(UserId(uuid4()), 1, "Чужое")


async def test_a_begun_deletion_takes_the_report_off_the_list_and_its_end_removes_the_file(
    files: ReportFiles, folder: Path
) -> None:
    [_, second] = await saved(files, 2)
    assert (await files.begin_delete(OWNER, 2)).id == second.id
    assert await numbers(files) == [1]
    with pytest.raises(NotFound):
        await files.read(OWNER, 2)
    assert (await files.begin_delete(OWNER, 2)).id == second.id
    assert (folder / f"{second.id}.md").exists()
    await files.finish_delete(OWNER, second.id)
    await files.finish_delete(OWNER, second.id)
    with pytest.raises(NotFound):
        await files.begin_delete(OWNER, 2)
    assert not (folder / f"{second.id}.md").exists()


async def test_only_what_was_begun_is_finished(files: ReportFiles) -> None:
    [first] = await saved(files, 1)
    await files.finish_delete(OWNER, first.id)
    assert await files.read(OWNER, 1) == TEXT


@pytest.mark.parametrize("begun_only", [True, False])
async def test_the_number_of_a_deleted_last_report_is_not_given_again(files: ReportFiles, begun_only: bool) -> None:
    [*_, last] = await saved(files, 3)
    await files.begin_delete(OWNER, 3)
    if not begun_only:
        await files.finish_delete(OWNER, last.id)
    assert await files.save(OWNER, entry(), TEXT) == 4


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"next_number": 9, "version": 2, "reports": []}', None])
async def test_after_any_damage_no_number_is_given_again_and_new_titles_stay(
    files: ReportFiles, folder: Path, damage: bytes | None
) -> None:
    [*_, last] = await saved(files, 3)
    await files.rename(OWNER, 1, "Новое имя")
    await files.begin_delete(OWNER, 3)
    await files.finish_delete(OWNER, last.id)
    before = await files.list(OWNER)
    index = folder / "index.json"
    index.unlink() if damage is None else index.write_bytes(damage)
    with pytest.raises(ReportIndexBroken):
        await files.list(OWNER)
    assert (await files.reconcile(OWNER, [])).rebuilt
    assert await files.list(OWNER) == before
    assert await files.save(OWNER, entry(), TEXT) >= 4
    asides = [path.read_bytes() for path in found(folder, "index.json.corrupt-*")]
    assert asides == ([] if damage is None else [damage])


async def test_a_lost_index_of_a_user_whose_reports_are_all_deleted_is_noticed(
    files: ReportFiles, folder: Path
) -> None:
    [only] = await saved(files, 1)
    await files.delete(OWNER, only.id)
    (folder / "index.json").unlink()
    with pytest.raises(ReportIndexBroken):
        await files.save(OWNER, entry(), TEXT)
    await files.reconcile(OWNER, [])
    assert await files.save(OWNER, entry(), TEXT) == 2


async def test_with_the_copy_damaged_too_files_and_rows_give_the_index_back(files: ReportFiles, folder: Path) -> None:
    entries = await saved(files, 3)
    before = await files.list(OWNER)
    for name in ("index.json", "index.copy.json"):
        (folder / name).write_bytes(b"\x00" * 40)
    await files.reconcile(OWNER, known(entries))
    assert await files.list(OWNER) == before


async def test_an_index_that_an_earlier_version_wrote_is_read(files: ReportFiles, folder: Path) -> None:
    await saved(files, 1)
    index = folder / "index.json"
    content = json.loads(index.read_bytes())
    del content["version"], content["deleting"], content["reports"][0]["scenario"]
    index.write_text(json.dumps(content), encoding="utf-8")
    assert await numbers(files) == [1]


async def test_a_crash_in_the_middle_of_a_deletion_is_told_and_the_report_stays_off_the_list(
    files: ReportFiles,
) -> None:
    entries = await saved(files, 2)
    await files.begin_delete(OWNER, 2)
    result = await files.reconcile(OWNER, known(entries))
    assert result.deleting == (entries[1].id,)
    assert (result.added, result.orphans) == ((), ())
    assert await numbers(files) == [1]


async def test_a_report_written_anew_while_it_is_being_deleted_keeps_its_number(files: ReportFiles) -> None:
    [report] = await saved(files, 1)
    await files.begin_delete(OWNER, 1)
    assert await files.save(OWNER, report, "заново") == 1
    await files.finish_delete(OWNER, report.id)
    assert await files.read(OWNER, 1) == "заново"


async def test_a_lost_file_is_told_apart_from_an_unknown_number(files: ReportFiles, folder: Path) -> None:
    [report] = await saved(files, 1)
    (folder / f"{report.id}.md").unlink()
    with pytest.raises(ReportFileGone) as caught:
        await files.read(OWNER, 1)
    assert caught.value.user_text == "Файл отчета №1 не найден на диске. Закажите отчет ещё раз по той же записи."


async def test_owners_are_those_with_a_folder(files: ReportFiles) -> None:
    assert await files.owners() == []
    await saved(files, 1)
    assert await files.owners() == [OWNER]


async def test_files_with_equal_names_of_recordings_do_not_collide(files: ReportFiles, folder: Path) -> None:
    await saved(files, 5)
    assert len({line.id for line in await files.list(OWNER)}) == len(found(folder, "*.md")) == 5


async def test_an_index_longer_than_one_piece_is_read_whole(files: ReportFiles, folder: Path) -> None:
    await saved(files, 1)
    [line] = await files.list(OWNER)
    lines = [line.model_copy(update={"id": ReportRunId(uuid4()), "number": place}) for place in range(1, 1203)]
    write_index(folder, ReportIndex(next_number=2000, reports=lines))
    assert await files.list(OWNER) == lines
    assert await files.save(OWNER, entry(), TEXT) == 2000


def test_a_line_knows_its_scenario_when_it_is_told() -> None:
    assert ReportFile(**entry().model_dump(exclude={"number"}), number=1, size_bytes=1, tokens=1).scenario is None
