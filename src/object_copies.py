"""Copies of all objects from one store to another, verified by their hashes; an interrupted copy can be continued."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from errors import NotFound, ObjectDamaged
from object_store import ObjectInfo, ObjectStore
from random_ids import new_name

log = structlog.get_logger(__name__)

OnCopied = Callable[[int, int], None]
"""Called with the number of objects done, and the number of all objects."""


@dataclass
class Copied:
    """The outcome of a copy.

    ``copied`` counts the objects that were copied, ``known`` those that the target had already. ``lost`` are the keys
    of objects whose bytes the source has lost.
    """

    copied: int = 0
    known: int = 0
    lost: list[str] = field(default_factory=list)


async def copy_objects(source: ObjectStore, target: ObjectStore, spool: Path, on_copied: OnCopied) -> Copied:
    """Copy every object that ``target`` does not have yet with the same bytes.

    ``on_copied`` counts an object as done when it is on the target's disk, was there before, or is lost. One object at
    a time is put into the folder ``spool``, and removed from there after its copy.

    Raises:
        ObjectStoreUnavailable: one of the stores does not answer.
        DiskFull: no space is left in ``spool``, or in ``target``, for the next object.
        ObjectDamaged: ``target`` did not keep the bytes of an object.
    """
    keys = [key async for key in source.list_keys()]
    result = Copied()
    for done, key in enumerate(keys):
        on_copied(done, len(keys))
        try:
            info = await source.info(key)
            if await _has(target, key, info):
                result.known += 1
                continue
            await _copy(source, target, key, info, spool)
            result.copied += 1
        except NotFound:
            log.warning("object_lost", key=key)
            result.lost.append(key)
    on_copied(len(keys), len(keys))
    return result


async def _copy(source: ObjectStore, target: ObjectStore, key: str, info: ObjectInfo, spool: Path) -> None:
    path = spool / f"{new_name()}.copy"
    try:
        try:
            await source.get_file(key, path)
        except ObjectDamaged as exc:
            raise NotFound(what=key) from exc
        await target.put_file(key, path, sha256=info.sha256, file_name=info.file_name)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def _has(target: ObjectStore, key: str, info: ObjectInfo) -> bool:
    try:
        return await target.exists(key) and (await target.info(key)).sha256 == info.sha256
    except NotFound:
        return False
