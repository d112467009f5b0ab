"""What every object store promises, over each of them."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tenacity import wait_none

from datamodels import RecordingId, UserId
from embedded.s3 import S3Endpoint
from errors import NotFound, ObjectStoreUnavailable, UnreadableFile
from minio_manager import S3ObjectStore
from object_files import FolderObjectStore
from object_store import ObjectInfo, ObjectStore, key_for_original, key_for_transcript

FILE_NAME = "Интервью №17, отель «Заря» 100%.ogg"

NewStore = Callable[[], ObjectStore]


@pytest.fixture(params=["folder", "s3"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> NewStore:
    """Opens the same store again, as another process would."""
    if request.param == "folder":
        return lambda: FolderObjectStore(tmp_path / "objects")
    endpoint: S3Endpoint = request.getfixturevalue("s3_endpoint")
    bucket = f"conformance-{uuid4().hex}"

    return lambda: S3ObjectStore(
        endpoint.endpoint, endpoint.access_key, endpoint.secret_key, bucket, retry_wait=wait_none()
    )


@pytest.fixture
async def objects(new_store: NewStore) -> AsyncIterator[ObjectStore]:
    store = new_store()
    await store.ensure()
    yield store
    store.close()


@pytest.fixture
def key() -> str:
    return key_for_original(UserId(uuid4()), RecordingId(uuid4()), "ogg")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


async def content(objects: ObjectStore, key: str, folder: Path) -> bytes:
    await objects.get_file(key, folder / "fetched")
    return (folder / "fetched").read_bytes()


def test_keys_are_made_of_owner_and_recording() -> None:
    owner, recording = UserId(UUID(int=1)), RecordingId(UUID(int=2))
    folder = "recordings/00000000-0000-0000-0000-000000000001/00000000-0000-0000-0000-000000000002"
    assert key_for_original(owner, recording, "ogg") == f"{folder}/original.ogg"
    assert key_for_transcript(owner, recording) == f"{folder}/transcript.json"


@pytest.mark.parametrize("size", [0, 1, 1_000_000, 16 * 1024 * 1024, 40_000_000])
async def test_a_file_comes_back_byte_by_byte(
    objects: ObjectStore, new_store: NewStore, key: str, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    await objects.put_file(key, written(tmp_path / "запись.ogg", data), sha256=sha256(data), file_name=FILE_NAME)
    again = new_store()
    assert await content(again, key, tmp_path) == data
    again.close()


@pytest.mark.parametrize("name", [FILE_NAME, "я" * 255])
async def test_an_object_is_described(objects: ObjectStore, key: str, tmp_path: Path, name: str) -> None:
    await objects.put_file(key, written(tmp_path / "f", b"data"), sha256=sha256(b"data"), file_name=name)
    info = await objects.info(key)
    assert info == ObjectInfo(4, sha256(b"data"), name, info.stored_at)
    assert abs(datetime.now(UTC) - info.stored_at) < timedelta(minutes=1)
    with pytest.raises(NotFound):
        await objects.info(f"{key}.mp3")


async def test_a_cyrillic_key_works(objects: ObjectStore, tmp_path: Path) -> None:
    await objects.put_bytes("проба/ёлка 1.json", b"{}")
    assert await content(objects, "проба/ёлка 1.json", tmp_path) == b"{}"
    assert [key async for key in objects.list_keys()] == ["проба/ёлка 1.json"]


async def test_bytes_put_again_take_the_place_of_the_earlier_ones(
    objects: ObjectStore, key: str, tmp_path: Path
) -> None:
    await objects.put_bytes(key, b"first")
    await objects.put_bytes(key, b"second")
    assert await content(objects, key, tmp_path) == b"second"
    assert (await objects.info(key)).size_bytes == 6


async def test_an_object_is_there_until_it_is_deleted(objects: ObjectStore, key: str) -> None:
    before = await objects.exists(key)
    await objects.put_bytes(key, b"data")
    between = await objects.exists(key)
    await objects.delete(key)
    await objects.delete(key)
    assert (before, between, await objects.exists(key)) == (False, True, False)


async def test_a_deleted_object_leaves_its_neighbours(objects: ObjectStore, tmp_path: Path) -> None:
    keys = ["a/b/original.ogg", "a/b/original.mp3", "a/b/original", "a/c/original.ogg"]
    for key in keys:
        await objects.put_bytes(key, key.encode())
    await objects.delete(keys[0])
    assert sorted([key async for key in objects.list_keys()]) == sorted(keys[1:])
    assert await content(objects, keys[2], tmp_path) == keys[2].encode()


async def test_every_key_is_listed_once(objects: ObjectStore) -> None:
    assert [key async for key in objects.list_keys()] == []
    keys = {f"recordings/{number % 7}/{number}/transcript.json" for number in range(1100)}
    for some in range(0, 1100, 100):
        await asyncio.gather(*(objects.put_bytes(key, b"") for key in sorted(keys)[some : some + 100]))
    listed = [key async for key in objects.list_keys()]
    assert len(listed) == len(keys)
    assert set(listed) == keys


async def test_what_is_not_there_is_not_found_and_writes_nothing(
    objects: ObjectStore, key: str, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(NotFound):
        await objects.get_file(key, folder / "file")
    assert list(folder.iterdir()) == []


async def test_a_file_that_is_not_what_it_was_is_refused_and_removed(
    objects: ObjectStore, key: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "file", b"changed meanwhile")
    with pytest.raises(ObjectStoreUnavailable, match="sha256"):
        await objects.put_file(key, path, sha256=sha256(b"as it was hashed"), file_name="file")
    assert not await objects.exists(key)


async def test_a_file_that_is_gone_is_unreadable(objects: ObjectStore, key: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        await objects.put_file(key, tmp_path / "gone", sha256=sha256(b""), file_name=FILE_NAME)


async def test_a_store_that_is_well_says_so(objects: ObjectStore) -> None:
    await objects.check()
