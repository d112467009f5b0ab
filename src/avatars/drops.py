"""Photographs that a browser sends: put on the disk as they come, then kept or refused at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import texts.avatars
from avatars.intake import AvatarPhotos
from avatars.models import PhotoCounts
from avatars.photos import LARGEST_BYTES
from datamodels import UserId
from errors_of_operation import PhotoRefused
from random_ids import new_name
from utils import disk_full_mapped, human_size


class PhotoDrops:
    """Takes photographs by way of the folder ``spool``, from which housekeeping removes what a kill leaves there."""

    def __init__(self, photos: AvatarPhotos, spool: Path) -> None:
        self._photos = photos
        self._spool = spool

    async def receive(
        self, owner: UserId, number: int, length: int | None, blocks: AsyncIterator[bytes]
    ) -> PhotoCounts:
        """Keep the photograph whose bytes are ``blocks``; return how many the avatar has.

        ``length`` is how many bytes are announced, None when nothing is.

        Raises:
            NotFound: there is no such avatar, or it is someone else's.
            PhotoRefused: it is no photograph to train on, or the avatar takes no more.
            ObjectStoreUnavailable, DiskFull: not possible now.
        """
        await self._photos.check_taking(owner, number)
        _check_size(length or 0)
        path = self._spool / f"{new_name()}.copy"
        try:
            await self._write(path, blocks)
            return await self._photos.keep(owner, number, path)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _write(self, path: Path, blocks: AsyncIterator[bytes]) -> None:
        size = 0
        with disk_full_mapped(path):
            await asyncio.to_thread(self._spool.mkdir, parents=True, exist_ok=True)
            file = await asyncio.to_thread(path.open, "xb")
            try:
                async for block in blocks:
                    size += len(block)
                    _check_size(size)
                    await asyncio.to_thread(file.write, block)
            finally:
                await asyncio.to_thread(file.close)


def _check_size(size: int) -> None:
    if size > LARGEST_BYTES:
        raise PhotoRefused(reason=texts.avatars.TOO_LARGE.format(most=human_size(LARGEST_BYTES)))
