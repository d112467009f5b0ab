"""Objects as files: what is on the disk at which moment, what damage leads to, and who may look."""

import asyncio
import errno
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from errors import DiskFull, NotFound, ObjectFolderUnavailable, ObjectStoreUnavailable
from object_files import FolderObjectStore

KEY = "recordings/owner/recording/original.ogg"
OLD, NEW = b"old" * 1000, b"new" * 1000


class Death(BaseException):
    """The process is killed."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "objects"


@pytest.fixture
def objects(folder: Path) -> FolderObjectStore:
    return FolderObjectStore(folder)


async def fetched(objects: FolderObjectStore, folder: Path, key: str = KEY) -> bytes:
    await objects.get_file(key, folder.parent / "fetched")
    return (folder.parent / "fetched").read_bytes()


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.rglob(pattern)
    return path


def folders(folder: Path) -> list[Path]:
    return [folder, *(path for path in folder.rglob("*") if path.is_dir())]


async def test_only_the_owner_looks_in(objects: FolderObjectStore, folder: Path) -> None:
    await objects.put_bytes(KEY, NEW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders(folder)} == {0o700}


async def test_everything_is_synced_before_it_gets_its_name(
    objects: FolderObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name on the disk whose bytes are not there yet is what a power cut makes of a file that was not synced."""
    done: list[tuple[str, str]] = []

    def noted(name: str, call: Callable[..., Any], place: Callable[..., str]) -> None:
        def noting(*args: Any, **kwargs: Any) -> Any:
            done.append((name, place(*args)))
            return call(*args, **kwargs)

        monkeypatch.setattr(os, name, noting)

    noted("fsync", os.fsync, lambda number: Path(f"/proc/self/fd/{number}").readlink().name)
    noted("rename", os.rename, lambda _, target: Path(target).name)
    noted("replace", os.replace, lambda _, target: Path(target).name)
    await objects.put_bytes(KEY, NEW)
    steps = [
        name if call == "fsync" and not name.endswith(".tmp") else f"{call} {Path(name).suffix}" for call, name in done
    ]
    above = ["state", "objects", "recordings", "owner"]
    assert steps == [*above, "fsync .tmp", "replace .ogg", "recording", "fsync .tmp", "replace .object", "recording"]


@pytest.mark.parametrize("moment", range(12))
async def test_killed_at_any_step_the_object_is_the_old_or_the_new(
    objects: FolderObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    await objects.put_bytes(KEY, OLD)
    steps = iter(range(100))

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            if next(steps) == moment:
                raise Death
            return call(*args, **kwargs)

        return step

    with monkeypatch.context() as patched:
        for name in ("fsync", "replace", "rename", "unlink"):
            patched.setattr(os, name, dying(getattr(os, name)))
        died = False
        try:
            await objects.put_bytes(KEY, NEW)
        except Death:
            died = True
    assert died == (moment < 11)
    assert await fetched(objects, folder) in ([OLD, NEW] if died else [NEW])
    await objects.put_bytes(KEY, NEW)
    assert await fetched(objects, folder) == NEW
    await objects.delete(KEY)
    assert files(folder) == []


async def test_a_deleted_object_leaves_nothing_and_neither_do_killed_calls(
    objects: FolderObjectStore, folder: Path
) -> None:
    await objects.put_bytes(KEY, NEW)
    place = (folder / KEY).parent
    (place / f"original.{'0' * 64}.ogg").write_bytes(b"described nowhere")
    (place / f".{'0' * 32}.tmp").write_bytes(b"half")
    await objects.delete(KEY)
    assert folders(folder) == [folder]
    assert files(folder) == []


async def test_deletions_and_uploads_side_by_side_do_not_meet(objects: FolderObjectStore, folder: Path) -> None:
    async def come_and_go(number: int) -> None:
        for _ in range(30):
            await objects.put_bytes(f"a/b/{number}.json", NEW)
            await objects.delete(f"a/b/{number}.json")

    await asyncio.gather(*(come_and_go(number) for number in range(6)))
    assert folders(folder) == [folder]


async def test_many_put_the_same_object_at_once_and_one_of_them_is_there(
    objects: FolderObjectStore, folder: Path
) -> None:
    versions = [str(number).encode() * 100_000 for number in range(8)]
    await asyncio.gather(*(objects.put_bytes(KEY, each) for each in versions))
    assert await fetched(objects, folder) in versions
    assert len(files(folder)) == 2


async def test_objects_that_go_while_they_are_listed_end_nothing(objects: FolderObjectStore) -> None:
    keys = [f"a/{number}/b.json" for number in range(1500)]
    for key in keys[:5] + keys[-5:]:
        await objects.put_bytes(key, NEW)

    async def others_delete() -> None:
        for key in keys[:5] + keys[-5:]:
            await objects.delete(key)

    deleting = asyncio.create_task(others_delete())
    for _ in range(30):
        assert {key async for key in objects.list_keys()} <= set(keys)
    await deleting
    assert [key async for key in objects.list_keys()] == []


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize("damage", [cut, changed])
async def test_damaged_bytes_are_not_given_out(
    objects: FolderObjectStore, folder: Path, damage: Callable[[Path], None]
) -> None:
    await objects.put_bytes(KEY, NEW)
    damage(only(folder, "original.*.ogg"))
    with pytest.raises(ObjectStoreUnavailable, match="sha256"):
        await fetched(objects, folder)
    assert len(files(folder.parent)) == 2
    assert await objects.exists(KEY) == (damage is changed)


@pytest.mark.parametrize("pattern", ["original.*.ogg", "*.object"])
async def test_an_object_that_lost_a_file_is_not_there(objects: FolderObjectStore, folder: Path, pattern: str) -> None:
    await objects.put_bytes(KEY, NEW)
    only(folder, pattern).unlink()
    assert not await objects.exists(KEY)
    with pytest.raises(NotFound):
        await fetched(objects, folder)


async def test_a_description_that_does_not_parse_is_none(objects: FolderObjectStore, folder: Path) -> None:
    await objects.put_bytes(KEY, NEW)
    cut(only(folder, "*.object"))
    assert not await objects.exists(KEY)
    await objects.put_bytes(KEY, NEW)
    assert await fetched(objects, folder) == NEW


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    objects = FolderObjectStore(tmp_path / "file" / "objects")
    listing = anext(objects.list_keys())
    tidying = objects.tidy(datetime.now(UTC))
    for call in (objects.check(), objects.put_bytes(KEY, NEW), objects.exists(KEY), listing, tidying):
        with pytest.raises(ObjectFolderUnavailable, match="objects"):
            await call


async def test_a_full_disk_is_said_to_be_one(
    objects: FolderObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await objects.put_bytes(KEY, OLD)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DiskFull):
            await objects.put_bytes(KEY, NEW)
    assert await fetched(objects, folder) == OLD
    assert len(files(folder)) == 2


async def test_a_key_never_leads_out(objects: FolderObjectStore) -> None:
    for key in ("../secret", "/etc/passwd", "a//b", "a/./b", ""):
        with pytest.raises(AssertionError):
            await objects.put_bytes(key, NEW)


async def test_what_killed_calls_left_is_removed_when_it_is_old(objects: FolderObjectStore, folder: Path) -> None:
    await objects.put_bytes(KEY, OLD)
    place = (folder / KEY).parent
    lonely = folder / "recordings" / "owner" / "another"
    lonely.mkdir()
    left = [place / ".0a1b.tmp", place / f"original.{'0' * 64}.ogg", lonely / f"original.{'1' * 64}.ogg"]
    for path in left:
        path.write_bytes(b"part")
    await objects.tidy(datetime.now(UTC) - timedelta(days=1))
    assert all(path.exists() for path in left)
    await objects.tidy(datetime.now(UTC) + timedelta(days=1))
    assert not any(path.exists() for path in left)
    assert not lonely.exists()
    assert await fetched(objects, folder) == OLD


async def test_nothing_is_removed_beside_a_description_that_cannot_be_read(
    objects: FolderObjectStore, folder: Path
) -> None:
    await objects.put_bytes(KEY, OLD)
    description = folder / f"{KEY}.object"
    kept = description.read_bytes()
    description.write_bytes(b"{")
    await objects.tidy(datetime.now(UTC) + timedelta(days=1))
    description.write_bytes(kept)
    assert await fetched(objects, folder) == OLD
