"""The mirror: a folder with the objects of the last set, so that the next one fetches only those that are new."""

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import texts.backups
from backups.manifest import FileFacts
from errors import DiskFull, NotFound
from errors_of_operation import BackupFailed
from object_copies import copy_objects
from object_files import FolderObjectStore
from object_store import ObjectStore

StillNamed = Callable[[Collection[str]], Awaitable[set[str]]]
"""Returns which of some keys of objects the database names at this moment."""
Say = Callable[[str], None]
"""Tells the operator a line in Russian."""

_MOST_LOST = 10
"""One of so many recordings may be without its object. With more of them the store is hardly the right one."""
_MOST_NAMES = 20


class Mirrored(NamedTuple):
    """What is in the mirror, and what the store has lost.

    ``lost`` are the keys of objects that the store should have and cannot give, ``absent`` those of them that the
    mirror does not have either.
    """

    facts: dict[str, FileFacts]
    lost: list[str]
    absent: list[str]


class Growth(NamedTuple):
    """The bytes of all objects that the mirror lacks, and of the largest of them."""

    size_bytes: int
    largest_bytes: int


class Mirror:
    """Brings the folder ``folder`` up to what ``objects`` has; ``spool`` takes one object at a time."""

    def __init__(self, objects: ObjectStore, folder: Path, spool: Path, say: Say) -> None:
        self._objects = objects
        self._mirror = FolderObjectStore(folder)
        self._spool = spool
        self._say = say

    async def growth(self) -> Growth:
        """Return what the mirror will grow by.

        Raises:
            ObjectStoreUnavailable: the store, or its bucket, is not there. Nobody makes it: it would be an empty one.
        """
        await self._objects.check()
        await self._mirror.ensure()
        held = {key async for key in self._mirror.list_keys()}
        sizes = [0]
        async for key in self._objects.list_keys():
            if key not in held:
                try:
                    sizes.append((await self._objects.info(key)).size_bytes)
                except NotFound:
                    continue
        return Growth(sum(sizes), max(sizes))

    async def update(self, named: Collection[str], still_named: StillNamed) -> Mirrored:
        """Fetch what is new, and remove what was deleted. An object that the database still names is never removed.

        ``named`` are the keys that the database named at the moment of the dump.

        Raises:
            BackupFailed: neither the store nor the mirror has what too many of the recordings need.
            ObjectStoreUnavailable: the store does not answer.
            DiskFull: no space left; the mirror has no more than before.
        """
        held = {key async for key in self._mirror.list_keys()}
        there = {key async for key in self._objects.list_keys()}
        try:
            copied = await copy_objects(self._objects, self._mirror, self._spool, lambda *_: None)
        except DiskFull:
            await self._remove([key async for key in self._mirror.list_keys() if key not in held])
            raise
        # Asked last: a deletion removes the object first and the row last.
        missing = (set(named) - there) | set(copied.lost)
        lost = await still_named(missing) if missing else set()
        lost |= {key for key in copied.lost if key not in named and await self._objects.exists(key)}
        present = {key async for key in self._mirror.list_keys()}
        absent = lost - present
        missing = absent.intersection(named)
        if len(missing) * _MOST_LOST > len(named):
            raise BackupFailed(reason=texts.backups.OBJECTS_MISSING.format(missing=len(missing), named=len(named)))
        of_lost = {PurePosixPath(key).parent for key in lost}
        await self._remove([key for key in present - there if PurePosixPath(key).parent not in of_lost])
        self._tell(lost, absent)
        facts = {}
        async for key in self._mirror.list_keys():
            info = await self._mirror.info(key)
            facts[key] = FileFacts(size_bytes=info.size_bytes, sha256=info.sha256)
        return Mirrored(facts, sorted(lost), sorted(absent))

    async def _remove(self, keys: Collection[str]) -> None:
        for key in keys:
            await self._mirror.delete(key)

    def _tell(self, lost: set[str], absent: set[str]) -> None:
        for key in sorted(lost)[:_MOST_NAMES]:
            self._say((texts.backups.OBJECT_LOST if key in absent else texts.backups.OBJECT_KEPT).format(key=key))
        if lost:
            self._say(texts.backups.LOST.format(lost=len(lost), absent=len(absent)))
