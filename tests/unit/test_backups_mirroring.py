"""The mirror of the objects: what it takes over, what it keeps, and when it takes the store for the wrong one."""

from collections.abc import Collection
from pathlib import Path

import pytest

import backups.mirroring
from backups.mirroring import Mirror
from errors import DiskFull, ObjectStoreUnavailable
from errors_of_operation import BackupFailed
from object_copies import copy_objects
from object_files import FolderObjectStore

KEYS = [f"recordings/a/{number}/original.ogg" for number in range(20)]


class World:
    def __init__(self, folder: Path) -> None:
        self.store = FolderObjectStore(folder / "store")
        self.kept = FolderObjectStore(folder / "kept")
        self.said: list[str] = []
        self.named = set(KEYS)
        self.mirror = Mirror(self.store, folder / "kept", folder, self.said.append)

    async def still_named(self, keys: Collection[str]) -> set[str]:
        return self.named.intersection(keys)

    async def update(self) -> tuple[int, int, int]:
        """How many objects are in the mirror, lost to the store, and absent from both."""
        await self.mirror.growth()
        found = await self.mirror.update(KEYS, self.still_named)
        assert sorted(found.facts) == sorted([key async for key in self.kept.list_keys()])
        return len(found.facts), len(found.lost), len(found.absent)


@pytest.fixture
async def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    await world.store.ensure()
    for key in KEYS:
        await world.store.put_bytes(key, b"sound")
        await world.store.put_bytes(key.replace("original.ogg", "transcript.json"), b"{}")
    return world


async def test_everything_is_taken_over_once_and_what_was_deleted_goes(world: World) -> None:
    growth = await world.mirror.growth()
    assert (growth.size_bytes, growth.largest_bytes) == (140, 5)
    assert await world.update() == (40, 0, 0)
    assert (await world.mirror.growth()).size_bytes == 0
    for key in (KEYS[0], KEYS[0].replace("original.ogg", "transcript.json")):
        await world.store.delete(key)
    world.named.remove(KEYS[0])
    assert await world.update() == (38, 0, 0)
    assert world.said == []


async def test_what_the_store_has_lost_stays_with_its_transcripts_and_is_told(world: World) -> None:
    await world.update()
    for key in [key async for key in world.store.list_keys()]:
        await world.store.delete(key)
    assert await world.update() == (40, 20, 0)
    assert world.said[-1] == "! Хранилище потеряло записей: 20; из них нет и в копии: 0. Что делать — docs/backups.md."


@pytest.mark.parametrize(("missing", "is_right"), [(2, True), (3, False)])
async def test_one_recording_in_ten_may_be_nowhere_and_no_more(world: World, missing: int, *, is_right: bool) -> None:
    for key in KEYS[:missing]:
        await world.store.delete(key)
    if is_right:
        assert await world.update() == (38, 2, 2)
        return
    with pytest.raises(BackupFailed, match="3 из 20"):
        await world.update()


async def test_a_store_that_is_not_there_is_not_made(world: World, tmp_path: Path) -> None:
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    with pytest.raises(ObjectStoreUnavailable):
        await world.mirror.growth()
    assert not (tmp_path / "store").exists()


async def test_a_disk_that_becomes_full_meanwhile_gets_back_what_was_added(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await world.update()
    await world.store.put_bytes("recordings/a/new/original.ogg", b"sound")

    async def fill(*arguments: object) -> None:
        await copy_objects(*arguments)  # type: ignore[arg-type]
        raise DiskFull(path=tmp_path)

    monkeypatch.setattr(backups.mirroring, "copy_objects", fill)
    with pytest.raises(DiskFull):
        await world.mirror.update(KEYS, world.still_named)
    assert not [key async for key in world.kept.list_keys() if "new" in key]
    assert len([key async for key in world.kept.list_keys()]) == 40
