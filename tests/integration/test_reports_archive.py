"""The archive where the database or the disk fail in the middle."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from db import Database
from default_pack import PACK
from errors import DatabaseUnavailable, NotFound, ReportFileGone
from my_reports_world import TEXT, Owner, ReportsBot
from reports.archive import file_entry
from reports_store import list_named


@pytest.fixture
def bot(shared_database: Database, tmp_path: Path) -> ReportsBot:
    return ReportsBot(shared_database, tmp_path)


@pytest.fixture
async def anna(bot: ReportsBot) -> Owner:
    owner = await Owner.come(bot)
    await owner.has_report()
    await owner.has_report()
    return owner


async def test_a_deletion_that_the_database_interrupted_goes_on_when_asked_again(
    bot: ReportsBot, anna: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> AbstractAsyncContextManager[None]:
        raise DatabaseUnavailable(reason="test")

    with monkeypatch.context() as patch:
        patch.setattr(bot.database, "transaction", gone)
        with pytest.raises(DatabaseUnavailable):
            await bot.archive.delete(anna.id, 1)
    assert await anna.numbers() == [2]
    assert (await bot.archive.delete(anna.id, 1)).number == 1
    assert await anna.run_of(1) is None
    with pytest.raises(NotFound):
        await bot.archive.delete(anna.id, 1)


async def test_what_the_database_knows_is_enough_to_name_a_report(bot: ReportsBot, anna: Owner) -> None:
    async with bot.database.transaction() as connection:
        rows = await list_named(connection, anna.id)
    entries = [file_entry(PACK, row) for row in rows]
    assert {entry.number for entry in entries} == {1, 2}
    assert {entry.scenario for entry in entries} == {"interview"}


async def test_reports_are_newest_first(bot: ReportsBot, anna: Owner) -> None:
    assert [report.number for report in await bot.archive.list(anna.id)] == [2, 1]


async def test_a_report_lost_everywhere_is_told(bot: ReportsBot, anna: Owner) -> None:
    run = await anna.run_of(1)
    (anna.folder / f"{run}.md").unlink()
    async with bot.database.transaction() as connection:
        await connection.execute("DELETE FROM report_runs WHERE id = %s", (run,))
    with pytest.raises(ReportFileGone):
        await bot.archive.read(anna.id, 1)
    assert (await bot.archive.read(anna.id, 2))[1] == TEXT


async def test_nobody_reads_deletes_or_renames_what_is_not_theirs(bot: ReportsBot, anna: Owner) -> None:
    other = await Owner.come(bot)
    for work in (bot.archive.read, bot.archive.delete, bot.archive.find):
        with pytest.raises(NotFound):
            await work(other.id, 1)
    with pytest.raises(NotFound):
        await bot.archive.rename(other.id, 1, "Чужое")
    assert await anna.numbers() == [1, 2]
