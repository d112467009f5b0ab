"""What has come of weights is measured while the installer makes, moves and removes files, and nothing ends by it."""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from weights.sources import Wheels

PACKAGE = "some==1.0"
MOMENTS = 6
"""How often the walk over what ``unpacked`` makes lists a folder."""


def unpacked(folder: Path) -> None:
    """What the installer has in its folder: the download, and a tree with parts of it."""
    for deep in ("tmp/pip-unpack-1", "tmp/pip-build-2/metadata/some-1.0.dist-info"):
        path = folder / f".wheel-{PACKAGE}" / deep
        path.mkdir(parents=True, exist_ok=True)
        (path / "some.whl").write_bytes(b"0123456789")


async def measured(wheels: Wheels) -> None:
    """Have the meter look once; it must be ready to look again."""
    meter = asyncio.create_task(wheels.measure())
    await asyncio.sleep(0)
    if meter.done():
        await meter
    meter.cancel()


class Listing:
    """The entries of a folder as they were, as ``os.scandir`` gives them."""

    def __init__(self, path: str) -> None:
        with SCANDIR(path) as entries:
            self._entries = iter(list(entries))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return self._entries

    def __next__(self) -> os.DirEntry[str]:
        return next(self._entries)


SCANDIR = os.scandir


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("moment", range(1, MOMENTS + 1))
async def test_folders_that_are_torn_down_under_the_walk_do_not_end_the_meter(
    moment: int, before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked(tmp_path)
    listed: list[str] = []

    def torn_down(path: str) -> Listing:
        listed.append(path)
        if len(listed) == moment and before:
            shutil.rmtree(tmp_path)
        listing = Listing(path)
        if len(listed) == moment and not before:
            shutil.rmtree(tmp_path)
        return listing

    told: list[tuple[int, int]] = []
    wheels = Wheels({PACKAGE: 1000}, tmp_path, lambda *progress: told.append(progress))
    # Removing lists folders too, and by descriptors; only paths are the walk's.
    monkeypatch.setattr(os, "scandir", lambda path: SCANDIR(path) if isinstance(path, int) else torn_down(path))
    await measured(wheels)
    assert len(listed) >= moment
    assert len(told) == 1


async def test_a_walk_beside_an_installer_at_work_never_fails(tmp_path: Path) -> None:
    stop = threading.Event()

    def install() -> None:
        while not stop.is_set():
            unpacked(tmp_path)
            shutil.rmtree(tmp_path / f".wheel-{PACKAGE}")

    told: list[int] = []
    wheels = Wheels({PACKAGE: 1000}, tmp_path, lambda done, _: told.append(done))
    with beside(install, stop):
        while len(told) < 2000 or max(told) == 0:
            await measured(wheels)
    assert told == sorted(told)


async def test_what_was_seen_once_is_never_taken_back(tmp_path: Path) -> None:
    unpacked(tmp_path)
    told: list[tuple[int, int]] = []
    wheels = Wheels({PACKAGE: 1000}, tmp_path, lambda *progress: told.append(progress))
    await measured(wheels)
    shutil.rmtree(tmp_path)
    await measured(wheels)
    assert told == [(20, 1000), (20, 1000)]


@contextmanager
def beside(work: Callable[[], None], stop: threading.Event) -> Iterator[None]:
    """Do ``work`` in a thread during the block."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
