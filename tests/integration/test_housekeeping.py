"""Housekeeping takes away what has ended, all of it, and no file that somebody may still need."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from datamodels import RecordingId, UserId
from db import Database
from followers import Loop
from housekeeping import Housekeeping
from object_files import FolderObjectStore
from object_store import key_for_transcript
from recordings_factory import add_recording, add_user

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEPT = timedelta(days=30)
MANY = 2_500
_SENT = """
    INSERT INTO outbox (key, owner_id, chat_id, message, random_id, sent_at)
    SELECT gen_random_uuid(), %(owner)s, 1, '{}', 1, %(when)s FROM generate_series(1, %(count)s)
"""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    return tmp_path / "spool"


@pytest.fixture
def store(tmp_path: Path) -> FolderObjectStore:
    return FolderObjectStore(tmp_path / "objects")


@pytest.fixture
def housekeeping(followed: Database, store: FolderObjectStore, spool: Path) -> Housekeeping:
    return Housekeeping(followed, store, spool.parent, KEPT, now=lambda: NOW)


def aged(path: Path, age: timedelta) -> Path:
    changed = (NOW - age).timestamp()
    os.utime(path, (changed, changed))
    return path


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def count_sent(database: Database, owner: UserId) -> int:
    async with database.transaction() as connection:
        row = await (
            await connection.execute("SELECT count(*) AS sent FROM outbox WHERE owner_id = %s", (owner,))
        ).fetchone()
    assert row is not None
    return int(row["sent"])


async def test_all_batches_are_removed_and_the_setting_says_what_is_old(
    followed: Database, housekeeping: Housekeeping
) -> None:
    async with followed.transaction() as connection:
        owner, other = await add_user(connection), await add_user(connection)
        old, young = NOW - KEPT - timedelta(minutes=1), NOW - KEPT + timedelta(minutes=1)
        await connection.execute(_SENT, {"owner": owner, "when": old, "count": MANY})
        await connection.execute(_SENT, {"owner": owner, "when": young, "count": 2})
        await connection.execute(_SENT, {"owner": other, "when": young, "count": 3})
    await housekeeping.clean()
    assert await count_sent(followed, owner) == 2
    assert await count_sent(followed, other) == 3


async def test_a_recording_s_files_stay_in_the_spool_while_it_is_worked_on(
    followed: Database, housekeeping: Housekeeping, spool: Path
) -> None:
    async with followed.transaction() as connection:
        unfinished, done, young = [await add_recording(connection) for _ in range(3)]
        await connection.execute("UPDATE recordings SET stage = 'done' WHERE id = ANY(%s)", ([done.id, young.id],))
    deleted = uuid4()
    for name in (unfinished.id, done.id, young.id, deleted):
        (spool / str(name)).mkdir()
        (spool / str(name) / "audio.pcm").write_bytes(b"samples")
        aged(spool / str(name), timedelta(hours=23 if name == young.id else 25))
    await housekeeping.clean()
    assert names_in(spool) == {str(unfinished.id), str(young.id)}


async def test_a_worker_clears_its_spool_and_leaves_the_database_to_the_bot(
    followed: Database, housekeeping: Housekeeping, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with followed.transaction() as connection:
        owner = await add_user(connection)
        await connection.execute(_SENT, {"owner": owner, "when": NOW - KEPT * 2, "count": 2})
    folder = spool / str(uuid4())
    folder.mkdir()
    aged(folder, timedelta(hours=25))
    monkeypatch.setattr(Loop, "run", lambda _, step: step())
    await housekeeping.run_for_worker()
    assert names_in(spool) == set()
    assert await count_sent(followed, owner) == 2


async def test_leftovers_of_copies_go_and_whatever_else_is_in_the_spool_stays(
    housekeeping: Housekeeping, spool: Path
) -> None:
    for name in ("old.copy", ".old.copy.x.tmp", "updates.journal", "young.copy"):
        (spool / name).write_bytes(b"1")
        aged(spool / name, timedelta(hours=1 if name == "young.copy" else 25))
    # What is no file, or is gone at a second look, holds up nothing else.
    (spool / "link.copy").symlink_to(spool / "nothing")
    (spool / "folder.copy").mkdir()
    aged(spool / "folder.copy", timedelta(days=9))
    (spool / "incoming").mkdir()
    (spool / "incoming" / "7.part").write_bytes(b"1")
    aged(spool / "incoming", timedelta(days=9))
    await housekeeping.clean()
    assert names_in(spool) == {"incoming", "updates.journal", "young.copy", "link.copy", "folder.copy"}
    assert (spool / "incoming" / "7.part").exists()


async def test_empty_folders_of_objects_go_and_objects_stay(
    housekeeping: Housekeeping, store: FolderObjectStore, tmp_path: Path
) -> None:
    owner = UserId(uuid4())
    key = key_for_transcript(owner, RecordingId(uuid4()))
    await store.put_bytes(key, b"{}")
    recordings = tmp_path / "objects" / "recordings"
    for name in ("old", "young"):
        (recordings / str(owner) / name).mkdir()
    for folder in (recordings / str(owner), recordings / str(owner) / "old", (tmp_path / "objects" / key).parent):
        aged(folder, timedelta(hours=25))
    await housekeeping.clean()
    assert await store.exists(key)
    assert names_in(recordings / str(owner)) == {"young", key.split("/")[2]}


async def test_what_there_is_is_measured(followed: Database, housekeeping: Housekeeping, spool: Path) -> None:
    (spool / "incoming").mkdir()
    (spool / "incoming" / "7.part").write_bytes(b"12345")
    (spool / "incoming" / "8.part").write_bytes(b"67")
    async with followed.transaction() as connection:
        await add_recording(connection)
        await connection.execute("ANALYZE recordings")
    await housekeeping.measure()
    await housekeeping.check()
    assert value("voxpersona_folder_bytes", folder="spool") == 7
    assert value("voxpersona_folder_bytes", folder="logs") == 0
    assert value("voxpersona_table_rows", table="recordings") == 1
    assert value("voxpersona_database_bytes") > 1_000_000
    assert (value("voxpersona_objects"), value("voxpersona_object_bytes")) == (0, 38_000_000)
    assert (value("voxpersona_objects_astray", kind="lost"), value("voxpersona_objects_astray", kind="orphan")) == (
        1,
        0,
    )


def value(name: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(name, labels)
    assert found is not None
    return found
