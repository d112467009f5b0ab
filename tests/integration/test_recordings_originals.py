"""An original that the object store lost comes back from the spool or the messenger, or a sentence says what to do."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import recordings_store
from datamodels import Recording, RecordingId
from db import Connection, Database
from downloads import Downloads
from errors import OriginalGone
from errors_of_operation import OriginalAwaited
from followers_world import Somebody, TelegramOfFiles, look
from lost_originals import LostOriginals
from messenger import FileGone, MessengerError, MessengerUnavailable
from object_store import ObjectStore
from recording_files import encode, tone
from recordings.intake import Intake, IntakeLimits
from recordings.originals import Originals

Lose = Callable[[ObjectStore, Recording, Path], object]


@pytest.fixture
async def somebody(followed: Database) -> Somebody:
    return await Somebody.come(followed)


@pytest.fixture
def telegram() -> TelegramOfFiles:
    return TelegramOfFiles()


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    return encode(tmp_path / "voice.ogg", tone(1.0)).read_bytes()


@pytest.fixture
async def recording(
    followed: Database,
    somebody: Somebody,
    telegram: TelegramOfFiles,
    objects: ObjectStore,
    sound: bytes,
    tmp_path: Path,
) -> Recording:
    """One that was sent, and is kept in the spool."""

    async def engine() -> tuple[str, str]:
        return "engine", "model"

    async def enqueue(*_: object) -> None:
        pass

    await somebody.sends(telegram, sound)
    intake = Intake(followed, objects, IntakeLimits(10**7, 60.0), enqueue, engine)
    await look(Downloads(followed, telegram, intake, tmp_path, 2, kept_s=3600.0), times=2)
    async with followed.transaction() as connection:
        [sent] = await recordings_store.list_recordings(connection, somebody.owner, None, 10, 0)
    return sent


async def removed(objects: ObjectStore, recording: Recording, _: Path) -> None:
    await objects.delete(recording.object_key)


async def emptied(_: ObjectStore, __: Recording, folder: Path) -> None:
    next((folder / "objects").rglob("original.*.ogg")).write_bytes(b"")


@pytest.mark.parametrize("lose", [removed, emptied])
async def test_what_the_spool_still_has_is_stored_again(
    followed: Database, objects: ObjectStore, recording: Recording, sound: bytes, tmp_path: Path, lose: Lose
) -> None:
    await lose(objects, recording, tmp_path)  # type: ignore[misc]
    await Originals(followed, objects, tmp_path).get(recording, tmp_path / "original")
    assert read(tmp_path / "original") == sound
    assert await objects.exists(recording.object_key)


async def test_without_the_spool_it_is_fetched_from_where_it_was_sent(
    followed: Database,
    telegram: TelegramOfFiles,
    objects: ObjectStore,
    recording: Recording,
    sound: bytes,
    tmp_path: Path,
) -> None:
    await removed(objects, recording, tmp_path)
    originals = Originals(followed, objects, tmp_path / "elsewhere", telegram)
    telegram.failures["download"] = [MessengerUnavailable(messenger="Telegram", reason="away")]
    with pytest.raises(MessengerUnavailable):
        await originals.get(recording, tmp_path / "original")
    await originals.get(recording, tmp_path / "original")
    assert read(tmp_path / "original") == sound
    assert left_in(tmp_path / "elsewhere" / str(recording.id)) == []


async def test_two_who_ask_at_the_same_time_fetch_it_once(
    followed: Database,
    telegram: TelegramOfFiles,
    objects: ObjectStore,
    recording: Recording,
    sound: bytes,
    tmp_path: Path,
) -> None:
    await removed(objects, recording, tmp_path)
    before = len(telegram.begun)
    originals = Originals(followed, objects, tmp_path / "elsewhere", telegram)
    await asyncio.gather(*(originals.get(recording, tmp_path / f"original {each}") for each in range(3)))
    assert [read(tmp_path / f"original {each}") for each in range(3)] == [sound] * 3
    assert len(telegram.begun) == before + 1


@pytest.mark.parametrize("what", ["no messenger", "message deleted", "another file", "larger file"])
async def test_what_nobody_has_is_asked_for_again(
    followed: Database, telegram: TelegramOfFiles, objects: ObjectStore, recording: Recording, tmp_path: Path, what: str
) -> None:
    await removed(objects, recording, tmp_path)
    if what == "message deleted":
        telegram.failures["download"] = [FileGone(messenger="Telegram", file_name="original", reason="deleted")]
    if what == "larger file":
        telegram.failures["download"] = [MessengerError(messenger="Telegram", call="getFile", reason="size")]
    if what == "another file":
        telegram.content = {message: b"?" * len(data) for message, data in telegram.content.items()}
    attachments = None if what == "no messenger" else telegram
    with pytest.raises(OriginalGone) as raised:
        await Originals(followed, objects, tmp_path / "elsewhere", attachments).get(recording, tmp_path / "original")
    assert "Отправьте эту запись ещё раз" in raised.value.user_text
    assert not await objects.exists(recording.object_key)


async def test_without_a_messenger_a_worker_waits_for_the_bot_which_puts_it_back(
    followed: Database,
    telegram: TelegramOfFiles,
    objects: ObjectStore,
    recording: Recording,
    sound: bytes,
    tmp_path: Path,
) -> None:
    await removed(objects, recording, tmp_path)
    of_worker = Originals(followed, objects, tmp_path / "elsewhere", awaited=True)
    with pytest.raises(OriginalAwaited) as raised:
        await of_worker.get(recording, tmp_path / "original")
    assert "заново из чата" in raised.value.user_text
    of_bot = Originals(followed, objects, tmp_path / "of the bot", telegram)
    before = len(telegram.begun)
    for _ in range(2):
        await of_bot.ensure(recording)
    assert len(telegram.begun) == before + 1
    assert left_in(tmp_path / "of the bot" / str(recording.id)) == []
    await of_worker.get(recording, tmp_path / "original")
    assert read(tmp_path / "original") == sound


@pytest.mark.parametrize("end", ["found", "gone", "cancelled", "deleted", "away"])
async def test_the_bot_fetches_what_workers_wait_for(
    end: str, followed: Database, telegram: TelegramOfFiles, objects: ObjectStore, recording: Recording, tmp_path: Path
) -> None:
    await removed(objects, recording, tmp_path)
    awaited, enqueued = OriginalAwaited(file_name=recording.file_name), []

    async def enqueue(_: Connection, recording_id: RecordingId) -> None:
        enqueued.append(recording_id)

    async with followed.transaction() as connection:
        again_at = datetime.now(UTC) + timedelta(seconds=30)
        await recordings_store.record_failure(connection, recording.id, awaited.code, awaited.user_text, again_at)
    if end == "gone":
        telegram.failures["download"] = [FileGone(messenger="Telegram", file_name="original", reason="deleted")]
    if end == "away":
        telegram.failures["download"] = [MessengerUnavailable(messenger="Telegram", reason="away")]

    class Meanwhile(Originals):
        """Lets the person cancel or delete the recording while its original is fetched."""

        async def ensure(self, recording: Recording) -> None:
            await super().ensure(recording)
            if end == "cancelled":
                async with followed.transaction() as connection:
                    assert await recordings_store.cancel(connection, recording.id)
            if end == "deleted":
                async with followed.transaction() as connection:
                    await recordings_store.delete_recording(connection, recording.id)

    follower = LostOriginals(followed, Meanwhile(followed, objects, tmp_path / "elsewhere", telegram), enqueue)
    await look(follower)
    if end == "deleted":
        assert not await objects.exists(recording.object_key)
        assert enqueued == []
        return
    async with followed.transaction() as connection:
        after = await recordings_store.get_recording_for_job(connection, recording.id)
    assert await objects.exists(recording.object_key) is (end in {"found", "cancelled"})
    assert enqueued == ([recording.id] if end == "found" else [])
    assert (
        after.error_code
        == {
            "found": awaited.code,  # the job that is enqueued clears it
            "gone": OriginalGone.code,
            "cancelled": "cancelled",
            "away": awaited.code,
        }[end]
    )
    if end == "away":
        await look(follower)
        assert enqueued == [recording.id]


def read(path: Path) -> bytes:
    return path.read_bytes()


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
