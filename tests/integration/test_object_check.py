"""Objects that no recording names and originals that are lost are found; nothing else is ever deleted."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

import recordings_store
from cli.display import Display
from cli.objects import check
from config import Settings
from datamodels import Recording, RecordingId, UserId
from db import Database, migrate
from object_files import FolderObjectStore
from object_store import key_for_original, key_for_transcript
from recordings.object_check import check_objects
from recordings_factory import add_recording

BEFORE = datetime.now(UTC) - timedelta(days=1)
FOREIGN_TO_ROWS = key_for_original(UserId(uuid4()), RecordingId(uuid4()), "ogg")


@pytest.fixture
def store(tmp_path: Path) -> FolderObjectStore:
    return FolderObjectStore(tmp_path / "objects")


async def stored(database: Database, store: FolderObjectStore) -> Recording:
    """Add somebody's recording with its original and its transcript, both old."""
    async with database.transaction() as connection:
        recording = await add_recording(connection)
    for key in (recording.object_key, key_for_transcript(recording.owner_id, recording.id)):
        await put_old(store, key)
    return recording


async def put_old(store: FolderObjectStore, key: str) -> None:
    await store.put_bytes(key, b"data")
    changed = (BEFORE - timedelta(minutes=1)).timestamp()
    os.utime(store._folder / f"{key}.object", (changed, changed))


async def keys(store: FolderObjectStore) -> set[str]:
    return {key async for key in store.list_keys()}


async def test_orphans_are_old_objects_that_no_recording_names(followed: Database, store: FolderObjectStore) -> None:
    mine, _ = [await stored(followed, store) for _ in range(2)]
    orphan = key_for_original(mine.owner_id, RecordingId(uuid4()), "ogg")
    await put_old(store, orphan)
    await store.put_bytes(key_for_original(mine.owner_id, RecordingId(uuid4()), "mp3"), b"on its way")
    checked = await check_objects(followed, store, BEFORE)
    assert (checked.objects, checked.orphans, checked.lost) == (6, [orphan], [])
    assert checked.size_bytes == 2 * mine.size_bytes
    assert orphan in await keys(store)


async def test_only_orphans_are_deleted_and_only_when_it_is_asked_for(
    followed: Database, store: FolderObjectStore
) -> None:
    await stored(followed, store)
    before = await keys(store)
    await put_old(store, FOREIGN_TO_ROWS)
    checked = await check_objects(followed, store, BEFORE, delete=1)
    assert checked.deleted
    assert await keys(store) == before


@pytest.mark.parametrize("is_in_use", [False, True])
async def test_a_database_that_knows_none_of_the_objects_has_none_deleted(
    followed: Database, store: FolderObjectStore, is_in_use: bool
) -> None:
    await put_old(store, FOREIGN_TO_ROWS)
    if is_in_use:
        # Another installation's store, to which something was added today; ours has a recording that it does not have.
        await store.put_bytes(f"recordings/{uuid4()}/{uuid4()}/original.ogg", b"sound")
        async with followed.transaction() as connection:
            await add_recording(connection)
    before = await keys(store)
    checked = await check_objects(followed, store, BEFORE, delete=1)
    assert (len(checked.orphans), checked.deleted) == (1, False)
    assert await keys(store) == before


async def test_what_another_program_keeps_in_the_store_is_left_alone(
    followed: Database, store: FolderObjectStore
) -> None:
    await stored(followed, store)
    await put_old(store, "backups/other-app/dump.sql")
    checked = await check_objects(followed, store, BEFORE, delete=1)
    assert checked.orphans == []
    assert "backups/other-app/dump.sql" in await keys(store)


async def test_a_database_from_an_older_backup_has_nothing_deleted(
    followed: Database, store: FolderObjectStore
) -> None:
    mine = await stored(followed, store)
    orphan = key_for_original(mine.owner_id, RecordingId(uuid4()), "ogg")
    await put_old(store, orphan)
    async with followed.transaction() as connection:
        await connection.execute("UPDATE recordings SET created_at = now() - interval '1 year'")
    checked = await check_objects(followed, store, BEFORE, delete=1)
    assert (checked.orphans, checked.deleted) == ([orphan], False)
    assert orphan in await keys(store)


@pytest.mark.parametrize("said", [0, 1, 3])
async def test_one_new_recording_does_not_give_the_store_of_others_to_a_copied_database(
    followed: Database, store: FolderObjectStore, said: int
) -> None:
    # Two recordings that the database does not know: made after its backup, or in another installation.
    theirs = [key_for_original(UserId(uuid4()), RecordingId(uuid4()), "ogg") for _ in range(2)]
    for key in theirs:
        await put_old(store, key)
    await stored(followed, store)
    before = await keys(store)
    checked = await check_objects(followed, store, BEFORE, delete=said)
    assert (checked.orphans, checked.deleted) == (sorted(theirs), False)
    assert await keys(store) == before
    assert (await check_objects(followed, store, BEFORE, delete=2)).deleted


async def test_with_no_orphans_nothing_is_said_to_be_deleted(followed: Database, store: FolderObjectStore) -> None:
    await stored(followed, store)
    assert not (await check_objects(followed, store, BEFORE, delete=0)).deleted


async def test_a_lost_original_is_told_of_and_one_that_is_deleted_meanwhile_is_not(
    followed: Database, store: FolderObjectStore
) -> None:
    lost, deleted, _ = [await stored(followed, store) for _ in range(3)]
    for recording in (lost, deleted):
        await store.delete(recording.object_key)

    class DeletesMeanwhile(FolderObjectStore):
        async def exists(self, key: str) -> bool:
            async with followed.transaction() as connection:
                await recordings_store.delete_recording(connection, deleted.id)
            return await super().exists(key)

    checked = await check_objects(followed, DeletesMeanwhile(store._folder), BEFORE)
    assert checked.lost == [lost.object_key]


class Said:
    """A display that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def advance(self, *_: object) -> None:
        pass


async def test_the_command_tells_in_words_and_fails_when_an_original_is_lost(database_url: str, tmp_path: Path) -> None:
    migrate(database_url)
    settings = Settings(_env_file=None, database_url=database_url, persistent_dir=tmp_path)
    store = FolderObjectStore(tmp_path / "objects")
    database = await Database.open(database_url)
    recording = await stored(database, store)
    await put_old(store, FOREIGN_TO_ROWS)
    said = Said()
    to_delete = (
        f"Ничего не удалено. Самый новый из лишних файлов — от {BEFORE.astimezone() - timedelta(minutes=1):%d.%m.%Y}; "
        "файлы моложе суток лишними не считаются. Если база восстановлена из резервной копии или хранилищем пользуется "
        "другая установка, это чьи-то записи: удалять их нельзя. Если это не так, удалить лишние: "
        "objects check --delete 1"
    )
    assert await check(settings, None, cast("Display", said)) == 0
    assert said.lines == [
        f"• Лишний: {FOREIGN_TO_ROWS} (его не называет ни одна запись).",
        "Файлов в хранилище: 3, из них лишних: 1. Потеряно исходных файлов: 0.",
        to_delete,
    ]
    said.lines.clear()
    assert await check(settings, 2, cast("Display", said)) == 0
    assert said.lines[-1] == to_delete
    await store.delete(recording.object_key)
    await database.close()
    said.lines.clear()
    assert await check(settings, 1, cast("Display", said)) == 1
    assert said.lines == [
        f"• Удалён лишний: {FOREIGN_TO_ROWS}.",
        f"✖ Исходного файла нет: {recording.object_key}.",
        "Файлов в хранилище: 2, из них лишних: 1. Потеряно исходных файлов: 1.",
    ]
