"""Locks between processes: who holds one keeps the others out, and sharing is a kind of holding."""

from pathlib import Path

import psutil
import pytest

from file_locks import FileLock


@pytest.fixture
def locks(tmp_path: Path) -> tuple[FileLock, FileLock]:
    return FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")


def test_a_lock_that_is_held_cannot_be_taken_until_it_is_free(locks: tuple[FileLock, FileLock]) -> None:
    ours, theirs = locks
    with ours.held():
        assert not theirs.try_take()
    assert theirs.try_take()
    theirs.free()


def test_who_shares_a_lock_lets_others_share_it_and_nobody_have_it_alone(locks: tuple[FileLock, FileLock]) -> None:
    ours, theirs = locks
    assert ours.try_take()
    assert ours.try_take(shared=True), "the one held turns into the other kind"
    assert theirs.try_take(shared=True)
    assert not theirs.try_take()
    ours.free()
    assert theirs.try_take()
    theirs.free()


async def test_waiting_has_an_end_and_leaves_nothing_open(locks: tuple[FileLock, FileLock]) -> None:
    ours, theirs = locks
    with ours.held():
        opened = psutil.Process().num_fds()
        with pytest.raises(TimeoutError):
            await theirs.wait(0.01)
        assert psutil.Process().num_fds() == opened
    async with theirs.awaited():
        assert not ours.try_take()
    ours.free()


def test_a_folder_that_is_gone_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), FileLock(tmp_path / "gone", folder=True).held():
        pass
    assert not (tmp_path / "gone").exists()
